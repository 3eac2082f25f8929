import type { Ipv4Address } from '@holdfast/ip'
import { addressToBytes } from '@holdfast/ip'
import { asPathBytes, needsAs4Path, withoutConfeds } from './as-path.ts'
import { attributeCode, attributeFlag, originValue } from './iana.ts'
import type { CodecContext, PathAttributes } from './messages.ts'
import type { ExtendedCommunity, LargeCommunity } from './routes.ts'
import type { Writer } from './writer.ts'

/** An attribute's type code, its Optional and Transitive bits, and its value as it stands in the message. */
export interface EncodedAttribute {
  readonly code: number
  readonly flags: number
  readonly value: Uint8Array
}

const wellKnown = attributeFlag.transitive
const optionalTransitive = attributeFlag.optional | attributeFlag.transitive

/** One octet of length, above which an attribute needs two (RFC 4271 section 4.3). */
const maxShortLength = 255

/** How many octets precede a value: flags, code and length. */
const attributeHeaderLength = (valueLength: number): number => (valueLength > maxShortLength ? 4 : 3)

/** How many octets attributes have in a message. */
export const attributesLength = (attributes: readonly EncodedAttribute[]): number =>
  attributes.reduce((sum, { value }) => sum + attributeHeaderLength(value.length) + value.length, 0)

/** Writes flags, code and length of an attribute; its value follows. */
export function writeAttributeHeader(writer: Writer, code: number, flags: number, valueLength: number): void {
  const isExtended = valueLength > maxShortLength
  writer.uint8(isExtended ? flags | attributeFlag.extendedLength : flags)
  writer.uint8(code)
  if (isExtended) writer.uint16(valueLength)
  else writer.uint8(valueLength)
}

export function writeAttributes(writer: Writer, attributes: readonly EncodedAttribute[]): void {
  for (const { code, flags, value } of attributes) {
    writeAttributeHeader(writer, code, flags, value.length)
    writer.bytes(value)
  }
}

/**
 * The attributes of an announcement in ascending order (RFC 4271 section 5), without MP_REACH_NLRI. `nextHop` is that
 * of the IPv4 routes in the NLRI field; undefined where there are none. Codes in `others` stand for values that nobody
 * kept: they are not written.
 */
export function encodedAttributes(
  attributes: PathAttributes,
  nextHop: Ipv4Address | undefined,
  context: CodecContext,
): readonly EncodedAttribute[] {
  const { origin, asPath, med, localPref, communities, extendedCommunities, largeCommunities, onlyToCustomer } =
    attributes
  const list: EncodedAttribute[] = [
    { code: attributeCode.origin, flags: wellKnown, value: Uint8Array.of(originValue[origin]) },
    { code: attributeCode.asPath, flags: wellKnown, value: asPathBytes(asPath, context.isFourOctetAs) },
  ]
  const add = (code: number, flags: number, value: Uint8Array | undefined): void => {
    if (value !== undefined && value.length > 0) list.push({ code, flags, value })
  }
  add(attributeCode.nextHop, wellKnown, nextHop === undefined ? undefined : addressToBytes(nextHop))
  add(attributeCode.multiExitDisc, attributeFlag.optional, med === undefined ? undefined : uint32Bytes([med]))
  add(attributeCode.localPref, wellKnown, localPref === undefined ? undefined : uint32Bytes([localPref]))
  add(attributeCode.communities, optionalTransitive, uint32Bytes(communities))
  add(attributeCode.extendedCommunities, optionalTransitive, extendedCommunityBytes(extendedCommunities))
  add(attributeCode.as4Path, optionalTransitive, as4PathBytes(attributes, context))
  add(attributeCode.largeCommunities, optionalTransitive, largeCommunityBytes(largeCommunities))
  add(
    attributeCode.onlyToCustomer,
    optionalTransitive,
    onlyToCustomer === undefined ? undefined : uint32Bytes([onlyToCustomer]),
  )
  return list
}

/** RFC 6793 section 4.2.2: only towards two-octet AS numbers, and only where AS_TRANS stands for one. */
function as4PathBytes({ asPath }: PathAttributes, context: CodecContext): Uint8Array | undefined {
  return context.isFourOctetAs || !needsAs4Path(asPath) ? undefined : asPathBytes(withoutConfeds(asPath), true)
}

const largeCommunityBytes = (communities: readonly LargeCommunity[]): Uint8Array =>
  uint32Bytes(communities.flatMap(({ globalAdmin, data1, data2 }) => [globalAdmin, data1, data2]))

const extendedCommunityBytes = (communities: readonly ExtendedCommunity[]): Uint8Array =>
  uint32Bytes(communities.flatMap(({ high, low }) => [high, low]))

function uint32Bytes(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4)
  const view = new DataView(bytes.buffer)
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value)
  return bytes
}
