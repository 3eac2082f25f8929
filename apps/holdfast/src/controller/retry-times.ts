import type { BackOff } from '@holdfast/cluster'
import { createBackOff } from '@holdfast/cluster'

/** When what failed may be tried again, by key: each failure doubles the wait. */
export interface RetryTimes {
  readonly failed: (key: string, now: number) => void
  readonly succeeded: (key: string) => void
  /** True where the key has to wait. */
  readonly waits: (key: string, now: number) => boolean
  /** Milliseconds until the first key may be tried again; undefined: none waits. */
  readonly nextMs: (now: number) => number | undefined
  readonly forget: () => void
}

const firstMs = 500
const mostMs = 300_000

/** Creates them. `random` (0 to below 1) spreads the waits over their upper half. */
export function createRetryTimes(random: () => number): RetryTimes {
  const waiting = new Map<string, { readonly backOff: BackOff; readonly dueMs: number }>()
  return {
    failed: (key, now) => {
      const backOff = waiting.get(key)?.backOff ?? createBackOff({ firstMs, mostMs, random })
      waiting.set(key, { backOff, dueMs: now + backOff.next() })
    },
    succeeded: (key) => void waiting.delete(key),
    waits: (key, now) => now < (waiting.get(key)?.dueMs ?? -Infinity),
    nextMs: (now) => {
      let least = Infinity
      for (const { dueMs } of waiting.values()) if (dueMs > now) least = Math.min(least, dueMs - now)
      return least === Infinity ? undefined : least
    },
    forget: () => waiting.clear(),
  }
}
