/** When what failed may be tried again, by key: each failure doubles the wait. */
export interface BackOff {
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

/** Creates a back-off. `random` (0 to below 1) spreads the waits over their upper half. */
export function createBackOff(random: () => number): BackOff {
  const waiting = new Map<string, { readonly failures: number; readonly dueMs: number }>()
  return {
    failed: (key, now) => {
      const failures = (waiting.get(key)?.failures ?? 0) + 1
      const ms = Math.min(mostMs, firstMs * 2 ** (failures - 1))
      waiting.set(key, { failures, dueMs: now + ms * (0.5 + random() / 2) })
    },
    succeeded: (key) => void waiting.delete(key),
    waits: (key, now) => now < (waiting.get(key)?.dueMs ?? -Infinity),
    nextMs: (now) => {
      const due = [...waiting.values()].map(({ dueMs }) => dueMs).filter((dueMs) => dueMs > now)
      return due.length === 0 ? undefined : Math.min(...due) - now
    },
    forget: () => waiting.clear(),
  }
}
