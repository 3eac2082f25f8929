import type { FileHandle } from 'node:fs/promises'
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { syncDirectory } from '@holdfast/cluster'
import { isFields, textAt, type Fields } from '../kubernetes/fields-at.ts'

/** What was kept between two lives of a speaker: values by key, as JSON has them. */
export type Entries = ReadonlyMap<string, unknown>

/** A key and its value, as JSON has it; undefined: it is not there any more. */
export type Entry = readonly [key: string, value: unknown]

/** What is to be kept of one moment; it is not changed later. Keys are made when they are written: tens of thousands would stay in memory. */
export interface Moment {
  /** How many entries there are. */
  readonly size: number
  readonly entries: () => Iterable<Entry>
  /** What is another than at that moment, by identity; undefined: that cannot be told. */
  readonly since: (before: Moment) => Iterable<Entry> | undefined
}

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
  #written: Moment | undefined
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
      const [bytes, { mtime }] = await Promise.all([readFile(this.#path), stat(this.#path)])
      return parseLastKnown(bytes, this.#options.node, mtime.toISOString())
    } catch (error) {
      const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
      return isMissing ? { kind: 'absent' } : { kind: 'damaged', reason: messageOf(error) }
    }
  }

  /**
   * Keeps the entries of this moment and no others; what is the same as last time costs next to nothing. Calls take effect in their order. Never
   * rejects.
   */
  save(moment: Moment): Promise<LastKnownWrite> {
    const done = this.#queue.then(() => this.#save(moment))
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

  async #save(moment: Moment): Promise<LastKnownWrite> {
    try {
      const changes = this.#written && moment.since(this.#written)
      if (this.#journal === undefined || changes === undefined) return await this.#writeAll(moment)
      const lines = Array.from(changes, lineOf)
      if (lines.length === 0) {
        this.#written = moment
        return { kind: 'unchanged' }
      }
      const text = [line({ at: this.#options.now() }), ...lines].join('')
      if (this.#journalBytes + text.length > Math.max(this.#baseBytes, leastCompactedBytes))
        return await this.#writeAll(moment)
      await this.#journal.appendFile(text)
      await this.#journal.datasync()
      this.#journalBytes += text.length
      this.#written = moment
      return { kind: 'written', bytes: text.length }
    } catch (error) {
      // What is on disk now is not known: the next one writes everything.
      await this.#journal?.close().catch(() => undefined)
      this.#journal = undefined
      return { kind: 'failed', reason: messageOf(error) }
    }
  }

  async #writeAll(moment: Moment): Promise<LastKnownWrite> {
    const { node, bootId, now } = this.#options
    const temporary = `${this.#path}.new`
    await rm(temporary, { force: true })
    const file = await open(temporary, 'ax', 0o600)
    try {
      const head = line({ format, node, bootId, writtenAt: now(), entries: moment.size })
      let bytes = head.length
      await file.appendFile(head)
      for (const text of chunks(moment.entries())) {
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
      this.#written = moment
      return { kind: 'written', bytes }
    } catch (error) {
      await file.close().catch(() => undefined)
      throw error
    }
  }
}

function* chunks(entries: Iterable<Entry>): Generator<string> {
  let lines: string[] = []
  for (const entry of entries) {
    lines.push(lineOf(entry))
    if (lines.length < entriesAtOnce) continue
    yield lines.join('')
    lines = []
  }
  yield lines.join('')
}

/** JSON leaves out a value that is undefined. */
const lineOf = ([key, value]: Entry): string => line({ key, value })

const line = (value: object): string => {
  const json = JSON.stringify(value)
  return `${checksum(json)} ${json}\n`
}

const checksum = (text: string | Uint8Array): string => crc32(text).toString(16).padStart(8, '0')

/** What a file says that `LastKnownFile` of this node wrote, and that was touched last then. */
export function parseLastKnown(bytes: Buffer, node: string, livedAt: string): LastKnownRead {
  const lines = linesOf(bytes)
  const first: Buffer | undefined = lines.next().value
  const head = (first && readLine(first)) ?? {}
  const flaw = flawOf(head, node)
  if (flaw !== undefined) return { kind: 'damaged', reason: flaw }
  const entries = new Map<string, unknown>()
  let writtenAt = textAt(head['writtenAt'])
  let number = 1
  for (const one of lines) {
    number += 1
    const entry = readLine(one)
    if (entry === undefined) return { kind: 'damaged', reason: `line ${number} does not fit its checksum` }
    const key = textAt(entry['key'])
    if (key === '') writtenAt = textAt(entry['at'])
    else if (Object.hasOwn(entry, 'value')) entries.set(key, entry['value'])
    else entries.delete(key)
  }
  if (number - 1 < Number(head['entries'])) return { kind: 'damaged', reason: 'its end is missing' }
  return { kind: 'found', entries, writtenAt, livedAt, bootId: textAt(head['bootId']) }
}

const lineFeed = 0x0a

/** Without what comes behind the last line feed: it is empty, or was cut off by a crash. */
function* linesOf(bytes: Buffer): Generator<Buffer, undefined> {
  let start = 0
  for (let end = bytes.indexOf(lineFeed); end >= 0; end = bytes.indexOf(lineFeed, start)) {
    yield bytes.subarray(start, end)
    start = end + 1
  }
}

function flawOf(head: Fields, node: string): string | undefined {
  const isOurs = head['format'] === format && typeof head['entries'] === 'number'
  if (!isOurs) return 'it does not begin as this version writes it'
  return head['node'] === node ? undefined : `it is of the node ${JSON.stringify(head['node'])}`
}

function readLine(bytes: Buffer): Fields | undefined {
  const json = bytes.subarray(9)
  if (bytes.toString('latin1', 0, 9) !== `${checksum(json)} `) return undefined
  try {
    const value: unknown = JSON.parse(json.toString('utf8'))
    return isFields(value) ? value : undefined
  } catch {
    // The caller sees undefined: the line is no JSON, whatever its checksum.
    return undefined
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
