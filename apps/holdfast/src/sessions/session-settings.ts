import { carriesFamily } from '@holdfast/announce'
import type { BfdConfig } from '@holdfast/bfd'
import type { OptionalCapability, PeerConfig, PeerRole } from '@holdfast/bgp'
import { linkBandwidth } from '@holdfast/bgp'
import type { Address, Family } from '@holdfast/ip'
import type { BGPPeer, CapabilityName, EffectivePeerPolicy, Model, Node, PeerRoleName } from '@holdfast/model'
import { bfdConfigOf, bfdProfileOf, isBfdMultihop, isInternalPeer } from '@holdfast/model'
import type { Endpoint, SocketOptions, TcpAo } from '@holdfast/net'
import type { RouteTerms } from './routes.ts'

/** What one session is made of. */
export interface SessionSettings {
  /** A change of anything in it needs a new session, which leaves all others alone. */
  readonly identity: SessionIdentity
  /** Keys and TTLs: applied to the open session. */
  readonly socket: SocketOptions | undefined
  /** Where the password of `socket` lies, for people: `Secret NAMESPACE/NAME`, or the field of the BGPPeer. */
  readonly passwordFrom?: string
  /** Applied to the running BFD session; undefined: no BFD. */
  readonly bfd: BfdConfig | undefined
  /** Applied to the routes. */
  readonly routes: Omit<RouteTerms, 'isLeaving'>
  /** How long a leaving node marks its routes before it withdraws them. */
  readonly gracefulShutdownMs: number
  /** Whether our AS number comes from spec.localASN, for what is said of it; else it is spec.myASN. */
  readonly hasLocalAsn?: boolean
}

export interface SessionIdentity {
  readonly config: PeerConfig
  readonly remote: RemoteEnd
  /** undefined: the system chooses the source address. */
  readonly local: Endpoint | undefined
  /** Network device that the sockets are bound to: that of an unnumbered session, or the VRF. */
  readonly device: string | undefined
}

/** Where the peer is: known, or to be found by its router advertisements on a device (BGP unnumbered). */
export type RemoteEnd =
  | { readonly kind: 'address'; readonly endpoint: Endpoint }
  | { readonly kind: 'interface'; readonly device: string; readonly port: number }

/** What sessions are made from beside the peer and the node. */
export interface SessionContext {
  readonly model: Model
  /** Whether this host has an address in the same network. */
  readonly isOnLink: (address: Address) => boolean
}

/** MetalLB's native defaults, which are also RFC 4271's suggestion: 90 s and a third of it. */
const defaultHoldTimeSeconds = 90
/** The longest wait between two dials where connectTime is not set: a router that is back is found within this. */
const defaultConnectRetrySeconds = 30

/** Everything that a BGPPeer, its policies and its node say of their session. */
export function sessionSettings(
  { model, isOnLink }: SessionContext,
  peer: BGPPeer,
  node: Node,
  policy: EffectivePeerPolicy,
): SessionSettings | { readonly obstacle: string } {
  const remote = remoteEnd(peer)
  if (remote === undefined) return { obstacle: 'neither spec.peerAddress nor spec.interface is set' }
  const profile = bfdProfileOf(model, peer)
  if (peer.bfdProfile !== undefined && profile === undefined) {
    return { obstacle: `spec.bfdProfile: there is no BFDProfile "${peer.bfdProfile}"` }
  }
  const config = peerConfig(peer, node, policy)
  const isNear = peer.peerAddress !== undefined && isOnLink(peer.peerAddress)
  return {
    identity: {
      config,
      remote,
      local: peer.sourceAddress === undefined ? undefined : { address: peer.sourceAddress, port: 0 },
      device: peer.interface ?? peer.vrf,
    },
    socket: socketOptions(peer, policy),
    ...passwordFrom(peer),
    bfd: profile === undefined ? undefined : bfdConfigOf(profile, isBfdMultihop(peer, isNear)),
    routes: routeTerms(peer, node, policy, config.localAsn),
    gracefulShutdownMs: policy.gracefulShutdownMs,
    hasLocalAsn: peer.localASN !== undefined,
  }
}

function remoteEnd({ peerAddress, peerPort, interface: device }: BGPPeer): RemoteEnd | undefined {
  if (peerAddress !== undefined) return { kind: 'address', endpoint: { address: peerAddress, port: peerPort } }
  return device === undefined ? undefined : { kind: 'interface', device, port: peerPort }
}

const families: readonly Family[] = ['ipv4', 'ipv6']

function peerConfig(peer: BGPPeer, node: Node, policy: EffectivePeerPolicy): PeerConfig {
  const { holdTimeSeconds, keepaliveSeconds } = timers(peer)
  const localAsn = peer.localASN ?? peer.myASN
  return {
    localAsn,
    globalAsn: policy.isAsReplaced || peer.localASN === undefined ? undefined : peer.myASN,
    remoteAsn: remoteAsnOf(peer),
    routerId: peer.routerID ?? routerIdOf(node, peer.sourceAddress),
    holdTimeSeconds,
    keepaliveSeconds,
    connectRetrySeconds: peer.connectTimeMs === undefined ? defaultConnectRetrySeconds : peer.connectTimeMs / 1000,
    isPassive: policy.isPassive,
    delayOpenSeconds: policy.delayOpenSeconds,
    families: families.filter((family) => carriesFamily(peer, family)),
    gracefulRestart: restartOf(peer, policy),
    longLivedStaleSeconds: policy.longLivedStaleSeconds === 0 ? undefined : policy.longLivedStaleSeconds,
    hasAddPath: policy.hasAddPath,
    hasExtendedNextHop: policy.hasExtendedNextHop,
    role: policy.role === undefined ? undefined : roles[policy.role],
    isRoleStrict: policy.isRoleStrict,
    prefixLimit: policy.prefixLimit,
    sendHoldSeconds: policy.sendHoldSeconds,
    withheldCapabilities: policy.withheldCapabilities.map((name) => capabilities[name]),
    seed: checksum(`${node.meta.ref.name}/${peer.meta.ref.name}`),
  }
}

