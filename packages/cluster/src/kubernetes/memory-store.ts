import type { KubeObject, ObjectKey, ResourceType, Selection } from './api.ts'
import type { Owners } from './field-ownership.ts'
import { isFields } from './plain-data.ts'
import { parseFieldSelector, parseLabelSelector, type Selector } from './selectors.ts'

/** An object as it is stored, and who owns its fields. */
export interface Stored {
  readonly object: KubeObject
  /** Worked out when it is asked for: only an apply needs to know. */
  readonly owners: () => Owners
  /** How many writes in a row the owners have not been worked out after. */
  readonly unworked: number
}

/** One write. */
export interface Change {
  readonly version: number
  readonly key: string
  readonly before: Stored | undefined
  /** undefined: the object went. */
  readonly after: Stored | undefined
}

/** The objects of one kind, with the changes that were made to them. */
interface Table {
  readonly type: ResourceType
  readonly stored: Map<string, Stored>
  readonly changes: Change[]
  sortedKeys: readonly string[] | undefined
}

/** What etcd is to the API server: objects under one count of versions, and their history. */
export interface MemoryStore {
  readonly version: () => number
  /** Versions below cannot be read or watched from any more. */
  readonly oldest: () => number
  readonly get: (type: ResourceType, key: string) => Stored | undefined
  /** The objects in the order of their keys, as they were at `version`; only those whose key comes after `last`, if given. */
  readonly objectsAt: (type: ResourceType, version: number, last?: string) => readonly KubeObject[]
  /** The changes after `version`, oldest first. */
  readonly changesAfter: (type: ResourceType, version: number) => readonly Change[]
  /** Makes the next version: of it, `make` gives what is stored from then on; undefined: nothing. */
  readonly commit: (type: ResourceType, key: string, make: (version: number) => Stored | undefined) => Change
  readonly compact: (version: number) => void
  /** Goes back to what was at `version`, as a restored backup of etcd does; `next` is the version from then on. */
  readonly restore: (version: number, next: number) => void
}

const firstVersion = 1000
/** Of a kind; older ones are compacted. */
const mostChanges = 100_000

export function createMemoryStore(): MemoryStore {
  const tables = new Map<string, Table>()
  let version = firstVersion
  let oldest = firstVersion

  function tableOf(type: ResourceType): Table {
    const name = `${type.group}/${type.plural}`
    const known = tables.get(name)
    if (known !== undefined) return known
    const table: Table = { type, stored: new Map(), changes: [], sortedKeys: undefined }
    tables.set(name, table)
    return table
  }

  function commit(type: ResourceType, key: string, make: (version: number) => Stored | undefined): Change {
    const table = tableOf(type)
    version += 1
    const change = { version, key, before: table.stored.get(key), after: make(version) }
    table.changes.push(change)
    put(table, key, change.after)
    if (table.changes.length > mostChanges) compact(table.changes[mostChanges / 2]?.version ?? version)
    return change
  }

  function compact(to: number): void {
    oldest = Math.max(oldest, Math.min(to, version))
    for (const { changes } of tables.values()) changes.splice(0, countUpTo(changes, oldest))
  }

  function restore(to: number, next: number): void {
    for (const table of tables.values()) {
      const undone = table.changes.splice(countUpTo(table.changes, to))
      for (const { key, before } of undone.reverse()) put(table, key, before)
    }
    version = next
    if (next > to) compact(next)
  }

  return {
    version: () => version,
    oldest: () => oldest,
    get: (type, key) => tableOf(type).stored.get(key),
    objectsAt: (type, at, last) => objectsAt(tableOf(type), at, last),
    changesAfter: (type, after) => {
      const { changes } = tableOf(type)
      return changes.slice(countUpTo(changes, after))
    },
    commit,
    compact,
    restore,
  }
}

function put(table: Table, key: string, stored: Stored | undefined): void {
  if (stored === undefined || !table.stored.has(key)) table.sortedKeys = undefined
  if (stored === undefined) table.stored.delete(key)
  else table.stored.set(key, stored)
}

