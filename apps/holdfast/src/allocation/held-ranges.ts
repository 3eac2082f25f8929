import type { Address, Range } from '@holdfast/ip'
import { addressFromBigInt, addressToBigInt, compareAddresses, rangeContains, rangesContain } from '@holdfast/ip'
import type { IPAddressPool, Model } from '@holdfast/model'

/** A pool with addresses that only those who hold them have of it; they are among its ranges too, for whoever asks where an address is. */
interface HoldingPool extends IPAddressPool {
  readonly heldOver: readonly Range[]
}

/** As HoldingPool, of addresses that a controller set aside which led before. */
interface ReservingPool extends IPAddressPool {
  readonly reserved: readonly Range[]
}

/** The pool with more ranges, of addresses that are held over. */
export function withHeldRanges(pool: IPAddressPool, heldOver: readonly Range[]): HoldingPool {
  return { ...pool, ranges: [...pool.ranges, ...heldOver], heldOver }
}

/** What a pool gives, and what of it only stays with those who hold it: because it is held over, or set aside. */
export function rangesIn(pool: IPAddressPool): {
  readonly given: readonly Range[]
  readonly held: readonly Range[]
  readonly reserved: readonly Range[]
} {
  const { heldOver: held = [], reserved = [] } = pool as Partial<HoldingPool & ReservingPool>
  const others = new Set([...held, ...reserved])
  return { given: others.size === 0 ? pool.ranges : pool.ranges.filter((range) => !others.has(range)), held, reserved }
}

/**
 * The pools in which these addresses stay with those who hold them and are given to nobody else. What is held over is to be in the pools
 * already, and stays as it is. A pool without any of the addresses is the same as before, and so are the pools where that is true of all; a
 * pool with some is another one with each call, so that a caller keeps what it was given as long as nothing changes.
 */
export function withReserved(pools: Model['pools'], addresses: readonly Address[]): Model['pools'] {
  const sorted = addresses.toSorted(compareAddresses)
  const made = new Map(
    [...pools].map(([key, pool]) => {
      const { given, held, reserved } = rangesIn(pool)
      const some = sorted.filter((address) => rangesContain(given, address))
      if (some.length === 0) return [key, pool]
      const all = [...reserved, ...rangesOf(some)]
      const left = given.flatMap((range) => piecesOf(range, some))
      const reserving: ReservingPool = { ...pool, ranges: [...left, ...held, ...all], reserved: all }
      return [key, reserving]
    }),
  )
  return [...made].every(([key, pool]) => pools.get(key) === pool) ? pools : made
}

/** The fewest ranges that have these addresses and no others, in their order: looking an address up costs as many steps as there are ranges. */
export function rangesOf(addresses: readonly Address[]): readonly Range[] {
  const ranges: Range[] = []
  for (const address of addresses.toSorted(compareAddresses)) {
    const last = ranges.at(-1)
    const gap = last?.last.family === address.family ? addressToBigInt(address) - addressToBigInt(last.last) : undefined
    if (last === undefined || gap === undefined || gap > 1n) ranges.push({ first: address, last: address })
    else ranges[ranges.length - 1] = { first: last.first, last: address }
  }
  return ranges
}

/** The pools, none of which has one of the addresses. */
export function withoutAddresses(pools: Model['pools'], addresses: readonly Address[]): Map<string, IPAddressPool> {
  const sorted = addresses.toSorted(compareAddresses)
  return new Map(
    [...pools].map(([key, pool]) => {
      const isTouched = sorted.some((address) => rangesContain(pool.ranges, address))
      return [key, isTouched ? { ...pool, ranges: pool.ranges.flatMap((range) => piecesOf(range, sorted)) } : pool]
    }),
  )
}

/** What is left of a range without some addresses, given in their order. */
function piecesOf(range: Range, addresses: readonly Address[]): readonly Range[] {
  const { family } = range.first
  const pieces: Range[] = []
  const add = (first: bigint, last: bigint): void => {
    if (first > last) return
    pieces.push({ first: addressFromBigInt(family, first), last: addressFromBigInt(family, last) })
  }
  let first = addressToBigInt(range.first)
  for (const address of addresses) {
    if (!rangeContains(range, address)) continue
    const value = addressToBigInt(address)
    add(first, value - 1n)
    first = value + 1n
  }
  add(first, addressToBigInt(range.last))
  return pieces
}

/** A pool that exists no more, as far as its addresses are still in use: no Service gets a new address from it. */
export const standIn = (name: string): IPAddressPool => ({
  kind: 'IPAddressPool',
  meta: { ref: { kind: 'IPAddressPool', namespace: '', name }, labels: {}, annotations: {}, uid: '', isStale: true },
  ranges: [],
  autoAssign: false,
  avoidBuggyIPs: false,
  // A name that no Namespace can have: the pool serves nobody.
  serviceAllocation: { priority: 0, namespaces: [''], namespaceSelectors: [], serviceSelectors: [] },
})