/**
 * With the N bit a router keeps the routes of a node that has died for the hold time and the restart time: only where BFD tells it
 * of the death is it offered (docs/adr/0006).
 */
const restartOf = ({ bfdProfile }: BGPPeer, policy: EffectivePeerPolicy): PeerConfig['gracefulRestart'] =>
  policy.hasGracefulRestart
    ? { restartTimeSeconds: policy.restartTimeSeconds, hasNotification: bfdProfile !== undefined }
    : undefined

const remoteAsnOf = ({ peerASN, dynamicASN }: BGPPeer): PeerConfig['remoteAsn'] => peerASN ?? dynamicASN ?? 'external'

const roles: Readonly<Record<PeerRoleName, PeerRole>> = {
  Provider: 'provider',
  RouteServer: 'routeServer',
  RouteServerClient: 'routeServerClient',
  Customer: 'customer',
  Peer: 'peer',
}

const capabilities: Readonly<Record<CapabilityName, OptionalCapability>> = {
  RouteRefresh: 'routeRefresh',
  EnhancedRouteRefresh: 'enhancedRouteRefresh',
  ExtendedMessage: 'extendedMessage',
  FourOctetAS: 'fourOctetAs',
}

/** Where only one of the two times is given, the other is three times as long or a third (MetalLB's rule). */
function timers(peer: BGPPeer): { holdTimeSeconds: number; keepaliveSeconds: number | undefined } {
  const hold = peer.holdTimeMs === undefined ? undefined : Math.floor(peer.holdTimeMs / 1000)
  const keepalive = peer.keepaliveTimeMs === undefined ? undefined : Math.floor(peer.keepaliveTimeMs / 1000)
  if (hold !== undefined) return { holdTimeSeconds: hold, keepaliveSeconds: keepalive }
  if (keepalive === undefined) return { holdTimeSeconds: defaultHoldTimeSeconds, keepaliveSeconds: undefined }
  return { holdTimeSeconds: Math.max(3, keepalive * 3), keepaliveSeconds: keepalive }
}

function passwordFrom({ password, passwordSecret }: BGPPeer): Pick<SessionSettings, 'passwordFrom'> {
  if (password === undefined) return {}
  if (passwordSecret === undefined) return { passwordFrom: 'spec.password' }
  return { passwordFrom: `Secret ${passwordSecret.namespace}/${passwordSecret.name}` }
}

/** GTSM sends with 255 and takes no less than what is left after the hops (RFC 5082 section 3). */
function socketOptions(peer: BGPPeer, policy: EffectivePeerPolicy): SocketOptions | undefined {
  const device = peer.interface ?? peer.vrf
  const tcpAo = tcpAoOf(policy)
  const ttl = policy.gtsmHops === undefined ? policy.ttl : 255
  const minimumTtl = policy.gtsmHops === undefined ? undefined : 256 - policy.gtsmHops
  const md5Password = peer.password?.reveal()
  const isPlain = [device, tcpAo, ttl, minimumTtl, md5Password].every((one) => one === undefined)
  return isPlain ? undefined : { md5Password, tcpAo, ttl, minimumTtl, device }
}

function tcpAoOf({ tcpAo }: EffectivePeerPolicy): TcpAo | undefined {
  if (tcpAo === undefined) return undefined
  const keys = tcpAo.flatMap(({ secret, ...key }) =>
    secret === undefined ? [] : [{ ...key, secret: secret.reveal() }],
  )
  return { keys }
}

function routeTerms(
  peer: BGPPeer,
  node: Node,
  policy: EffectivePeerPolicy,
  localAsn: number,
): SessionSettings['routes'] {
  const bandwidth =
    policy.linkBandwidthBytesPerSecond === undefined
      ? []
      : // A non-transitive one would stay within the AS (RFC 4360 section 6).
        [linkBandwidth(localAsn, policy.linkBandwidthBytesPerSecond, !isInternalPeer(peer))]
  return {
    nextHops: { ipv4: nextHop(peer, node, policy, 'ipv4'), ipv6: nextHop(peer, node, policy, 'ipv6') },
    med: policy.med,
    prepend: policy.asPathPrepend,
    extendedCommunities: [...policy.extendedCommunities, ...bandwidth].sort((a, b) => a.high - b.high || a.low - b.low),
  }
}

/**
 * The session's own address serves its own family, and IPv4 too where the peer takes IPv6 next hops for it (RFC 8950). Else
 * it has to be said, and the node's internal IP is what the rest of the cluster reaches the node by.
 */
function nextHop(peer: BGPPeer, node: Node, policy: EffectivePeerPolicy, family: Family): Address | undefined {
  const own = peer.peerAddress?.family ?? 'ipv6'
  const said = policy.nextHops[family]
  if (said !== undefined) return said
  if (family === own || (family === 'ipv4' && policy.hasExtendedNextHop)) return undefined
  return node.internalIPs.find((address) => address.family === family)
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
