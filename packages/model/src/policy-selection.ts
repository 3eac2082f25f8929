import { selects } from './selector.ts'
import type { PeerPolicy } from './peer-policy.ts'
import type { BGPPeer } from './types.ts'

/** Whether a policy selects a peer, by name or by labels; with neither it selects every one. Nodes are not looked at. */
export function selectsPeer({ peers, peerSelectors }: PeerPolicy, { meta }: BGPPeer): boolean {
  if (peers.length + peerSelectors.length === 0) return true
  return peers.includes(meta.ref.name) || peerSelectors.some((selector) => selects(selector, meta.labels))
}
