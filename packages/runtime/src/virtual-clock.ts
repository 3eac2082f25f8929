import { assertDelay, type Alarm, type Clock } from './clock.ts'

/** More alarms than this without time moving on are a loop that would never end. */
const MOST_ALARMS_AT_ONE_TIME = 1_000_000

/** A clock whose time passes only when it is told to: for simulation. Every run of the same program is the same. */
export interface VirtualClock extends Clock {
  /** Lets `ms` pass: what falls due meanwhile rings in the order of due times, then of creation, each at its own time. */
  readonly advance: (ms: number) => void
  /** Goes to the next alarm and rings it (alone). False: none is pending, and no time passed. */
  readonly advanceToNext: () => boolean
  /**
   * Rings alarms until `condition` holds, which is asked first and after each alarm. False: it does not hold after
   * `limitMs`, which have passed then.
   */
  readonly runUntil: (condition: () => boolean, limitMs: number) => boolean
  /** How many alarms are pending. */
  readonly pending: () => number
}

interface Entry {
  readonly dueMs: number
  readonly run: () => void
}

/** Creates a virtual clock that shows `startMs`. */
export function createVirtualClock(startMs = 0): VirtualClock {
  /** By due time, then by creation; the next one is the last, because arrays shrink cheaply at their end. */
  const entries: Entry[] = []
  let nowMs = startMs
  let ringsAtNow = 0
  let isRinging = false

  function after(ms: number, run: () => void): Alarm {
    assertDelay(ms)
    const entry = { dueMs: nowMs + ms, run }
    entries.splice(positionOf(entries, entry.dueMs), 0, entry)
    return { cancel: () => remove(entries, entry) }
  }

  function moveTo(ms: number): void {
    if (ms > nowMs) ringsAtNow = 0
    nowMs = Math.max(nowMs, ms)
  }

  function ring(entry: Entry): void {
    entries.pop()
    moveTo(entry.dueMs)
    ringsAtNow += 1
    if (ringsAtNow > MOST_ALARMS_AT_ONE_TIME) throw new Error(`Alarms at ${nowMs} ms set each other without end.`)
    isRinging = true
    try {
      entry.run()
    } finally {
      isRinging = false
    }
  }

  function assertIsOutside(): void {
    if (isRinging) throw new Error('An alarm of a virtual clock cannot move the same clock.')
  }

  function runUntil(condition: () => boolean, limitMs: number): boolean {
    assertIsOutside()
    assertDelay(limitMs)
    const endMs = nowMs + limitMs
    while (!condition()) {
      const next = entries.at(-1)
      if (next === undefined || next.dueMs > endMs) {
        moveTo(endMs)
        return condition()
      }
      ring(next)
    }
    return true
  }

  function advanceToNext(): boolean {
    assertIsOutside()
    const next = entries.at(-1)
    if (next !== undefined) ring(next)
    return next !== undefined
  }

  return {
    now: () => nowMs,
    after,
    advance: (ms) => void runUntil(() => false, ms),
    advanceToNext,
    runUntil,
    pending: () => entries.length,
  }
}

/** Where an entry of this due time goes, so that it rings after those that are due at the same time already. */
function positionOf(entries: readonly Entry[], dueMs: number): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const entry = entries[middle]
    if (entry !== undefined && entry.dueMs > dueMs) low = middle + 1
    else high = middle
  }
  return low
}

function remove(entries: Entry[], entry: Entry): void {
  const at = entries.indexOf(entry)
  if (at >= 0) entries.splice(at, 1)
}
