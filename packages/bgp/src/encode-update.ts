import type { Address, Family, Ipv4Address, Ipv6Address, Prefix } from '@holdfast/ip'
import { attributesLength, encodedAttributes, writeAttributeHeader, writeAttributes } from './encode-attributes.ts'
import { afi as afis, attributeCode, attributeFlag, safi as safis } from './iana.ts'
import type { Announcement, CodecContext, PathAttributes, UpdateMessage } from './messages.ts'
import { nlriLength, writeNlri } from './nlri.ts'
import type { Writer } from './writer.ts'

/** AFI, SAFI, length of the next hop, an IPv6 next hop, a reserved octet (RFC 4760 section 3, RFC 2545 section 3). */
export const mpReachFixedLength = 21
/** AFI and SAFI (RFC 4760 section 4). */
export const mpUnreachFixedLength = 3

/**
 * Writes the body of an UPDATE (RFC 4271 section 4.3): IPv4 routes in the fields of RFC 4271, IPv6 routes in the first
 * attribute. It may have one list of routes only: withdrawn or announced, of one family and one next hop, or none and
 * an End-of-RIB (RFC 7606 section 5.1). Anything else throws. `faults` are not written.
 */
export function encodeUpdate(writer: Writer, update: UpdateMessage, context: CodecContext): void {
  const { withdrawn, announced, endOfRib } = update
  const lists = [withdrawn.length > 0, announced !== undefined, endOfRib !== undefined].filter(Boolean)
  if (lists.length !== 1) throw new TypeError('An UPDATE withdraws, announces, or ends the RIB: exactly one of them')
  if (announced !== undefined) writeAnnouncement(writer, announced, context)
  else writeWithdrawal(writer, endOfRib ?? familyOfRoutes(withdrawn), withdrawn)
}

function familyOfRoutes(prefixes: readonly Prefix[]): Family {
  const [first] = prefixes
  if (first === undefined) throw new TypeError('An UPDATE without routes')
  return first.address.family
}

/** Without routes this is the End-of-RIB marker of the family (RFC 4724 section 2). */
function writeWithdrawal(writer: Writer, family: Family, prefixes: readonly Prefix[]): void {
  const length = routesLength(prefixes)
  if (family === 'ipv4') {
    writer.uint16(length)
    writeNlri(writer, family, prefixes)
    writer.uint16(0)
    return
  }
  writer.uint16(0)
  const start = beginAttributes(writer)
  writeAttributeHeader(writer, attributeCode.mpUnreachNlri, attributeFlag.optional, mpUnreachFixedLength + length)
  writer.uint16(afis.ipv6)
  writer.uint8(safis.unicast)
  writeNlri(writer, family, prefixes)
  endAttributes(writer, start)
}

function writeAnnouncement(writer: Writer, { attributes, reach }: Announcement, context: CodecContext): void {
  const [only, ...more] = reach
  if (only === undefined || more.length > 0) throw new TypeError('An UPDATE announces routes of exactly one next hop')
  const { nextHop, prefixes } = only
  requireSameFamily(nextHop, familyOfRoutes(prefixes))
  writer.uint16(0)
  if (nextHop.family === 'ipv4') writeIpv4Routes(writer, attributes, { nextHop, prefixes }, context)
  else writeIpv6Routes(writer, attributes, { nextHop, prefixes }, context)
}

/** A next hop of the other family needs RFC 8950, which is not negotiated. */
function requireSameFamily(nextHop: Address, family: Family): void {
  if (nextHop.family !== family) throw new TypeError(`${family} routes with a next hop of the other family`)
}

interface Routes<A extends Address> {
  readonly nextHop: A
  readonly prefixes: readonly Prefix[]
}

function writeIpv4Routes(
  writer: Writer,
  attributes: PathAttributes,
  { nextHop, prefixes }: Routes<Ipv4Address>,
  context: CodecContext,
): void {
  const encoded = encodedAttributes(attributes, nextHop, context)
  writer.uint16(attributesLength(encoded))
  writeAttributes(writer, encoded)
  writeNlri(writer, 'ipv4', prefixes)
}

/**
 * MP_REACH_NLRI comes before all others, so that a broken one behind it cannot hide the routes (RFC 7606 section 5.1).
 */
function writeIpv6Routes(
  writer: Writer,
  attributes: PathAttributes,
  { nextHop, prefixes }: Routes<Ipv6Address>,
  context: CodecContext,
): void {
  const start = beginAttributes(writer)
  const valueLength = mpReachFixedLength + routesLength(prefixes)
  writeAttributeHeader(writer, attributeCode.mpReachNlri, attributeFlag.optional, valueLength)
  writer.uint16(afis.ipv6)
  writer.uint8(safis.unicast)
  writer.uint8(16)
  writer.ipv6(nextHop.value, 16)
  writer.uint8(0)
  writeNlri(writer, 'ipv6', prefixes)
  writeAttributes(writer, encodedAttributes(attributes, undefined, context))
  endAttributes(writer, start)
}

/** Leaves room for the Total Path Attribute Length and says where. */
function beginAttributes(writer: Writer): number {
  writer.uint16(0)
  return writer.length
}

const endAttributes = (writer: Writer, start: number): void => writer.patchUint16(start - 2, writer.length - start)

const routesLength = (prefixes: readonly Prefix[]): number =>
  prefixes.reduce((sum, prefix) => sum + nlriLength(prefix), 0)
