import { createWriteStream, mkdirSync, readdirSync, statSync } from 'node:fs'
import type { WriteStream } from 'node:fs'
import { join } from 'node:path'
import type { RecordEntry } from '@holdfast/net'
import { recordingLine } from '@holdfast/net'
import type { Report } from '../events.ts'
import { StartUpError } from '../start-up-error.ts'

/** Recordings that nobody watches must not fill the disk: with so many bytes one ends, or all of them. */
interface Bounds {
  readonly fileBytes: number
  /** Of all recordings in the directory, also those of earlier runs and other processes when this one starts. */
  readonly directoryBytes: number
}

const mebibyte = 1024 * 1024
const usualBounds: Bounds = { fileBytes: 256 * mebibyte, directoryBytes: 1024 * mebibyte }

/** The recordings of one process: a file for each session. */
export interface Recordings {
  readonly record: (session: string) => (entry: RecordEntry) => void
  /** Resolves when everything is written. Never rejects. */
  readonly close: () => Promise<void>
}

/** Records every session into a directory, which is made where it is missing. Throws `StartUpError` where it cannot be. */
export function createRecordings(
  directory: string,
  startedIso: string,
  report: Report,
  bounds: Bounds = usualBounds,
): Recordings {
  let room: Room
  try {
    mkdirSync(directory, { recursive: true })
    room = new Room(bounds, recordedBytes(directory))
  } catch (error) {
    throw new StartUpError(
      `cannot make or read the directory of recordings ${directory}: ${error instanceof Error ? error.message : String(error)}`,
      'Choose another one with --record.',
    )
  }
  const files = new Map<string, Recording>()
  return {
    record: (session) => {
      const name = `${session.replaceAll('/', '_')}_${startedIso.replaceAll(':', '')}.jsonl`
      const recording = files.get(session) ?? new Recording(join(directory, name), room, report)
      files.set(session, recording)
      return (entry) => recording.write(entry)
    },
    close: async () => {
      await Promise.all(Array.from(files.values(), (recording) => recording.close()))
    },
  }
}

/** What is there already. A file that goes away while it is counted needs no room. */
function recordedBytes(directory: string): number {
  const names = readdirSync(directory).filter((name) => name.endsWith('.jsonl'))
  return names.reduce((sum, name) => sum + (statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0), 0)
}

/** The room that all recordings of a directory share. */
class Room {
  readonly #bounds: Bounds
  #usedBytes: number

  constructor(bounds: Bounds, usedBytes: number) {
    this.#bounds = bounds
    this.#usedBytes = usedBytes
  }

  /** Takes room for a line of a file that has this many bytes. Returns why there is none. */
  take(bytes: number, fileBytes: number): string | undefined {
    const { fileBytes: most, directoryBytes } = this.#bounds
    if (fileBytes + bytes > most) return `it has reached ${most / mebibyte} MiB`
    if (this.#usedBytes + bytes > directoryBytes) {
      return `the recordings in its directory have reached ${directoryBytes / mebibyte} MiB; remove some and start anew`
    }
    this.#usedBytes += bytes
    return undefined
  }
}

class Recording {
  readonly #path: string
  readonly #room: Room
  readonly #report: Report
  /** Made with the first line, so that what finds no room leaves no file. */
  #stream: WriteStream | undefined
  #bytes = 0
  #isOver = false

  constructor(path: string, room: Room, report: Report) {
    this.#path = path
    this.#room = room
    this.#report = report
  }

  write(entry: RecordEntry): void {
    if (this.#isOver) return
    const line = `${recordingLine(entry)}\n`
    const bytes = Buffer.byteLength(line)
    const obstacle = this.#room.take(bytes, this.#bytes)
    if (obstacle !== undefined) {
      this.#end(obstacle)
      return
    }
    this.#bytes += bytes
    this.#stream ??= this.#open()
    this.#stream.write(line)
  }

  close(): Promise<void> {
    const stream = this.#stream
    if (stream === undefined || stream.destroyed || stream.writableFinished) return Promise.resolve()
    return new Promise((resolve) => {
      stream.once('close', resolve)
      stream.end()
    })
  }

  #open(): WriteStream {
    const stream = createWriteStream(this.#path, { flags: 'a', mode: 0o600 })
    stream.on('error', (error) => this.#end(error.message))
    return stream
  }

  #end(why: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#stream?.end()
    this.#report({ event: 'notice', code: 'recording', message: `the recording ${this.#path} ends here: ${why}` })
  }
}
