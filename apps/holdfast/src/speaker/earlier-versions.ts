import type { Evaluation, Model, ObjectRef, RawObject, Resource } from '@holdfast/model'
import { evaluate } from '@holdfast/model'
import { fieldsOf, isFields, listAt, textAt } from '../kubernetes/fields-at.ts'
import type { Entries } from './last-known.ts'
import { earlierPrefix, keyOf } from './snapshot.ts'

/** What is in force of an object that is refused as it is now. A value as JSON has it, which the last known state keeps. */
interface EarlierVersion {
  /** The object as it was when it was valid last; not there: nothing of it is in force. */
  readonly version?: unknown
  /** What that version refers to, as it was then: without it, it would not be valid. */
  readonly beside: readonly unknown[]
}

/** By key of the object, see `keyOf`. */
export type EarlierVersions = ReadonlyMap<string, EarlierVersion>

/** An evaluation, and the objects that it was made of. */
interface Known {
  readonly objects: readonly RawObject[]
  readonly evaluation: Evaluation | undefined
  readonly versions: EarlierVersions
}

/**
 * Finds, of one evaluation after another, the versions that stay in force in place of what is refused. `before` is what an earlier
 * life ended with. Costs what is refused, and nothing where that is the same as last time.
 */
export function createEarlierVersions(
  before: Pick<Known, 'objects' | 'versions'>,
): (objects: readonly RawObject[], evaluation: Evaluation) => EarlierVersions {
  let last: Known = { ...before, evaluation: undefined }
  return (objects, evaluation) => {
    // Whatever is refused has a fault: with the same ones, the same is refused.
    const isSame = last.evaluation?.faults === evaluation.faults
    last = { objects, evaluation, versions: isSame ? last.versions : versionsOf(evaluation, last) }
    return last.versions
  }
}

function versionsOf({ faults, model }: Evaluation, last: Known): EarlierVersions {
  const versions = new Map<string, EarlierVersion>()
  let versionIn: ReturnType<typeof createVersionReader> | undefined
  for (const { object } of faults) {
    const key = `${object.kind} ${object.namespace}/${object.name}`
    const resource = versions.has(key) ? undefined : inForce(model, object)
    if (versions.has(key) || resource?.meta.isStale === false) continue
    if (resource === undefined) versions.set(key, nothing)
    else versions.set(key, last.versions.get(key) ?? (versionIn ??= createVersionReader(last))(key))
  }
  return versions
}

const nothing: EarlierVersion = { beside: [] }

function inForce(model: Model, { kind, namespace, name }: ObjectRef): Resource | undefined {
  const key = namespace === '' ? name : `${namespace}/${name}`
  const found = Object.values(model).map((map: ReadonlyMap<string, Resource>) => map.get(key))
  return found.find((resource) => resource?.kind === kind)
}

/** What was not refused the last time was in force as it stood. Reads all objects once, however many were refused since. */
function createVersionReader({ objects, versions }: Known): (key: string) => EarlierVersion {
  const byKey = new Map(objects.map((raw) => [keyOf(raw), raw.value]))
  // What it refers to may have been refused itself.
  for (const [key, { version }] of versions) if (version !== undefined) byKey.set(key, version)
  const referable = [...byKey.values()].filter((value) => referableKinds.has(textAt(value, 'kind')))
  return (key) => {
    const version = byKey.get(key)
    if (version === undefined) return nothing
    const names = new Set(textsIn(fieldsOf(version)['spec']))
    return { version, beside: referable.filter((value) => value !== version && isNamedBy(value, names)) }
  }
}

const referableKinds: ReadonlySet<string> = new Set(['BFDProfile', 'Community', 'Secret'])

/** Objects are referred to by name, and those of a Community by the names in it. */
function isNamedBy(value: unknown, names: ReadonlySet<string>): boolean {
  if (textAt(value, 'kind') !== 'Community') return names.has(textAt(value, 'metadata', 'name'))
  return listAt(value, 'spec', 'communities').some((alias) => names.has(textAt(alias, 'name')))
}

function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(textsIn)
}

/**
 * What an earlier life had in force, given all that it knew: what is refused as it was in force, at first with what that refers to.
 * Without Services, which contradict nothing, but for refused ones.
 */
export function evaluationBefore(
  objects: readonly RawObject[],
  versions: EarlierVersions,
): { readonly objects: readonly RawObject[]; readonly evaluation: Evaluation } {
  const inForce = new Map(
    objects.filter((raw) => !standAlone.has(textAt(raw.value, 'kind'))).map((raw) => [keyOf(raw), raw]),
  )
  for (const [key, { version }] of versions) {
    if (version === undefined) inForce.delete(key)
    else inForce.set(key, rawOf(version))
  }
  const referred = [...versions.values()].flatMap(({ beside }) => beside).map(rawOf)
  const whole = new Map([...inForce, ...referred.map((raw) => [keyOf(raw), raw] as const)])
  for (const [key, { version }] of versions) if (version !== undefined) whole.set(key, rawOf(version))
  const remaining = [...inForce.values()]
  // What has lost what it refers to stays in force, and what was lost does not come back.
  return { objects: remaining, evaluation: evaluate(remaining, evaluate([...whole.values()], undefined)) }
}

const rawOf = (value: unknown): RawObject => ({ value, origin: { ...origin, file: keyOf({ value, origin }) } })
const origin = { file: '', lineOf: () => undefined }
const standAlone: ReadonlySet<string> = new Set(['Service', 'EndpointSlice'])

/** What an earlier life's file keeps of them. What cannot be used costs no other entry. */
export function earlierVersionsIn(entries: Entries = new Map()): EarlierVersions {
  const versions = new Map<string, EarlierVersion>()
  for (const [entry, value] of entries) {
    if (!entry.startsWith(earlierPrefix)) continue
    const key = entry.slice(earlierPrefix.length)
    const read = readVersion(key, value)
    if (read !== undefined) versions.set(key, read)
  }
  return versions
}

function readVersion(key: string, value: unknown): EarlierVersion | undefined {
  const { version, beside } = fieldsOf(value)
  if (!Array.isArray(beside)) return undefined
  const others = beside.filter(isFields)
  if (version === undefined) return { beside: others }
  return keyOf({ value: version, origin }) === key ? { version, beside: others } : undefined
}
