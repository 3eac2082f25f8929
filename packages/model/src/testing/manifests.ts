import { LineCounter, isNode, parseAllDocuments } from 'yaml'
import type { Document } from 'yaml'
import type { FieldPath, Origin, RawObject } from '../types.ts'

/** The objects of a YAML text, with the lines that their fields are on. */
export function load(text: string, file = 'test.yaml'): readonly RawObject[] {
  const lines = new LineCounter()
  const documents = parseAllDocuments(text, { lineCounter: lines })
  if (!Array.isArray(documents)) throw new Error(`${file} holds no document`)
  return documents.map((document) => {
    const [error] = document.errors
    if (error !== undefined) throw error
    return { value: document.toJS() as unknown, origin: originOf(document, lines, file) }
  })
}

const originOf = (document: Document.Parsed, lines: LineCounter, file: string): Origin => ({
  file,
  lineOf: (path: FieldPath) => {
    for (let length = path.length; length >= 0; length -= 1) {
      const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true)
      if (isNode(node) && node.range) return lines.linePos(node.range[0]).line
    }
    return undefined
  },
})

/** One object that was never in a file. */
export const object = (value: unknown, file = 'memory'): RawObject => ({
  value,
  origin: { file, lineOf: () => undefined },
})
