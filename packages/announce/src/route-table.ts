import type { Prefix } from '@holdfast/ip'
import { comparePrefixes, equalPrefixes, prefixKey } from '@holdfast/ip'
import type { Community } from '@holdfast/model'
import type { Offer } from './decide.ts'
import type { NodeAdvertisement } from './node-view.ts'
import type { PeerRoute } from './types.ts'

type Attributes = Omit<PeerRoute, 'prefix'>

/** How many offers of an advertisement hold a prefix: one for each Service in it. */
interface Holder {
  readonly advertisement: NodeAdvertisement
  count: number
}

/** A prefix whose holders changed, with the advertisements that hold it now: none where it is gone. */
interface Change {
  readonly prefix: Prefix
  readonly advertisements: readonly NodeAdvertisement[]
}

/**
 * The routes of one node, to each of its peers, kept up to date offer by offer: a prefix stays for as long as any offer
 * holds it. `routes` hands out arrays that never change; what a pass does not touch keeps its identity.
 */
export class RouteTable {
  readonly #holders = new Map<number | string, readonly Holder[]>()
  readonly #touched = new Map<number | string, Prefix>()
  readonly #attributes = new Map<string, Attributes>()
  #routes: ReadonlyMap<string, readonly PeerRoute[]>

  constructor(peers: readonly string[]) {
    this.#routes = new Map(peers.map((peer) => [peer, []]))
  }

  add({ prefix, advertisement }: Offer): void {
    const key = prefixKey(prefix)
    const holders = this.#holders.get(key) ?? []
    const holder = holders.find((one) => one.advertisement === advertisement)
    // An array that has grown keeps room for more: there are thousands of them.
    if (holder === undefined) this.#holders.set(key, [...holders, { advertisement, count: 1 }])
    else holder.count += 1
    this.#touched.set(key, prefix)
  }

  /** Takes back an offer that was added before. */
  remove({ prefix, advertisement }: Offer): void {
    const key = prefixKey(prefix)
    const holders = this.#holders.get(key) ?? []
    const holder = holders.find((one) => one.advertisement === advertisement)
    if (holder === undefined) throw new Error('an offer was removed that had not been added')
    holder.count -= 1
    const others = holder.count === 0 ? holders.filter((one) => one !== holder) : holders
    if (others.length === 0) this.#holders.delete(key)
    else if (others !== holders) this.#holders.set(key, others)
    this.#touched.set(key, prefix)
  }

  /** By peer, sorted by prefix. The same map as before if nothing changed. */
  routes(): ReadonlyMap<string, readonly PeerRoute[]> {
    if (this.#touched.size === 0) return this.#routes
    const changes = [...this.#touched]
      .map(([key, prefix]) => ({ prefix, advertisements: this.#advertisementsOf(key) }))
      .sort((a, b) => comparePrefixes(a.prefix, b.prefix))
    this.#touched.clear()
    const next = new Map<string, readonly PeerRoute[]>()
    let isChanged = false
    for (const [peer, before] of this.#routes) {
      const after = merge(before, changes, (change) => this.#attributesFor(peer, change))
      next.set(peer, after)
      isChanged ||= after !== before
    }
    if (isChanged) this.#routes = next
    return this.#routes
  }

  #advertisementsOf(key: number | string): readonly NodeAdvertisement[] {
    return (this.#holders.get(key) ?? []).map((holder) => holder.advertisement)
  }

  /** What the peer gets the prefix with; undefined where it gets it no longer. */
  #attributesFor(peer: string, { prefix, advertisements }: Change): Attributes | undefined {
    const reaching = advertisements.filter(({ carriers }) => carriers[prefix.address.family].includes(peer))
    return reaching.length === 0 ? undefined : this.#attributesOf(reaching)
  }

  /** One object for each set of advertisements, so that equal attributes are the same ones. */
  #attributesOf(advertisements: readonly NodeAdvertisement[]): Attributes {
    const ids = advertisements.map(({ id }) => id).sort((a, b) => a - b)
    const key = ids.join()
    const known = this.#attributes.get(key)
    if (known !== undefined) return known
    const attributes = combine(advertisements)
    this.#attributes.set(key, attributes)
    return attributes
  }
}

/** LOCAL_PREF that a route goes out with on iBGP where none is set. */
const defaultLocalPref = 100

/**
 * The attributes of a prefix that several advertisements make: all communities, and the most preferred localPref. Those
 * of one Service cannot differ in localPref, that is a conflict; those of Services that share a prefix can.
 */
function combine(advertisements: readonly NodeAdvertisement[]): Attributes {
  const localPrefs = advertisements.map(({ source }) => source.localPref)
  const all = advertisements.flatMap(({ source }) => source.communities)
  const communities = new Map(all.map((community) => [communityText(community), community]))
  return {
    localPref: localPrefs.reduce(morePreferred),
    communities: [...communities.values()].sort(compareCommunities),
  }
}

function morePreferred(a: number | undefined, b: number | undefined): number | undefined {
  const difference = (a ?? defaultLocalPref) - (b ?? defaultLocalPref)
  if (difference === 0) return a ?? b
  return difference > 0 ? a : b
}

const numbersOf = (community: Community): readonly number[] =>
  community.kind === 'standard'
    ? [0, community.high, community.low]
    : [1, community.globalAdmin, community.data1, community.data2]

const communityText = (community: Community): string => numbersOf(community).join(':')

function compareCommunities(a: Community, b: Community): number {
  const right = numbersOf(b)
  for (const [index, number] of numbersOf(a).entries()) {
    const difference = number - (right[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** `before` with the changes, both sorted by prefix; `before` itself where they change nothing. */
function merge(
  before: readonly PeerRoute[],
  changes: readonly Change[],
  attributesFor: (change: Change) => Attributes | undefined,
): readonly PeerRoute[] {
  const after: PeerRoute[] = []
  let done = 0
  let isChanged = false
  for (const change of changes) {
    const { prefix } = change
    const attributes = attributesFor(change)
    const place = placeOf(before, prefix, done)
    const old = routeAt(before, place, prefix)
    if (hasAttributes(old, attributes)) continue
    isChanged = true
    appendSlice(after, before, done, place)
    if (attributes !== undefined) {
      after.push({ prefix, localPref: attributes.localPref, communities: attributes.communities })
    }
    done = old === undefined ? place : place + 1
  }
  if (!isChanged) return before
  appendSlice(after, before, done, before.length)
  return after
}

/** Attributes come from `#attributesOf`, so that the identity of the array tells. */
const hasAttributes = (route: PeerRoute | undefined, attributes: Attributes | undefined): boolean =>
  route?.communities === attributes?.communities && route?.localPref === attributes?.localPref

/** The first index, from `start` on, whose prefix is not before the given one. */
function placeOf(routes: readonly PeerRoute[], prefix: Prefix, start: number): number {
  let low = start
  let high = routes.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const route = routes[middle]
    if (route !== undefined && comparePrefixes(route.prefix, prefix) < 0) low = middle + 1
    else high = middle
  }
  return low
}

function routeAt(routes: readonly PeerRoute[], place: number, prefix: Prefix): PeerRoute | undefined {
  const route = routes[place]
  return route !== undefined && equalPrefixes(route.prefix, prefix) ? route : undefined
}

/** Spreading a long array into `push` would overflow the stack. */
function appendSlice(target: PeerRoute[], source: readonly PeerRoute[], start: number, end: number): void {
  for (let index = start; index < end; index += 1) {
    const route = source[index]
    if (route !== undefined) target.push(route)
  }
}
