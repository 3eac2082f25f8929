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
  readonly changed: () => void
}

export function createLaggingCache({ server, clock, random, changed }: LaggingCacheOptions): LaggingCache {
  const kinds = followedTypes.map((type) => createKind(type))
  let isCalm = false

  function createKind(type: ResourceType) {
    const known = new Map<string, RawObject>()
    const arrivals: Arrival[] = []
    let lastMs = 0
    let deafUntilMs = 0
    for (const object of server.readAll(type)) known.set(keyOf(object), rawOf(type, object))
    /** What has been said of each object since the beginning; undefined: it was deleted. */
    const said: (readonly [key: string, raw: RawObject | undefined])[] = [...known]
    const watch = server.watch(
      type,
      { resourceVersion: server.resourceVersion(), timeoutSeconds: 1_000_000_000 },
      (event) => {
        if (event.type === 'BOOKMARK') return
        const { object } = event
        const change = [keyOf(object), event.type === 'DELETED' ? undefined : rawOf(type, object)] as const
        said.push(change)
        if (clock.now() >= deafUntilMs) arrive((map) => note(map, ...change))
      },
    )
    function arrive(apply: Arrival['apply']): void {
      const lagMs = isCalm ? 0 : lagOf(random)
      lastMs = Math.max(lastMs, clock.now() + lagMs)
      arrivals.push({ dueMs: lastMs, apply })
      clock.after(lastMs - clock.now(), changed)
    }
    function relist(): void {
      const objects = server.readAll(type).map((object) => rawOf(type, object))
      arrive((map) => {
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
      settle: () => {
        while ((arrivals[0]?.dueMs ?? Infinity) <= clock.now()) arrivals.shift()?.apply(known)
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
        arrive((map) => {
          map.clear()
          for (const change of said.slice(0, from)) note(map, ...change)
        })
        for (const change of said.slice(from)) arrive((map) => note(map, ...change))
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

function note(known: Map<string, RawObject>, key: string, raw: RawObject | undefined): void {
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
