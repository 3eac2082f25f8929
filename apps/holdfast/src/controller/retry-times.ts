import type { BackOff } from '@holdfast/cluster'
import { createBackOff } from '@holdfast/cluster'

/** When what failed may be tried again, by key: each failure doubles the wait. */
export interface RetryTimes {
  readonly failed: (key: string, now: number, bounds?: RetryBounds) => void
  readonly succeeded: (key: string) => void
  /** What it is about has changed: it may succeed now, and is tried soon. */
  readonly changed: (key: string) => void
  /** True where the key has to wait. */
  readonly waits: (key: string, now: number) => boolean
  /** True since the key failed, until it succeeds, whether or not it has to wait. */
  readonly hasFailed: (key: string) => boolean
  /** Milliseconds until the first key may be tried again; undefined: none waits. */
  readonly nextMs: (now: number) => number | undefined
  readonly forget: () => void
}

export interface RetryBounds {
  /** No wait is longer; 5 minutes unless given. */
  readonly mostMs?: number
  /** What the server asked for; goes before `mostMs`. */
  readonly retryAfterMs?: number | undefined
}

const firstMs = 500
const longestMs = 300_000
/** So long after it failed at the latest is tried what has changed since. */
const changedMs = 5000
/** What was not tried again so long after it might have been is of an object that is gone, or needs nothing any more. */
const forgottenAfterMs = 2 * longestMs

interface Waiting {
  readonly backOff: BackOff
  readonly failedMs: number
  readonly dueMs: number
}

/** Creates them. `random` (0 to below 1) spreads the waits over their upper half. */
export function createRetryTimes(random: () => number): RetryTimes {
  const waiting = new Map<string, Waiting>()
  return {
    failed: (key, now, { mostMs = longestMs, retryAfterMs = 0 } = {}) => {
      const backOff = waiting.get(key)?.backOff ?? createBackOff({ firstMs, mostMs: longestMs, random })
      waiting.set(key, {
        backOff,
        failedMs: now,
        dueMs: now + Math.max(Math.min(backOff.next(), mostMs), retryAfterMs),
      })
    },
    succeeded: (key) => void waiting.delete(key),
    changed: (key) => {
      const known = waiting.get(key)
      if (known === undefined) return
      waiting.set(key, { ...known, dueMs: Math.min(known.dueMs, known.failedMs + changedMs) })
    },
    waits: (key, now) => now < (waiting.get(key)?.dueMs ?? -Infinity),
    hasFailed: (key) => waiting.has(key),
    nextMs: (now) => {
      let least = Infinity
      for (const [key, { dueMs }] of waiting) {
        if (dueMs > now) least = Math.min(least, dueMs - now)
        else if (dueMs < now - forgottenAfterMs) waiting.delete(key)
      }
      return least === Infinity ? undefined : least
    },
    forget: () => waiting.clear(),
  }
}
