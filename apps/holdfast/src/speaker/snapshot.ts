import type { Snapshot } from '@holdfast/cluster'
import type { RawObject } from '@holdfast/model'
import { listDifference, mapDifference, SortedMap } from '@holdfast/model'
import { textAt } from '../kubernetes/fields-at.ts'
import type { Entries } from './last-known.ts'

/** What of a snapshot is read as it stands, besides what the model is made of. */
export interface Seen {
  /** The own Node; undefined: it is not there. */
  readonly node: RawObject | undefined
  /** The own NodeState; undefined: it is not there. */
  readonly nodeState: unknown
}

/** Finds the own objects in one snapshot after another, at the cost of what changed. `node` is the name of the own Node. */
export function createSnapshotReader(node: string): (objects: readonly RawObject[]) => Seen {
  let last: readonly RawObject[] = []
  const own = new Map<unknown, RawObject>()
  const isOwn = (raw: RawObject): boolean =>
    (textAt(raw.value, 'kind') === 'Node' || textAt(raw.value, 'kind') === 'NodeState') &&
    textAt(raw.value, 'metadata', 'name') === node
  return (objects) => {
    const { removed, added } = listDifference(last, objects)
    last = objects
    for (const raw of removed.filter(isOwn)) own.delete(textAt(raw.value, 'kind'))
    for (const raw of added.filter(isOwn)) own.set(textAt(raw.value, 'kind'), raw)
    return { node: own.get('Node'), nodeState: own.get('NodeState')?.value }
  }
}

const keys = new WeakMap<RawObject, string>()

/** `Kind namespace/name`. */
function keyOf(raw: RawObject): string {
  const known = keys.get(raw)
  if (known !== undefined) return known
  const { value } = raw
  const place = [textAt(value, 'metadata', 'namespace'), textAt(value, 'metadata', 'name')].join('/')
  const key = [textAt(value, 'kind'), place].join(' ')
  keys.set(raw, key)
  return key
}

/** Makes the entries that `LastKnownFile` keeps of one snapshot after another and of what was told, at the cost of what changed. */
export function createEntries(): (objects: readonly RawObject[], told: ReadonlyMap<string, string>) => Entries {
  let last: { readonly objects: readonly RawObject[]; readonly told: ReadonlyMap<string, string> } = {
    objects: [],
    told: SortedMap.empty(),
  }
  let entries = SortedMap.empty<unknown>()
  return (objects, told) => {
    const { removed, added } = listDifference(last.objects, objects)
    const changes = new Map<string, unknown>()
    for (const raw of removed) changes.set(keyOf(raw), undefined)
    for (const raw of added) changes.set(keyOf(raw), raw.value)
    for (const { key, after } of mapDifference(last.told, told)) changes.set(`${toldPrefix}${key}`, after)
    last = { objects, told }
    entries = entries.with([...changes])
    return entries
  }
}

const origin = { file: 'the last known state', lineOf: () => undefined }

/** What a file keeps as the snapshot that it was made from. */
export const snapshotOf = (entries: Entries): Snapshot => ({
  objects: [...entries].flatMap(([key, value]) => (key.startsWith(toldPrefix) ? [] : [{ value, origin }])),
  faults: [],
})

/** Keys of what is no object: which events were told already. */
export const toldPrefix = 'told '
