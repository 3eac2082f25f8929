import type { Alarm, Clock } from '@holdfast/runtime'
import { createBackOff, type BackOff } from './back-off.ts'

/** What became of a key. */
export type WorkOutcome =
  | { readonly kind: 'done' }
  /** It failed: again after a wait that grows from time to time, at least what a server asked for (Retry-After). */
  | { readonly kind: 'retry'; readonly retryAfterMs: number | undefined }
  /** It did not fail, but there is more to do then. */
  | { readonly kind: 'later'; readonly afterMs: number }

export interface WorkQueueOptions {
  readonly clock: Clock
  /** 0 to below 1: spreads retries. */
  readonly random: () => number
  /** Handled at the same time, never two of one key. */
  readonly concurrency: number
  /** Does what the newest state asks for: a key says only what to look at. Rejects only by a bug. */
  readonly handle: (key: string) => Promise<WorkOutcome>
  /** The first wait after a failure; default: 200 ms. */
  readonly firstRetryMs?: number
  /** The longest; default: 25 s. */
  readonly mostRetryMs?: number
}

/** Keys whose objects are to be looked at, each once however often it is added, in the order in which they came. */
export interface WorkQueue {
  /**
   * Harmless while the key waits. While it is handled, it is handled again afterwards, behind those that wait already. While it waits
   * after a failure, that wait holds: a key that changes often may not hurry what fails.
   */
  readonly add: (key: string) => void
  /** Keys that wait, are handled, or will be tried again. */
  readonly size: () => number
  /** Resolves when what is under way is done; nothing is begun any more, and no timer is left. */
  readonly stop: () => Promise<void>
}

type State =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'running'; isAddedAgain: boolean }
  | { readonly kind: 'resting'; readonly alarm: Alarm; readonly isFailed: boolean }

/** Creates a queue. Without keys it has no timers. */
export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { clock, random, concurrency, handle, firstRetryMs = 200, mostRetryMs = 25_000 } = options
  const states = new Map<string, State>()
  const backOffs = new Map<string, BackOff>()
  /** In the order of adding: a Set keeps it, and gives up its first cheaply. */
  const ready = new Set<string>()
  let running = 0
  let stopped: PromiseWithResolvers<undefined> | undefined

  function add(key: string): void {
    if (stopped !== undefined) return
    const state = states.get(key)
    if (state?.kind === 'running') state.isAddedAgain = true
    if (state?.kind === 'resting' && !state.isFailed) {
      state.alarm.cancel()
      enqueue(key)
    }
    if (state === undefined) enqueue(key)
  }

  function enqueue(key: string): void {
    states.set(key, { kind: 'waiting' })
    ready.add(key)
    // Whoever adds many keys at once is done with that before the first is handled.
    queueMicrotask(begin)
  }

  function begin(): void {
    for (const key of ready) {
      if (running >= concurrency || stopped !== undefined) return
      ready.delete(key)
      running += 1
      void run(key)
    }
  }

  async function run(key: string): Promise<void> {
    const state: State = { kind: 'running', isAddedAgain: false }
    states.set(key, state)
    try {
      settle(key, await handle(key), state.isAddedAgain)
    } finally {
      running -= 1
      begin()
      if (running === 0) stopped?.resolve(undefined)
    }
  }

  function settle(key: string, outcome: WorkOutcome, isAddedAgain: boolean): void {
    states.delete(key)
    if (outcome.kind !== 'retry') backOffs.delete(key)
    if (stopped !== undefined) return
    if (outcome.kind === 'retry') rest(key, backOffOf(key).next(outcome.retryAfterMs), true)
    else if (isAddedAgain) enqueue(key)
    else if (outcome.kind === 'later') rest(key, outcome.afterMs, false)
  }

  function backOffOf(key: string): BackOff {
    const known = backOffs.get(key)
    if (known !== undefined) return known
    const backOff = createBackOff({ firstMs: firstRetryMs, mostMs: mostRetryMs, random })
    backOffs.set(key, backOff)
    return backOff
  }

  function rest(key: string, ms: number, isFailed: boolean): void {
    states.set(key, { kind: 'resting', alarm: clock.after(ms, () => enqueue(key)), isFailed })
  }

  return {
    add,
    size: () => states.size,
    stop: async () => {
      stopped ??= Promise.withResolvers<undefined>()
      for (const state of states.values()) if (state.kind === 'resting') state.alarm.cancel()
      ready.clear()
      if (running === 0) stopped.resolve(undefined)
      await stopped.promise
      states.clear()
    },
  }
}
