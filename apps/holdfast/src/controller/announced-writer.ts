import type { ApiFault, KubeApi, KubeObject, WorkOutcome } from '@holdfast/cluster'
import { createWorkQueue, resourceTypes } from '@holdfast/cluster'
import type { Clock } from '@holdfast/runtime'
import type { Log } from '../kubernetes/log.ts'
import type { AnnouncedClaim } from './announced-claim.ts'
import { isOfStoppedSpeaker } from './announced-claim.ts'
import { remedyOf } from './faults.ts'
import { announcedCondition, conditionOf } from './service-object.ts'
import { wholeSeconds } from './times.ts'

/** Owns condition holdfast.dev/Announced, and nothing else: what the rest of the controller writes is another manager's. */
const announcedManager = 'holdfast-announced'

/** What is to be said of a Service. */
export type Word =
  | { readonly kind: 'say'; readonly claim: AnnouncedClaim }
  /** Nobody offers it: why not takes work to find out, which is done once that has lasted. */
  | { readonly kind: 'unoffered' }
  | { readonly kind: 'nothing' }

export interface AnnouncedWriterOptions {
  readonly api: Pick<KubeApi, 'apply'>
  readonly clock: Clock
  /** Time of day in ms. */
  readonly nowMs: () => number
  /** 0 to below 1. */
  readonly random: () => number
  readonly log: Log
  readonly mayWrite: () => boolean
  /** The Service as last seen; undefined: it is gone, or not ours. */
  readonly serviceOf: (key: string) => KubeObject | undefined
  /** From what is known already. */
  readonly wordOf: (key: string, service: KubeObject) => Word
  /** Why nobody offers a Service; undefined: that cannot be known just now. */
  readonly whyUnoffered: (key: string, service: KubeObject) => Promise<AnnouncedClaim | undefined>
  /** When a node last said of any Service that it offers it. */
  readonly offeredMs: () => number
}

/** Keys of Services whose condition may not say what holds. */
export interface AnnouncedWriter {
  readonly look: (key: string) => void
  readonly stop: () => Promise<void>
}

/**
 * For how long what is said has to have held before it is written, so that a burst or a rollout does not write each step. Counts alone
 * can wait: a rollout of the speakers changes those of every Service twice for each node. A speaker that crashes is started again by
 * its kubelet; and one that runs again has first to say anew what its earlier life said.
 */
const holdMs = {
  changed: 1000,
  unoffered: 1000,
  neverOffered: 10_000,
  speakerStopped: 10_000,
  countsOnly: 30_000,
} as const
/** Speakers tell of thousands of Services one after another: while they do, one that was not told of yet waits, but no longer than this. */
const mostUntoldMs = 300_000

/** In the long run one write, and one question about endpoints, in so long, whatever happens. */
const everyMs = { write: 10, ask: 50 } as const
/** How long until it is asked again about a Service that nobody offers although nothing stands in the way: doubled each time. */
const askAgainMs = { first: 60_000, most: 3_600_000 } as const

/** Something that is to be said, since when, and when its turn is. */
interface Standing {
  readonly text: string
  readonly sinceMs: number
  turnMs: number | undefined
  asked: number
}

/** When something that is to be said may be. `notBefore`: the hold begins no sooner, given since when it is to be said. */
interface Turn {
  readonly hold: number
  readonly turn: () => number
  readonly notBefore?: (sinceMs: number) => number
}

/** Gives turns at a bounded rate. */
function createTurns(clock: Clock, spacingMs: number): () => number {
  let nextMs = 0
  return () => {
    const turnMs = Math.max(clock.now(), nextMs)
    nextMs = turnMs + spacingMs
    return turnMs
  }
}

const done: WorkOutcome = { kind: 'done' }

