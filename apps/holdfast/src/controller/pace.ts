import type { Clock } from '@holdfast/runtime'

/** When the next round may begin, by how many Services were given addresses lately. */
export interface Pace {
  /** A round begins. */
  readonly begin: () => void
  /** So many Services were given addresses by it. */
  readonly granted: (services: number) => void
  /** How long the next round has to wait, in milliseconds; 0: it may begin at once. */
  readonly waitMs: () => number
}

/** So many Services after a pause, and so many a second for ever, cost nobody a wait. */
const free = { atOnce: 20, perSecond: 20 } as const
/** A burst is over for us a second after its last Service, however long it was. */
const mostOwed = 20
/** From the beginning of a round to that of the next, in a burst: short for whoever waits, and time for many to come together. */
const spacingMs = 400

/**
 * A token bucket over Services. A round that begins as soon as the one before is over writes the same block again for every second or
 * third Service of a burst: spaced rounds write it once for a dozen. Services that were given addresses together count twice, for
 * whoever creates them does not wait for one before the next: who does is made to wait only above 20 a second.
 */
export function createPace(clock: Clock): Pace {
  let tokens: number = free.atOnce
  let filledMs = clock.now()
  let beganMs = -Infinity

  function fill(): void {
    const now = clock.now()
    tokens = Math.min(free.atOnce, tokens + ((now - filledMs) * free.perSecond) / 1000)
    filledMs = now
  }

  return {
    begin: () => {
      beganMs = clock.now()
    },
    granted: (services) => {
      fill()
      tokens = Math.max(-mostOwed, tokens - (services > 1 ? 2 * services : services))
    },
    waitMs: () => {
      fill()
      return tokens > 0 ? 0 : Math.max(0, beganMs + spacingMs - clock.now())
    },
  }
}
