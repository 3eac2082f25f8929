/**
 * A second, dumber writer of BGP: hexadecimal text put together by hand, so that what goes to the program under test owes
 * nothing to its own encoder. Every length can be made a lie.
 */
export const u8 = (value: number): string => value.toString(16).padStart(2, '0')
export const u16 = (value: number): string => value.toString(16).padStart(4, '0')
export const u32 = (value: number): string => (value >>> 0).toString(16).padStart(8, '0')

/** Octets of hexadecimal text. */
export const sizeOf = (hex: string): number => hex.length / 2

export const marker = 'ff'.repeat(16)

export const messageType = { open: 1, update: 2, notification: 3, keepalive: 4, routeRefresh: 5 } as const

/** A message (RFC 4271 section 4.1) with its true length, or the one that is given. */
export const message = (type: number, body: string, length = 19 + sizeOf(body)): string =>
  `${marker}${u16(length)}${u8(type)}${body}`

export const keepalive = message(messageType.keepalive, '')

export const notification = (code: number, subcode: number, data = ''): string =>
  message(messageType.notification, u8(code) + u8(subcode) + data)

/** RFC 2918 section 3, with the subtype of RFC 7313. */
export const routeRefresh = (afi: number, safi: number, subtype = 0, more = ''): string =>
  message(messageType.routeRefresh, u16(afi) + u8(subtype) + u8(safi) + more)

export interface OpenParts {
  readonly version?: number
  /** My Autonomous System: two octets. */
  readonly asn: number
  readonly holdTime?: number
  /** Eight hexadecimal digits. */
  readonly identifier: string
  /** Optional Parameters without their length. */
  readonly parameters?: string
  /** Where it is not the size of `parameters`, at most 255. */
  readonly parametersLength?: number
}

/** RFC 4271 section 4.2. */
export const open = ({ version = 4, asn, holdTime = 3, identifier, parameters = '', ...parts }: OpenParts): string =>
  message(
    messageType.open,
    u8(version) +
      u16(asn) +
      u16(holdTime) +
      identifier +
      u8(parts.parametersLength ?? Math.min(sizeOf(parameters), 0xff)) +
      parameters,
  )

/** RFC 5492 section 4. */
export const capability = (code: number, value = '', length = sizeOf(value)): string => u8(code) + u8(length) + value

/** An optional parameter: type 2 has capabilities. */
export const parameter = (value: string, type = 2, length = sizeOf(value)): string => u8(type) + u8(length) + value

/** RFC 9072 section 2: what stands in the place of the parameters, behind the one-octet length of 255. */
export const extendedParameters = (value: string, length = 3 + sizeOf(value)): string =>
  `ff${u16(length)}02${u16(sizeOf(value))}${value}`

export const capabilities = {
  ipv4: capability(1, '00010001'),
  ipv6: capability(1, '00020001'),
  routeRefresh: capability(2),
  extendedMessage: capability(6),
  enhancedRouteRefresh: capability(70),
  fourOctetAs: (asn: number): string => capability(65, u32(asn)),
} as const

export interface UpdateParts {
  readonly withdrawn?: string
  readonly attributes?: string
  readonly nlri?: string
  readonly withdrawnLength?: number
  readonly attributesLength?: number
}

/** RFC 4271 section 4.3. */
export const update = ({ withdrawn = '', attributes = '', nlri = '', ...lengths }: UpdateParts): string =>
  message(
    messageType.update,
    u16(lengths.withdrawnLength ?? sizeOf(withdrawn)) +
      withdrawn +
      u16(lengths.attributesLength ?? sizeOf(attributes)) +
      attributes +
      nlri,
  )

const extendedLength = 0x10

/** One path attribute with its true length, or the one that is given. */
export const attribute = (flags: number, code: number, value: string, length = sizeOf(value)): string =>
  u8(flags) + u8(code) + ((flags & extendedLength) === 0 ? u8(length) : u16(length)) + value

/** Flags of RFC 4271 section 4.3. */
const wellKnown = 0x40
const optional = 0x80

export const origin = attribute(wellKnown, 1, '00')

/** AS_SEQUENCE of four-octet numbers, in as many segments as needed. */
export function asPath(asns: readonly number[], width: 2 | 4 = 4): string {
  const segments: string[] = []
  for (let start = 0; start < asns.length; start += 255) {
    const part = asns.slice(start, start + 255)
    segments.push(`02${u8(part.length)}${part.map((asn) => (width === 4 ? u32(asn) : u16(asn))).join('')}`)
  }
  const value = segments.join('')
  return attribute(sizeOf(value) > 255 ? wellKnown | extendedLength : wellKnown, 2, value)
}

export const nextHop = (address = 'c0000201'): string => attribute(wellKnown, 3, address)

export const localPref = attribute(wellKnown, 5, '00000064')

/** MP_REACH_NLRI (RFC 4760 section 3), IPv6 unicast unless said otherwise. */
export const mpReach = (nlri: string, hop = '20010db8000000000000000000000001', afi = 2, safi = 1): string =>
  attribute(optional, 14, `${u16(afi)}${u8(safi)}${u8(sizeOf(hop))}${hop}00${nlri}`)

export const mpUnreach = (nlri: string, afi = 2, safi = 1): string =>
  attribute(optional, 15, `${u16(afi)}${u8(safi)}${nlri}`)

/** 203.0.113.0/24 and 2001:db8:113::/48 as they stand in NLRI. */
export const prefix = { ipv4: '18cb0071', ipv6: '3020010db80113' } as const
