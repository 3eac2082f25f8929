import type { PeerRoute } from '@holdfast/announce'
import type { Route, RouteAttributes } from '@holdfast/bgp'
import type { Address, Family } from '@holdfast/ip'
import type { Community } from '@holdfast/model'

/** The next hop for each family; undefined: the session's own address. */
export type NextHops = Readonly<Record<Family, Address | undefined>>

/**
 * Turns a node's routes for one peer into those of the session. The result for the same routes is the same array, and routes
 * with equal attributes share one object of them, which the session packs together without comparing.
 */
export function createRouteMaker(): (routes: readonly PeerRoute[], nextHops: NextHops) => readonly Route[] {
  let last:
    { readonly routes: readonly PeerRoute[]; readonly nextHops: string; readonly made: readonly Route[] } | undefined
  return (routes, nextHops) => {
    const nextHopKey = keyOf(nextHops)
    if (last?.routes === routes && last.nextHops === nextHopKey) return last.made
    const attributes = new Map<string, RouteAttributes>()
    const texts = new Map<readonly Community[], string>()
    const made = routes.map(({ prefix, localPref, communities }): Route => {
      const nextHop = nextHops[prefix.address.family]
      const text = texts.get(communities) ?? JSON.stringify(communities)
      texts.set(communities, text)
      const key = `${nextHop === undefined ? '' : prefix.address.family} ${localPref ?? ''} ${text}`
      const shared = attributes.get(key) ?? routeAttributes(localPref, communities, nextHop)
      attributes.set(key, shared)
      return { prefix, attributes: shared }
    })
    last = { routes, nextHops: nextHopKey, made }
    return made
  }
}

const keyOf = ({ ipv4, ipv6 }: NextHops): string => `${ipv4?.value ?? ''} ${ipv6?.value ?? ''}`

function routeAttributes(
  localPref: number | undefined,
  communities: readonly Community[],
  nextHop: Address | undefined,
): RouteAttributes {
  return {
    // As MetalLB does, so that routes of both are equally good while a cluster changes over.
    origin: 'igp',
    localPref,
    med: undefined,
    communities: communities.flatMap((one) => (one.kind === 'standard' ? [((one.high << 16) | one.low) >>> 0] : [])),
    largeCommunities: communities.flatMap((one) =>
      one.kind === 'large' ? [{ globalAdmin: one.globalAdmin, data1: one.data1, data2: one.data2 }] : [],
    ),
    nextHop,
  }
}
