import type { Address, Family, Ipv6Address, Prefix } from '@holdfast/ip'
import type { EncodedAttribute } from './encode-attributes.ts'
import { attributesLength, encodedAttributes, writeAttributeHeader, writeAttributes } from './encode-attributes.ts'
import { afi as afis, attributeCode, attributeFlag, safi as safis } from './iana.ts'
import type { Announcement, CodecContext, UpdateMessage } from './messages.ts'
import type { Nlri } from './nlri.ts'
import { pathIdentifierLength, totalLength, writeNlri } from './nlri.ts'
import type { Writer } from './writer.ts'

/** AFI, SAFI, length of the next hop, an IPv6 next hop, a reserved octet (RFC 4760 section 3, RFC 2545 section 3). */
export const mpReachFixedLength = 21
/** AFI and SAFI (RFC 4760 section 4). */
export const mpUnreachFixedLength = 3

/**
 * Writes the body of an UPDATE (RFC 4271 section 4.3): IPv4 routes in the fields of RFC 4271, IPv6 routes, and IPv4
 * routes with an IPv6 next hop (RFC 8950), in the first attribute. IPv4 routes are withdrawn in the field of RFC 4271
 * however they were announced: it is one family either way, and the field is the shorter form. The UPDATE may have one
 * list of routes only: withdrawn or announced, of one family and one next hop, or none and an End-of-RIB (RFC 7606
 * section 5.1). Anything else throws. `faults` are not written.
 */
export function encodeUpdate(writer: Writer, update: UpdateMessage, context: CodecContext): void {
  const { withdrawn, announced, endOfRib } = update
  const lists = [withdrawn.length > 0, announced !== undefined, endOfRib !== undefined].filter(Boolean)
  if (lists.length !== 1) throw new TypeError('An UPDATE withdraws, announces, or ends the RIB: exactly one of them')
  if (announced !== undefined) writeAnnouncement(writer, announced, context)
  else writeWithdrawal(writer, nlriOf(endOfRib ?? familyOfRoutes(withdrawn), withdrawn, context))
}

function familyOfRoutes(prefixes: readonly Prefix[]): Family {
  const [first] = prefixes
  if (first === undefined) throw new TypeError('An UPDATE without routes')
  return first.address.family
}

const nlriOf = (family: Family, prefixes: readonly Prefix[], context: CodecContext): Nlri => ({
  family,
  prefixes,
  identifierLength: pathIdentifierLength(family, context),
})

/** Without routes this is the End-of-RIB marker of the family (RFC 4724 section 2). */
function writeWithdrawal(writer: Writer, nlri: Nlri): void {
  const length = totalLength(nlri)
  if (nlri.family === 'ipv4') {
    writer.uint16(length)
    writeNlri(writer, nlri)
    writer.uint16(0)
    return
  }
  writer.uint16(0)
  const start = beginAttributes(writer)
  writeAttributeHeader(writer, attributeCode.mpUnreachNlri, attributeFlag.optional, mpUnreachFixedLength + length)
  writer.uint16(afis[nlri.family])
  writer.uint8(safis.unicast)
  writeNlri(writer, nlri)
  endAttributes(writer, start)
}

function writeAnnouncement(writer: Writer, { attributes, reach }: Announcement, context: CodecContext): void {
  const [only, ...more] = reach
  if (only === undefined || more.length > 0) throw new TypeError('An UPDATE announces routes of exactly one next hop')
  const { nextHop, prefixes } = only
  const nlri = nlriOf(familyOfRoutes(prefixes), prefixes, context)
  requireSpeakable(nextHop, nlri.family, context)
  writer.uint16(0)
  if (nextHop.family === 'ipv4') writeClassicRoutes(writer, encodedAttributes(attributes, nextHop, context), nlri)
  else writeMpRoutes(writer, encodedAttributes(attributes, undefined, context), { ...nlri, nextHop })
}

/** Only IPv4 routes can have a next hop of the other family, and only where RFC 8950 is agreed. */
function requireSpeakable(nextHop: Address, family: Family, { extendedNextHop }: CodecContext): void {
  if (nextHop.family === family || (family === 'ipv4' && extendedNextHop.includes('ipv4'))) return
  throw new TypeError(`${family} routes with a next hop of the other family`)
}

function writeClassicRoutes(writer: Writer, encoded: readonly EncodedAttribute[], nlri: Nlri): void {
  writer.uint16(attributesLength(encoded))
  writeAttributes(writer, encoded)
  writeNlri(writer, nlri)
}

/**
 * MP_REACH_NLRI comes before all others, so that a broken one behind it cannot hide the routes (RFC 7606 section 5.1).
 */
function writeMpRoutes(
  writer: Writer,
  encoded: readonly EncodedAttribute[],
  routes: Nlri & { readonly nextHop: Ipv6Address },
): void {
  const start = beginAttributes(writer)
  const valueLength = mpReachFixedLength + totalLength(routes)
  writeAttributeHeader(writer, attributeCode.mpReachNlri, attributeFlag.optional, valueLength)
  writer.uint16(afis[routes.family])
  writer.uint8(safis.unicast)
  writer.uint8(16)
  writer.ipv6(routes.nextHop.value, 16)
  writer.uint8(0)
  writeNlri(writer, routes)
  writeAttributes(writer, encoded)
  endAttributes(writer, start)
}

/** Leaves room for the Total Path Attribute Length and says where. */
function beginAttributes(writer: Writer): number {
  writer.uint16(0)
  return writer.length
}

const endAttributes = (writer: Writer, start: number): void => writer.patchUint16(start - 2, writer.length - start)
