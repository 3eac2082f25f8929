import type { RawObject } from '@holdfast/model'
import { listDifference, mapDifference } from '@holdfast/model'
import { textAt } from '../kubernetes/fields-at.ts'
import type { EarlierVersions } from './earlier-versions.ts'
import type { Entries, Entry, Moment } from './last-known.ts'

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

/** `Kind namespace/name`. */
export function keyOf(raw: RawObject): string {
  const { value } = raw
  return `${textAt(value, 'kind')} ${textAt(value, 'metadata', 'namespace')}/${textAt(value, 'metadata', 'name')}`
}

/** What `LastKnownFile` keeps of a moment: objects, events that were told by Service key, and what is in force of objects that are refused. */
export class KeptMoment implements Moment {
  readonly #objects: readonly RawObject[]
  readonly #told: ReadonlyMap<string, string>
  readonly #earlier: EarlierVersions

  constructor(objects: readonly RawObject[], told: ReadonlyMap<string, string>, earlier: EarlierVersions = new Map()) {
    this.#objects = objects
    this.#told = told
    this.#earlier = earlier
  }

  get size(): number {
    return this.#objects.length + this.#told.size + this.#earlier.size
  }

  *entries(): Generator<Entry> {
    for (const raw of this.#objects) yield [keyOf(raw), raw.value]
    for (const [key, subject] of this.#told) yield [`${toldPrefix}${key}`, subject]
    for (const [key, version] of this.#earlier) yield [`${earlierPrefix}${key}`, version]
  }

  since(before: Moment): readonly Entry[] | undefined {
    if (!(before instanceof KeptMoment)) return undefined
    const { removed, added } = listDifference(before.#objects, this.#objects)
    const changes = new Map<string, unknown>()
    for (const raw of removed) changes.set(keyOf(raw), undefined)
    for (const raw of added) changes.set(keyOf(raw), raw.value)
    for (const { key, after } of mapDifference(before.#told, this.#told)) changes.set(`${toldPrefix}${key}`, after)
    for (const { key, after } of mapDifference(before.#earlier, this.#earlier)) {
      changes.set(`${earlierPrefix}${key}`, after)
    }
    return [...changes]
  }
}

/** The objects that a file keeps. */
export const objectsIn = (entries: Entries = new Map()): readonly unknown[] =>
  [...entries].flatMap(([key, value]) => (isOfObject(key) ? [value] : []))

/** What it keeps of events that were told, by Service key. */
export function toldIn(entries: Entries = new Map()): ReadonlyMap<string, string> {
  const told = new Map<string, string>()
  for (const [key, value] of entries) {
    if (!key.startsWith(toldPrefix) || typeof value !== 'string') continue
    // Joined, it is a text of its own; a slice would keep the whole one.
    told.set(key.slice(toldPrefix.length).split('/').join('/'), value)
  }
  return told
}

/** Keys of what is no object: which events were told already. */
const toldPrefix = 'told '

/** Keys of what is in force of an object that is refused. */
export const earlierPrefix = 'earlier '

const isOfObject = (key: string): boolean => !key.startsWith(toldPrefix) && !key.startsWith(earlierPrefix)
