import net from 'node:net'
import { formatAddress, isLinkLocal, type Address } from '@holdfast/ip'
import { systemClock, type Clock } from '@holdfast/runtime'
import { dialFault } from './endpoint.ts'
import { bindToDevice, changeKeys, changeTtls, keyObstacle } from './native-protection.ts'
import { LINUX, nativeSockets, type LoadedNative } from './native-sockets.ts'
import { codeOf, connectionOf, type TcpContext } from './tcp-transport-connection.ts'
import { listenTcp } from './tcp-transport-listener.ts'
import { areOrdinary, NO_OPTIONS, optionsFault } from './tcp-transport-options.ts'
import type { ConnectionFault, DialOptions, DialResult, SocketOptions, Stoppable, Transport } from './transport.ts'

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

/** TCP of the machine. `clock` limits dials and lingering; `native` is for connections that need more than Node offers. */
export function createTcpTransport(
  clock: Clock = systemClock(),
  native: () => LoadedNative = nativeSockets,
): Transport {
  const context = { clock, native }
  return {
    dial: (options, done) => dial(context, options, done),
    listen: (at, handler) => listenTcp(at, handler, context, SOCKET_OPTIONS),
    obstacle: (options) => obstacle(context, options),
  }
}

function dial(context: TcpContext, options: DialOptions, done: (result: DialResult) => void): Stoppable {
  const { to, from, timeoutMs } = options
  const made = socketFor(context, options)
  const socket = made.kind === 'made' ? made.socket : undefined
  let isAnswered = false

  const answer = (result: DialResult): void => {
    if (isAnswered) return
    isAnswered = true
    timeout.cancel()
    if (result.kind === 'failed') socket?.destroy()
    done(result)
  }
  const failed = (fault: ConnectionFault): void => answer({ kind: 'failed', fault })
  const timeout = context.clock.after(timeoutMs, () => failed(dialFault('ETIMEDOUT', { from, to })))
  const stop = (): void => {
    if (isAnswered) return
    isAnswered = true
    timeout.cancel()
    socket?.destroy()
  }

  if (made.kind === 'failed') {
    queueMicrotask(() => failed(made.fault))
    return { stop }
  }
  // Stays for the life of the socket: an error without a listener would end the program.
  made.socket.on('error', (error) => failed(dialFault(codeOf(error), { from, to }, error.message)))
  made.socket.once('connect', () => {
    if (isAnswered) return
    const connection = connectionOf(made.socket, options.socket, context)
    if (connection !== undefined) answer({ kind: 'connected', connection })
    else failed(dialFault('ECONNRESET', { from, to }, 'the connection was reset as soon as it was up'))
  })
  const device = options.socket?.device
  made.socket.connect({
    host: hostOf(to.address, device),
    port: to.port,
    autoSelectFamily: false,
    ...(from !== undefined && { localAddress: hostOf(from.address, device), localPort: from.port }),
  })
  return { stop }
}

/** A link-local address has a meaning on one device (RFC 4007 section 11). */
const hostOf = (address: Address, device: string | undefined): string =>
  device !== undefined && address.family === 'ipv6' && isLinkLocal(address)
    ? `${formatAddress(address)}%${device}`
    : formatAddress(address)

type MadeSocket =
  { readonly kind: 'made'; readonly socket: net.Socket } | { readonly kind: 'failed'; readonly fault: ConnectionFault }

/** A socket that is not connected yet, with everything in force that has to be there before the SYN. */
function socketFor(context: TcpContext, { to, socket: options = NO_OPTIONS }: DialOptions): MadeSocket {
  const fault = optionsFault(options) ?? zoneFault(to.address, options.device)
  if (fault !== undefined) return { kind: 'failed', fault }
  if (areOrdinary(options)) return { kind: 'made', socket: new net.Socket(SOCKET_OPTIONS) }
  const loaded = context.native()
  if (loaded.kind === 'missing') return { kind: 'failed', fault: loaded.fault }
  return protectedSocket(loaded, to.address, options)
}

function zoneFault(address: Address, device: string | undefined): ConnectionFault | undefined {
  if (device !== undefined || address.family === 'ipv4' || !isLinkLocal(address)) return undefined
  const message = `${formatAddress(address)} is a link-local address: it needs the network device by which it is reached`
  return { code: 'EINVAL', message }
}

function protectedSocket(
  { native }: Extract<LoadedNative, { kind: 'loaded' }>,
  address: Address,
  options: SocketOptions,
): MadeSocket {
  const domain = address.family
  const code = domain === 'ipv4' ? LINUX.AF_INET : LINUX.AF_INET6
  const opened = native.open(code, LINUX.SOCK_STREAM, LINUX.IPPROTO_TCP)
  if (opened.kind === 'failed')
    return { kind: 'failed', fault: { code: opened.code, message: `no socket could be opened (${opened.code})` } }
  const descriptor = opened.value
  const socket = { native, descriptor, peer: { domain, address }, isListening: false }
  const fault =
    (options.device === undefined ? undefined : bindToDevice(socket, options.device)) ??
    changeKeys(socket, NO_OPTIONS, options) ??
    changeTtls(socket, NO_OPTIONS, options)
  if (fault !== undefined) {
    native.close(descriptor)
    return { kind: 'failed', fault }
  }
  try {
    return { kind: 'made', socket: new net.Socket(unconnected(descriptor)) }
  } catch (error) {
    native.close(descriptor)
    throw error
  }
}

/**
 * Node takes the descriptor over and connects it like one of its own: the event loop tells the outcome. `manualStart` keeps it
 * from reading at once, which on a socket that is not connected is an error.
 */
const unconnected = (fd: number): net.SocketConstructorOpts & { readonly manualStart: true } => ({
  ...SOCKET_OPTIONS,
  fd,
  readable: true,
  writable: true,
  manualStart: true,
})

function obstacle({ native }: TcpContext, options: SocketOptions): ConnectionFault | undefined {
  const fault = optionsFault(options)
  if (fault !== undefined || areOrdinary(options)) return fault
  const loaded = native()
  return loaded.kind === 'missing' ? loaded.fault : keyObstacle(loaded.native, options)
}
