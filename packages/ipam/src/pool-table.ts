import type { Address, Family, Range } from '@holdfast/ip'
import { addressFromBigInt, addressToBigInt, equalRanges, rangesContain } from '@holdfast/ip'
import { BlockRoom } from './block-room.ts'
import { Shelf } from './shelf.ts'
import type { Pool, PoolCounts } from './types.ts'
import { sameLists } from './want.ts'

/** By family; undefined where there are no addresses of it. */
type Shelves = Readonly<Record<Family, Shelf | undefined>>

/** A pool with its addresses. */
export interface PoolEntry {
  readonly pool: Pool
  /** What it gives. */
  readonly shelves: Shelves
  /** What stays with its holders, for a while or for good: it is found by address, and nothing is chosen from it. */
  readonly kept: Shelves
}

/** Where an address is kept. */
export interface Spot {
  readonly shelf: Shelf
  readonly value: bigint
  readonly rangeIndex: number
}

interface Span {
  readonly first: bigint
  readonly last: bigint
  readonly shelf: Shelf
  readonly rangeIndex: number
}

/** What comes next, and of which values of the shelves it was made. */
interface Next {
  readonly lists: readonly (readonly Address[])[]
  readonly byPool: ReadonlyMap<string, readonly Address[]>
}

/** All pools, found by name, by address, and in the order in which they serve. */
export class PoolTable {
  /** By name, in the order of names. */
  readonly entries: ReadonlyMap<string, PoolEntry>
  /** Open to every Service, in the order of names. */
  readonly #open: readonly PoolEntry[]
  /** Of all pools in force, in the order of their names, IPv4 first. */
  readonly #giving: readonly Shelf[]
  #next: Next = { lists: [], byPool: new Map() }
  readonly #room = new BlockRoom()
  readonly #spans: Readonly<Record<Family, readonly Span[]>>

