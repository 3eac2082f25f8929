import { compareRefs, compareText, isSameList } from './compare.ts'
import type { Config, Surroundings } from './config.ts'
import { settleConfig, settledKinds } from './config.ts'
import type { ListDifference } from './list-difference.ts'
import { listDifference } from './list-difference.ts'
import type { Parse } from './parse.ts'
import type { Placement, PreviousOf } from './placement.ts'
import { place, placeChanged } from './placement.ts'
import { mapDifference, SortedMap } from './sorted-map.ts'
import type { Evaluation, Fault, Kind, Model, NotInForce, RawObject, Resource } from './types.ts'
import type { ResourceOf } from './versions.ts'
import { changedMap, mapOf, mapOfKind, resourceIn, sameOr, staleOf } from './versions.ts'

/** What an evaluation was made from, so that the next one need not do again what did not change. */
interface Basis {
  readonly objects: readonly RawObject[]
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
 *
 * Objects that are the same as in `previous`, by their identity, cost a comparison each; the rest of the cost is that of what changed.
 */
export function evaluate(objects: readonly RawObject[], previous: Evaluation | undefined): Evaluation {
  const before = previous === undefined ? undefined : bases.get(previous)
  const previousOf: PreviousOf = (kind, key) => resourceIn(previous?.model, kind, key)
  const change = before === undefined ? undefined : listDifference(before.objects, objects)
  const placement = placementOf(objects, before?.placement, change, previousOf)

  const standalone = <K extends Kind>(kind: K): ReadonlyMap<string, ResourceOf<K>> => {
    const known = before === undefined ? undefined : previousMap(previous, kind)
    const changes = mapDifference(before?.placement.byKind[kind] ?? noParses, placement.byKind[kind])
    return changedMap(
      kind,
      known,
      changes.map(({ key, after }) => [key, versionAlone(kind, after, previousOf)]),
    )
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
  const evaluation = sameEvaluationOr({ model, ...findingsOf(placement, config, before, previous) }, previous)
  // The caller's list is the caller's to change.
  bases.set(evaluation, { objects: objects.slice(), placement, surroundings, config })
  return evaluation
}

/** From what changed, where that can be told and concerns no other object; else from all. */
function placementOf(
  objects: readonly RawObject[],
  before: Placement | undefined,
  change: ListDifference<RawObject> | undefined,
  previousOf: PreviousOf,
): Placement {
  const changed = before === undefined || change === undefined ? undefined : placeChanged(change, before)
  return changed ?? place(objects, before, previousOf)
}

const noParses = SortedMap.empty<Parse>()

/** The maps of a Model are typed one by one; the table says which belongs to a kind. */
const previousMap = <K extends Kind>(
  previous: Evaluation | undefined,
  kind: K,
): ReadonlyMap<string, ResourceOf<K>> | undefined =>
  previous?.model[mapOfKind[kind]] as ReadonlyMap<string, ResourceOf<K>> | undefined

/** Of an object that contradicts no others: the newest version, or the last valid one; undefined: there is none. */
function versionAlone(kind: Kind, parse: Parse | undefined, previousOf: PreviousOf): Resource | undefined {
  if (parse === undefined) return undefined
  const previous = previousOf(kind, parse.key)
  if (parse.built !== undefined) {
    // There are tens of thousands, which change without saying anything new: only one of the two is to be kept.
    parse.built.resource = sameOr(parse.built.resource, previous)
    return parse.built.resource
  }
  return previous === undefined ? undefined : staleOf(previous)
}

const versionsBeside = (
  parses: ReadonlyMap<string, Parse>,
  { versions }: Config,
): readonly (readonly [key: string, resource: Resource])[] =>
  [...parses.values()].flatMap((parse) => {
    const version = versions.get(parse)
    return version === undefined ? [] : [[parse.key, version] as const]
  })

const isSameBasis = (before: Basis, placement: Placement, surroundings: Surroundings): boolean =>
  before.surroundings.nodes === surroundings.nodes &&
  before.surroundings.secrets === surroundings.secrets &&
  settledKinds.every((kind) => before.placement.byKind[kind] === placement.byKind[kind])

/** What is wrong and what has no effect; the same lists where neither the configuration nor anything wrong changed. */
function findingsOf(
  placement: Placement,
  config: Config,
  before: Basis | undefined,
  previous: Evaluation | undefined,
): Pick<Evaluation, 'faults' | 'notInForce'> {
  const isSame =
    previous !== undefined &&
    before?.config === config &&
    before.placement.strays === placement.strays &&
    before.placement.duplicates === placement.duplicates &&
    before.placement.faulty === placement.faulty
  if (isSame) return { faults: previous.faults, notInForce: previous.notInForce }
  return { faults: faultsOf(placement, config), notInForce: notInForceOf(placement, config) }
}

function faultsOf({ faulty, strays, duplicates }: Placement, config: Config): readonly Fault[] {
  const faults = [
    ...config.faults,
    ...duplicates.flatMap(({ parse, fault }) => [fault, ...parse.faults]),
    ...[...strays, ...faulty].flatMap((parse) => parse.faults),
  ]
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
