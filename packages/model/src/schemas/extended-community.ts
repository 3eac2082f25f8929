import { parseAddress } from '@holdfast/ip'
import type { ExtendedCommunityValue } from '../peer-policy.ts'
import { problem } from '../rules.ts'
import type { Reading } from './rule.ts'

/** RFC 4360 sections 4 and 5: low octet of the type. */
const subtypes: Readonly<Record<string, number>> = { rt: 0x02, soo: 0x03 }

/** RFC 4360 section 3 and RFC 5668 section 2: high octet of the type, transitive. */
const types = { twoOctetAs: 0x00, ipv4: 0x01, fourOctetAs: 0x02 } as const

const refused = (text: string, why: string): Reading<never> => ({
  ok: false,
  problem: problem('invalid-extended-community', { text, why }),
})

/** `rt:65000:100`, `soo:192.0.2.1:7`, or all eight octets as `0x` and 16 hexadecimal digits. */
export function readExtendedCommunity(text: string): Reading<ExtendedCommunityValue> {
  if (text.startsWith('0x')) {
    if (!/^0x[0-9A-Fa-f]{16}$/.test(text)) return refused(text, 'behind "0x" it needs exactly 16 hexadecimal digits')
    return {
      ok: true,
      value: { high: Number.parseInt(text.slice(2, 10), 16), low: Number.parseInt(text.slice(10), 16) },
    }
  }
  const [name = '', administrator = '', assigned = '', ...more] = text.split(':')
  const subtype = Object.hasOwn(subtypes, name) ? subtypes[name] : undefined
  if (subtype === undefined || more.length > 0) {
    return refused(text, 'it is neither "rt:" or "soo:" with two parts, nor "0x" with 16 hexadecimal digits')
  }
  return readParts(text, subtype, administrator, assigned)
}

/** An administrator of two octets leaves four for the number, one of four octets leaves two. */
function readParts(
  text: string,
  subtype: number,
  administrator: string,
  assigned: string,
): Reading<ExtendedCommunityValue> {
  const address = parseAddress(administrator)
  const asn = whole(administrator, 0xffffffff)
  const global = address.ok && address.value.family === 'ipv4' ? address.value.value : asn
  if (global === undefined) return refused(text, 'its first part is neither an AS number nor an IPv4 address')
  const isShort = asn !== undefined && asn <= 0xffff
  const most = isShort ? 0xffffffff : 0xffff
  const local = whole(assigned, most)
  if (local === undefined) return refused(text, `its last part is not a number from 0 to ${most}`)
  if (isShort) return { ok: true, value: { high: word(types.twoOctetAs, subtype, asn), low: local } }
  const type = asn === undefined ? types.ipv4 : types.fourOctetAs
  return { ok: true, value: { high: word(type, subtype, global >>> 16), low: (global % 0x10000) * 0x10000 + local } }
}

const word = (type: number, subtype: number, last: number): number => type * 0x1000000 + subtype * 0x10000 + last

const whole = (text: string, most: number): number | undefined =>
  /^\d+$/.test(text) && Number(text) <= most ? Number(text) : undefined
