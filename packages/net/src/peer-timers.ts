import type { Role, TimerName } from '@holdfast/bgp'
import type { Alarm, Clock } from '@holdfast/runtime'

export interface PeerTimersOptions {
  readonly clock: Clock
  readonly ring: (role: Role, timer: TimerName) => void
  /** Of what a role's connection has received by now: whether some of it is not read yet. */
  readonly unreadOf: (role: Role) => () => boolean
}

interface Armed {
  readonly dueMs: number
  alarm: Alarm
}

/** The timers of one session machine: a timer that was disarmed, or armed anew, does not ring. */
export class PeerTimers {
  readonly #options: PeerTimersOptions
  readonly #armed: Readonly<Record<Role, Map<TimerName, Armed>>> = { active: new Map(), passive: new Map() }

  constructor(options: PeerTimersOptions) {
    this.#options = options
  }

  arm(role: Role, timer: TimerName, ms: number): void {
    const { clock, ring, unreadOf } = this.#options
    this.disarm(role, timer)
    const rung = (): void => {
      this.#armed[role].delete(timer)
      ring(role, timer)
    }
    const after = (waitMs: number, run: () => void): Alarm => clock.after(waitMs, run)
    // A process that was held up finds the timer due and the peer's bytes in the socket, or in our own queue: they came in
    // time, and are looked at first.
    const read = (isUnread: () => boolean): void => {
      if (isUnread()) armed.alarm = after(0, () => read(isUnread))
      else rung()
    }
    const look = (): void => void (armed.alarm = after(0, () => read(unreadOf(role))))
    const armed: Armed = { dueMs: clock.now() + ms, alarm: after(ms, timer === 'hold' ? look : rung) }
    this.#armed[role].set(timer, armed)
  }

  disarm(role: Role, timer: TimerName): void {
    this.#armed[role].get(timer)?.alarm.cancel()
    this.#armed[role].delete(timer)
  }

  clear(): void {
    for (const timers of Object.values(this.#armed)) {
      for (const { alarm } of timers.values()) alarm.cancel()
      timers.clear()
    }
  }

  /** When each armed timer of a role rings. */
  dueMs(role: Role): Partial<Record<TimerName, number>> {
    return Object.fromEntries(Array.from(this.#armed[role], ([timer, { dueMs }]) => [timer, dueMs]))
  }
}
