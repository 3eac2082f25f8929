import type { RawObject } from '@holdfast/model'
import { listDifference, mapDifference, SortedMap } from '@holdfast/model'
import { textAt } from '../kubernetes/fields-at.ts'
import type { EarlierVersions } from './earlier-versions.ts'
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
export function keyOf(raw: RawObject): string {
  const known = keys.get(raw)
  if (known !== undefined) return known
  const { value } = raw
  const place = [textAt(value, 'metadata', 'namespace'), textAt(value, 'metadata', 'name')].join('/')
  const key = [textAt(value, 'kind'), place].join(' ')
  keys.set(raw, key)
  return key
}

/** What entries are made of: objects, events that were told by Service key, and what is in force of objects that are refused. */
type MakeEntries = (
  objects: readonly RawObject[],
  told: ReadonlyMap<string, string>,
  earlier?: EarlierVersions,
) => Entries

/** Makes the entries that `LastKnownFile` keeps of one snapshot after another and of what goes with it, at the cost of what changed. */
export function createEntries(): MakeEntries {
  let last: Readonly<{ objects: readonly RawObject[]; told: ReadonlyMap<string, string>; earlier: EarlierVersions }> = {
    objects: [],
    told: SortedMap.empty(),
    earlier: noVersions,
  }
  let entries = SortedMap.empty<unknown>()
  return (objects, told, earlier = noVersions) => {
    const { removed, added } = listDifference(last.objects, objects)
    const changes = new Map<string, unknown>()
    for (const raw of removed) changes.set(keyOf(raw), undefined)
    for (const raw of added) changes.set(keyOf(raw), raw.value)
    for (const { key, after } of mapDifference(last.told, told)) changes.set(`${toldPrefix}${key}`, after)
    for (const { key, after } of mapDifference(last.earlier, earlier)) changes.set(`${earlierPrefix}${key}`, after)
    last = { objects, told, earlier }
    entries = entries.with([...changes])
    return entries
  }
}

const noVersions: EarlierVersions = new Map()

/** The objects that a file keeps. */
export const objectsIn = (entries: Entries = new Map()): readonly unknown[] =>
  [...entries].flatMap(([key, value]) => (isOfObject(key) ? [value] : []))

/** What it keeps of events that were told, by Service key. */
export function toldIn(entries: Entries = new Map()): ReadonlyMap<string, string> {
  const told = new Map<string, string>()
  for (const [key, value] of entries) {
    if (key.startsWith(toldPrefix) && typeof value === 'string') told.set(key.slice(toldPrefix.length), value)
  }
  return told
}

/** Keys of what is no object: which events were told already. */
export const toldPrefix = 'told '

/** Keys of what is in force of an object that is refused. */
export const earlierPrefix = 'earlier '

const isOfObject = (key: string): boolean => !key.startsWith(toldPrefix) && !key.startsWith(earlierPrefix)
