import {
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument as parseYaml,
  type Document,
  type Node,
  type ParsedNode,
} from 'yaml'
import {
  aliasExcess,
  aliasUnknown,
  identityFault,
  mergeSource,
  notAnObject,
  wordsOf,
  type DocumentFault,
  type FaultWords,
} from './file-faults.ts'
import { manifestSchema } from './scalars.ts'

const maxDepth = 100
const maxAliases = 1_000
const maxUnfoldedNodes = 1_000_000
const maxFaultsPerDocument = 50

/** One object of a document. Immutable; shared between the snapshots in which the text is the same. */
export interface ParsedObject {
  readonly value: Readonly<Record<string, unknown>>
  /** The line (from 1, within the document) at which `source` begins. */
  readonly line: number
  /** The object's own text, from which lines of fields can be found again. */
  readonly source: string
  /** False where `source` has aliases into the rest of the document, so that an equal `source` may mean another value. */
  readonly isSelfContained: boolean
}

/** What a document's text says, independent of where in which file it stands. */
export interface ParsedDocument {
  readonly text: string
  readonly objects: readonly ParsedObject[]
  /** The text is no YAML. */
  readonly syntaxFaults: readonly DocumentFault[]
  /** The text is YAML, but (in parts) no Kubernetes object. */
  readonly objectFaults: readonly DocumentFault[]
  /** Nothing but space and comments. */
  readonly isBlank: boolean
}

/** Reads the text of one document. */
export function parseDocument(text: string): ParsedDocument {
  const lines = new LineCounter()
  const document = compose(text, lines)
  const syntaxFaults = syntaxFaultsOf(document, lines)
  if (syntaxFaults.length > 0) return broken(text, syntaxFaults)
  if (document.contents === null || isEmptyScalar(document.contents)) return { ...broken(text, []), isBlank: true }
  const inspected = inspect(document.contents)
  const at = (found: Found): DocumentFault => placed(found.words, found.offset, lines)
  if (inspected.faults.length > 0) return broken(text, inspected.faults.map(at))
  const converted = convert(document)
  if (converted.kind === 'fault')
    return broken(text, [at({ words: converted.words, offset: document.contents.range[0] })])
  const whole: Candidate = {
    value: converted.value,
    line: 1,
    faultLine: lines.linePos(document.contents.range[0]).line,
    source: text,
    isSelfContained: true,
  }
  const candidates = flatten(whole, { text, contents: document.contents, lines, hasAliases: inspected.hasAliases })
  return { text, syntaxFaults, isBlank: false, ...identified(candidates) }
}

/** The node tree of a text, for finding where a field stands. */
export function compose(text: string, lineCounter: LineCounter): Document.Parsed {
  return parseYaml(text, {
    schema: manifestSchema,
    stringKeys: true,
    prettyErrors: false,
    logLevel: 'silent',
    lineCounter,
  })
}

function broken(text: string, syntaxFaults: readonly DocumentFault[]): ParsedDocument {
  return { text, objects: [], syntaxFaults, objectFaults: [], isBlank: false }
}

interface Found {
  readonly words: FaultWords
  readonly offset: number
}

interface Candidate extends Omit<ParsedObject, 'value'> {
  readonly value: unknown
  readonly faultLine: number
}

function placed(words: FaultWords, offset: number, lines: LineCounter): DocumentFault {
  const { line, col } = lines.linePos(offset)
  return { ...words, line: Math.max(line, 1), column: line === 0 ? undefined : col }
}

/** One mistake often makes the parser stumble several times: the first on each line is the one to mend. */
function syntaxFaultsOf(document: Document.Parsed, lines: LineCounter): readonly DocumentFault[] {
  const exhausted = document.errors.find((error) => error.code === 'RESOURCE_EXHAUSTION')
  if (exhausted !== undefined) return [placed(wordsOf('RESOURCE_EXHAUSTION'), document.contents?.range[0] ?? 0, lines)]
  const faults = new Map<number, DocumentFault>()
  for (const error of document.errors.toSorted((a, b) => a.pos[0] - b.pos[0])) {
    const fault = placed(wordsOf(error.code, error.message), error.pos[0], lines)
    if (!faults.has(fault.line) && faults.size < maxFaultsPerDocument) faults.set(fault.line, fault)
  }
  return [...faults.values()]
}

function isEmptyScalar(node: ParsedNode): boolean {
  return isScalar(node) && node.value === null && node.source === ''
}

interface Inspection {
  readonly faults: readonly Found[]
  readonly hasAliases: boolean
}

