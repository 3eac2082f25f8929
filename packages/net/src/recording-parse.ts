import type { PeerConfig, Role, Route, RouteAttributes, SessionReset, TimerName } from '@holdfast/bgp'
import { describeText } from '@holdfast/bgp'
import { parsePrefix } from '@holdfast/ip'
import type { RecordedInput, RecordedOutput, RecordEntry } from './recording.ts'
import { Fields } from './recording-fields.ts'

/** The entries of a recording; or where it is damaged, how, and what to do about it. Lines count from 1. */
export type ParsedRecording =
  | { readonly ok: true; readonly entries: readonly RecordEntry[] }
  | { readonly ok: false; readonly line: number; readonly reason: string; readonly remedy: string }

const ROLES: readonly [Role, Role] = ['active', 'passive']
const FAMILIES = ['ipv4', 'ipv6'] as const
const TIMERS: readonly [TimerName, ...TimerName[]] = [
  'connectRetry',
  'hold',
  'keepalive',
  'delayOpen',
  'idleHold',
  'refresh',
  'sendHold',
]

const CUT_REMEDY =
  'The file ends in the middle of this line: remove the line, and all that comes before can be replayed.'
const VERSION_REMEDY = 'Replay it with the version of holdfast that made it.'
const DAMAGE_REMEDY = 'Recordings are not for editing: take the file as it was written.'

/** Reads a recording, one JSON line for each entry. Every line must be whole and known; the last one may lack its line feed. */
export function parseRecording(text: string): ParsedRecording {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  const isCut = !text.endsWith('\n')
  const entries: RecordEntry[] = []
  const sets = new Set<number>()
  for (const [index, line] of lines.entries()) {
    const parsed = entryOf(line)
    if ('remedy' in parsed) {
      const isEnd = isCut && index === lines.length - 1 && parsed.remedy === DAMAGE_REMEDY
      return { ok: false, line: index + 1, reason: parsed.reason, remedy: isEnd ? CUT_REMEDY : parsed.remedy }
    }
    entries.push(parsed)
    const missing = missingSet(parsed, sets)
    if (missing !== undefined) return { ok: false, line: index + 1, reason: missing, remedy: DAMAGE_REMEDY }
  }
  return entries[0]?.kind === 'created' ? { ok: true, entries } : notARecording
}

const notARecording: ParsedRecording = {
  ok: false,
  line: 1,
  reason: 'a recording begins with an entry of kind created',
  remedy: 'Give a file that holdfast --record has written, from its beginning.',
}

function missingSet(entry: RecordEntry, sets: Set<number>): string | undefined {
  if (entry.kind !== 'desire') return undefined
  if (entry.routes !== undefined) sets.add(entry.id)
  return sets.has(entry.id) ? undefined : `no line before has the routes of set ${entry.id}`
}

interface Damage {
  readonly reason: string
  readonly remedy: string
}

function entryOf(line: string): RecordEntry | Damage {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return { reason: 'the line is not JSON', remedy: DAMAGE_REMEDY }
  }
  const fields = Fields.of(value)
  const atMs = fields.number('atMs')
  const kind = fields.text('kind')
  const noEntry = fields.fault()
  if (noEntry !== undefined) return { reason: noEntry, remedy: DAMAGE_REMEDY }
  const read = READERS.get(kind)
  if (read === undefined) {
    return { reason: `entries of kind "${describeText(kind)}" are not known`, remedy: VERSION_REMEDY }
  }
  const body = fields.end(read(fields))
  const fault = fields.fault()
  if (fault === undefined) return { atMs, ...body }
  // Of another version nothing else needs to be as it is here.
  const isOther = kind === 'created' && fault.startsWith('version ')
  return { reason: fault, remedy: isOther ? VERSION_REMEDY : DAMAGE_REMEDY }
}

const readers: Readonly<Record<string, (fields: Fields) => RecordedInput | RecordedOutput>> = {
  created: readCreated,
  start: () => ({ kind: 'start' }),
  stop: (fields) => ({
    kind: 'stop',
    reason: fields.oneOf('reason', [
      'administrativeShutdown',
      'peerDeconfigured',
      'administrativeReset',
      'configurationChange',
      'restart',
    ]),
    communication: fields.optional('communication', () => fields.text('communication')),
  }),
  bfdDown: (fields) => ({ kind: 'bfdDown', message: fields.text('message') }),
  connected: (fields) => ({
    kind: 'connected',
    role: fields.oneOf('role', ROLES),
    local: fields.address('local'),
    remote: fields.address('remote'),
  }),
  disconnected: (fields) => ({
    kind: 'disconnected',
    role: fields.oneOf('role', ROLES),
    code: fields.text('code'),
    message: fields.text('message'),
  }),
  message: (fields) => ({ kind: 'message', role: fields.oneOf('role', ROLES), bytes: fields.hex('bytes') }),
  faulted: (fields) => ({ kind: 'faulted', role: fields.oneOf('role', ROLES), fault: faultOf(fields.object('fault')) }),
  timer: (fields) => ({ kind: 'timer', role: fields.oneOf('role', ROLES), timer: fields.oneOf('timer', TIMERS) }),
  desire: (fields) => ({
    kind: 'desire',
    id: fields.count('id'),
    routes: fields.optional('routes', () => routesOf(fields)),
  }),
  sent: (fields) => ({ kind: 'sent', role: fields.oneOf('role', ROLES), bytes: fields.hex('bytes') }),
  did: (fields) => ({ kind: 'did', text: fields.text('text') }),
}

