import { release } from 'node:os'
import { formatAddress, ipv4, type Address } from '@holdfast/ip'
import {
  aoAdd,
  aoDelete,
  aoUse,
  int32,
  keyBytes,
  md5Signature,
  type AoKey,
  type PeerOfSocket,
} from './native-layout.ts'
import { LINUX, type NativeOption, type NativeSockets } from './native-sockets.ts'
import { NO_OPTIONS } from './tcp-transport-options.ts'
import type { ConnectionFault, SocketOptions } from './transport.ts'

/** A socket and the peer that an option of it is about: of a connection its only one, of a listener one of many. */
export interface SocketOfPeer {
  readonly native: NativeSockets
  readonly descriptor: number
  readonly peer: PeerOfSocket
  /** A listening socket sends with no key of its own, so it has no current one. */
  readonly isListening: boolean
}

/**
 * Changes MD5 and AO keys from those in force to others. Linux takes a change at any time, also of an open connection, and
 * what was sent with the old key and not acknowledged goes out again with the new one.
 */
export function changeKeys(socket: SocketOfPeer, from: SocketOptions, to: SocketOptions): ConnectionFault | undefined {
  const address = socket.peer.address
  // The kernel has no peer with both kinds of keys: what goes, goes first.
  const md5 = (): string | undefined => {
    if (from.md5Password === to.md5Password) return undefined
    const key = to.md5Password === undefined ? undefined : keyBytes(to.md5Password)
    const code = set(socket, md5Signature(socket.peer, key))
    return key === undefined && code === 'ENOENT' ? undefined : code
  }
  const ao = (): string | undefined => changeAoKeys(socket, from.tcpAo?.keys ?? [], to.tcpAo?.keys ?? [])
  const [first, second] = to.tcpAo === undefined ? [ao, md5] : [md5, ao]
  const code = first() ?? second()
  return code === undefined ? undefined : keyFault(to.tcpAo === undefined ? 'TCP MD5' : 'TCP-AO', code, address)
}

function changeAoKeys(socket: SocketOfPeer, from: readonly AoKey[], to: readonly AoKey[]): string | undefined {
  const gone = from.filter((key) => !to.some((other) => areSame(key, other)))
  const added = to.filter((key) => !from.some((other) => areSame(key, other)))
  const [preferred] = to
  if (preferred === undefined) return firstFailure(gone, (key) => set(socket, aoDelete(socket.peer, key, undefined)))
  const add = (key: AoKey): string | undefined =>
    set(socket, aoAdd(socket.peer, key, key === preferred && !socket.isListening))
  const isReplaced = (key: AoKey): boolean => gone.some((other) => shareId(key, other))
  const [current] = from
  const isChosen =
    socket.isListening || gone.length > 0 || added.includes(preferred) || (current && areSame(current, preferred))
  // A key that is in use cannot go before another one has taken its place, and none can come whose ID is taken.
  return (
    firstFailure(
      added.filter((key) => !isReplaced(key)),
      add,
    ) ??
    firstFailure(gone, (key) => set(socket, aoDelete(socket.peer, key, socket.isListening ? undefined : preferred))) ??
    firstFailure(added.filter(isReplaced), add) ??
    (isChosen ? undefined : set(socket, aoUse(preferred)))
  )
}

const areSame = (one: AoKey, other: AoKey): boolean =>
  one.sendId === other.sendId &&
  one.receiveId === other.receiveId &&
  one.algorithm === other.algorithm &&
  one.secret === other.secret

const shareId = (one: AoKey, other: AoKey): boolean => one.sendId === other.sendId || one.receiveId === other.receiveId

function firstFailure(keys: readonly AoKey[], run: (key: AoKey) => string | undefined): string | undefined {
  for (const key of keys) {
    const code = run(key)
    if (code !== undefined) return code
  }
  return undefined
}

