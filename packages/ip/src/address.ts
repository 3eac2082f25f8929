/** An address family, by the name that Kubernetes gives it in lower case. */
export type Family = 'ipv4' | 'ipv6'

/** `value` is an unsigned 32-bit number in host order: 192.0.2.1 is 0xc0000201. */
export interface Ipv4Address {
  readonly family: 'ipv4'
  readonly value: number
}

/** `value` is an unsigned 128-bit integer. */
export interface Ipv6Address {
  readonly family: 'ipv6'
  readonly value: bigint
}

/** An immutable address. IPv4 is a number because a table of 100,000 of them is walked on every full set. */
export type Address = Ipv4Address | Ipv6Address

/** Why a text is not what it should be; `message` continues the sentence "«text» …". */
export interface Fault {
  readonly message: string
}

/** A parser's answer: bad text is a value, never an exception. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: Fault }

export const success = <T>(value: T): Parsed<T> => ({ ok: true, value })
export const failure = (message: string): { readonly ok: false; readonly fault: Fault } => ({
  ok: false,
  fault: { message },
})

/** Builds an IPv4 address from an unsigned 32-bit value. */
export const ipv4 = (value: number): Ipv4Address => ({ family: 'ipv4', value })

/** Builds an IPv6 address from an unsigned 128-bit value. */
export const ipv6 = (value: bigint): Ipv6Address => ({ family: 'ipv6', value })

/** How many bits an address of the family has: 32 or 128. */
export const bitsOf = (family: Family): 32 | 128 => (family === 'ipv4' ? 32 : 128)

/**
 * Reads one address. IPv4 is four decimal parts without leading zeros, which other parsers read as octal; IPv6 is every
 * form of RFC 4291 section 2.2. A zone (`%eth0`) is refused: an address of a Service or a peer has none.
 */
export function parseAddress(text: string): Parsed<Address> {
  if (text === '') return failure('is empty: an address is needed')
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text)
}

function parseIpv4(text: string): Parsed<Address> {
  const value = ipv4Value(text)
  if (value !== undefined) return success(ipv4(value))
  return /^0\d|\.0\d/.test(text) && /^[\d.]+$/.test(text)
    ? failure('has a part with a leading zero, which some programs read as octal: write it without')
    : failure('is not an IP address')
}

function ipv4Value(text: string): number | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  let value = 0
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined
    value = value * 256 + Number(part)
  }
  return value
}

function parseIpv6(text: string): Parsed<Address> {
  if (text.includes('%')) return failure('names a zone: write the address without "%…"')
  const groups = ipv6Groups(text)
  if (groups === undefined) return failure('is not an IP address')
  let value = 0n
  for (const group of groups) value = (value << 16n) | BigInt(group)
  return success(ipv6(value))
}

/** The eight 16-bit groups of an IPv6 text, or undefined. */
function ipv6Groups(text: string): readonly number[] | undefined {
  const [headText = '', tailText, ...more] = text.split('::')
  if (more.length > 0) return undefined
  const head = groupsOf(headText)
  if (tailText === undefined) return head?.length === 8 ? head : undefined
  const tail = groupsOf(tailText)
  // A dotted IPv4 part may stand only at the very end (RFC 4291 section 2.2.3), so not in front of "::".
  if (head === undefined || tail === undefined || headText.includes('.')) return undefined
  const missing = 8 - head.length - tail.length
  return missing < 1 ? undefined : [...head, ...Array.from({ length: missing }, () => 0), ...tail]
}

function groupsOf(text: string): number[] | undefined {
  if (text === '') return []
  const parts = text.split(':')
  const groups: number[] = []
  for (const [index, part] of parts.entries()) {
    if (part.includes('.')) {
      const value = ipv4Value(part)
      if (value === undefined || index !== parts.length - 1) return undefined
      groups.push(Math.floor(value / 65536), value % 65536)
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16))
    } else {
      return undefined
    }
  }
  return groups
}

/** Writes an address in its canonical form: dotted decimal, or RFC 5952 (IPv4-mapped addresses end dotted). */
export function formatAddress(address: Address): string {
  return address.family === 'ipv4' ? formatIpv4(address.value) : formatIpv6(address.value)
}