/** Brings the condition of Services in line with what holds: one request for each that says something else, at a bounded rate. */
export function createAnnouncedWriter(options: AnnouncedWriterOptions): AnnouncedWriter {
  const { clock, random } = options
  const standings = new Map<string, Standing>()
  const turns = { write: createTurns(clock, everyMs.write), ask: createTurns(clock, everyMs.ask) }
  const queue = createWorkQueue({ clock, random, concurrency: 8, handle })

  async function handle(key: string): Promise<WorkOutcome> {
    const service = options.serviceOf(key)
    const word: Word = service === undefined ? { kind: 'nothing' } : options.wordOf(key, service)
    if (service === undefined || word.kind === 'nothing') return settle(key)
    const wait = word.kind === 'say' ? untilSaid(key, service, word.claim) : untilAsked(key, service)
    if (wait === undefined) return settle(key)
    if (wait > 0) return { kind: 'later', afterMs: wait }
    if (!options.mayWrite()) return settle(key)
    if (word.kind === 'unoffered') return await ask(key, service)
    standings.delete(key)
    return await write(key, service, word.claim)
  }

  async function ask(key: string, service: KubeObject): Promise<WorkOutcome> {
    const claim = await options.whyUnoffered(key, service)
    if (claim !== undefined && !saysSo(service, claim)) {
      const outcome = await write(key, service, claim)
      if (outcome.kind === 'retry') return outcome
    }
    const standing = standings.get(key)
    if (claim?.status === 'False' || standing === undefined) return settle(key)
    standing.turnMs = undefined
    standing.asked += 1
    return { kind: 'later', afterMs: Math.min(askAgainMs.first * 2 ** (standing.asked - 1), askAgainMs.most) }
  }

  function settle(key: string): WorkOutcome {
    standings.delete(key)
    return done
  }

  /** How long it has to wait still; undefined: the Service says so already. */
  function untilSaid(key: string, service: KubeObject, claim: AnnouncedClaim): number | undefined {
    if (saysSo(service, claim)) return undefined
    const hold = holdMs[changeOf(service, claim)]
    return untilTurn(key, `${claim.status} ${claim.reason} ${claim.message}`, { hold, turn: turns.write })
  }

  function untilAsked(key: string, service: KubeObject): number {
    const wasOffered = conditionOf(service, announcedCondition)?.status === 'True'
    if (wasOffered) return untilTurn(key, 'unoffered', { hold: holdMs.unoffered, turn: turns.ask })
    const notBefore = (sinceMs: number): number => Math.min(options.offeredMs(), sinceMs + mostUntoldMs)
    return untilTurn(key, 'unoffered', { hold: holdMs.neverOffered, turn: turns.ask, notBefore })
  }

  function untilTurn(key: string, text: string, when: Turn): number {
    const now = clock.now()
    const known = standings.get(key)
    const standing: Standing = known?.text === text ? known : { text, sinceMs: now, turnMs: undefined, asked: 0 }
    standings.set(key, standing)
    const heldMs = Math.max(standing.sinceMs, when.notBefore?.(standing.sinceMs) ?? 0) + when.hold
    if (now < heldMs) return heldMs - now
    standing.turnMs ??= when.turn()
    return Math.max(0, standing.turnMs - now)
  }

  async function write(key: string, service: KubeObject, claim: AnnouncedClaim): Promise<WorkOutcome> {
    const { name, namespace = '', uid, resourceVersion } = service.metadata
    const object = {
      apiVersion: 'v1',
      kind: 'Service',
      // A Service made anew under the name is another one; one that changed is looked at again. Of both the server takes heed by itself.
      metadata: {
        name,
        namespace,
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
      status: { conditions: [dated(claim, service)] },
    }
    const write = { fieldManager: announcedManager, subresource: 'status' } as const
    const answer = await options.api.apply(resourceTypes.Service, object, write)
    if (answer.kind === 'fault') return failed(key, answer)
    options.log.log('debug', 'announced', claim.message, { service: key, reason: claim.reason })
    return done
  }

  /** The time of the last transition stays where the status is the same. */
  function dated(claim: AnnouncedClaim, service: KubeObject) {
    const known = conditionOf(service, announcedCondition)
    const { generation } = service.metadata
    return {
      ...claim,
      lastTransitionTime: known?.status === claim.status ? known.lastTransitionTime : wholeSeconds(options.nowMs()),
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    }
  }

  /** Where the Service is gone or another one, what is followed will say so. */
  function failed(key: string, fault: ApiFault): WorkOutcome {
    if (remedyOf(fault) === 'readAgain') return done
    options.log.log('debug', 'statusNotWritten', fault.message, { object: `Service ${key}`, code: fault.code })
    return { kind: 'retry', retryAfterMs: fault.retryAfterMs }
  }

  return { look: queue.add, stop: queue.stop }
}

function changeOf(
  service: KubeObject,
  { status, reason }: AnnouncedClaim,
): 'countsOnly' | 'speakerStopped' | 'changed' {
  const known = conditionOf(service, announcedCondition)
  if (known?.status === status && known.reason === reason) return 'countsOnly'
  return isOfStoppedSpeaker(reason) || isOfStoppedSpeaker(known?.reason) ? 'speakerStopped' : 'changed'
}

function saysSo(service: KubeObject, claim: AnnouncedClaim): boolean {
  const known = conditionOf(service, announcedCondition)
  return known?.status === claim.status && known.reason === claim.reason && known.message === claim.message
}
