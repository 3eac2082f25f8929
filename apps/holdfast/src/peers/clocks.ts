import type { SessionsView } from '../sessions/announcements.ts'

/** The clock of the drivers now, and what it lags behind the wall's. */
export interface Moment {
  readonly nowMs: number
  readonly offsetMs: number
}

/** Two clocks that are read one after the other differ by a little each time; more than this is a wall clock that was set. */
const setMs = 250

const offsets = new WeakMap<SessionsView, number>()

/** The same instant of the drivers' clock is the same time in every answer, unless somebody sets the wall clock. */
export function onOneClock(view: SessionsView, now: { readonly nowMs: number; readonly nowIso: string }): Moment {
  const offsetMs = Date.parse(now.nowIso) - now.nowMs
  const known = offsets.get(view)
  if (known !== undefined && Math.abs(known - offsetMs) <= setMs) return { nowMs: now.nowMs, offsetMs: known }
  offsets.set(view, offsetMs)
  return { nowMs: now.nowMs, offsetMs }
}

export const iso = (atMs: number, { offsetMs }: Moment): string => new Date(Math.floor(atMs + offsetMs)).toISOString()
