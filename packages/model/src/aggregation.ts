import type { Range } from '@holdfast/ip'
import { rangeToPrefixes } from '@holdfast/ip'
import type { NodeSets } from './node-sets.ts'
import type { BGPAdvertisement, IPAddressPool } from './types.ts'

const reaches = new WeakMap<Range, number>()

/** The length of the largest prefix inside an entry: an aggregate may not be shorter. */
export function entryReach(range: Range): number {
  const known = reaches.get(range)
  if (known !== undefined) return known
  const reach = Math.min(...rangeToPrefixes(range).map(({ length }) => length))
  reaches.set(range, reach)
  return reach
}

/**
 * Whether two advertisements may both announce a pool: with equal local preferences, or where they never make the same
 * route of one node for one peer. Those that select Services are compared when it is known which Services they are.
 */
export function isCompatiblePref(
  a: BGPAdvertisement,
  b: BGPAdvertisement,
  pool: IPAddressPool,
  nodes: NodeSets,
): boolean {
  if (a.localPref === b.localPref) return true
  if (a.serviceSelectors.length > 0 || b.serviceSelectors.length > 0) return true
  return (
    makesOtherPrefixes(a, b, pool) ||
    (a.peers.length > 0 && b.peers.length > 0 && !a.peers.some((peer) => b.peers.includes(peer))) ||
    !nodes.intersect(a.nodeSelectors, b.nodeSelectors)
  )
}

/** The aggregation lengths differ for every family that the pool has. */
const makesOtherPrefixes = (a: BGPAdvertisement, b: BGPAdvertisement, { ranges }: IPAddressPool): boolean =>
  ranges.every(({ first }) =>
    first.family === 'ipv4'
      ? a.aggregationLength !== b.aggregationLength
      : a.aggregationLengthV6 !== b.aggregationLengthV6,
  )
