import type { Address, Family } from '@holdfast/ip'
import type { SessionReset } from './fault.ts'
import type { CodecContext, Message, UpdateMessage } from './messages.ts'
import type { Reason } from './reasons.ts'
import type { Route } from './routes.ts'

/** Milliseconds of a monotonic clock. */
export type Millis = number

/**
 * Who opened the TCP connection: we (`active`) or the peer (`passive`). One exception: where the session is passive, a new
 * connection of the peer's that may replace it (RFC 4724 section 4.2) is fed as active (`inboundRole`).
 */
export type Role = 'active' | 'passive'

/** RFC 4271 section 8.2.2. */
export type StateName = 'idle' | 'connect' | 'active' | 'openSent' | 'openConfirm' | 'established'

/**
 * RFC 4271 section 10 and, for `idleHold`, section 8.1.1. `refresh` is ours: how long answers to further ROUTE-REFRESH
 * messages wait for one another. `sendHold` (RFC 9687) is the driver's own, which alone sees whether the peer takes what
 * it is sent: the machine never arms it, and ends the session when it is fed.
 */
export type TimerName = 'connectRetry' | 'hold' | 'keepalive' | 'delayOpen' | 'idleHold' | 'refresh' | 'sendHold'

/** The settings of one peer that its session depends on: a change of any of them needs a new session. */
export interface PeerConfig {
  readonly localAsn: number
  /** A number, or as MetalLB's dynamicASN: `internal` is any AS equal to ours, `external` any other; `any`: all. */
  readonly remoteAsn: number | 'internal' | 'external' | 'any'
  /** BGP Identifier: unsigned 32-bit, not 0 (RFC 6286). */
  readonly routerId: number
  /** Proposed hold time: 0 or 3 to 65,535. */
  readonly holdTimeSeconds: number
  /** Between two KEEPALIVEs: this or a third of the negotiated hold time, whichever is less. undefined: the third. */
  readonly keepaliveSeconds: number | undefined
  /** RFC 4271 ConnectRetryTime: the longest wait between two dials; the first retries come sooner (back-off). */
  readonly connectRetrySeconds: number
  /** Never dial, wait for the peer (RFC 4271 PassiveTcpEstablishment). */
  readonly isPassive: boolean
  /** RFC 4271 DelayOpenTime; 0 is off. */
  readonly delayOpenSeconds: number
  /** Offered with RFC 4760. */
  readonly families: readonly Family[]
  /**
   * Our AS behind `localAsn` in AS_PATH, where the session uses another one than the rest (local-as without replace-as);
   * undefined: AS_PATH has `localAsn` alone.
   */
  readonly globalAsn: number | undefined
  /**
   * RFC 4724; undefined: not offered. `restartTimeSeconds`: how long the peer is to keep our routes, 0 to 4095. `hasNotification`:
   * offer the N bit (RFC 8538), with which it keeps them also after a NOTIFICATION and when its hold timer expires.
   */
  readonly gracefulRestart: { readonly restartTimeSeconds: number; readonly hasNotification: boolean } | undefined
  /** RFC 9494: how long routes may stay stale after the restart time; undefined: not offered. Needs `gracefulRestart`. */
  readonly longLivedStaleSeconds: number | undefined
  /** RFC 7911: offer to send path identifiers. */
  readonly hasAddPath: boolean
  /** RFC 8950: offer IPv4 routes with IPv6 next hops. */
  readonly hasExtendedNextHop: boolean
  /** RFC 9234; undefined: not offered. */
  readonly role: PeerRole | undefined
  /** RFC 9234 section 4.2: no session with a peer that names no role. */
  readonly isRoleStrict: boolean
  /** The session ends with Cease 6/1 when the peer has announced more prefixes (of all families); undefined: no limit. */
  readonly prefixLimit: number | undefined
  /** RFC 9687; undefined: its own suggestion, the greater of 8 minutes and twice the hold time. */
  readonly sendHoldSeconds: number | undefined
  /** Capabilities that are not to be offered to this peer. */
  readonly withheldCapabilities: readonly OptionalCapability[]
  /** Start of this peer's own sequence of jitter, so that a run can be repeated. */
  readonly seed: number
}

/** Of the local side towards the peer (RFC 9234 section 4.1). */
export type PeerRole = 'provider' | 'routeServer' | 'routeServerClient' | 'customer' | 'peer'

/** Capabilities that every peer is offered unless its configuration withholds them. */
export type OptionalCapability = 'routeRefresh' | 'enhancedRouteRefresh' | 'extendedMessage' | 'fourOctetAs'

