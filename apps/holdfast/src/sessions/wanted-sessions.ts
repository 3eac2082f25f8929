import { peersOf } from '@holdfast/announce'
import type { BGPPeer, EffectivePeerPolicy, Node } from '@holdfast/model'
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
  readonly terms: SessionSettings | HeldTerms
}

/** Why a session is not opened. */
export interface HeldTerms {
  readonly obstacle: string
  /** What is known of it all the same, only to be shown: no connection may be opened with it. */
  readonly shown?: Pick<SessionSettings, 'identity'>
  /** What was to protect it, and cannot. */
  readonly missing?: readonly string[]
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
  const settings = sessionSettings(context, peer, node, policy)
  if (obstacle === undefined) return { ...common, terms: settings }
  const shown = 'obstacle' in settings ? {} : { shown: { identity: settings.identity } }
  const said = `${obstacle.path}: ${obstacle.reason}`
  return { ...common, terms: { obstacle: said, ...shown, missing: missingSecrets(peer, policy) } }
}

function missingSecrets(peer: BGPPeer, { tcpAo = [] }: EffectivePeerPolicy): readonly string[] {
  const missing = tcpAo.filter(({ secret }) => secret === undefined).length
  return [
    ...(peer.passwordSecret !== undefined && peer.password === undefined ? ['TCP MD5 (Secret missing)'] : []),
    ...(missing === 0 ? [] : [`TCP-AO (${missing} of ${tcpAo.length} Secrets missing)`]),
  ]
}

function remoteText(peer: BGPPeer): string {
  if (peer.peerAddress === undefined) return peer.interface ?? ''
  return formatEndpoint({ address: peer.peerAddress, port: peer.peerPort })
}
