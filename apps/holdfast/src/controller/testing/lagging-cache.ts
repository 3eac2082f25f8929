import type { KubeObject, MemoryApi, ResourceType } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import type { RawObject } from '@holdfast/model'
import type { Clock } from '@holdfast/runtime'
import { controllerKeeps } from '../kept.ts'
import type { Followed } from '../reconciler.ts'
import type { Random } from './random.ts'

/** What a controller follows of the server, late: each kind in its own order and with its own delays. */
export interface LaggingCache {
  /** What has arrived by now. */
  readonly followed: () => Followed
  /**
   * When the watch of Services was opened that brought the newest of what `followed` has returned, as the server counts: the earliest
   * time that can be.
   *
   * A watch lives for W at most, since the API server ends each by its timeout. What it has sent by then can be read at any time after, by a
   * process that was stopped or over a slow connection: so events are late by more than W here, but each happened at e <= o + W, where o is when
   * its watch was opened. Each also came by a watch that was opened not before the last list was carried out, as a watch goes on from a
   * list. Any o from the greater of that list and e - W on is possible for an event: the watch before may have ended at any
   * moment. The earliest is the worst for whoever trusts in a watch that was opened before something.
   */
  readonly servicesOpenedMs: () => number
  /** Nothing arrives for so long, as when a watch is cut; then a list brings what is there, without what came between. */
  readonly cut: (type: ResourceType, ms: number) => void
  /** A list of what was there before the latest share of all changes arrives, and then these changes, one by one. */
  readonly rewind: (type: ResourceType, share: number) => void
  /** All that there is arrives now, and from now on at once. */
  readonly calm: () => void
  readonly stop: () => void
}

interface Arrival {
  readonly dueMs: number
  readonly apply: (known: Map<string, RawObject>) => void
  readonly source: Source
}

/** When a list was carried out, or what an event tells of, as the server counts. */
interface Source {
  readonly kind: 'list' | 'event'
  readonly atMs: number
}

export const followedTypes = [
  resourceTypes.Service,
  resourceTypes.Namespace,
  resourceTypes.IPAddressPool,
  resourceTypes.AddressBlock,
]

const keeps = controllerKeeps()

export interface LaggingCacheOptions {
  readonly server: MemoryApi
  readonly clock: Clock
  readonly random: Random
  /** How long a watch lives at most, as the server counts. */
  readonly longestWatchMs: number
  readonly changed: () => void
}

