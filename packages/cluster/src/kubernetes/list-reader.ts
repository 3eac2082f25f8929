import { parseJson } from './json-fields.ts'
import { withoutManagedFields } from './managed-fields.ts'
import { isFields, type Fields } from './plain-data.ts'

/** What becomes of the items of a list. */
export interface ItemTaker {
  readonly take: (item: unknown) => void
  /** Items are given without managedFields, which are half of a Service: what is not read need not become objects. */
  readonly isWithoutManagedFields: boolean
  /** Told what comes before the items, as a list without any, as soon as that is there; never where the list is not as the API server writes it. */
  readonly begin?: (list: Fields) => void
}

/** Reads a list while its text arrives. */
export interface ListReader {
  readonly push: (chunk: Buffer) => void
  /** The list without the items that were taken before; undefined: what came is no JSON. */
  readonly end: () => { readonly value: unknown } | undefined
}

/** Where so many places that looked like the end of an item were none, the rest is read in one piece. */
const mostMistakes = 100

/**
 * Gives each item of a list of the API server's to `take` as soon as its text is there, so that a page is never in memory whole, neither as
 * text nor as objects: they would outlive the young generation, and wait there for a collection of all. An item ends where the text goes
 * on as it does between two items, provided that the text up to there is JSON: no object of JSON begins with another one. What is
 * written in any other way stays in the list.
 *
 * @param leastBytes so much is looked through at a time
 */
export function createListReader(
  { take, isWithoutManagedFields, begin }: ItemTaker,
  leastBytes = 64 * 1024,
): ListReader {
  let pieces: Buffer[] = []
  let pieceBytes = 0
  /** What has not been taken yet; once the head is known, it begins with an item. */
  let rest: Buffer = Buffer.alloc(0)
  let head: ListHead | undefined
  /** How far the rest has been looked through. */
  let searched = 0
  let mistakes = 0

  const join = (): void => {
    rest = Buffer.concat([rest, ...pieces], rest.length + pieceBytes)
    pieces = []
    pieceBytes = 0
    if (head !== undefined) return
    head = headOf(rest)
    if (head === undefined) return
    rest = rest.subarray(Buffer.byteLength(head.text))
    begin?.(head.list)
  }
  const itemOf = (start: number, end: number): { readonly value: unknown } | undefined => {
    const cut = isWithoutManagedFields ? withoutManagedFields(rest, start, end) : undefined
    return (cut === undefined ? undefined : parseJson(cut)) ?? parseJson(rest.toString('utf8', start, end))
  }
  const split = (between: Buffer): void => {
    let start = 0
    let end = rest.indexOf(between, searched)
    for (; end >= 0 && mistakes < mostMistakes; end = rest.indexOf(between, end + 1)) {
      const item = itemOf(start, end + 1)
      if (item === undefined) mistakes += 1
      else {
        take(item.value)
        start = end + '},'.length
      }
    }
    rest = rest.subarray(start)
    searched = Math.max(0, rest.length - between.length)
  }
  return {
    push: (chunk) => {
      pieces.push(chunk)
      pieceBytes += chunk.length
      // Never less than the rest: one that is joined again and again would cost its square.
      if (pieceBytes < Math.max(leastBytes, rest.length)) return
      join()
      if (head !== undefined) split(head.between)
    },
    end: () => {
      join()
      return parseJson(`${head?.text ?? ''}${rest.toString('utf8')}`)
    },
  }
}

interface ListHead {
  /** All that comes before the first item. */
  readonly text: string
  /** What that says. */
  readonly list: Fields
  /** From the end of one item to where the next one begins to differ. */
  readonly between: Buffer
}

const [itemsField, metadataField] = ['"items":[', '"metadata":{']
/** Before its metadata, an item says no more than its apiVersion and kind. */
const longestBeginning = 512

/** What a list begins with; undefined: it is not all there, or not as the API server writes it. */
function headOf(list: Buffer): ListHead | undefined {
  const first = list.indexOf(itemsField) + itemsField.length
  const end = list.indexOf(metadataField, first) + metadataField.length
  if (first < itemsField.length || end < metadataField.length || end - first > longestBeginning) return undefined
  const [text, beginning] = [list.toString('utf8', 0, first), list.toString('utf8', first, end)]
  // An object with an empty list of items: this is where they are, and not in some other field.
  const empty = parseJson(`${text}]}`)?.value
  const isHead = isFields(empty) && Array.isArray(empty['items']) && empty['items'].length === 0
  return isHead && beginning.startsWith('{') ? { text, list: empty, between: Buffer.from(`},${beginning}`) } : undefined
}