/** Checks what the parser leaves open: aliases without anchor, aliases that unfold without end, and depth. */
function inspect(contents: ParsedNode): Inspection {
  const faults: Found[] = []
  /** Anchor to the number of nodes that it unfolds to; 'open' while its own value is walked. */
  const anchors = new Map<string, number | 'open'>()
  let aliases = 0
  const walk = (node: unknown, depth: number): number => {
    if (isPair(node)) return walk(node.key, depth) + walk(node.value, depth)
    if (!isNode(node)) return 1
    if (isAlias(node)) {
      aliases += 1
      const size = anchors.get(node.source)
      if (typeof size !== 'number') faults.push({ words: aliasUnknown, offset: offsetOf(node) })
      return typeof size === 'number' ? size : 1
    }
    if (depth > maxDepth) {
      faults.push({ words: wordsOf('RESOURCE_EXHAUSTION'), offset: offsetOf(node) })
      return 1
    }
    return walkAnchored(node, depth)
  }
  const walkAnchored = (node: Node, depth: number): number => {
    const anchor = isMap(node) || isSeq(node) || isScalar(node) ? node.anchor : undefined
    if (anchor !== undefined) anchors.set(anchor, 'open')
    let size = 1
    if (isMap(node) || isSeq(node)) for (const item of node.items) size += walk(item, depth + 1)
    if (anchor !== undefined) anchors.set(anchor, size)
    return size
  }
  const size = walk(contents, 0)
  const isExcessive = aliases > maxAliases || (aliases > 0 && size > maxUnfoldedNodes)
  if (isExcessive) faults.push({ words: aliasExcess, offset: contents.range[0] })
  return { faults: faults.slice(0, maxFaultsPerDocument), hasAliases: aliases > 0 }
}

function offsetOf(node: Node): number {
  return node.range?.[0] ?? 0
}

type Conversion =
  { readonly kind: 'value'; readonly value: unknown } | { readonly kind: 'fault'; readonly words: FaultWords }

function convert(document: Document.Parsed): Conversion {
  try {
    // `inspect` has bounded what the aliases unfold to, more exactly than the parser's own count would.
    return { kind: 'value', value: document.toJS({ maxAliasCount: -1 }) as unknown }
  } catch (error) {
    // Aliases are checked: a merge key that points at no mapping is all that is left to throw.
    return { kind: 'fault', words: { ...mergeSource, message: `${mergeSource.message} (${String(error)})` } }
  }
}

interface Surroundings {
  /** Of the whole document; node ranges are offsets into it. */
  readonly text: string
  readonly contents: Node
  readonly lines: LineCounter
  readonly hasAliases: boolean
}

/** The items of a List (v1 List, or a typed one such as ServiceList, whose items need not repeat their kind). */
function flatten(whole: Candidate, around: Surroundings): readonly Candidate[] {
  if (!isRecord(whole.value)) return [whole]
  const { kind, items, apiVersion } = whole.value
  if (typeof kind !== 'string' || !kind.endsWith('List')) return [whole]
  if (!Array.isArray(items)) return kind === 'List' && (items === undefined || items === null) ? [] : [whole]
  const node = isMap(around.contents) ? around.contents.get('items', true) : undefined
  const inherited = kind === 'List' ? {} : { apiVersion, kind: kind.slice(0, -'List'.length) }
  return items.flatMap((value: unknown, index): readonly Candidate[] => {
    const full = isRecord(value) ? { ...inherited, ...value } : value
    const itemNode: unknown = isSeq(node) ? node.items[index] : undefined
    const item = { ...whole, ...placeOfItem(itemNode, whole, around), value: full }
    return flatten(item, isNode(itemNode) ? { ...around, contents: itemNode } : around)
  })
}

type Place = Pick<Candidate, 'line' | 'faultLine' | 'source' | 'isSelfContained'>

function placeOfItem(node: unknown, whole: Candidate, around: Surroundings): Place {
  if (!isNode(node) || isAlias(node) || !node.range) return { ...whole, isSelfContained: false }
  const [start, end] = node.range
  const { line, col } = around.lines.linePos(start)
  // The first line gets its indentation back, so that the text of the item parses by itself. What stands in brackets, as
  // all JSON does, needs none: on one long line it would cost more than the text.
  const isInBrackets = (isMap(node) || isSeq(node)) && node.flow === true
  const source = flatCopy((isInBrackets ? '' : ' '.repeat(col - 1)) + around.text.slice(start, end))
  return { line, faultLine: line, source, isSelfContained: !around.hasAliases }
}

/** Sorts the objects that can be told apart from the ones that lack what identifies them. */
function identified(candidates: readonly Candidate[]): Pick<ParsedDocument, 'objects' | 'objectFaults'> {
  const objects: ParsedObject[] = []
  const objectFaults: DocumentFault[] = []
  for (const { value, faultLine, ...rest } of candidates) {
    const words = isRecord(value) ? identityFaults(value) : [notAnObject]
    for (const each of words) objectFaults.push({ ...each, line: faultLine, column: undefined })
    if (isRecord(value) && words.length === 0) objects.push({ ...rest, value })
  }
  return { objects, objectFaults: objectFaults.slice(0, maxFaultsPerDocument) }
}

function identityFaults(value: Readonly<Record<string, unknown>>): readonly FaultWords[] {
  const metadata = isRecord(value['metadata']) ? value['metadata'] : {}
  const fields = [
    ['apiVersion', value['apiVersion']],
    ['kind', value['kind']],
    ['metadata.name', metadata['name']],
  ] as const
  return fields
    .filter(([, found]) => typeof found !== 'string' || found === '')
    .map(([field, found]) => identityFault(field, found === undefined ? undefined : described(found)))
}

/** A document that does not say what it is may be a Secret's: nothing of what is inside it is shown. */
function described(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null ? 'a mapping' : JSON.stringify(value)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A copy of its own: a slice would keep the whole text that it was cut from in memory. */
export function flatCopy(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8')
}
