import type { ApiFault, KubeObject, Watch, WatchEvent } from './api.ts'
import { createBackOff } from './back-off.ts'
import { createKnownObjects } from './known-objects.ts'
import type { FollowedState } from './kubernetes-source-types.ts'
import { badAnswer, flawOfObject, listAll, listKey, type WholeList } from './object-list.ts'
import { timing, watchSecondsOf, type Known, type Reflector, type ReflectorOptions } from './reflector-types.ts'
import { isOlder, wentBack } from './version-order.ts'
import { guardWatch } from './watch-guard.ts'

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
  const wanted = { ...selection, isWithoutManagedFields: followed.isWithoutManagedFields === true }
  const objects = createKnownObjects(options)
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
  /** The watch under way, once the server has accepted it: since when, and until when it may live. */
  let heard: { readonly sinceMs: number; readonly untilMs: number } | undefined
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
    const first = await listAll(api, type, { ...wanted, isUrgent: objects.map.size === 0 }, trimmed)
    // A list can be empty, partial or old by a fault of the server's: what it takes away has to be missing a second time.
    const isDoubtful = first.kind === 'ok' && !isStopped && isSynced && objects.isMoreThan(first)
    const answer = isDoubtful
      ? await listAll(api, type, { ...wanted, isUrgent: objects.map.size === 0 }, trimmed)
      : first
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
    if (!isSynced || objects.map.size === 0) replaceAll({ objects: new Map() })
    else setFault(answer)
    return { waitMs: timing.absentRetryMs * (0.8 + 0.2 * random()) }
  }

  function setSynced(): void {
    contact()
    if (isSynced) return
    isSynced = true
    options.observe(state())
  }

  function replaceAll(list: Pick<WholeList, 'objects'>): void {
    const isDifferent = objects.replaceAll(list)
    setSynced()
    options.listed(isDifferent)
  }

  const trimmed = (key: string, incoming: KubeObject): KubeObject =>
    objects.trimmed(key, incoming, isSynced && !hasGoneBack)

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
    const timeoutSeconds = watchSecondsOf(random())
    const seen = { signs: 0, end: undefined as (() => Step) | undefined, isSilent: false as boolean }
    const accepted = (): void => {
      const sinceMs = clock.now()
      heard = { sinceMs, untilMs: sinceMs + timeoutSeconds * 1000 }
    }
    const current = api.watch(type, { ...selection, resourceVersion: from, timeoutSeconds, accepted }, (event) => {
      if (isStopped || seen.end !== undefined) return
      seen.end = take(event)
      if (seen.end === undefined) seen.signs += 1
      else leave()
    })
    const leave = (): void => {
      heard = undefined
      current.stop()
    }
    stopWatch = leave
    const endGuard = guardWatch({
      ...{ clock, timeoutSeconds },
      silenceMs: () => timing.silenceMs * 2 ** suspicions,
      lastContactMs: () => lastContactMs,
      suspect: () => {
        seen.isSilent = true
        leave()
      },
      settled: () => {
        settle()
        setFault(undefined)
      },
    })
    const end = await current.ended
    heard = undefined
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
    if (event.type === 'DELETED') objects.drop(event.object)
    else if (event.type !== 'BOOKMARK') {
      const key = listKey(event.object)
      objects.put(key, trimmed(key, event.object))
    }
    suspicions = 0
    settle()
    contact()
    return undefined
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
    remember: objects.remember,
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
    // Whoever was stopped for long, and has left the server waiting, may be told of more than the watch had time for.
    watchedSinceMs: () => (heard !== undefined && clock.now() <= heard.untilMs ? heard.sinceMs : undefined),
    known: objects.map,
  }
}

const eventTypes: ReadonlySet<string> = new Set<WatchEvent['type']>(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'])
