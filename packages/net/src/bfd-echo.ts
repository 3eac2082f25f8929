import type { Clock } from '@holdfast/runtime'

/** No Echo packet needs more; a longer one is not ours to carry around. */
const longestEchoBytes = 256

/** Packets that may come closer together than agreed, as jitter and a late thread make them. */
const burst = 3

/** How many Echo packets of a peer are looped back: no more than the interval allows that we advertise. */
export class EchoBudget {
  readonly #clock: Clock
  #tokens = burst
  #filledMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether to send this one back. Intervals are jittered by up to a quarter (RFC 5880 section 6.8.9). */
  admit(bytes: Uint8Array, intervalMs: number): boolean {
    const nowMs = this.#clock.now()
    this.#tokens = Math.min(burst, this.#tokens + (nowMs - this.#filledMs) / (0.75 * intervalMs))
    this.#filledMs = nowMs
    if (bytes.length === 0 || bytes.length > longestEchoBytes || this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}
