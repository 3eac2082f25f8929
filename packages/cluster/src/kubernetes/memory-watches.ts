import type { Alarm, Clock } from '@holdfast/runtime'
import type { ApiFault, KubeObject, ResourceType, Watch, WatchEvent, WatchOptions } from './api.ts'
import { selectionOf, type Change, type MemoryStore } from './memory-store.ts'
import { apiFault } from './memory-writes.ts'

const bookmarkEveryMs = 60_000
/** So long before its end a watch gets its last bookmark. */
const lastBookmarkMs = 2_000

type WatchEnd = { readonly kind: 'ended' } | ApiFault

/** A watch as the server has it. */
export interface ServedWatch {
  readonly type: ResourceType
  readonly watch: Watch
  /** Told of a write to an object of its kind. */
  readonly tell: (change: Change) => void
  /** Sends what was not asked for. */
  readonly send: (event: WatchEvent) => void
  readonly end: (how: WatchEnd) => void
  /** Nothing comes any more, not even the end: a connection that has died unnoticed. */
  readonly silence: () => void
  /** Events wait until `flow`. */
  readonly halt: () => void
  readonly flow: () => void
}

export interface ServedWatchOptions {
  readonly store: MemoryStore
  readonly clock: Clock
  readonly type: ResourceType
  readonly options: WatchOptions
  readonly observe: (event: WatchEvent) => void
  /** For each event: how long it takes to arrive. */
  readonly latencyMs: () => number
  /** undefined: the watch is answered; else how it ends instead. Asked when the request arrives. */
  readonly admit: () => WatchEnd | 'silence' | undefined
  /** Events wait from the start. */
  readonly isHalted: () => boolean
  readonly over: (watch: ServedWatch) => void
}

/** Serves a watch: what happened since its version, then what happens, bookmarks every minute, and its end in time. */
export function serveWatch(settings: ServedWatchOptions): ServedWatch {
  const { store, clock, type, options } = settings
  const { promise: ended, resolve } = Promise.withResolvers<WatchEnd>()
  const alarms = new Set<Alarm>()
  /** What was sent and has not arrived. */
  const underWay: (() => void)[] = []
  /** The last version that was told of. */
  let position = Number(options.resourceVersion)
  let state: 'requested' | 'open' | 'halted' | 'silent' | 'over' = 'requested'
  let arrivalMs = clock.now()
  let selects: (object: KubeObject) => boolean = () => false

  function after(ms: number, run: () => void): void {
    const alarm = clock.after(ms, () => {
      alarms.delete(alarm)
      run()
    })
    alarms.add(alarm)
  }

  /** Delivers in the order of sending, however long each takes. */
  function deliver(run: () => void): void {
    if (state === 'over' || state === 'silent') return
    arrivalMs = Math.max(arrivalMs, clock.now() + settings.latencyMs())
    underWay.push(run)
    const arrive = (): void => underWay.shift()?.()
    if (arrivalMs > clock.now()) after(arrivalMs - clock.now(), arrive)
    else queueMicrotask(arrive)
  }

  const send = (event: WatchEvent): void => deliver(() => settings.observe(event))

  function finish(how: WatchEnd): void {
    if (state === 'over') return
    state = 'over'
    underWay.length = 0
    for (const alarm of alarms) alarm.cancel()
    alarms.clear()
    settings.over(served)
    resolve(how)
  }

  const end = (how: WatchEnd): void => deliver(() => finish(how))

  function tell(change: Change): void {
    if (state !== 'open' || change.version <= position) return
    position = change.version
    const event = eventOf(change, selects)
    if (event !== undefined) send(event)
  }

  const bookmark = (): void => {
    if (state !== 'open') return
    const version = store.version()
    // Of a watch from the future too the API server says where it is itself.
    send({ type: 'BOOKMARK', resourceVersion: String(version) })
    position = Math.max(position, version)
  }

  const bookmarks = (): void =>
    after(bookmarkEveryMs, () => {
      bookmark()
      bookmarks()
    })

  function open(): void {
    const answer = settings.admit() ?? refusal()
    if (answer === 'silence') {
      silence()
      return
    }
    if (answer !== undefined) {
      end(answer)
      return
    }
    const lifeMs = options.timeoutSeconds * 1000
    after(Math.max(lifeMs - lastBookmarkMs, 0), bookmark)
    after(lifeMs, () => end({ kind: 'ended' }))
    bookmarks()
    state = settings.isHalted() ? 'halted' : 'open'
    const { accepted } = options
    if (accepted !== undefined) deliver(accepted)
    catchUp()
  }

  function refusal(): ApiFault | undefined {
    const selection = selectionOf(type, options)
    if (typeof selection === 'string') return apiFault('invalid', selection)
    selects = selection
    if (!Number.isSafeInteger(position) || options.resourceVersion === '') {
      return apiFault('invalid', `Invalid value: "${options.resourceVersion}"`)
    }
    return position < store.oldest() ? apiFault('gone', `too old resource version: ${position}`) : undefined
  }

  const catchUp = (): void => {
    for (const change of store.changesAfter(type, position)) tell(change)
  }

  function silence(): void {
    if (state === 'over') return
    state = 'silent'
    underWay.length = 0
    for (const alarm of alarms) alarm.cancel()
    alarms.clear()
  }

  const served: ServedWatch = {
    type,
    watch: { stop: () => finish({ kind: 'ended' }), ended },
    tell,
    send,
    end,
    silence,
    halt: () => {
      if (state === 'open') state = 'halted'
    },
    flow: () => {
      if (state !== 'halted') return
      state = 'open'
      catchUp()
    },
  }
  deliver(() => {
    if (state === 'requested') open()
  })
  return served
}

/** What a write is to a watch: an object that enters its selection is added, and one that leaves it deleted. */
function eventOf(change: Change, selects: (object: KubeObject) => boolean): WatchEvent | undefined {
  const { version, before, after } = change
  const was = before !== undefined && selects(before.object)
  if (after !== undefined && selects(after.object)) return { type: was ? 'MODIFIED' : 'ADDED', object: after.object }
  if (!was) return undefined
  const metadata = { ...before.object.metadata, resourceVersion: String(version) }
  return { type: 'DELETED', object: { ...before.object, metadata } }
}
