import type { ApiFault, KubeApi, KubeObject } from '@holdfast/cluster'
import type { Clock } from '@holdfast/runtime'
import type { ControllerCommand } from '../kubernetes/command.ts'
import type { Log } from '../kubernetes/log.ts'
import type { RetryTimes } from './retry-times.ts'
import type { Remedy } from './faults.ts'
import { remedyOf } from './faults.ts'
import type { KnownBlocks } from './known-blocks.ts'
import type { KnownServices } from './known-services.ts'
import type { Leadership } from './leadership.ts'
import type { Planned } from './planner.ts'
import type { Notice } from './service-events.ts'
import type { ServiceView } from './service-object.ts'
import type { SetAside } from './set-aside.ts'

/** Who writes: the owner of our fields in metadata.managedFields. */
export const fieldManager = 'holdfast-controller'

export interface ReconcilerOptions {
  readonly api: KubeApi
  readonly clock: Clock
  readonly log: Log
  /** Time of day in ms. */
  readonly nowMs: () => number
  /** 0 to below 1. */
  readonly random: () => number
  readonly rules: Pick<ControllerCommand, 'loadBalancerClass' | 'onPoolLoss' | 'namespace'>
  /** Told about an object what its Kubernetes events are to say. */
  readonly tell: (object: KubeObject, notices: readonly Notice[]) => void
  /** False from the moment that another one may lead: nothing is written then. */
  readonly mayWrite: () => boolean
  /** undefined: it does not lead. */
  readonly leadership: () => Leadership | undefined
  /** For how long a watch can live: what was seen by one that began earlier cannot be news. */
  readonly longestWatchMs: number
  /** What is kept of objects that answers bring: as of those that are followed. */
  readonly keep: {
    readonly service: (object: KubeObject) => KubeObject
    readonly block: (object: KubeObject) => KubeObject
  }
  /** How many requests are under way at once. */
  readonly parallel: number
}

/** What is remembered from round to round while this one leads. */
export interface Memory {
  readonly blocks: KnownBlocks
  readonly services: KnownServices
  readonly aside: SetAside
  readonly retries: RetryTimes
  /** uids of Services that are known to be gone: they never come back. */
  readonly gone: Set<string>
  /** By `departureKey`: the version of the block that was known when the Service was last written without the address. */
  readonly seenOff: Map<string, string>
  /** Blocks that are not to be written, because something of them cannot be. */
  readonly faulty: Set<string>
  /** By uid: Services that were served and are not any more, to be freed of what is ours. */
  readonly left: Map<string, KubeObject>
  /** Writes whose answer did not come: what to tell once they turn out to have happened. */
  readonly unanswered: Map<string, Unanswered>
  /** When which failures were last told in the log. */
  readonly told: Map<string, number>
}

export interface Unanswered {
  readonly uid: string
  readonly ingress: readonly string[]
  readonly notices: readonly Notice[]
}

/** One round: what it found, and what it comes to. */
export interface Round {
  readonly options: ReconcilerOptions
  readonly memory: Memory
  readonly services: ReadonlyMap<string, ServiceView>
  /** Keys of Services to be looked at: whoever is not among them says all that it is to say. */
  readonly pending: Set<string>
  /** The pools that the plan was made from. */
  readonly pools: readonly KubeObject[]
  readonly planned: Planned
  /** Blocks that were written in this round: what they grant may be named. */
  readonly confirmed: Set<string>
  /** By `departureKey`: what is given by a status alone in this round. */
  readonly given: Set<string>
  /** Keys of Services whose statuses name what the plan takes from them, until they are written. */
  readonly dropping: Set<string>
  /**
   * Services that say all that they are to say, by the objects that say it, with the basis of the wish that they meet: nothing to be done
   * for them.
   */
  readonly settled: WeakMap<KubeObject, object>
  readonly result: RoundResult
}

export interface RoundResult {
  /** Something was learned or done that makes another round worth while at once. */
  isProgress: boolean
  /** Somebody else wrote where we wanted to. */
  isContended: boolean
  /** The server cannot be relied on: the round was cut short. */
  cut: ApiFault | undefined
  /** Something waits for what nobody will tell of. */
  isWaiting: boolean
  /** A block does not say yet what it might say: its write failed, or waits. */
  isUnrecorded: boolean
  /** How many Services were given an address. */
  granted: number
  /** True once a Service could be written: the server does not refuse everything. */
  hasWritten: boolean
  /** What failed since the last write that succeeded: of how many objects, in which places. */
  readonly row: { failures: number; readonly places: Set<string> }
  /** uids of Services that failed before and are tried again in this round. */
  readonly retried: Set<string>
}

export const noResult = (): RoundResult => ({
  isProgress: false,
  isContended: false,
  cut: undefined,
  isWaiting: false,
  isUnrecorded: false,
  granted: 0,
  hasWritten: false,
  row: { failures: 0, places: new Set() },
  retried: new Set(),
})

/** A round goes on as long as this one leads and the server answers. */
export const isCut = ({ result, options }: Round): boolean => result.cut !== undefined || !options.mayWrite()

/** Whether a Service was found to say all that it is to say. */
export const isSettled = ({ settled, planned }: Round, { key, object }: ServiceView): boolean => {
  const basis = planned.basisOf(key)
  return basis !== undefined && settled.get(object) === basis
}

