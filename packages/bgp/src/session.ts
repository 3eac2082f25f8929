import type { Address, Family } from '@holdfast/ip'
import type { SessionReset } from './fault.ts'
import type { Message, OpenMessage } from './messages.ts'
import type { OpenCircumstances, Reduction } from './negotiate-offer.ts'
import type { AdjRibOut } from './outbound.ts'
import type { PrefixCount } from './prefix-count.ts'
import type { Millis, Negotiated, PeerConfig, PeerOutput, Role, StopReason, TimerName } from './peer.ts'
import type { Reason } from './reasons.ts'

/**
 * One TCP connection's state (RFC 4271 section 8.2.2); each variant has what exists then and no more.
 *
 *                    start                 TCP up               OPEN                 KEEPALIVE
 *   idle ──────────► connect / active ───► openSent ──────────► openConfirm ───────► established
 *    ▲  ◄──────────────── anything that ends the attempt or the session ─────────────────┘
 */
export type Connection = Idle | Connect | Active | OpenSent | OpenConfirm | Established

/** When the state was reached. */
interface Since {
  readonly since: Millis
}

export interface Idle extends Since {
  readonly state: 'idle'
  /** The idleHold timer runs (RFC 4271 section 8.1.1, DampPeerOscillations). */
  readonly isHeld: boolean
  /** What brought it here; undefined: it never left. */
  readonly reason: Reason | undefined
}

/** We dial; or TCP is up and our OPEN waits for the DelayOpen timer. */
export interface Connect extends Since {
  readonly state: 'connect'
  readonly delayed: Link | undefined
}

/** We wait: for the peer's connection, for the time of the next dial, or as in Connect for the DelayOpen timer. */
export interface Active extends Since {
  readonly state: 'active'
  readonly delayed: Link | undefined
}

export interface OpenSent extends Since {
  readonly state: 'openSent'
  readonly link: Link
  readonly offer: Offer
}

export interface OpenConfirm extends Since {
  readonly state: 'openConfirm'
  readonly negotiated: Negotiated
  readonly offer: Offer
}

export interface Established extends Since {
  readonly state: 'established'
  readonly negotiated: Negotiated
  readonly adjRibOut: AdjRibOut
  readonly refresh: Refresh
  /** What the peer announces, where that is limited. */
  readonly received: PrefixCount | undefined
}

/** Our OPEN, and what it left out of our capabilities. */
export interface Offer {
  readonly open: OpenMessage
  readonly reduction: Reduction
}

/** The two ends of a TCP connection. */
export interface Link {
  readonly local: Address
  readonly remote: Address
}

/** Families whose ROUTE-REFRESH was answered since the refresh timer was armed, and those that wait for it. */
export interface Refresh {
  readonly answered: readonly Family[]
  readonly waiting: readonly Family[]
}

/**
 * What happens to one connection. The events of RFC 4271 section 8.1, and what stands for them here:
 *
 *    1 ManualStart                              start (role active)
 *    2 ManualStop                               stop
 *    3 AutomaticStart                           start (role active)
 *    4 ManualStart_with_Passive…                start (role passive)
 *    5 AutomaticStart_with_Passive…             start (role passive)
 *    6 AutomaticStart_with_Damp…                start, and timer idleHold in a held Idle (role active)
 *    7 AutomaticStart_with_Damp…_and_Passive…   the same (role passive)
 *    8 AutomaticStop                            stop: who stops makes no difference to the peer, only to the reason
 *    9 ConnectRetryTimer_Expires                timer connectRetry
 *   10 HoldTimer_Expires                        timer hold
 *   11 KeepaliveTimer_Expires                   timer keepalive
 *   12 DelayOpenTimer_Expires                   timer delayOpen
 *   13 IdleHoldTimer_Expires                    timer idleHold: at the same time the start that it put off
 *   14 TcpConnection_Valid                      none: the system completes TCP before it tells us
 *   15 Tcp_CR_Invalid                           none: `refusal` turns a connection away before it becomes an input
 *   16 Tcp_CR_Acked                             connected (role active)
 *   17 TcpConnectionConfirmed                   connected (role passive)
 *   18 TcpConnectionFails                       disconnected
 *   19 BGPOpen                                  received open
 *   20 BGPOpen with DelayOpenTimer running      received open, in connect or active with `delayed`
 *   21 BGPHeaderErr                             faulted, code 1
 *   22 BGPOpenMsgErr                            faulted, code 2; received open that cannot be agreed to
 *   23 OpenCollisionDump                        dump
 *   24 NotifMsgVerErr                           received notification 2/1
 *   25 NotifMsg                                 received notification
 *   26 KeepAliveMsg                             received keepalive
 *   27 UpdateMsg                                received update
 *   28 UpdateMsgErr                             faulted, code 3
 *   29 SendHoldTimer_Expires (RFC 9687)         timer sendHold
 *
 * `bfdDown` is an AutomaticStop that starts again (RFC 5882 section 4.2).
 *
 * DelayOpen, DampPeerOscillations (idleHold), PassiveTcpEstablishment, SendNOTIFICATIONwithoutOPEN are in force;
 * CollisionDetectEstablishedState is not, except that a peer that restarts gracefully may replace its own session (RFC
 * 4724 section 4.2): its new connection is begun in the place that the session leaves free.
 */
