import type { Address, Family } from '@holdfast/ip'
import { addressFromBigInt, addressToBigInt } from '@holdfast/ip'
import { BlockRoom } from './block-room.ts'
import { SharingHolders, SoleHolder } from './holders.ts'
import { IntervalSet } from './intervals.ts'
import type { Holding, Position } from './share-group.ts'
import { isBefore, ShareGroup } from './share-group.ts'
import type { Pool } from './types.ts'
import type { Want } from './want.ts'

/** An address that is free again. */
export interface Freed {
  readonly value: bigint
  readonly service: string
  /** Rises with every release in the ledger. */
  readonly order: number
}

/**
 * How many releases a shelf remembers one by one: enough for every address of an IPv4 /16. Older ones are only
 * remembered as used, so a pool of 2^64 addresses can be used up slowly without the memory growing with it.
 */
const MOST_REMEMBERED = 65_536

/** So many addresses are looked up ahead, as long as at least so many are left; and so many in use are passed on the way. */
const MOST_NEXT = 4
const FEWEST_LEFT = 16n
const MOST_PASSED = 64

const MOST_INT64 = (1n << 63n) - 1n

/**
 * The addresses of one family in one pool. Nothing here takes longer in a larger pool: work is done for addresses in
 * use and for those used before, never for the others.
 */
export class Shelf {
  readonly pool: Pool
  readonly family: Family
  /** In spec order. */
  readonly #ranges: readonly { readonly first: bigint; readonly last: bigint }[]
  readonly #holdings = new Map<bigint, Holding>()
  readonly #groups = new Map<string, ShareGroup>()
  /** In the order of release. */
  readonly #freed = new Map<bigint, Freed>()
  /** Walks `#freed` once, behind the entries that are gone, so that the oldest are found without passing them again. */
  #walk: Iterator<Freed> | undefined
  /** What the walk has passed and is not gone, in the order of release. */
  #oldest: readonly Freed[] = []
  readonly #longAgo = new IntervalSet()
  readonly #mostRemembered: number
  readonly #room: BlockRoom
  #historyVersion = 0
  /** Every usable address before this one is or was in use. */
  #neverUsedFrom: Position
  /** As of the last call of `next`; undefined where something has changed since. */
  #next: readonly Address[] | undefined

  /** `room` is that of all shelves, for pools can have addresses of one block. */
  constructor(pool: Pool, family: Family, room = new BlockRoom(), mostRemembered: number = MOST_REMEMBERED) {
    this.pool = pool
    this.family = family
    this.#mostRemembered = mostRemembered
    this.#room = room
    this.#ranges = pool.ranges
      .filter((range) => range.first.family === family)
      .map((range) => ({ first: addressToBigInt(range.first), last: addressToBigInt(range.last) }))
    this.#neverUsedFrom = { rangeIndex: 0, value: 0n }
  }

  get ranges(): readonly { readonly first: bigint; readonly last: bigint }[] {
    return this.#ranges
  }

  /** Rises whenever `freed()` or `longAgo()` change. */
  get historyVersion(): number {
    return this.#historyVersion
  }

  addressOf(value: bigint): Address {
    return addressFromBigInt(this.family, value)
  }

  /** True for IPv4 addresses that end in .0 or .255 in a pool that avoids them. */
  avoids(value: bigint): boolean {
    if (!this.pool.avoidBuggyIPs || this.family === 'ipv6') return false
    const lastByte = value & 255n
    return lastByte === 0n || lastByte === 255n
  }

  holdingAt(value: bigint): Holding | undefined {
    return this.#holdings.get(value)
  }

  freedAt(value: bigint): Freed | undefined {
    return this.#freed.get(value)
  }

  /** True where an address that is in use can have another holder, as far as its block goes. */
  hasRoomAt(value: bigint): boolean {
    return this.#room.isFree(this.family, value)
  }

