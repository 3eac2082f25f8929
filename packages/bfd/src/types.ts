/** RFC 5880 section 4.1, "State". */
export type BfdState = 'adminDown' | 'down' | 'init' | 'up'

/** What a session is to do: the fields of MetalLB's BFDProfile, with its defaults filled in. Times in milliseconds. */
export interface BfdConfig {
  /** RFC 5880 section 6.8.1 bfd.DesiredMinTxInterval. */
  readonly transmitIntervalMs: number
  /** bfd.RequiredMinRxInterval. */
  readonly receiveIntervalMs: number
  /** 2 to 255. */
  readonly detectMultiplier: number
  /** RFC 5880 section 6.1: says nothing until the other side does. */
  readonly isPassive: boolean
  /** Echo packets that the peer sends are looped back by us, at no more than this interval; undefined: not offered. */
  readonly echoReceiveIntervalMs: number | undefined
  /** RFC 5883: port 4784 and a TTL of at least `minimumTtl`, instead of port 3784 and exactly 255. */
  readonly isMultihop: boolean
  /** 1 to 255. */
  readonly minimumTtl: number
}

/** A session as it is now. Times in milliseconds; intervals as negotiated where a peer is there. */
export interface BfdSnapshot {
  readonly state: BfdState
  /** What the peer said last; undefined: nothing yet. */
  readonly remoteState: BfdState | undefined
  /** Milliseconds of the monotonic clock of the process. */
  readonly sinceMs: number
  readonly localDiscriminator: number
  readonly remoteDiscriminator: number | undefined
  /** Why we are, and why the peer is, in this state: RFC 5880 section 4.1 "Diagnostic". */
  readonly localDiagnostic: number
  readonly remoteDiagnostic: number | undefined
  /** The interval that we send at, before jitter. */
  readonly transmitIntervalMs: number
  /** undefined until the peer has said something. */
  readonly detectionTimeMs: number | undefined
  readonly remote:
    | {
        readonly detectMultiplier: number
        readonly desiredMinTxMs: number
        readonly requiredMinRxMs: number
        readonly requiredMinEchoRxMs: number
        /** The C bit: its BFD survives its control plane (RFC 5882 section 4.3.2). */
        readonly isControlPlaneIndependent: boolean
        readonly isDemand: boolean
      }
    | undefined
  readonly counters: {
    readonly sent: number
    readonly received: number
    /** Packets dropped before they could touch the state, by rule of RFC 5880 section 6.8.6. */
    readonly dropped: Readonly<Record<string, number>>
    readonly upCount: number
    readonly downCount: number
  }
  /** Why it cannot run (no socket, say), for a person; undefined: it runs. */
  readonly obstacle: string | undefined
}
