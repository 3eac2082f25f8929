import { compareRefs, compareText, isSameList } from './compare.ts'
import type { Config, Surroundings } from './config.ts'
import { settleConfig, settledKinds } from './config.ts'
import type { Parse } from './parse.ts'
import type { Placement, PreviousOf } from './placement.ts'
import { place } from './placement.ts'
import type { Evaluation, Fault, Kind, Model, NotInForce, RawObject, Resource } from './types.ts'
import type { ResourceOf } from './versions.ts'
import { mapOf, mapOfKind, patchedMap, resourceIn, sameOr, staleOf } from './versions.ts'

/** What an evaluation was made from, so that the next one need not do again what did not change. */
interface Basis {
  readonly placement: Placement
  readonly surroundings: Surroundings
  readonly config: Config
}

const bases = new WeakMap<Evaluation, Basis>()

/**
 * What a set of objects comes to: every valid object, every fault of every other one, and what has no effect yet. The
 * outcome does not depend on the order of the objects.
 *
 * Where the newest version of an object is broken or contradicts others, the version of `previous` stays in force,
 * marked stale, for as long as the object is there. Of two objects that contradict each other, the one that was in force
 * and is unchanged stays; without history, the one whose name comes first. A resource keeps its identity from `previous`
 * as long as it says the same, and so does each map of the model and the evaluation itself.
 */
export function evaluate(objects: readonly RawObject[], previous: Evaluation | undefined): Evaluation {
  const before = previous === undefined ? undefined : bases.get(previous)
  const previousOf: PreviousOf = (kind, key) => resourceIn(previous?.model, kind, key)
  const placement = place(objects, before?.placement, previousOf)

  const standalone = <K extends Kind>(kind: K): ReadonlyMap<string, ResourceOf<K>> => {
    const [known, parses] = [previousMap(previous, kind), placement.byKind[kind]]
    const changed = changedIn(before?.placement.byKind[kind] ?? [], parses)
    const isPatch = known !== undefined && changed?.every(({ key }) => known.has(key)) === true
    return isPatch
      ? patchedMap(kind, known, versionsAlone(kind, changed, previousOf))
      : mapOf(kind, versionsAlone(kind, parses, previousOf), known)
  }
  const surroundings = { nodes: standalone('Node'), secrets: standalone('Secret') }
  const config =
    before !== undefined && isSameBasis(before, placement, surroundings)
      ? before.config
      : settleConfig(placement, surroundings, previousOf)
  const settled = <K extends Kind>(kind: K): ReadonlyMap<string, ResourceOf<K>> =>
    mapOf(kind, versionsBeside(placement.byKind[kind], config), previousMap(previous, kind))

  const model: Model = {
    pools: settled('IPAddressPool'),
    advertisements: settled('BGPAdvertisement'),
    peers: settled('BGPPeer'),
    bfdProfiles: settled('BFDProfile'),
    communities: settled('Community'),
    peerPolicies: settled('PeerPolicy'),
    services: standalone('Service'),
    endpointSlices: standalone('EndpointSlice'),
    nodes: surroundings.nodes,
    namespaces: standalone('Namespace'),
    secrets: surroundings.secrets,
  }
  const evaluation = sameEvaluationOr(
    { model, faults: faultsOf(placement, config), notInForce: notInForceOf(placement, config) },
    previous,
  )
  bases.set(evaluation, { placement, surroundings, config })
  return evaluation
}

/** The maps of a Model are typed one by one; the table says which belongs to a kind. */
const previousMap = <K extends Kind>(
  previous: Evaluation | undefined,
  kind: K,
): ReadonlyMap<string, ResourceOf<K>> | undefined =>
  previous?.model[mapOfKind[kind]] as ReadonlyMap<string, ResourceOf<K>> | undefined

/** The parses that took the place of others with the same keys; undefined where keys came or went. */
function changedIn(before: readonly Parse[], now: readonly Parse[]): readonly Parse[] | undefined {
  if (before === now) return []
  if (before.length !== now.length) return undefined
  const changed: Parse[] = []
  for (const [index, parse] of now.entries()) {
    const old = before[index]
    if (old === parse) continue
    if (old?.key !== parse.key) return undefined
    changed.push(parse)
  }
  return changed
}

type Versions = readonly (readonly [key: string, resource: Resource])[]

/** Of objects that contradict no others: the newest version, or the last valid one. */
function versionsAlone(kind: Kind, parses: readonly Parse[], previousOf: PreviousOf): Versions {
  const versions: (readonly [string, Resource])[] = []
  for (const { key, built } of parses) {
    const previous = previousOf(kind, key)
    if (built !== undefined) versions.push([key, sameOr(built.resource, previous)])
    else if (previous !== undefined) versions.push([key, staleOf(previous)])
  }
  return versions
}

const versionsBeside = (parses: readonly Parse[], { versions }: Config): Versions =>
  parses.flatMap((parse) => {
    const version = versions.get(parse)
    return version === undefined ? [] : [[parse.key, version] as const]
  })

const isSameBasis = (before: Basis, placement: Placement, surroundings: Surroundings): boolean =>
  before.surroundings.nodes === surroundings.nodes &&
  before.surroundings.secrets === surroundings.secrets &&
  settledKinds.every((kind) => before.placement.byKind[kind] === placement.byKind[kind])

function faultsOf({ byKind, strays, duplicates }: Placement, config: Config): readonly Fault[] {
  const faults = [...config.faults, ...duplicates.flatMap(({ parse, fault }) => [fault, ...parse.faults])]
  for (const parses of [strays, ...Object.values(byKind)]) {
    for (const parse of parses) if (parse.faults.length > 0) faults.push(...parse.faults)
  }
  return faults.sort(
    (a, b) =>
      compareRefs(a.object, b.object) ||
      compareText(a.path, b.path) ||
      compareText(a.code, b.code) ||
      compareText(a.message, b.message) ||
      compareText(a.file, b.file) ||
      (a.line ?? 0) - (b.line ?? 0),
  )
}

/** Kinds that are settled among each other report what of them is not in force; of the other ones it is the strays. */
const notInForceOf = ({ strays }: Placement, config: Config): readonly NotInForce[] =>
  [...strays.flatMap(({ notInForce }) => notInForce), ...config.notInForce].sort(
    (a, b) => compareRefs(a.object, b.object) || compareText(a.path, b.path),
  )

function sameEvaluationOr(fresh: Evaluation, previous: Evaluation | undefined): Evaluation {
  if (previous === undefined) return fresh
  const isSame =
    Object.values(mapOfKind).every((name) => fresh.model[name] === previous.model[name]) &&
    isSameList(fresh.faults, previous.faults) &&
    isSameList(fresh.notInForce, previous.notInForce)
  return isSame ? previous : fresh
}