  /** Adds a holder. The caller has checked that the address is free or can be shared. Returns what it was freed by. */
  hold(position: Position, want: Want): Freed | undefined {
    const { value } = position
    this.#next = undefined
    const holding = this.#holdings.get(value) ?? this.#open(position, want)
    const before = holding.holders.size
    holding.holders.add(want)
    if (before > 0 && holding.holders.size > before) this.#room.take(this.family, value)
    const freed = this.#freed.get(value)
    if (this.#freed.delete(value) || this.#longAgo.remove(value)) this.#historyVersion += 1
    return freed
  }

  /** Takes a holder away; nothing is remembered of it yet. */
  letGo(value: bigint, service: string): void {
    const holding = this.#holdings.get(value)
    const want = holding?.holders.get(service)
    if (holding === undefined || want === undefined) return
    this.#next = undefined
    holding.holders.remove(want)
    if (holding.holders.size > 0) this.#room.leave(this.family, value)
    if (holding.holders.size === 0) this.#holdings.delete(value)
    if (holding.group !== undefined) this.#updateGroup(holding.group, holding)
  }

  /** Notes that the last holder of an address has left. Returns an entry that is forgotten for it, if any. */
  remember(freed: Freed): Freed | undefined {
    this.#historyVersion += 1
    this.#next = undefined
    this.#longAgo.remove(freed.value)
    this.#freed.delete(freed.value)
    this.#freed.set(freed.value, freed)
    if (this.#freed.size <= this.#mostRemembered) return undefined
    const [oldest] = this.#oldestFreed(1)
    if (oldest === undefined) return undefined
    this.#freed.delete(oldest.value)
    this.#longAgo.add(oldest.value, oldest.value)
    return oldest
  }

  /** Notes that addresses were used, by somebody unknown, before all that are remembered. */
  markLongAgo(first: bigint, last: bigint): void {
    this.#longAgo.add(first, last)
    this.#next = undefined
  }

  /**
   * The address to hand out: a shared one that has room, or one that was never used, whichever stands first; then the
   * one that has been unused for longest.
   */
  choose(want: Want): Position | undefined {
    const group = want.group === undefined ? undefined : this.#groups.get(want.group)
    const shared = group?.firstFor(want, ({ value }) => this.hasRoomAt(value))
    const fresh = this.#neverUsed()
    if (shared !== undefined && (fresh === undefined || isBefore(shared, fresh))) return shared
    return fresh ?? this.#lowestLongAgo() ?? this.#positionOf(this.#oldestFreed(1)[0]?.value)
  }

  /**
   * What `choose` gives to Services which share with nobody and come one by one: the first few of them, as far as they are found in a few
   * steps, and none where fewer than 16 addresses are available.
   */
  next(): readonly Address[] {
    this.#next ??= this.counts().available < FEWEST_LEFT ? [] : this.#nextValues().map((value) => this.addressOf(value))
    return this.#next
  }

  counts(): { readonly assigned: bigint; readonly available: bigint } {
    const assigned = BigInt(this.#holdings.size)
    const sizes = this.#ranges.map((range) => range.last - range.first + 1n - this.#avoidedIn(range))
    // MetalLB: one range of 2^62 addresses counts as inexhaustible.
    if (sizes.some((size) => size >= 1n << 62n)) return { assigned, available: MOST_INT64 }
    const available = sizes.reduce((sum, size) => sum + size, 0n) - assigned
    return { assigned, available: available > MOST_INT64 ? MOST_INT64 : available }
  }

  freed(): Iterable<Freed> {
    return this.#freed.values()
  }

  longAgo(): readonly { readonly first: bigint; readonly last: bigint }[] {
    return this.#longAgo.toArray()
  }

  /** Where a value stands; undefined outside of the ranges. */
  #positionOf(value: bigint | undefined): Position | undefined {
    if (value === undefined) return undefined
    const rangeIndex = this.#ranges.findIndex((range) => range.first <= value && value <= range.last)
    return rangeIndex < 0 ? undefined : { rangeIndex, value }
  }

  #open(position: Position, want: Want): Holding {
    const { value, rangeIndex } = position
    const holders = want.group === undefined ? new SoleHolder() : new SharingHolders()
    const holding: Holding = { value, rangeIndex, group: want.group, holders }
    this.#holdings.set(value, holding)
    if (want.group !== undefined) {
      const group = this.#groups.get(want.group) ?? new ShareGroup()
      this.#groups.set(want.group, group)
      group.add(holding)
    }
    return holding
  }

  #updateGroup(name: string, holding: Holding): void {
    const group = this.#groups.get(name)
    if (holding.holders.size > 0) group?.forgetSearches()
    else group?.remove(holding)
    if (group?.isEmpty === true) this.#groups.delete(name)
  }

