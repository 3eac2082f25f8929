import type { Family, Prefix } from '@holdfast/ip'
import { ipv4, ipv6 } from '@holdfast/ip'
import type { CodecContext } from './messages.ts'
import type { Writer } from './writer.ts'

/** A list of prefixes, or why it is none. */
type ReadNlri =
  { readonly ok: true; readonly prefixes: readonly Prefix[] } | { readonly ok: false; readonly message: string }

/**
 * How many octets a prefix has in NLRI: one for its length and as many as the length needs (RFC 4271 section 4.3), behind
 * a path identifier where there is one (see `pathIdentifierLength`).
 */
export const nlriLength = (prefix: Prefix, identifierLength = 0): number =>
  identifierLength + 1 + octetsOf(prefix.length)

/** RFC 7911 section 3: four octets in front of each prefix of a family that goes out with them. */
export const pathIdentifierLength = (family: Family, { addPath }: CodecContext): number =>
  addPath.send.includes(family) ? identifierOctets : 0

const identifierOctets = 4

/** Of each prefix there is one path here, so that they can all have the same number (RFC 7911 section 3). */
const pathIdentifier = 1

const octetsOf = (length: number): number => (length + 7) >>> 3

/** Prefixes of one family, as they go out: with path identifiers or without. */
export interface Nlri {
  readonly family: Family
  readonly prefixes: readonly Prefix[]
  readonly identifierLength: number
}

/** How many octets they have together. */
export const totalLength = ({ prefixes, identifierLength }: Nlri): number =>
  prefixes.reduce((sum, prefix) => sum + nlriLength(prefix, identifierLength), 0)

/** Writes prefixes; one of the other family among them throws. */
export function writeNlri(writer: Writer, { family, prefixes, identifierLength }: Nlri): void {
  for (const { address, length } of prefixes) {
    if (address.family !== family) throw new TypeError(`A prefix of the other family among ${family} routes`)
    if (identifierLength > 0) writer.uint32(pathIdentifier)
    writer.uint8(length)
    if (address.family === 'ipv4') writer.ipv4(address.value, octetsOf(length))
    else writer.ipv6(address.value, octetsOf(length))
  }
}

/**
 * Reads prefixes to the end of the bytes. Bits behind a prefix's length are irrelevant (RFC 4271 section 4.3): cleared.
 * Path identifiers are passed over where RFC 7911 is agreed: whoever reads here wants to know which prefixes there are.
 */
export function readNlri(bytes: Uint8Array, family: Family, { addPath }: CodecContext): ReadNlri {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const most = family === 'ipv4' ? 32 : 128
  const read = family === 'ipv4' ? readIpv4 : readIpv6
  const prefixes: Prefix[] = []
  const skipped = addPath.receive.includes(family) ? identifierOctets : 0
  let offset = skipped
  while (offset < bytes.length) {
    const length = view.getUint8(offset)
    const end = offset + 1 + octetsOf(length)
    if (length > most) return { ok: false, message: `an ${familyName[family]} prefix cannot have ${length} bits` }
    if (end > bytes.length) return { ok: false, message: `a prefix of ${length} bits is cut off` }
    prefixes.push(read(view, offset + 1, length))
    offset = end + skipped
  }
  if (offset - skipped === bytes.length) return { ok: true, prefixes }
  return { ok: false, message: 'a path identifier has no prefix behind it' }
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
