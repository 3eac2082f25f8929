import { asTrans, extendedCommunityFlag, extendedCommunitySubtype, maxTwoOctetAsn } from './iana.ts'
import type { ExtendedCommunity } from './routes.ts'

/**
 * The link bandwidth of a route, by which a router weighs equal paths: draft-ietf-idr-link-bandwidth section 2. The AS
 * number has two octets, AS_TRANS stands for a larger one; the bandwidth is an IEEE 754 number of 32 bits in octets per
 * second. The draft began with the non-transitive form, and the transitive one is for external peers.
 */
export function linkBandwidth(asn: number, bytesPerSecond: number, isTransitive: boolean): ExtendedCommunity {
  const type = isTransitive ? 0 : extendedCommunityFlag.nonTransitive
  const view = new DataView(new ArrayBuffer(8))
  view.setUint8(0, type)
  view.setUint8(1, extendedCommunitySubtype.linkBandwidth)
  view.setUint16(2, asn > maxTwoOctetAsn ? asTrans : asn)
  view.setFloat32(4, bytesPerSecond)
  return { high: view.getUint32(0), low: view.getUint32(4) }
}

/** Whether a community may leave the AS (RFC 4360 section 2: the T bit of the type). */
export const isTransitiveCommunity = ({ high }: ExtendedCommunity): boolean =>
  ((high >>> 24) & extendedCommunityFlag.nonTransitive) === 0
