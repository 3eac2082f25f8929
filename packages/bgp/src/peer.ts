import type { Address, Family } from '@holdfast/ip'
import type { SessionReset } from './fault.ts'
import type { CodecContext, Message, UpdateMessage } from './messages.ts'
import type { Reason } from './reasons.ts'
import type { Route } from './routes.ts'

/** Milliseconds of a monotonic clock. */
export type Millis = number

/** Who opened the TCP connection: we (`active`) or the peer (`passive`). */
export type Role = 'active' | 'passive'

/** RFC 4271 section 8.2.2. */
export type StateName = 'idle' | 'connect' | 'active' | 'openSent' | 'openConfirm' | 'established'

/**
 * RFC 4271 section 10 and, for `idleHold`, section 8.1.1. `refresh` is ours: how long answers to further ROUTE-REFRESH
 * messages wait for one another.
 */
export type TimerName = 'connectRetry' | 'hold' | 'keepalive' | 'delayOpen' | 'idleHold' | 'refresh'

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
  /** Start of this peer's own sequence of jitter, so that a run can be repeated. */
  readonly seed: number
}

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
  readonly localAddress: Address
  readonly remoteAddress: Address
}

/** Cease subcodes that we send (RFC 4486 section 4). */
export type CeaseReason = 'administrativeShutdown' | 'peerDeconfigured' | 'administrativeReset' | 'configurationChange'

/**
 * What happens to a peer. Of a connection that was hung up, or replaced, the driver feeds nothing any more; a timer
 * that was disarmed does not ring.
 */
export type PeerInput =
  | { readonly kind: 'start' }
  | { readonly kind: 'stop'; readonly reason: CeaseReason }
  /** TCP is up. Ask `refusal` before feeding a connection that the peer opened. */
  | { readonly kind: 'connected'; readonly role: Role; readonly local: Address; readonly remote: Address }
  /** TCP ended, or the dial failed. */
  | { readonly kind: 'disconnected'; readonly role: Role; readonly code: string; readonly message: string }
  | { readonly kind: 'received'; readonly role: Role; readonly message: Message }
  /** The bytes could not be read. */
  | { readonly kind: 'faulted'; readonly role: Role; readonly fault: SessionReset }
  | { readonly kind: 'timer'; readonly role: Role; readonly timer: TimerName }
  /**
   * The whole set that the peer should have, in any state: the machine works out the difference. One route per prefix.
   * Never mutated afterwards; the same array again costs nothing.
   */
  | { readonly kind: 'desire'; readonly routes: readonly Route[] }

/** What the driver is to do, in this order. */
export type PeerOutput =
  /** Open a connection (role `active`). */
  | { readonly kind: 'dial' }
  /** Close the connection, or give the dial up; what was sent before must still go out. */
  | { readonly kind: 'hangUp'; readonly role: Role }
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
