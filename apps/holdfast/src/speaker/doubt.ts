import type { NodePlan } from '@holdfast/announce'
import { prefixKey } from '@holdfast/ip'

/** What a list would take away from a router, so much of it that it may be the list that is wrong. */
export interface Doubt {
  /** Name of the BGPPeer that would lose most. */
  readonly peer: string
  /** Prefixes that are announced to it. */
  readonly announced: number
  /** Those of them that it would lose. */
  readonly withdrawn: number
}

/** So few are never doubted: a small site changes by large shares. */
const undoubted = 3

/**
 * Whether one list takes away more than `share` (0 to 1) of what some router has, and more than three prefixes: an empty or partial
 * list, a wrong selector, an etcd restored from an old copy. undefined: nothing to doubt.
 */
export function doubtOf(before: NodePlan['routes'], after: NodePlan['routes'], share: number): Doubt | undefined {
  let worst: Doubt | undefined
  for (const [peer, routes] of before) {
    const next = after.get(peer)
    if (next === routes) continue
    const kept = new Set((next ?? []).map(({ prefix }) => prefixKey(prefix)))
    const withdrawn = routes.filter(({ prefix }) => !kept.has(prefixKey(prefix))).length
    if (withdrawn <= undoubted || withdrawn <= share * routes.length) continue
    if (withdrawn > (worst?.withdrawn ?? 0)) worst = { peer, announced: routes.length, withdrawn }
  }
  return worst
}

/** A sentence for a person. */
export const doubtText = ({ peer, announced, withdrawn }: Doubt, kinds: Iterable<string>): string =>
  `a new list of ${[...kinds].sort().join(', ')} would withdraw ${withdrawn} of ${announced} prefixes from ${peer}`
