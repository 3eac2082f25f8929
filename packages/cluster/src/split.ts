/** One document of a stream: its text with its own markers and comments, and the line (from 1) on which that begins. */
export interface Chunk {
  readonly text: string
  readonly line: number
}

/**
 * Cuts a YAML stream into documents at the markers `---` and `...` (YAML 1.2 section 9.1.2: at the start of a line they end
 * a document whatever stands around them). So each document can be parsed, and kept, on its own.
 */
export function splitDocuments(text: string): readonly Chunk[] {
  const chunks: Chunk[] = []
  let start = 0
  let startLine = 1
  let line = 1
  let hasContent = false
  const cut = (end: number, nextLine: number): void => {
    if (end > start) chunks.push({ text: text.slice(start, end), line: startLine })
    start = end
    startLine = nextLine
    hasContent = false
  }
  for (let at = 0; at < text.length; line += 1) {
    const newline = text.indexOf('\n', at)
    const next = newline === -1 ? text.length : newline + 1
    const marker = markerAt(text, at)
    if (marker === '---' && hasContent) cut(at, line)
    if (marker === '---' || !isPrelude(text, at, next)) hasContent = true
    if (marker === '...') cut(next, line + 1)
    at = next
  }
  cut(text.length, line)
  return chunks
}

function markerAt(text: string, at: number): '---' | '...' | undefined {
  const isAlone = /^(?:---|\.\.\.)(?:\s|$)/.test(text.slice(at, at + 4))
  if (!isAlone) return undefined
  return text.startsWith('---', at) ? '---' : '...'
}

/** Blank lines, comments and directives stand before a document and belong to it. */
function isPrelude(text: string, at: number, end: number): boolean {
  const first = text.slice(at, end).trimStart()
  return first === '' || first.startsWith('#') || text.startsWith('%', at)
}
