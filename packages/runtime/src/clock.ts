/** A pending call: `cancel` is idempotent and harmless after the call. */
export interface Alarm {
  readonly cancel: () => void
}

/** Time as an input. Milliseconds of a monotonic clock; its zero means nothing. */
export interface Clock {
  readonly now: () => number
  /**
   * Calls `run` once, `ms` from now or later and never before `after` has returned. Any non-negative finite `ms` is right,
   * also beyond 2^31; anything else is a RangeError. Alarms that are due together ring in the order of their due times.
   */
  readonly after: (ms: number, run: () => void) => Alarm
}

/** Throws a RangeError unless `ms` is a time that an alarm can wait: a caller's bug, which would otherwise ring at once. */
export function assertDelay(ms: number): void {
  if (!Number.isFinite(ms) || ms < 0) throw new RangeError(`An alarm cannot wait ${ms} ms.`)
}
