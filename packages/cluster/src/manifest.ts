import { setImmediate } from 'node:timers/promises'
import type { FieldPath, Origin, RawObject } from '@holdfast/model'
import { isMap, isScalar, isSeq, LineCounter, type Document } from 'yaml'
import { compose, flatCopy, parseDocument, type ParsedDocument, type ParsedObject } from './document.ts'
import type { DocumentFault } from './file-faults.ts'
import type { FileFault } from './source.ts'
import { splitDocuments } from './split.ts'

/** Larger files are refused: 16 MiB hold some 30,000 Services. */
export const maxFileBytes = 16 * 1024 * 1024
const maxFaultsPerFile = 100
/** About 10 ms of parsing. */
const chunksPerTurn = 32

/** What a manifest file says, and what its next version needs so that only the documents that changed are read again. */
export interface Manifest {
  /** In the order of the file; empty where the file has a syntax fault. */
  readonly objects: readonly RawObject[]
  readonly faults: readonly FileFault[]
  /** True where the text is no YAML, so that nothing of it may be used. */
  readonly isBroken: boolean
  /** True where there is nothing but space and comments. */
  readonly isBlank: boolean
  readonly documents: readonly PlacedDocument[]
}

/** A document where it stands in its file: `line` (from 1) is that of its first character. */
export interface PlacedDocument {
  readonly line: number
  readonly parsed: ParsedDocument
  readonly objects: readonly PlacedObject[]
}

interface PlacedObject {
  readonly parsed: ParsedObject
  readonly line: number
  readonly raw: RawObject
}

/**
 * Reads a manifest: a stream of YAML documents (JSON is YAML), each a Kubernetes object or a List of them. Values are read
 * as Kubernetes reads them. A file with a syntax fault yields no objects; a document that is no Kubernetes object is a
 * fault and leaves the others as they are. All faults are reported, up to 100 a file.
 */
export function parseManifest(
  file: string,
  text: string,
): {
  readonly objects: readonly RawObject[]
  readonly faults: readonly FileFault[]
} {
  const { objects, faults } = readManifest(file, text, undefined)
  return { objects, faults }
}

/** As `parseManifest`; objects whose text and line are as in `previous` keep their identity. */
export function readManifest(file: string, text: string, previous: Manifest | undefined): Manifest {
  if (text.length > maxFileBytes) return refused(fileTooLarge(file))
  return assemble(file, [...parsedChunks(text, previous)], previous)
}

/** As `readManifest`, but lets other work go on between the documents of a long file. */
export async function readManifestGently(
  file: string,
  text: string,
  previous: Manifest | undefined,
): Promise<Manifest> {
  if (text.length > maxFileBytes) return refused(fileTooLarge(file))
  const parsed: ParsedChunk[] = []
  for (const chunk of parsedChunks(text, previous)) {
    parsed.push(chunk)
    if (parsed.length % chunksPerTurn === 0) await setImmediate()
  }
  return assemble(file, parsed, previous)
}

type ParsedChunk = Pick<PlacedDocument, 'line' | 'parsed'>

function* parsedChunks(text: string, previous: Manifest | undefined): Generator<ParsedChunk> {
  const known = new Map(previous?.documents.map((document) => [document.parsed.text, document.parsed]))
  const chunks = splitDocuments(text.startsWith('\uFEFF') ? text.slice(1) : text)
  for (const chunk of chunks) {
    const parsed = known.get(chunk.text) ?? parseDocument(chunks.length === 1 ? chunk.text : flatCopy(chunk.text))
    yield { line: chunk.line, parsed }
  }
}

