import type { Family, Prefix } from '@holdfast/ip'
import { ipv4, ipv6 } from '@holdfast/ip'
import type { Writer } from './writer.ts'

/** A list of prefixes, or why it is none. */
type ReadNlri =
  { readonly ok: true; readonly prefixes: readonly Prefix[] } | { readonly ok: false; readonly message: string }

/** How many octets a prefix has in NLRI: one for its length and as many as the length needs (RFC 4271 section 4.3). */
export const nlriLength = (prefix: Prefix): number => 1 + octetsOf(prefix.length)

const octetsOf = (length: number): number => (length + 7) >>> 3

/** Writes prefixes of one family; one of the other family among them throws. */
export function writeNlri(writer: Writer, family: Family, prefixes: readonly Prefix[]): void {
  for (const { address, length } of prefixes) {
    if (address.family !== family) throw new TypeError(`A prefix of the other family among ${family} routes`)
    writer.uint8(length)
    if (address.family === 'ipv4') writer.ipv4(address.value, octetsOf(length))
    else writer.ipv6(address.value, octetsOf(length))
  }
}

/**
 * Reads prefixes to the end of the bytes. Bits behind a prefix's length are irrelevant (RFC 4271 section 4.3): cleared.
 */
export function readNlri(bytes: Uint8Array, family: Family): ReadNlri {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const most = family === 'ipv4' ? 32 : 128
  const read = family === 'ipv4' ? readIpv4 : readIpv6
  const prefixes: Prefix[] = []
  let offset = 0
  while (offset < bytes.length) {
    const length = view.getUint8(offset)
    const end = offset + 1 + octetsOf(length)
    if (length > most) return { ok: false, message: `an ${familyName[family]} prefix cannot have ${length} bits` }
    if (end > bytes.length) return { ok: false, message: `a prefix of ${length} bits is cut off` }
    prefixes.push(read(view, offset + 1, length))
    offset = end
  }
  return { ok: true, prefixes }
}

const familyName = { ipv4: 'IPv4', ipv6: 'IPv6' } as const

function readIpv4(view: DataView, offset: number, length: number): Prefix {
  if (length === 32) return { address: ipv4(view.getUint32(offset)), length }
  let value = 0
  for (let index = 0; index < octetsOf(length); index += 1) {
    value += view.getUint8(offset + index) * 2 ** (24 - index * 8)
  }
  // A shift by 32 is a shift by 0 in JavaScript, but for /0 there is nothing to clear.
  return { address: ipv4((value & (-1 << (32 - length))) >>> 0), length }
}

function readIpv6(view: DataView, offset: number, length: number): Prefix {
  if (length === 128) {
    return { address: ipv6((view.getBigUint64(offset) << 64n) | view.getBigUint64(offset + 8)), length }
  }
  let value = 0n
  for (let index = 0; index < octetsOf(length); index += 1) {
    value = (value << 8n) | BigInt(view.getUint8(offset + index))
  }
  const unusedBits = BigInt(octetsOf(length) * 8 - length)
  return { address: ipv6((value >> unusedBits) << BigInt(128 - length)), length }
}