const formatIpv4 = (value: number): string =>
  `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`

function formatIpv6(value: bigint): string {
  if (value >> 32n === 0xffffn) return `::ffff:${formatIpv4(Number(value & 0xffffffffn))}`
  const groups = Array.from({ length: 8 }, (_, index) => Number((value >> BigInt(112 - index * 16)) & 0xffffn))
  const run = longestZeroRun(groups)
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':')
  if (run === undefined) return hex(groups)
  return `${hex(groups.slice(0, run.start))}::${hex(groups.slice(run.start + run.length))}`
}

/** The first longest run of two or more zero groups (RFC 5952 section 4.2). */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } | undefined {
  let best: { start: number; length: number } | undefined
  let start = 0
  for (let index = 0; index <= groups.length; index += 1) {
    if (groups[index] === 0) continue
    const length = index - start
    if (length >= 2 && length > (best?.length ?? 0)) best = { start, length }
    start = index + 1
  }
  return best
}

/** The address as an integer, for arithmetic over both families. */
export const addressToBigInt = (address: Address): bigint =>
  address.family === 'ipv4' ? BigInt(address.value) : address.value

/** The address of a family with an integer value, which must fit the family. */
export const addressFromBigInt = (family: Family, value: bigint): Address =>
  family === 'ipv4' ? ipv4(Number(value)) : ipv6(value)

/** A key for maps: equal for equal addresses, never equal across families. */
export const addressKey = (address: Address): number | string =>
  address.family === 'ipv4' ? address.value : address.value.toString(36)

/** Orders addresses: IPv4 before IPv6, then by value. */
export function compareAddresses(a: Address, b: Address): number {
  if (a.family === 'ipv4') return b.family === 'ipv4' ? a.value - b.value : -1
  if (b.family === 'ipv4') return 1
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0
}

export const equalAddresses = (a: Address, b: Address): boolean => a.family === b.family && a.value === b.value

/** Network order: 4 or 16 bytes. */
export function addressToBytes(address: Address): Uint8Array {
  const bytes = new Uint8Array(address.family === 'ipv4' ? 4 : 16)
  const view = new DataView(bytes.buffer)
  if (address.family === 'ipv4') {
    view.setUint32(0, address.value)
  } else {
    view.setBigUint64(0, address.value >> 64n)
    view.setBigUint64(8, address.value & 0xffffffffffffffffn)
  }
  return bytes
}

/** From network order; the number of bytes (4 or 16) says the family, any other is undefined. */
export function addressFromBytes(bytes: Uint8Array): Address | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length === 4) return ipv4(view.getUint32(0))
  if (bytes.length === 16) return ipv6((view.getBigUint64(0) << 64n) | view.getBigUint64(8))
  return undefined
}

/** 0.0.0.0 or :: */
export const isUnspecified = (address: Address): boolean => addressToBigInt(address) === 0n

/** 127.0.0.0/8 (RFC 1122 section 3.2.1.3) or ::1. */
export const isLoopback = (address: Address): boolean =>
  address.family === 'ipv4' ? address.value >>> 24 === 127 : address.value === 1n

/** 224.0.0.0/4 (RFC 5771) or ff00::/8 (RFC 4291). */
export const isMulticast = (address: Address): boolean =>
  address.family === 'ipv4' ? address.value >>> 28 === 14 : address.value >> 120n === 0xffn

/** 169.254.0.0/16 (RFC 3927) or fe80::/10 (RFC 4291). */
export const isLinkLocal = (address: Address): boolean =>
  address.family === 'ipv4' ? address.value >>> 16 === 0xa9fe : address.value >> 118n === 0x3fan

/** The IPv4 address that an IPv4-mapped IPv6 address stands for (RFC 4291 section 2.5.5.2); any other address itself. */
export const unmapped = (address: Address): Address =>
  address.family === 'ipv6' && address.value >> 32n === 0xffffn ? ipv4(Number(address.value & 0xffff_ffffn)) : address
