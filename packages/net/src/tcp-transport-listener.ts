import net from 'node:net'
import { addressKey, equalAddresses, formatAddress, isLinkLocal, type Address, type Family } from '@holdfast/ip'
import { endpointOf, listenFault } from './endpoint.ts'
import { descriptorOf } from './native-descriptor.ts'
import { int32, readUint32 } from './native-layout.ts'
import { changeKeys, changeTtls, type SocketOfPeer } from './native-protection.ts'
import { LINUX, type NativeSockets } from './native-sockets.ts'
import { ttlFilter } from './native-ttl-filter.ts'
import {
  codeOf,
  connectionOf,
  deviceOf,
  NO_DESCRIPTOR,
  socketOfPeer,
  type TcpContext,
} from './tcp-transport-connection.ts'
import { areOrdinary, NO_OPTIONS, optionsFault } from './tcp-transport-options.ts'
import type {
  ConnectionFault,
  Endpoint,
  ListenHandler,
  ListenResult,
  Listener,
  ProtectedPeer,
  SocketOptions,
} from './transport.ts'

/** Opens a listener on this machine; `socketOptions` are Node's for what it accepts. */
export function listenTcp(
  at: Endpoint,
  handler: ListenHandler,
  context: TcpContext,
  socketOptions: net.ServerOpts,
): Promise<ListenResult> {
  const server = net.createServer(socketOptions)
  return new Promise((resolve) => {
    server.once('error', (error) => resolve({ kind: 'failed', fault: listenFault(codeOf(error), at, error.message) }))
    server.listen({ host: formatAddress(at.address), port: at.port, exclusive: true }, () => {
      server.removeAllListeners('error')
      server.on('error', (error) => handler.faulted(listenFault(codeOf(error), at, error.message), undefined))
      const listener = new TcpListener(server, at, handler, context)
      server.on('connection', (socket) => listener.accepted(socket))
      resolve({ kind: 'listening', listener })
    })
  })
}

/** What is known of a peer's protection: the options, and why they are not in force on the listener. */
interface Protection {
  readonly peer: ProtectedPeer
  readonly fault: ConnectionFault | undefined
}

/** The listening socket, for an option that is about one peer. */
type SocketFor = (peer: ProtectedPeer) => SocketOfPeer

class TcpListener implements Listener {
  readonly local: Endpoint
  readonly #server: net.Server
  readonly #domain: Family
  readonly #handler: ListenHandler
  readonly #context: TcpContext
  #protections: ReadonlyMap<string, Protection> = new Map()
  /** Connections that were complete before the latest keys and minimum TTLs, and the peers who got these: they can have come without. */
  #earlier: { readonly count: number; readonly peers: ReadonlySet<string> } = { count: 0, peers: new Set() }
  /** Whether the listener's own TTL, that of SYN-ACKs, is not the system's. */
  #hasTtl = false
  /** Whether connections can have inherited a filter from the listener. */
  #hasFilter = false

  constructor(server: net.Server, at: Endpoint, handler: ListenHandler, context: TcpContext) {
    const bound = server.address()
    const port = bound === null || typeof bound === 'string' ? at.port : bound.port
    this.local = { address: at.address, port }
    this.#server = server
    this.#domain = at.address.family
    this.#handler = handler
    this.#context = context
  }

  readonly stop = (): void => void this.#server.close()

