import { assertDelay, type Alarm, type Clock } from './clock.ts'

/** Node fires a timer of more than this at once instead of late. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1

/** The clock of the machine: `performance.now`, so that setting the wall clock neither hurries nor holds an alarm. */
export function systemClock(): Clock {
  return { now, after: (ms, run) => new SystemAlarm(ms, run) }
}

const now = (): number => performance.now()

class SystemAlarm implements Alarm {
  readonly #dueMs: number
  /** Dropped with the alarm, so that whoever keeps the alarm does not keep what it would have called. */
  #run: (() => void) | undefined
  #timeout: NodeJS.Timeout | undefined

  constructor(ms: number, run: () => void) {
    assertDelay(ms)
    this.#dueMs = now() + ms
    this.#run = run
    this.#wait(ms)
  }

  readonly cancel = (): void => {
    clearTimeout(this.#timeout)
    this.#timeout = undefined
    this.#run = undefined
  }

  #wait(ms: number): void {
    // eslint-disable-next-line no-restricted-globals -- this is the one place
    this.#timeout = setTimeout(() => this.#check(), Math.min(Math.ceil(ms), LONGEST_TIMEOUT_MS))
  }

  /** Also a short timer can fire a fraction of a millisecond before `performance.now` says that it is due. */
  #check(): void {
    const remainingMs = this.#dueMs - now()
    if (remainingMs > 0) {
      this.#wait(remainingMs)
      return
    }
    const run = this.#run
    this.cancel()
    run?.()
  }
}
