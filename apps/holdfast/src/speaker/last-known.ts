import type { FileHandle } from 'node:fs/promises'
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { syncDirectory } from '@holdfast/cluster'
import { mapDifference } from '@holdfast/model'
import { isFields, textAt, type Fields } from '../kubernetes/fields-at.ts'

/** What is kept between two lives of a speaker: values by key, as JSON has them. */
export type Entries = ReadonlyMap<string, unknown>

export type LastKnownRead =
  | {
      readonly kind: 'found'
      readonly entries: Entries
      /** When something was written last, RFC 3339. */
      readonly writtenAt: string
      /** When that life is last known to have gone on, RFC 3339. */
      readonly livedAt: string
      /** What identified the boot of the host then. */
      readonly bootId: string
    }
  | { readonly kind: 'absent' }
  | { readonly kind: 'damaged'; readonly reason: string }

export type LastKnownWrite =
  | { readonly kind: 'written'; readonly bytes: number }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'failed'; readonly reason: string }

export interface LastKnownOptions {
  /** It is there, and no other process uses it. */
  readonly directory: string
  /** Name of the own Node: the file of another one is not used. */
  readonly node: string
  readonly bootId: string
  readonly now: () => string
}

const fileName = 'last-known.jsonl'
const format = 1
/** A journal shorter than this is never worth writing everything anew. */
const leastCompactedBytes = 1024 * 1024
/** So many entries are made into text at a time: sessions must not wait for a disk. */
const entriesAtOnce = 200

/**
 * The last known state on disk, mode 0600 since passwords are in it. The file begins with everything, put in place in one step; what
 * changes is appended, until that is as long as the whole. Every line has a checksum; a last line that a crash cut off is left out.
 */
export class LastKnownFile {
  readonly #options: LastKnownOptions
  readonly #path: string
  #written: Entries = new Map()
  #journal: FileHandle | undefined
  #baseBytes = 0
  #journalBytes = 0
  #queue: Promise<unknown> = Promise.resolve()

  constructor(options: LastKnownOptions) {
    this.#options = options
    this.#path = join(options.directory, fileName)
  }