/** What the two OPENs made of the session: exists from OpenConfirm on and never before. */
export interface Negotiated {
  readonly localAsn: number
  readonly remoteAsn: number
  readonly remoteRouterId: number
  readonly isInternal: boolean
  readonly holdTimeSeconds: number
  readonly keepaliveSeconds: number
  readonly families: readonly Family[]
  readonly isFourOctetAs: boolean
  readonly hasRouteRefresh: boolean
  /** RFC 7313: both sides offered it, so that refreshes are framed by BoRR and EoRR. */
  readonly hasEnhancedRefresh: boolean
  /** RFC 8654: how long messages may be that we are sent, and that we send. */
  readonly maxReceivedLength: number
  readonly maxSentLength: number
  /** RFC 7911: families whose routes we send with a path identifier. */
  readonly addPath: readonly Family[]
  /** RFC 8950: families whose routes may have a next hop of the other family. */
  readonly extendedNextHop: readonly Family[]
  /** Both sides offered RFC 4724; undefined: they did not. What the peer said, except where noted. */
  readonly gracefulRestart:
    | {
        /** What we offered: for so long the peer keeps our routes. */
        readonly restartTimeSeconds: number
        readonly peerRestartTimeSeconds: number
        readonly isPeerRestarting: boolean
        /** Both sides set the N bit of RFC 8538. */
        readonly hasNotification: boolean
        /** Families of ours that the peer keeps routes of. */
        readonly families: readonly Family[]
        /** RFC 9494: families that are kept longer, and how long; empty: not negotiated. */
        readonly longLived: readonly { readonly family: Family; readonly staleTimeSeconds: number }[]
      }
    | undefined
  /** RFC 9234: ours and the peer's; undefined: we named none. `peer` is undefined where only we named one. */
  readonly role: { readonly local: PeerRole; readonly peer: PeerRole | undefined } | undefined
  /** RFC 9687; 0: off. */
  readonly sendHoldSeconds: number
  readonly globalAsn: number | undefined
  readonly localAddress: Address
  readonly remoteAddress: Address
}

/** Cease subcodes that we send (RFC 4486 section 4). */
export type CeaseReason = 'administrativeShutdown' | 'peerDeconfigured' | 'administrativeReset' | 'configurationChange'

/**
 * Why a peer is stopped, which decides what it does with our routes. For good (`administrativeShutdown`,
 * `peerDeconfigured`): it is to drop them at once, with a Hard Reset (RFC 8538 section 3) where it would keep them otherwise.
 * For a moment (`administrativeReset`, `configurationChange`): it keeps them where graceful restart is negotiated; where
 * it knows no N bit, TCP is closed without a NOTIFICATION (RFC 4724 section 4). `restart`: this process is about to be
 * replaced; as for a moment, and never a word where graceful restart is negotiated, or may yet be.
 */
export type StopReason = CeaseReason | 'restart'

/**
 * What happens to a peer. Of a connection that was hung up, or replaced, the driver feeds nothing any more; a timer
 * that was disarmed does not ring.
 */
export type PeerInput =
  | { readonly kind: 'start' }
  /** `communication`: RFC 9003, with `administrativeShutdown` and `administrativeReset`; what is over 128 octets is cut. */
  | { readonly kind: 'stop'; readonly reason: StopReason; readonly communication?: string }
  /** BFD lost the peer (RFC 5882): the session ends with Cease 6/10 (RFC 9384), and is tried anew after the back-off. */
  | { readonly kind: 'bfdDown'; readonly message: string }
  /** TCP is up. Before a connection that the peer opened is fed: `refusal` says whether, `inboundRole` as which. */
  | { readonly kind: 'connected'; readonly role: Role; readonly local: Address; readonly remote: Address }
  /** TCP ended, or the dial failed. */
  | { readonly kind: 'disconnected'; readonly role: Role; readonly code: string; readonly message: string }
  | { readonly kind: 'received'; readonly role: Role; readonly message: Message }
  /** The bytes could not be read. */
  | { readonly kind: 'faulted'; readonly role: Role; readonly fault: SessionReset }
  | { readonly kind: 'timer'; readonly role: Role; readonly timer: TimerName }
  /**
   * The whole set that the peer should have, in any state: the machine works out the difference. One route per prefix.
   * Never mutated afterwards; the same array again costs nothing. The End-of-RIB markers follow the first one of a
   * session, so that the first one of a process must be complete (RFC 4724 section 4.1).
   */
  | { readonly kind: 'desire'; readonly routes: readonly Route[] }

/** What the driver is to do, in this order. */
export type PeerOutput =
  /** Open a connection (role `active`). */
  | { readonly kind: 'dial' }
  /** Close the connection, or give the dial up; what was sent before must still go out. */
  /** `isAbrupt`: with a reset, since the peer takes nothing any more (RFC 9687 section 4.3). */
  | { readonly kind: 'hangUp'; readonly role: Role; readonly isAbrupt?: boolean }
  | { readonly kind: 'send'; readonly role: Role; readonly message: Message }
  /** Also when it is armed already: it starts anew. */
  | { readonly kind: 'arm'; readonly role: Role; readonly timer: TimerName; readonly ms: Millis }
  | { readonly kind: 'disarm'; readonly role: Role; readonly timer: TimerName }
  /** From here on the connection's bytes are read and written like this. Comes before any message that needs it. */
  | { readonly kind: 'codec'; readonly role: Role; readonly context: CodecContext }
  /** `from` equals `to` where a dial is repeated. */
  | {
      readonly kind: 'changed'
      readonly role: Role
      readonly from: StateName
      readonly to: StateName
      readonly reason: Reason
    }
  | { readonly kind: 'established'; readonly role: Role; readonly negotiated: Negotiated }
  /** A session that was Established is not any more: what it taught us is void. */
  | { readonly kind: 'lost'; readonly reason: Reason }
  /** An UPDATE of the established session, for whoever collects routes. */
  | { readonly kind: 'learned'; readonly update: UpdateMessage }
  /** All desired routes that this session cannot carry. Comes when that set changes, also when it becomes empty. */
  | { readonly kind: 'unsent'; readonly routes: readonly UnsentRoute[] }

/**
 * `familyNotNegotiated`: the peer does not exchange this family. `noNextHop`: the session runs over the other family
 * and the route does not say its next hop. `attributesTooLarge`: its communities leave no room for it in a message.
 */
export interface UnsentRoute {
  readonly route: Route
  readonly cause: 'familyNotNegotiated' | 'noNextHop' | 'attributesTooLarge'
}