export function createLaggingCache(options: LaggingCacheOptions): LaggingCache {
  const { server, clock, random, changed } = options
  const kinds = followedTypes.map((type) => createKind(type))
  let isCalm = false

  function createKind(type: ResourceType) {
    const known = new Map<string, RawObject>()
    const arrivals: Arrival[] = []
    let lastMs = 0
    let deafUntilMs = 0
    let openedMs = clock.now()
    for (const object of server.readAll(type)) known.set(keyOf(object), rawOf(type, object))
    /** What has been said of each object since the beginning, and when. */
    const said: Said[] = [...known].map(([key, raw]) => ({ key, raw, atMs: clock.now() }))
    const watch = server.watch(
      type,
      { resourceVersion: server.resourceVersion(), timeoutSeconds: 1_000_000_000 },
      (event) => {
        if (event.type === 'BOOKMARK') return
        const { object } = event
        const raw = event.type === 'DELETED' ? undefined : rawOf(type, object)
        const change = { key: keyOf(object), raw, atMs: clock.now() }
        said.push(change)
        if (clock.now() >= deafUntilMs) hear(change)
      },
    )
    function arrive(source: Source, apply: Arrival['apply']): void {
      const lagMs = isCalm ? 0 : lagOf(random)
      lastMs = Math.max(lastMs, clock.now() + lagMs)
      arrivals.push({ dueMs: lastMs, apply, source })
      clock.after(lastMs - clock.now(), changed)
    }
    const hear = (change: Said): void => arrive({ kind: 'event', atMs: change.atMs }, (map) => note(map, change))
    const list = (apply: Arrival['apply']): void => arrive({ kind: 'list', atMs: clock.now() }, apply)
    function take({ apply, source: { kind, atMs } }: Arrival): void {
      apply(known)
      openedMs = Math.max(openedMs, kind === 'list' ? atMs : atMs - options.longestWatchMs)
    }
    function relist(): void {
      const objects = server.readAll(type).map((object) => rawOf(type, object))
      list((map) => {
        // What is equal keeps its identity, as in the real source.
        const before = new Map(map)
        map.clear()
        for (const raw of objects) {
          const key = keyOf(raw.value as KubeObject)
          const old = before.get(key)
          map.set(key, old !== undefined && versionOf(old) === versionOf(raw) ? old : raw)
        }
      })
    }
    return {
      type,
      known,
      openedMs: () => openedMs,
      settle: () => {
        for (;;) {
          const [next] = arrivals
          if (next === undefined || next.dueMs > clock.now()) return
          arrivals.shift()
          take(next)
        }
      },
      cut: (ms: number) => {
        if (clock.now() < deafUntilMs) return
        deafUntilMs = clock.now() + ms
        clock.after(ms, () => {
          deafUntilMs = 0
          relist()
        })
      },
      rewind: (share: number) => {
        if (clock.now() < deafUntilMs) return
        const from = Math.floor(said.length * (1 - share))
        arrivals.length = 0
        lastMs = clock.now()
        // The list is carried out now, whatever it is of: from here on a watch goes on that is opened now.
        list((map) => {
          map.clear()
          for (const change of said.slice(0, from)) note(map, change)
        })
        for (const change of said.slice(from)) hear(change)
      },
      calm: () => {
        deafUntilMs = 0
        lastMs = Math.min(lastMs, clock.now())
        arrivals.length = 0
        relist()
      },
      stop: () => watch.stop(),
    }
  }

  return {
    followed: () => {
      for (const kind of kinds) kind.settle()
      const [services, namespaces, pools, blocks] = kinds.map(({ known }) => [...known.values()])
      const objectsOf = (raws: readonly RawObject[] = []): readonly KubeObject[] =>
        raws.map(({ value }) => value as KubeObject)
      return {
        snapshot: { objects: [...(services ?? []), ...(namespaces ?? []), ...(pools ?? [])], faults: [] },
        services: objectsOf(services),
        pools: objectsOf(pools),
        blocks: new Map(objectsOf(blocks).map((object) => [object.metadata.name, object])),
      }
    },
    servicesOpenedMs: () => kinds.find(({ type }) => type === resourceTypes.Service)?.openedMs() ?? Infinity,
    rewind: (type, share) => kinds.find((kind) => kind.type === type)?.rewind(share),
    cut: (type, ms) => kinds.find((kind) => kind.type === type)?.cut(ms),
    calm: () => {
      isCalm = true
      for (const kind of kinds) kind.calm()
    },
    stop: () => {
      for (const kind of kinds) kind.stop()
    },
  }
}

interface Said {
  readonly key: string
  /** undefined: it was deleted. */
  readonly raw: RawObject | undefined
  readonly atMs: number
}

function note(known: Map<string, RawObject>, { key, raw }: Said): void {
  if (raw === undefined) known.delete(key)
  else known.set(key, raw)
}

/** Mostly a few milliseconds, now and then seconds. */
export function lagOf(random: Random): number {
  const dice = random.next()
  if (dice < 0.8) return random.next() * 5
  if (dice < 0.95) return random.next() * 200
  return random.next() * 5000
}

const keyOf = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ''}/${metadata.name}`

const versionOf = ({ value }: RawObject): string | undefined => (value as KubeObject).metadata.resourceVersion

const origin = { file: 'simulated', lineOf: () => undefined }

const rawOf = ({ kind, group, version }: ResourceType, object: KubeObject): RawObject => {
  const kept = keeps(kind)({ apiVersion: group === '' ? version : `${group}/${version}`, ...object, kind })
  return { value: kept, origin }
}
