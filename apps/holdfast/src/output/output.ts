import type { Alarm, Clock } from '@holdfast/runtime'
import type { Event } from '../events.ts'
import { renderFrame } from './frame.ts'
import { plainLine } from './plain.ts'
import { ScreenState } from './screen-state.ts'

/** Where a program's events go. */
export interface Output {
  readonly report: (event: Event) => void
  /** Tells the user what to try next; JSON output has no place for it. */
  readonly hint: (lines: readonly string[]) => void
  /** Puts the terminal back as it was. */
  readonly close: () => void
}

/** The part of a terminal or pipe that output needs: `process.stdout` is one. */
export interface Sink {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  readonly rows?: number | undefined
  readonly write: (text: string) => unknown
}

/** JSON lines where asked for, a live view on a terminal, plain lines in a pipe. `nowIso` is the wall clock. */
export function chooseOutput(sink: Sink, options: { json: boolean; clock: Clock; nowIso: () => string }): Output {
  if (options.json) return jsonOutput(sink, options.nowIso)
  return sink.isTTY === true ? liveOutput(sink, options.clock) : plainOutput(sink)
}

const jsonOutput = (sink: Sink, nowIso: () => string): Output => ({
  report: (event) => sink.write(`${JSON.stringify({ time: nowIso(), ...event })}\n`),
  hint: () => undefined,
  close: () => undefined,
})

const plainOutput = (sink: Sink): Output => ({
  report: (event) => sink.write(`${plainLine(event)}\n`),
  hint: (lines) => sink.write(lines.map((line) => `${line}\n`).join('')),
  close: () => undefined,
})

const enterScreen = '\u001b[?1049h\u001b[?25l'
const leaveScreen = '\u001b[?25h\u001b[?1049l'
const home = '\u001b[H'
const clearToLineEnd = '\u001b[K'
const clearBelow = '\u001b[J'

/** Redraws soon after an event, many events at once, and every second for the ages. */
function liveOutput(sink: Sink, clock: Clock): Output {
  const state = new ScreenState(50)
  let hint: readonly string[] = []
  let alarm: Alarm | undefined
  let due = Number.POSITIVE_INFINITY

  const draw = (): void => {
    const size = { columns: sink.columns ?? 80, rows: sink.rows ?? 24 }
    const lines = renderFrame(state, { now: clock.now(), hint, ...size })
    sink.write(`${home}${lines.map((line) => line + clearToLineEnd).join('\r\n')}${clearBelow}`)
    due = Number.POSITIVE_INFINITY
    schedule(1000)
  }
  const schedule = (ms: number): void => {
    const at = clock.now() + ms
    if (at >= due) return
    alarm?.cancel()
    due = at
    alarm = clock.after(ms, draw)
  }

  sink.write(enterScreen)
  return {
    report: (event) => {
      state.apply(event, clock.now())
      schedule(40)
    },
    hint: (lines) => {
      hint = lines
      schedule(40)
    },
    close: () => {
      alarm?.cancel()
      sink.write(leaveScreen)
      // The alternate screen takes everything with it: leave the last words behind.
      for (const { line } of state.recent.slice(-3)) sink.write(`${line}\n`)
    },
  }
}
