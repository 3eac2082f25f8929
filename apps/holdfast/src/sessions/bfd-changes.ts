import type { BfdEvent } from '@holdfast/net'
import type { Alarm, Clock } from '@holdfast/runtime'

/** So many changes are told as they come; one that flaps on is told of once in `pauseMs`. */
const burst = 10
const pauseMs = 1000

/**
 * Tells the changes of a BFD session, and of one that changes its state a thousand times a second only as much as a person can
 * read. What was told last is always the state that it is in, at most `pauseMs` late.
 */
export class BfdChanges {
  readonly #clock: Clock
  readonly #tell: (event: BfdEvent) => void
  #tokens = burst
  #filledMs: number
  /** The last change that waits to be told. */
  #held: BfdEvent | undefined
  /** How many came before it, and how many of these were failures. */
  #skipped = { changes: 0, failures: 0 }
  #alarm: Alarm | undefined

  constructor(clock: Clock, tell: (event: BfdEvent) => void) {
    this.#clock = clock
    this.#tell = tell
    this.#filledMs = clock.now()
  }

  changed(event: BfdEvent): void {
    if (this.#held === undefined && this.#takeToken()) {
      this.#tell(event)
      return
    }
    this.#skip()
    this.#held = event
    this.#alarm ??= this.#clock.after(this.#untilTokenMs(), () => this.#ring())
  }

  /** Tells what is still to be told, at once: the session ends. */
  flush(): void {
    this.#alarm?.cancel()
    this.#alarm = undefined
    const event = this.#held
    if (event === undefined) return
    const { message } = event
    const { changes, failures } = this.#skipped
    this.#held = undefined
    this.#skipped = { changes: 0, failures: 0 }
    this.#tell(changes === 0 ? event : { ...event, message: `${message} (after ${skippedWords(changes, failures)})` })
  }

  #ring(): void {
    this.#takeToken()
    this.flush()
  }

  #skip(): void {
    if (this.#held === undefined) return
    const { changes, failures } = this.#skipped
    this.#skipped = { changes: changes + 1, failures: failures + (this.#held.isFailure ? 1 : 0) }
  }

  #takeToken(): boolean {
    this.#fill()
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }

  #untilTokenMs(): number {
    return Math.max(0, Math.ceil((1 - this.#tokens) * pauseMs))
  }

  #fill(): void {
    const nowMs = this.#clock.now()
    this.#tokens = Math.min(burst, this.#tokens + (nowMs - this.#filledMs) / pauseMs)
    this.#filledMs = nowMs
  }
}

const skippedWords = (changes: number, failures: number): string =>
  `${changes} ${changes === 1 ? 'change' : 'changes'} more${failures === 0 ? '' : `, failures: ${failures}`}`
