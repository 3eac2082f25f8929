import type { KubeApi, KubeObject } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import type { Clock } from '@holdfast/runtime'
import { createHash } from 'node:crypto'
import type { Log } from '../kubernetes/log.ts'
import { shortText } from '../kubernetes/short-text.ts'
import { remedyOf } from './faults.ts'
import { fieldManager } from './round.ts'
import type { Notice } from './service-events.ts'
import { wholeSeconds } from './times.ts'

export interface EventWriterOptions {
  readonly api: Pick<KubeApi, 'create'>
  readonly clock: Clock
  readonly log: Log
  /** Time of day in ms. */
  readonly nowMs: () => number
  /** 0 to below 1. */
  readonly random: () => number
  /** Name of this replica. */
  readonly identity: string
  readonly mayWrite: () => boolean
}

/** Writes Kubernetes events beside everything else: whatever becomes of them, nobody waits for it. */
export interface EventWriter {
  /** `isStanding`: the event tells of a state, and is written once for it, also by another process. */
  readonly tell: (object: KubeObject, notices: readonly Notice[], isStanding?: boolean) => void
  /** Begins nothing any more; resolves when what is under way is done. */
  readonly stop: () => Promise<void>
}

/** Beyond so many that wait, further ones are dropped: events are for people. */
const mostWaiting = 20_000
const concurrency = 2
const attempts = 3
const retryMs = 1000
/** Of one object: so many at once, then one in so long; as Kubernetes' own components limit themselves. */
const burst = 25
const refillMs = 300_000
/** Of so many objects it is remembered. */
const mostBudgets = 10_000

interface Waiting {
  readonly event: KubeObject
  readonly attempt: number
}

export function createEventWriter(options: EventWriterOptions): EventWriter {
  const { clock, log, nowMs, random } = options
  const waiting: Waiting[] = []
  let first = 0
  /** By uid of an object: when it may have `burst` events again. */
  const budgets = new Map<string, number>()
  const working = new Set<Promise<void>>()
  let isStopped = false

  function mayTell(uid: string): boolean {
    const now = clock.now()
    if (budgets.size > mostBudgets) forgetFull(now)
    const fullMs = Math.max(now, budgets.get(uid) ?? now) + refillMs
    if (fullMs - now > burst * refillMs) return false
    budgets.set(uid, fullMs)
    return true
  }

  /** Those that have all of it again need no entry; of too many others, nothing is remembered. */
  function forgetFull(now: number): void {
    for (const [uid, fullMs] of budgets) if (fullMs <= now) budgets.delete(uid)
    if (budgets.size > mostBudgets) budgets.clear()
  }

  function work(): void {
    while (!isStopped && working.size < concurrency && first < waiting.length) {
      const next = waiting[first]
      first += 1
      if (first > 1000) {
        waiting.splice(0, first)
        first = 0
      }
      if (next === undefined) return
      const done = write(next).finally(() => {
        working.delete(done)
        work()
      })
      working.add(done)
    }
  }

  async function write({ event, attempt }: Waiting): Promise<void> {
    if (!options.mayWrite()) return
    const answer = await options.api.create(resourceTypes.Event, event, { fieldManager })
    if (answer.kind === 'ok' || answer.code === 'alreadyExists') return
    const isLost = remedyOf(answer) === 'giveTime' || remedyOf(answer) === 'readAgain' || attempt >= attempts
    if (isLost) {
      log.log('debug', 'eventLost', answer.message, { code: answer.code, name: event.metadata.name })
      return
    }
    clock.after(answer.retryAfterMs ?? retryMs * (1 + random()), () => {
      waiting.push({ event, attempt: attempt + 1 })
      work()
    })
  }

  function eventOf(object: KubeObject, notice: Notice, isStanding: boolean): KubeObject {
    const { name, namespace = 'default', uid } = object.metadata
    const time = wholeSeconds(nowMs())
    const text = `${uid ?? ''} ${notice.reason} ${notice.message}`
    const unique = isStanding ? text : `${text} ${nowMs()} ${random()}`
    const hash = createHash('sha256').update(unique).digest('hex').slice(0, 16)
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${name.slice(0, 200)}.${hash}`, namespace },
      involvedObject: referenceTo(object),
      type: notice.type,
      reason: notice.reason,
      message: shortText(notice.message, 1024),
      source: { component: 'metallb-controller' },
      reportingComponent: 'holdfast.dev/controller',
      reportingInstance: options.identity,
      firstTimestamp: time,
      lastTimestamp: time,
      count: 1,
    }
  }

  return {
    tell: (object, notices, isStanding = false) => {
      for (const notice of notices) {
        if (waiting.length - first >= mostWaiting || !mayTell(object.metadata.uid ?? '')) continue
        waiting.push({ event: eventOf(object, notice, isStanding), attempt: 1 })
      }
      work()
    },
    stop: async () => {
      isStopped = true
      await Promise.all(working)
    },
  }
}

const referenceTo = ({ apiVersion, kind, metadata }: KubeObject) => ({
  apiVersion: apiVersion ?? 'v1',
  kind: kind ?? 'Service',
  namespace: metadata.namespace ?? '',
  name: metadata.name,
  ...(metadata.uid === undefined ? {} : { uid: metadata.uid }),
  ...(metadata.resourceVersion === undefined ? {} : { resourceVersion: metadata.resourceVersion }),
})
