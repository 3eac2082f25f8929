import { compareText, equalDeep, isSameList } from './compare.ts'
import type { Parse } from './parse.ts'
import { faultOf, parse } from './parse.ts'
import { problem } from './rules.ts'
import type { Fault, Kind, RawObject, Resource } from './types.ts'
import { sameOr } from './versions.ts'

/** All objects by kind, one for each name, in the order of their keys. An unchanged list keeps its identity. */
export interface Placement {
  readonly byKind: Readonly<Record<Kind, readonly Parse[]>>
  /** Objects that take no place: of unknown or unobeyed kinds, and without a name. */
  readonly strays: readonly Parse[]
  /** Second definitions of an object, which are not in force, each with its fault. */
  readonly duplicates: readonly Duplicate[]
}

interface Duplicate {
  readonly parse: Parse
  readonly fault: Fault
}

/** Looks up the version of an object that was in force before. */
export type PreviousOf = (kind: Kind, key: string) => Resource | undefined

/** Puts every object in its place. `before` tells which of two definitions of one object was in force. */
export function place(objects: readonly RawObject[], before: Placement | undefined, previousOf: PreviousOf): Placement {
  const strays: Parse[] = []
  const found = emptyByKind()
  for (const raw of objects) {
    for (const one of parse(raw)) (one.kind === undefined ? strays : found[one.kind]).push(one)
  }
  const duplicates: Duplicate[] = []
  const placed = (kind: Kind): readonly Parse[] => {
    const placedBefore = before?.byKind[kind] ?? []
    const sorted = sortedByKey(found[kind], placedBefore)
    if (!hasRepeatedKey(sorted)) return isSameList(sorted, placedBefore) ? placedBefore : sorted
    const { winners, losers } = withoutDuplicates(
      sorted,
      new Map(placedBefore.map((one) => [one.key, one])),
      previousOf,
    )
    duplicates.push(...losers)
    return isSameList(winners, placedBefore) ? placedBefore : winners
  }
  const byKind = {
    IPAddressPool: placed('IPAddressPool'),
    BGPAdvertisement: placed('BGPAdvertisement'),
    BGPPeer: placed('BGPPeer'),
    BFDProfile: placed('BFDProfile'),
    Community: placed('Community'),
    PeerPolicy: placed('PeerPolicy'),
    Service: placed('Service'),
    EndpointSlice: placed('EndpointSlice'),
    Node: placed('Node'),
    Namespace: placed('Namespace'),
    Secret: placed('Secret'),
  }
  return { byKind, strays, duplicates }
}

const emptyByKind = (): Record<Kind, Parse[]> => ({
  IPAddressPool: [],
  BGPAdvertisement: [],
  BGPPeer: [],
  BFDProfile: [],
  Community: [],
  PeerPolicy: [],
  Service: [],
  EndpointSlice: [],
  Node: [],
  Namespace: [],
  Secret: [],
})

/**
 * The parses in the order of their keys, each once. Those that were placed before are in order already, so that only
 * the other ones are sorted: sorting 10,000 texts anew costs more than the rest of an evaluation.
 */
function sortedByKey(parses: readonly Parse[], before: readonly Parse[]): readonly Parse[] {
  const fresh = new Set(parses)
  const kept = before.filter((parse) => fresh.delete(parse))
  const added = [...fresh].sort((a, b) => compareText(a.key, b.key))
  const merged: Parse[] = []
  let next = 0
  for (const parse of kept) {
    for (let one = added[next]; one !== undefined && one.key < parse.key; one = added[next]) {
      merged.push(one)
      next += 1
    }
    merged.push(parse)
  }
  return merged.concat(added.slice(next))
}

const hasRepeatedKey = (sorted: readonly Parse[]): boolean =>
  sorted.some((parse, index) => sorted[index - 1]?.key === parse.key)

/** One definition of each object, and the other ones. */
function withoutDuplicates(
  sorted: readonly Parse[],
  placedBefore: ReadonlyMap<string, Parse>,
  previousOf: PreviousOf,
): { readonly winners: readonly Parse[]; readonly losers: readonly Duplicate[] } {
  const winners: Parse[] = []
  const losers: Duplicate[] = []
  for (const group of Map.groupBy(sorted, ({ key }) => key).values()) {
    const [winner, ...others] = group.sort(
      (a, b) => rank(a) - rank(b) || distance(a) - distance(b) || comparePlaces(a, b),
    )
    if (winner === undefined) continue
    winners.push(winner)
    for (const loser of others) losers.push({ parse: loser, fault: duplicateFault(loser, winner) })
  }
  return { winners, losers }

  /** First what was in force before, then what is valid. */
  function rank(parse: Parse): number {
    // Read anew it is another object, and its resource by itself lacks what was taken from Communities and Secrets.
    if (equalDeep(parse.raw.value, placedBefore.get(parse.key)?.raw.value)) return 0
    if (parse.built === undefined || parse.kind === undefined) return 3
    const previous = previousOf(parse.kind, parse.key)
    return previous !== undefined && sameOr(parse.built.resource, previous) === previous ? 1 : 2
  }

  /** A change of the definition in force is to be expected in the file where that was. */
  function distance(parse: Parse): number {
    return placedBefore.get(parse.key)?.raw.origin.file === parse.raw.origin.file ? 0 : 1
  }
}

function comparePlaces(a: Parse, b: Parse): number {
  const [originA, originB] = [a.raw.origin, b.raw.origin]
  return (
    compareText(originA.file, originB.file) ||
    (originA.lineOf([]) ?? 0) - (originB.lineOf([]) ?? 0) ||
    compareText(JSON.stringify(a.raw.value), JSON.stringify(b.raw.value))
  )
}

function duplicateFault(loser: Parse, winner: Parse): Fault {
  const line = winner.raw.origin.lineOf([])
  const place = line === undefined ? winner.raw.origin.file : `${winner.raw.origin.file}, line ${line}`
  return faultOf(loser.raw, loser.ref, ['metadata', 'name'], problem('duplicate-object', { place }))
}
