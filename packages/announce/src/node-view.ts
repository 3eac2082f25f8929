import type { Address, Family } from '@holdfast/ip'
import { rangesContain } from '@holdfast/ip'
import type { BGPAdvertisement, BGPPeer, IPAddressPool, Node } from '@holdfast/model'
import { announcesPool, selectsAny } from '@holdfast/model'
import { carriesFamily, compareText, peersOf } from './peers.ts'
import type { AllocatedAddress, AnnounceInput } from './types.ts'

/** A BGPAdvertisement as it looks from one node that it selects. */
export interface NodeAdvertisement {
  /** Its place among all advertisements by name: routes of the same advertisements are recognised by it. */
  readonly id: number
  readonly source: BGPAdvertisement
  /** Names of this node's BGPPeers that it announces to, sorted. */
  readonly peers: readonly string[]
  /** Those of them whose session carries the family. */
  readonly carriers: Readonly<Record<Family, readonly string[]>>
}

/** A pool with the advertisements that include it. */
export interface NodePool {
  readonly pool: IPAddressPool
  /** Whatever node they select. */
  readonly advertisements: readonly BGPAdvertisement[]
  /** Those that select this node. */
  readonly here: readonly NodeAdvertisement[]
}

/** What the decision about every Service of a node has in common. */
export interface NodeView {
  readonly nodeName: string
  readonly node: Node | undefined
  readonly ignoreExcludeLB: boolean
  /** BGPPeers that select the node, sorted by name. */
  readonly peers: readonly BGPPeer[]
  readonly poolOf: (held: AllocatedAddress) => NodePool | undefined
}

/** Works out what the node sees of pools, advertisements and peers; Services and endpoints are not looked at. */
export function viewOf(input: AnnounceInput): NodeView {
  const { model } = input
  const node = model.nodes.get(input.node)
  const peers = peersOf(model, input.node)
  const advertisements = sortedByKey(model.advertisements)
  const here = new Map(
    advertisements
      .filter((advertisement) => node !== undefined && selectsAny(advertisement.nodeSelectors, node.meta.labels))
      .map((source, id) => [source, seenFromNode(source, id, peers)]),
  )
  const pools = sortedByKey(model.pools).map((pool) => poolView(pool, advertisements, here))
  return { nodeName: input.node, node, ignoreExcludeLB: input.ignoreExcludeLB, peers, poolOf: poolFinder(pools) }
}

/** Whether `viewOf` would say the same of both inputs, as far as the identity of the resources tells. */
export function isSameView(a: AnnounceInput, b: AnnounceInput): boolean {
  return (
    a.node === b.node &&
    a.ignoreExcludeLB === b.ignoreExcludeLB &&
    a.model.nodes.get(a.node) === b.model.nodes.get(b.node) &&
    hasSameEntries(a.model.pools, b.model.pools) &&
    hasSameEntries(a.model.advertisements, b.model.advertisements) &&
    hasSameEntries(a.model.peers, b.model.peers)
  )
}

function hasSameEntries<T>(a: ReadonlyMap<string, T>, b: ReadonlyMap<string, T>): boolean {
  if (a === b) return true
  if (a.size !== b.size) return false
  for (const [key, value] of a) if (b.get(key) !== value) return false
  return true
}

const sortedByKey = <T>(map: ReadonlyMap<string, T>): readonly T[] =>
  [...map].sort(([a], [b]) => compareText(a, b)).map(([, value]) => value)

function seenFromNode(source: BGPAdvertisement, id: number, peers: readonly BGPPeer[]): NodeAdvertisement {
  const offered = peers.filter((peer) => source.peers.length === 0 || source.peers.includes(peer.meta.ref.name))
  const namesOf = (some: readonly BGPPeer[]): readonly string[] => [...new Set(some.map((peer) => peer.meta.ref.name))]
  return {
    id,
    source,
    peers: namesOf(offered),
    carriers: {
      ipv4: namesOf(offered.filter((peer) => carriesFamily(peer, 'ipv4'))),
      ipv6: namesOf(offered.filter((peer) => carriesFamily(peer, 'ipv6'))),
    },
  }
}

function poolView(
  pool: IPAddressPool,
  advertisements: readonly BGPAdvertisement[],
  here: ReadonlyMap<BGPAdvertisement, NodeAdvertisement>,
): NodePool {
  const including = advertisements.filter((advertisement) => announcesPool(advertisement, pool))
  return {
    pool,
    advertisements: including,
    here: including.map((advertisement) => here.get(advertisement)).filter((seen) => seen !== undefined),
  }
}

/** Looks in the pool that the allocation names first: a renamed or split pool keeps its addresses announced. */
function poolFinder(pools: readonly NodePool[]): NodeView['poolOf'] {
  const byName = new Map(pools.map((view) => [view.pool.meta.ref.name, view]))
  return ({ address, pool }) => {
    const named = byName.get(pool)
    if (named !== undefined && hasAddress(named.pool, address)) return named
    return pools.find((view) => hasAddress(view.pool, address))
  }
}

const hasAddress = (pool: IPAddressPool, address: Address): boolean => rangesContain(pool.ranges, address)
