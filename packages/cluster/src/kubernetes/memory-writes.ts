import type {
  ApiFault,
  ApiResult,
  FaultCode,
  KubeObject,
  ObjectKey,
  ObjectMeta,
  ResourceType,
  WriteOptions,
} from './api.ts'
import { applied, equalOwners, ownersAfter, type ListKeys, type OwnedWrite, type Owners } from './field-ownership.ts'
import { keyOfObject, storeKey, type Change, type MemoryStore, type Stored } from './memory-store.ts'
import { copyFields, equalData, isFields, mergePatch, withoutFields, type Fields } from './plain-data.ts'

export interface Preconditions {
  readonly uid?: string
  readonly resourceVersion?: string
}

/** What an API server does with a write, at one moment. */
export interface MemoryWrites {
  readonly create: (type: ResourceType, object: KubeObject, options: WriteOptions) => ApiResult<KubeObject>
  readonly replace: (type: ResourceType, object: KubeObject, options: WriteOptions) => ApiResult<KubeObject>
  readonly apply: (type: ResourceType, object: KubeObject, options: WriteOptions) => ApiResult<KubeObject>
  readonly merge: (type: ResourceType, key: ObjectKey, patch: Fields, options: WriteOptions) => ApiResult<KubeObject>
  readonly remove: (type: ResourceType, key: ObjectKey, preconditions?: Preconditions) => ApiResult<undefined>
}

export interface MemoryWritesOptions {
  readonly store: MemoryStore
  readonly hasStatus: (type: ResourceType) => boolean
  readonly listKeys: (type: ResourceType) => ListKeys
  /** A new uid. */
  readonly uid: () => string
  /** The time as the API writes it. */
  readonly time: () => string
  readonly committed: (type: ResourceType, change: Change) => void
}

/** Else a long row of updates would have to be gone through at once, and kept until then. */
const mostUnworked = 20

/** RFC 1123's subdomain, as the names of most kinds are. */
const validName = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/

const statuses: Readonly<Partial<Record<FaultCode, number>>> = {
  unauthorized: 401,
  forbidden: 403,
  notFound: 404,
  conflict: 409,
  alreadyExists: 409,
  gone: 410,
  invalid: 422,
  tooManyRequests: 429,
  serverError: 500,
}

/** A fault as the API server would answer it. */
export const apiFault = (code: FaultCode, message: string, retryAfterMs?: number): ApiFault => ({
  kind: 'fault',
  code,
  status: statuses[code],
  message,
  retryAfterMs,
})

