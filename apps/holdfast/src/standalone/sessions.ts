import { carriesFamily, peersOf } from '@holdfast/announce'
import type { PeerConfig } from '@holdfast/bgp'
import type { Address, Family } from '@holdfast/ip'
import type { BGPPeer, Model, Node } from '@holdfast/model'
import { sessionObstacles } from '@holdfast/model'
import type { Endpoint } from '@holdfast/net'
import { formatEndpoint } from '@holdfast/net'

/** One session that a node should have. */
export interface WantedSession {
  /** `node/peer`. */
  readonly key: string
  readonly node: string
  /** Name of the BGPPeer. */
  readonly peer: string
  /** `address:port` for people. */
  readonly remoteText: string
  readonly terms: SessionSettings | { readonly obstacle: string }
}

/** All that a session depends on: when any of it changes, this session is opened anew, and no other. */
export interface SessionSettings {
  readonly config: PeerConfig
  readonly remote: Endpoint
  /** undefined: the system chooses the source address. */
  readonly local: Endpoint | undefined
}

/** MetalLB's native defaults, which are also RFC 4271's suggestion: 90 s and a third of it. */
const defaultHoldTimeSeconds = 90
/** The longest wait between two dials where connectTime is not set: a router that is back is found within this. */
const defaultConnectRetrySeconds = 30

/** The sessions of the nodes that this process speaks for, by key. */
export function wantedSessions(model: Model, nodes: readonly string[]): ReadonlyMap<string, WantedSession> {
  const sessions = new Map<string, WantedSession>()
  for (const name of nodes) {
    const node = model.nodes.get(name)
    if (node === undefined) continue
    for (const peer of peersOf(model, name)) {
      const session = wantedSession(peer, node)
      sessions.set(session.key, session)
    }
  }
  return sessions
}

function wantedSession(peer: BGPPeer, node: Node): WantedSession {
  const name = peer.meta.ref.name
  const [obstacle] = sessionObstacles(peer)
  const common = {
    key: `${node.meta.ref.name}/${name}`,
    node: node.meta.ref.name,
    peer: name,
    remoteText: remoteText(peer),
  }
  if (obstacle !== undefined) return { ...common, terms: { obstacle: `${obstacle.path}: ${obstacle.reason}` } }
  if (peer.peerAddress === undefined) return { ...common, terms: { obstacle: 'spec.peerAddress is not set' } }
  return {
    ...common,
    terms: {
      config: peerConfig(peer, node),
      remote: { address: peer.peerAddress, port: peer.peerPort },
      local: peer.sourceAddress === undefined ? undefined : { address: peer.sourceAddress, port: 0 },
    },
  }
}

function remoteText(peer: BGPPeer): string {
  if (peer.peerAddress === undefined) return peer.interface ?? ''
  return formatEndpoint({ address: peer.peerAddress, port: peer.peerPort })
}

const families: readonly Family[] = ['ipv4', 'ipv6']

function peerConfig(peer: BGPPeer, node: Node): PeerConfig {
  const { holdTimeSeconds, keepaliveSeconds } = timers(peer)
  return {
    localAsn: peer.myASN,
    remoteAsn: peer.peerASN ?? peer.dynamicASN ?? 'external',
    routerId: peer.routerID ?? routerIdOf(node, peer.sourceAddress),
    holdTimeSeconds,
    keepaliveSeconds,
    connectRetrySeconds: peer.connectTimeMs === undefined ? defaultConnectRetrySeconds : peer.connectTimeMs / 1000,
    isPassive: false,
    delayOpenSeconds: 0,
    families: families.filter((family) => carriesFamily(peer, family)),
    seed: checksum(`${node.meta.ref.name}/${peer.meta.ref.name}`),
  }
}

/** Where only one of the two times is given, the other is three times as long or a third (MetalLB's rule). */
function timers(peer: BGPPeer): { holdTimeSeconds: number; keepaliveSeconds: number | undefined } {
  const hold = peer.holdTimeMs === undefined ? undefined : Math.floor(peer.holdTimeMs / 1000)
  const keepalive = peer.keepaliveTimeMs === undefined ? undefined : Math.floor(peer.keepaliveTimeMs / 1000)
  if (hold !== undefined) return { holdTimeSeconds: hold, keepaliveSeconds: keepalive }
  if (keepalive === undefined) return { holdTimeSeconds: defaultHoldTimeSeconds, keepaliveSeconds: undefined }
  return { holdTimeSeconds: Math.max(3, keepalive * 3), keepaliveSeconds: keepalive }
}

/**
 * The BGP Identifier of a node whose peers name none: its IPv4 source or internal address, else a checksum of its name,
 * so that it is the same after every restart (RFC 6286 asks only for a non-zero value that is unique in the AS).
 */
function routerIdOf(node: Node, sourceAddress: Address | undefined): number {
  for (const address of [...node.internalIPs, ...(sourceAddress === undefined ? [] : [sourceAddress])]) {
    if (address.family === 'ipv4' && address.value !== 0) return address.value
  }
  return checksum(node.meta.ref.name) || 1
}

/** FNV-1a, 32 bits: only spreads names over numbers. */
function checksum(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash >>> 0
}
