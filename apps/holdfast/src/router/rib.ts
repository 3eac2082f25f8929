import type { Announcement, PathAttributes, UpdateMessage } from '@holdfast/bgp'
import type { Address, Prefix } from '@holdfast/ip'
import { addressKey, compareAddresses, comparePrefixes, prefixKey } from '@holdfast/ip'

/** One path to a prefix as one neighbour announced it. */
export interface Path {
  readonly neighbor: string
  readonly neighborRouterId: number
  readonly isInternal: boolean
  readonly nextHop: Address
  readonly attributes: PathAttributes
}

/** What the router would install: all equally good paths, each next hop once. */
export interface EcmpSet {
  readonly prefix: Prefix
  /** In address order; empty where no neighbour announces the prefix. */
  readonly nextHops: readonly Address[]
  /** The first of the best paths by router ID, whose attributes stand for the set. */
  readonly best: Path | undefined
}

interface Entry {
  readonly prefix: Prefix
  readonly paths: Map<string, Path>
}

/**
 * What a collector learned: the Adj-RIB-In of each neighbour and, over all of them, the set of equally good next hops
 * (RFC 4271 section 9.1.2 up to the point where only tie-breaking is left).
 */
export class Rib {
  readonly #entries = new Map<number | string, Entry>()
  readonly #byNeighbor = new Map<string, Set<number | string>>()
  readonly #asn: number
  #changed = new Map<number | string, Prefix>()

  /** `asn`: of the collector itself; a path that has passed through it already is a loop (RFC 4271 section 9.1.2). */
  constructor(asn: number) {
    this.#asn = asn
  }

  /** How many prefixes have at least one path. */
  get size(): number {
    return this.#entries.size
  }

  /** How many paths one neighbour has given. */
  pathsFrom(neighbor: string): number {
    return this.#byNeighbor.get(neighbor)?.size ?? 0
  }

  /** Applies one UPDATE of a neighbour: withdrawals first, so that an announcement in the same message wins. */
  update(neighbor: Omit<Path, 'nextHop' | 'attributes'>, update: UpdateMessage): void {
    for (const prefix of update.withdrawn) this.#withdraw(neighbor.neighbor, prefix)
    if (update.announced === undefined) return
    const isLoop = update.announced.attributes.asPath.some(({ asns }) => asns.includes(this.#asn))
    if (!isLoop) this.#announce(neighbor, update.announced)
    else
      for (const prefix of update.announced.reach.flatMap(({ prefixes }) => prefixes))
        this.#withdraw(neighbor.neighbor, prefix)
  }

  /** The session is gone: everything that the neighbour announced goes with it. */
  forget(neighbor: string): void {
    for (const key of [...(this.#byNeighbor.get(neighbor) ?? [])]) {
      const entry = this.#entries.get(key)
      if (entry !== undefined) this.#withdraw(neighbor, entry.prefix)
    }
    this.#byNeighbor.delete(neighbor)
  }

  /** The sets that changed since the last call, in prefix order. */
  takeChanges(): readonly EcmpSet[] {
    const changed = [...this.#changed.values()].sort(comparePrefixes)
    this.#changed = new Map()
    return changed.map((prefix) => this.lookup(prefix))
  }

  /** Every prefix with its set, in prefix order. */
  all(): readonly EcmpSet[] {
    return [...this.#entries.values()]
      .map((entry) => ecmpSet(entry))
      .sort((a, b) => comparePrefixes(a.prefix, b.prefix))
  }

  lookup(prefix: Prefix): EcmpSet {
    const entry = this.#entries.get(prefixKey(prefix))
    return entry === undefined ? { prefix, nextHops: [], best: undefined } : ecmpSet(entry)
  }

  #announce(neighbor: Omit<Path, 'nextHop' | 'attributes'>, { attributes, reach }: Announcement): void {
    const keys = this.#byNeighbor.get(neighbor.neighbor) ?? new Set()
    this.#byNeighbor.set(neighbor.neighbor, keys)
    for (const { nextHop, prefixes } of reach) {
      const path: Path = { ...neighbor, nextHop, attributes }
      for (const prefix of prefixes) {
        const key = prefixKey(prefix)
        const entry = this.#entries.get(key) ?? { prefix, paths: new Map() }
        this.#entries.set(key, entry)
        entry.paths.set(neighbor.neighbor, path)
        keys.add(key)
        this.#changed.set(key, prefix)
      }
    }
  }

  #withdraw(neighbor: string, prefix: Prefix): void {
    const key = prefixKey(prefix)
    const entry = this.#entries.get(key)
    if (entry?.paths.delete(neighbor) !== true) return
    this.#byNeighbor.get(neighbor)?.delete(key)
    if (entry.paths.size === 0) this.#entries.delete(key)
    this.#changed.set(key, prefix)
  }
}

function ecmpSet({ prefix, paths }: Entry): EcmpSet {
  const equal = bestPaths([...paths.values()]).sort((a, b) => a.neighborRouterId - b.neighborRouterId)
  const nextHops = new Map(equal.map((path) => [addressKey(path.nextHop), path.nextHop]))
  return { prefix, nextHops: [...nextHops.values()].sort(compareAddresses), best: equal[0] }
}

const originRank = { igp: 0, egp: 1, incomplete: 2 } as const

/** RFC 4271 sections 9.1.1 and 9.1.2.2 (a) to (d), each step on what the one before left over. */
function bestPaths(paths: readonly Path[]): Path[] {
  const preferred = lowest(paths, ({ attributes }) => -(attributes.localPref ?? 100))
  const shortest = lowest(preferred, pathLength)
  const origins = lowest(shortest, ({ attributes }) => originRank[attributes.origin])
  return lowest(withoutWorseMed(origins), ({ isInternal }) => Number(isInternal))
}

function lowest(paths: readonly Path[], rank: (path: Path) => number): Path[] {
  const best = Math.min(...paths.map(rank))
  return paths.filter((path) => rank(path) === best)
}

/** MED compares paths of one neighbouring AS only, so it can remove a path but never order the whole set. */
function withoutWorseMed(paths: readonly Path[]): readonly Path[] {
  const lowestMed = new Map<number | undefined, number>()
  for (const path of paths) {
    const med = path.attributes.med ?? 0
    lowestMed.set(neighborAs(path), Math.min(med, lowestMed.get(neighborAs(path)) ?? med))
  }
  return paths.filter((path) => (path.attributes.med ?? 0) === lowestMed.get(neighborAs(path)))
}

/** RFC 4271 section 9.1.2.2 (a): a set counts as one; RFC 5065 section 5.3: confederation segments do not count. */
function pathLength({ attributes }: Path): number {
  const lengths = {
    sequence: (asns: readonly number[]) => asns.length,
    set: () => 1,
    confedSequence: () => 0,
    confedSet: () => 0,
  }
  return attributes.asPath.reduce((length, { kind, asns }) => length + lengths[kind](asns), 0)
}

const neighborAs = ({ attributes }: Path): number | undefined =>
  attributes.asPath.find((segment) => segment.kind === 'sequence')?.asns[0]
