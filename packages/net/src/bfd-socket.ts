import { bfdPorts, sourcePorts } from '@holdfast/bfd'
import { addressToBytes, isLinkLocal, type Address, type Family } from '@holdfast/ip'
import { randomInt } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { closedFilter, filterProgram, type FilterRule } from './bfd-filter.ts'
import { linux, SystemError, type Native } from './bfd-native.ts'

/** Which packets a socket is for: each has its port. */
export type BfdPort = keyof typeof bfdPorts

/** Where a datagram came from. `device` is known for link-local addresses only. */
export interface Source {
  readonly address: string
  readonly device: string | undefined
  readonly port: number
}

/** The socket that all sessions of a family and kind receive by. Nothing comes in before `setRules`. */
export interface BfdReceiver {
  /** Throws a `SystemError`; the rules before stay in force then. */
  readonly setRules: (rules: readonly FilterRule[], isStrict: boolean) => void
  /** Packets that the kernel dropped so far: by TTL, address, device and discriminator, or for want of room. */
  readonly droppedCount: () => number
  /** Sends an Echo packet back. Throws a `SystemError`. */
  readonly reflect: (bytes: Uint8Array, to: Address, source: Source) => void
  readonly close: () => void
}

/** The socket that one session sends by, from a port of its own. */
export interface BfdSender {
  readonly port: number
  /** Throws a `SystemError`. */
  readonly send: (bytes: Uint8Array) => void
  readonly close: () => void
}

export interface SenderOptions {
  readonly remote: Address
  readonly local: Address | undefined
  readonly device: string | undefined
  readonly isMultihop: boolean
}

/** UDP as BFD needs it. Both may throw a `SystemError`. */
export interface BfdSockets {
  readonly openReceiver: (
    port: BfdPort,
    family: Family,
    receive: (bytes: Uint8Array, source: Source) => void,
  ) => BfdReceiver
  readonly openSender: (options: SenderOptions) => BfdSender
  /** 0: there is no such device. */
  readonly deviceIndex: (name: string) => number
}

/** RFC 5881 section 5. An Echo packet that went through us leaves as if it had been forwarded. */
const controlTtl = 255
const reflectedTtl = 254

/** Class selector 6, as all routing protocols use it. */
const trafficClass = 0xc0

/** The sockets of this machine. */
export function createBfdSockets(native: Native): BfdSockets {
  return {
    openReceiver: (port, family, receive) => openReceiver(native, { port, family }, receive),
    openSender: (options) => openSender(native, options),
    deviceIndex: native.deviceIndex,
  }
}

function openReceiver(
  native: Native,
  { port, family }: { readonly port: BfdPort; readonly family: Family },
  receive: (bytes: Uint8Array, source: Source) => void,
): BfdReceiver {
  const fd = protectedSocket(native, family, port === 'echo' ? reflectedTtl : controlTtl)
  const socket = adopt(native, fd, family, () => {
    widen(native, fd)
    native.bind(fd, socketAddress(unspecified(family), bfdPorts[port], 0))
  })
  // Another program could otherwise bind the same port later, and get our packets.
  native.setOption(fd, linux.SOL_SOCKET, linux.SO_REUSEADDR, word(0))
  socket.on('message', (bytes, { address, port: from }) => {
    const [text = '', device] = address.split('%')
    receive(bytes, { address: text, device, port: from })
  })
  return {
    setRules: (rules, isStrict) => {
      const program = filterProgram(family, rules, isStrict)
      if (program === undefined) throw new SystemError('filter', 'E2BIG')
      native.attachFilter(fd, program)
    },
    droppedCount: () => droppedCount(native, fd),
    reflect: (bytes, to, source) => {
      const scope = source.device === undefined ? 0 : native.deviceIndex(source.device)
      native.send(fd, bytes, socketAddress(to, source.port, scope))
    },
    close: () => void socket.close(),
  }
}

/** Room for what comes while the thread does not run, as much as we are allowed. */
function widen(native: Native, fd: number): void {
  const bytes = word(1 << 22)
  try {
    native.setOption(fd, linux.SOL_SOCKET, linux.SO_RCVBUFFORCE, bytes)
  } catch {
    // Without CAP_NET_ADMIN, net.core.rmem_max is the limit, and silently.
    native.setOption(fd, linux.SOL_SOCKET, linux.SO_RCVBUF, bytes)
  }
}

