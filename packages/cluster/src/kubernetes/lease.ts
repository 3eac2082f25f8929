import type { Alarm, Clock } from '@holdfast/runtime'
import type { ApiFault, ApiResult, KubeApi, KubeObject, ObjectKey } from './api.ts'
import { apiFault } from './api-fault.ts'
import { equalData, isFields, type Fields } from './plain-data.ts'
import { resourceTypes } from './resource-types.ts'

/*
 * Leader election by a Lease (coordination.k8s.io/v1), as Kubernetes' own components do it, so that their tools show it.
 *
 * What it promises: of several candidates one leads, as long as the API server answers and the clocks of all run at about the same rate.
 * A leader gives up 10 s after it *sent* the last renewal that succeeded; another takes over 15 s after it *saw* the Lease change
 * last. Each measures with its own monotonic clock, and times in the Lease are for people only, so that clocks may differ by
 * any amount.
 *
 * What it does not promise: that two never act at once. A clock that runs half as fast as another's (15 s of one are less than 10 s
 * of the other), a process that was stopped between asking whether it leads and acting on it, or a request that was on its way for long
 * can each make two. Whoever acts must be safe without the Lease: it spares work, it is no lock.
 */

export const leaseTiming = { durationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000, requestMs: 5_000 } as const

export type LeadershipChange =
  | { readonly kind: 'acquired' }
  /** `expired`: it could not be renewed in time; `taken`: another holds it. */
  | { readonly kind: 'lost'; readonly reason: 'expired' | 'taken' | 'stopped' }
  /** Another leads; empty: nobody does at the moment. */
  | { readonly kind: 'holder'; readonly holder: string }
  /** The Lease could not be read or written; told when it begins or changes. */
  | { readonly kind: 'fault'; readonly fault: ApiFault }

export interface LeaderElectionOptions {
  readonly api: KubeApi
  readonly clock: Clock
  /** 0 to below 1: so that candidates do not ask at the same moment. */
  readonly random: () => number
  /** Which Lease. */
  readonly lease: ObjectKey
  /** Of this process alone, also among those that run on one host and those that ran before. */
  readonly identity: string
  /** Milliseconds since 1970, for people who read the Lease. */
  readonly wallTimeMs: () => number
  /** Told at once. `lost` is told before anybody else can lead, where clocks run at about the same rate. */
  readonly observe: (change: LeadershipChange) => void
}

/** The time from one `acquired` to the `lost` after it. */
export interface Leadership {
  /**
   * metadata.resourceVersion of the Lease as the write made it at which `acquired` was told: of two leaderships, whoever has them, the later one
   * has the greater number.
   */
  readonly number: string
  /** When `acquired` was told, by `clock.now()`. */
  readonly sinceMs: number
  /** When the latest write of the Lease that succeeded was sent, by `clock.now()`: nobody else led before. Never goes back. */
  readonly renewedMs: number
}

export interface LeaderElection {
  readonly start: () => void
  /** Whether we lead now: asked by the clock, so that a process that was stopped for long learns it at its first question. */
  readonly isLeader: () => boolean
  /** Of now; undefined where `isLeader()` is false. */
  readonly leadership: () => Leadership | undefined
  /** Who leads, as far as we know; empty: nobody. */
  readonly holder: () => string
  /** Gives the Lease back, so that another takes over within 2 s. Resolves when that is done or has failed, after 5 s at most. */
  readonly stop: () => Promise<void>
}

const { Lease } = resourceTypes
const write = { fieldManager: 'holdfast-lease' } as const

/** A Lease as we saw it, and since when it has been like that by our clock. */
interface Sight {
  readonly lease: KubeObject
  readonly spec: Fields
  readonly sinceMs: number
}

