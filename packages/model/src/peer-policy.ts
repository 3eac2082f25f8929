import type { Address, Family } from '@holdfast/ip'
import type { SecretText } from './secret-text.ts'
import type { LabelSelector, Meta, SecretReference } from './types.ts'

/** RFC 9234 section 4.1, of our side. */
export type PeerRoleName = 'Provider' | 'RouteServer' | 'RouteServerClient' | 'Customer' | 'Peer'

/** RFC 4360: the eight octets as two unsigned 32-bit numbers. */
export interface ExtendedCommunityValue {
  readonly high: number
  readonly low: number
}

/** Capabilities that can be kept from a peer. */
export type CapabilityName = 'RouteRefresh' | 'EnhancedRouteRefresh' | 'ExtendedMessage' | 'FourOctetAS'

/** What a policy can say of a session; a field that is undefined is not said. */
export interface PeerPolicySettings {
  /** GTSM (RFC 5082): how many hops away the peer is at most, 1 to 254. Excludes `ttl`. */
  readonly gtsmHops: number | undefined
  /** TTL or hop limit of what we send, 1 to 255. */
  readonly ttl: number | undefined
  /** Offer graceful restart (RFC 4724, 8538). */
  readonly hasGracefulRestart: boolean | undefined
  /** How long the peer is to keep our routes: 1 to 4095 seconds. */
  readonly restartTimeSeconds: number | undefined
  /** RFC 9494; 0 is off. */
  readonly longLivedStaleSeconds: number | undefined
  /** Of a leaving node: how long routes are marked with GRACEFUL_SHUTDOWN (RFC 8326) before they are withdrawn. */
  readonly gracefulShutdownMs: number | undefined
  /** Further copies of the local AS in AS_PATH on eBGP, 0 to 16. */
  readonly asPathPrepend: number | undefined
  readonly med: number | undefined
  /** Link bandwidth extended community, octets a second as IEEE float. */
  readonly linkBandwidthBytesPerSecond: number | undefined
  readonly nextHops: Readonly<Partial<Record<Family, Address>>>
  readonly extendedCommunities: readonly ExtendedCommunityValue[]
  /** RFC 7911. */
  readonly hasAddPath: boolean | undefined
  /** RFC 8950. */
  readonly hasExtendedNextHop: boolean | undefined
  readonly prefixLimit: number | undefined
  readonly role: PeerRoleName | undefined
  readonly isRoleStrict: boolean | undefined
  /** With spec.localASN: whether the peer sees that AS alone (true), or spec.myASN behind it. */
  readonly isAsReplaced: boolean | undefined
  readonly sendHoldSeconds: number | undefined
  /** Wait for the peer to connect. */
  readonly isPassive: boolean | undefined
  readonly delayOpenSeconds: number | undefined
  readonly withheldCapabilities: readonly CapabilityName[]
  /** TCP-AO keys (RFC 5925); undefined: none asked for. A key whose Secret is missing has `secret` undefined: no session. */
  readonly tcpAo:
    | readonly {
        readonly sendId: number
        readonly receiveId: number
        readonly algorithm: 'hmac-sha-1-96' | 'aes-128-cmac-96'
        readonly secret: SecretText | undefined
      }[]
    | undefined
}

/** holdfast.dev/v1alpha1 PeerPolicy: what BGPPeer cannot say. */
export interface PeerPolicy {
  readonly kind: 'PeerPolicy'
  readonly meta: Meta
  /** Names of BGPPeers; empty together with `peerSelectors`: all. */
  readonly peers: readonly string[]
  readonly peerSelectors: readonly LabelSelector[]
  readonly nodeSelectors: readonly LabelSelector[]
  /** The Secrets of the keys in `settings.tcpAo`, in their order. */
  readonly tcpAoSecrets: readonly SecretReference[]
  readonly settings: PeerPolicySettings
}

/** The settings in force for one peer on one node: those of all policies that select it, and the defaults. */
export interface EffectivePeerPolicy extends Omit<
  PeerPolicySettings,
  | 'hasGracefulRestart'
  | 'restartTimeSeconds'
  | 'gracefulShutdownMs'
  | 'asPathPrepend'
  | 'hasAddPath'
  | 'hasExtendedNextHop'
  | 'isRoleStrict'
  | 'isAsReplaced'
  | 'isPassive'
  | 'delayOpenSeconds'
> {
  /** Names of the policies, sorted. */
  readonly policies: readonly string[]
  /** True unless said otherwise; spec.enableGracefulRestart of the BGPPeer does not switch it off, for MetalLB's default is false. */
  readonly hasGracefulRestart: boolean
  /** 120. */
  readonly restartTimeSeconds: number
  /** 2000. */
  readonly gracefulShutdownMs: number
  readonly asPathPrepend: number
  readonly hasAddPath: boolean
  /** True on unnumbered sessions, and on IPv6 ones with IPv4 routes from a node without an IPv4 address, unless said otherwise. */
  readonly hasExtendedNextHop: boolean
  readonly isRoleStrict: boolean
  /** True. */
  readonly isAsReplaced: boolean
  readonly isPassive: boolean
  readonly delayOpenSeconds: number
}
