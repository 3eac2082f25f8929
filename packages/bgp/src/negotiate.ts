import type { Family } from '@holdfast/ip'
import { afi, asTrans, bgpVersion, capabilityCode, maxTwoOctetAsn, openSubcode, safi } from './iana.ts'
import type { Capability, CodecContext, OpenMessage } from './messages.ts'
import type { Negotiated, PeerConfig } from './peer.ts'
import type { Reason } from './reasons.ts'
import { reasonOf } from './reasons.ts'
import type { Link } from './session.ts'

/** Why an OPEN cannot be agreed to, with what the NOTIFICATION says (code 2). */
export interface OpenRefusal {
  readonly subcode: number
  readonly data: Uint8Array
  readonly reason: Reason
}

export type Agreement =
  { readonly ok: true; readonly negotiated: Negotiated } | { readonly ok: false; readonly refusal: OpenRefusal }

/**
 * The OPEN that we send. Without capabilities it is what RFC 1771 knew: IPv4 unicast, and AS_TRANS where our AS number
 * needs four octets.
 */
export function openMessage(config: PeerConfig, hasCapabilities: boolean): OpenMessage {
  return {
    kind: 'open',
    version: bgpVersion,
    asn: config.localAsn > maxTwoOctetAsn ? asTrans : config.localAsn,
    holdTimeSeconds: config.holdTimeSeconds,
    routerId: config.routerId,
    capabilities: hasCapabilities ? capabilitiesOf(config) : [],
  }
}

const capabilitiesOf = (config: PeerConfig): readonly Capability[] => [
  ...config.families.map((family) => ({ kind: 'multiprotocol' as const, afi: afi[family], safi: safi.unicast })),
  { kind: 'routeRefresh' },
  { kind: 'fourOctetAs', asn: config.localAsn },
]

/**
 * What our OPEN and the peer's make of the session, or why nothing. The checks of RFC 4271 section 6.2 that need our
 * configuration; those that the message alone decides were made when it was read.
 */
export function negotiate(config: PeerConfig, link: Link, open: OpenMessage, hasCapabilities: boolean): Agreement {
  const remoteAsn = asnOf(open)
  const isInternal = remoteAsn === config.localAsn
  const families = commonFamilies(config, open, hasCapabilities)
  const refusal = asRefusal(config, open, remoteAsn) ?? identifierRefusal(config, open, isInternal)
  if (refusal !== undefined) return { ok: false, refusal }
  if (families.length === 0) return { ok: false, refusal: familyRefusal(config) }
  const holdTimeSeconds = Math.min(config.holdTimeSeconds, open.holdTimeSeconds)
  const negotiated: Negotiated = {
    localAsn: config.localAsn,
    remoteAsn,
    remoteRouterId: open.routerId,
    isInternal,
    holdTimeSeconds,
    keepaliveSeconds: keepaliveSeconds(config, holdTimeSeconds),
    families,
    isFourOctetAs: hasCapabilities && offers(open, 'fourOctetAs'),
    hasRouteRefresh: hasCapabilities && offers(open, 'routeRefresh'),
    localAddress: link.local,
    remoteAddress: link.remote,
  }
  return { ok: true, negotiated }
}

const offers = (open: OpenMessage, kind: Capability['kind']): boolean =>
  open.capabilities.some((capability) => capability.kind === kind)

/** RFC 6793 section 4.1: the capability tells the AS number where there is one. */
const asnOf = (open: OpenMessage): number =>
  open.capabilities.find((capability) => capability.kind === 'fourOctetAs')?.asn ?? open.asn

function asRefusal(config: PeerConfig, open: OpenMessage, remoteAsn: number): OpenRefusal | undefined {
  if (remoteAsn === asTrans) {
    return badPeerAs(`the peer says it is AS ${asTrans}, which is nobody's (RFC 6793): correct the router`)
  }
  if (open.asn !== remoteAsn && open.asn !== asTrans) {
    return badPeerAs(`the peer says it is AS ${open.asn}, and AS ${remoteAsn} in a capability: report it to its maker`)
  }
  if (isExpected(config, remoteAsn)) return undefined
  return badPeerAs(
    `the peer says it is AS ${remoteAsn}, this BGPPeer expects ${expected(config)}: correct spec.peerASN or the router`,
  )
}

const badPeerAs = (message: string): OpenRefusal => refusalOf(openSubcode.badPeerAs, reasonOf('badPeerAs', message))

const refusalOf = (subcode: number, reason: Reason, data = new Uint8Array(0)): OpenRefusal => ({
  subcode,
  data,
  reason,
})

function isExpected(config: PeerConfig, remoteAsn: number): boolean {
  if (config.remoteAsn === 'internal') return remoteAsn === config.localAsn
  if (config.remoteAsn === 'external') return remoteAsn !== config.localAsn
  if (config.remoteAsn === 'any') return true
  return remoteAsn === config.remoteAsn
}

function expected(config: PeerConfig): string {
  if (config.remoteAsn === 'internal') return `our own, AS ${config.localAsn}`
  if (config.remoteAsn === 'external') return `any but our own, AS ${config.localAsn}`
  return `AS ${config.remoteAsn}`
}

/** RFC 6286 section 2.2: an identifier of ours is an error within one AS only. */
function identifierRefusal(config: PeerConfig, open: OpenMessage, isInternal: boolean): OpenRefusal | undefined {
  if (!isInternal || open.routerId !== config.routerId) return undefined
  const message = 'the peer has our own BGP Identifier: give one of the two another (spec.routerID of the BGPPeer)'
  return refusalOf(openSubcode.badBgpIdentifier, reasonOf('badBgpIdentifier', message))
}

/** A peer that offers no family means IPv4 unicast, the only one that RFC 4271 knows (RFC 4760 section 8). */
function commonFamilies(config: PeerConfig, open: OpenMessage, hasCapabilities: boolean): readonly Family[] {
  const offered = open.capabilities.filter((capability) => capability.kind === 'multiprotocol')
  const isOffered = (family: Family): boolean =>
    offered.length === 0
      ? family === 'ipv4'
      : offered.some((capability) => capability.afi === afi[family] && capability.safi === safi.unicast)
  return config.families.filter((family) => isOffered(family) && (hasCapabilities || family === 'ipv4'))
}

/** RFC 5492 section 5: the data lists the capabilities that were missed. */
function familyRefusal(config: PeerConfig): OpenRefusal {
  const missed = config.families.flatMap((family) => [capabilityCode.multiprotocol, 4, 0, afi[family], 0, safi.unicast])
  const message = `the peer exchanges none of our address families (${config.families.join(', ')})`
  return refusalOf(openSubcode.unsupportedCapability, reasonOf('noCommonFamily', message), Uint8Array.from(missed))
}

/** RFC 4271 section 4.4: a third of the hold time is reasonable, and more than one a second is forbidden. */
function keepaliveSeconds(config: PeerConfig, holdTimeSeconds: number): number {
  if (holdTimeSeconds === 0) return 0
  const third = Math.max(1, Math.floor(holdTimeSeconds / 3))
  return Math.max(1, Math.min(third, config.keepaliveSeconds ?? third))
}

/** How the session's bytes are read and written. */
export const contextOf = ({ isFourOctetAs, isInternal, families, localAddress }: Negotiated): CodecContext => ({
  isFourOctetAs,
  isInternal,
  families,
  localAddress,
})