export function createMemoryWrites(options: MemoryWritesOptions): MemoryWrites {
  const { store, hasStatus } = options

  function create(type: ResourceType, given: KubeObject, write: WriteOptions): ApiResult<KubeObject> {
    const object = received(type, given)
    const key = keyOfObject(type, object)
    if (!validName.test(object.metadata.name)) {
      return apiFault('invalid', `metadata.name: Invalid value: "${object.metadata.name}"`)
    }
    if (type.isNamespaced && object.metadata.namespace === undefined) return apiFault('invalid', 'it has no namespace')
    if (store.get(type, key) !== undefined) return apiFault('alreadyExists', `${type.plural} "${key}" already exists`)
    if (object.metadata.resourceVersion !== undefined) {
      return apiFault('invalid', 'resourceVersion should not be set on objects to be created')
    }
    const fresh = hasStatus(type) ? withStatus(object, firstStatusOf(type)) : object
    return save(type, undefined, { ...fresh, metadata: firstMetadata(type, fresh.metadata) }, ownedUpdate(write))
  }

  const firstMetadata = (type: ResourceType, metadata: ObjectMeta): ObjectMeta => ({
    ...metadata,
    uid: options.uid(),
    creationTimestamp: options.time(),
    ...(hasGeneration(type) ? { generation: 1 } : {}),
  })

  function replace(type: ResourceType, given: KubeObject, write: WriteOptions): ApiResult<KubeObject> {
    const object = received(type, given)
    const stored = store.get(type, keyOfObject(type, object))
    const obstacle = obstacleTo(type, stored, object.metadata, write)
    if (stored === undefined || obstacle !== undefined) return obstacle ?? notFound(type, object.metadata.name)
    if (object.metadata.resourceVersion === undefined && !allowsUnconditional(type)) {
      return apiFault('invalid', 'metadata.resourceVersion: Invalid value: must be specified for an update')
    }
    return save(type, stored, updated(type, stored.object, object, write), ownedUpdate(write))
  }

  function merge(type: ResourceType, key: ObjectKey, patch: Fields, write: WriteOptions): ApiResult<KubeObject> {
    const stored = store.get(type, storeKey(key))
    const obstacle = obstacleTo(type, stored, isFields(patch['metadata']) ? patch['metadata'] : {}, write)
    if (stored === undefined || obstacle !== undefined) return obstacle ?? notFound(type, key.name)
    const merged = mergePatch(stored.object, patch)
    const object = received(type, {
      ...(isFields(merged) ? merged : {}),
      metadata: metadataOf(merged, stored.object),
    })
    return save(type, stored, updated(type, stored.object, object, write), ownedUpdate(write))
  }

  function apply(type: ResourceType, given: KubeObject, write: WriteOptions): ApiResult<KubeObject> {
    const object = received(type, given)
    const stored = store.get(type, keyOfObject(type, object))
    const obstacle = obstacleTo(type, stored, object.metadata, write)
    if (obstacle !== undefined) return obstacle
    const configuration = configurationOf(type, object, write)
    const owned = { name: ownerOf(write, 'Apply'), configuration }
    if (stored === undefined) {
      const fresh: KubeObject = { ...object, ...configuration, metadata: firstMetadata(type, object.metadata) }
      return save(type, undefined, hasStatus(type) ? withStatus(fresh, firstStatusOf(type)) : fresh, owned)
    }
    const keys = options.listKeys(type)
    const result = applied(stored.object, configuration, { name: owned.name, owners: stored.owners() }, keys)
    return save(type, stored, { ...result, metadata: keptMetadata(stored.object, result['metadata']) }, owned)
  }

  /** What of an applied object the server takes: not the status with the object, nor the rest with the status. */
  function configurationOf(type: ResourceType, object: KubeObject, { subresource }: WriteOptions): Fields {
    const { status, ...rest } = object
    if (subresource !== 'status') return hasStatus(type) ? rest : object
    const metadata = isCustom(type) ? {} : { metadata: object.metadata }
    return status === undefined ? metadata : { ...metadata, status }
  }

  function updated(type: ResourceType, before: KubeObject, object: KubeObject, write: WriteOptions): KubeObject {
    if (write.subresource === 'status') {
      const metadata = isCustom(type) ? before.metadata : keptMetadata(before, object.metadata)
      return withStatus({ ...before, metadata }, object['status'])
    }
    const whole = { ...object, metadata: keptMetadata(before, object.metadata) }
    return hasStatus(type) ? withStatus(whole, before['status']) : whole
  }

  function obstacleTo(
    type: ResourceType,
    stored: Stored | undefined,
    { uid, resourceVersion }: { readonly uid?: unknown; readonly resourceVersion?: unknown },
    { subresource }: WriteOptions,
  ): ApiFault | undefined {
    if (subresource === 'status' && !hasStatus(type)) {
      return apiFault('notFound', 'the server could not find the requested resource')
    }
    if (stored === undefined && (uid !== undefined || resourceVersion !== undefined)) {
      return apiFault('conflict', 'Precondition failed: there is no such object')
    }
    if (stored === undefined) return subresource === 'status' ? notFound(type, 'it') : undefined
    return mismatch(stored, { uid, resourceVersion })
  }

  function save(
    type: ResourceType,
    before: Stored | undefined,
    next: KubeObject,
    write: OwnedWrite,
  ): ApiResult<KubeObject> {
    const isSame = before !== undefined && equalData(before.object, next)
    // Who updates without changing anything owns nothing by it.
    if (isSame && write.configuration === undefined) return { kind: 'ok', value: before.object }
    const owners = ownersOf(type, before, next, write)
    if (isSame && equalOwners(before.owners(), owners())) return { kind: 'ok', value: before.object }
    const unworked = unworkedAfter(before)
    if (unworked === 0) owners()
    const generation = before === undefined ? undefined : nextGeneration(type, before.object, next)
    const made = commit(type, keyOfObject(type, next), (version) => {
      const metadata = { ...next.metadata, ...generation, resourceVersion: String(version) }
      return { object: { ...next, metadata }, owners, unworked }
    })
    return made.after === undefined ? apiFault('serverError', 'lost') : { kind: 'ok', value: made.after.object }
  }

  function ownersOf(
    type: ResourceType,
    before: Stored | undefined,
    after: KubeObject,
    write: OwnedWrite,
  ): () => Owners {
    let worked: Owners | undefined
    let [earlier, old] = [before?.owners, before?.object ?? {}]
    const work = (): Owners => {
      worked ??= ownersAfter(earlier?.() ?? new Map(), { before: old, after }, write, options.listKeys(type))
      // What it was worked out from need not be kept.
      earlier = undefined
      old = {}
      return worked
    }
    return work
  }

  function nextGeneration(
    type: ResourceType,
    before: KubeObject,
    next: KubeObject,
  ): { generation: number } | undefined {
    const { generation } = before.metadata
    if (generation === undefined) return undefined
    const isSame = equalData(declaredOf(type, before), declaredOf(type, next))
    return { generation: isSame ? generation : generation + 1 }
  }

  /** What a generation counts the changes of. */
  const declaredOf = (type: ResourceType, object: KubeObject): Fields =>
    withoutFields(object, 'metadata', ...(hasStatus(type) ? ['status'] : []))

  function remove(type: ResourceType, key: ObjectKey, preconditions: Preconditions = {}): ApiResult<undefined> {
    const stored = store.get(type, storeKey(key))
    if (stored === undefined) return notFound(type, key.name)
    const obstacle = mismatch(stored, preconditions)
    if (obstacle !== undefined) return obstacle
    commit(type, storeKey(key), () => undefined)
    return { kind: 'ok', value: undefined }
  }

  function commit(type: ResourceType, key: string, make: (version: number) => Stored | undefined): Change {
    const change = store.commit(type, key, make)
    options.committed(type, change)
    return change
  }

  return { create, replace, apply, merge, remove }
}

