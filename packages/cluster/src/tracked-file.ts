import { readFile, stat } from 'node:fs/promises'
import type { RawObject } from '@holdfast/model'
import { fileUnreadable, stampOf, type Sighting } from './directory-scan.ts'
import { readManifestGently, type Manifest } from './manifest.ts'
import type { FileFault } from './source.ts'

/** How long a file must have been quiet before its change counts. */
export const settleMs = 100
/**
 * An editor may empty a file before it writes it, and a copy may stall: what looks like a write under way counts only
 * when it has lasted this long.
 */
const unfinishedSettleMs = 2_000
const retryMs = 2_000

/** The stamp of a file that is not there. */
export const absent = 'absent'

/** One file of a manifest directory: what was seen of it last, and what of it is in force. */
export interface TrackedFile {
  /** As reported: the directory as the user wrote it, and the path below it. */
  readonly file: string
  /** The state of the file that `objects` and `faults` speak of; undefined until it was read once. */
  readonly settled: string | undefined
  readonly seen: Sighting | { readonly kind: 'absent'; readonly stamp: typeof absent }
  readonly seenSinceMs: number
  /** When `seen` may be acted on, if it stays so. */
  readonly dueMs: number
  /** The newest version without syntax faults, against which unchanged objects are recognised. */
  readonly manifest: Manifest | undefined
  readonly objects: readonly RawObject[]
  readonly faults: readonly FileFault[]
}

/** A file seen for the first time. `dueMs`: when it may be read. */
export function newlyTracked(file: string, seen: TrackedFile['seen'], nowMs: number, dueMs: number): TrackedFile {
  return { file, settled: undefined, seen, seenSinceMs: nowMs, dueMs, manifest: undefined, objects: [], faults: [] }
}

/** The file after a look at it: another stamp than last time starts the wait anew. */
export function lookedAt(tracked: TrackedFile, seen: TrackedFile['seen'], nowMs: number): TrackedFile {
  if (seen.stamp === tracked.seen.stamp) return tracked
  return { ...tracked, seen, seenSinceMs: nowMs, dueMs: nowMs + settleMs }
}

/** True where the file as seen is not yet what is in force. */
export function isPending(tracked: TrackedFile): boolean {
  return tracked.seen.stamp !== tracked.settled
}

/** True where the next attempt is a matter of seconds: others need not wait for it. */
export function isHeld(tracked: TrackedFile): boolean {
  return tracked.dueMs - tracked.seenSinceMs > settleMs
}

/**
 * Reads a file that is due and takes over what it says: nothing where it cannot be read or is no YAML, so that its last good
 * objects stay; where single documents of it are no objects, also the old objects that are missing in it, because one of
 * those documents may have been theirs.
 */
export async function settle(tracked: TrackedFile, nowMs: number): Promise<TrackedFile> {
  const { seen, file } = tracked
  if (seen.kind === 'absent') return { ...tracked, settled: seen.stamp, objects: [], faults: [] }
  if (seen.kind === 'faulted') return { ...tracked, settled: seen.stamp, faults: [seen.fault] }
  const content = await readWhole(file, seen.stamp)
  if (content.kind === 'moved') return { ...tracked, seenSinceMs: nowMs, dueMs: nowMs + settleMs }
  if (content.kind === 'failed') return { ...tracked, dueMs: nowMs + retryMs, faults: [content.fault] }
  if (content.kind === 'undecodable') return { ...tracked, settled: seen.stamp, faults: [content.fault] }
  return withManifest(tracked, await readManifestGently(file, content.text, tracked.manifest), nowMs)
}

/** The file with the text that was last good in an earlier run in force. */
export async function recalled(tracked: TrackedFile, text: string): Promise<TrackedFile> {
  const manifest = await readManifestGently(tracked.file, text, undefined)
  return manifest.isBroken ? tracked : { ...tracked, manifest, objects: manifest.objects }
}

function withManifest(tracked: TrackedFile, manifest: Manifest, nowMs: number): TrackedFile {
  const { stamp } = tracked.seen
  if (manifest.isBroken) return { ...tracked, settled: stamp, faults: manifest.faults }
  const cut = cutOf(manifest, tracked)
  const finishedMs = tracked.seenSinceMs + unfinishedSettleMs
  if (cut !== 'none' && nowMs < finishedMs) return { ...tracked, dueMs: finishedMs }
  if (cut === 'inside') return { ...tracked, settled: stamp, faults: [truncated(tracked.file)] }
  const objects = manifest.faults.length === 0 ? manifest.objects : withMissing(manifest.objects, tracked.objects)
  return { ...tracked, settled: stamp, manifest, objects, faults: manifest.faults }
}

/**
 * Whether a text looks like the beginning of one that is being written: `inside` where it is the one in force cut off in the
 * middle of a line, which nobody means; `maybe` where it is blank, ends with a whole line of the one in force, or has lost
 * the line break at its end. YAML alone does not tell: most beginnings of a manifest are manifests.
 */
function cutOf(manifest: Manifest, { objects, manifest: before }: TrackedFile): 'none' | 'maybe' | 'inside' {
  if (objects.length === 0) return 'none'
  if (manifest.isBlank) return 'maybe'
  if (before === undefined) return 'none'
  const [now, then] = [textOf(manifest), textOf(before)]
  if (now.length < then.length && then.startsWith(now)) return now.endsWith('\n') ? 'maybe' : 'inside'
  return then.endsWith('\n') && !now.endsWith('\n') ? 'maybe' : 'none'
}

const textOf = ({ documents }: Manifest): string => documents.map(({ parsed }) => parsed.text).join('')

function truncated(file: string): FileFault {
  return {
    code: 'file-truncated',
    file,
    line: undefined,
    column: undefined,
    message: 'the file is cut off in the middle of a line. What it said before stays in force',
    remedy: 'Write it again; if its end was meant to go, end the last line with a line break.',
  }
}

function withMissing(now: readonly RawObject[], before: readonly RawObject[]): readonly RawObject[] {
  const present = new Set(now.map(keyOf))
  return [...now, ...before.filter((object) => !present.has(keyOf(object)))]
}

function keyOf({ value }: RawObject): string {
  // `parseManifest` lets only objects with kind and metadata.name pass.
  const { kind, metadata } = value as { kind: string; metadata: { namespace?: unknown; name: string } }
  return JSON.stringify([kind, metadata.namespace ?? '', metadata.name])
}

type Content =
  | { readonly kind: 'text'; readonly text: string }
  /** It changed while it was read. */
  | { readonly kind: 'moved' }
  | { readonly kind: 'failed'; readonly fault: FileFault }
  | { readonly kind: 'undecodable'; readonly fault: FileFault }

async function readWhole(file: string, stamp: string): Promise<Content> {
  try {
    const bytes = await readFile(file)
    if (stampOf(await stat(file)) !== stamp) return { kind: 'moved' }
    return decode(file, bytes)
  } catch (error) {
    return { kind: 'failed', fault: fileUnreadable(file, error) }
  }
}

function decode(file: string, bytes: Uint8Array): Content {
  try {
    return { kind: 'text', text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch {
    return { kind: 'undecodable', fault: notUtf8(file) }
  }
}

function notUtf8(file: string): FileFault {
  return {
    code: 'file-not-utf8',
    file,
    line: undefined,
    column: undefined,
    message: 'the file is no UTF-8 text',
    remedy: 'Save it as UTF-8.',
  }
}
