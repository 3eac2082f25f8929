import type { Family } from '@holdfast/ip'
import { ipv4 } from '@holdfast/ip'
import { attributesLength, encodedAttributes } from './encode-attributes.ts'
import { mpReachFixedLength, mpUnreachFixedLength } from './encode-update.ts'
import { headerLength } from './iana.ts'
import type { CodecContext, PathAttributes } from './messages.ts'

export { nlriLength, pathIdentifierLength } from './nlri.ts'

/** Header and the two lengths of an UPDATE's fields (RFC 4271 section 4.3). */
const updateFixedLength = headerLength + 4
/** Flags, code and a length of two octets, which every full message needs. */
const longAttributeHeader = 4

/** Only its length counts. */
const anyNextHop = ipv4(0)

/**
 * How many octets of NLRI fit into one UPDATE beside the attributes; `attributes` undefined asks for a withdrawal.
 * `nextHopFamily` is another one than `family` for IPv4 routes with an IPv6 next hop (RFC 8950). Fill a message until the
 * next prefix's `nlriLength`, with the family's `pathIdentifierLength`, would exceed it: the message is then at most as
 * long as the peer takes. Zero or less: these attributes leave no room for any route, they cannot be sent at all. Where
 * the attributes leave so little room that MP_REACH_NLRI stays under 256 octets, the answer is an octet too small.
 */
export function updateCapacity(
  attributes: PathAttributes | undefined,
  family: Family,
  context: CodecContext,
  nextHopFamily: Family = family,
): number {
  const room = context.maxSentLength - updateFixedLength
  if (attributes === undefined) {
    return family === 'ipv4' ? room : room - longAttributeHeader - mpUnreachFixedLength
  }
  const isClassic = nextHopFamily === 'ipv4'
  const rest = room - attributesLength(encodedAttributes(attributes, isClassic ? anyNextHop : undefined, context))
  return isClassic ? rest : rest - longAttributeHeader - mpReachFixedLength
}
