import type { ControlPacket, DropCause } from './packet.ts'
import type { BfdConfig, BfdState } from './types.ts'

/** Milliseconds of a monotonic clock. */
export type Millis = number

/**
 * `transmit`: the next periodic packet. `detect`: nothing came for a whole Detection Time (RFC 5880 section 6.8.4). `linger`:
 * a session that was stopped has told the peer for long enough (section 6.8.16).
 */
export type TimerName = 'transmit' | 'detect' | 'linger'

/** What happens to a session. A timer that was disarmed does not ring. */
export type SessionInput =
  | { readonly kind: 'start' }
  /** Administratively down, for good: `ended` follows when the peer knows, or does not answer. */
  | { readonly kind: 'stop' }
  /** Other settings, without leaving the state. */
  | { readonly kind: 'configure'; readonly config: BfdConfig }
  /** A packet that was addressed to this session: by Your Discriminator, or without one by where it came from. */
  | { readonly kind: 'received'; readonly packet: ControlPacket }
  /** What was addressed to this session could not be read. */
  | { readonly kind: 'refused'; readonly cause: DropCause }
  | { readonly kind: 'timer'; readonly timer: TimerName }

/** What the driver is to do, in this order. */
export type SessionOutput =
  | { readonly kind: 'send'; readonly packet: ControlPacket }
  /** Also when it is armed already: it starts anew. `ms` may be 0. */
  | { readonly kind: 'arm'; readonly timer: TimerName; readonly ms: Millis }
  | { readonly kind: 'disarm'; readonly timer: TimerName }
  | { readonly kind: 'changed'; readonly from: BfdState; readonly to: BfdState; readonly reason: ChangeReason }
  | { readonly kind: 'dropped'; readonly cause: DropCause }
  /** Nothing more comes from this session, and nothing may be fed to it. */
  | { readonly kind: 'ended' }

/** Why a session changed its state, by the event of RFC 5880 section 6.8 that did it. */
export type ChangeReason =
  | { readonly kind: 'neighborHeard' }
  | { readonly kind: 'neighborHearsUs' }
  /** `withinMs` is the Detection Time that passed. */
  | { readonly kind: 'detectionTimeExpired'; readonly withinMs: Millis }
  | { readonly kind: 'neighborSignaledDown'; readonly remoteDiagnostic: number }
  | { readonly kind: 'neighborAdminDown'; readonly remoteDiagnostic: number }
  | { readonly kind: 'stopped' }

/** RFC 5880 section 6.8.1: what the peer's last packet said. Gone after a Detection Time without one. */
export interface Remote {
  readonly discriminator: number
  readonly state: BfdState
  readonly diagnostic: number
  readonly isDemand: boolean
  readonly isControlPlaneIndependent: boolean
  readonly detectMultiplier: number
  readonly desiredMinTxMs: Millis
  readonly requiredMinRxMs: Millis
  readonly requiredMinEchoRxMs: Millis
}

/**
 * RFC 5880 section 6.5. `settling`: a Poll Sequence has ended, and a packet without F has to come before the next may begin
 * (section 6.8.3, third choice), or its F could be an answer to the last one. `isWanted`: another one is needed.
 */
export interface Poll {
  readonly phase: 'idle' | 'running' | 'settling'
  readonly isWanted: boolean
}

/** Packets and changes since the session was made. */
export interface Counters {
  readonly sent: number
  readonly received: number
  readonly dropped: Readonly<Partial<Record<DropCause, number>>>
  readonly upCount: number
  readonly downCount: number
}

/** One BFD session (RFC 5880 section 6.8.1). Immutable; `step` makes the next one. */
export interface Session {
  readonly config: BfdConfig
  readonly phase: 'new' | 'running' | 'ended'
  readonly state: BfdState
  readonly sinceMs: Millis
  readonly localDiscriminator: number
  readonly localDiagnostic: number
  readonly remote: Remote | undefined
  /** What the peer said last, also when it is forgotten otherwise: for a person. */
  readonly lastRemote: Remote | undefined
  readonly poll: Poll
  /** What counts until a Poll Sequence has told the peer better (section 6.8.3). */
  readonly inForce: Intervals
  readonly receivedMs: Millis
  readonly sentMs: Millis
  /** Intervals that the timers were armed for; undefined: they are not. */
  readonly armed: { readonly transmit: Millis | undefined; readonly detect: Millis | undefined }
  /** State of the sequence that jitter is drawn from. */
  readonly random: number
  readonly counters: Counters
}

/** bfd.DesiredMinTxInterval and bfd.RequiredMinRxInterval. */
export interface Intervals {
  readonly transmitMs: Millis
  readonly receiveMs: Millis
}
