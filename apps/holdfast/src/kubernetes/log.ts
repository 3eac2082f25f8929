import type { Event } from '../events.ts'
import { plainLine } from '../output/plain.ts'
import type { LogLevel } from './command.ts'

/** What a line can have; `none` is no level of a line. */
export type LineLevel = Exclude<LogLevel, 'none'>

/** What a line says besides: names of objects, codes, counts. No secrets. */
export type LogFields = Readonly<Record<string, unknown>>

/** One JSON line each: time, level, event (a stable name), message (a sentence), then the fields. */
export interface Log {
  readonly log: (level: LineLevel, event: string, message: string, fields?: LogFields) => void
  /** One of the program's own events, at the level that it deserves. */
  readonly event: (event: Event) => void
}

export interface LogOptions {
  /** Lines of this level and those before it are written. */
  readonly level: LogLevel
  /** Takes one line with its line feed. */
  readonly write: (line: string) => unknown
  /** The wall clock, RFC 3339. */
  readonly now: () => string
}

const ranks: Readonly<Record<LogLevel, number>> = { none: 0, error: 1, warn: 2, info: 3, debug: 4 }

/** Creates a log. No field takes the place of time, level, event or message. */
export function createLog({ level: most, write, now }: LogOptions): Log {
  const log: Log['log'] = (level, event, message, fields = {}) => {
    if (ranks[level] > ranks[most]) return
    const head = { time: now(), level, event, message }
    write(`${JSON.stringify({ ...head, ...fields, ...head })}\n`)
  }
  return {
    log,
    event: (event) => {
      const { event: name, ...fields } = event
      log(levelOf(event), name, messageOf(event), fields)
    },
  }
}

/** What somebody reads who sees the message alone. In a cluster an object has no file but its own name. */
function messageOf(event: Event): string {
  switch (event.event) {
    case 'fault':
      return `${placeOf(event)}: ${event.message} ${event.remedy}`
    case 'faultCleared':
      return `mended: ${placeOf(event)}`
    default:
      return ('message' in event ? event.message : undefined) ?? plainLine(event)
  }
}

const placeOf = ({ object, file, path }: Extract<Event, { event: 'fault' | 'faultCleared' }>): string =>
  [object ?? file, path ?? ''].filter((part) => part !== '').join(' ')

/** Of docs/reference/session-reasons.md, those for which there is nothing to do. */
const harmless: ReadonlySet<string> = new Set([
  ...[
    'started',
    'listening',
    'retrying',
    'tcpConnected',
    'openAccepted',
    'established',
    'collision',
    'otherConnection',
    'sessionReplaced',
  ],
  ...['administrativeShutdown', 'peerDeconfigured', 'administrativeReset', 'restart', 'configurationChange'],
])

/** How much an event matters to somebody who reads logs. */
function levelOf(event: Event): LineLevel {
  switch (event.event) {
    case 'defect':
    case 'fault':
      return 'error'
    case 'unsent':
    case 'notInForce':
    case 'refusedConnection':
      return 'warn'
    case 'state':
      return event.outcome === 'failed' ? 'warn' : 'info'
    case 'listening':
      return event.outcome === 'failed' ? 'warn' : 'info'
    case 'service':
      return event.type === 'Warning' ? 'warn' : 'info'
    case 'bfd':
      return event.isFailure ? 'warn' : 'info'
    case 'route':
      return 'debug'
    case 'session':
      return harmless.has(event.reason) ? 'info' : 'warn'
    case 'started':
    case 'rekeyed':
    case 'neighbor':
    case 'announced':
    case 'withheld':
    case 'faultCleared':
    case 'notInForceCleared':
    case 'notice':
    case 'stopping':
    case 'stopped':
      return 'info'
  }
}