function assemble(file: string, chunks: readonly ParsedChunk[], previous: Manifest | undefined): Manifest {
  const before = objectsByLine(previous)
  const documents = chunks.map(({ line, parsed }): PlacedDocument => ({
    line,
    parsed,
    objects: parsed.objects.map((object) => place(object, line, file, before)),
  }))
  const isBroken = documents.some(({ parsed }) => parsed.syntaxFaults.length > 0)
  return {
    objects: isBroken ? [] : documents.flatMap(({ objects }) => objects.map(({ raw }) => raw)),
    faults: faultsOf(documents, file),
    isBroken,
    isBlank: documents.every(({ parsed }) => parsed.isBlank),
    documents,
  }
}

export function fileTooLarge(file: string): FileFault {
  return {
    code: 'file-too-large',
    file,
    line: undefined,
    column: undefined,
    message: `the file is larger than ${maxFileBytes / (1024 * 1024)} MiB`,
    remedy: 'Split it into several files.',
  }
}

function refused(fault: FileFault): Manifest {
  return { objects: [], faults: [fault], isBroken: true, isBlank: false, documents: [] }
}

function faultsOf(documents: readonly PlacedDocument[], file: string): readonly FileFault[] {
  const faults: FileFault[] = []
  for (const { line, parsed } of documents) {
    const all: readonly DocumentFault[] = [...parsed.syntaxFaults, ...parsed.objectFaults]
    for (const fault of all.slice(0, maxFaultsPerFile - faults.length)) {
      faults.push({ ...fault, file, line: line + fault.line - 1 })
    }
  }
  return faults
}

function objectsByLine(manifest: Manifest | undefined): ReadonlyMap<number, PlacedObject> {
  const objects = manifest?.documents.flatMap((document) => document.objects) ?? []
  return new Map(objects.map((object) => [object.line, object]))
}

function place(
  parsed: ParsedObject,
  documentLine: number,
  file: string,
  before: ReadonlyMap<number, PlacedObject>,
): PlacedObject {
  const line = documentLine + parsed.line - 1
  const old = before.get(line)
  if (old !== undefined && isSame(old.parsed, parsed)) return { parsed: old.parsed, line, raw: old.raw }
  return { parsed, line, raw: { value: parsed.value, origin: originOf(file, parsed.source, line) } }
}

function isSame(a: ParsedObject, b: ParsedObject): boolean {
  return a === b || (a.source === b.source && a.isSelfContained && b.isSelfContained)
}

/** Lines are looked up only when something is wrong: then the object's text is parsed once more. */
function originOf(file: string, source: string, line: number): Origin {
  let composed: WeakRef<Composed> | undefined
  const tree = (): Composed => {
    const alive = composed?.deref()
    if (alive !== undefined) return alive
    const lines = new LineCounter()
    const fresh = { document: compose(source, lines), lines }
    composed = new WeakRef(fresh)
    return fresh
  }
  return { file, lineOf: (path) => line + lineWithin(tree(), path) - 1 }
}

interface Composed {
  readonly document: Document.Parsed
  readonly lines: LineCounter
}

/** The line, from 1, of the field at `path` or of its nearest parent that stands in the text. */
function lineWithin({ document, lines }: Composed, path: FieldPath): number {
  let offset = document.contents?.range[0] ?? 0
  let node: unknown = document.contents
  for (const step of path) {
    const found = stepInto(node, step)
    if (found === undefined) break
    offset = found.offset ?? offset
    node = found.node
  }
  return Math.max(lines.linePos(offset).line, 1)
}

function stepInto(node: unknown, step: string | number): { node: unknown; offset: number | undefined } | undefined {
  if (isMap(node)) {
    const pair = node.items.find(({ key }) => isScalar(key) && key.value === String(step))
    return pair && { node: pair.value, offset: isScalar(pair.key) ? pair.key.range?.[0] : undefined }
  }
  if (isSeq(node) && typeof step === 'number') {
    const item = node.items[step]
    return item === undefined ? undefined : { node: item, offset: rangeStart(item) }
  }
  return undefined
}

function rangeStart(node: unknown): number | undefined {
  return isMap(node) || isSeq(node) || isScalar(node) ? node.range?.[0] : undefined
}