  constructor(pools: readonly Pool[]) {
    const sorted = byName(pools)
    this.entries = new Map(sorted.map((pool) => [pool.name, toEntry(pool, this.#room)]))
    if (this.entries.size !== pools.length) throw new Error('two pools have the same name')
    const entries = [...this.entries.values()]
    this.#open = entries.filter(({ pool }) => pool.autoAssign && !pool.isRestricted && pool.isRefused !== true)
    this.#giving = entries
      .filter(({ pool }) => pool.isRefused !== true)
      .flatMap(({ shelves }) => [shelves.ipv4, shelves.ipv6].filter((shelf) => shelf !== undefined))
    this.#spans = { ipv4: spansOf(entries, 'ipv4'), ipv6: spansOf(entries, 'ipv6') }
  }

  /** Finds an address; undefined where no pool has it, or where its pool avoids it. */
  spotOf(address: Address): Spot | undefined {
    const spot = this.spotEvenIfAvoided(address)
    return spot?.shelf.avoids(spot.value) === true ? undefined : spot
  }

  /** Finds an address, also one ending in .0 or .255 in a pool that avoids these. */
  spotEvenIfAvoided(address: Address): Spot | undefined {
    const value = addressToBigInt(address)
    const spans = this.#spans[address.family]
    let low = 0
    let high = spans.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const span = spans[middle]
      if (span !== undefined && span.last < value) low = middle + 1
      else high = middle
    }
    const span = spans[low]
    return span === undefined || value < span.first
      ? undefined
      : { shelf: span.shelf, value, rangeIndex: span.rangeIndex }
  }

  /** True where nobody but those who hold the address can have it. */
  isKept({ shelf }: Spot): boolean {
    return this.entries.get(shelf.pool.name)?.kept[shelf.family] === shelf
  }

  /** True where that is so because a controller that led before has set the address aside. */
  isReserved({ shelf, value }: Spot): boolean {
    return rangesContain(this.entries.get(shelf.pool.name)?.pool.reserved ?? [], shelf.addressOf(value))
  }

  /** The addresses in pools whose blocks have room for sharers again since the last call. */
  takeReopened(): readonly Spot[] {
    return Array.from(this.#room.takeReopened(), ({ family, value }) =>
      this.spotOf(addressFromBigInt(family, value)),
    ).filter((spot) => spot !== undefined)
  }

  /**
   * The pools that assign on their own, in the order in which they are tried: pinned ones as given, then the open
   * ones.
   */
  candidatesFor(pinnedPools: readonly string[]): readonly PoolEntry[] {
    if (pinnedPools.length === 0) return this.#open
    const pinned: PoolEntry[] = []
    for (const name of pinnedPools) {
      const entry = this.entries.get(name)
      if (entry?.pool.isRestricted === true && entry.pool.autoAssign && entry.pool.isRefused !== true)
        pinned.push(entry)
    }
    return [...pinned, ...this.#open]
  }

  /** Names of pools that are there and not in force, in their order. */
  refused(): readonly string[] {
    return Array.from(this.entries.values(), ({ pool }) => pool)
      .filter(({ isRefused }) => isRefused)
      .map(({ name }) => name)
  }

  /** As in Plan; the same value as long as no shelf has changed. */
  next(): ReadonlyMap<string, readonly Address[]> {
    const lists = this.#giving.map((shelf) => shelf.next())
    if (!sameLists(lists, this.#next.lists, (one, other) => one === other)) {
      const byPool = new Map<string, readonly Address[]>()
      for (const [index, { pool }] of this.#giving.entries()) {
        const list = lists[index] ?? []
        if (list.length > 0) byPool.set(pool.name, [...(byPool.get(pool.name) ?? []), ...list])
      }
      this.#next = { lists, byPool }
    }
    return this.#next.byPool
  }

  /** By pool name. */
  counts(): ReadonlyMap<string, PoolCounts> {
    return new Map(Array.from(this.entries, ([name, entry]) => [name, countsOf(entry)]))
  }
}

function toEntry(pool: Pool, room: BlockRoom): PoolEntry {
  const kept = { ...pool, ranges: [...(pool.kept ?? []), ...(pool.reserved ?? [])] }
  return { pool, shelves: shelvesOf(pool, room), kept: shelvesOf(kept, room) }
}

function shelvesOf(pool: Pool, room: BlockRoom): Shelves {
  const shelfOf = (family: Family): Shelf | undefined =>
    pool.ranges.some((range) => range.first.family === family) ? new Shelf(pool, family, room) : undefined
  return { ipv4: shelfOf('ipv4'), ipv6: shelfOf('ipv6') }
}

const spansOf = (entries: readonly PoolEntry[], family: Family): readonly Span[] =>
  entries
    .flatMap(({ shelves, kept }) => [shelves[family] ?? [], kept[family] ?? []].flat())
    .flatMap((shelf) => shelf.ranges.map((range, rangeIndex) => ({ ...range, shelf, rangeIndex })))
    .sort((a, b) => (a.first < b.first ? -1 : 1))

/** True where two lists have equal pools, in whatever order. */
export const samePools = (a: readonly Pool[], b: readonly Pool[]): boolean => sameLists(byName(a), byName(b), samePool)

const byName = (pools: readonly Pool[]): readonly Pool[] => [...pools].sort((a, b) => (a.name < b.name ? -1 : 1))

const samePool = (a: Pool, b: Pool): boolean =>
  a === b ||
  (a.name === b.name &&
    a.autoAssign === b.autoAssign &&
    a.avoidBuggyIPs === b.avoidBuggyIPs &&
    a.isRestricted === b.isRestricted &&
    (a.isRefused === true) === (b.isRefused === true) &&
    sameRanges(a.ranges, b.ranges) &&
    sameRanges(a.kept, b.kept) &&
    sameRanges(a.reserved, b.reserved))

const sameRanges = (a: readonly Range[] = [], b: readonly Range[] = []): boolean => sameLists(a, b, equalRanges)

function countsOf({ shelves, kept }: PoolEntry): PoolCounts {
  const none = { assigned: 0n, available: 0n }
  const v4 = shelves.ipv4?.counts() ?? none
  const v6 = shelves.ipv6?.counts() ?? none
  return {
    assignedIPv4: v4.assigned + (kept.ipv4?.counts().assigned ?? 0n),
    assignedIPv6: v6.assigned + (kept.ipv6?.counts().assigned ?? 0n),
    availableIPv4: v4.available,
    availableIPv6: v6.available,
  }
}