const unworkedAfter = (before: Stored | undefined): number => ((before?.unworked ?? 0) + 1) % mostUnworked

/** As it arrives: a copy, with the names of its kind. */
function received({ group, version, kind }: ResourceType, given: KubeObject): KubeObject {
  const { metadata, ...rest } = given
  const apiVersion = group === '' ? version : `${group}/${version}`
  return { ...copyFields(rest), apiVersion, kind, metadata: metadataFrom(metadata) }
}

const metadataFrom = (metadata: ObjectMeta): ObjectMeta => ({
  ...withoutFields(copyFields(metadata), 'managedFields'),
  name: metadata.name,
})

/** What only the server sets stays as it was. */
function keptMetadata({ metadata: before }: KubeObject, given: unknown): ObjectMeta {
  const kept: Record<string, unknown> = { ...(isFields(given) ? given : {}) }
  for (const field of ['namespace', 'uid', 'creationTimestamp', 'generation', 'resourceVersion', 'deletionTimestamp']) {
    if (before[field] === undefined) Reflect.deleteProperty(kept, field)
    else kept[field] = before[field]
  }
  return { ...kept, name: before.name }
}

function withStatus(object: KubeObject, status: unknown): KubeObject {
  if (status !== undefined) return { ...object, status }
  return { ...withoutFields(object, 'status'), metadata: object.metadata }
}

function metadataOf(merged: unknown, { metadata }: KubeObject): ObjectMeta {
  const given = isFields(merged) ? merged['metadata'] : undefined
  return { ...(isFields(given) ? given : {}), name: metadata.name }
}

function mismatch(
  { object }: Stored,
  { uid, resourceVersion }: { readonly uid?: unknown; readonly resourceVersion?: unknown },
): ApiFault | undefined {
  if (uid !== undefined && uid !== object.metadata.uid) {
    return apiFault('conflict', 'Precondition failed: the uid is another')
  }
  if (resourceVersion !== undefined && resourceVersion !== object.metadata.resourceVersion) {
    return apiFault('conflict', 'the object has been modified; please apply your changes to the latest version')
  }
  return undefined
}

const notFound = ({ plural }: ResourceType, name: string): ApiFault =>
  apiFault('notFound', `${plural} "${name}" not found`)

const ownerOf = ({ fieldManager, subresource }: WriteOptions, operation: 'Apply' | 'Update'): string =>
  `${fieldManager}|${operation}|${subresource ?? ''}`

const ownedUpdate = (write: WriteOptions): OwnedWrite => ({ name: ownerOf(write, 'Update'), configuration: undefined })

const builtIn = new Set(['', 'discovery.k8s.io', 'coordination.k8s.io'])

/** A kind of a CustomResourceDefinition. */
const isCustom = ({ group }: ResourceType): boolean => !builtIn.has(group)

const hasGeneration = (type: ResourceType): boolean => isCustom(type) || type.kind === 'EndpointSlice'

/** Custom resources and Leases are replaced only by who names the version that they have. */
const allowsUnconditional = (type: ResourceType): boolean => !isCustom(type) && type.kind !== 'Lease'

const firstStatusOf = ({ kind, group }: ResourceType): Fields | undefined =>
  group === '' && kind === 'Service' ? { loadBalancer: {} } : undefined
