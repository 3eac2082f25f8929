import net from 'node:net'
import { formatAddress } from '@holdfast/ip'
import { systemClock, type Alarm, type Clock } from '@holdfast/runtime'
import { connectionFault, dialFault, endpointOf, listenFault } from './endpoint.ts'
import type {
  Connection,
  ConnectionFault,
  ConnectionHandler,
  DialOptions,
  DialResult,
  Endpoint,
  ListenHandler,
  ListenResult,
  Stoppable,
  Transport,
} from './transport.ts'

/**
 * Where the hold time is 0, only TCP's own probes notice a vanished host. Longer than any usual keepalive interval, so that
 * in all other sessions the hold timer alone decides: Node's probes give up within 10 s of an outage.
 */
const KEEPALIVE_MS = 300_000

/** A BGP message is always ready to go, and a half-open TCP connection is of no use to BGP. */
const SOCKET_OPTIONS = {
  allowHalfOpen: false,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: KEEPALIVE_MS,
} as const

/** TCP of the machine. `clock` limits dials and lingering. */
export function createTcpTransport(clock: Clock = systemClock()): Transport {
  return {
    dial: (options, done) => dial(clock, options, done),
    listen: (at, handler) => listen(clock, at, handler),
  }
}

function dial(clock: Clock, { to, from, timeoutMs }: DialOptions, done: (result: DialResult) => void): Stoppable {
  const socket = net.connect({
    ...SOCKET_OPTIONS,
    host: formatAddress(to.address),
    port: to.port,
    autoSelectFamily: false,
    ...(from !== undefined && { localAddress: formatAddress(from.address), localPort: from.port }),
  })
  let isAnswered = false

  const answer = (result: DialResult): void => {
    if (isAnswered) return
    isAnswered = true
    timeout.cancel()
    if (result.kind === 'failed') socket.destroy()
    done(result)
  }
  const fail = (code: string, text?: string): void =>
    answer({ kind: 'failed', fault: dialFault(code, { from, to }, text) })
  const timeout = clock.after(timeoutMs, () => fail('ETIMEDOUT'))
  const stop = (): void => {
    if (isAnswered) return
    isAnswered = true
    timeout.cancel()
    socket.destroy()
  }

  // Stays for the life of the socket: an error without a listener would end the program.
  socket.on('error', (error) => fail(codeOf(error), error.message))
  socket.once('connect', () => {
    if (isAnswered) return
    const connection = connectionOf(socket, clock)
    if (connection === undefined) fail('ECONNRESET', 'the connection was reset as soon as it was up')
    else answer({ kind: 'connected', connection })
  })
  return { stop }
}

function listen(clock: Clock, at: Endpoint, handler: ListenHandler): Promise<ListenResult> {
  const server = net.createServer(SOCKET_OPTIONS, (socket) => {
    // undefined: the other side was gone before we looked, as port scanners are.
    const connection = connectionOf(socket, clock)
    if (connection !== undefined) handler.accepted(connection)
  })
  return new Promise((resolve) => {
    server.once('error', (error) => resolve({ kind: 'failed', fault: listenFault(codeOf(error), at, error.message) }))
    server.listen({ host: formatAddress(at.address), port: at.port, exclusive: true }, () => {
      server.removeAllListeners('error')
      server.on('error', (error) => handler.faulted(listenFault(codeOf(error), at, error.message)))
      const bound = server.address()
      const port = bound === null || typeof bound === 'string' ? at.port : bound.port
      const stop = (): void => void server.close()
      resolve({ kind: 'listening', listener: { local: { address: at.address, port }, stop } })
    })
  })
}

/** The connection of an open socket; undefined (and the socket is released) where it has ended by now. */
function connectionOf(socket: net.Socket, clock: Clock): Connection | undefined {
  const local = endpointOf(socket.localAddress, socket.localPort)
  const remote = endpointOf(socket.remoteAddress, socket.remotePort)
  if (local !== undefined && remote !== undefined) return new TcpConnection(socket, { local, remote }, clock)
  socket.on('error', () => socket.destroy())
  socket.destroy()
  return undefined
}

class TcpConnection implements Connection {
  readonly local: Endpoint
  readonly remote: Endpoint
  readonly #socket: net.Socket
  readonly #clock: Clock
  #handler: ConnectionHandler | undefined
  #isOpen = true
  #linger: Alarm | undefined
  /** The first thing that went wrong is the reason of the end. */
  #fault: ConnectionFault | undefined

  constructor(socket: net.Socket, ends: { readonly local: Endpoint; readonly remote: Endpoint }, clock: Clock) {
    this.local = ends.local
    this.remote = ends.remote
    this.#socket = socket
    this.#clock = clock
    socket.on('error', (error) => (this.#fault ??= connectionFault(codeOf(error), error.message)))
    socket.once('end', () => {
      this.#fault ??= connectionFault('EOF')
      socket.destroy()
    })
    socket.once('close', () => this.#closed())
  }

  readonly attach = (handler: ConnectionHandler): void => {
    if (this.#handler !== undefined) throw new Error('A connection has one handler for all its life.')
    this.#handler = handler
    this.#socket.on('drain', () => {
      if (this.#isOpen) handler.drained()
    })
    // A plain view: Buffer's own slice() does not copy, which code that takes a Uint8Array would not expect.
    this.#socket.on('data', (chunk: Buffer) => {
      if (this.#isOpen) handler.received(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    })
  }

  readonly pendingBytes = (): number => this.#socket.writableLength

  readonly send = (bytes: Uint8Array): void => {
    if (this.#isOpen) this.#socket.write(bytes)
  }

  /**
   * After our FIN we go on reading, and throw it away, until the peer's: closing a socket with unread bytes makes Linux send
   * a reset, which can overtake our last message (RFC 2525 section 2.17).
   */
  readonly close = (lingerMs: number): void => {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#fault ??= connectionFault('CLOSED')
    this.#linger = this.#clock.after(lingerMs, () => this.#socket.destroy())
    this.#socket.end()
  }

  readonly abort = (): void => {
    this.#isOpen = false
    this.#fault ??= connectionFault('ABORTED')
    this.#socket.resetAndDestroy()
  }

  #closed(): void {
    this.#isOpen = false
    this.#linger?.cancel()
    this.#handler?.closed(this.#fault ?? connectionFault('EOF'))
  }
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN'
}