  /** Passes every address that is or was in use once in the life of the shelf. */
  #neverUsed(): Position | undefined {
    let { rangeIndex, value } = this.#neverUsedFrom
    for (let range = this.#ranges[rangeIndex]; range !== undefined; range = this.#ranges[rangeIndex]) {
      if (value < range.first) value = range.first
      const end = this.#endOfUsedRun(value, range.last)
      this.#neverUsedFrom = { rangeIndex, value: end }
      if (end <= range.last) return this.#neverUsedFrom
      rangeIndex += 1
      value = 0n
    }
    this.#neverUsedFrom = { rangeIndex, value: 0n }
    return undefined
  }

  #nextValues(): readonly bigint[] {
    const { values, isAll } = this.#nextNeverUsed()
    if (!isAll || values.length >= MOST_NEXT) return values
    const longAgo = this.#lowestLongAgo()?.value
    if (longAgo !== undefined) return [...values, longAgo]
    return [...values, ...this.#oldestFreed(MOST_NEXT - values.length).map(({ value }) => value)]
  }

  /** `isAll`: there are no others. Not much is looked at behind the first one: where a long run is in use there, only some are found. */
  #nextNeverUsed(): { readonly values: readonly bigint[]; readonly isAll: boolean } {
    const values: bigint[] = []
    let position = this.#neverUsed()
    for (let steps = 0; position !== undefined && values.length < MOST_NEXT; steps += 1) {
      if (steps > MOST_PASSED) return { values, isAll: false }
      const { rangeIndex, value } = position
      const used = this.#isKnown(value) ? value : this.#longAgo.endOfRunAt(value)
      if (used === undefined) values.push(value)
      position = this.#behind({ rangeIndex, value: used ?? value })
    }
    return { values, isAll: position === undefined }
  }

  /** The place behind another one; undefined where that is the last, or behind all. */
  #behind({ rangeIndex, value }: Position): Position | undefined {
    const range = this.#ranges[rangeIndex]
    if (range !== undefined && value < range.last) return { rangeIndex, value: value + 1n }
    const following = this.#ranges[rangeIndex + 1]
    return following === undefined ? undefined : { rangeIndex: rangeIndex + 1, value: following.first }
  }

  /** The first value from `start` on that was never used; beyond `last` where there is none. */
  #endOfUsedRun(start: bigint, last: bigint): bigint {
    let value = start
    while (value <= last) {
      const run = this.#isKnown(value) ? value : this.#longAgo.endOfRunAt(value)
      if (run === undefined) return value
      value = run + 1n
    }
    return value
  }

  #isKnown(value: bigint): boolean {
    return this.#holdings.has(value) || this.#freed.has(value) || this.avoids(value)
  }

  #lowestLongAgo(): Position | undefined {
    if (this.#longAgo.isEmpty) return undefined
    for (const [rangeIndex, range] of this.#ranges.entries()) {
      let value = this.#longAgo.firstFrom(range.first)
      while (value !== undefined && this.avoids(value)) value = this.#longAgo.firstFrom(value + 1n)
      if (value !== undefined && value <= range.last) return { rangeIndex, value }
    }
    return undefined
  }

  /** As many of the oldest, in the order of release, or all. */
  #oldestFreed(count: number): readonly Freed[] {
    const oldest = this.#oldest.filter((freed) => this.#freed.get(freed.value) === freed)
    this.#walk ??= this.#freed.values()
    // What the walk has not come to stands behind it, also what is added later: it never ends as long as it is asked for that alone.
    while (oldest.length < Math.min(count, this.#freed.size)) {
      const next = this.#walk.next()
      if (next.done === true) break
      oldest.push(next.value)
    }
    this.#oldest = oldest
    return oldest.slice(0, count)
  }

  #avoidedIn({ first, last }: { readonly first: bigint; readonly last: bigint }): bigint {
    if (!this.pool.avoidBuggyIPs || this.family === 'ipv6') return 0n
    // Up to and including n there are n/256 + 1 addresses that end in .0 and (n + 1)/256 that end in .255.
    const upTo = (n: bigint): bigint => n / 256n + 1n + (n + 1n) / 256n
    return upTo(last) - (first === 0n ? 0n : upTo(first - 1n))
  }
}
