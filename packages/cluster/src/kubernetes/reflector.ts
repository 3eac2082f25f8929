import type { Alarm, Clock } from '@holdfast/runtime'
import type { ApiFault, KubeApi, KubeObject, Watch, WatchEvent } from './api.ts'
import { createBackOff } from './back-off.ts'
import type { Followed, FollowedState } from './kubernetes-source-types.ts'
import { badAnswer, flawOfObject, listAll, listKey, typed, type WholeList } from './object-list.ts'
import { equalData } from './plain-data.ts'
import { isOlder, wentBack } from './version-order.ts'

/*
 * Follows one kind: a list, then a watch from there, for ever.
 *
 *            ┌─────────── gone, not a version, garbage ───────────┐
 *            v                                                    │
 *   start ─> list ── whole ──> watch ── ended in time, cut ──> watch from the last version
 *            │ ^                 │
 *            └─┴─ back-off ──────┴─ silent for too long ──> watch from the last version
 *
 * A server that comes back after a fault may have been restored from a backup of etcd. It would be silent up to our version, since its
 * own are older: so it is asked for its version before a watch goes on after a fault, and a version that goes back means a list.
 *
 * What was known stays until a whole list, or an event, says otherwise.
 */

export const timing = {
  firstRetryMs: 800,
  /** With the time that an answer may take (15 s) below 30 s, so that we are back within 30 s of the server's return. */
  mostRetryMs: 14_000,
  /** How often an optional kind that the server does not know is asked for. */
  absentRetryMs: 20_000,
  /** A watch lasts between this and twice as long. */
  watchSeconds: 300,
  /**
   * The API server sends bookmarks about every minute: three without any sign are a connection that is dead or a server that has
   * hung. A kind that has not changed since the server's start may get none; then the wait doubles with each such suspicion, up to the
   * end of the watch.
   */
  silenceMs: 180_000,
  /** What a server may be late by in ending a watch. */
  endSlackMs: 30_000,
  /** A watch that has lived for so long works, also without any sign. */
  settledMs: 15_000,
  /** A watch that ends earlier than this, without any sign, is a failure: else a server could make us ask without pause. */
  shortMs: 5_000,
} as const

/** An object that is known. */
export interface Known {
  /** As last seen. */
  readonly object: KubeObject
}

export interface ReflectorOptions<K extends Known> {
  readonly api: KubeApi
  readonly clock: Clock
  readonly random: () => number
  readonly followed: Followed
  /** Makes what is kept of an object that is new, or says something new. */
  readonly make: (object: KubeObject) => K
  /** Takes over a version that says nothing new: only its resourceVersion is another. */
  readonly refresh: (known: K, object: KubeObject) => void
  /** Told of each difference at once: undefined before: it came; undefined after: it went. */
  readonly changed: (before: K | undefined, after: K | undefined) => void
  /** Told after a list replaced what was known, and whether that made a difference. */
  readonly listed: (isDifferent: boolean) => void
  /** Told whenever the state has a new fault, or none any more, or has become synced. */
  readonly observe: (state: FollowedState) => void
}

export interface Reflector<K extends Known> {
  /** Before the start: an object that an earlier life knew is known until the first list says otherwise. What is none is left out. */
  readonly remember: (object: unknown) => void
  readonly start: () => void
  /** No callback is called and no timer runs afterwards. */
  readonly stop: () => void
  /** Lists again; resolves when that list is there, or at `stop`. */
  readonly relist: () => Promise<void>
  readonly state: () => FollowedState
  readonly known: ReadonlyMap<string, K>
}

/** What to do after a list or a watch is over: how long to wait before the next. */
interface Step {
  readonly waitMs: number
}

const atOnce: Step = { waitMs: 0 }

type WatchEnd = Awaited<Watch['ended']> | { readonly kind: 'silent' }

