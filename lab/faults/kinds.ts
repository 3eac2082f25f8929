import type { Fault, Matcher, Rule, Verb } from '../cluster/faults.ts'

/** What is struck: a resource's lists and watches, or writes. */
export interface Target {
  /** `services`, `writes`. */
  readonly name: string
  readonly on: Matcher
  /** Names of objects whose absence from a list would take most of what there is away; for `omitItems`. */
  readonly most: RegExp
}

/** How the client is brought to meet the fault. */
type Approach =
  /** Its watch is told that its version is gone, so that it lists. */
  | 'list'
  /** Its watch breaks, so that it asks for a new one. */
  | 'watch'
  /** Something is changed, of which an event tells. */
  | 'event'
  /** By itself. */
  | 'none'

export type Connection = 'down' | 'stranger' | 'losePackets' | 'breakOff' | 'halfClose'

/** One kind of fault. */
export interface Kind {
  readonly name: string
  readonly strikes: 'reads' | 'writes'
  readonly approach: Approach
  /** Of requests and answers. */
  readonly fault?: Fault
  readonly verbs?: readonly Verb[]
  /** After so many times it is over; without, it lasts. */
  readonly times?: number
  /** Of the connection. */
  readonly connection?: Connection
  /** Recovery is due while the fault lasts; otherwise after its end. */
  readonly isBearable?: boolean
  /** Nothing is wrong with a list of one page: 500 objects. */
  readonly needsPages?: true
}

const asked = { strikes: 'reads', approach: 'list', verbs: ['list', 'watch'] } as const
const listed = { strikes: 'reads', approach: 'list', verbs: ['list'] } as const
const watched = { strikes: 'reads', approach: 'event', verbs: ['watch'] } as const
const written = { strikes: 'writes', approach: 'event', isBearable: true } as const
const once = { times: 1, isBearable: true } as const
const status = (code: (Fault & { kind: 'status' })['status'], retryAfterSeconds?: number): Fault => ({
  kind: 'status',
  status: code,
  ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
})
const loginPage: Fault = { kind: 'answer', contentType: 'text/html', body: '<html><form>user, password</form></html>' }
const emptyPage: Fault = { kind: 'answer', contentType: 'application/json', body: '' }

