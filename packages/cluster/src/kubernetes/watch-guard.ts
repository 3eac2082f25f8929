import type { Alarm, Clock } from '@holdfast/runtime'
import { timing } from './reflector-types.ts'

export interface WatchGuardOptions {
  readonly clock: Clock
  /** What the server was asked to end the watch after. */
  readonly timeoutSeconds: number
  /** How long nothing may come. */
  readonly silenceMs: () => number
  /** The last sign of life; undefined: none yet. */
  readonly lastContactMs: () => number | undefined
  /** Called once, when nothing has come for too long. */
  readonly suspect: () => void
  /** Called once, when the watch has lived for long enough to be one that works. */
  readonly settled: () => void
}

/** Watches over a watch from now on. Returns what ends it. */
export function guardWatch(options: WatchGuardOptions): () => void {
  const { clock, silenceMs } = options
  const startMs = clock.now()
  const longestMs = options.timeoutSeconds * 1000 + timing.endSlackMs
  const lastSignMs = (): number => Math.max(startMs, options.lastContactMs() ?? startMs)
  const dueMs = (): number => Math.min(lastSignMs() + silenceMs(), startMs + longestMs)
  const check = (): void => {
    if (clock.now() >= dueMs()) options.suspect()
    else silence = clock.after(dueMs() - clock.now(), check)
  }
  let silence: Alarm = clock.after(dueMs() - clock.now(), check)
  const settled = clock.after(timing.settledMs, options.settled)
  return () => {
    silence.cancel()
    settled.cancel()
  }
}
