import type { Address } from '@holdfast/ip'
import { addressFromBigInt } from '@holdfast/ip'
import type { PoolTable, Spot } from './pool-table.ts'
import { sharingRefusal } from './refusal.ts'
import { portInUse } from './share-group.ts'
import type { Freed, Shelf } from './shelf.ts'
import type { OrderedRelease } from './strays.ts'
import { Strays } from './strays.ts'
import type { History, Placed, Refusal } from './types.ts'
import type { Want } from './want.ts'

/** Who holds what, and who held it before. It changes in place, for as long as its pools stay the same. */
export class Ledger {
  readonly pools: PoolTable
  /** By Service key, IPv4 first. */
  readonly #held = new Map<string, readonly Spot[]>()
  /** By Service key: free addresses that it was the last to use, in the order of release. */
  readonly #lastUsed = new Map<string, readonly Spot[]>()
  readonly #shelves: readonly Shelf[]
  readonly #strays = new Strays()
  #releases = 0
  readonly #releaseValues = new WeakMap<Freed, OrderedRelease>()
  #history: { readonly version: number; readonly value: History } | undefined

  constructor(pools: PoolTable, history: History) {
    this.pools = pools
    this.#shelves = [...pools.entries.values()].flatMap(({ shelves }) =>
      [shelves.ipv4, shelves.ipv6].filter((shelf) => shelf !== undefined),
    )
    for (const range of history.longAgo) this.#markLongAgo(range.first, range.last)
    for (const { address, service } of history.released) {
      this.rememberAddress(address, service)
    }
  }

  /** What the Service holds; undefined where it holds nothing. */
  spotsOf(service: string): readonly Spot[] | undefined {
    return this.#held.get(service)
  }

  /** What the Service holds, with the names of the pools. */
  placedBy(service: string): readonly Placed[] {
    return (this.spotsOf(service) ?? []).map(placedAt)
  }

  /** Free addresses that the Service was the last to use, the latest last. */
  lastUsedBy(service: string): readonly Spot[] {
    return this.#lastUsed.get(service) ?? []
  }

  /** True where the address is free, or can be shared with those who hold it, and the block has room for that. */
  fits(spot: Spot, want: Want): boolean {
    return this.#isCompatible(spot, want) && !this.isCrowdedAt(spot, want)
  }

  /** True where the address is in use, and no other Service can come to share it before one leaves the block. */
  isCrowdedAt({ shelf, value }: Spot, want: Want): boolean {
    const holding = shelf.holdingAt(value)
    return holding !== undefined && !holding.holders.has(want.key) && !shelf.hasRoomAt(value)
  }

  /** Whether the Service gets on with those who hold the address. */
  #isCompatible(spot: Spot, want: Want): boolean {
    const holding = spot.shelf.holdingAt(spot.value)
    if (holding === undefined) return true
    if (holding.holders.has(want.key)) return true
    return want.group !== undefined && holding.group === want.group && portInUse(holding, want) === undefined
  }

  /** Why a Service does not get on with those who hold the address, in words that name a holder; undefined where it does. */
  conflictAt(spot: Spot, want: Want): Refusal | undefined {
    const holding = spot.shelf.holdingAt(spot.value)
    if (holding === undefined || this.#isCompatible(spot, want)) return undefined
    const port = holding.group === want.group ? portInUse(holding, want) : undefined
    const { holders } = holding
    const holder = (port === undefined ? undefined : holders.userOf(port)) ?? holders.firstBeside(want.key)
    return sharingRefusal(placedAt(spot), want, { holder, other: holders.get(holder), port })
  }

  /** Makes the Service a holder of addresses that fit it, besides those that it holds. */
  hold(want: Want, spots: readonly Spot[]): void {
    for (const spot of spots) {
      const freed = spot.shelf.hold(spot, want)
      if (freed !== undefined) this.#forgetUse(spot.shelf, freed)
    }
    // Unlike a list that has grown, one that is concatenated takes no more memory than it needs.
    const held = (this.#held.get(want.key) ?? []).concat(spots)
    this.#held.set(
      want.key,
      held.sort((a, b) => (a.shelf.family < b.shelf.family ? -1 : 1)),
    )
  }

  /** The Service holds nothing any more. Nothing is remembered of it until `remember`. */
  letGo(service: string): void {
    for (const spot of this.#held.get(service) ?? []) spot.shelf.letGo(spot.value, service)
    this.#held.delete(service)
  }

  /** Notes the last user of an address, unless others still hold it. */
  remember(spot: Spot, service: string): void {
    if (spot.shelf.holdingAt(spot.value) !== undefined) return
    if (this.pools.isKept(spot)) {
      this.#rememberStray(placedAt(spot).address, service)
      return
    }
    const before = spot.shelf.freedAt(spot.value)
    if (before !== undefined) this.#forgetUse(spot.shelf, before)
    this.#releases += 1
    const forgotten = spot.shelf.remember({ value: spot.value, service, order: this.#releases })
    this.#lastUsed.set(service, this.lastUsedBy(service).concat(spot))
    if (forgotten !== undefined) this.#forgetUse(spot.shelf, forgotten)
  }

  /** As `remember`; of an address that no pool has or gives, for the time when one does. Returns where it is kept. */
  rememberAddress(address: Address, service: string): Spot | undefined {
    const spot = this.pools.spotOf(address)
    if (spot !== undefined) this.remember(spot, service)
    else this.#rememberStray(address, service)
    return spot
  }

  #rememberStray(address: Address, service: string): void {
    this.#releases += 1
    this.#strays.remember(address, service, this.#releases)
  }

  /** The history as a value; the same one until it changes. */
  history(): History {
    const version = this.#shelves.reduce((sum, shelf) => sum + shelf.historyVersion, this.#strays.version)
    if (this.#history?.version !== version) this.#history = { version, value: this.#snapshot() }
    return this.#history.value
  }

  #snapshot(): History {
    // Each shelf has its own in order already, which leaves little to sort.
    const freed = this.#shelves.flatMap((shelf) => Array.from(shelf.freed(), (entry) => this.#releaseOf(shelf, entry)))
    freed.push(...this.#strays.values())
    freed.sort((a, b) => a.order - b.order)
    return {
      released: freed.map(({ released }) => released),
      longAgo: this.#shelves.flatMap((shelf) =>
        shelf.longAgo().map(({ first, last }) => ({ first: shelf.addressOf(first), last: shelf.addressOf(last) })),
      ),
    }
  }

  /** The same value for an entry as before: there can be tens of thousands, of which one changed. */
  #releaseOf(shelf: Shelf, entry: Freed): OrderedRelease {
    const known = this.#releaseValues.get(entry)
    if (known !== undefined) return known
    const released = { address: shelf.addressOf(entry.value), service: entry.service }
    const made = { order: entry.order, released }
    this.#releaseValues.set(entry, made)
    return made
  }

  #markLongAgo(first: Address, last: Address): void {
    const from = BigInt(first.value)
    const to = BigInt(last.value)
    for (const { shelves } of this.pools.entries.values()) {
      for (const range of shelves[first.family]?.ranges ?? []) {
        const start = from > range.first ? from : range.first
        const end = to < range.last ? to : range.last
        if (start <= end) shelves[first.family]?.markLongAgo(start, end)
      }
    }
  }

  #forgetUse(shelf: Shelf, freed: Freed): void {
    const rest = this.lastUsedBy(freed.service).filter((spot) => spot.shelf !== shelf || spot.value !== freed.value)
    if (rest.length === 0) this.#lastUsed.delete(freed.service)
    else this.#lastUsed.set(freed.service, rest)
  }
}

/** An address with the name of its pool. */
export const placedAt = (spot: Spot): Placed => ({
  address: addressFromBigInt(spot.shelf.family, spot.value),
  pool: spot.shelf.pool.name,
})
