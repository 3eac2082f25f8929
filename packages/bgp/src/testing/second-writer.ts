/**
 * A second, dumber writer of BGP messages: it strings hexadecimal digits together and knows nothing of the codec, so
 * that tests do not compare the codec with itself. It writes whatever it is told, also what no speaker may send.
 */

/** Bytes from hexadecimal digits; blanks and line ends are for the reader's eye. */
export function hex(text: string): Uint8Array {
  const digits = text.replaceAll(/\s/g, '')
  if (!/^([0-9a-f]{2})*$/.test(digits)) throw new Error(`not hexadecimal: ${text}`)
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

export const toHex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => digits(byte, 1)).join('')

/** A number as so many octets. */
export const digits = (value: number, octets: number): string => value.toString(16).padStart(octets * 2, '0')

const octetsIn = (text: string): number => text.replaceAll(/\s/g, '').length / 2

export const marker = 'ff'.repeat(16)

/** A whole message. `length` says something other than the truth where it is given. */
export const message = (type: number, body: string, length = 19 + octetsIn(body)): Uint8Array =>
  hex(marker + digits(length, 2) + digits(type, 1) + body)

/** Type, length of one octet, value: the form of capabilities and optional parameters. */
export const tlv = (type: number, value: string, length = octetsIn(value)): string =>
  digits(type, 1) + digits(length, 1) + value

interface OpenFields {
  readonly version?: number
  readonly asn?: number
  readonly holdTime?: number
  readonly routerId?: string
  readonly parameters?: string
  readonly parametersLength?: number
}

export function open(fields: OpenFields = {}): Uint8Array {
  const { version = 4, asn = 64512, holdTime = 90, routerId = '0a000001', parameters = '' } = fields
  const length = fields.parametersLength ?? octetsIn(parameters)
  const front = digits(version, 1) + digits(asn, 2) + digits(holdTime, 2) + routerId
  return message(1, front + digits(length, 1) + parameters)
}

interface UpdateFields {
  readonly withdrawn?: string
  readonly attributes?: string
  readonly nlri?: string
  readonly withdrawnLength?: number
  readonly attributesLength?: number
}

export function update(fields: UpdateFields = {}): Uint8Array {
  const { withdrawn = '', attributes = '', nlri = '' } = fields
  const withdrawnLength = fields.withdrawnLength ?? octetsIn(withdrawn)
  const attributesLength = fields.attributesLength ?? octetsIn(attributes)
  return message(2, digits(withdrawnLength, 2) + withdrawn + digits(attributesLength, 2) + attributes + nlri)
}

/** A path attribute; `length` says something other than the truth where it is given. */
export function attribute(flags: number, code: number, value: string, length = octetsIn(value)): string {
  const isExtended = (flags & 0x10) !== 0
  return digits(flags, 1) + digits(code, 1) + digits(length, isExtended ? 2 : 1) + value
}

/** The attributes that every announcement needs, AS_PATH with four octets: IGP, 64513, 192.0.2.254. */
export const origin = attribute(0x40, 1, '00')
export const asPath = attribute(0x40, 2, '02 01 0000fc01')
export const nextHop = attribute(0x40, 3, 'c00002fe')
export const mandatory = origin + asPath + nextHop

/** 198.51.100.1/32 */
export const host = '20 c6336401'
/** MP_REACH_NLRI: 2001:db8::1/128 with next hop 2001:db8::fe. */
export const reach = attribute(
  0x80,
  14,
  '0002 01 10 20010db80000000000000000000000fe 00 80 20010db8000000000000000000000001',
)
/** MP_UNREACH_NLRI: 2001:db8::2/128. */
export const unreach = attribute(0x80, 15, '0002 01 80 20010db8000000000000000000000002')