/** A map, since an object knows `constructor` and `toString` as well. */
const READERS = new Map(Object.entries(readers))

/** The version is looked at first: a later one may have any other fields. */
function readCreated(fields: Fields): RecordedInput {
  if (fields.count('version') !== 1) fields.complain('version', '1, the only one that is known')
  const config = configOf(fields.object('config'))
  return { kind: 'created', version: 1, config, isRestarting: fields.flag('isRestarting') }
}

function configOf(fields: Fields): PeerConfig {
  return fields.end({
    localAsn: fields.count('localAsn'),
    remoteAsn: remoteAsnOf(fields),
    routerId: fields.count('routerId'),
    holdTimeSeconds: fields.number('holdTimeSeconds'),
    keepaliveSeconds: fields.optional('keepaliveSeconds', () => fields.number('keepaliveSeconds')),
    connectRetrySeconds: fields.number('connectRetrySeconds'),
    isPassive: fields.flag('isPassive'),
    delayOpenSeconds: fields.number('delayOpenSeconds'),
    families: fields.someOf('families', FAMILIES),
    globalAsn: fields.optional('globalAsn', () => fields.count('globalAsn')),
    gracefulRestart: fields.optional('gracefulRestart', () => restartOf(fields.object('gracefulRestart'))),
    longLivedStaleSeconds: fields.optional('longLivedStaleSeconds', () => fields.number('longLivedStaleSeconds')),
    hasAddPath: fields.flag('hasAddPath'),
    hasExtendedNextHop: fields.flag('hasExtendedNextHop'),
    role: fields.optional('role', () =>
      fields.oneOf('role', ['provider', 'routeServer', 'routeServerClient', 'customer', 'peer']),
    ),
    isRoleStrict: fields.flag('isRoleStrict'),
    prefixLimit: fields.optional('prefixLimit', () => fields.number('prefixLimit')),
    sendHoldSeconds: fields.optional('sendHoldSeconds', () => fields.number('sendHoldSeconds')),
    withheldCapabilities: fields.someOf('withheldCapabilities', [
      'routeRefresh',
      'enhancedRouteRefresh',
      'extendedMessage',
      'fourOctetAs',
    ]),
    seed: fields.number('seed'),
  })
}

function remoteAsnOf(fields: Fields): PeerConfig['remoteAsn'] {
  if (fields.isText('remoteAsn'))
    return fields.oneOf<'internal' | 'external' | 'any'>('remoteAsn', ['internal', 'external', 'any'])
  return fields.count('remoteAsn')
}

const restartOf = (fields: Fields): NonNullable<PeerConfig['gracefulRestart']> =>
  fields.end({
    restartTimeSeconds: fields.number('restartTimeSeconds'),
    hasNotification: fields.flag('hasNotification'),
  })

const faultOf = (fields: Fields): SessionReset =>
  fields.end({
    remedy: fields.oneOf('remedy', ['sessionReset']),
    code: fields.count('code', 255),
    subcode: fields.count('subcode', 255),
    data: fields.hex('data'),
    message: fields.text('message'),
    isSilent: fields.flag('isSilent'),
  })

/** `10.0.0.1/32 0`: a prefix and the place of its attributes. */
function routesOf(fields: Fields): readonly Route[] {
  const attributes = fields.objects('attributes').map(attributesOf)
  const routes: Route[] = []
  for (const text of fields.texts('routes')) {
    const [prefix = '', place = ''] = text.split(' ')
    const parsed = parsePrefix(prefix)
    const own = attributes[Number(place)]
    if (parsed.ok && own !== undefined && text === `${prefix} ${place}`)
      routes.push({ prefix: parsed.value, attributes: own })
    else fields.complain('routes', 'a list of prefixes with the places of their attributes')
  }
  return routes
}

const attributesOf = (fields: Fields): RouteAttributes =>
  fields.end({
    origin: fields.oneOf('origin', ['igp', 'egp', 'incomplete']),
    localPref: fields.optional('localPref', () => fields.count('localPref')),
    med: fields.optional('med', () => fields.count('med')),
    communities: fields.counts('communities'),
    largeCommunities: fields.objects('largeCommunities').map((large) =>
      large.end({
        globalAdmin: large.count('globalAdmin'),
        data1: large.count('data1'),
        data2: large.count('data2'),
      }),
    ),
    extendedCommunities: fields
      .objects('extendedCommunities')
      .map((extended) => extended.end({ high: extended.count('high'), low: extended.count('low') })),
    prepend: fields.count('prepend'),
    nextHop: fields.optional('nextHop', () => fields.address('nextHop')),
  })
