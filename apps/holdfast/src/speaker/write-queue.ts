import type { BackOff } from '@holdfast/cluster'
import { createBackOff } from '@holdfast/cluster'
import type { Alarm, Clock } from '@holdfast/runtime'
import type { Outcome } from './written.ts'

export interface WriteQueueOptions {
  readonly clock: Clock
  /** 0 to below 1: spreads the retries of many nodes, also where the API server tells all of them the same time. */
  readonly random: () => number
  /** Writes what is to be written of one key, as it is to be by then. Never rejects. */
  readonly reconcile: (key: string) => Promise<Outcome>
  /** How many a second, in the long run. */
  readonly perSecond: number
  /** How many at once after a quiet time. */
  readonly burst: number
}

/** Keys to be written, each once however often it was added. */
export interface WriteQueue {
  readonly add: (keys: Iterable<string>) => void
  readonly stop: () => void
  /** How many wait or are under way. */
  readonly size: () => number
}

const firstRetryMs = 1000
const mostRetryMs = 60_000

/**
 * Writes one key after another, at a rate that an API server does not feel when thousands of nodes do the same, and a failed one
 * again later. Announcing never waits for it.
 */
export function createWriteQueue({ clock, random, reconcile, perSecond, burst }: WriteQueueOptions): WriteQueue {
  const waiting = new Set<string>()
  const retries = new Map<string, { readonly backOff: BackOff; readonly alarm: Alarm }>()
  let current: string | undefined
  let alarm: Alarm | undefined
  let tokens = burst
  let filledMs = clock.now()
  let isStopped = false

  function work(): void {
    alarm?.cancel()
    alarm = undefined
    if (isStopped || current !== undefined || waiting.size === 0) return
    const nowMs = clock.now()
    tokens = Math.min(burst, tokens + ((nowMs - filledMs) * perSecond) / 1000)
    filledMs = nowMs
    if (tokens < 1) {
      alarm = clock.after(Math.ceil(((1 - tokens) * 1000) / perSecond), work)
      return
    }
    tokens -= 1
    const [key = ''] = waiting
    waiting.delete(key)
    current = key
    void reconcile(key).then((outcome) => {
      current = undefined
      settle(key, outcome)
      work()
    })
  }

  function settle(key: string, outcome: Outcome): void {
    if (outcome.kind === 'done') {
      retries.delete(key)
      return
    }
    const backOff = retries.get(key)?.backOff ?? createBackOff({ firstMs: firstRetryMs, mostMs: mostRetryMs, random })
    const again = clock.after(backOff.next(outcome.fault.retryAfterMs), () => {
      waiting.add(key)
      work()
    })
    retries.set(key, { backOff, alarm: again })
  }

  return {
    add: (keys) => {
      for (const key of keys) if (!isRetrying(key)) waiting.add(key)
      work()
    },
    stop: () => {
      isStopped = true
      alarm?.cancel()
      for (const one of retries.values()) one.alarm.cancel()
    },
    size: () => waiting.size + retries.size + (current === undefined ? 0 : 1),
  }

  /** What failed a moment ago is not tried sooner because it is wanted again. */
  function isRetrying(key: string): boolean {
    return retries.has(key) && key !== current
  }
}
