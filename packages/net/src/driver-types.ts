import type {
  CeaseReason,
  Negotiated,
  NotificationMessage,
  PeerConfig,
  Reason,
  Role,
  Route,
  StateName,
  UnsentRoute,
  UpdateMessage,
} from '@holdfast/bgp'
import type { Clock } from '@holdfast/runtime'
import type { Connection, Endpoint, Transport } from './transport.ts'

export interface PeerDriverOptions {
  readonly config: PeerConfig
  /** Where the peer listens. Its port matters for dialling alone. */
  readonly remote: Endpoint
  /** Source address (and port, 0: any) of our own connections; undefined: the system chooses. */
  readonly local: Endpoint | undefined
  readonly transport: Transport
  readonly clock: Clock
  /**
   * Told everything that happens to the peer, in order. It may call the driver (which acts after the present step) and must
   * not throw: an exception costs the session like one of our own.
   */
  readonly observe: (event: PeerEvent) => void
}

/** What a driver tells its observer. */
export type PeerEvent =
  /** One of the peer's two connections changed its state (RFC 4271 section 8.2.2). */
  | {
      readonly kind: 'changed'
      readonly role: Role
      readonly from: StateName
      readonly to: StateName
      readonly reason: Reason
    }
  | { readonly kind: 'established'; readonly role: Role; readonly negotiated: Negotiated }
  /** The session that was Established is not any more: what was learned from it is void. */
  | { readonly kind: 'lost'; readonly reason: Reason }
  | { readonly kind: 'learned'; readonly update: UpdateMessage }
  /** All routes that this session cannot carry. Comes when that set changes, also when it becomes empty. */
  | { readonly kind: 'unsent'; readonly routes: readonly UnsentRoute[] }
  | {
      readonly kind: 'notification'
      readonly direction: 'sent' | 'received'
      readonly role: Role
      readonly notification: NotificationMessage
    }
  /**
   * A connection of the peer's that came while we had one of it already, or did not want any: it got 6/5. Told once a
   * second; `suppressed` more were refused since the last time.
   */
  | { readonly kind: 'refused'; readonly remote: Endpoint; readonly suppressed: number }
  /**
   * A bug of ours ended the session: an exception where there must be none. What was learned is void, as with `lost`.
   * Connections were closed with Cease; the peer starts anew in `restartMs` (undefined: it was stopped). Other peers are
   * not concerned.
   */
  | { readonly kind: 'crashed'; readonly error: unknown; readonly restartMs: number | undefined }

/** Messages of each kind. */
export interface MessageCounts {
  readonly open: number
  readonly update: number
  readonly notification: number
  readonly keepalive: number
  readonly routeRefresh: number
}

/** Traffic in one direction since the driver was created, over all connections. */
export interface TrafficCounters {
  readonly messages: MessageCounts
  readonly bytes: number
}

/** A peer as it is now. */
export interface PeerSnapshot {
  /** Of its two connections that which is furthest. */
  readonly state: StateName
  /** When `state` was reached: milliseconds of the driver's clock. */
  readonly sinceMs: number
  /** Set while Established. */
  readonly negotiated: Negotiated | undefined
  /** Why `state` changed last; undefined: it never did. */
  readonly lastReason: Reason | undefined
  /** Why a session or an attempt at one ended last: what to show while the peer is not Established. */
  readonly lastFailure: { readonly atMs: number; readonly reason: Reason } | undefined
  readonly lastNotification:
    | { readonly atMs: number; readonly direction: 'sent' | 'received'; readonly notification: NotificationMessage }
    | undefined
  readonly received: TrafficCounters
  readonly sent: TrafficCounters
  /** How often the session became Established. */
  readonly establishedCount: number
  /** How many dials were begun. */
  readonly dialCount: number
  /** Bytes that the peer has not let the system take yet: a slow or stuck peer has many. */
  readonly pendingBytes: number
}

/**
 * One BGP neighbour: performs what the session machine asks for (sockets, timers, bytes) and tells it what happened. All
 * methods can be called at any time, also by the observer.
 */
export interface PeerDriver {
  /** Lets the peer come up and stay up. Harmless when started. */
  readonly start: () => void
  /**
   * Closes what is open with a Cease NOTIFICATION of this reason and stays down until the next `start`. Resolves when the
   * connections are closed: the NOTIFICATION is on its way, or the peer did not take it for a second. Never rejects.
   */
  readonly stop: (reason: CeaseReason) => Promise<void>
  /** What the peer should have, the whole of it, in any state: only differences go out. Not mutated afterwards. */
  readonly setRoutes: (routes: readonly Route[]) => void
  /**
   * Takes over an inbound connection of this peer, before anything else was done with it. Whether it lives is for the
   * session machine to decide. False: it was not wanted and has been refused with 6/5.
   */
  readonly accept: (connection: Connection) => boolean
  readonly snapshot: () => PeerSnapshot
}