  /** Reads what an earlier life has kept. Never rejects. */
  async read(): Promise<LastKnownRead> {
    try {
      const [text, { mtime }] = await Promise.all([readFile(this.#path, 'utf8'), stat(this.#path)])
      return parseLastKnown(text, this.#options.node, mtime.toISOString())
    } catch (error) {
      const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
      return isMissing ? { kind: 'absent' } : { kind: 'damaged', reason: messageOf(error) }
    }
  }

  /**
   * Keeps these entries, which are not changed later, and no others. Values are compared by identity: one that is the same as last time costs nothing. Calls take
   * effect in their order. Never rejects.
   */
  save(entries: Entries): Promise<LastKnownWrite> {
    const done = this.#queue.then(() => this.#save(entries))
    this.#queue = done
    return done
  }

  /**
   * Notes how long this life has gone on with what it kept last, RFC 3339: as the file's time, so that nothing is written. Where nothing is
   * kept, nothing is noted. Never rejects.
   */
  noteLife(livedAt: string): Promise<void> {
    const done = this.#queue.then(async () => {
      const time = new Date(livedAt)
      // Without it the file looks older than it is, which costs time and nothing else.
      await this.#journal?.utimes(time, time).catch(() => undefined)
    })
    this.#queue = done
    return done
  }

  async close(): Promise<void> {
    await this.#queue
    await this.#journal?.close().catch(() => undefined)
    this.#journal = undefined
  }

  async #save(entries: Entries): Promise<LastKnownWrite> {
    try {
      if (this.#journal === undefined) return await this.#writeAll(entries)
      const lines = this.#changes(entries)
      if (lines.length === 0) return { kind: 'unchanged' }
      const text = [line({ at: this.#options.now() }), ...lines].join('')
      if (this.#journalBytes + text.length > Math.max(this.#baseBytes, leastCompactedBytes))
        return await this.#writeAll(entries)
      await this.#journal.appendFile(text)
      await this.#journal.datasync()
      this.#journalBytes += text.length
      this.#written = entries
      return { kind: 'written', bytes: text.length }
    } catch (error) {
      // What is on disk now is not known: the next one writes everything.
      await this.#journal?.close().catch(() => undefined)
      this.#journal = undefined
      return { kind: 'failed', reason: messageOf(error) }
    }
  }

  #changes(entries: Entries): readonly string[] {
    const lines: string[] = []
    for (const { key, after } of mapDifference(this.#written, entries)) {
      lines.push(line(after === undefined ? { key } : { key, value: after }))
    }
    return lines
  }

  async #writeAll(entries: Entries): Promise<LastKnownWrite> {
    const { node, bootId, now } = this.#options
    const temporary = `${this.#path}.new`
    await rm(temporary, { force: true })
    const file = await open(temporary, 'ax', 0o600)
    try {
      const head = line({ format, node, bootId, writtenAt: now(), entries: entries.size })
      let bytes = head.length
      await file.appendFile(head)
      for (const text of chunks(entries)) {
        await file.appendFile(text)
        bytes += text.length
      }
      await file.sync()
      await rename(temporary, this.#path)
      await syncDirectory(this.#options.directory)
      await this.#journal?.close()
      this.#journal = file
      this.#baseBytes = bytes
      this.#journalBytes = 0
      this.#written = entries
      return { kind: 'written', bytes }
    } catch (error) {
      await file.close().catch(() => undefined)
      throw error
    }
  }
}

function* chunks(entries: Entries): Generator<string> {
  let lines: string[] = []
  for (const [key, value] of entries) {
    lines.push(line({ key, value }))
    if (lines.length < entriesAtOnce) continue
    yield lines.join('')
    lines = []
  }
  yield lines.join('')
}

const line = (value: object): string => {
  const json = JSON.stringify(value)
  return `${checksum(json)} ${json}\n`
}

const checksum = (text: string): string => crc32(text).toString(16).padStart(8, '0')

/** What a file says that `LastKnownFile` of this node wrote, and that was touched last then. */
export function parseLastKnown(text: string, node: string, livedAt: string): LastKnownRead {
  const [first, ...rest] = text.split('\n')
  const head = readLine(first ?? '') ?? {}
  // What comes behind the last line feed is empty, or was cut off by a crash.
  const lines = rest.slice(0, -1)
  const flaw = flawOf(head, node, lines.length)
  if (flaw !== undefined) return { kind: 'damaged', reason: flaw }
  const entries = new Map<string, unknown>()
  let writtenAt = textAt(head['writtenAt'])
  for (const [index, one] of lines.entries()) {
    const entry = readLine(one)
    if (entry === undefined) return { kind: 'damaged', reason: `line ${index + 2} does not fit its checksum` }
    const key = textAt(entry['key'])
    if (key === '') writtenAt = textAt(entry['at'])
    else if (Object.hasOwn(entry, 'value')) entries.set(key, entry['value'])
    else entries.delete(key)
  }
  return { kind: 'found', entries, writtenAt, livedAt, bootId: textAt(head['bootId']) }
}

function flawOf(head: Fields, node: string, lines: number): string | undefined {
  if (head['format'] !== format) return 'it does not begin as this version writes it'
  if (head['node'] !== node) return `it is of the node ${JSON.stringify(head['node'])}`
  const count = head['entries']
  return typeof count !== 'number' || lines < count ? 'its end is missing' : undefined
}

function readLine(text: string): Fields | undefined {
  const json = text.slice(9)
  if (text.slice(0, 9) !== `${checksum(json)} `) return undefined
  try {
    const value: unknown = JSON.parse(json)
    return isFields(value) ? value : undefined
  } catch {
    // The caller sees undefined: the line is no JSON, whatever its checksum.
    return undefined
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
