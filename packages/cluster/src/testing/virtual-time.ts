import { setImmediate } from 'node:timers/promises'
import type { VirtualClock } from '@holdfast/runtime'

/** Lets everything happen that waits for no time. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await setImmediate()
}

/** Lets `ms` of virtual time pass, alarm by alarm, each with everything that follows of it at once. */
export async function pass(clock: VirtualClock, ms: number): Promise<void> {
  const end = { isReached: false as boolean }
  clock.after(ms, () => (end.isReached = true))
  await settle()
  while (!end.isReached) {
    clock.advanceToNext()
    await settle()
  }
}

/** Lets virtual time pass until `condition` holds; how long it took, or undefined: it did not hold within `limitMs`. */
export async function passUntil(
  clock: VirtualClock,
  condition: () => boolean,
  limitMs: number,
): Promise<number | undefined> {
  const startMs = clock.now()
  const end = { isReached: false as boolean }
  const limit = clock.after(limitMs, () => (end.isReached = true))
  await settle()
  while (!condition() && !end.isReached) {
    clock.advanceToNext()
    await settle()
  }
  limit.cancel()
  return condition() ? clock.now() - startMs : undefined
}

/** Numbers from 0 to below 1, the same for the same seed. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
