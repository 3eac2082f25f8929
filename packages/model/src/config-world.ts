import { bitsOf } from '@holdfast/ip'
import { entryReach, isCompatiblePref } from './aggregation.ts'
import { compareRefs, equalRefs, named } from './compare.ts'
import { entryName } from './entry-name.ts'
import { DisjointRanges } from './intervals.ts'
import type { NodeSets } from './node-sets.ts'
import { announcesPool } from './pools.ts'
import { problem } from './rules.ts'
import { sessionName } from './session.ts'
import type { Conflict, World } from './settle.ts'
import type { BFDProfile, BGPAdvertisement, BGPPeer, FieldPath, IPAddressPool } from './types.ts'

/** The kinds whose objects can contradict each other. */
export type ConfigResource = BFDProfile | IPAddressPool | BGPAdvertisement | BGPPeer

const conflict = (path: FieldPath, found: Conflict['problem']): Conflict => ({ path, problem: found })

/** Pools, advertisements, peers and BFD profiles that agree with each other. */
export class ConfigWorld implements World<ConfigResource> {
  readonly #nodes: NodeSets
  readonly #ranges = new DisjointRanges<{ readonly pool: IPAddressPool; readonly index: number }>()
  readonly #pools: IPAddressPool[] = []
  readonly #advertisements: BGPAdvertisement[] = []
  readonly #announcersOf = new Map<IPAddressPool, BGPAdvertisement[]>()
  readonly #peers: BGPPeer[] = []
  readonly #sessions = new Map<string, BGPPeer>()
  readonly #profiles = new Map<string, BFDProfile>()

  constructor(nodes: NodeSets) {
    this.#nodes = nodes
  }

  conflictsOf(resource: ConfigResource): readonly Conflict[] {
    switch (resource.kind) {
      case 'IPAddressPool':
        return [...this.#overlaps(resource), ...this.#announcingConflicts(resource), ...this.#echoConflicts(resource)]
      case 'BGPAdvertisement':
        return [...this.#advertisementConflicts(resource), ...this.#echoConflicts(resource)]
      case 'BGPPeer':
        return [...this.#sessionConflicts(resource), ...this.#echoConflicts(resource)]
      case 'BFDProfile':
        return this.#echoConflicts(resource)
    }
  }

  add(resource: ConfigResource): void {
    switch (resource.kind) {
      case 'IPAddressPool':
        for (const [index, range] of resource.ranges.entries()) this.#ranges.add(range, { pool: resource, index })
        this.#announcersOf.set(
          resource,
          this.#advertisements.filter((one) => announcesPool(one, resource)),
        )
        this.#pools.push(resource)
        return
      case 'BGPAdvertisement':
        for (const [pool, announcers] of this.#announcersOf) {
          if (announcesPool(resource, pool)) announcers.push(resource)
        }
        this.#advertisements.push(resource)
        return
      case 'BGPPeer':
        for (const session of this.#sessionsOf(resource)) this.#sessions.set(session.key, resource)
        this.#peers.push(resource)
        return
      case 'BFDProfile':
        this.#profiles.set(resource.meta.ref.name, resource)
        return
    }
  }

  #overlaps({ ranges, meta }: IPAddressPool): readonly Conflict[] {
    return ranges.flatMap((range, index) =>
      this.#ranges.overlapping(range).flatMap(({ owner }) => {
        if (equalRefs(owner.pool.meta.ref, meta.ref)) return []
        const where = `${named(owner.pool.meta.ref)}, addresses[${owner.index}]`
        const detail = { mine: entryName(range), theirs: entryName(owner.pool.ranges[owner.index] ?? range), where }
        return [conflict(['spec', 'addresses', index], problem('overlapping-addresses', detail))]
      }),
    )
  }

  /** What a new pool brings upon the advertisements that announce it. */
  #announcingConflicts(pool: IPAddressPool): readonly Conflict[] {
    const announcers = byName(this.#advertisements.filter((advertisement) => announcesPool(advertisement, pool)))
    return [
      ...announcers.flatMap((advertisement) =>
        aggregationProblems(advertisement, pool).map(({ index, found }) =>
          conflict(['spec', 'addresses', index], found),
        ),
      ),
      ...announcers.flatMap((advertisement, index) =>
        this.#prefConflicts(advertisement, pool, announcers.slice(0, index)).map((found) => conflict([], found)),
      ),
    ]
  }

