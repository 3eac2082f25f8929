import type { Address, Parsed } from './address.ts'
import {
  addressFromBigInt,
  addressToBigInt,
  bitsOf,
  compareAddresses,
  equalAddresses,
  failure,
  formatAddress,
  parseAddress,
  success,
} from './address.ts'
import type { Prefix } from './prefix.ts'

/** A closed interval of addresses of one family, `first` not after `last`. */
export interface Range {
  readonly first: Address
  readonly last: Address
}

/** Reads `first-last`; blanks around either side are allowed. */
export function parseRange(text: string): Parsed<Range> {
  const dash = text.indexOf('-')
  if (dash < 0) return failure('is not a range: write "first-last"')
  const first = parseAddress(text.slice(0, dash).trim())
  const last = parseAddress(text.slice(dash + 1).trim())
  if (!first.ok) return failure(`starts with a text that ${first.fault.message}`)
  if (!last.ok) return failure(`ends with a text that ${last.fault.message}`)
  if (first.value.family !== last.value.family) return failure('mixes IPv4 and IPv6: write one range for each family')
  if (compareAddresses(first.value, last.value) > 0) return failure('ends before it starts: swap the two addresses')
  return success({ first: first.value, last: last.value })
}

/** `first-last` with canonical addresses and no blanks. */
export const formatRange = (range: Range): string => `${formatAddress(range.first)}-${formatAddress(range.last)}`

/** How many addresses the range holds. */
export const rangeSize = (range: Range): bigint => addressToBigInt(range.last) - addressToBigInt(range.first) + 1n

export const rangeContains = (range: Range, address: Address): boolean =>
  address.family === range.first.family &&
  compareAddresses(range.first, address) <= 0 &&
  compareAddresses(address, range.last) <= 0

/** Whether one of the ranges has the address. */
export const rangesContain = (ranges: readonly Range[], address: Address): boolean =>
  ranges.some((range) => rangeContains(range, address))

export const rangesOverlap = (a: Range, b: Range): boolean =>
  a.first.family === b.first.family && compareAddresses(a.first, b.last) <= 0 && compareAddresses(b.first, a.last) <= 0

export const equalRanges = (a: Range, b: Range): boolean =>
  equalAddresses(a.first, b.first) && equalAddresses(a.last, b.last)

/** The address `offset` places behind the first; undefined beyond the last. */
export function addressAt(range: Range, offset: bigint): Address | undefined {
  const value = addressToBigInt(range.first) + offset
  return offset < 0n || value > addressToBigInt(range.last) ? undefined : addressFromBigInt(range.first.family, value)
}

/** The place of an address in the range, counted from 0; undefined outside. */
export const offsetOf = (range: Range, address: Address): bigint | undefined =>
  rangeContains(range, address) ? addressToBigInt(address) - addressToBigInt(range.first) : undefined

/** The fewest prefixes that cover exactly the range, in address order: fewer than twice the bits of its family. */
export function rangeToPrefixes(range: Range): readonly Prefix[] {
  const family = range.first.family
  const bits = bitsOf(family)
  const last = addressToBigInt(range.last)
  const prefixes: Prefix[] = []
  let start = addressToBigInt(range.first)
  while (start <= last) {
    let hostBits = 0
    while ((start & ((1n << BigInt(hostBits + 1)) - 1n)) === 0n) {
      if (start + (1n << BigInt(hostBits + 1)) - 1n > last) break
      hostBits += 1
    }
    prefixes.push({ address: addressFromBigInt(family, start), length: bits - hostBits })
    start += 1n << BigInt(hostBits)
  }
  return prefixes
}
