import type { Fault, ObjectFault, Rule, WatchFault } from './faults.ts'
import { statusObject } from './faults.ts'
import { inflate } from './faulty-list.ts'

/** What becomes of a watch after the text was sent. */
type Fate = 'goesOn' | 'ends' | 'breaksOff' | 'quiet'

export interface Outcome {
  readonly text: string
  readonly fate: Fate
}

/** One open watch: which rules met it, and how many events passed since. */
export interface WatchFilter {
  /** An event's line as the server sent it, with its end of line. */
  readonly pass: (line: string) => Outcome
  /** To be asked when rules change: what happens without an event. */
  readonly poke: () => Outcome
}

/** The rules that hold now for this watch, and how they are told that they took effect (false: they may not any more). */
export interface RuleView {
  readonly rules: () => readonly Rule[]
  readonly use: (rule: Rule) => boolean
}

type EventFault = WatchFault | ObjectFault

const eventFaults: ReadonlySet<Fault['kind']> = new Set<EventFault['kind']>([
  ...(['cutEvent', 'halfEvent', 'quiet', 'dropEvents', 'duplicateEvents', 'errorEvent', 'strangeEvent'] as const),
  ...(['garbageLine', 'endWatch', 'inflate'] as const),
])

const isEventFault = (fault: Fault): fault is EventFault => eventFaults.has(fault.kind)

export function createWatchFilter(view: RuleView): WatchFilter {
  const passed = new Map<Rule, number>()

  /** The rules whose turn it is: so many events as they wait for have passed. */
  const due = (): readonly { readonly rule: Rule; readonly fault: EventFault }[] =>
    view.rules().flatMap((rule) => {
      const { fault } = rule
      if (!isEventFault(fault)) return []
      const count = passed.get(rule) ?? 0
      passed.set(rule, count)
      const wait = 'afterEvents' in fault ? (fault.afterEvents ?? 0) : 0
      return count >= wait ? [{ rule, fault }] : []
    })

  /** Of the rules that are due, the first that has an effect is the only one. */
  const firstEffect = (effect: (fault: EventFault) => Outcome | undefined): Outcome | undefined => {
    for (const { rule, fault } of due()) {
      const outcome = effect(fault)
      if (outcome !== undefined && view.use(rule)) return outcome
    }
    return undefined
  }

  return {
    pass: (line) => {
      const spoilt = firstEffect((fault) => spoilEvent(line, fault))
      for (const [rule, count] of passed) passed.set(rule, count + 1)
      return spoilt ?? { text: line, fate: 'goesOn' }
    },
    poke: () => firstEffect(withoutEvent) ?? { text: '', fate: 'goesOn' },
  }
}

const eventLine = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`

/** undefined: the event is none that the fault is about. */
function spoilEvent(line: string, fault: EventFault): Outcome | undefined {
  switch (fault.kind) {
    case 'cutEvent':
      return { text: line.slice(0, line.length / 2), fate: 'breaksOff' }
    case 'halfEvent':
      return { text: line.slice(0, line.length / 2), fate: 'ends' }
    case 'quiet':
      return { text: '', fate: 'quiet' }
    case 'errorEvent':
    case 'endWatch':
      return withoutEvent(fault)
    case 'dropEvents':
      return fault.types.includes(parseEvent(line).type) ? { text: '', fate: 'goesOn' } : undefined
    case 'duplicateEvents':
      return { text: line + line, fate: 'goesOn' }
    case 'strangeEvent':
      return { text: eventLine('SPLIT', parseEvent(line).object) + line, fate: 'goesOn' }
    case 'garbageLine':
      return { text: `<html>502 {"type":\n${line}`, fate: 'goesOn' }
    case 'inflate': {
      const { type, object } = parseEvent(line)
      return { text: eventLine(type, inflate(object, fault.bytes)), fate: 'goesOn' }
    }
  }
}

function withoutEvent(fault: EventFault): Outcome | undefined {
  if (fault.kind === 'errorEvent') return { text: eventLine('ERROR', statusObject(fault.status)), fate: 'ends' }
  if (fault.kind === 'endWatch') return { text: '', fate: 'ends' }
  return undefined
}

/** The API server's own events have both. */
const parseEvent = (line: string): { readonly type: string; readonly object: unknown } =>
  JSON.parse(line) as { readonly type: string; readonly object: unknown }
