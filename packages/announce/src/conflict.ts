import type { Family } from '@holdfast/ip'
import type { BGPAdvertisement } from '@holdfast/model'
import type { NodeAdvertisement } from './node-view.ts'

export type Conflict = readonly [BGPAdvertisement, BGPAdvertisement]

/**
 * Two advertisements that would give one prefix two LOCAL_PREFs towards the same peer. Both select the node and the
 * Service already; `families` are those of its addresses from their common pool.
 */
export function findConflict(
  advertisements: readonly NodeAdvertisement[],
  families: ReadonlySet<Family>,
): Conflict | undefined {
  for (const [index, { source: a }] of advertisements.entries()) {
    const other = advertisements.slice(index + 1).find(({ source: b }) => areInConflict(a, b, families))
    if (other !== undefined) return [a, other.source]
  }
  return undefined
}

/** The mask that an advertisement gives to addresses of a family. */
export const aggregationLengthOf = (advertisement: BGPAdvertisement, family: Family): number =>
  family === 'ipv4' ? advertisement.aggregationLength : advertisement.aggregationLengthV6

function areInConflict(a: BGPAdvertisement, b: BGPAdvertisement, families: ReadonlySet<Family>): boolean {
  // MetalLB knows no difference between a localPref of 0 and none.
  if ((a.localPref ?? 0) === (b.localPref ?? 0)) return false
  if (a.peers.length > 0 && b.peers.length > 0 && !a.peers.some((peer) => b.peers.includes(peer))) return false
  return [...families].some((family) => aggregationLengthOf(a, family) === aggregationLengthOf(b, family))
}
