import { stripVTControlCharacters, styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

/** A text with colour or weight, whatever it is written to. */
export const paint = (style: Style, text: string): string => styleText(style, text, { validateStream: false })

export const heading = (text: string): string => paint(['bold', 'cyan'], text)

/** A text on as many lines as it needs between words, all of them indented; its own indentation comes on top. */
export function wrap(text: string, columns: number, indent: number): readonly string[] {
  const margin = ' '.repeat(indent + text.length - text.trimStart().length)
  const lines: string[] = []
  let line = ''
  for (const word of oneLine(text.trimStart()).split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && margin.length + width(longer) > columns) {
      lines.push(line)
      line = word
    } else line = longer
  }
  return [...lines, line].map((one) => margin + one)
}

/** What people write, a reason say, may have line breaks: they would tear a list or a table apart. */
const oneLine = (text: string): string => text.replaceAll(/\s*[\r\n\t\v\f]+\s*/g, ' ')

/** A text behind a mark such as ● or →; where it needs more lines, they begin where the text does. */
export function item(mark: string, text: string, columns: number, margin: number): readonly string[] {
  const indent = margin + width(mark) + 1
  const [first = '', ...more] = wrap(text, columns - indent, 0)
  return [`${' '.repeat(margin)}${mark} ${first}`, ...more.map((line) => ' '.repeat(indent) + line)]
}

/**
 * Where text goes that is for a person: as wide as the terminal and painted, or in a pipe one line for each thing and plain, so that
 * `grep` finds all of it.
 */
export function forPerson(
  lines: (columns: number) => readonly string[],
  out: NodeJS.WriteStream = process.stdout,
): string {
  // A terminal that nobody gave a size says 0.
  const columns = out.columns > 0 ? out.columns : 80
  const text = `${lines(out.isTTY ? columns : Infinity).join('\n')}\n`
  return out.isTTY && !isColourless() ? text : stripVTControlCharacters(text)
}

/** https://no-color.org, and terminals that know no colours. */
const isColourless = (): boolean => (process.env['NO_COLOR'] ?? '') !== '' || process.env['TERM'] === 'dumb'

/**
 * Columns as wide as their widest cell, two blanks apart, two in front; nothing behind the last one, which goes on below
 * itself where it does not fit.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  columns: number,
): readonly string[] {
  const flat = rows.map((row) => row.map(oneLine))
  const widths = head.map((title, column) => Math.max(width(title), ...flat.map((row) => width(row[column] ?? ''))))
  const line = (cells: readonly string[]): string =>
    `  ${cells.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell))).join('  ')}`.trimEnd()
  const lastStart = widths.slice(0, -1).reduce((sum, one) => sum + one + 2, 2)
  const lines = (cells: readonly string[]): readonly string[] => {
    const last = cells.at(-1) ?? ''
    const isNarrow = columns - lastStart < narrowest
    if (isNarrow || lastStart + width(last) <= columns) return [line(cells)]
    const [first = '', ...more] = wrap(last, columns - lastStart, 0)
    return [line([...cells.slice(0, -1), first]), ...more.map((one) => ' '.repeat(lastStart) + one)]
  }
  return [paint('dim', line(head)), ...flat.flatMap(lines)]
}

/** A column that has less room than this is cut off rather than broken into splinters. */
const narrowest = 15

// Every text shown is ASCII or a single-width symbol: names, addresses and our own sentences.
const width = (text: string): number => stripVTControlCharacters(text).length

/** Cuts a painted line to a visible width without cutting a colour sequence in two. */
export function cut(line: string, columns: number): string {
  if (width(line) <= columns) return line
  let visible = 0
  let kept = ''
  for (const part of line.split(/(\u001b\[[0-9;]*m)/)) {
    if (part.startsWith('\u001b')) kept += part
    else {
      kept += part.slice(0, Math.max(0, columns - 1 - visible))
      visible += part.length
    }
  }
  return `${kept}…`
}

/** 4s, 3m10s, 2h05m, 12d3h: short enough for a column. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds}s`
  const two = (value: number): string => String(value).padStart(2, '0')
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h${two(Math.floor(seconds / 60) % 60)}m`
  return `${Math.floor(seconds / 86_400)}d${Math.floor(seconds / 3600) % 24}h`
}