  #advertisementConflicts(advertisement: BGPAdvertisement): readonly Conflict[] {
    const pools = this.#pools.filter((pool) => announcesPool(advertisement, pool))
    return pools.flatMap((pool) => [
      ...aggregationProblems(advertisement, pool).map(({ field, found }) => conflict(['spec', field], found)),
      ...this.#prefConflicts(advertisement, pool, this.#announcersOf.get(pool) ?? []).map((found) =>
        conflict(['spec', 'localPref'], found),
      ),
    ])
  }

  #prefConflicts(
    advertisement: BGPAdvertisement,
    pool: IPAddressPool,
    others: readonly BGPAdvertisement[],
  ): readonly Conflict['problem'][] {
    return others
      .filter((other) => !equalRefs(other.meta.ref, advertisement.meta.ref))
      .filter((other) => !isCompatiblePref(advertisement, other, pool, this.#nodes))
      .map((other) =>
        problem('conflicting-local-pref', {
          a: named(advertisement.meta.ref),
          b: named(other.meta.ref),
          prefA: advertisement.localPref ?? 0,
          prefB: other.localPref ?? 0,
          pool: named(pool.meta.ref),
        }),
      )
  }

  #sessionConflicts(peer: BGPPeer): readonly Conflict[] {
    const taken = this.#sessionsOf(peer).flatMap(({ key, node }) => {
      const owner = this.#sessions.get(key)
      return owner === undefined || equalRefs(owner.meta.ref, peer.meta.ref) ? [] : [{ owner, node }]
    })
    const [first] = taken
    if (first === undefined) return []
    const detail = { peer: named(first.owner.meta.ref), session: sessionName(peer), node: first.node }
    const field = peer.interface === undefined ? 'peerAddress' : 'interface'
    return [conflict(['spec', field], problem('duplicate-session', detail))]
  }

  /** The sessions that a peer asks of nodes; of all of them at once where no Node object says which there are. */
  #sessionsOf(peer: BGPPeer): readonly { readonly key: string; readonly node: string }[] {
    const name = sessionName(peer)
    if (!this.#nodes.isKnown) return [{ key: name, node: 'every node' }]
    return this.#nodes.chosenBy(peer.nodeSelectors).map((node) => ({ key: `${node} ${name}`, node: `node "${node}"` }))
  }

  /** MetalLB refuses to announce IPv6 pools to a peer whose BFD profile has echo mode. One finding for each peer. */
  #echoConflicts(resource: ConfigResource): readonly Conflict[] {
    return this.#echoPeers(resource).flatMap(({ peer, profile }) => {
      const announced = this.#ipv6AnnouncedTo(peer, resource)
      if (announced === undefined) return []
      const detail = {
        peer: named(peer.meta.ref),
        profile: named(profile.meta.ref),
        pool: named(announced.pool.meta.ref),
        advertisement: named(announced.advertisement.meta.ref),
      }
      return [conflict(echoPath(resource), problem('bfd-echo-with-ipv6', detail))]
    })
  }

  /** Peers with echo mode that an object concerns: itself, those of a profile, or all. */
  #echoPeers(resource: ConfigResource): readonly { readonly peer: BGPPeer; readonly profile: BFDProfile }[] {
    const peers = resource.kind === 'BGPPeer' ? [resource] : this.#peers
    return peers.flatMap((peer) => {
      const isOfProfile = resource.kind === 'BFDProfile' && resource.meta.ref.name === peer.bfdProfile
      const profile = isOfProfile ? resource : this.#profiles.get(peer.bfdProfile ?? '')
      if (resource.kind === 'BFDProfile' && !isOfProfile) return []
      return profile?.echoMode === true ? [{ peer, profile }] : []
    })
  }

  #ipv6AnnouncedTo(
    peer: BGPPeer,
    resource: ConfigResource,
  ): { readonly advertisement: BGPAdvertisement; readonly pool: IPAddressPool } | undefined {
    const advertisements = resource.kind === 'BGPAdvertisement' ? [resource] : byName(this.#advertisements)
    const pools = resource.kind === 'IPAddressPool' ? [resource] : byName(this.#pools)
    for (const advertisement of advertisements) {
      if (advertisement.peers.length > 0 && !advertisement.peers.includes(peer.meta.ref.name)) continue
      const pool = pools.find((one) => hasIpv6(one) && announcesPool(advertisement, one))
      if (pool !== undefined) return { advertisement, pool }
    }
    return undefined
  }
}

/** In the order of names, so that a fault names the same objects in whatever order they were admitted. */
const byName = <R extends ConfigResource>(resources: readonly R[]): readonly R[] =>
  [...resources].sort((a, b) => compareRefs(a.meta.ref, b.meta.ref))

const hasIpv6 = ({ ranges }: IPAddressPool): boolean => ranges.some(({ first }) => first.family === 'ipv6')

function echoPath({ kind }: ConfigResource): FieldPath {
  switch (kind) {
    case 'BGPPeer':
      return ['spec', 'bfdProfile']
    case 'BFDProfile':
      return ['spec', 'echoMode']
    case 'IPAddressPool':
      return ['spec', 'addresses']
    case 'BGPAdvertisement':
      return []
  }
}

/** The entries of a pool that an advertisement's aggregates would reach beyond. */
function aggregationProblems(advertisement: BGPAdvertisement, pool: IPAddressPool) {
  return pool.ranges.flatMap((range, index) => {
    const field = range.first.family === 'ipv4' ? 'aggregationLength' : 'aggregationLengthV6'
    const aggregate = advertisement[field]
    if (aggregate === bitsOf(range.first.family) || aggregate >= entryReach(range)) return []
    const found = problem('aggregation-wider-than-pool', {
      advertisement: named(advertisement.meta.ref),
      aggregate,
      entry: entryName(range),
      pool: named(pool.meta.ref),
    })
    return [{ index, field, found }]
  })
}
