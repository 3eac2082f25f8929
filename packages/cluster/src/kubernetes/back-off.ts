/** How long to wait after a failure. */
export interface BackOff {
  /** The next wait in ms; at least what a server asked for. */
  readonly next: (retryAfterMs?: number) => number
  /** All is well: the next failure is the first again. */
  readonly reset: () => void
}

export interface BackOffOptions {
  readonly firstMs: number
  /** No wait is longer, unless a server asks for it, which `ApiFault.retryAfterMs` bounds. */
  readonly mostMs: number
  /** 0 to below 1. */
  readonly random: () => number
}

/**
 * Waits that double from `firstMs` to `mostMs`, each shortened at random by up to half, so that many clients that failed together do
 * not come back together. What a server asks for (Retry-After) is lengthened at random by up to a fifth for the same reason.
 */
export function createBackOff({ firstMs, mostMs, random }: BackOffOptions): BackOff {
  let failures = 0
  return {
    next: (retryAfterMs = 0) => {
      const longest = Math.min(firstMs * 2 ** failures, mostMs)
      // Beyond 2^30 the numbers would only grow out of bounds.
      failures = Math.min(failures + 1, 30)
      return Math.max(longest * (0.5 + 0.5 * random()), retryAfterMs * (1 + 0.2 * random()))
    },
    reset: () => void (failures = 0),
  }
}
