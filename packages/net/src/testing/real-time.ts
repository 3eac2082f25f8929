import { systemClock } from '@holdfast/runtime'

const PATIENCE_MS = 20_000

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Lets the event loop turn until `condition` holds; rejects after 20 s. */
export async function until(condition: () => boolean): Promise<void> {
  const { now } = systemClock()
  const startMs = now()
  while (!condition()) {
    if (now() - startMs > PATIENCE_MS) throw new Error(`Not within ${PATIENCE_MS} ms: ${condition.toString()}`)
    await nextTurn()
  }
}

/** Lets the event loop turn often enough for everything on loopback that is under way to arrive. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 50; turns += 1) await nextTurn()
}
