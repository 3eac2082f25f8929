import { compareText, equalDeep } from './compare.ts'
import type { ListDifference } from './list-difference.ts'
import type { Parse } from './parse.ts'
import { faultOf, parse } from './parse.ts'
import { problem } from './rules.ts'
import { SortedMap } from './sorted-map.ts'
import type { Fault, Kind, RawObject, Resource } from './types.ts'
import { sameOr } from './versions.ts'

/** All objects by kind, one for each name, in the order of their keys. A kind of which nothing changed keeps its identity. */
export interface Placement {
  readonly byKind: Readonly<Record<Kind, SortedMap<Parse>>>
  /** Objects that take no place: of unknown or unobeyed kinds, and without a name. */
  readonly strays: readonly Parse[]
  /** Second definitions of an object, which are not in force, each with its fault. */
  readonly duplicates: readonly Duplicate[]
  /** Objects in their places that something is wrong with. */
  readonly faulty: readonly Parse[]
  /** Every object was there once, under a name of its own: then a change of one concerns no other. */
  readonly isPlain: boolean
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
  const found = recordOfKinds((): Parse[] => [])
  for (const raw of objects) {
    for (const one of parse(raw)) (one.kind === undefined ? strays : found[one.kind]).push(one)
  }
  const duplicates: Duplicate[] = []
  const faulty: Parse[] = []
  let isPlain = true
  const byKind = recordOfKinds((kind) => {
    const unique = [...new Set(found[kind])]
    const groups = Map.groupBy(unique, ({ key }) => key)
    const placedBefore = before?.byKind[kind] ?? SortedMap.empty<Parse>()
    const winners =
      groups.size === unique.length ? unique : withoutDuplicates(groups, placedBefore, previousOf, duplicates)
    isPlain &&= winners.length === found[kind].length
    for (const one of winners) if (one.faults.length > 0) faulty.push(one)
    const goners = [...placedBefore.keys()].filter((key) => !groups.has(key)).map((key) => [key, undefined] as const)
    return placedBefore.with([...goners, ...winners.map((one) => [one.key, one] as const)])
  })
  return { byKind, strays, duplicates, faulty, isPlain }
}

/**
 * What `place` makes of the objects after a change of some, at the cost of these; undefined where they concern other objects too, so
 * that all have to be looked at.
 */
export function placeChanged({ removed, added }: ListDifference<RawObject>, before: Placement): Placement | undefined {
  if (!before.isPlain) return undefined
  const changes = recordOfKinds(() => new Map<string, Parse | undefined>())
  for (const one of removed.flatMap(parse)) {
    if (one.kind === undefined) return undefined
    changes[one.kind].set(one.key, undefined)
  }
  for (const one of added.flatMap(parse)) {
    if (one.kind === undefined || isTaken(one, one.kind, changes, before)) return undefined
    changes[one.kind].set(one.key, one)
  }
  return {
    ...before,
    byKind: recordOfKinds((kind) => before.byKind[kind].with([...changes[kind]])),
    faulty: faultyAfter(before.faulty, removed.flatMap(parse), added.flatMap(parse)),
  }
}

/** Whether another object has the name, and stays. */
function isTaken(
  { key }: Parse,
  kind: Kind,
  changes: Readonly<Record<Kind, ReadonlyMap<string, Parse | undefined>>>,
  before: Placement,
): boolean {
  const changed = changes[kind]
  return changed.has(key) ? changed.get(key) !== undefined : before.byKind[kind].has(key)
}

/** The same list where nothing is wrong with what came and went. */
function faultyAfter(before: readonly Parse[], removed: readonly Parse[], added: readonly Parse[]): readonly Parse[] {
  const [gone, fresh] = [removed, added].map((parses) => parses.filter(({ faults }) => faults.length > 0))
  if (gone?.length === 0 && fresh?.length === 0) return before
  const isGone = new Set(gone)
  return [...before.filter((one) => !isGone.has(one)), ...(fresh ?? [])]
}

const recordOfKinds = <T>(of: (kind: Kind) => T): Record<Kind, T> => ({
  IPAddressPool: of('IPAddressPool'),
  BGPAdvertisement: of('BGPAdvertisement'),
  BGPPeer: of('BGPPeer'),
  BFDProfile: of('BFDProfile'),
  Community: of('Community'),
  PeerPolicy: of('PeerPolicy'),
  Service: of('Service'),
  EndpointSlice: of('EndpointSlice'),
  Node: of('Node'),
  Namespace: of('Namespace'),
  Secret: of('Secret'),
})

/** One definition of each object; the other ones go to `losers`. */
function withoutDuplicates(
  groups: ReadonlyMap<string, readonly Parse[]>,
  placedBefore: ReadonlyMap<string, Parse>,
  previousOf: PreviousOf,
  losers: Duplicate[],
): readonly Parse[] {
  const winners: Parse[] = []
  for (const group of groups.values()) {
    const [winner, ...others] = group.toSorted(
      (a, b) => rank(a) - rank(b) || distance(a) - distance(b) || comparePlaces(a, b),
    )
    if (winner === undefined) continue
    winners.push(winner)
    for (const loser of others) losers.push({ parse: loser, fault: duplicateFault(loser, winner) })
  }
  return winners

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
