import type { Alarm, Clock } from '@holdfast/runtime'

/** How long an exchange may take in each of its phases. */
export interface Patience {
  /** From now on `phase` may take `ms`; called again and again, it costs little. */
  readonly expect: (phase: string, ms: number) => void
  readonly end: () => void
}

/** `late` is called once, with the phase that took too long. */
export function createPatience(clock: Clock, late: (phase: string, ms: number) => void): Patience {
  let alarm: Alarm | undefined
  let armedMs = Infinity
  let current = { phase: '', ms: 0, dueMs: 0 }

  const arm = (ms: number): void => {
    alarm?.cancel()
    armedMs = clock.now() + ms
    alarm = clock.after(ms, ring)
  }
  // An alarm that rings while its phase was moved on waits for the rest: one alarm for thousands of chunks.
  const ring = (): void => {
    const leftMs = current.dueMs - clock.now()
    if (leftMs > 0) return arm(leftMs)
    alarm = undefined
    armedMs = Infinity
    late(current.phase, current.ms)
  }
  return {
    expect: (phase, ms) => {
      current = { phase, ms, dueMs: clock.now() + ms }
      if (current.dueMs < armedMs) arm(ms)
    },
    end: () => alarm?.cancel(),
  }
}