/** Takes part in the election of a leader. */
export function createLeaderElection(options: LeaderElectionOptions): LeaderElection {
  const { api, clock, random, identity, observe } = options
  let sight: Sight | undefined
  /** Since `acquired` was told; undefined: we do not lead. It is over by our clock `renewDeadlineMs` after the last renewal. */
  let current: Leadership | undefined
  let deadline: Alarm | undefined
  let fault: ApiFault | undefined
  let isStopped = false
  let stopPause = (): void => undefined
  let lastTime = ''
  /** The attempt under way; earlier ones that were not waited for may be under way as well. */
  let attempts = 0
  /** The attempt that saw the Lease last: what an earlier one sees after it is older. */
  let seenBy = 0
  let stopWaiting = (): void => undefined
  /** When the attempt began that the next one follows. */
  let triedMs = 0

  const leadership = (): Leadership | undefined =>
    current !== undefined && clock.now() < current.renewedMs + leaseTiming.renewDeadlineMs ? current : undefined
  const isLeader = (): boolean => leadership() !== undefined

  async function run(): Promise<void> {
    while (!isStopped) {
      triedMs = clock.now()
      attempts += 1
      await within(leaseTiming.requestMs, attempt(attempts))
      const spread = current === undefined ? 1 + 0.2 * random() : 1
      await pause(Math.max(triedMs + leaseTiming.retryMs * spread - clock.now(), 0))
    }
  }

  /**
   * Waits for an answer, but not for ever: a write that comes through later loses against the version of one after it. An answer that
   * comes later still counts, from when it was asked for, where nothing newer is known: else a slow server would have no leader.
   */
  async function within(ms: number, work: Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const alarm = clock.after(ms, () => resolve(undefined))
    stopWaiting = () => resolve(undefined)
    await Promise.race([work, promise])
    alarm.cancel()
  }

  async function pause(ms: number): Promise<void> {
    if (isStopped) return
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const alarm = clock.after(ms, () => resolve(undefined))
    stopPause = () => {
      alarm.cancel()
      resolve(undefined)
    }
    await promise
  }

  const isOver = (attempt: number): boolean => isStopped || attempt < seenBy

  async function attempt(own: number): Promise<void> {
    const isRenewed = current !== undefined && sight !== undefined && (await take(sight, own))
    if (isRenewed || isOver(own)) return
    const found = await api.get(Lease, options.lease)
    if (isOver(own)) return
    if (found.kind === 'ok') {
      see(found.value, own)
      if (sight !== undefined && mayTake(sight)) await take(sight, own)
    } else if (found.code === 'notFound') await take(undefined, own)
    else setFault(found, own)
  }

  /** Nobody holds it, we do, or who does has not renewed it for as long as it lasts. */
  function mayTake({ spec, sinceMs }: Sight): boolean {
    const holder = textOf(spec['holderIdentity'])
    if (holder === '' || holder === identity) return true
    const seconds = spec['leaseDurationSeconds']
    const lastsMs = Math.max(leaseTiming.durationMs, typeof seconds === 'number' ? seconds * 1000 : 0)
    return clock.now() >= sinceMs + lastsMs
  }

  /** Takes or renews the Lease as we saw it, or makes it. True: it is ours. */
  async function take(seen: Sight | undefined, own: number): Promise<boolean> {
    const sentMs = clock.now()
    const object = leaseOf(seen, { ...recordOf(seen), holderIdentity: identity })
    const answer = await (seen === undefined ? api.create(Lease, object, write) : api.replace(Lease, object, write))
    if (isOver(own)) return false
    if (answer.kind === 'ok') {
      const number = answer.value.metadata.resourceVersion
      if (number === undefined) {
        setFault(apiFault('badAnswer', 'the Lease has no resourceVersion'), own)
        return false
      }
      see(answer.value, own)
      // Where the Lease had been deleted, another one may have made it and led meanwhile.
      if (seen === undefined) lose('taken')
      lead(sentMs, number)
      if (own !== attempts) goOnFrom(sentMs)
      return true
    }
    // Another one was first: the next look at it says who.
    if (!['conflict', 'alreadyExists', 'notFound'].includes(answer.code)) setFault(answer, own)
    return false
  }

  /** An answer that came late: the attempt that was begun meanwhile knew less, so the next one need not wait for it. */
  function goOnFrom(sentMs: number): void {
    triedMs = sentMs
    stopWaiting()
  }

  function recordOf(seen: Sight | undefined): Fields {
    const now = nextTime(seen)
    const isOurs = seen?.spec['holderIdentity'] === identity
    const transitions = Number(seen?.spec['leaseTransitions'] ?? 0)
    return {
      leaseDurationSeconds: leaseTiming.durationMs / 1000,
      acquireTime: isOurs ? seen.spec['acquireTime'] : now,
      renewTime: now,
      leaseTransitions: seen === undefined || isOurs ? transitions : transitions + 1,
    }
  }

  /**
   * MicroTime; neither what we wrote last nor what is there: others see that we live by its changes, and a write that changes nothing gives the
   * Lease no new version.
   */
  function nextTime(seen: Sight | undefined): string {
    const seconds = new Date(options.wallTimeMs()).toISOString()
    const isTaken = (time: string): boolean => time === lastTime || time === seen?.spec['renewTime']
    const times = ['000Z', '001Z', '002Z'].map((micros) => seconds.replace('Z', micros))
    lastTime = times.find((time) => !isTaken(time)) ?? ''
    return lastTime
  }

  const leaseOf = (seen: Sight | undefined, spec: Fields): KubeObject => ({
    ...(seen?.lease ?? {}),
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: seen?.lease.metadata ?? { ...options.lease },
    spec: { ...seen?.spec, ...spec },
  })

  function see(lease: KubeObject, own: number): void {
    seenBy = own
    const spec = isFields(lease['spec']) ? lease['spec'] : {}
    const isSame = sight !== undefined && equalData(spec, sight.spec) && lease.metadata.uid === sight.lease.metadata.uid
    const before = holder()
    sight = { lease, spec, sinceMs: isSame && sight !== undefined ? sight.sinceMs : clock.now() }
    fault = undefined
    if (holder() !== identity) lose('taken')
    if (holder() !== before && holder() !== identity) observe({ kind: 'holder', holder: holder() })
  }

  /** Of a write that succeeded: answers to earlier ones than the last that was seen do not come here. */
  function lead(renewedMs: number, number: string): void {
    // Its alarm may be late; and the answer may have been so long on its way that nothing is left of the time.
    if (!isLeader()) lose('expired')
    deadline?.cancel()
    const [nowMs, untilMs] = [clock.now(), renewedMs + leaseTiming.renewDeadlineMs]
    if (untilMs <= nowMs) {
      lose('expired')
      return
    }
    const isNew = current === undefined
    current = { ...(current ?? { number, sinceMs: nowMs }), renewedMs }
    deadline = clock.after(untilMs - nowMs, () => lose('expired'))
    if (isNew) observe({ kind: 'acquired' })
  }

  function lose(reason: 'expired' | 'taken' | 'stopped'): void {
    deadline?.cancel()
    if (current === undefined) return
    current = undefined
    observe({ kind: 'lost', reason })
  }

  function setFault(next: ApiFault, own = attempts): void {
    if (own !== attempts) return
    const isSame = fault?.code === next.code && fault.message === next.message
    fault = next
    if (!isSame) observe({ kind: 'fault', fault: next })
  }

  const holder = (): string => textOf(sight?.spec['holderIdentity'])

  async function release(seen: Sight): Promise<void> {
    // As short as the API allows, as Kubernetes' own components leave it.
    const spec = { ...recordOf(seen), holderIdentity: '', leaseDurationSeconds: 1 }
    const answer: ApiResult<KubeObject> = await api.replace(Lease, leaseOf(seen, spec), write)
    if (answer.kind === 'fault') setFault(answer)
  }

  return {
    start: () => void run(),
    isLeader,
    leadership,
    holder,
    stop: async () => {
      if (isStopped) return
      isStopped = true
      stopPause()
      const isHeld = current !== undefined
      lose('stopped')
      if (isHeld && sight !== undefined) await within(leaseTiming.requestMs, release(sight))
    },
  }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