export type ConnectionEvent =
  | { readonly kind: 'start' }
  | { readonly kind: 'stop'; readonly reason: StopReason; readonly communication?: string }
  | { readonly kind: 'bfdDown'; readonly message: string }
  | ({ readonly kind: 'connected' } & Link)
  | { readonly kind: 'disconnected'; readonly code: string; readonly message: string }
  | { readonly kind: 'received'; readonly message: Message }
  | { readonly kind: 'faulted'; readonly fault: SessionReset }
  | { readonly kind: 'timer'; readonly timer: TimerName }
  /** `isSilent`: without a NOTIFICATION, since the peer has forgotten the connection. */
  | { readonly kind: 'dump'; readonly reason: Reason; readonly isSilent?: true }

/** What a connection needs to know of its peer. */
export interface Surroundings {
  readonly config: PeerConfig
  readonly role: Role
  readonly now: Millis
  /** RFC 4271 section 10: every jittered time is multiplied with it, 0.75 to 1.0. */
  readonly jitter: number
  /** The back-off that a failure now would lead to, without jitter. */
  readonly retryMs: Millis
  /** Of the next OPEN. */
  readonly circumstances: OpenCircumstances
  /** There is a session, which this connection of the peer's may replace (RFC 4724 section 4.2). */
  readonly isSuccessor: boolean
}

/** What becomes of a connection. Its outputs include the `changed` where the state changed. */
export interface Outcome {
  readonly connection: Connection
  readonly outputs: readonly PeerOutput[]
  /** An attempt or a session failed: the next one waits longer (RFC 4271's ConnectRetryCounter). */
  readonly isFailure: boolean
  /** The peer refused our OPEN because of its capabilities: what the next one is to leave out. */
  readonly reduction?: Reduction
  /** The peer closed TCP after our OPEN and said nothing. */
  readonly isSilentClose?: boolean
  /** No connection is begun before this time has passed, by whom is said. */
  readonly pause?: Pause
}

/** RFC 4486 section 4: some ends of a session want a longer wait than others. */
export interface Pause {
  readonly ms: Millis
  /** The peer's own connections are turned away as well. */
  readonly isForBoth: boolean
}

/** The timers that run in a state. Whoever leaves it disarms those that the next one does not have. */
export function timersOf(connection: Connection, role: Role): readonly TimerName[] {
  switch (connection.state) {
    case 'idle':
      return connection.isHeld ? ['idleHold'] : []
    case 'connect':
    case 'active':
      return connection.delayed !== undefined ? ['delayOpen'] : role === 'active' ? ['connectRetry'] : []
    case 'openSent':
      return ['hold']
    case 'openConfirm':
      return sessionTimers(connection.negotiated)
    case 'established':
      return [...sessionTimers(connection.negotiated), ...refreshTimers(connection.refresh)]
  }
}

/** A negotiated hold time of 0 means neither timer (RFC 4271 section 4.2). */
const sessionTimers = (negotiated: Negotiated): readonly TimerName[] =>
  negotiated.holdTimeSeconds === 0 ? [] : ['hold', 'keepalive']

const refreshTimers = (refresh: Refresh): readonly TimerName[] => (refresh.answered.length === 0 ? [] : ['refresh'])
