import { compareRefs, equalDeep, named } from './compare.ts'
import { asksForPassword } from './kinds/peer.ts'
import type { NodeSets } from './node-sets.ts'
import { selectsPeer } from './policy-selection.ts'
import { problem } from './rules.ts'
import type { PeerPolicy, PeerPolicySettings } from './peer-policy.ts'
import type { Conflict } from './settle.ts'
import type { BGPPeer } from './types.ts'

/** One thing that two policies can differ in. */
interface Topic {
  /** Under spec, as a person writes it. */
  readonly field: string
  /** undefined: the policy does not say. */
  readonly say: (settings: PeerPolicySettings) => unknown
}

const list = (values: readonly unknown[]): unknown => (values.length === 0 ? undefined : values)

const topics: readonly Topic[] = [
  { field: 'ttlSecurity.hops', say: ({ gtsmHops }) => gtsmHops },
  { field: 'ttl', say: ({ ttl }) => ttl },
  { field: 'gracefulRestart.mode', say: ({ hasGracefulRestart }) => hasGracefulRestart },
  { field: 'gracefulRestart.restartTime', say: ({ restartTimeSeconds }) => restartTimeSeconds },
  { field: 'gracefulRestart.longLivedStaleTime', say: ({ longLivedStaleSeconds }) => longLivedStaleSeconds },
  { field: 'gracefulShutdown.wait', say: ({ gracefulShutdownMs }) => gracefulShutdownMs },
  { field: 'asPathPrepend', say: ({ asPathPrepend }) => asPathPrepend },
  { field: 'med', say: ({ med }) => med },
  { field: 'linkBandwidthMbps', say: ({ linkBandwidthBytesPerSecond }) => linkBandwidthBytesPerSecond },
  { field: 'nextHop.ipv4', say: ({ nextHops }) => nextHops.ipv4 },
  { field: 'nextHop.ipv6', say: ({ nextHops }) => nextHops.ipv6 },
  { field: 'extendedCommunities', say: ({ extendedCommunities }) => list(extendedCommunities) },
  { field: 'addPath', say: ({ hasAddPath }) => hasAddPath },
  { field: 'extendedNextHop', say: ({ hasExtendedNextHop }) => hasExtendedNextHop },
  { field: 'prefixLimit', say: ({ prefixLimit }) => prefixLimit },
  { field: 'role', say: ({ role }) => role },
  { field: 'roleStrict', say: ({ isRoleStrict }) => isRoleStrict },
  { field: 'localAS.replaceAS', say: ({ isAsReplaced }) => isAsReplaced },
  { field: 'sendHoldTime', say: ({ sendHoldSeconds }) => sendHoldSeconds },
  { field: 'connectionMode', say: ({ isPassive }) => isPassive },
  { field: 'delayOpenTime', say: ({ delayOpenSeconds }) => delayOpenSeconds },
  { field: 'withheldCapabilities', say: ({ withheldCapabilities }) => list(withheldCapabilities.toSorted()) },
  { field: 'tcpAO', say: ({ tcpAo }) => tcpAo },
]

/** Where policies are at odds: the later one by name has the finding. */
export interface PolicyFinding {
  readonly policy: PeerPolicy
  readonly conflict: Conflict
}

/**
 * What policies in force contradict: each other, and the passwords of peers. None of them is kept out for it: a session
 * would lose what the rest of the policy protects it with.
 */
export function policyFindings(
  policies: readonly PeerPolicy[],
  peers: readonly BGPPeer[],
  nodes: NodeSets,
): readonly PolicyFinding[] {
  const sorted = policies.toSorted((a, b) => compareRefs(a.meta.ref, b.meta.ref))
  const sortedPeers = peers.toSorted((a, b) => compareRefs(a.meta.ref, b.meta.ref))
  return sorted.flatMap((policy, index) => [
    ...differences(policy, sorted.slice(0, index), { peers: sortedPeers, nodes }),
    ...passwordFindings(policy, { peers: sortedPeers, nodes }),
  ])
}

interface Site {
  readonly peers: readonly BGPPeer[]
  readonly nodes: NodeSets
}

/** One finding for each field of a policy in which it differs from an earlier one. */
function differences(policy: PeerPolicy, earlier: readonly PeerPolicy[], site: Site): readonly PolicyFinding[] {
  return topics.flatMap(({ field, say }) => {
    const mine = say(policy.settings)
    if (mine === undefined) return []
    for (const other of earlier) {
      if (!isAtOdds(field, mine, say(other.settings), other.settings)) continue
      const peer = site.peers.find((one) => meet([policy, other], one, site.nodes))
      if (peer === undefined) continue
      const names = { first: named(other.meta.ref), second: named(policy.meta.ref), peer: named(peer.meta.ref) }
      const conflict = { path: pathOf(field), problem: problem('conflicting-policies', { field, ...names }) }
      return [{ policy, conflict }]
    }
    return []
  })
}

const pathOf = (field: string): readonly string[] => ['spec', ...field.split('.')]

/** A TTL and TTL security exclude each other across policies too. */
function isAtOdds(field: string, mine: unknown, theirs: unknown, other: PeerPolicySettings): boolean {
  if (field === 'ttl' && other.gtsmHops !== undefined) return true
  if (field === 'ttlSecurity.hops' && other.ttl !== undefined) return true
  return theirs !== undefined && !equalDeep(mine, theirs)
}

/** Whether policies concern one session of a peer. Where no Node is known, only policies for all nodes surely do. */
function meet(policies: readonly PeerPolicy[], peer: BGPPeer, nodes: NodeSets): boolean {
  if (!policies.every((policy) => selectsPeer(policy, peer))) return false
  const lists = [...policies, peer].map(({ nodeSelectors }) => nodeSelectors)
  if (!nodes.isKnown) return lists.every((selectors) => selectors.length === 0)
  const [first = [], ...others] = lists.map((selectors) => nodes.chosenBy(selectors))
  const sets = others.map((names) => new Set(names))
  return first.some((name) => sets.every((set) => set.has(name)))
}

/** Peers with a password that a policy gives TCP-AO keys: their sessions cannot be opened. */
function passwordFindings(policy: PeerPolicy, { peers, nodes }: Site): readonly PolicyFinding[] {
  if (policy.settings.tcpAo === undefined) return []
  return peers
    .filter((peer) => asksForPassword(peer) && meet([policy], peer, nodes))
    .map((peer) => {
      const names = { peer: named(peer.meta.ref), policy: named(policy.meta.ref) }
      return { policy, conflict: { path: ['spec', 'tcpAO'], problem: problem('tcp-ao-with-password', names) } }
    })
}
