import type { Alarm, Clock } from '@holdfast/runtime'

/**
 * One part of what a peer gives us to do: until about `untilMs` of the clock, then it must return. True: there is more.
 * Must not throw.
 */
export type Share = (untilMs: number) => boolean

/** What one peer may do in one go. */
export const SHARE_MS = 5

/** What all peers together may do before timers and sockets have their turn again. */
const TURN_MS = 10

/** Work that comes on the spot may take up `TURN_MS` of so much time; what is more waits for the next turn. */
const WINDOW_MS = 20

const turnsOfClocks = new WeakMap<Clock, Turns>()

/**
 * Who may work when: all drivers with the same clock take turns, so that none of them, whatever its peer sends, keeps the
 * others from their timers and sockets for longer than a turn and what a single message costs.
 */
export function turnsOf(clock: Clock): Turns {
  const turns = turnsOfClocks.get(clock) ?? new Turns(clock)
  turnsOfClocks.set(clock, turns)
  return turns
}

export class Turns {
  readonly #clock: Clock
  /** In the order in which they come to turn. */
  readonly #waiting = new Set<Share>()
  #alarm: Alarm | undefined
  #isRunning = false
  #windowEndMs = Number.NEGATIVE_INFINITY
  #usedMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Runs a share at once where nobody waits and there is time left; else in its turn. What is left of it waits as well. */
  now(share: Share): void {
    const nowMs = this.#clock.now()
    if (nowMs >= this.#windowEndMs) {
      this.#windowEndMs = nowMs + WINDOW_MS
      this.#usedMs = 0
    }
    if (this.#isRunning || this.#waiting.size > 0 || this.#usedMs >= TURN_MS) this.#waiting.add(share)
    else this.#usedMs += this.#run(share, nowMs)
    this.#await()
  }

  /** Runs a share in its turn: after what is due now. */
  later(share: Share): void {
    this.#waiting.add(share)
    this.#await()
  }

  #await(): void {
    if (this.#waiting.size > 0 && !this.#isRunning) this.#alarm ??= this.#clock.after(0, () => this.#turn())
  }

  /** One share after another, in a ring, until the time is over. */
  #turn(): void {
    this.#alarm = undefined
    let usedMs = 0
    for (const share of this.#waiting) {
      this.#waiting.delete(share)
      usedMs += this.#run(share, this.#clock.now())
      if (usedMs >= TURN_MS) break
    }
    this.#await()
  }

  /** Returns how long it took. */
  #run(share: Share, nowMs: number): number {
    this.#isRunning = true
    if (share(nowMs + SHARE_MS)) this.#waiting.add(share)
    this.#isRunning = false
    return this.#clock.now() - nowMs
  }
}
