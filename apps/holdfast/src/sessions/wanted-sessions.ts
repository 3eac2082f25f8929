import { peersOf } from '@holdfast/announce'
import type { BGPPeer, Node } from '@holdfast/model'
import { effectivePolicy, sessionObstacles } from '@holdfast/model'
import { formatEndpoint } from '@holdfast/net'
import type { SessionContext, SessionSettings } from './session-settings.ts'
import { sessionSettings } from './session-settings.ts'

/** One session that a node should have. */
export interface WantedSession {
  /** `node/peer`. */
  readonly key: string
  readonly node: string
  /** Name of the BGPPeer. */
  readonly peer: string
  /** `address:port`, or the interface, for people. */
  readonly remoteText: string
  readonly terms: SessionSettings | { readonly obstacle: string }
}

/** The sessions of the nodes that this process speaks for, by key. */
export function wantedSessions(context: SessionContext, nodes: readonly string[]): ReadonlyMap<string, WantedSession> {
  const { model } = context
  const sessions = new Map<string, WantedSession>()
  for (const name of nodes) {
    const node = model.nodes.get(name)
    if (node === undefined) continue
    for (const peer of peersOf(model, name)) {
      const session = wantedSession(context, peer, node)
      sessions.set(session.key, session)
    }
  }
  return sessions
}

function wantedSession(context: SessionContext, peer: BGPPeer, node: Node): WantedSession {
  const { name } = peer.meta.ref
  const common = {
    key: `${node.meta.ref.name}/${name}`,
    node: node.meta.ref.name,
    peer: name,
    remoteText: remoteText(peer),
  }
  const policy = effectivePolicy(context.model, peer, node)
  const [obstacle] = sessionObstacles(peer, policy)
  if (obstacle !== undefined) return { ...common, terms: { obstacle: `${obstacle.path}: ${obstacle.reason}` } }
  return { ...common, terms: sessionSettings(context, peer, node, policy) }
}

function remoteText(peer: BGPPeer): string {
  if (peer.peerAddress === undefined) return peer.interface ?? ''
  return formatEndpoint({ address: peer.peerAddress, port: peer.peerPort })
}