  readonly protect = (peers: readonly ProtectedPeer[]): ReturnType<Listener['protect']> => {
    const wanted = peers.filter(({ socket }) => !areOrdinary(socket))
    if ((wanted.length === 0 && this.#protections.size === 0) || !this.#server.listening) return []
    const loaded = this.#context.native()
    const descriptor = descriptorOf(this.#server)
    if (loaded.kind === 'missing' || descriptor === undefined) {
      const fault = loaded.kind === 'missing' ? loaded.fault : NO_DESCRIPTOR
      this.#protections = new Map(wanted.map((peer) => [keyOf(peer), { peer, fault }]))
    } else {
      this.#protectWith(loaded.native, descriptor, wanted)
    }
    return [...this.#protections.values()].flatMap(({ peer, fault }) => (fault === undefined ? [] : [{ peer, fault }]))
  }

  /** Hands a connection over, once it is protected as those of its peer have to be. */
  accepted(socket: net.Socket): void {
    const { count, peers } = this.#earlier
    if (count > 0) this.#earlier = { count: count - 1, peers }
    const remote = endpointOf(socket.remoteAddress, socket.remotePort)
    const protection = remote && this.#protectionOf(remote, deviceOf(socket))
    const fault =
      remote && protection && this.#protectAccepted(socket, remote, protection, count > 0 ? peers : new Set())
    if (this.#hasFilter) this.#dropFilter(socket)
    if (fault !== undefined) {
      socket.on('error', () => socket.destroy())
      socket.resetAndDestroy()
      this.#handler.faulted(fault, remote)
      return
    }
    // undefined: the other side was gone before we looked, as port scanners are.
    const connection = connectionOf(socket, protection?.peer.socket, this.#context)
    if (connection !== undefined) this.#handler.accepted(connection)
  }

  #protectWith(native: NativeSockets, descriptor: number, wanted: readonly ProtectedPeer[]): void {
    const socketFor: SocketFor = ({ address }) => {
      return { native, descriptor, peer: { domain: this.#domain, address }, isListening: true }
    }
    const before = this.#protections
    for (const { peer } of before.values()) {
      // The kernel knows a peer by its address alone.
      if (!wanted.some(({ address }) => equalAddresses(address, peer.address)))
        changeKeys(socketFor(peer), peer.socket, NO_OPTIONS)
    }
    const protections = new Map<string, Protection>()
    for (const peer of wanted) {
      const old = before.get(keyOf(peer))
      const twin = [...protections.values()].find((one) => equalAddresses(one.peer.address, peer.address))
      const isContrary = twin !== undefined && !haveSameKeys(twin.peer.socket, peer.socket)
      protections.set(keyOf(peer), { peer, fault: isContrary ? CONTRARY : changeProtection(socketFor, old, peer) })
    }
    this.#protections = protections
    this.#setTtl(native, descriptor, wanted)
    this.#setFilter(native, descriptor, wanted)
    this.#noteEarlier(before, native, descriptor)
  }

  /** Who gets another key than before, or a higher minimum TTL, may have connected without it until now, and waits to be accepted. */
  #noteEarlier(before: ReadonlyMap<string, Protection>, native: NativeSockets, descriptor: number): void {
    const changed = [...this.#protections].flatMap(([key, { peer }]) =>
      isAsStrict(before.get(key)?.peer.socket ?? NO_OPTIONS, peer.socket) ? [] : [key],
    )
    if (changed.length === 0) return
    const present = this.#earlier.count > 0 ? this.#earlier.peers : []
    this.#earlier = { count: backlogOf(native, descriptor), peers: new Set([...present, ...changed]) }
  }

  /**
   * The kernel answers a SYN with the listener's TTL, before there is a socket of the peer's own: a peer that accepts TTL 255
   * alone would never see a SYN-ACK with less. To all others a higher TTL does no harm.
   */
  #setTtl(native: NativeSockets, descriptor: number, peers: readonly ProtectedPeer[]): void {
    const ttls = peers.flatMap(({ socket }) => socket.ttl ?? [])
    if (ttls.length === 0 && !this.#hasTtl) return
    this.#hasTtl = ttls.length > 0
    const value = int32(this.#hasTtl ? Math.max(...ttls) : -1)
    native.setOption(descriptor, { level: LINUX.IPPROTO_IP, name: LINUX.IP_TTL, value })
    if (this.#domain === 'ipv6')
      native.setOption(descriptor, { level: LINUX.IPPROTO_IPV6, name: LINUX.IPV6_UNICAST_HOPS, value })
  }

  /** Where the kernel does not take the filter (too many peers, say), the minimum TTL is in force after the accept alone. */
  #setFilter(native: NativeSockets, descriptor: number, peers: readonly ProtectedPeer[]): void {
    const demands = peers.flatMap(({ address, socket: { minimumTtl } }) =>
      minimumTtl === undefined ? [] : [{ address, minimumTtl }],
    )
    if (demands.length === 0 && !this.#hasFilter) return
    this.#hasFilter = true
    const filter = ttlFilter(demands)
    if (native.filter(descriptor, filter) === undefined) return
    // There can be room for the new one, and not for the old one beside it.
    native.setOption(descriptor, NO_FILTER)
    native.filter(descriptor, filter)
  }

  /** From here on the connection has a minimum TTL of its own, which can change. */
  #dropFilter(socket: net.Socket): void {
    const loaded = this.#context.native()
    const descriptor = descriptorOf(socket)
    if (loaded.kind === 'loaded' && descriptor !== undefined) loaded.native.setOption(descriptor, NO_FILTER)
  }

  /** The keys came with the connection from the listener. Its TTL did too, and can be another peer's. */
  #protectAccepted(
    socket: net.Socket,
    remote: Endpoint,
    { peer, fault }: Protection,
    earlier: ReadonlySet<string>,
  ): ConnectionFault | undefined {
    if (fault !== undefined) return fault
    if (earlier.has(keyOf(peer))) return EARLIER
    const { ttl, minimumTtl } = peer.socket
    if (ttl === undefined && minimumTtl === undefined && !this.#hasTtl) return undefined
    const accepted = socketOfPeer(socket, remote, this.#context.native())
    if (accepted === undefined) return NO_DESCRIPTOR
    return changeTtls(accepted, { ...NO_OPTIONS, ttl: this.#hasTtl ? UNKNOWN_TTL : undefined }, peer.socket)
  }

  #protectionOf({ address }: Endpoint, device: string | undefined): Protection | undefined {
    return this.#protections.get(textKey(address, device)) ?? this.#protections.get(textKey(address, undefined))
  }
}

const NO_FILTER = { level: LINUX.SOL_SOCKET, name: LINUX.SO_DETACH_FILTER, value: int32(0) } as const

/** Unlike any that can be wanted. */
const UNKNOWN_TTL = 0

const EARLIER: ConnectionFault = {
  code: 'EKEYREJECTED',
  message: 'the connection was made before its key or its minimum TTL was in force',
}

const CONTRARY: ConnectionFault = {
  code: 'EINVAL',
  message: 'another peer has the same address and other keys, which the kernel cannot tell apart',
}

function changeProtection(
  socketFor: SocketFor,
  before: Protection | undefined,
  peer: ProtectedPeer,
): ConnectionFault | undefined {
  const invalid = optionsFault(peer.socket)
  if (invalid !== undefined) return invalid
  if (before?.fault === undefined) return changeKeys(socketFor(peer), before?.peer.socket ?? NO_OPTIONS, peer.socket)
  // What a change that failed has left behind is not known.
  changeKeys(socketFor(peer), before.peer.socket, NO_OPTIONS)
  return changeKeys(socketFor(peer), NO_OPTIONS, peer.socket)
}

const haveSameKeys = (one: SocketOptions, other: SocketOptions): boolean =>
  one.md5Password === other.md5Password && JSON.stringify(one.tcpAo) === JSON.stringify(other.tcpAo)

/** Whether what was let in by `one` would be let in by `other` too. */
const isAsStrict = (one: SocketOptions, other: SocketOptions): boolean =>
  haveSameKeys(one, other) && (one.minimumTtl ?? 0) >= (other.minimumTtl ?? 0)

/** How many connections are complete and wait to be accepted: tcpi_unacked of the struct tcp_info of a listening socket. */
function backlogOf(native: NativeSockets, descriptor: number): number {
  const info = native.getOption(descriptor, LINUX.IPPROTO_TCP, LINUX.TCP_INFO, 28)
  return info.kind === 'failed' ? 0 : readUint32(info.value, 24)
}

const keyOf = ({ address, socket }: ProtectedPeer): string =>
  textKey(address, isLinkLocal(address) ? socket.device : undefined)

const textKey = (address: Address, device: string | undefined): string =>
  `${address.family} ${addressKey(address)} ${device ?? ''}`
