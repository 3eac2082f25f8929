import type { Clock } from '@holdfast/runtime'

/**
 * A peer's router that restarts, or two sides that dial at once and settle which connection stays, need a handful of
 * connections within a second.
 */
const BURST = 10

/** A router's ConnectRetry and ours are seconds and longer; what comes oftener for long is broken or hostile. */
const PER_SECOND = 1

/** So long after its last connection a source is as if it had never come. */
const FORGOTTEN_MS = (BURST / PER_SECOND) * 1000

/** Who has more addresses than this is not slowed down by them anyway: the source that was quiet longest is forgotten. */
const MOST_SOURCES = 4096

interface Bucket {
  readonly tokens: number
  readonly atMs: number
}

/** How many new connections each source may make: a token bucket of `BURST`, filled with `PER_SECOND`. */
export class Admission {
  readonly #clock: Clock
  /** In the order of their last connections. */
  readonly #buckets = new Map<string, Bucket>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether one more connection of this source may come. */
  admit(source: string): boolean {
    const nowMs = this.#clock.now()
    const tokens = this.#tokensOf(this.#buckets.get(source), nowMs)
    const isAdmitted = tokens >= 1
    this.#buckets.delete(source)
    this.#forgetOldest(nowMs)
    this.#buckets.set(source, { tokens: isAdmitted ? tokens - 1 : tokens, atMs: nowMs })
    return isAdmitted
  }

  #tokensOf(bucket: Bucket | undefined, nowMs: number): number {
    if (bucket === undefined) return BURST
    return Math.min(BURST, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * PER_SECOND)
  }

  /** Looks at no more sources than it forgets. */
  #forgetOldest(nowMs: number): void {
    for (const [source, { atMs }] of this.#buckets) {
      if (this.#buckets.size < MOST_SOURCES && nowMs - atMs < FORGOTTEN_MS) return
      this.#buckets.delete(source)
    }
  }
}
