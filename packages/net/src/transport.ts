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
}

export interface DialOptions {
  readonly to: Endpoint
  /** Source address (and port); undefined: the system chooses. */
  readonly from: Endpoint | undefined
  readonly timeoutMs: number
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
}

export interface ListenHandler {
  readonly accepted: (connection: Connection) => void
  /** A connection could not be taken (too many open files, say); the listener goes on. */
  readonly faulted: (fault: ConnectionFault) => void
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
}
