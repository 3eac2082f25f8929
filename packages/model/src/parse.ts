import { keyOf } from './compare.ts'
import { formatPath, isRecord, typeInWords, withoutNulls } from './fields.ts'
import { coreDefinitions } from './kinds/core.ts'
import type { Built, Definition, Note } from './kinds/definition.ts'
import { groupMeant, groupNameOf, groups, isOfGroups } from './kinds/groups.ts'
import { ignoredHoldfastKinds } from './kinds/holdfast.ts'
import { ignoredMetallbKinds, outOfScopeKind } from './kinds/metallb.ts'
import type { Problem } from './problem.ts'
import { shownValue } from './redact.ts'
import { problem } from './rules.ts'
import { findingsOf } from './schemas/findings.ts'
import { closest } from './spelling.ts'
import type { Fault, FieldPath, Kind, NotInForce, ObjectRef, RawObject } from './types.ts'

/** What one object says by itself, without regard to the other ones. */
export interface Parse {
  readonly raw: RawObject
  readonly ref: ObjectRef
  /** Its kind where it is one that is read and the object has a name: then it takes a place in the model. */
  readonly kind: Kind | undefined
  /** Its place in the map of its kind. */
  readonly key: string
  /** undefined where the object is broken. */
  readonly built: Built | undefined
  readonly faults: readonly Fault[]
  readonly notInForce: readonly NotInForce[]
}

const definitions: readonly Definition[] = [...groups.flatMap((group) => group.definitions), ...coreDefinitions]
const definitionOf = new Map(
  definitions.map((definition) => [`${definition.apiVersion}/${definition.kind}`, definition]),
)

/** Results by identity: a raw object never changes, so each is parsed once. undefined: not ours to read. */
const parses = new WeakMap<RawObject, Parse | readonly Parse[]>()

/** What an object says: one result, several where it is a v1 List, none where it is of a kind that is not ours. */
export function parse(raw: RawObject): readonly Parse[] {
  const known = parses.get(raw)
  if (known !== undefined) return 'raw' in known ? [known] : known
  const fresh = parseFresh(raw)
  const [one] = fresh
  // There are tens of thousands, and nearly all are one: a list of each would take as much memory again.
  parses.set(raw, fresh.length === 1 && one !== undefined ? one : fresh)
  return fresh
}

function parseFresh(raw: RawObject): readonly Parse[] {
  const { value } = raw
  if (!isRecord(value) || typeof value['kind'] !== 'string' || typeof value['apiVersion'] !== 'string') {
    return [broken(raw, refOf(value, true), [], problem('not-an-object', { found: describeNonObject(value) }))]
  }
  const [kind, apiVersion] = [value['kind'], value['apiVersion']]
  if (kind === 'List' && apiVersion === 'v1') return itemsOf(raw, value['items']).flatMap(parse)
  const definition = definitionOf.get(`${apiVersion}/${kind}`)
  return definition === undefined ? parseOther(raw, kind, apiVersion) : [parseKind(raw, definition)]
}

function describeNonObject(value: unknown): string {
  if (!isRecord(value)) return typeInWords(value)
  return typeof value['kind'] === 'string' ? 'a mapping without apiVersion' : 'a mapping without kind'
}

/** The items of a List as objects of their own, whose fields are looked up in the List. */
function itemsOf({ origin }: RawObject, items: unknown): readonly RawObject[] {
  if (!Array.isArray(items)) return []
  return items.map((value: unknown, index) => ({
    value,
    origin: { file: origin.file, lineOf: (path) => origin.lineOf(['items', index, ...path]) },
  }))
}

/**
 * Of kinds that are not read, those of our two groups are worth a word; a directory may hold any others. An object that
 * was meant to be one of ours takes its place although it is broken, so that its last valid version stays in force.
 */
