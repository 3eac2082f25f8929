import type { Address, Parsed } from './address.ts'
import {
  addressFromBigInt,
  addressToBigInt,
  bitsOf,
  compareAddresses,
  equalAddresses,
  failure,
  formatAddress,
  ipv4,
  ipv6,
  parseAddress,
  success,
} from './address.ts'
import type { Range } from './range.ts'

/** A network: `address` has its host bits clear, `length` is 0 to 32 or 0 to 128. */
export interface Prefix {
  readonly address: Address
  readonly length: number
}

/** The network of `length` bits that an address lies in. `length` must fit the family. */
export function maskAddress(address: Address, length: number): Prefix {
  if (address.family === 'ipv4') {
    // A shift by 32 is a shift by 0 in JavaScript, so /0 needs its own branch.
    return { address: length === 0 ? ipv4(0) : ipv4((address.value & (-1 << (32 - length))) >>> 0), length }
  }
  const hostBits = BigInt(128 - length)
  return { address: ipv6((address.value >> hostBits) << hostBits), length }
}

/** The /32 or /128 of an address. */
export const hostPrefix = (address: Address): Prefix => ({ address, length: bitsOf(address.family) })

/** Reads CIDR notation. Host bits that are set are cleared, as the Kubernetes world does; nothing is trimmed. */
export function parsePrefix(text: string): Parsed<Prefix> {
  const slash = text.indexOf('/')
  if (slash < 0) return failure('has no prefix length: write "/32" or "/128" behind a single address')
  const address = parseAddress(text.slice(0, slash))
  if (!address.ok) return failure(`starts with a text that ${address.fault.message}`)
  const digits = text.slice(slash + 1)
  const most = bitsOf(address.value.family)
  if (!/^(0|[1-9]\d{0,2})$/.test(digits) || Number(digits) > most) {
    return failure(`has no prefix length from 0 to ${most} behind the slash`)
  }
  return success(maskAddress(address.value, Number(digits)))
}

/** Canonical CIDR notation. */
export const formatPrefix = (prefix: Prefix): string => `${formatAddress(prefix.address)}/${prefix.length}`

/** A key for maps: equal for equal prefixes only. An IPv4 key is a number: 2^6 times the address plus the length. */
export function prefixKey(prefix: Prefix): number | string {
  return prefix.address.family === 'ipv4'
    ? prefix.address.value * 64 + prefix.length
    : `${prefix.address.value.toString(36)}/${prefix.length}`
}

/** Orders prefixes by address, then the shorter before the longer. */
export const comparePrefixes = (a: Prefix, b: Prefix): number =>
  compareAddresses(a.address, b.address) || a.length - b.length

export const equalPrefixes = (a: Prefix, b: Prefix): boolean =>
  a.length === b.length && equalAddresses(a.address, b.address)

export const prefixContains = (prefix: Prefix, address: Address): boolean =>
  prefix.address.family === address.family &&
  equalAddresses(maskAddress(address, prefix.length).address, prefix.address)

/** First and last address of a prefix, network and broadcast address included. */
export function prefixToRange(prefix: Prefix): Range {
  const family = prefix.address.family
  const size = 1n << BigInt(bitsOf(family) - prefix.length)
  return { first: prefix.address, last: addressFromBigInt(family, addressToBigInt(prefix.address) + size - 1n) }
}
