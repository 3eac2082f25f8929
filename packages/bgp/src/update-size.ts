import type { Family } from '@holdfast/ip'
import { ipv4 } from '@holdfast/ip'
import { attributesLength, encodedAttributes } from './encode-attributes.ts'
import { mpReachFixedLength, mpUnreachFixedLength } from './encode-update.ts'
import { headerLength, maxMessageLength } from './iana.ts'
import type { CodecContext, PathAttributes } from './messages.ts'

export { nlriLength } from './nlri.ts'

/** Header and the two lengths of an UPDATE's fields (RFC 4271 section 4.3). */
const updateFixedLength = headerLength + 4
/** Flags, code and a length of two octets, which every full message needs. */
const longAttributeHeader = 4

/** Only its length counts. */
const anyNextHop = ipv4(0)

/**
 * How many octets of NLRI fit into one UPDATE beside the attributes; `attributes` undefined asks for a withdrawal. Fill
 * a message until the next prefix's `nlriLength` would exceed it: the message is then at most 4,096 octets long. Zero
 * or less: these attributes leave no room for any route, they cannot be sent at all. Where the attributes
 * leave so little room that MP_REACH_NLRI stays under 256 octets, the answer is an octet too small.
 */
export function updateCapacity(attributes: PathAttributes | undefined, family: Family, context: CodecContext): number {
  const room = maxMessageLength - updateFixedLength
  if (attributes === undefined) {
    return family === 'ipv4' ? room : room - longAttributeHeader - mpUnreachFixedLength
  }
  const isIpv4 = family === 'ipv4'
  const rest = room - attributesLength(encodedAttributes(attributes, isIpv4 ? anyNextHop : undefined, context))
  return isIpv4 ? rest : rest - longAttributeHeader - mpReachFixedLength
}