function parseOther(raw: RawObject, kind: string, apiVersion: string): readonly Parse[] {
  const group = groupMeant(apiVersion, kind)
  const served = (group?.definitions ?? coreVersions(apiVersion)).filter((known) => known.kind === kind)
  const ref = refOf(raw.value, served[0]?.isNamespaced ?? true)
  if (served.length > 0) {
    const detail = { kind, apiVersion, served: served.map((known) => known.apiVersion) }
    return [placed(served[0]?.kind, broken(raw, ref, ['apiVersion'], problem('unknown-version', detail)))]
  }
  if (group === undefined || ignoredKinds.has(kind)) return []
  if (kind === outOfScopeKind) return [outOfScope(raw, ref)]
  const kinds = [...new Set(group.definitions.map((known) => known.kind))]
  const suggestion = closest(kind, kinds)
  const meant = kinds.find((known) => known === suggestion)
  return [
    placed(meant, broken(raw, ref, ['kind'], problem('unknown-kind', { group: group.name, kind, kinds, suggestion }))),
  ]
}

const ignoredKinds: ReadonlySet<string> = new Set([...ignoredMetallbKinds, ...ignoredHoldfastKinds])

const placed = (kind: Kind | undefined, parse: Parse): Parse => (parse.ref.name === '' ? parse : { ...parse, kind })

/** Kubernetes' own kinds in other versions of their group. */
const coreVersions = (apiVersion: string): readonly Definition[] =>
  coreDefinitions.filter((known) => groupNameOf(known.apiVersion) === groupNameOf(apiVersion))

function outOfScope(raw: RawObject, ref: ObjectRef): Parse {
  const reason = 'layer 2 announcements are out of scope: the object is not obeyed'
  return { ...unplaced(raw, ref), notInForce: [{ object: ref, path: '', value: ref.name, reason }] }
}

const unplaced = (raw: RawObject, ref: ObjectRef): Parse => ({
  raw,
  ref,
  kind: undefined,
  key: keyOf(ref),
  built: undefined,
  faults: none,
  notInForce: none,
})

/** Of most objects there is nothing to tell. */
const none: readonly never[] = []

const broken = (raw: RawObject, ref: ObjectRef, path: FieldPath, found: Problem): Parse => ({
  ...unplaced(raw, ref),
  faults: [faultOf(raw, ref, path, found)],
})

function parseKind(raw: RawObject, definition: Definition): Parse {
  const ref = refOf(raw.value, definition.isNamespaced)
  const value = normalised(raw.value, definition)
  const result = definition.read(value, ref)
  const kind = ref.name === '' ? undefined : definition.kind
  if (result.ok) {
    const { built } = result
    const notInForce = built.notes.length === 0 ? none : built.notes.map((note) => notInForceOf(ref, note))
    return { raw, ref, kind, key: keyOf(ref), built, faults: none, notInForce }
  }
  const findings = findingsOf(definition.schema, value, result.issues)
  const faults = findings.map((finding) => faultOf(raw, ref, finding.path, finding.problem))
  return { ...unplaced(raw, ref), kind, faults }
}

/** A configuration object may leave spec out, and null in it is the same as nothing. */
function normalised(value: unknown, definition: Definition): unknown {
  if (!isRecord(value) || !isOfGroups(definition)) return value
  return { metadata: value['metadata'], spec: withoutNulls(value['spec'] ?? {}) }
}

const notInForceOf = (object: ObjectRef, { path, value, reason }: Note): NotInForce => ({
  object,
  path: formatPath(path),
  value,
  reason,
})

/** Which object it is, as far as can be told; the name is empty where it has none. */
function refOf(value: unknown, isNamespaced: boolean): ObjectRef {
  const { kind, metadata } = isRecord(value) ? value : {}
  const { name, namespace } = isRecord(metadata) ? metadata : {}
  return {
    kind: textOr(kind, ''),
    namespace: isNamespaced ? textOr(namespace, 'default') : '',
    name: textOr(name, ''),
  }
}

const textOr = (value: unknown, otherwise: string): string =>
  typeof value === 'string' && value !== '' ? value : otherwise

/** A problem of an object as a fault, with its value and place. */
export const faultOf = (raw: RawObject, object: ObjectRef, path: FieldPath, found: Problem): Fault => ({
  code: found.code,
  object,
  path: formatPath(path),
  value: shownValue(object.kind, raw.value, path, found.code),
  message: found.message,
  remedy: found.remedy,
  file: raw.origin.file,
  line: raw.origin.lineOf(path),
})
