import type { BfdState } from './types.ts'

/** The mandatory section of a BFD Control packet (RFC 5880 section 4.1). Intervals in microseconds, as on the wire. */
export interface ControlPacket {
  /** 0 to 31. */
  readonly diagnostic: number
  readonly state: BfdState
  readonly isPoll: boolean
  readonly isFinal: boolean
  readonly isControlPlaneIndependent: boolean
  /** The A bit: an authentication section follows. We know it and use none. */
  readonly isAuthenticated: boolean
  readonly isDemand: boolean
  readonly detectMultiplier: number
  readonly myDiscriminator: number
  readonly yourDiscriminator: number
  readonly desiredMinTxUs: number
  readonly requiredMinRxUs: number
  readonly requiredMinEchoRxUs: number
}

/**
 * Why a packet is dropped before it touches a session: the rules of RFC 5880 section 6.8.6, in its order. `pollAndFinal` is
 * section 6.5's. `unprovenRestart` is ours: see `refusal`.
 */
export type DropCause =
  | 'tooShort'
  | 'version'
  | 'lengthTooSmall'
  | 'lengthBeyondPayload'
  | 'detectMultiplierZero'
  | 'multipoint'
  | 'myDiscriminatorZero'
  | 'yourDiscriminatorUnknown'
  | 'yourDiscriminatorZero'
  | 'authentication'
  | 'pollAndFinal'
  | 'unprovenRestart'

/** A peer's packet, or why it is none. */
export type Decoded =
  { readonly kind: 'packet'; readonly packet: ControlPacket } | { readonly kind: 'refused'; readonly cause: DropCause }
