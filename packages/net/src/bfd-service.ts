import type { BfdConfig, BfdSnapshot } from '@holdfast/bfd'
import type { Address } from '@holdfast/ip'

/** Which peer is watched, and from where. */
export interface BfdSessionOptions {
  readonly remote: Address
  /** Source address; undefined: the system chooses. */
  readonly local: Address | undefined
  /** Network device; needed for a link-local peer. */
  readonly device: string | undefined
  readonly config: BfdConfig
}

/** `message` says for a person what happened: which state, which diagnostic, who said so. */
export interface BfdEvent {
  readonly from: BfdSnapshot['state']
  readonly to: BfdSnapshot['state']
  /**
   * A failure of the path that the client should act on (RFC 5882 section 3.2): Up to Down, and not because either side was
   * shut down administratively.
   */
  readonly isFailure: boolean
  readonly message: string
}

export interface BfdSession {
  /** Other timers and settings, without the session going down (poll sequence, RFC 5880 section 6.8.3). */
  readonly configure: (config: BfdConfig) => void
  /** As of at most 250 ms ago. */
  readonly snapshot: () => BfdSnapshot
  /** Ends the session with AdminDown, which is no failure to the peer (RFC 5882 section 3.2). */
  readonly stop: () => void
}

/**
 * BFD (RFC 5880, 5881, 5883) in a thread of its own, which nothing on the main thread can delay. One for a process. A
 * session for a peer that has one already replaces it.
 */
export interface BfdService {
  readonly open: (options: BfdSessionOptions, observe: (event: BfdEvent) => void) => BfdSession
  /** Ends all sessions with AdminDown and the thread. Never rejects. */
  readonly stop: () => Promise<void>
}
