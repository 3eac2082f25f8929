import { createWriteStream, mkdirSync } from 'node:fs'
import type { WriteStream } from 'node:fs'
import { join } from 'node:path'
import type { RecordEntry } from '@holdfast/net'
import { recordingLine } from '@holdfast/net'
import type { Report } from '../events.ts'
import { StartUpError } from '../start-up-error.ts'

/** A recording that nobody watches must not fill the disk: with this many bytes it ends. */
const mostBytes = 256 * 1024 * 1024

/** The recordings of one process: a file for each session. */
export interface Recordings {
  readonly record: (session: string) => (entry: RecordEntry) => void
  /** Resolves when everything is written. Never rejects. */
  readonly close: () => Promise<void>
}

/** Records every session into a directory, which is made where it is missing. Throws `StartUpError` where it cannot be. */
export function createRecordings(directory: string, startedIso: string, report: Report): Recordings {
  try {
    mkdirSync(directory, { recursive: true })
  } catch (error) {
    throw new StartUpError(
      `cannot make the directory of recordings ${directory}: ${error instanceof Error ? error.message : String(error)}`,
      'Choose another one with --record.',
    )
  }
  const files = new Map<string, Recording>()
  return {
    record: (session) => {
      const name = `${session.replaceAll('/', '_')}_${startedIso.replaceAll(':', '')}.jsonl`
      const recording = files.get(session) ?? new Recording(join(directory, name), report)
      files.set(session, recording)
      return (entry) => recording.write(entry)
    },
    close: async () => {
      await Promise.all(Array.from(files.values(), (recording) => recording.close()))
    },
  }
}

class Recording {
  readonly #path: string
  readonly #report: Report
  readonly #stream: WriteStream
  #bytes = 0
  #isOver = false

  constructor(path: string, report: Report) {
    this.#path = path
    this.#report = report
    this.#stream = createWriteStream(path, { flags: 'a', mode: 0o600 })
    this.#stream.on('error', (error) => this.#end(error.message))
  }

  write(entry: RecordEntry): void {
    if (this.#isOver) return
    const line = `${recordingLine(entry)}\n`
    this.#bytes += line.length
    this.#stream.write(line)
    if (this.#bytes > mostBytes) this.#end(`it has reached ${mostBytes / 1024 / 1024} MiB`)
  }

  close(): Promise<void> {
    if (this.#stream.destroyed || this.#stream.writableFinished) return Promise.resolve()
    return new Promise((resolve) => {
      this.#stream.once('close', resolve)
      this.#stream.end()
    })
  }

  #end(why: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#stream.end()
    this.#report({ event: 'notice', code: 'recording', message: `the recording ${this.#path} ends here: ${why}` })
  }
}
