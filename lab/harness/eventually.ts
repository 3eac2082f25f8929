import { setTimeout as pause } from 'node:timers/promises'
import { inspect } from 'node:util'

const pollMs = 50

export interface Patience {
  readonly timeoutMs: number
}

/**
 * Reads until `check` throws nothing, and returns that last reading. Out of time, it fails with what was wanted, what
 * was last observed, and the last complaint of `check`.
 */
export async function eventually<T>(
  what: string,
  read: () => T | Promise<T>,
  check: (observed: T) => void,
  { timeoutMs }: Patience = { timeoutMs: 10_000 },
): Promise<T> {
  const start = performance.now()
  let last: Outcome<T>
  do {
    last = await attempt(read, check)
    if (last.complaint === undefined) return last.observed
    await pause(pollMs)
  } while (performance.now() - start < timeoutMs)
  throw failure(`not within ${timeoutMs} ms: ${what}`, last)
}

/** Reads over and over for `timeoutMs` and fails as soon as `check` throws: for what must not happen. */
export async function throughout<T>(
  what: string,
  read: () => T | Promise<T>,
  check: (observed: T) => void,
  { timeoutMs }: Patience,
): Promise<void> {
  const start = performance.now()
  do {
    const outcome = await attempt(read, check)
    if (outcome.complaint !== undefined) {
      throw failure(`after ${Math.round(performance.now() - start)} ms no longer true: ${what}`, outcome)
    }
    await pause(pollMs)
  } while (performance.now() - start < timeoutMs)
}

type Outcome<T> =
  | { readonly complaint: undefined; readonly observed: T }
  | { readonly complaint: Error; readonly observed: T | undefined }

async function attempt<T>(read: () => T | Promise<T>, check: (observed: T) => void): Promise<Outcome<T>> {
  let observed: T | undefined
  try {
    const value = await read()
    observed = value
    check(value)
    return { complaint: undefined, observed: value }
  } catch (error) {
    return { complaint: error instanceof Error ? error : new Error(inspect(error)), observed }
  }
}

function failure<T>(what: string, { complaint, observed }: Outcome<T>): Error {
  const seen = observed === undefined ? 'nothing could be read' : inspect(observed, { depth: 8, breakLength: 120 })
  return new Error(`${what}\nlast observed: ${seen}\n${complaint?.message ?? ''}`, { cause: complaint })
}
