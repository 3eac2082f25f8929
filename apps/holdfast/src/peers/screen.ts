import { paint } from '../output/text.ts'

/** The upper lines of a view that is shown again and again, with a word on what is below the edge of the terminal. */
export function upperLines(lines: readonly string[], rows: number): readonly string[] {
  // The cursor stands on a line of its own below what is written.
  const room = Math.max(2, rows - 1)
  if (lines.length <= room) return lines
  const hidden = lines.length - room + 1
  return [
    ...lines.slice(0, room - 1),
    paint('dim', `  … ${hidden} more lines: enlarge the terminal, or leave out --watch`),
  ]
}
