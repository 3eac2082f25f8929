import { compareRefs } from './compare.ts'
import { selectsPeer } from './policy-selection.ts'
import { selectsAny } from './selector.ts'
import type { EffectivePeerPolicy, PeerPolicy, PeerPolicySettings } from './peer-policy.ts'
import type { BGPPeer, Model, Node } from './types.ts'

/** What was worked out of one set of policies; it goes when the set goes. */
interface Known {
  readonly sorted: readonly PeerPolicy[]
  readonly byPeer: WeakMap<BGPPeer, WeakMap<Node, EffectivePeerPolicy>>
}

const known = new WeakMap<Model['peerPolicies'], Known>()

/**
 * What is in force for the session of a peer and a node: what the policies say that select both, and defaults for the
 * rest. Where two say different things of one field, the one whose name comes first counts (`conflicting-policies`).
 * The same objects give the same object again.
 */
export function effectivePolicy({ peerPolicies }: Model, peer: BGPPeer, node: Node): EffectivePeerPolicy {
  const { sorted, byPeer } = knownOf(peerPolicies)
  const byNode = byPeer.get(peer) ?? new WeakMap<Node, EffectivePeerPolicy>()
  byPeer.set(peer, byNode)
  const before = byNode.get(node)
  if (before !== undefined) return before
  const selecting = sorted.filter((one) => selectsPeer(one, peer) && selectsAny(one.nodeSelectors, node.meta.labels))
  const effective = merged(selecting, peer, node)
  byNode.set(node, effective)
  return effective
}

function knownOf(policies: Model['peerPolicies']): Known {
  const before = known.get(policies)
  if (before !== undefined) return before
  const sorted = [...policies.values()].sort((a, b) => compareRefs(a.meta.ref, b.meta.ref))
  const fresh: Known = { sorted, byPeer: new WeakMap() }
  known.set(policies, fresh)
  return fresh
}

const merged = (policies: readonly PeerPolicy[], peer: BGPPeer, node: Node): EffectivePeerPolicy => {
  const settings = policies.map((policy) => policy.settings)
  return {
    policies: policies.map(({ meta }) => meta.ref.name),
    ...transportOf(settings),
    ...sessionOf(settings),
    ...restartOf(settings),
    ...routesOf(settings, peer, node),
  }
}

type Settings = readonly PeerPolicySettings[]

/** What the first policy says that says anything. */
function first<T>(settings: Settings, say: (one: PeerPolicySettings) => T | undefined): T | undefined {
  for (const one of settings) {
    const said = say(one)
    if (said !== undefined) return said
  }
  return undefined
}

const listOf = <T>(settings: Settings, say: (one: PeerPolicySettings) => readonly T[]): readonly T[] =>
  settings.map(say).find((list) => list.length > 0) ?? []

/** The two ways to set a TTL exclude each other, also where two policies each use one. */
function transportOf(settings: Settings) {
  const ttl = settings.find((one) => one.gtsmHops !== undefined || one.ttl !== undefined)
  return { gtsmHops: ttl?.gtsmHops, ttl: ttl?.ttl, tcpAo: first(settings, ({ tcpAo }) => tcpAo) }
}

const sessionOf = (settings: Settings) => ({
  prefixLimit: first(settings, ({ prefixLimit }) => prefixLimit),
  role: first(settings, ({ role }) => role),
  isRoleStrict: first(settings, ({ isRoleStrict }) => isRoleStrict) ?? false,
  isAsReplaced: first(settings, ({ isAsReplaced }) => isAsReplaced) ?? true,
  sendHoldSeconds: first(settings, ({ sendHoldSeconds }) => sendHoldSeconds),
  isPassive: first(settings, ({ isPassive }) => isPassive) ?? false,
  delayOpenSeconds: first(settings, ({ delayOpenSeconds }) => delayOpenSeconds) ?? 0,
  withheldCapabilities: listOf(settings, ({ withheldCapabilities }) => withheldCapabilities),
})

const restartOf = (settings: Settings) => ({
  hasGracefulRestart: first(settings, ({ hasGracefulRestart }) => hasGracefulRestart) ?? true,
  restartTimeSeconds: first(settings, ({ restartTimeSeconds }) => restartTimeSeconds) ?? 120,
  longLivedStaleSeconds: first(settings, ({ longLivedStaleSeconds }) => longLivedStaleSeconds),
  gracefulShutdownMs: first(settings, ({ gracefulShutdownMs }) => gracefulShutdownMs) ?? 2000,
})

const routesOf = (settings: Settings, peer: BGPPeer, node: Node) => ({
  asPathPrepend: first(settings, ({ asPathPrepend }) => asPathPrepend) ?? 0,
  med: first(settings, ({ med }) => med),
  linkBandwidthBytesPerSecond: first(settings, (one) => one.linkBandwidthBytesPerSecond),
  nextHops: nextHopsOf(settings),
  extendedCommunities: listOf(settings, ({ extendedCommunities }) => extendedCommunities),
  hasAddPath: first(settings, ({ hasAddPath }) => hasAddPath) ?? false,
  hasExtendedNextHop: first(settings, ({ hasExtendedNextHop }) => hasExtendedNextHop) ?? needsIpv6NextHop(peer, node),
})

/** Each family on its own, the first policy last so that it counts. */
const nextHopsOf = (settings: Settings): PeerPolicySettings['nextHops'] =>
  settings.reduceRight<PeerPolicySettings['nextHops']>((later, { nextHops }) => ({ ...later, ...nextHops }), {})

/**
 * An unnumbered session runs over link-local addresses, and so may one to an IPv6 address with both families: then IPv4 routes
 * need an IPv6 next hop where the node has no IPv4 address to name.
 */
const needsIpv6NextHop = ({ peerAddress, dualStackAddressFamily }: BGPPeer, { internalIPs }: Node): boolean =>
  peerAddress === undefined ||
  (peerAddress.family === 'ipv6' && dualStackAddressFamily && internalIPs.every(({ family }) => family === 'ipv6'))
