import type { PeerRoute } from '@holdfast/announce'
import type { ExtendedCommunity, Route, RouteAttributes } from '@holdfast/bgp'
import type { Address, Family } from '@holdfast/ip'
import type { Community } from '@holdfast/model'
import { commonEnds } from '@holdfast/model'

/** What a session adds to the routes that the announcements make. */
export interface RouteTerms {
  /** The next hop for each family; undefined: the session's own address. */
  readonly nextHops: Readonly<Record<Family, Address | undefined>>
  readonly med: number | undefined
  readonly prepend: number
  /** Ascending, no duplicates. */
  readonly extendedCommunities: readonly ExtendedCommunity[]
  /** The node is leaving: every route carries GRACEFUL_SHUTDOWN, and the lowest preference within the AS (RFC 8326). */
  readonly isLeaving: boolean
}

/** RFC 8326 section 3: 65535:0. */
const gracefulShutdown = 0xffff0000

/** The routes of one session under the same terms, from call to call. */
interface Made {
  readonly terms: string
  readonly from: readonly PeerRoute[]
  readonly routes: readonly Route[]
  /** By what they follow from. */
  readonly attributes: Map<string, RouteAttributes>
  readonly texts: WeakMap<readonly Community[], string>
}

/**
 * Turns a node's routes for one peer into those of the session. The result for the same routes is the same array, unchanged routes are
 * the same objects, and routes with equal attributes share one object of them, which the session packs together without comparing.
 */
export function createRouteMaker(): (routes: readonly PeerRoute[], terms: RouteTerms) => readonly Route[] {
  let last: Made | undefined
  return (routes, terms) => {
    const termsKey = keyOf(terms)
    const before = last?.terms === termsKey ? last : nothingMade(termsKey)
    if (before.from === routes) return before.routes
    const { head, tail } = commonEnds(before.from, routes)
    const fresh = routes.slice(head, routes.length - tail).map((route) => routeOf(route, terms, before))
    const made = [...before.routes.slice(0, head), ...fresh, ...before.routes.slice(before.routes.length - tail)]
    last = { ...before, from: routes, routes: made }
    return made
  }
}

const nothingMade = (terms: string): Made => ({
  terms,
  from: [],
  routes: [],
  attributes: new Map(),
  texts: new WeakMap(),
})

function routeOf({ prefix, localPref, communities }: PeerRoute, terms: RouteTerms, { attributes, texts }: Made): Route {
  const { family } = prefix.address
  const text = texts.get(communities) ?? JSON.stringify(communities)
  texts.set(communities, text)
  const key = `${terms.nextHops[family] === undefined ? '' : family} ${localPref ?? ''} ${text}`
  const shared = attributes.get(key) ?? routeAttributes(localPref, communities, terms, family)
  attributes.set(key, shared)
  return { prefix, attributes: shared }
}

const keyOf = ({ nextHops: { ipv4, ipv6 }, med, prepend, extendedCommunities, isLeaving }: RouteTerms): string =>
  [ipv4?.value ?? '', ipv6?.value ?? '', med ?? '', prepend, JSON.stringify(extendedCommunities), isLeaving].join(' ')

function routeAttributes(
  localPref: number | undefined,
  communities: readonly Community[],
  terms: RouteTerms,
  family: Family,
): RouteAttributes {
  const standard = communities.flatMap((one) => (one.kind === 'standard' ? [((one.high << 16) | one.low) >>> 0] : []))
  return {
    // As MetalLB does, so that routes of both are equally good while a cluster changes over.
    origin: 'igp',
    localPref: terms.isLeaving ? 0 : localPref,
    med: terms.med,
    communities: terms.isLeaving ? withGracefulShutdown(standard) : standard,
    largeCommunities: communities.flatMap((one) =>
      one.kind === 'large' ? [{ globalAdmin: one.globalAdmin, data1: one.data1, data2: one.data2 }] : [],
    ),
    extendedCommunities: terms.extendedCommunities,
    prepend: terms.prepend,
    nextHop: terms.nextHops[family],
  }
}

const withGracefulShutdown = (communities: readonly number[]): readonly number[] =>
  communities.includes(gracefulShutdown) ? communities : [...communities, gracefulShutdown].sort((a, b) => a - b)
