import type { BfdSnapshot } from '@holdfast/bfd'

/**
 * What `holdfast peers -o json` shows of a session: everything that a network engineer asks of `show bgp neighbor`. The
 * page docs/reference/peers.md describes every field. Times are ISO 8601, durations seconds.
 */
export interface PeerView {
  readonly node: string
  readonly peer: string
  readonly remote: string
  /** The VRF that the session lives in; null: the default one. */
  readonly vrf: string | null
  /** RFC 4271's name, or "not opened". */
  readonly state: string
  readonly since: string | null
  readonly seconds: number | null
  /** Why the state is this one: a sentence. */
  readonly reason: string | null
  readonly local: { readonly asn: number; readonly routerId: string; readonly address: string | null }
  /** What the peer says of itself; null before its first OPEN. */
  readonly neighbor: {
    readonly asn: number
    readonly routerId: string
    readonly address: string | null
    readonly hostName: string | null
    readonly softwareVersion: string | null
  } | null
  readonly expectedAsn: string
  readonly offered: { readonly local: readonly string[]; readonly peer: readonly string[] }
  readonly negotiated: NegotiatedView | null
  readonly timers: {
    readonly configured: { readonly holdTime: number; readonly keepalive: number | null; readonly connectRetry: number }
    /** Seconds until each armed timer rings. */
    readonly running: Readonly<Record<string, number>>
  }
  readonly lastReceived: string | null
  readonly lastSent: string | null
  readonly messages: {
    readonly sent: Readonly<Record<string, number>>
    readonly received: Readonly<Record<string, number>>
  }
  readonly bytes: { readonly sent: number; readonly received: number; readonly waiting: number }
  readonly routes: {
    /** What the session is to offer, whether it could send it yet or not. */
    readonly offered: number
    readonly sent: number
    readonly received: number | null
    readonly receivedLimit: number | null
    readonly endOfRibReceived: readonly string[]
  }
  readonly updateFaults: { readonly count: number; readonly latest: string | null }
  readonly counts: { readonly established: number; readonly dials: number }
  readonly lastError: {
    readonly time: string
    readonly code: string
    readonly by: 'us' | 'peer' | 'network'
    readonly message: string
    /** Where a key or a TTL may be the cause, which shows as nothing but silence: what to look at first. */
    readonly hint: string | null
    readonly remedy: string
  } | null
  readonly lastNotification: {
    readonly time: string
    readonly direction: 'sent' | 'received'
    readonly code: number
    readonly subcode: number
    readonly text: string
    readonly communication: string | null
  } | null
  readonly protection: readonly string[]
  readonly bfd: BfdView | null
}

interface NegotiatedView {
  readonly holdTime: number
  readonly keepalive: number
  readonly sendHoldTime: number
  readonly families: readonly string[]
  readonly isInternal: boolean
  readonly fourOctetAs: boolean
  readonly routeRefresh: 'none' | 'plain' | 'enhanced'
  readonly longestMessage: { readonly sent: number; readonly received: number }
  readonly addPath: readonly string[]
  readonly extendedNextHop: readonly string[]
  readonly role: { readonly local: string; readonly peer: string | null } | null
  readonly gracefulRestart: {
    readonly restartTime: number
    readonly peerRestartTime: number
    readonly notification: boolean
    readonly families: readonly string[]
    readonly longLivedStaleTime: Readonly<Record<string, number>>
  } | null
}

export interface BfdView {
  readonly state: BfdSnapshot['state']
  readonly since: string
  readonly remoteState: string | null
  readonly diagnostic: string
  readonly remoteDiagnostic: string | null
  readonly transmitIntervalMs: number
  readonly detectionTimeMs: number | null
  readonly isMultihop: boolean
  /** What we want, as the BFDProfile says: what is in force follows from it and `remote`. */
  readonly local: {
    readonly detectMultiplier: number
    readonly desiredMinTxMs: number
    readonly requiredMinRxMs: number
    /** 0: no Echo packets are taken. */
    readonly requiredMinEchoRxMs: number
  }
  readonly remote: NonNullable<BfdSnapshot['remote']> | null
  readonly counters: BfdSnapshot['counters']
  /** What becomes of the BGP session and of graceful restart when BFD goes down (RFC 5882), in words. */
  readonly decision: string
  readonly obstacle: string | null
}

/** The answer of a running process to `GET /v1/peers`. */
export interface PeersAnswer {
  readonly version: string
  readonly time: string
  readonly peers: readonly PeerView[]
}
