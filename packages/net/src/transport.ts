import type { Address } from '@holdfast/ip'

export interface Endpoint {
  readonly address: Address
  /** 0 to 65535; 0 lets the system choose. */
  readonly port: number
}

/**
 * Why a connection ended or never came about. `code` is the system's (ECONNREFUSED, ECONNRESET, ETIMEDOUT …), or EOF where
 * the other side closed, CLOSED and ABORTED where we did.
 */
export interface ConnectionFault {
  readonly code: string
  readonly message: string
}

/** What the owner of a connection is told, never from inside one of its own calls. After `closed` nothing follows. */
export interface ConnectionHandler {
  /** `bytes` are the handler's to keep. Nothing comes after our own `close` or `abort`. */
  readonly received: (bytes: Uint8Array) => void
  /** The send buffer was full and is empty again. */
  readonly drained: () => void
  /** Called exactly once, whoever closed. */
  readonly closed: (fault: ConnectionFault) => void
}

/** An open TCP connection. */
export interface Connection {
  readonly local: Endpoint
  readonly remote: Endpoint
  /** The network device of a connection between link-local addresses, which mean nothing without it. */
  readonly device?: string | undefined
  /** Bytes that the system has not taken yet. */
  readonly pendingBytes: () => number
  /** Must be called once, synchronously when the connection is handed over; bytes wait until then. */
  readonly attach: (handler: ConnectionHandler) => void
  /** `bytes` must not change afterwards. Does nothing on a connection that is closing or closed. */
  readonly send: (bytes: Uint8Array) => void
  /** Sends what is pending, then closes; gives up after `lingerMs`. What the peer still sends is passed over. */
  readonly close: (lingerMs: number) => void
  /** Closes at once: pending bytes are lost, the peer sees a reset. */
  readonly abort: () => void
  /**
   * Stops (true) or resumes (false) reading: what the peer sends waits in the system, which in time makes the peer wait too.
   * A connection that reads nothing notices the peer's end only when it reads again. Our own close reads on by itself.
   */
  readonly pause: (isPaused: boolean) => void
  /**
   * Applies other socket options to the open connection: MD5 and AO keys, TTLs (not the device). Returns why it cannot;
   * the connection goes on as it was then. While the two ends have different keys nothing gets through, and what was sent
   * meanwhile is sent again: a key is changed at both ends within the hold time.
   */
  readonly secure: (options: SocketOptions) => ConnectionFault | undefined
}

/** What protects a TCP connection, or bends its path; everything undefined is an ordinary connection. */
export interface SocketOptions {
  /** TCP MD5 (RFC 2385): 1 to 80 octets of UTF-8. Never logged. */
  readonly md5Password: string | undefined
  /** TCP-AO (RFC 5925); excludes `md5Password`. Keys are never logged. */
  readonly tcpAo: TcpAo | undefined
  /** TTL or hop limit of what we send, 1 to 255, from the SYN on. */
  readonly ttl: number | undefined
  /** GTSM (RFC 5082): what comes with a lower TTL is dropped by the kernel. */
  readonly minimumTtl: number | undefined
  /**
   * Network device (or VRF) that a dial is bound to; a link-local peer needs it. Of an accepted connection it matters for a
   * link-local peer alone: the same address behind another device is another peer.
   */
  readonly device: string | undefined
}

/** Keys in the order of preference: the first is sent with, all are accepted (RFC 5925 section 3.1). */
export interface TcpAo {
  readonly keys: readonly {
    readonly sendId: number
    readonly receiveId: number
    readonly algorithm: 'hmac-sha-1-96' | 'aes-128-cmac-96'
    readonly secret: string
  }[]
}

export interface DialOptions {
  readonly to: Endpoint
  /** Source address (and port); undefined: the system chooses. */
  readonly from: Endpoint | undefined
  readonly timeoutMs: number
  /** undefined: an ordinary connection. */
  readonly socket: SocketOptions | undefined
}

export type DialResult =
  | { readonly kind: 'connected'; readonly connection: Connection }
  | { readonly kind: 'failed'; readonly fault: ConnectionFault }

/** A dial under way, a listener, or a transport: what can be stopped. */
export interface Stoppable {
  readonly stop: () => void
}

/** Stopping it frees the port at once; connections that were handed over live on. */
export interface Listener extends Stoppable {
  /** With the port that the system chose where 0 was asked for. */
  readonly local: Endpoint
  /**
   * The whole set of peers whose connections must be protected; replaces the one before. Whoever comes without the key, or
   * with a lower TTL, gets no connection, and no answer. Returns those that could not be protected: a connection of theirs is
   * refused, and `faulted` told, as long as that is so.
   */
  readonly protect: (
    peers: readonly ProtectedPeer[],
  ) => readonly { readonly peer: ProtectedPeer; readonly fault: ConnectionFault }[]
}

/** A peer by its address, and what its connections need. */
export interface ProtectedPeer {
  readonly address: Address
  readonly socket: SocketOptions
}

export interface ListenHandler {
  readonly accepted: (connection: Connection) => void
  /**
   * A connection could not be taken (too many open files, say); the listener goes on. With `remote` it was this peer's, whose
   * protection is not in force.
   */
  readonly faulted: (fault: ConnectionFault, remote: Endpoint | undefined) => void
}

export type ListenResult =
  | { readonly kind: 'listening'; readonly listener: Listener }
  | { readonly kind: 'failed'; readonly fault: ConnectionFault }

/** TCP as the BGP driver needs it. The real and the simulated one pass the same contract suite. */
export interface Transport {
  /** Answers exactly once, unless stopped before. Never answers synchronously. */
  readonly dial: (options: DialOptions, done: (result: DialResult) => void) => Stoppable
  /** The unspecified address of a family stands for all addresses of the host. */
  readonly listen: (at: Endpoint, handler: ListenHandler) => Promise<ListenResult>
  /**
   * Why this system cannot do what the options ask for (no TCP-AO before Linux 6.7, say); undefined: it can. Says nothing of
   * the device, which can come and go.
   */
  readonly obstacle: (options: SocketOptions) => ConnectionFault | undefined
}