/** Follows one kind of object by list and watch. */
export function createReflector<K extends Known>(options: ReflectorOptions<K>): Reflector<K> {
  const { api, clock, random, followed } = options
  const { type, selection } = followed
  const known = new Map<string, K>()
  const backOff = createBackOff({ firstMs: timing.firstRetryMs, mostMs: timing.mostRetryMs, random })
  /** Where the watch goes on from; undefined: a list comes first. */
  let position: string | undefined
  let isSynced = false
  let lastContactMs: number | undefined
  let fault: ApiFault | undefined
  /** Watches in a row that were suspected to be dead. */
  let suspicions = 0
  /** Faults of watches in a row from one and the same position. */
  let stuck = 0
  /** Times in a row that the server had forgotten our version. */
  let forgotten = 0
  /** After a fault: whether the server has got to our position is to be asked before a watch goes on from there. */
  let isDoubted = false
  /** The server gives its versions a second time: one that is known may be of something else. */
  let hasGoneBack = false
  /** Who waits for the next list, and for the one under way. */
  let relists: (() => void)[] = []
  let served: (() => void)[] = []
  let isStopped = false
  let stopWatch = (): void => undefined
  let stopPause = (): void => undefined

  const state = (): FollowedState => ({ type, isSynced, lastContactMs, fault })

  function setFault(next: ApiFault | undefined): void {
    const isSame = next?.code === fault?.code && next?.status === fault?.status && next?.message === fault?.message
    fault = next
    if (!isSame) options.observe(state())
  }

  function contact(): void {
    lastContactMs = clock.now()
    if (fault !== undefined) setFault(undefined)
  }

  async function run(): Promise<void> {
    while (!isStopped) {
      const from = relists.length > 0 ? undefined : position
      const { waitMs } = await (from === undefined ? list() : isDoubted ? check(from) : watch(from))
      if (waitMs > 0) await pause(waitMs)
    }
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

  async function list(): Promise<Step> {
    served = relists
    relists = []
    const first = await listAll(api, type, selection, trimmed)
    // A list can be empty, partial or old by a fault of the server's: what it takes away has to be missing a second time.
    const isDoubtful = first.kind === 'ok' && !isStopped && isSynced && lacks(first)
    const answer = isDoubtful ? await listAll(api, type, selection, trimmed) : first
    if (isStopped) return atOnce
    if (answer.kind === 'fault') {
      relists = [...served, ...relists]
      return listFailed(answer)
    }
    replaceAll(answer)
    position = answer.resourceVersion
    hasGoneBack = false
    isDoubted = false
    for (const done of served) done()
    return atOnce
  }

  function listFailed(answer: ApiFault): Step {
    if (answer.code !== 'notFound' || !followed.isOptional) {
      setFault(answer)
      return { waitMs: backOff.next(answer.retryAfterMs) }
    }
    // A kind that has had objects has been taken away, or the server is not quite up: what was known stays.
    if (!isSynced || known.size === 0) replaceAll({ objects: new Map() })
    else setFault(answer)
    return { waitMs: timing.absentRetryMs * (0.8 + 0.2 * random()) }
  }

  /** Whether something that is known is not in the list. */
  function lacks({ objects }: WholeList): boolean {
    for (const key of known.keys()) if (!objects.has(key)) return true
    return false
  }

  function setSynced(): void {
    contact()
    if (isSynced) return
    isSynced = true
    options.observe(state())
  }

  function replaceAll({ objects }: Pick<WholeList, 'objects'>): void {
    let isDifferent = false
    for (const [key, object] of objects) isDifferent = put(key, object) || isDifferent
    for (const [key, old] of known) {
      if (objects.has(key)) continue
      known.delete(key)
      options.changed(old, undefined)
      isDifferent = true
    }
    setSynced()
    options.listed(isDifferent)
  }

  /** What is kept of an object: of a version that is known already, what was kept of it then. An earlier life may have kept less. */
  function trimmed(key: string, incoming: KubeObject): KubeObject {
    const old = isSynced && !hasGoneBack ? known.get(key)?.object : undefined
    return old !== undefined && isSameVersion(old, incoming) ? old : keep(incoming)
  }

  function keep(object: KubeObject): KubeObject {
    return typed(type, followed.keep(object))
  }

  function remember(object: unknown): void {
    if (flawOfObject(type, selection, object) !== undefined) return
    const kept = keep(object as KubeObject)
    put(listKey(kept), kept)
  }

  /** Takes what is kept of an object. True: it says something new. */
  function put(key: string, object: KubeObject): boolean {
    const old = known.get(key)
    if (old?.object === object) return false
    if (old !== undefined && saysTheSame(old.object, object)) {
      options.refresh(old, object)
      return false
    }
    const fresh = options.make(object)
    known.set(key, fresh)
    options.changed(old, fresh)
    return true
  }

  /** Stands in for the next watch after a fault, so that an outage costs one request more. What a list says is as new as etcd. */
  async function check(from: string): Promise<Step> {
    const answer = await api.list(type, { ...selection, limit: 1 })
    if (isStopped) return atOnce
    if (answer.kind === 'fault') return watchFailed(answer)
    isDoubted = false
    const { resourceVersion } = answer.value
    return isOlder(resourceVersion, from) ? goBack(resourceVersion, from) : atOnce
  }

  function goBack(version: string, from: string): Step {
    hasGoneBack = true
    position = undefined
    forgotten += 1
    setFault(wentBack(type, version, from))
    return forgotten === 1 ? atOnce : { waitMs: backOff.next() }
  }

  async function watch(from: string): Promise<Step> {
    const startMs = clock.now()
    const timeoutSeconds = Math.round(timing.watchSeconds * (1 + random()))
    const seen = { signs: 0, end: undefined as (() => Step) | undefined, isSilent: false as boolean }
    const current = api.watch(type, { ...selection, resourceVersion: from, timeoutSeconds }, (event) => {
      if (isStopped || seen.end !== undefined) return
      seen.end = take(event)
      if (seen.end === undefined) seen.signs += 1
      else current.stop()
    })
    stopWatch = () => current.stop()
    const endGuard = guard(timeoutSeconds, () => {
      seen.isSilent = true
      current.stop()
    })
    const end = await current.ended
    endGuard()
    stopWatch = () => undefined
    if (isStopped) return atOnce
    const step = seen.end?.()
    if (relists.length > 0) return atOnce
    if (step !== undefined) return step
    return watchEnded(
      seen.isSilent ? { kind: 'silent' } : end,
      seen.signs > 0 || clock.now() - startMs >= timing.shortMs,
    )
  }

  /** Watches over a watch: calls `suspect` when nothing has come for too long. Returns what ends it. */
  function guard(timeoutSeconds: number, suspect: () => void): () => void {
    const startMs = clock.now()
    const longestMs = timeoutSeconds * 1000 + timing.endSlackMs
    const lastSignMs = (): number => Math.max(startMs, lastContactMs ?? startMs)
    const dueMs = (): number => Math.min(lastSignMs() + timing.silenceMs * 2 ** suspicions, startMs + longestMs)
    const check = (): void => {
      if (clock.now() >= dueMs()) suspect()
      else silence = clock.after(dueMs() - clock.now(), check)
    }
    let silence: Alarm = clock.after(dueMs() - clock.now(), check)
    const settled = clock.after(timing.settledMs, () => {
      settle()
      setFault(undefined)
    })
    return () => {
      silence.cancel()
      settled.cancel()
    }
  }

  /** A watch works: what went wrong before is over. */
  function settle(): void {
    backOff.reset()
    stuck = 0
    forgotten = 0
  }

  /** Takes an event. What is to be done where the watch cannot go on after it; undefined: it can. */
  function take(event: WatchEvent): (() => Step) | undefined {
    // Of a newer API: not ours to understand. It is no reason to lose what comes after it.
    if (!eventTypes.has(event.type)) return undefined
    const flaw = event.type === 'BOOKMARK' ? undefined : flawOfObject(type, selection, event.object)
    if (flaw !== undefined) return () => brokenEvent(flaw)
    const version = event.type === 'BOOKMARK' ? event.resourceVersion : (event.object.metadata.resourceVersion ?? '')
    const from = position ?? version
    if (isOlder(version, from)) return () => goBack(version, from)
    position = version
    if (event.type === 'DELETED') drop(event.object)
    else if (event.type !== 'BOOKMARK') {
      const key = listKey(event.object)
      put(key, trimmed(key, event.object))
    }
    suspicions = 0
    settle()
    contact()
    return undefined
  }

  /** An object that went. One made anew under its name since is another, and stays. */
  function drop(gone: KubeObject): void {
    const key = listKey(gone)
    const old = known.get(key)
    if (old === undefined || old.object.metadata.uid !== gone.metadata.uid) return
    known.delete(key)
    options.changed(old, undefined)
  }

  /** What it was meant to tell is unknown, so only a list can make up for it. */
  function brokenEvent(flaw: string): Step {
    position = undefined
    setFault(badAnswer(type, flaw))
    return { waitMs: backOff.next() }
  }

  function watchEnded(end: WatchEnd, hasWorked: boolean): Step {
    switch (end.kind) {
      case 'silent':
        suspicions += 1
        isDoubted = true
        return atOnce
      case 'ended':
        if (!hasWorked) return { waitMs: backOff.next() }
        contact()
        return atOnce
      case 'fault':
        return watchFailed(end)
    }
  }

  function watchFailed(end: ApiFault): Step {
    if (end.code === 'gone') {
      position = undefined
      forgotten += 1
      // Versions are forgotten in the normal course of things; one that a list has just given is not.
      return forgotten === 1 ? atOnce : { waitMs: backOff.next(end.retryAfterMs) }
    }
    // Where lists succeed and watches fail, to ask once is enough; where nobody answers, it may be another server that does.
    isDoubted ||= stuck === 0 || end.code === 'unreachable' || end.code === 'timeout'
    stuck += 1
    setFault(end)
    // The version may be what it fails of: one that this server never gave (restored from a backup), or that it chokes on.
    if (end.code === 'invalid' || end.code === 'notFound' || (end.code === 'badAnswer' && stuck > 1)) {
      position = undefined
    }
    return { waitMs: backOff.next(end.retryAfterMs) }
  }

  return {
    remember,
    start: () => void run(),
    stop: () => {
      isStopped = true
      stopPause()
      stopWatch()
      for (const done of [...served, ...relists]) done()
    },
    relist: async () => {
      if (isStopped) return
      const { promise, resolve } = Promise.withResolvers<undefined>()
      relists.push(() => resolve(undefined))
      stopWatch()
      await promise
    },
    state,
    known,
  }
}

const eventTypes: ReadonlySet<string> = new Set<WatchEvent['type']>(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'])

const isSameVersion = (a: KubeObject, b: KubeObject): boolean =>
  a.metadata.uid === b.metadata.uid && a.metadata.resourceVersion === b.metadata.resourceVersion

/** Whether two trimmed versions differ in nothing but their resourceVersion. */
function saysTheSame(a: KubeObject, b: KubeObject): boolean {
  const { resourceVersion } = b.metadata
  return equalData({ ...a, metadata: { ...a.metadata, resourceVersion } }, b)
}
