import { createHmac } from 'node:crypto'
import type { Address } from '@holdfast/ip'
import { formatAddress, parseAddress } from '@holdfast/ip'

/**
 * Replaces addresses so that what they have in common stays: two that share the first n bits do so afterwards (the method of
 * Crypto-PAn, by HMAC-SHA-256). The last octet of an IPv4 address and the last 16 bits of an IPv6 address stay, so that ranges inside
 * of them stay ranges.
 */
export function createAddressNames(key: Uint8Array): (text: string) => string {
  const known = new Map<string, string>()
  return (text) => {
    const before = known.get(text)
    if (before !== undefined) return before
    const after = renamed(text, key)
    known.set(text, after)
    return after
  }
}

/** An address, or an address with a prefix length; anything else comes back as it is. */
function renamed(text: string, key: Uint8Array): string {
  const [head = '', length] = text.split('/')
  const parsed = parseAddress(head)
  if (!parsed.ok) return text
  const { family } = parsed.value
  const width = family === 'ipv4' ? 32 : 128
  const masked = length === undefined || !/^\d+$/.test(length) ? width : Math.min(Number(length), width)
  const bits = bitsOf(parsed.value)
  const out = permuted(bits, {
    key,
    fixed: fixedBits(bits, family, masked),
    mapped: Math.min(family === 'ipv4' ? 24 : 112, masked),
  })
  const address = addressOf(out, family)
  return length === undefined ? address : `${address}/${length}`
}

/** How many bits say what kind of address it is rather than whose: unspecified, loopback, link-local, multicast. */
function fixedBits(bits: string, family: Address['family'], masked: number): number {
  // As a prefix it is the lower part of the whole.
  if (!bits.includes('1')) return masked === bits.length ? masked : 0
  const kinds = family === 'ipv4' ? ['01111111', '1010100111111110', '1110'] : ['1111111010', '11111111']
  if (family === 'ipv6' && /^0+1$/.test(bits)) return bits.length
  const kind = kinds.find((start) => bits.startsWith(start))
  if (kind === '01111111') return bits.length
  return kind?.length ?? 0
}

function permuted(
  bits: string,
  { key, fixed, mapped }: { readonly key: Uint8Array; readonly fixed: number; readonly mapped: number },
): string {
  let out = ''
  for (let index = 0; index < bits.length; index += 1) {
    const bit = bits[index] === '1'
    const isFlipped = index >= fixed && index < mapped && flips(key, `${bits.length} ${bits.slice(0, index)}`)
    out += bit === isFlipped ? '0' : '1'
  }
  return out
}

const flips = (key: Uint8Array, before: string): boolean =>
  ((createHmac('sha256', key).update(before).digest()[0] ?? 0) & 1) === 1

const bitsOf = ({ family, value }: Address): string => value.toString(2).padStart(family === 'ipv4' ? 32 : 128, '0')

function addressOf(bits: string, family: Address['family']): string {
  const value = BigInt(`0b${bits}`)
  return formatAddress(family === 'ipv4' ? { family, value: Number(value) } : { family, value })
}
