import type { Family } from '@holdfast/ip'
import { afi, asTrans, capabilityCode, openSubcode, peerRoleValue, safi } from './iana.ts'
import type { OpenMessage } from './messages.ts'
import type { Negotiated, PeerConfig, PeerRole } from './peer.ts'
import type { Reason } from './reasons.ts'
import { reasonOf } from './reasons.ts'

/** Why an OPEN cannot be agreed to, with what the NOTIFICATION says (code 2). */
export interface OpenRefusal {
  readonly subcode: number
  readonly data: Uint8Array
  readonly reason: Reason
}

const refusalOf = (subcode: number, reason: Reason, data = new Uint8Array(0)): OpenRefusal => ({
  subcode,
  data,
  reason,
})

/** RFC 6793 section 4.1: the capability tells the AS number where there is one. */
export const asnOf = (open: OpenMessage): number =>
  open.capabilities.find((capability) => capability.kind === 'fourOctetAs')?.asn ?? open.asn

export function asRefusal(config: PeerConfig, open: OpenMessage): OpenRefusal | undefined {
  const remoteAsn = asnOf(open)
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
export function identifierRefusal(config: PeerConfig, open: OpenMessage): OpenRefusal | undefined {
  if (asnOf(open) !== config.localAsn || open.routerId !== config.routerId) return undefined
  const message = 'the peer has our own BGP Identifier: give one of the two another (spec.routerID of the BGPPeer)'
  return refusalOf(openSubcode.badBgpIdentifier, reasonOf('badBgpIdentifier', message))
}

/** RFC 5492 section 5: the data lists the capabilities that were missed. */
export function familyRefusal(
  { families }: PeerConfig,
  common: readonly Family[],
  open: OpenMessage,
): OpenRefusal | undefined {
  if (common.length > 0) return undefined
  const missed = families.flatMap((family) => [capabilityCode.multiprotocol, 4, 0, afi[family], 0, safi.unicast])
  const theirs = open.capabilities.flatMap((capability) =>
    capability.kind === 'multiprotocol' ? [`${capability.afi}/${capability.safi}`] : [],
  )
  const offered =
    theirs.length === 0 ? 'names none, which means IPv4 unicast' : `offers AFI/SAFI ${theirs.slice(0, 8).join(', ')}`
  const message = `the peer exchanges none of our address families (${families.join(', ')}): it ${offered}`
  return refusalOf(openSubcode.unsupportedCapability, reasonOf('noCommonFamily', message), Uint8Array.from(missed))
}

/** Which role of ours stands to which of the peer's (RFC 9234 section 4.2, table 2). */
const counterparts: Readonly<Record<PeerRole, PeerRole>> = {
  provider: 'customer',
  customer: 'provider',
  routeServer: 'routeServerClient',
  routeServerClient: 'routeServer',
  peer: 'peer',
}

const roleWords: Readonly<Record<PeerRole, string>> = {
  provider: 'a provider',
  customer: 'a customer',
  routeServer: 'a route server',
  routeServerClient: 'a client of a route server',
  peer: 'a peer',
}

const allRoles: readonly PeerRole[] = ['provider', 'routeServer', 'routeServerClient', 'customer', 'peer']

/** What the two OPENs make of the roles (RFC 9234 section 4). */
export interface RolesVerdict {
  /** undefined: ours is not configured, or the peer is in our AS, where there are none. */
  readonly roles: Negotiated['role']
  readonly refusal?: OpenRefusal
}

/** RFC 9234 section 4.2. The peer's role counts only where we have one. */
export function rolesOf({ role: local, localAsn, isRoleStrict }: PeerConfig, open: OpenMessage): RolesVerdict {
  if (local === undefined || asnOf(open) === localAsn) return { roles: undefined }
  const values = new Set(open.capabilities.flatMap((each) => (each.kind === 'role' ? [each.value] : [])))
  const [value] = values
  if (values.size > 1) return mismatch(`the peer tells several roles at once (${[...values].slice(0, 8).join(', ')})`)
  if (value === undefined) {
    return isRoleStrict
      ? mismatch('the peer tells no role, and spec.roleStrict insists on one')
      : { roles: { local, peer: undefined } }
  }
  const peer = counterparts[local]
  if (value === peerRoleValue[peer]) return { roles: { local, peer } }
  return mismatch(
    `the peer says that it is ${wordsOf(value)}; to us, ${roleWords[local]}, it would have to be ${roleWords[peer]}`,
  )
}

const wordsOf = (value: number): string => {
  const role = allRoles.find((each) => peerRoleValue[each] === value)
  return role === undefined ? `something with the number ${value}` : roleWords[role]
}

const mismatch = (message: string): RolesVerdict => ({
  roles: undefined,
  refusal: refusalOf(
    openSubcode.roleMismatch,
    reasonOf('roleMismatch', `${message}: correct spec.role of the PeerPolicy or the router`),
  ),
})
