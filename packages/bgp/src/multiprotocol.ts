import type { Address, Family, Prefix } from '@holdfast/ip'
import { addressFromBytes, isUnspecified } from '@holdfast/ip'
import type { Mistake } from './attribute-rules.ts'
import { nextHopMistake } from './attribute-rules.ts'
import type { RawAttribute } from './decode-attributes.ts'
import type { FamilyIgnored, SessionReset } from './fault.ts'
import { sessionReset } from './fault.ts'
import { afi as afis, errorCode, safi as safis, updateSubcode } from './iana.ts'
import type { CodecContext } from './messages.ts'
import { readNlri } from './nlri.ts'
import { Reader } from './reader.ts'

/**
 * MP_REACH_NLRI (RFC 4760 section 3). `ignored` is set, and everything else empty, where the family was not negotiated.
 */
export interface MpReach {
  readonly kind: 'reach'
  readonly family: Family | undefined
  readonly nextHop: Address | undefined
  readonly prefixes: readonly Prefix[]
  readonly ignored: FamilyIgnored | undefined
  /** What is wrong with the next hop, where the routes can be read nevertheless. */
  readonly mistake: Mistake | undefined
}

/** MP_UNREACH_NLRI (RFC 4760 section 4). */
export interface MpUnreach {
  readonly kind: 'unreach'
  readonly family: Family | undefined
  readonly prefixes: readonly Prefix[]
  readonly ignored: FamilyIgnored | undefined
}

/** The routes cannot be located, so the session cannot go on (RFC 7606 section 3 j). */
interface Reset {
  readonly kind: 'reset'
  readonly fault: SessionReset
}

/** The family of unicast routes that AFI and SAFI name; undefined for all others. */
export function familyOf(afi: number, safi: number): Family | undefined {
  if (safi !== safis.unicast) return undefined
  return afi === afis.ipv4 ? 'ipv4' : afi === afis.ipv6 ? 'ipv6' : undefined
}

/** The note about routes of a family that was not negotiated. */
export const familyIgnored = (afi: number, safi: number): FamilyIgnored => ({
  remedy: 'familyIgnored',
  afi,
  safi,
  message: `routes of AFI ${afi} SAFI ${safi} are passed over: the session did not negotiate them`,
})

/** The negotiated family, or the note that there is none. */
function negotiated(afi: number, safi: number, context: CodecContext): Family | FamilyIgnored {
  const family = familyOf(afi, safi)
  return family !== undefined && context.families.includes(family) ? family : familyIgnored(afi, safi)
}

/** RFC 7606 section 7.11: a next hop of an unexpected length makes the routes behind it impossible to find. */
export function readMpReach(attribute: RawAttribute, context: CodecContext): MpReach | Reset {
  const reader = new Reader(attribute.value)
  const [afi, safi, nextHopLength] = [reader.uint16(), reader.uint8(), reader.uint8()]
  const nextHopBytes = nextHopLength === undefined ? undefined : reader.bytes(nextHopLength)
  if (afi === undefined || safi === undefined || nextHopBytes === undefined || reader.uint8() === undefined) {
    return reset(attribute, 'MP_REACH_NLRI is cut off')
  }
  const family = negotiated(afi, safi, context)
  if (typeof family !== 'string') {
    return { kind: 'reach', family: undefined, nextHop: undefined, prefixes: [], ignored: family, mistake: undefined }
  }
  const nextHop = readNextHop(nextHopBytes, family, context)
  if (nextHop === undefined) return reset(attribute, `MP_REACH_NLRI has a next hop of ${nextHopBytes.length} octets`)
  const nlri = readNlri(reader.rest(), family, context)
  if (!nlri.ok) return reset(attribute, `MP_REACH_NLRI: ${nlri.message}`)
  const mistake = nextHopMistake(nextHop, context)
  return { kind: 'reach', family, nextHop, prefixes: nlri.prefixes, ignored: undefined, mistake }
}

/** IPv4 routes have an IPv6 next hop only where RFC 8950 is agreed; other combinations have no RFC. */
function readNextHop(bytes: Uint8Array, family: Family, { extendedNextHop }: CodecContext): Address | undefined {
  if (family === 'ipv4' && bytes.length === 4) return addressFromBytes(bytes)
  const isIpv6 = family === 'ipv6' || extendedNextHop.includes('ipv4')
  return isIpv6 && (bytes.length === 16 || bytes.length === 32) ? readIpv6NextHop(bytes) : undefined
}

/**
 * Of two addresses (RFC 2545 section 3) the global one comes first, and the link-local one behind it is not used; except
 * that a router without a global address leaves the first one unspecified.
 */
function readIpv6NextHop(bytes: Uint8Array): Address | undefined {
  const first = addressFromBytes(bytes.subarray(0, 16))
  if (bytes.length === 16 || first === undefined || !isUnspecified(first)) return first
  return addressFromBytes(bytes.subarray(16))
}

/** RFC 7606 section 7.12 has nothing but the flags and the routes themselves to be wrong. */
export function readMpUnreach(attribute: RawAttribute, context: CodecContext): MpUnreach | Reset {
  const reader = new Reader(attribute.value)
  const [afi, safi] = [reader.uint16(), reader.uint8()]
  if (afi === undefined || safi === undefined) return reset(attribute, 'MP_UNREACH_NLRI is cut off')
  const family = negotiated(afi, safi, context)
  if (typeof family !== 'string') return { kind: 'unreach', family: undefined, prefixes: [], ignored: family }
  const nlri = readNlri(reader.rest(), family, context)
  if (!nlri.ok) return reset(attribute, `MP_UNREACH_NLRI: ${nlri.message}`)
  return { kind: 'unreach', family, prefixes: nlri.prefixes, ignored: undefined }
}

const reset = ({ whole }: RawAttribute, message: string): Reset => ({
  kind: 'reset',
  fault: sessionReset(errorCode.updateMessage, updateSubcode.optionalAttributeError, message, whole.slice()),
})
