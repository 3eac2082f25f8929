import type { Family } from '@holdfast/ip'
import type { BGPPeer, Model } from '@holdfast/model'
import { selectsAny } from '@holdfast/model'

/**
 * The BGPPeers whose `spec.nodeSelectors` select a node, sorted by name. None where the Node does not exist: its labels
 * are not known.
 */
export function peersOf(model: Model, nodeName: string): readonly BGPPeer[] {
  const node = model.nodes.get(nodeName)
  if (node === undefined) return []
  return [...model.peers.values()]
    .filter((peer) => selectsAny(peer.nodeSelectors, node.meta.labels))
    .sort((a, b) => compareText(a.meta.ref.name, b.meta.ref.name))
}

/**
 * Whether a session with the peer carries routes of a family: that of its address, or both with
 * `spec.dualStackAddressFamily` and on an unnumbered session, as MetalLB's FRR modes have it.
 */
export const carriesFamily = (peer: BGPPeer, family: Family): boolean =>
  peer.dualStackAddressFamily || peer.peerAddress === undefined || peer.peerAddress.family === family

/** Orders texts by code unit, the same on every machine. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