/** A Service and an address that it is to leave. */
export const departureKey = (address: string, uid: string): string => `${address} ${uid}`

/** What a request is about. */
export interface Subject {
  /** Of the retries. */
  readonly key: string
  /** Objects of one place often fail together, for a reason that is not the server's: those of one namespace by its webhook or quota. */
  readonly place: string
}

export const serviceSubject = (uid: string, namespace: string): Subject => ({
  key: `Service ${uid}`,
  place: `Services of ${namespace}`,
})

export const subjectOf = ({ uid, key }: Pick<ServiceView, 'uid' | 'key'>): Subject =>
  serviceSubject(uid, key.slice(0, key.indexOf('/')))

export const blockSubject = (name: string): Subject => ({ key: `AddressBlock ${name}`, place: `AddressBlock ${name}` })

/** Of the retries: a Service whose version that we know was refused. */
export const conflictKey = (uid: string): string => `conflict ${uid}`

/** So many of those that failed before are tried again in one round: others do not wait for more of them. */
const mostRetried = 16

/** Whether a Service may be written in this round: whoever failed waits, and leaves room for others. */
export function mayTry({ memory, options, result }: Round, view: Pick<ServiceView, 'key' | 'uid'>): boolean {
  const { uid } = view
  const { key: retry } = subjectOf(view)
  if (!memory.retries.hasFailed(retry)) return true
  if (memory.retries.waits(retry, options.clock.now())) return false
  if (result.retried.has(uid)) return true
  if (result.retried.size >= mostRetried) {
    result.isWaiting = true
    return false
  }
  result.retried.add(uid)
  return true
}

/** A version that was refused is not written again before a newer one is seen, or some time is over: it may have been no conflict. */
export const isHeldBack = ({ memory, options }: Round, view: ServiceView): boolean =>
  memory.services.isRejected(view) && memory.retries.waits(conflictKey(view.uid), options.clock.now())

/** Where so many writes in a row failed, in so many places, it is the server that is ill. */
const ill = { failures: 8, places: 4 } as const
/** A server that has too much to do or does not answer is no reason to give up one object for minutes. */
const serversFaultMostMs = 30_000

/** Notes a fault of a request about an object. Returns what it means for the object. */
export function noteFault(round: Round, subject: Subject, fault: ApiFault): Remedy {
  const { options, result } = round
  const remedy = remedyOf(fault)
  if (remedy === 'readAgain') {
    result.isContended = true
    const fields = { object: subject.key, code: fault.code, status: fault.status }
    options.log.log('debug', 'contended', fault.message, fields)
    return remedy
  }
  tellFault(round, subject, fault)
  if (remedy === 'unclear' || remedy === 'giveTime') noteObjectsFault(round, subject, fault)
  else noteServersFault(round, subject, fault)
  return remedy
}

/** Other objects may fare better: this one stands back. */
function noteObjectsFault({ options, memory, result }: Round, { key, place }: Subject, fault: ApiFault): void {
  memory.retries.failed(key, options.clock.now(), { retryAfterMs: fault.retryAfterMs })
  const { row } = result
  row.failures += 1
  row.places.add(place)
  if (row.failures >= ill.failures && row.places.size >= ill.places) result.cut ??= fault
}

/** The round ends. What the server does for others it may refuse for this object alone: that stands behind them the next time. */
function noteServersFault({ options, memory, result }: Round, { key }: Subject, fault: ApiFault): void {
  const { code, retryAfterMs } = fault
  const isAboutConnection = code === 'unreachable' || code === 'unauthorized'
  const bounds = { mostMs: serversFaultMostMs, retryAfterMs }
  if (!isAboutConnection) memory.retries.failed(key, options.clock.now(), bounds)
  if (result.cut === undefined || (retryAfterMs ?? 0) > (result.cut.retryAfterMs ?? 0)) result.cut = fault
}

/** One line in a while for what fails for the same reason in one place. */
const toldEachMs = 10_000
/** Beyond so many different ones, to keep when they were told is not worth its memory. */
const mostTold = 1000

/** Tells it unless the same was told shortly before. */
export function tellNowAndThen(
  { options, memory }: Pick<Round, 'options' | 'memory'>,
  what: string,
  tell: () => void,
): void {
  const now = options.clock.now()
  if (now < (memory.told.get(what) ?? -Infinity) + toldEachMs) return
  if (memory.told.size >= mostTold) memory.told.clear()
  memory.told.set(what, now)
  tell()
}

function tellFault(round: Round, { key, place }: Subject, fault: ApiFault): void {
  tellNowAndThen(round, `${place} ${fault.code}`, () => {
    const fields = { object: key, code: fault.code, status: fault.status }
    if (remedyOf(fault) === 'giveTime') round.options.log.log('error', 'refusedByServer', fault.message, fields)
    else round.options.log.log('warn', 'requestFailed', fault.message, fields)
  })
}

/** Notes that a write about an object succeeded. */
export function noteWritten({ memory, result }: Round, { key }: Subject): void {
  memory.retries.succeeded(key)
  result.row.failures = 0
  result.row.places.clear()
}
