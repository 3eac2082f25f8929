import { endianness, networkInterfaces } from 'node:os'
import { ipv6, type Address } from '@holdfast/ip'
import { int32, keyBytes, readSocketAddress6, socketAddress6 } from './native-layout.ts'
import { LINUX, nativeSockets, type LoadedNative, type NativeOption, type NativeSockets } from './native-sockets.ts'
import { advertisementsOnly, hopLimitFilter } from './unnumbered-message.ts'

/** Why something cannot be done, and what a person can do about it. */
export interface Obstacle {
  readonly message: string
  readonly remedy: string
}

/** What router advertisements go out by and come in by: one device. */
export interface RouterSocket {
  /** The link-layer address of the device. */
  readonly mac: Uint8Array
  /** Sends an ICMPv6 message with hop limit 255 from the device's link-local address; the system's code where that fails. */
  readonly send: (bytes: Uint8Array, to: Address) => string | undefined
  /** The next router advertisement that came with hop limit 255; undefined: none waits. */
  readonly receive: () => { readonly from: Address; readonly bytes: Uint8Array } | undefined
  readonly close: () => void
}

export type OpenedRouterSocket =
  { readonly kind: 'open'; readonly socket: RouterSocket } | { readonly kind: 'obstacle'; readonly obstacle: Obstacle }

/** ff02::1 and ff02::2 (RFC 4291 section 2.7.1). */
export const ALL_NODES = ipv6((0xff02n << 112n) | 1n)
export const ALL_ROUTERS = ipv6((0xff02n << 112n) | 2n)

/** More than an advertisement needs, and no more than a link without jumbo frames carries. */
const LONGEST_MESSAGE_BYTES = 1500

/** RFC 4861 section 6.1.2: what came over a router has less. */
const HOP_LIMIT = 255

interface Device {
  readonly name: string
  readonly index: number
  readonly mac: Uint8Array
}

/** Opens a socket for a device that is up and has an IPv6 link-local address. */
export function openRouterSocket(device: string, load: () => LoadedNative = nativeSockets): OpenedRouterSocket {
  const found = deviceNamed(device)
  if (found === undefined) return absent(device)
  const loaded = load()
  if (loaded.kind === 'missing')
    return { kind: 'obstacle', obstacle: { message: loaded.fault.message, remedy: NAME_THE_ADDRESS } }
  const { native } = loaded
  const opened = native.open(LINUX.AF_INET6, LINUX.SOCK_RAW, LINUX.IPPROTO_ICMPV6)
  if (opened.kind === 'failed') return refused(device, opened.code)
  const code = setUp(native, opened.value, found)
  if (code === undefined) return { kind: 'open', socket: socketOf(native, opened.value, found) }
  native.close(opened.value)
  return refused(device, code)
}

const NAME_THE_ADDRESS = 'Or name the router by its address instead of the interface.'

/** Whether the device is still there, up, and has the address that it had. */
export const isUsable = (device: string): boolean => deviceNamed(device) !== undefined

function deviceNamed(name: string): Device | undefined {
  const own = networkInterfaces()[name]?.find((one) => one.family === 'IPv6' && one.scopeid !== 0)
  if (own?.scopeid === undefined) return undefined
  return { name, index: own.scopeid, mac: Uint8Array.from(own.mac.split(':'), (octet) => Number.parseInt(octet, 16)) }
}

function setUp(native: NativeSockets, descriptor: number, { name, index }: Device): string | undefined {
  const isLittle = endianness() === 'LE'
  const v6 = (option: number, value: number): NativeOption => ({
    level: LINUX.IPPROTO_IPV6,
    name: option,
    value: int32(value),
  })
  const options: readonly NativeOption[] = [
    { level: LINUX.IPPROTO_ICMPV6, name: LINUX.ICMP6_FILTER, value: advertisementsOnly(isLittle) },
    { level: LINUX.SOL_SOCKET, name: LINUX.SO_BINDTODEVICE, value: keyBytes(name) },
    v6(LINUX.IPV6_MULTICAST_IF, index),
    v6(LINUX.IPV6_MULTICAST_HOPS, HOP_LIMIT),
    v6(LINUX.IPV6_UNICAST_HOPS, HOP_LIMIT),
    // Our own would come back to us.
    v6(LINUX.IPV6_MULTICAST_LOOP, 0),
  ]
  for (const option of options) {
    const code = native.setOption(descriptor, option)
    if (code !== undefined) return code
  }
  const code = native.filter(descriptor, hopLimitFilter())
  // What came before the filters were there has not been through them.
  while (code === undefined && native.receive(descriptor, LONGEST_MESSAGE_BYTES).kind === 'done');
  return code
}

function socketOf(native: NativeSockets, descriptor: number, { mac, index }: Device): RouterSocket {
  return {
    mac,
    send: (bytes, to) => native.send(descriptor, bytes, socketAddress6(to, index)),
    receive: () => {
      const result = native.receive(descriptor, LONGEST_MESSAGE_BYTES)
      if (result.kind === 'failed') return undefined
      return { from: readSocketAddress6(result.value.from).address, bytes: result.value.bytes }
    },
    close: () => native.close(descriptor),
  }
}

const absent = (device: string): OpenedRouterSocket => ({
  kind: 'obstacle',
  obstacle: {
    message: `network device ${device} is not there, not up, or has no IPv6 link-local address`,
    remedy: `Look at "ip -6 address show dev ${device}": it must list an address from fe80::/10.`,
  },
})

function refused(device: string, code: string): OpenedRouterSocket {
  const message = `no router can be looked for on ${device}: a raw ICMPv6 socket was refused (${code})`
  const remedy =
    code === 'EPERM'
      ? `Give the process the capability CAP_NET_RAW. ${NAME_THE_ADDRESS}`
      : `See whether IPv6 is enabled on ${device}. ${NAME_THE_ADDRESS}`
  return { kind: 'obstacle', obstacle: { message, remedy } }
}
