import type { Address, Family } from '@holdfast/ip'
import { addressKey, equalAddresses } from '@holdfast/ip'
import type { PathAttributes } from './messages.ts'
import { contextOf } from './negotiate.ts'
import type { Negotiated } from './peer.ts'
import type { LargeCommunity, RouteAttributes } from './routes.ts'
import { updateCapacity } from './update-size.ts'

/** RFC 4271 section 5.1.5 wants LOCAL_PREF in every UPDATE to a peer of our AS; routers themselves assume this one. */
const defaultLocalPref = 100

/** What goes out: AS_PATH and LOCAL_PREF depend on the peer's AS (RFC 4271 sections 5.1.2 and 5.1.5). */
export function pathAttributes(attributes: RouteAttributes, session: Negotiated): PathAttributes {
  const { origin, med, communities, largeCommunities } = attributes
  return {
    origin,
    asPath: session.isInternal ? [] : [{ kind: 'sequence', asns: [session.localAsn] }],
    localPref: localPrefOf(attributes, session),
    med,
    communities,
    largeCommunities,
    others: [],
  }
}

const localPrefOf = ({ localPref }: RouteAttributes, session: Negotiated): number | undefined =>
  session.isInternal ? (localPref ?? defaultLocalPref) : undefined

export const nextHopOf = ({ nextHop }: RouteAttributes, session: Negotiated): Address => nextHop ?? session.localAddress

/** Whether two sets of attributes are the same on the wire of this session. */
export function equalAttributes(a: RouteAttributes, b: RouteAttributes, session: Negotiated): boolean {
  if (a === b) return true
  return (
    a.origin === b.origin &&
    a.med === b.med &&
    localPrefOf(a, session) === localPrefOf(b, session) &&
    equalAddresses(nextHopOf(a, session), nextHopOf(b, session)) &&
    equalLists(a.communities, b.communities, Object.is) &&
    equalLists(a.largeCommunities, b.largeCommunities, equalLargeCommunities)
  )
}

const equalLists = <T>(a: readonly T[], b: readonly T[], isEqual: (x: T, y: T | undefined) => boolean): boolean =>
  a.length === b.length && a.every((item, index) => isEqual(item, b[index]))

const equalLargeCommunities = (a: LargeCommunity, b: LargeCommunity | undefined): boolean =>
  a.globalAdmin === b?.globalAdmin && a.data1 === b.data1 && a.data2 === b.data2

/** A key for maps, equal where `equalAttributes` is true. */
export function attributesKey(attributes: RouteAttributes, session: Negotiated): string {
  const { origin, med, communities, largeCommunities } = attributes
  const large = largeCommunities.map(({ globalAdmin, data1, data2 }) => `${globalAdmin}:${data1}:${data2}`)
  const nextHop = nextHopOf(attributes, session)
  return [
    origin,
    med ?? '',
    localPrefOf(attributes, session) ?? '',
    nextHop.family,
    addressKey(nextHop),
    communities.join(),
    large.join(),
  ].join(' ')
}

/** How many octets of prefixes fit beside the attributes. */
export const capacityOf = (attributes: RouteAttributes, family: Family, session: Negotiated): number =>
  updateCapacity(pathAttributes(attributes, session), family, contextOf(session))
