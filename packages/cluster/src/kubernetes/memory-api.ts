import type { Clock } from '@holdfast/runtime'
import type { KubeObject, ObjectKey, ResourceType, WriteOptions } from './api.ts'
import type { ListKeys } from './field-ownership.ts'
import { createMemoryClient, type MemoryClient } from './memory-client.ts'
import { createMemoryStore, keyOfObject, storeKey } from './memory-store.ts'
import { apiFault, createMemoryWrites } from './memory-writes.ts'
import { withoutFields } from './plain-data.ts'
import { resourceTypes } from './resource-types.ts'

export type { Hold, MemoryClient, MemoryRequest, RequestMatch } from './memory-client.ts'
export { apiFault } from './memory-writes.ts'

export interface MemoryApiOptions {
  readonly clock: Clock
  /** Kinds that are served beside `resourceTypes`. */
  readonly types?: readonly ResourceType[]
}

/** The API server in memory. It is its own first client; `connect` makes more, each with faults of its own. */
export interface MemoryApi extends MemoryClient {
  readonly connect: () => MemoryClient
  /** Writes at once, by nobody's request: creates the object or replaces it, its status too. */
  readonly put: (type: ResourceType, object: KubeObject) => KubeObject
  /** Removes at once, by nobody's request. */
  readonly drop: (type: ResourceType, key: ObjectKey) => void
  /** The object as it is. */
  readonly read: (type: ResourceType, key: ObjectKey) => KubeObject | undefined
  /** All objects of a kind as they are, in the order of their keys. */
  readonly readAll: (type: ResourceType) => readonly KubeObject[]
  readonly resourceVersion: () => string
  /** Forgets what was before `resourceVersion` (default: now): watches and pages from there are `gone`. */
  readonly compact: (resourceVersion?: string) => void
  /**
   * Goes back to what was at `resourceVersion`, as with a restored backup; watches are cut, as the server restarts. Versions are
   * given anew (`reused`), or none is known from before (`bumped`: etcd's --bump-revision and --mark-compacted).
   */
  readonly restore: (resourceVersion: string, versions: 'reused' | 'bumped') => void
  /** Whether the server knows the kind. */
  readonly setServed: (type: ResourceType, isServed: boolean) => void
}

/** By how much a restored backup's versions are moved on. */
const bump = 1_000_000

/** Virtual time has no date; the API's times begin here. */
const epochMs = Date.UTC(2026, 0, 1)

/** Kinds without a status of their own to write. */
const withoutStatus = new Set(['Secret', 'Event', 'EndpointSlice', 'Lease', 'ConfigMap', 'AddressBlock'])

/** By kind and path: lists whose items have keys. Every list named `status.conditions` is keyed by type. */
const keyedLists: ReadonlyMap<string, readonly string[]> = new Map([['Service spec.ports', ['port', 'protocol']]])

/**
 * Creates an API server in memory, for tests and simulations: it keeps what `KubeApi` promises, and every run of the same
 * program is the same. Answers come without delay (in a microtask) unless a client is given latency.
 */
export function createMemoryApi({ clock, types = [] }: MemoryApiOptions): MemoryApi {
  const store = createMemoryStore()
  const served = new Set([...Object.values(resourceTypes), ...types].map(nameOf))
  const clients: ReturnType<typeof createMemoryClient>[] = []
  let uids = 0
  const writes = createMemoryWrites({
    store,
    hasStatus: ({ kind }) => !withoutStatus.has(kind),
    listKeys: listKeysOf,
    uid: () => {
      uids += 1
      return `00000000-0000-4000-8000-${String(uids).padStart(12, '0')}`
    },
    time: () => new Date(epochMs + clock.now()).toISOString().replace(/\.\d+Z$/, 'Z'),
    committed: (type, change) => {
      for (const { tell } of clients) tell(type, change)
    },
  })

  function connect(): MemoryClient {
    const made = createMemoryClient({ clock, store, writes, isServed: (type) => served.has(nameOf(type)) })
    clients.push(made)
    return made.client
  }

  const read = (type: ResourceType, key: ObjectKey): KubeObject | undefined => store.get(type, storeKey(key))?.object

  function put(type: ResourceType, object: KubeObject): KubeObject {
    const metadata = withoutFields(object.metadata, 'resourceVersion', 'uid')
    const plain = { ...object, metadata: { ...metadata, name: object.metadata.name } }
    const known = store.get(type, keyOfObject(type, object))?.object
    const version = known === undefined ? {} : { resourceVersion: known.metadata.resourceVersion ?? '' }
    const write: WriteOptions = { fieldManager: 'test' }
    const current = { ...plain, metadata: { ...plain.metadata, ...version } }
    const made = known === undefined ? writes.create(type, plain, write) : writes.replace(type, current, write)
    if (made.kind === 'fault') throw new Error(made.message)
    if (object['status'] === undefined || withoutStatus.has(type.kind)) return made.value
    const whole = { ...made.value, status: object['status'] }
    const status = writes.replace(type, whole, { ...write, subresource: 'status' })
    if (status.kind === 'fault') throw new Error(status.message)
    return status.value
  }

  return {
    ...connect(),
    connect,
    put,
    drop: (type, key) => void writes.remove(type, key),
    read,
    readAll: (type) => store.objectsAt(type, store.version()),
    resourceVersion: () => String(store.version()),
    compact: (resourceVersion) => store.compact(resourceVersion === undefined ? Infinity : Number(resourceVersion)),
    restore: (resourceVersion, versions) => {
      store.restore(Number(resourceVersion), versions === 'reused' ? Number(resourceVersion) : store.version() + bump)
      for (const { client } of clients) client.endWatches(apiFault('unreachable', 'read ECONNRESET'))
    },
    setServed: (type, isServed) => {
      if (isServed) served.add(nameOf(type))
      else served.delete(nameOf(type))
    },
  }
}

const nameOf = ({ group, version, plural }: ResourceType): string => `${group}/${version}/${plural}`

const byType = ['type']

const listKeysOf = ({ kind }: ResourceType): ListKeys => {
  return (names) => {
    const path = names.join('.')
    return path === 'status.conditions' ? byType : keyedLists.get(`${kind} ${path}`)
  }
}
