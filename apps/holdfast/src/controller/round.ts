import type { ApiFault, KubeApi, KubeObject } from '@holdfast/cluster'
import type { Clock } from '@holdfast/runtime'
import type { ControllerCommand } from '../kubernetes/command.ts'
import type { Log } from '../kubernetes/log.ts'
import type { RetryTimes } from './retry-times.ts'
import { remedyOf } from './faults.ts'
import type { KnownBlocks } from './known-blocks.ts'
import type { KnownServices } from './known-services.ts'
import type { Planned } from './planner.ts'
import type { Notice } from './service-events.ts'
import type { ServiceView } from './service-object.ts'
import type { Wish } from './wanted-status.ts'

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
  /** Keys of Services whose statuses name what the plan takes from them, until they are written. */
  readonly dropping: Set<string>
  /** Services that say all that they are to say, by the objects that say it: nothing to be done for them. */
  readonly settled: WeakMap<KubeObject, Wish>
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
}

export const noResult = (): RoundResult => ({ isProgress: false, isContended: false, cut: undefined, isWaiting: false })

/** A round goes on as long as this one leads and the server answers. */
export const isCut = ({ result, options }: Round): boolean => result.cut !== undefined || !options.mayWrite()

/** A Service and an address that it is to leave. */
export const departureKey = (address: string, uid: string): string => `${address} ${uid}`

/** A key of the retries, by what kind of object it is of. */
export const retryKey = (kind: 'Service' | 'AddressBlock', key: string): string => `${kind} ${key}`

/** Notes a fault of a request about an object. Returns what it means for the object. */
export function noteFault(
  { options, memory, result }: Round,
  key: string,
  fault: ApiFault,
): ReturnType<typeof remedyOf> {
  const remedy = remedyOf(fault)
  const fields = { object: key, code: fault.code, status: fault.status }
  switch (remedy) {
    case 'readAgain':
      result.isContended = true
      options.log.log('debug', 'contended', fault.message, fields)
      break
    case 'unknownOutcome':
    case 'pause':
      if (result.cut === undefined) options.log.log('warn', 'requestFailed', fault.message, fields)
      result.cut = fault
      break
    case 'giveTime':
      options.log.log('error', 'refusedByServer', fault.message, fields)
      memory.retries.failed(key, options.clock.now())
      break
  }
  return remedy
}
