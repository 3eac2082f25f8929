import type {
  Negotiated,
  NotificationMessage,
  OpenMessage,
  PeerConfig,
  Reason,
  Role,
  Route,
  StateName,
  StopReason,
  TimerName,
  UnsentRoute,
  UpdateMessage,
} from '@holdfast/bgp'
import type { Family } from '@holdfast/ip'
import type { Clock } from '@holdfast/runtime'
import type { RecordEntry } from './recording.ts'
import type { Connection, Endpoint, SocketOptions, Transport } from './transport.ts'

export interface PeerDriverOptions {
  readonly config: PeerConfig
  /** Where the peer listens. Its port matters for dialling alone. */
  readonly remote: Endpoint
  /** Source address (and port, 0: any) of our own connections; undefined: the system chooses. */
  readonly local: Endpoint | undefined
  /** What our own connections are protected by; those of the peer are protected by the listener. undefined: nothing. */
  readonly socket: SocketOptions | undefined
  /** The first session says that we restarted (the R bit of RFC 4724 section 3): true for a process that may have had an earlier life. */
  readonly isRestarting: boolean
  /** Told every input of the session machine and what came of it, see recording.ts; undefined: nothing is recorded. */
  readonly record: ((entry: RecordEntry) => void) | undefined
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
  /**
   * Bytes that were handed to the system and that it has not taken yet, since the peer takes nothing: 128 KiB or a little
   * more at most. What waits behind them is not encoded yet.
   */
  readonly pendingBytes: number
  /** The capabilities of our last OPEN, and of the peer's last one; undefined: there was none yet. */
  readonly offered: { readonly local: OpenMessage | undefined; readonly peer: OpenMessage | undefined }
  /** Both ends of the connection that `state` is about; undefined: there is none. */
  readonly ends: { readonly local: Endpoint; readonly remote: Endpoint } | undefined
  /**
   * When the armed timers of that connection ring, or where there is none, those of the next attempt: milliseconds of the
   * driver's clock. `sendHold` is there while the peer does not take what it is sent.
   */
  readonly timers: Readonly<Partial<Record<TimerName, number>>>
  /** When a message last came and went; undefined: none yet. */
  readonly lastReceivedMs: number | undefined
  readonly lastSentMs: number | undefined
  /** UPDATEs of the present session with faults that did not cost it (RFC 7606), and the latest of these in words. */
  readonly updateFaults: { readonly count: number; readonly latest: string | undefined }
  /** Prefixes that the peer announced and has not withdrawn; undefined where there is no prefix limit, which alone counts them. */
  readonly receivedPrefixes: number | undefined
  readonly sentPrefixes: number
  /** Families that the peer has ended with End-of-RIB in the present session. */
  readonly endOfRibReceived: readonly Family[]
}

/**
 * One BGP neighbour: performs what the session machine asks for (sockets, timers, bytes) and tells it what happened. All
 * methods can be called at any time, also by the observer.
 */
export interface PeerDriver {
  /** Lets the peer come up and stay up. Harmless when started. */
  readonly start: () => void
  /**
   * Closes what is open, with what `StopReason` says, and stays down until the next `start`. Resolves when the connections
   * are closed: the NOTIFICATION is on its way, or the peer did not take it for a second. Never rejects.
   */
  readonly stop: (reason: StopReason, communication?: string) => Promise<void>
  /** BFD lost the peer: the session ends and is tried anew. `message` says what BFD saw. */
  readonly bfdDown: (message: string) => void
  /** Other keys or TTLs: for open connections at once, without closing them, and for all that follow. */
  readonly secure: (socket: SocketOptions | undefined) => void
  /** What the peer should have, the whole of it, in any state: only differences go out. Not mutated afterwards. */
  readonly setRoutes: (routes: readonly Route[]) => void
  /**
   * Takes over an inbound connection of this peer, before anything else was done with it. Whether it lives is for the
   * session machine to decide. False: it was not wanted and has been refused with 6/5.
   */
  readonly accept: (connection: Connection) => boolean
  readonly snapshot: () => PeerSnapshot
}