function openSender(native: Native, { remote, local, device, isMultihop }: SenderOptions): BfdSender {
  const scope = device === undefined ? 0 : native.deviceIndex(device)
  if (device !== undefined && scope === 0) throw new SystemError('if_nametoindex', 'ENODEV')
  const { family } = remote
  const fd = protectedSocket(native, family, controlTtl)
  let port = 0
  const socket = adopt(native, fd, family, () => {
    if (device !== undefined) {
      native.setOption(fd, linux.SOL_SOCKET, linux.SO_BINDTODEVICE, new TextEncoder().encode(`${device}\0`))
    }
    port = bindSourcePort(native, fd, local ?? unspecified(family), scope)
  })
  const to = socketAddress(remote, isMultihop ? bfdPorts.multihop : bfdPorts.singleHop, scope)
  return { port, send: (bytes) => native.send(fd, bytes, to), close: () => void socket.close() }
}

/** Nothing can come in between making the socket and its rules: it is closed from the first moment. */
function protectedSocket(native: Native, family: Family, ttl: number): number {
  const fd = native.socket(family)
  try {
    native.attachFilter(fd, closedFilter())
    if (family === 'ipv4') {
      native.setOption(fd, linux.IPPROTO_IP, linux.IP_TTL, word(ttl))
      native.setOption(fd, linux.IPPROTO_IP, linux.IP_TOS, word(trafficClass))
    } else {
      native.setOption(fd, linux.IPPROTO_IPV6, linux.IPV6_V6ONLY, word(1))
      native.setOption(fd, linux.IPPROTO_IPV6, linux.IPV6_UNICAST_HOPS, word(ttl))
      native.setOption(fd, linux.IPPROTO_IPV6, linux.IPV6_TCLASS, word(trafficClass))
    }
    return fd
  } catch (error) {
    native.close(fd)
    throw error
  }
}

/** Hands the socket to Node, which then closes it also where this thread ends by a fault. */
function adopt(native: Native, fd: number, family: Family, prepare: () => void): Socket {
  const socket = createSocket(family === 'ipv4' ? 'udp4' : 'udp6')
  try {
    prepare()
    socket.bind({ fd, exclusive: true })
  } catch (error) {
    native.close(fd)
    throw error
  }
  // What comes here is an ICMP error about a packet of ours: BFD itself finds out what it means.
  socket.on('error', () => undefined)
  return socket
}

/** RFC 5881 section 4: in this range, and of no other session (the kernel sees to that). */
function bindSourcePort(native: Native, fd: number, local: Address, scope: number): number {
  for (let attempt = 1; ; attempt += 1) {
    const port = randomInt(sourcePorts.first, sourcePorts.last + 1)
    try {
      native.bind(fd, socketAddress(local, port, isLinkLocal(local) ? scope : 0))
      return port
    } catch (error) {
      if (!(error instanceof SystemError && error.code === 'EADDRINUSE') || attempt === 100) throw error
    }
  }
}

/** The last of the numbers that SO_MEMINFO has: linux/sock_diag.h. */
function droppedCount(native: Native, fd: number): number {
  const bytes = native.getOption(fd, linux.SOL_SOCKET, linux.SO_MEMINFO, 36)
  return bytes.length < 36 ? 0 : new DataView(bytes.buffer).getUint32(32, true)
}

const unspecified = (family: Family): Address => (family === 'ipv4' ? { family, value: 0 } : { family, value: 0n })

/** An int of a socket option. */
function word(value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(4))
  view.setInt32(0, value, true)
  return new Uint8Array(view.buffer)
}

/** struct sockaddr_in or sockaddr_in6. */
function socketAddress(address: Address, port: number, scope: number): Uint8Array {
  const isV4 = address.family === 'ipv4'
  const bytes = new Uint8Array(isV4 ? 16 : 28)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, isV4 ? linux.AF_INET : linux.AF_INET6, true)
  view.setUint16(2, port)
  bytes.set(addressToBytes(address), isV4 ? 4 : 8)
  if (!isV4) view.setUint32(24, isLinkLocal(address) ? scope : 0, true)
  return bytes
}
