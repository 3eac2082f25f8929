import type { Snapshot } from '@holdfast/cluster'
import type { RawObject } from '@holdfast/model'
import type { Entries } from './last-known.ts'
import { recordOf, textOf } from './records.ts'

/** What one snapshot says, sorted by who reads it. */
export interface Seen {
  /** What the model is made of. */
  readonly objects: readonly RawObject[]
  /** The own Node; undefined: it is not there. */
  readonly node: RawObject | undefined
  /** The own NodeState; undefined: it is not there. */
  readonly nodeState: unknown
}

/** Sorts the objects of a snapshot. `node` is the name of the own Node. Called for every change: one look at each object. */
export function readSnapshot(objects: readonly RawObject[], node: string): Seen {
  let own: RawObject | undefined
  let nodeState: RawObject | undefined
  let others = 0
  for (const raw of objects) {
    const { kind } = raw.value as { readonly kind?: unknown }
    if (kind === 'Node' && nameOf(raw) === node) own = raw
    if (kind !== 'NodeState') continue
    others += 1
    if (nameOf(raw) === node) nodeState = raw
  }
  const forModel = others === 0 ? objects : objects.filter((raw) => kindOf(raw) !== 'NodeState')
  return { objects: forModel, node: own, nodeState: nodeState?.value }
}

const kindOf = (raw: RawObject): unknown => recordOf(raw.value)['kind']

const nameOf = (raw: RawObject): unknown => recordOf(recordOf(raw.value)['metadata'])['name']

const keys = new WeakMap<RawObject, string>()

/** `Kind namespace/name`. */
function keyOf(raw: RawObject): string {
  const known = keys.get(raw)
  if (known !== undefined) return known
  const { kind, metadata } = recordOf(raw.value)
  const { namespace, name } = recordOf(metadata)
  const key = `${textOf(kind)} ${textOf(namespace)}/${textOf(name)}`
  keys.set(raw, key)
  return key
}

/** A snapshot's objects as `LastKnownFile` keeps them. */
export const entriesOf = (objects: readonly RawObject[]): Map<string, unknown> =>
  new Map(objects.map((raw) => [keyOf(raw), raw.value]))

const origin = { file: 'the last known state', lineOf: () => undefined }

/** What a file keeps as the snapshot that it was made from. */
export const snapshotOf = (entries: Entries): Snapshot => ({
  objects: [...entries].flatMap(([key, value]) => (key.startsWith(toldPrefix) ? [] : [{ value, origin }])),
  faults: [],
})

/** Keys of what is no object: which events were told already. */
export const toldPrefix = 'told '
