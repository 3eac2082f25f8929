import type { Address, Family } from '@holdfast/ip'
import { addressKey, equalAddresses } from '@holdfast/ip'
import { isTransitiveCommunity } from './extended-community.ts'
import type { AsPathSegment, PathAttributes } from './messages.ts'
import { contextOf } from './negotiate.ts'
import type { Negotiated, PeerRole } from './peer.ts'
import type { ExtendedCommunity, LargeCommunity, RouteAttributes } from './routes.ts'
import { updateCapacity } from './update-size.ts'

/** RFC 4271 section 5.1.5 wants LOCAL_PREF in every UPDATE to a peer of our AS; routers themselves assume this one. */
const defaultLocalPref = 100

/** What goes out: what is meant for our AS alone stays in it (RFC 4271 sections 5.1.2 and 5.1.5, RFC 4360 section 6). */
export function pathAttributes(attributes: RouteAttributes, session: Negotiated): PathAttributes {
  const { origin, med, communities, largeCommunities } = attributes
  return {
    origin,
    asPath: asPathOf(attributes, session),
    localPref: localPrefOf(attributes, session),
    med,
    communities,
    largeCommunities,
    extendedCommunities: extendedCommunitiesOf(attributes, session),
    onlyToCustomer: onlyToCustomerOf(session),
    others: [],
  }
}

/** Nothing to our own AS. To another the session's AS as often as wanted, then the one behind it, where there is one. */
function asPathOf({ prepend }: RouteAttributes, session: Negotiated): readonly AsPathSegment[] {
  const { isInternal, localAsn, globalAsn } = session
  if (isInternal) return []
  const asns = prepend === 0 ? [localAsn] : Array.from({ length: prepend + 1 }, () => localAsn)
  return [{ kind: 'sequence', asns: globalAsn === undefined ? asns : [...asns, globalAsn] }]
}

const localPrefOf = ({ localPref }: RouteAttributes, session: Negotiated): number | undefined =>
  session.isInternal ? (localPref ?? defaultLocalPref) : undefined

/** Mostly there are none, or all of them go out: then the list stays the same one. */
function extendedCommunitiesOf(
  { extendedCommunities }: RouteAttributes,
  { isInternal }: Negotiated,
): readonly ExtendedCommunity[] {
  if (isInternal || extendedCommunities.every(isTransitiveCommunity)) return extendedCommunities
  return extendedCommunities.filter(isTransitiveCommunity)
}

/** Those to whom a route goes down or sideways must not send it up again (RFC 9234 section 5, egress rule 1). */
const marksRoutes: readonly PeerRole[] = ['provider', 'peer', 'routeServer']

/** Routes of ours never have an OTC yet. */
const onlyToCustomerOf = ({ role, localAsn }: Negotiated): number | undefined =>
  role !== undefined && marksRoutes.includes(role.local) ? localAsn : undefined

export const nextHopOf = ({ nextHop }: RouteAttributes, session: Negotiated): Address => nextHop ?? session.localAddress

/** Whether two sets of attributes are the same on the wire of this session. */
export function equalAttributes(a: RouteAttributes, b: RouteAttributes, session: Negotiated): boolean {
  if (a === b) return true
  return (
    a.origin === b.origin &&
    a.med === b.med &&
    (session.isInternal || a.prepend === b.prepend) &&
    localPrefOf(a, session) === localPrefOf(b, session) &&
    equalAddresses(nextHopOf(a, session), nextHopOf(b, session)) &&
    equalLists(a.communities, b.communities, Object.is) &&
    equalLists(a.largeCommunities, b.largeCommunities, equalLargeCommunities) &&
    equalLists(extendedCommunitiesOf(a, session), extendedCommunitiesOf(b, session), equalExtendedCommunities)
  )
}

const equalLists = <T>(a: readonly T[], b: readonly T[], isEqual: (x: T, y: T | undefined) => boolean): boolean =>
  a === b || (a.length === b.length && a.every((item, index) => isEqual(item, b[index])))

const equalLargeCommunities = (a: LargeCommunity, b: LargeCommunity | undefined): boolean =>
  a.globalAdmin === b?.globalAdmin && a.data1 === b.data1 && a.data2 === b.data2

const equalExtendedCommunities = (a: ExtendedCommunity, b: ExtendedCommunity | undefined): boolean =>
  a.high === b?.high && a.low === b.low

/** A key for maps, equal where `equalAttributes` is true. */
export function attributesKey(attributes: RouteAttributes, session: Negotiated): string {
  const { origin, med, communities, largeCommunities, prepend } = attributes
  const large = largeCommunities.map(({ globalAdmin, data1, data2 }) => `${globalAdmin}:${data1}:${data2}`)
  const extended = extendedCommunitiesOf(attributes, session).map(({ high, low }) => `${high}:${low}`)
  const nextHop = nextHopOf(attributes, session)
  return [
    origin,
    med ?? '',
    session.isInternal ? '' : prepend,
    localPrefOf(attributes, session) ?? '',
    nextHop.family,
    addressKey(nextHop),
    communities.join(),
    large.join(),
    extended.join(),
  ].join(' ')
}

/** A cheap bound: attributes of fewer octets than this leave room for a route in any message. */
const smallAttributesLength = 3000

/** Six octets for each AS number: a peer that knows two-octet ones only gets AS_PATH and AS4_PATH. */
const octetsPerAsn = 6

/** Whether attributes are so many that it has to be seen whether a message can hold them. */
export const areLarge = ({ communities, largeCommunities, extendedCommunities, prepend }: RouteAttributes): boolean =>
  communities.length * 4 + largeCommunities.length * 12 + extendedCommunities.length * 8 + prepend * octetsPerAsn >
  smallAttributesLength

/** How many octets of prefixes fit beside the attributes. */
export const capacityOf = (attributes: RouteAttributes, family: Family, session: Negotiated): number =>
  updateCapacity(pathAttributes(attributes, session), family, contextOf(session), nextHopOf(attributes, session).family)