export const kinds: readonly Kind[] = [
  // Requests without an answer, or with another one.
  { name: 'RST instead of an answer', ...asked, fault: { kind: 'reset' } },
  { name: 'connection closed instead of an answer', ...asked, fault: { kind: 'hangUp' } },
  { name: 'no answer to a list or a watch', ...asked, fault: { kind: 'silence' } },
  { name: 'answers 3 s late', ...asked, fault: { kind: 'delay', ms: 3000 }, isBearable: true },
  { name: '401', ...asked, fault: status(401) },
  { name: '403', ...asked, fault: status(403) },
  { name: '404', ...asked, fault: status(404) },
  { name: '410 to every list and watch', ...asked, fault: status(410) },
  { name: '429 with Retry-After', ...asked, fault: status(429, 2) },
  { name: '500', ...asked, fault: status(500) },
  { name: '503', ...asked, fault: status(503) },
  { name: '504', ...asked, fault: status(504) },
  { name: 'somebody else’s page', ...asked, fault: loginPage },
  { name: 'an empty body', ...asked, fault: emptyPage },
  { name: 'bytes that are no HTTP', ...asked, fault: { kind: 'notHttp' } },
  // Lists.
  { name: 'list cut off', ...listed, fault: { kind: 'cut', afterBytes: 700 } },
  { name: 'list ends early, well', ...listed, fault: { kind: 'truncate', afterBytes: 700 } },
  { name: 'slow list', ...listed, fault: { kind: 'slow', bytes: 100_000, everyMs: 400 }, isBearable: true },
  { name: 'empty list', ...listed, ...once, fault: { kind: 'emptyList' } },
  { name: 'list without most objects', ...listed, ...once, fault: { kind: 'omitItems', names: /^/ } },
  { name: 'list without its later pages', ...listed, ...once, fault: { kind: 'forgetContinue' }, needsPages: true },
  { name: 'list of another kind', ...listed, fault: { kind: 'wrongKind', apiVersion: 'v1', itemKind: 'Pod' } },
  { name: 'old list', ...listed, ...once, fault: { kind: 'staleList' } },
  { name: 'huge objects in a list', ...listed, fault: { kind: 'inflate', bytes: 8000 }, isBearable: true },
  // Watches.
  { name: 'event cut off', ...watched, fault: { kind: 'cutEvent' }, times: 3, isBearable: true },
  { name: 'watch ends within an event', ...watched, fault: { kind: 'halfEvent' }, times: 3, isBearable: true },
  { name: 'watch goes quiet', ...watched, fault: { kind: 'quiet' } },
  {
    name: 'no bookmarks',
    ...watched,
    approach: 'none',
    fault: { kind: 'dropEvents', types: ['BOOKMARK'] },
    isBearable: true,
  },
  { name: 'every event twice', ...watched, fault: { kind: 'duplicateEvents' }, isBearable: true },
  { name: 'ERROR event 410', ...watched, approach: 'none', ...once, fault: { kind: 'errorEvent', status: 410 } },
  { name: 'ERROR event 500', ...watched, approach: 'none', ...once, fault: { kind: 'errorEvent', status: 500 } },
  { name: 'ERROR 410 to every watch', ...watched, approach: 'none', fault: { kind: 'errorEvent', status: 410 } },
  { name: 'event of an unknown type', ...watched, fault: { kind: 'strangeEvent' }, isBearable: true },
  { name: 'a line that is no JSON', ...watched, ...once, fault: { kind: 'garbageLine' } },
  { name: 'watches end at once', ...watched, approach: 'none', fault: { kind: 'endWatch' } },
  { name: 'huge objects in events', ...watched, fault: { kind: 'inflate', bytes: 900_000 }, isBearable: true },
  // Writes.
  { name: 'answer to a write lost', ...written, fault: { kind: 'loseAnswer' } },
  { name: 'no answer to a write', ...written, fault: { kind: 'silence' } },
  { name: '409 to every write', ...written, fault: status(409) },
  { name: '429 to every write', ...written, fault: status(429, 5) },
  { name: '403 to every write', ...written, fault: status(403) },
  { name: '500 to every write', ...written, fault: status(500) },
  // Connections, of all resources at once.
  { name: 'nobody listens', strikes: 'reads', approach: 'none', connection: 'down' },
  { name: 'another authority’s certificate', strikes: 'reads', approach: 'none', connection: 'stranger' },
  { name: 'packets lost', strikes: 'reads', approach: 'none', connection: 'losePackets' },
  { name: 'RST to everything', strikes: 'reads', approach: 'none', connection: 'breakOff', isBearable: true },
  { name: 'connections half closed', strikes: 'reads', approach: 'none', connection: 'halfClose', isBearable: true },
]

export const faultName = 'fault'

/** The rules of a fault at a target, and those that bring the client to meet it. */
export function rulesOf(kind: Kind, target: Target): readonly Rule[] {
  const { fault, approach, verbs, times } = kind
  if (fault === undefined) return []
  const on: Matcher = { ...target.on, ...(verbs === undefined ? {} : { verbs }) }
  const spoilt: Fault = fault.kind === 'omitItems' ? { ...fault, names: target.most } : fault
  const rule: Rule = { name: faultName, on, fault: spoilt, ...(times === undefined ? {} : { times }) }
  const lure: Rule = {
    name: 'lure',
    on: { ...target.on, verbs: ['watch'] },
    fault: { kind: 'errorEvent', status: 410 },
    times: 1,
  }
  return approach === 'list' ? [lure, rule] : [rule]
}
