import { endianness } from 'node:os'
import { addressToBytes, ipv6, type Address, type Family } from '@holdfast/ip'
import { LINUX, type NativeOption } from './native-sockets.ts'
import type { TcpAo } from './transport.ts'

/** Structures of Linux as bytes. Numbers are in the machine's order, addresses and ports in the network's. */
const isLittle = endianness() === 'LE'

const SOCKADDR_STORAGE_BYTES = 128
const MD5SIG_BYTES = 216
const AO_ADD_BYTES = 288
const AO_DELETE_BYTES = 144
const AO_INFO_BYTES = 48

/** linux/tcp.h: TCP_MD5SIG_MAXKEYLEN and TCP_AO_MAXKEYLEN. */
export const LONGEST_KEY_BYTES = 80

/** RFC 5926 section 2.2: both algorithms send the first 96 bits of the MAC. */
const MAC_BYTES = 12

/** Linux's names of the algorithms of RFC 5926 section 3. */
const AO_ALGORITHMS = { 'hmac-sha-1-96': 'hmac(sha1)', 'aes-128-cmac-96': 'cmac(aes128)' } as const

export type AoKey = TcpAo['keys'][number]

/** `domain` is the socket's: an IPv6 socket has IPv4 peers by their mapped addresses. */
export interface PeerOfSocket {
  readonly domain: Family
  readonly address: Address
}

/** A number as the options that are an int take it. */
export function int32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setInt32(0, value, isLittle)
  return bytes
}

/** A number of 32 bits within a structure. */
export const readUint32 = (bytes: Uint8Array, at: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at, isLittle)

/** struct sockaddr_in6. `scope` is the index of the device of a link-local address, else 0. */
export function socketAddress6(address: Address, scope: number): Uint8Array {
  const bytes = new Uint8Array(28)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, LINUX.AF_INET6, isLittle)
  bytes.set(addressToBytes(address), 8)
  view.setUint32(24, scope, isLittle)
  return bytes
}

/** Address and device index of a struct sockaddr_in6. */
export function readSocketAddress6(bytes: Uint8Array): { readonly address: Address; readonly scope: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const value = (view.getBigUint64(8) << 64n) | view.getBigUint64(16)
  return { address: ipv6(value), scope: readUint32(bytes, 24) }
}

/**
 *     struct tcp_md5sig      0 sockaddr_storage · 128 flags · 129 prefix length · 130 key length (2) · 132 device (4) · 136 key (80)
 *
 * `key` undefined: forget the key of this peer.
 */
export function md5Signature(peer: PeerOfSocket, key: Uint8Array | undefined): NativeOption {
  const value = new Uint8Array(MD5SIG_BYTES)
  value.set(storage(peer))
  new DataView(value.buffer).setUint16(130, key?.length ?? 0, isLittle)
  if (key !== undefined) value.set(key, 136)
  return { level: LINUX.IPPROTO_TCP, name: LINUX.TCP_MD5SIG, value }
}

/**
 *     struct tcp_ao_add      0 sockaddr_storage · 128 algorithm (64) · 192 device (4) · 196 bits (4) · 200 must be 0 (2) ·
 *                            202 prefix length · 203 SendID · 204 RecvID · 205 MAC length · 206 flags · 207 key length · 208 key (80)
 *
 * `isCurrent`: this key is sent with, and the peer is asked to send with it (not on a listening socket).
 */
export function aoAdd(peer: PeerOfSocket, key: AoKey, isCurrent: boolean): NativeOption {
  const secret = keyBytes(key.secret)
  const value = new Uint8Array(AO_ADD_BYTES)
  value.set(storage(peer))
  value.set(keyBytes(AO_ALGORITHMS[key.algorithm]), 128)
  if (isCurrent) setBits(value, 196, ['first', 'second'])
  value.set([prefixLength(peer.address), key.sendId, key.receiveId, MAC_BYTES, 0, secret.length], 202)
  value.set(secret, 208)
  return { level: LINUX.IPPROTO_TCP, name: LINUX.TCP_AO_ADD_KEY, value }
}

/**
 *     struct tcp_ao_del      0 sockaddr_storage · 128 device (4) · 132 bits (4) · 136 must be 0 (2) · 138 prefix length ·
 *                            139 SendID · 140 RecvID · 141 current key · 142 next key to receive · 143 flags
 *
 * `next`: the key that is used from then on; undefined on a listening socket, which uses none.
 */
export function aoDelete(peer: PeerOfSocket, key: AoKey, next: AoKey | undefined): NativeOption {
  const value = new Uint8Array(AO_DELETE_BYTES)
  value.set(storage(peer))
  setBits(value, 132, next === undefined ? ['third'] : ['first', 'second'])
  value.set([prefixLength(peer.address), key.sendId, key.receiveId, next?.sendId ?? 0, next?.receiveId ?? 0], 138)
  return { level: LINUX.IPPROTO_TCP, name: LINUX.TCP_AO_DEL_KEY, value }
}

/**
 *     struct tcp_ao_info_opt 0 bits (4) · 4 must be 0 (2) · 6 current key · 7 next key to receive · 8 counters (40)
 *
 * Makes a key that the socket has the one that is sent with.
 */
export function aoUse(key: AoKey): NativeOption {
  const value = new Uint8Array(AO_INFO_BYTES)
  setBits(value, 0, ['first', 'second'])
  value.set([key.sendId, key.receiveId], 6)
  return { level: LINUX.IPPROTO_TCP, name: LINUX.TCP_AO_INFO, value }
}

/** A key or a name as the kernel takes it. */
export const keyBytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** C numbers bit fields of a 32-bit unit from its least significant end on little-endian machines, else from the other. */
function setBits(bytes: Uint8Array, at: number, names: readonly ('first' | 'second' | 'third')[]): void {
  const place = { first: 0, second: 1, third: 2 }
  const value = names.reduce((sum, name) => sum + 2 ** (isLittle ? place[name] : 31 - place[name]), 0)
  new DataView(bytes.buffer).setUint32(at, value, isLittle)
}

const prefixLength = (address: Address): number => (address.family === 'ipv4' ? 32 : 128)

function storage({ domain, address }: PeerOfSocket): Uint8Array {
  const bytes = new Uint8Array(SOCKADDR_STORAGE_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, domain === 'ipv4' ? LINUX.AF_INET : LINUX.AF_INET6, isLittle)
  if (domain === 'ipv4') {
    bytes.set(addressToBytes(address), 4)
  } else if (address.family === 'ipv6') {
    bytes.set(addressToBytes(address), 8)
  } else {
    // RFC 4291 section 2.5.5.2.
    bytes.set([0xff, 0xff], 18)
    bytes.set(addressToBytes(address), 20)
  }
  return bytes
}
