import type { Clock } from '@holdfast/runtime'

/**
 * A peer's router that restarts, or two sides that dial at once and settle which connection stays, need a handful of
 * connections within a second.
 */
const BURST = 10

/** A router's ConnectRetry and ours are seconds and longer; what comes oftener for long is broken or hostile. */
const PER_SECOND = 1

interface Bucket {
  readonly tokens: number
  readonly atMs: number
}

/** How many new connections each source may make: a token bucket of `BURST`, filled with `PER_SECOND`. */
export class Admission {
  readonly #clock: Clock
  readonly #buckets = new Map<string, Bucket>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether one more connection of this source may come. The caller sees to it that there are not too many sources. */
  admit(source: string): boolean {
    const nowMs = this.#clock.now()
    const tokens = this.#tokensOf(this.#buckets.get(source), nowMs)
    if (!this.#buckets.has(source)) this.#forgetFull(nowMs)
    const isAdmitted = tokens >= 1
    this.#buckets.set(source, { tokens: isAdmitted ? tokens - 1 : tokens, atMs: nowMs })
    return isAdmitted
  }

  #tokensOf(bucket: Bucket | undefined, nowMs: number): number {
    if (bucket === undefined) return BURST
    return Math.min(BURST, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * PER_SECOND)
  }

  #forgetFull(nowMs: number): void {
    for (const [source, bucket] of this.#buckets) {
      if (this.#tokensOf(bucket, nowMs) >= BURST) this.#buckets.delete(source)
    }
  }
}
