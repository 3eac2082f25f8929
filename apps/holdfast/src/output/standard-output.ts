import type { WriteStream } from 'node:tty'
import type { Clock } from '@holdfast/runtime'
import type { Sink } from './output.ts'

/** So much may wait for a reader that has stopped reading; what comes after is dropped. */
const mostPendingBytes = 1_048_576
/** How long the end of the program waits for a reader. */
const lastWordsMs = 1000

/** The part of `process.stdout` that is used here. */
type Stream = Pick<WriteStream, 'write' | 'writableLength' | 'on' | 'once' | 'isTTY' | 'columns' | 'rows'>

/**
 * Standard output as something that can neither end nor stop a program that carries traffic: a reader that goes away or
 * stops reading costs lines, which `warn` is told of, and nothing else.
 */
export function guardedOutput(stream: Stream, warn: (message: string) => void): Sink {
  let isGone = false
  let dropped = 0
  stream.on('error', (error: Error) => {
    if (!isGone) warn(`standard output is gone (${error.message}): going on without it`)
    isGone = true
  })
  return {
    get isTTY() {
      return stream.isTTY
    },
    get columns() {
      return stream.columns
    },
    get rows() {
      return stream.rows
    },
    write: (text) => {
      if (isGone) return
      if (stream.writableLength > mostPendingBytes) {
        if (dropped === 0) warn('nobody reads standard output: lines are dropped until somebody does')
        dropped += 1
        return
      }
      if (dropped > 0) warn(`${dropped} writes to standard output were dropped`)
      dropped = 0
      stream.write(text)
    },
  }
}

/** `guardedOutput` of this process, which warns on standard error. */
export function standardOutput(): Sink {
  // Standard error may be gone as well; there is nowhere left to say so.
  process.stderr.on('error', () => undefined)
  return guardedOutput(process.stdout, (message) => process.stderr.write(`holdfast: ${message}\n`))
}

/** Resolves when everything is written, or after a second. */
export function lastWords(stream: Pick<Stream, 'writableLength' | 'write'>, clock: Clock): Promise<void> {
  if (stream.writableLength === 0) return Promise.resolve()
  return new Promise((resolve) => {
    const alarm = clock.after(lastWordsMs, resolve)
    // An empty write calls back when all before it is out.
    stream.write('', () => {
      alarm.cancel()
      resolve()
    })
  })
}
