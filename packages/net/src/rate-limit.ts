import type { Clock } from '@holdfast/runtime'

/** Lets one event a second through, so that a flood of them is no flood of log lines. */
export class RateLimit {
  readonly #clock: Clock
  #nextMs = Number.NEGATIVE_INFINITY
  #suppressed = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether to tell this event: how many were not told before it; undefined: not this one either. */
  admit(): number | undefined {
    const nowMs = this.#clock.now()
    if (nowMs < this.#nextMs) {
      this.#suppressed += 1
      return undefined
    }
    const suppressed = this.#suppressed
    this.#suppressed = 0
    this.#nextMs = nowMs + 1000
    return suppressed
  }
}
