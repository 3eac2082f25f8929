import type { Role, TimerName } from '@holdfast/bgp'
import type { Alarm, Clock } from '@holdfast/runtime'

/** The timers of one session machine: a timer that was disarmed, or armed anew, does not ring. */
export class PeerTimers {
  readonly #clock: Clock
  readonly #ring: (role: Role, timer: TimerName) => void
  readonly #alarms = new Map<string, Alarm>()

  constructor(clock: Clock, ring: (role: Role, timer: TimerName) => void) {
    this.#clock = clock
    this.#ring = ring
  }

  arm(role: Role, timer: TimerName, ms: number): void {
    const key = keyOf(role, timer)
    const ring = (): void => {
      this.#alarms.delete(key)
      this.#ring(role, timer)
    }
    // A process that was held up finds the timer due and the peer's bytes unread: those are looked at first.
    const look = (): void => void this.#alarms.set(key, this.#clock.after(0, ring))
    this.disarm(role, timer)
    this.#alarms.set(key, this.#clock.after(ms, timer === 'hold' ? look : ring))
  }

  disarm(role: Role, timer: TimerName): void {
    const key = keyOf(role, timer)
    this.#alarms.get(key)?.cancel()
    this.#alarms.delete(key)
  }

  clear(): void {
    for (const alarm of this.#alarms.values()) alarm.cancel()
    this.#alarms.clear()
  }
}

const keyOf = (role: Role, timer: TimerName): string => `${role} ${timer}`