/** Changes TTL and minimum TTL (RFC 5082) from those in force to others; undefined: the system's own, and none. */
export function changeTtls(socket: SocketOfPeer, from: SocketOptions, to: SocketOptions): ConnectionFault | undefined {
  const { address } = socket.peer
  const names = address.family === 'ipv4' ? TTL_NAMES.ipv4 : TTL_NAMES.ipv6
  const option = (name: number, value: number): NativeOption => ({ level: names.level, name, value: int32(value) })
  const code =
    (from.ttl === to.ttl ? undefined : set(socket, option(names.ttl, to.ttl ?? SYSTEM_TTL))) ??
    (from.minimumTtl === to.minimumTtl ? undefined : set(socket, option(names.minimum, to.minimumTtl ?? 0)))
  return code === undefined
    ? undefined
    : { code, message: `the TTL of the connection with ${formatAddress(address)} could not be set (${code})` }
}

const SYSTEM_TTL = -1

/** A TTL or hop limit by the family of the packets, not of the socket. */
const TTL_NAMES = {
  ipv4: { level: LINUX.IPPROTO_IP, ttl: LINUX.IP_TTL, minimum: LINUX.IP_MINTTL },
  ipv6: { level: LINUX.IPPROTO_IPV6, ttl: LINUX.IPV6_UNICAST_HOPS, minimum: LINUX.IPV6_MINHOPCOUNT },
} as const

/** Binds a socket to a device: it sends and receives through that alone. */
export function bindToDevice(socket: SocketOfPeer, device: string): ConnectionFault | undefined {
  const value = keyBytes(device)
  const code = set(socket, { level: LINUX.SOL_SOCKET, name: LINUX.SO_BINDTODEVICE, value })
  if (code === undefined) return undefined
  if (code === 'ENODEV') return { code, message: `network device ${device} is not on this machine` }
  const reason = code === 'EPERM' ? 'it needs the capability CAP_NET_RAW before Linux 5.7' : code
  return { code, message: `the connection could not be bound to network device ${device}: ${reason}` }
}

/** Why this kernel has no such keys; undefined: it has them. Tried with keys of nobody on a socket that connects nowhere. */
export function keyObstacle(native: NativeSockets, options: SocketOptions): ConnectionFault | undefined {
  if (options.md5Password === undefined && options.tcpAo === undefined) return undefined
  const opened = native.open(LINUX.AF_INET, LINUX.SOCK_STREAM, LINUX.IPPROTO_TCP)
  if (opened.kind === 'failed') return { code: opened.code, message: `no socket could be opened (${opened.code})` }
  const peer = { domain: 'ipv4', address: TEST_NET } as const
  const socket = { native, descriptor: opened.value, peer, isListening: false }
  const keys = options.tcpAo?.keys.map((key) => ({ ...key, secret: 'probe' }))
  const probe = keys === undefined ? { md5Password: 'probe' } : { tcpAo: { keys } }
  const fault = changeKeys(socket, NO_OPTIONS, { ...NO_OPTIONS, ...probe })
  native.close(opened.value)
  return fault
}

/** TEST-NET-1 (RFC 5737). */
const TEST_NET = ipv4(0xc0000201)

const set = ({ native, descriptor }: SocketOfPeer, option: NativeOption): string | undefined =>
  native.setOption(descriptor, option)

function keyFault(kind: 'TCP MD5' | 'TCP-AO', code: string, address: Address): ConnectionFault {
  const explain = KEY_FAULTS[`${kind} ${code}`] ?? KEY_FAULTS[code]
  return { code, message: explain?.() ?? `the ${kind} key for ${formatAddress(address)} could not be set (${code})` }
}

const KEY_FAULTS: Readonly<Record<string, () => string>> = {
  'TCP MD5 ENOPROTOOPT': () =>
    `TCP MD5 needs a kernel that was built with CONFIG_TCP_MD5SIG; Linux ${release()} here was not`,
  'TCP-AO ENOPROTOOPT': () =>
    `TCP-AO needs Linux 6.7 or later, built with CONFIG_TCP_AO; Linux ${release()} here does not have it`,
  'TCP-AO ENOENT': () =>
    'the kernel does not have the algorithm of a TCP-AO key (CONFIG_CRYPTO_CMAC, CONFIG_CRYPTO_SHA1)',
  'TCP-AO EINVAL': () => 'TCP-AO keys can be exchanged on an open connection, but neither be its first nor its last',
  ENOMEM: () => 'the kernel has no room for more keys on one socket: raise its setting net.core.optmem_max',
}
