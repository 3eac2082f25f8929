import type net from 'node:net'
import { isLinkLocal } from '@holdfast/ip'
import type { Alarm, Clock } from '@holdfast/runtime'
import { connectionFault, endpointOf } from './endpoint.ts'
import { descriptorOf } from './native-descriptor.ts'
import { changeKeys, changeTtls, type SocketOfPeer } from './native-protection.ts'
import type { LoadedNative } from './native-sockets.ts'
import { NO_OPTIONS, optionsFault } from './tcp-transport-options.ts'
import type { Connection, ConnectionFault, ConnectionHandler, Endpoint, SocketOptions } from './transport.ts'

/** What all connections of a transport share. */
export interface TcpContext {
  readonly clock: Clock
  /** Loads the calls that Node does not have, when something needs them. */
  readonly native: () => LoadedNative
}

/**
 * The connection of an open socket with the options that are in force on it; undefined (and the socket is released) where it
 * has ended by now.
 */
export function connectionOf(
  socket: net.Socket,
  options: SocketOptions | undefined,
  context: TcpContext,
): Connection | undefined {
  const local = endpointOf(socket.localAddress, socket.localPort)
  const remote = endpointOf(socket.remoteAddress, socket.remotePort)
  if (local !== undefined && remote !== undefined)
    return new TcpConnection({ socket, local, remote, options: options ?? NO_OPTIONS, context })
  socket.on('error', () => socket.destroy())
  socket.destroy()
  return undefined
}

/** The device by which a link-local peer is reached: Node has it behind the address. */
export const deviceOf = (socket: net.Socket): string | undefined => /%(.+)$/.exec(socket.remoteAddress ?? '')?.[1]

export function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN'
}

/** The socket of an open connection, for options; undefined: it is closed. */
export function socketOfPeer(socket: net.Socket, remote: Endpoint, loaded: LoadedNative): SocketOfPeer | undefined {
  const descriptor = descriptorOf(socket)
  if (descriptor === undefined || loaded.kind === 'missing') return undefined
  // An IPv6 socket can carry IPv4 (RFC 4291 section 2.5.5.2).
  const domain = socket.remoteFamily === 'IPv4' ? 'ipv4' : 'ipv6'
  return { native: loaded.native, descriptor, peer: { domain, address: remote.address }, isListening: false }
}

export const NO_DESCRIPTOR: ConnectionFault = {
  code: 'ENATIVE',
  message: 'this version of Node does not tell the descriptor of a socket, without which it cannot be protected',
}

interface Parts {
  readonly socket: net.Socket
  readonly local: Endpoint
  readonly remote: Endpoint
  readonly options: SocketOptions
  readonly context: TcpContext
}

class TcpConnection implements Connection {
  readonly local: Endpoint
  readonly remote: Endpoint
  readonly device: string | undefined
  readonly #socket: net.Socket
  readonly #context: TcpContext
  #options: SocketOptions
  #handler: ConnectionHandler | undefined
  #isOpen = true
  #linger: Alarm | undefined
  /** The first thing that went wrong is the reason of the end. */
  #fault: ConnectionFault | undefined

  constructor({ socket, local, remote, options, context }: Parts) {
    this.local = local
    this.remote = remote
    this.device = isLinkLocal(remote.address) ? deviceOf(socket) : undefined
    this.#socket = socket
    this.#context = context
    this.#options = options
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
    this.#linger = this.#context.clock.after(lingerMs, () => this.#socket.destroy())
    this.#socket.resume()
    this.#socket.end()
  }

  readonly abort = (): void => {
    this.#isOpen = false
    this.#fault ??= connectionFault('ABORTED')
    this.#socket.resetAndDestroy()
  }

  readonly pause = (isPaused: boolean): void => {
    if (!this.#isOpen) return
    if (isPaused) this.#socket.pause()
    else this.#socket.resume()
  }

  readonly secure = (options: SocketOptions): ConnectionFault | undefined => {
    const before = this.#options
    const invalid = optionsFault(options)
    if (invalid !== undefined || !this.#isOpen || areInForce(options, before)) return invalid
    const loaded = this.#context.native()
    if (loaded.kind === 'missing') return loaded.fault
    const socket = socketOfPeer(this.#socket, this.remote, loaded)
    if (socket === undefined) return this.#socket.destroyed ? undefined : NO_DESCRIPTOR
    const fault = changeKeys(socket, before, options) ?? changeTtls(socket, before, options)
    if (fault === undefined) {
      this.#options = options
    } else {
      changeKeys(socket, options, before)
      changeTtls(socket, options, before)
    }
    return fault
  }

  #closed(): void {
    this.#isOpen = false
    this.#linger?.cancel()
    this.#handler?.closed(this.#fault ?? connectionFault('EOF'))
  }
}

/** Apart from the device, which a connection never changes. */
const areInForce = (wanted: SocketOptions, present: SocketOptions): boolean =>
  JSON.stringify({ ...wanted, device: undefined }) === JSON.stringify({ ...present, device: undefined })