/** How many changes, from the oldest, were made up to a version. */
function countUpTo(changes: readonly Change[], version: number): number {
  let low = 0
  let high = changes.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((changes[middle]?.version ?? Infinity) <= version) low = middle + 1
    else high = middle
  }
  return low
}

function objectsAt(table: Table, version: number, last: string | undefined): readonly KubeObject[] {
  const later = table.changes.slice(countUpTo(table.changes, version))
  if (later.length === 0) {
    table.sortedKeys ??= [...table.stored.keys()].sort()
    return objectsOf(table.stored, table.sortedKeys, last)
  }
  const past = new Map(table.stored)
  for (const { key, before } of later.reverse()) {
    if (before === undefined) past.delete(key)
    else past.set(key, before)
  }
  return objectsOf(past, [...past.keys()].sort(), last)
}

function objectsOf(
  stored: ReadonlyMap<string, Stored>,
  keys: readonly string[],
  last: string | undefined,
): readonly KubeObject[] {
  const objects: KubeObject[] = []
  for (let index = last === undefined ? 0 : countThrough(keys, last); index < keys.length; index += 1) {
    const object = stored.get(keys[index] ?? '')?.object
    if (object !== undefined) objects.push(object)
  }
  return objects
}

/** How many keys come up to one. */
function countThrough(keys: readonly string[], last: string): number {
  let [low, high] = [0, keys.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((keys[middle] ?? '') <= last) low = middle + 1
    else high = middle
  }
  return low
}

/** The place of an object among those of its kind. */
export const storeKey = ({ namespace, name }: ObjectKey): string => `${namespace}/${name}`

export const keyOfObject = ({ isNamespaced }: ResourceType, { metadata }: KubeObject): string =>
  storeKey({ namespace: isNamespaced ? (metadata.namespace ?? '') : '', name: metadata.name })

/** Which objects a selection takes; a text: why it is none. */
export function selectionOf(
  type: ResourceType,
  { namespace, fieldSelector = '', labelSelector = '' }: Selection,
): ((object: KubeObject) => boolean) | string {
  const [fields, labels] = [parseFieldSelector(fieldSelector), parseLabelSelector(labelSelector)]
  if (fields === undefined) return `unable to read the field selector "${fieldSelector}"`
  if (labels === undefined) return `unable to read the label selector "${labelSelector}"`
  const unknown = fields.keys.find((field) => !isSelectable(type, field))
  if (unknown !== undefined) return `field label not supported: ${unknown}`
  return (object) =>
    (namespace === undefined || namespace === '' || object.metadata.namespace === namespace) &&
    (fields.keys.length === 0 || selectsFields(fields, object)) &&
    (labels.keys.length === 0 || labels.selects((key) => object.metadata.labels?.[key]))
}

/** Beside metadata.name and metadata.namespace, which all kinds have. */
const selectableFields: Readonly<Record<string, readonly string[]>> = {
  Service: ['spec.type', 'spec.clusterIP'],
  Secret: ['type'],
  Node: ['spec.unschedulable'],
  Namespace: ['status.phase'],
  Event: [
    ...['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map(
      (field) => `involvedObject.${field}`,
    ),
    'reason',
    'reportingComponent',
    'source',
    'type',
  ],
}

const isSelectable = ({ kind }: ResourceType, field: string): boolean =>
  field === 'metadata.name' || field === 'metadata.namespace' || (selectableFields[kind] ?? []).includes(field)

/** What the API server fills in where nothing is written. */
const defaults: Readonly<Record<string, string>> = { 'spec.type': 'ClusterIP', 'spec.unschedulable': 'false' }

const selectsFields = (fields: Selector, object: KubeObject): boolean =>
  fields.selects((path) => {
    const value = path.split('.').reduce<unknown>((part, name) => (isFields(part) ? part[name] : undefined), object)
    return typeof value === 'string' || typeof value === 'boolean' ? String(value) : (defaults[path] ?? '')
  })
