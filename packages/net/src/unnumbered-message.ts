import { assemble, drop, loadByte, take, unlessEqualSkip } from './native-filter.ts'

/** ICMPv6 types (RFC 4861 sections 4.1 and 4.2). */
const ROUTER_SOLICITATION = 133
const ROUTER_ADVERTISEMENT = 134

const ADVERTISEMENT_BYTES = 16
const SOLICITATION_BYTES = 8
/** Source Link-Layer Address, in units of 8 octets (RFC 4861 section 4.6.1). */
const SOURCE_OPTION = { type: 1, length: 1, bytes: 8 } as const

/**
 * A router advertisement that changes nothing for hosts that hear it: lifetime 0, so nobody takes us for a default router, no
 * prefix, and every value unspecified. The kernel fills in the checksum (RFC 3542 section 3.1).
 */
export const advertisement = (mac: Uint8Array): Uint8Array => withSource(ROUTER_ADVERTISEMENT, ADVERTISEMENT_BYTES, mac)

/** Asks the routers of the link to advertise themselves at once. */
export const solicitation = (mac: Uint8Array): Uint8Array => withSource(ROUTER_SOLICITATION, SOLICITATION_BYTES, mac)

function withSource(type: number, length: number, mac: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(length + SOURCE_OPTION.bytes)
  bytes[0] = type
  bytes.set([SOURCE_OPTION.type, SOURCE_OPTION.length], length)
  bytes.set(mac.subarray(0, 6), length + 2)
  return bytes
}

/**
 * Whether this is a valid router advertisement, as far as its octets tell (RFC 4861 section 6.1.2): the kernel has checked the
 * checksum, and a filter in it the hop limit.
 */
export function isAdvertisement(bytes: Uint8Array): boolean {
  if (bytes[0] !== ROUTER_ADVERTISEMENT || bytes[1] !== 0 || bytes.length < ADVERTISEMENT_BYTES) return false
  let at = ADVERTISEMENT_BYTES
  while (at < bytes.length) {
    const units = bytes[at + 1]
    if (units === undefined || units === 0) return false
    at += units * 8
  }
  return at === bytes.length
}

/** Passes packets with hop limit 255 alone, which no router between can have forwarded. */
export const hopLimitFilter = (): Uint8Array => assemble([loadByte(7), unlessEqualSkip(255, 1), take, drop])

/** struct icmp6_filter: a bit for each of 256 types, set where it is blocked; all but advertisements are. */
export function advertisementsOnly(isLittleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(32).fill(0xff)
  const at = (ROUTER_ADVERTISEMENT >> 5) * 4
  const blocked = (0xffff_ffff ^ (1 << (ROUTER_ADVERTISEMENT & 31))) >>> 0
  new DataView(bytes.buffer).setUint32(at, blocked, isLittleEndian)
  return bytes
}
