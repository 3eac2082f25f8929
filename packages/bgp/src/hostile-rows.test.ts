/**
 * Hostile input, row by row: H is the header and the stream, O the OPEN, U the UPDATE, N the NOTIFICATION, R the
 * ROUTE-REFRESH. Every row of the UPDATE is tried on external and internal sessions, with IPv4 and with IPv6 routes, since
 * others had the right reaction in one of the four only.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Family, Prefix } from '@holdfast/ip'
import { formatPrefix } from '@holdfast/ip'
import { decodeMessage } from './decode.ts'
import { describeText } from './describe-text.ts'
import type { SessionReset } from './fault.ts'
import { createFramer } from './framer.ts'
import type { Capability, CodecContext, NotificationMessage, OpenMessage } from './messages.ts'
import { initialContext } from './messages.ts'
import { describeWholeNotification } from './notification-names.ts'
import {
  asPath,
  attribute,
  digits,
  hex,
  marker,
  message,
  nextHop,
  open,
  origin,
  tlv,
  toHex,
  update,
} from './testing/second-writer.ts'
import { address, decoded, decodedFault, decodedUpdate, external, internal, twoOctet } from './testing/vectors.ts'

const long = { maxReceivedLength: 65535, maxSentLength: 65535 } as const

// H: the header and the stream

function framerFault(bytes: Uint8Array, maxLength: number): SessionReset {
  const framer = createFramer(maxLength)
  framer.push(bytes)
  const frame = framer.next()
  assert.equal(frame.kind, 'fault')
  return frame.fault
}

const header = (length: number, type: number): Uint8Array => hex(marker + digits(length, 2) + digits(type, 1))
const brokenMarker = (octet: number): Uint8Array => {
  const bytes = header(19, 4)
  bytes[octet] = 0xfe
  return bytes
}

interface HeaderRow {
  readonly name: string
  readonly bytes: Uint8Array
  /** Code, subcode, data; a blank and `silent` where nobody is told. */
  readonly expected: string
  readonly limits?: readonly number[]
}

const headerRows: readonly HeaderRow[] = [
  ...Array.from({ length: 16 }, (_, octet) => ({
    name: `H1: marker octet ${octet} is not all ones [rfc4271-6.1-marker]`,
    bytes: brokenMarker(octet),
    expected: '1/1 ',
  })),
  ...[0, 1, 18].map((length) => ({
    name: `H2: length ${length} [rfc4271-6.1-length-range] [rfc4271-6.1-length-data]`,
    bytes: header(length, 2),
    expected: `1/2 ${digits(length, 2)}`,
  })),
  ...[4097, 65535].map((length) => ({
    name: `H3: length ${length} without extended messages [rfc8654-5-not-advertised]`,
    bytes: header(length, 2),
    expected: `1/2 ${digits(length, 2)}`,
    limits: [4096],
  })),
  ...[4097, 65535].map((length) => ({
    name: `H3: OPEN of ${length}, also with extended messages`,
    bytes: header(length, 1),
    expected: `1/2 ${digits(length, 2)}`,
  })),
  ...[0, 6, 128, 255].map((type) => ({
    name: `H4: type ${type} [rfc4271-6.1-message-type] [rfc4271-6.1-type-data]`,
    bytes: header(19, type),
    expected: `1/3 ${digits(type, 1)}`,
  })),
  ...[20, 4096, 65535].map((length) => ({
    name: `H5: KEEPALIVE of ${length} [rfc4271-6.1-keepalive-length]`,
    bytes: header(length, 4),
    expected: `1/2 ${digits(length, 2)}`,
  })),
  { name: 'H6: OPEN of 28 [rfc4271-6.1-open-length]', bytes: header(28, 1), expected: '1/2 001c' },
  { name: 'H6: UPDATE of 22 [rfc4271-6.1-update-length]', bytes: header(22, 2), expected: '1/2 0016' },
  {
    name: 'H6: NOTIFICATION of 20 [rfc4271-6.1-notification-length] [rfc4271-6.4-no-answer]',
    bytes: header(20, 3),
    expected: '1/2 0014 silent',
  },
  { name: 'R1: ROUTE-REFRESH of 22', bytes: header(22, 5), expected: '1/2 0016' },
]

const told = ({ code, subcode, data, isSilent }: SessionReset): string =>
  `${code}/${subcode} ${toHex(data)}${isSilent ? ' silent' : ''}`

for (const { name, bytes, expected, limits = [4096, 65535] } of headerRows) {
  for (const limit of limits) {
    test(`${name}, up to ${limit} octets: ${expected}`, () => {
      assert.equal(told(framerFault(bytes, limit)), expected)
    })
  }
}

test('H3: with extended messages UPDATE, NOTIFICATION and ROUTE-REFRESH have up to 65,535 octets [rfc8654-4-receive]', () => {
  for (const type of [2, 3, 5]) {
    const bytes = message(type, '00'.repeat(65535 - 19))
    const framer = createFramer(65535)
    framer.push(bytes)
    const frame = framer.next()
    assert.equal(frame.kind === 'message' && frame.bytes.length, 65535)
    assert.equal(framer.next().kind, 'needMore')
  }
})

test('H3: the limit changes between two messages, when the session has agreed to it', () => {
  const framer = createFramer()
  framer.push(Uint8Array.from([...message(4, ''), ...message(3, `0602${'00'.repeat(5000)}`)]))
  assert.equal(framer.next().kind, 'message')
  framer.maxLength = 65535
  const frame = framer.next()
  assert.equal(frame.kind === 'message' && frame.bytes.length, 5021)
})

test('H3: the decoder judges by what we offered, whatever the framer let pass', () => {
  const bytes = update({ attributes: '', nlri: '00'.repeat(4074) })
  assert.equal(told(decodedFault(bytes, external)), '1/2 1001')
  assert.equal(decodedUpdate(bytes, { ...external, ...long }).withdrawn.length, 4074)
})

// O: the OPEN

const openRows: readonly [name: string, bytes: Uint8Array, expected: string][] = [
  ['O1: version 3 [rfc4271-6.2-version] [rfc4271-6.2-version-data]', open({ version: 3 }), '2/1 0004'],
  ['O1: version 5 [rfc4271-6.2-version]', open({ version: 5 }), '2/1 0004'],
  ['O2: AS 0 [rfc7607-2-open]', open({ asn: 0 }), '2/2 '],
  ['O2: AS 0 in the capability [rfc7607-2-open]', open({ parameters: tlv(2, tlv(65, '00000000')) }), '2/2 '],
  ['O2: AS_TRANS without the capability', open({ asn: 23456 }), '2/2 '],
  ['O3: BGP Identifier 0.0.0.0 [rfc4271-6.2-identifier]', open({ routerId: '00000000' }), '2/3 '],
  ['O4: hold time 1 [rfc4271-6.2-hold-time]', open({ holdTime: 1 }), '2/6 0001'],
  ['O4: hold time 2 [rfc4271-6.2-hold-time]', open({ holdTime: 2 }), '2/6 0002'],
  [
    'O5: opt-len more than the rest [rfc4271-6.2-malformed-parameter]',
    open({ parameters: '0200', parametersLength: 9 }),
    '2/0 ',
  ],
  [
    'O5: opt-len less than the rest [rfc4271-6.2-malformed-parameter]',
    open({ parameters: '0200', parametersLength: 1 }),
    '2/0 ',
  ],
  ['O6: CVE-2022-40302', open({ parameters: 'ff 0002 0001', parametersLength: 255 }), '2/0 '],
  ['O6: cut by 1', open({ parameters: 'ff 0002 00', parametersLength: 255 }), '2/0 '],
  ['O6: cut by 2', open({ parameters: 'ff 0002', parametersLength: 255 }), '2/0 '],
  ['O6: cut by 3', open({ parameters: 'ff 00', parametersLength: 255 }), '2/0 '],
  ['O7: CVE-2022-43681', open({ parametersLength: 255 }), '2/0 '],
  ['O8: parameter type 1 [rfc4271-6.2-unknown-parameter]', open({ parameters: tlv(1, '00') }), '2/4 '],
  ['O8: parameter type 7 [rfc4271-6.2-unknown-parameter]', open({ parameters: tlv(7, '') }), '2/4 '],
  ['O9: a capability longer than its parameter', open({ parameters: tlv(2, tlv(2, '', 1)) }), '2/0 '],
  ['O9: a capability of one octet', open({ parameters: tlv(2, '02') }), '2/0 '],
  ['O11: multiprotocol of 3 octets', open({ parameters: tlv(2, tlv(1, '000100')) }), '2/0 '],
  ['O11: multiprotocol of 5 octets', open({ parameters: tlv(2, tlv(1, '0001000100')) }), '2/0 '],
  ['O11: four-octet AS of 2 octets', open({ parameters: tlv(2, tlv(65, 'fc00')) }), '2/0 '],
  ['O11: two different AS numbers', open({ parameters: tlv(2, '41040000fc00 41040000fc01') }), '2/0 '],
]

for (const [name, bytes, expected] of openRows) {
  test(`${name}: ${expected}`, () => {
    assert.equal(told(decodedFault(bytes, initialContext)), expected)
  })
}

function openOf(...capabilities: readonly string[]): OpenMessage {
  const result = decoded(open({ parameters: capabilities.map((one) => tlv(2, one)).join('') }), initialContext)
  assert.equal(result.kind, 'open')
  return result
}
const capabilitiesOf = (...capabilities: readonly string[]): readonly Capability[] =>
  openOf(...capabilities).capabilities

test('O4: hold time 0 is accepted [rfc4271-4.2-hold-time-zero]', () => {
  const result = decoded(open({ holdTime: 0 }), initialContext)
  assert.equal(result.kind === 'open' && result.holdTimeSeconds, 0)
})

const passedOver: readonly [name: string, code: number, value: string][] = [
  ['O10: unknown, empty [rfc5492-3-unknown-ignored]', 200, ''],
  ['O10: unknown, 251 octets [rfc5492-3-unknown-ignored]', 200, 'ab'.repeat(251)],
  ['O12: graceful restart of 0 octets', 64, ''],
  ['O12: graceful restart of 1 octet', 64, '00'],
  ['O12: graceful restart of 3 octets', 64, '007800'],
  ['O12: graceful restart of 5 octets', 64, '0078000101'],
  ['O12: long-lived graceful restart of 6 octets', 71, '000101800000'],
  ['O12: long-lived graceful restart of 8 octets', 71, '0001018000003c00'],
  ['O13: add-path of 3 octets', 69, '000101'],
  ['O13: add-path of 5 octets', 69, '0001010100'],
  ['O13: add-path with direction 0 [rfc7911-4-unknown-direction]', 69, '0001010300020100'],
  ['O13: add-path with direction 4 [rfc7911-4-unknown-direction]', 69, '00010104'],
  ['O13: extended next hop of 5 octets', 5, '0001000100'],
  ['O13: extended next hop of 7 octets', 5, '00010001000200'],
  ['O14: FQDN without a length', 73, ''],
  ['O14: FQDN whose host name is longer', 73, 'ff6e6f6465'],
  ['O14: FQDN whose domain name is longer', 73, '016eff6e'],
  ['O14: FQDN without a domain name', 73, '016e'],
  ['O14: FQDN with something behind it', 73, '016e0000'],
  ['O14: software version that is longer', 75, 'ff6e6f6465'],
  ['O14: software version with something behind it', 75, '016e00'],
  ['role of 0 octets', 9, ''],
  ['role of 2 octets', 9, '0300'],
  ['extended message with a value', 6, '00'],
  ['enhanced route refresh with a value', 70, '00'],
  ['route refresh with a value', 2, '00'],
]

for (const [name, code, value] of passedOver) {
  test(`${name}: passed over, kept as bytes, the session goes on`, () => {
    assert.deepEqual(capabilitiesOf(tlv(code, value)), [{ kind: 'unknown', code, value: hex(value) }])
  })
}

test('O10: 120 unknown capabilities, and 200 in the longer form, are passed over', () => {
  assert.equal(capabilitiesOf(tlv(222, '').repeat(120)).length, 120)
  const parameters = `ff ${digits(3 + 400, 2)} 02 ${digits(400, 2)}${tlv(222, '').repeat(200)}`
  const result = decoded(open({ parameters, parametersLength: 255 }), initialContext)
  assert.equal(result.kind === 'open' && result.capabilities.length, 200)
})

test('O14: 250 control characters are a host name, and are shown as what they are', () => {
  const [capability] = capabilitiesOf(tlv(73, `f9${'1b'.repeat(249)}00`))
  assert.ok(capability?.kind === 'fqdn')
  assert.equal(capability.hostName, '\x1b'.repeat(249))
  assert.match(describeText(capability.hostName), /^(\\x1b){63}…$/)
})

// U: the UPDATE

const sessions = [
  ['eBGP', external],
  ['iBGP', internal],
] as const
const families = ['ipv4', 'ipv6'] as const

/** One route of either family, with what the row puts around it. */
const prefixOf = { ipv4: '198.51.100.1/32', ipv6: '2001:db8::1/128' } as const
const host = { ipv4: '20 c6336401', ipv6: '80 20010db8000000000000000000000001' } as const
const ipv6Hop = '20010db80000000000000000000000fe'
const reachOf = (nlri: string, nextHopLength = 16, hop = ipv6Hop): string =>
  attribute(0x90, 14, `000201 ${digits(nextHopLength, 1)} ${hop} 00 ${nlri}`)

interface Route {
  readonly origin?: string
  readonly path?: string
  /** NEXT_HOP; IPv6 routes have theirs in MP_REACH_NLRI, and this one only where a row says so. */
  readonly hop?: string
  readonly more?: string
}

function routeUpdate(
  family: Family,
  { origin: first = origin, path = asPath, hop = nextHop, more = '' }: Route,
): Uint8Array {
  return family === 'ipv4'
    ? update({ attributes: first + path + hop + more, nlri: host.ipv4 })
    : update({ attributes: reachOf(host.ipv6) + first + path + more })
}

const texts = (prefixes: readonly Prefix[]): string[] => prefixes.map(formatPrefix)

/** What became of an UPDATE, in the words of the list: `RST 3/10`, `TaW`, `AD`, `ignored`, `accepted`. */
function reaction(bytes: Uint8Array, context: CodecContext): string {
  const result = decodeMessage(bytes, context)
  if (!result.ok) return `RST ${result.fault.code}/${result.fault.subcode}`
  assert.equal(result.message.kind, 'update')
  const { faults, announced } = result.message
  const [strongest] = faults
  if (strongest === undefined) return announced === undefined ? 'nothing' : 'accepted'
  if (strongest.remedy === 'treatAsWithdraw') assert.equal(announced, undefined)
  return { treatAsWithdraw: 'TaW', attributeDiscard: 'AD', familyIgnored: 'ignored' }[strongest.remedy]
}

interface UpdateRow {
  readonly name: string
  readonly route: Route
  /** On external and internal sessions, where they differ. */
  readonly expected: string | readonly [ebgp: string, ibgp: string]
  readonly families?: readonly Family[]
  readonly context?: Partial<CodecContext>
}

const each = <T>(values: readonly T[], row: (value: T) => UpdateRow): readonly UpdateRow[] => values.map(row)
const bad = (code: number, flags: number, value: string): Route => ({ more: attribute(flags, code, value) })

const updateRows: readonly UpdateRow[] = [
  {
    name: 'U3: the last attribute overruns the total length [rfc7606-4-overrun] [rfc7606-4-total-length]',
    route: { more: attribute(0xc0, 8, 'fc000001', 200) },
    expected: 'TaW',
  },
  ...each(['40', 'c008'], (rest) => ({
    name: `U4: ${rest.length / 2} octets behind the last attribute [rfc7606-4-underrun]`,
    route: { more: rest },
    expected: 'TaW',
  })),
  { name: 'U4: extended length, three octets left [rfc7606-4-underrun]', route: { more: 'd00800' }, expected: 'TaW' },
  { name: 'U5: no ORIGIN [rfc7606-3-missing]', route: { origin: '' }, expected: 'TaW' },
  { name: 'U5: no AS_PATH [rfc7606-3-missing]', route: { path: '' }, expected: 'TaW' },
  { name: 'U5: no NEXT_HOP [rfc7606-3-missing]', route: { hop: '' }, expected: 'TaW', families: ['ipv4'] },
  {
    name: 'U6: nothing but attribute 31 (CVE-2023-46753)',
    route: { origin: attribute(0xc0, 31, '00'), path: '', hop: '' },
    expected: 'TaW',
  },
  { name: 'U7: no attributes (CVE-2023-41358)', route: { origin: '', path: '', hop: '' }, expected: 'TaW' },
  ...each(['', '0000'], (value) => ({
    name: `U11: ORIGIN of ${value.length / 2} octets [rfc7606-7.1-origin]`,
    route: { origin: attribute(0x40, 1, value) },
    expected: 'TaW',
  })),
  ...each(['03', 'ff'], (value) => ({
    name: `U11: ORIGIN 0x${value} [rfc7606-7.1-origin]`,
    route: { origin: attribute(0x40, 1, value) },
    expected: 'TaW',
  })),
  ...each(['00 01 0000fc01', '05 01 0000fc01'], (value) => ({
    name: `U12: segment type ${value.slice(0, 2)} [rfc7606-7.2-segment-type]`,
    route: { path: attribute(0x40, 2, value) },
    expected: 'TaW',
  })),
  {
    name: 'U12: an empty segment [rfc7606-7.2-empty-segment]',
    route: { path: attribute(0x40, 2, '0200') },
    expected: 'TaW',
  },
  {
    name: 'U12: a segment overruns [rfc7606-7.2-segment-overrun]',
    route: { path: attribute(0x40, 2, '02ff0000fc01') },
    expected: 'TaW',
  },
  {
    name: 'U12: a stray octet [rfc7606-7.2-segment-underrun]',
    route: { path: attribute(0x40, 2, '02010000fc0102') },
    expected: 'TaW',
  },
  {
    name: 'U13: AS 0 in the path [rfc7607-2-as-path]',
    route: { path: attribute(0x40, 2, '02020000fc0100000000') },
    expected: 'TaW',
  },
  {
    name: 'U13: AS_SET [rfc9774-3-as-set]',
    route: { path: attribute(0x40, 2, '02010000fc0101010000fc02') },
    expected: 'TaW',
  },
  {
    name: 'U13: AS_CONFED_SEQUENCE [rfc5065-5-confed]',
    route: { path: attribute(0x40, 2, '03010000fc01') },
    expected: 'TaW',
  },
  {
    name: 'U13: AS_CONFED_SET [rfc9774-3-confed-set]',
    route: { path: attribute(0x40, 2, '04010000fc01') },
    expected: 'TaW',
  },
  ...each(['', 'c0', 'c000', 'c00002', 'c00002feff', '20'.repeat(16)], (value) => ({
    name: `U15: NEXT_HOP of ${value.length / 2} octets [rfc7606-7.3-next-hop]`,
    route: { hop: attribute(0x40, 3, value) },
    expected: 'TaW',
    families: ['ipv4'],
  })),
  ...each(
    [
      ['0.0.0.0', '00000000'],
      ['127.0.0.1', '7f000001'],
      ['224.0.0.1', 'e0000001'],
      ['our own [rfc4271-6.3-own-next-hop]', 'c0000201'],
    ],
    ([name = '', value = '']) => ({
      name: `U16: NEXT_HOP ${name}`,
      route: { hop: attribute(0x40, 3, value) },
      expected: 'TaW',
      families: ['ipv4'],
      context: { localAddress: address('192.0.2.1') },
    }),
  ),
  ...each(['', '000000', '0000000000'], (value) => ({
    name: `U17: MULTI_EXIT_DISC of ${value.length / 2} octets [rfc7606-7.4-med]`,
    route: bad(4, 0x80, value),
    expected: 'TaW',
  })),
  ...each(['', '000000', '0000000000'], (value) => ({
    name: `U17: LOCAL_PREF of ${value.length / 2} octets [rfc7606-7.5-local-pref-length]`,
    route: bad(5, 0x40, value),
    expected: ['AD', 'TaW'],
  })),
  {
    name: 'U17: LOCAL_PREF [rfc7606-7.5-local-pref-external] [rfc4271-5.1.5-external]',
    route: bad(5, 0x40, '00000064'),
    expected: ['AD', 'accepted'],
  },
  {
    name: 'U18: ATOMIC_AGGREGATE of 1 octet [rfc7606-7.6-atomic-aggregate]',
    route: bad(6, 0x40, '00'),
    expected: 'AD',
  },
  ...each([5, 6, 7, 9], (length) => ({
    name: `U18: AGGREGATOR of ${length} octets [rfc7606-7.7-aggregator]`,
    route: bad(7, 0xc0, '01'.repeat(length)),
    expected: 'AD',
  })),
  { name: 'U18: AGGREGATOR with AS 0 [rfc7607-2-aggregator]', route: bad(7, 0xc0, '00000000c0000201'), expected: 'AD' },
  ...each([7, 9], (length) => ({
    name: `U18: AS4_AGGREGATOR of ${length} octets from a two-octet speaker [rfc6793-6-as4-aggregator]`,
    route: { ...bad(18, 0xc0, '01'.repeat(length)), path: attribute(0x40, 2, '0201fc01') },
    expected: 'AD',
    context: { isFourOctetAs: false },
  })),
  {
    name: 'U18: AS4_AGGREGATOR with AS 0 from a two-octet speaker [rfc7607-2-as4]',
    route: { ...bad(18, 0xc0, '00000000c0000201'), path: attribute(0x40, 2, '0201fc01') },
    expected: 'AD',
    context: { isFourOctetAs: false },
  },
  ...each(['', '0000000000'], (value) => ({
    name: `U19: COMMUNITIES of ${value.length / 2} octets [rfc7606-7.8-communities]`,
    route: bad(8, 0xc0, value),
    expected: 'TaW',
  })),
  ...each(['', '00'.repeat(9)], (value) => ({
    name: `U19: EXTENDED COMMUNITIES of ${value.length / 2} octets [rfc7606-7.14-extended-communities]`,
    route: bad(16, 0xc0, value),
    expected: 'TaW',
  })),
  ...each(['', '00'.repeat(21)], (value) => ({
    name: `U19: IPv6 EXTENDED COMMUNITIES of ${value.length / 2} octets [rfc7606-7.15-ipv6-extended-communities]`,
    route: bad(25, 0xc0, value),
    expected: 'TaW',
  })),
  ...each(['', '00'.repeat(13)], (value) => ({
    name: `U19: LARGE_COMMUNITY of ${value.length / 2} octets [rfc8092-6-length]`,
    route: bad(32, 0xc0, value),
    expected: 'TaW',
  })),
  {
    name: 'U20: ORIGINATOR_ID of 3 octets [rfc7606-7.9-originator-id]',
    route: bad(9, 0x80, '000000'),
    expected: ['AD', 'TaW'],
  },
  { name: 'U20: ORIGINATOR_ID [rfc7606-7.9-external]', route: bad(9, 0x80, 'c0000201'), expected: ['AD', 'accepted'] },
  ...each(['', '0000000000'], (value) => ({
    name: `U20: CLUSTER_LIST of ${value.length / 2} octets [rfc7606-7.10-cluster-list]`,
    route: bad(10, 0x80, value),
    expected: ['AD', 'TaW'],
  })),
  { name: 'U20: CLUSTER_LIST [rfc7606-7.10-external]', route: bad(10, 0x80, 'c0000201'), expected: ['AD', 'accepted'] },
  ...each([0x00, 0x80, 0xc0], (flags) => ({
    name: `U21: ORIGIN with flags 0x${digits(flags, 1)} [rfc7606-3-flags]`,
    route: { origin: attribute(flags, 1, '00') },
    expected: 'TaW',
  })),
  ...each([0x00, 0x80, 0xc0], (flags) => ({
    name: `U21: AS_PATH with flags 0x${digits(flags, 1)} [rfc7606-3-flags]`,
    route: { path: attribute(flags, 2, '02010000fc01') },
    expected: 'TaW',
  })),
  ...each([0x00, 0x80, 0xc0], (flags) => ({
    name: `U21: NEXT_HOP with flags 0x${digits(flags, 1)} [rfc7606-3-flags]`,
    route: { hop: attribute(flags, 3, 'c00002fe') },
    expected: 'TaW',
    families: ['ipv4'],
  })),
  ...each(
    [
      [0x40, 4, '00000000'],
      [0xc0, 6, ''],
      [0x40, 7, '0000fc01c0000201'],
      [0x40, 8, 'fc000001'],
      [0x80, 8, 'fc000001'],
      [0x40, 16, '00'.repeat(8)],
      [0x40, 25, '00'.repeat(20)],
      [0x40, 32, '00'.repeat(12)],
      [0x40, 35, '0000fc00'],
    ] as const,
    ([flags, code, value]) => ({
      name: `U21: attribute ${code} with flags 0x${digits(flags, 1)} [rfc7606-3-flags]`,
      route: bad(code, flags, value),
      expected: 'TaW',
    }),
  ),
  ...each(
    [
      [0xc0, 5, '00000064'],
      [0x40, 9, 'c0000201'],
      [0xc0, 10, 'c0000201'],
    ] as const,
    ([flags, code, value]) => ({
      name: `U21: attribute ${code} with flags 0x${digits(flags, 1)}`,
      route: bad(code, flags, value),
      expected: ['AD', 'TaW'],
    }),
  ),
  ...each([22, 23, 24, 26, 27, 28, 29, 33, 36, 37, 38, 39, 40, 128], (code) => ({
    name: `U21: attribute ${code}, an optional one that we do not read, marked as well-known`,
    route: bad(code, 0x40, '0000'),
    expected: 'AD',
  })),
  {
    name: 'U22: a second MULTI_EXIT_DISC [rfc7606-3-duplicate]',
    route: { more: attribute(0x80, 4, '00000001') + attribute(0x80, 4, '00000002') },
    expected: 'AD',
  },
  {
    name: 'U22: a second ORIGIN, broken [rfc7606-3-duplicate]',
    route: { more: attribute(0x40, 1, 'ff') },
    expected: 'AD',
  },
  {
    name: 'U23: attribute 200, marked as well-known [rfc4271-6.3-unrecognised]',
    route: bad(200, 0x40, '00'),
    expected: 'RST 3/2',
  },
  { name: 'U24: attribute 254, transitive', route: bad(254, 0xc0, 'ffff'), expected: 'accepted' },
  {
    name: 'U24: attribute 253, non-transitive [rfc4271-5-unrecognised-optional]',
    route: bad(253, 0x80, 'ffff'),
    expected: 'accepted',
  },
  ...each([23, 26, 28, 29, 39, 40], (code) => ({
    name: `U25: attribute ${code} with rubbish in it`,
    route: bad(code, 0xc0, '00ffff00'),
    expected: 'accepted',
  })),
  { name: 'U25: BGP Prefix-SID of zeros', route: bad(40, 0xc0, '00'.repeat(40)), expected: 'accepted' },
  ...each([0, 3, 5, 1024], (length) => ({
    name: `U25: OTC of ${length} octets [rfc9234-5-otc-length]`,
    route: bad(35, 0xd0, '00'.repeat(length)),
    expected: 'TaW',
  })),
  ...each(['05 01 fa56ea01', '02 00', '02 ff fa56ea01', '02', '02 01 00000000'], (value) => ({
    name: `U26: AS4_PATH ${value} in front of AS_PATH [rfc6793-6-as4-path] [rfc4271-5-any-order]`,
    route: { origin: attribute(0xc0, 17, value) + origin, path: attribute(0x40, 2, '0201fc01') },
    expected: 'AD',
    context: { isFourOctetAs: false },
  })),
  {
    name: 'AS4_PATH from a four-octet speaker [rfc6793-4.1-as4-path-from-new]',
    route: bad(17, 0xc0, '0201fa56ea01'),
    expected: 'AD',
  },
  {
    name: 'AS4_AGGREGATOR from a four-octet speaker [rfc6793-4.1-as4-aggregator-from-new]',
    route: bad(18, 0xc0, 'fa56ea01c0000201'),
    expected: 'AD',
  },
  {
    name: 'AS_SET in AS4_PATH [rfc9774-3-as4-path]',
    route: { path: attribute(0x40, 2, '02015ba0'), more: attribute(0xc0, 17, '0101fa56ea01') },
    expected: 'TaW',
    context: { isFourOctetAs: false },
  },
  {
    name: 'two faults: the stronger remedy counts [rfc7606-3-strongest]',
    route: { more: attribute(0x40, 6, '00') + attribute(0x80, 4, '00') },
    expected: 'TaW',
  },
]

for (const { name, route, expected, families: only = families, context } of updateRows) {
  for (const [index, [session, base]] of sessions.entries()) {
    const wanted = typeof expected === 'string' ? expected : expected[index]
    for (const family of only) {
      test(`${name}, ${session}, ${family}: ${wanted}`, () => {
        const bytes = routeUpdate(family, route)
        const full = { ...base, ...context }
        assert.equal(reaction(bytes, full), wanted)
        if (wanted === 'TaW') assert.deepEqual(texts(decodedUpdate(bytes, full).withdrawn), [prefixOf[family]])
      })
    }
  }
}

/** Whole messages, for rows about the fields of an UPDATE and the two attributes that have routes in them. */
const messageRows: readonly [name: string, bytes: Uint8Array, expected: string, context?: Partial<CodecContext>][] = [
  [
    'U1: withdrawn + attributes + 23 > length [rfc4271-6.3-lengths]',
    update({ attributes: origin, attributesLength: 99 }),
    'RST 3/1',
  ],
  ['U1: withdrawn alone is longer than the message', update({ withdrawnLength: 3 }), 'RST 3/1'],
  ['U1: both lengths 65,535', update({ withdrawnLength: 65535, attributesLength: 65535 }), 'RST 3/1'],
  ['U2: withdrawn shorter than its prefix', update({ withdrawn: '20 c6' }), 'RST 3/10'],
  ['U2: attributes shorter than MP_REACH_NLRI', update({ attributes: attribute(0x80, 14, '0002', 40) }), 'RST 3/1'],
  [
    'U8: MP_UNREACH_NLRI and NLRI without attributes (CVE-2023-47234)',
    update({ attributes: attribute(0x80, 15, `000201 ${host.ipv6}`), nlri: host.ipv4 }),
    'TaW',
  ],
  [
    'U9: an IPv4 prefix of 33 bits [rfc7606-5.3-prefix-length]',
    update({ attributes: origin + asPath + nextHop, nlri: '21 c633640100' }),
    'RST 3/10',
  ],
  [
    'U9: an IPv4 prefix of 255 bits [rfc7606-5.3-prefix-length]',
    update({ attributes: origin + asPath + nextHop, nlri: `ff${'00'.repeat(32)}` }),
    'RST 3/10',
  ],
  [
    'U9: an IPv6 prefix of 129 bits [rfc7606-5.3-prefix-length]',
    update({ attributes: reachOf(`81${'20'.repeat(17)}`) + origin + asPath }),
    'RST 3/9',
  ],
  [
    'U9: an IPv6 prefix of 255 bits',
    update({ attributes: reachOf(`ff${'20'.repeat(32)}`) + origin + asPath }),
    'RST 3/9',
  ],
  [
    'U9: a truncated IPv4 prefix [rfc7606-5.3-overrun] [rfc4271-6.3-network-field]',
    update({ attributes: origin + asPath + nextHop, nlri: '20 c63364' }),
    'RST 3/10',
  ],
  [
    'U9: a truncated IPv6 prefix [rfc7606-5.3-overrun]',
    update({ attributes: reachOf('80 20') + origin + asPath }),
    'RST 3/9',
  ],
  ['U10: a withdrawn IPv4 prefix of 33 bits [rfc7606-3-withdrawn]', update({ withdrawn: '21 c633640100' }), 'RST 3/10'],
  ['U10: a truncated withdrawn IPv4 prefix [rfc7606-3-withdrawn]', update({ withdrawn: '20 c63364' }), 'RST 3/10'],
  [
    'U10: a withdrawn IPv6 prefix of 129 bits [rfc7606-3-unparsable]',
    update({ attributes: attribute(0x80, 15, `000201 81 ${'20'.repeat(17)}`) }),
    'RST 3/9',
  ],
  ['U10: a truncated withdrawn IPv6 prefix', update({ attributes: attribute(0x80, 15, '000201 80 20') }), 'RST 3/9'],
  [
    'U21: MP_REACH_NLRI with flags 0x40',
    update({ attributes: attribute(0x40, 14, `000201 10 ${ipv6Hop} 00 ${host.ipv6}`) + origin + asPath }),
    'TaW',
  ],
  ['U21: MP_UNREACH_NLRI with flags 0xc0', update({ attributes: attribute(0xc0, 15, `000201 ${host.ipv6}`) }), 'TaW'],
  [
    'U22: two MP_REACH_NLRI [rfc7606-3-duplicate-mp]',
    update({ attributes: reachOf(host.ipv6) + reachOf(host.ipv6) + origin + asPath }),
    'RST 3/1',
  ],
  [
    'U22: two MP_UNREACH_NLRI [rfc7606-3-duplicate-mp]',
    update({ attributes: attribute(0x80, 15, '000201').repeat(2) }),
    'RST 3/1',
  ],
  ...([0, 4, 9, 15, 17, 24, 31, 33] as const).map((length): [string, Uint8Array, string] => [
    `U27: an IPv6 next hop of ${length} octets [rfc7606-7.11-mp-reach-next-hop] [rfc2545-3-next-hop-length]`,
    update({ attributes: reachOf(host.ipv6, length, '20'.repeat(length)) + origin + asPath }),
    'RST 3/9',
  ]),
  [
    'U27: a next hop of 64 octets in a shorter attribute',
    update({ attributes: reachOf('', 64) + origin + asPath }),
    'RST 3/9',
  ],
  [
    'U27: MP_REACH_NLRI ends behind the SAFI',
    update({ attributes: attribute(0x80, 14, '000201') + origin + asPath }),
    'RST 3/9',
  ],
  [
    'U27: MP_REACH_NLRI ends in front of the reserved octet',
    update({ attributes: attribute(0x80, 14, `000201 10 ${ipv6Hop}`) + origin + asPath }),
    'RST 3/9',
  ],
  ['U27: MP_REACH_NLRI is empty', update({ attributes: attribute(0x80, 14, '') + origin + asPath }), 'RST 3/9'],
  [
    'U27: an IPv4 next hop of 16 octets without RFC 8950',
    update({ attributes: attribute(0x80, 14, `000101 10 ${ipv6Hop} 00 ${host.ipv4}`) + origin + asPath }),
    'RST 3/9',
  ],
  [
    'U27: an IPv4 next hop of 24 octets with RFC 8950',
    update({ attributes: attribute(0x80, 14, `000101 18 ${'20'.repeat(24)} 00 ${host.ipv4}`) + origin + asPath }),
    'RST 3/9',
    { extendedNextHop: ['ipv4'] },
  ],
  ['U28: `0e 60 11223344` where attributes are', update({ attributes: '0e60 11223344', nlri: host.ipv4 }), 'TaW'],
  [
    'U28: MP_REACH_NLRI `01 01 10 ffffff0000`',
    update({ attributes: attribute(0x80, 14, '010110ffffff0000') + origin + asPath }),
    'RST 3/9',
  ],
  [
    'U28: MP_REACH_NLRI of AFI 0',
    update({ attributes: attribute(0x80, 14, '0000 01 00 00') + origin + asPath }),
    'ignored',
  ],
  [
    'U29: FlowSpec, not negotiated',
    update({ attributes: attribute(0x80, 14, '0001 85 00 00 0301 20 c6') + origin + asPath }),
    'ignored',
  ],
  [
    'U29: BGP-LS VPN, not negotiated',
    update({ attributes: attribute(0x80, 14, '4004 47 04 c0000201 00 ffff') + origin + asPath }),
    'ignored',
  ],
  ['U29: FlowSpec to withdraw', update({ attributes: attribute(0x80, 15, '0001 85 0301 20 c6') }), 'ignored'],
  ['U30: an empty UPDATE', update(), 'nothing'],
  ['U30: an empty MP_UNREACH_NLRI', update({ attributes: attribute(0x80, 15, '000201') }), 'nothing'],
  [
    'U30: End-of-RIB and a broken ORIGIN [rfc7606-5.2-no-routes]',
    update({ attributes: `${attribute(0x80, 15, '000201')}40010107` }),
    'RST 3/6',
  ],
  [
    'U30: End-of-RIB and an attribute to discard',
    update({ attributes: `${attribute(0x80, 15, '000201')}40060100` }),
    'AD',
  ],
  [
    'U30: withdrawals and a broken MULTI_EXIT_DISC [rfc7606-5.2-no-routes]',
    update({ withdrawn: host.ipv4, attributes: '80040100' }),
    'RST 3/5',
  ],
  [
    'U30: MP_UNREACH_NLRI alone, with wrong flags [rfc7606-5.2-only-unreach]',
    update({ attributes: attribute(0x40, 15, `000201 ${host.ipv6}`) }),
    'TaW',
  ],
  [
    'U30: End-of-RIB of a family that was not negotiated',
    update({ attributes: attribute(0x80, 15, '000201') }),
    'ignored',
    { families: ['ipv4'] },
  ],
  [
    'U31: path identifiers, not negotiated',
    update({ attributes: origin + asPath + nextHop, nlri: `000000ff ${host.ipv4}` }),
    'RST 3/10',
  ],
  [
    'U31: no path identifiers, negotiated [rfc7911-5-encoding]',
    update({ attributes: origin + asPath + nextHop, nlri: '08 0a' }),
    'RST 3/10',
    { addPath: { send: [], receive: ['ipv4'] } },
  ],
  [
    'U31: a path identifier without a prefix',
    update({ attributes: origin + asPath + nextHop, nlri: `00000001 ${host.ipv4} 00000002` }),
    'RST 3/10',
    { addPath: { send: [], receive: ['ipv4'] } },
  ],
  [
    'U31: a cut path identifier',
    update({ withdrawn: '0000' }),
    'RST 3/10',
    { addPath: { send: [], receive: ['ipv4'] } },
  ],
  [
    'U31: path identifiers of IPv6, not negotiated',
    update({ attributes: reachOf(`000000ff ${host.ipv6}`) + origin + asPath }),
    'RST 3/9',
  ],
]

for (const [name, bytes, expected, context] of messageRows) {
  for (const [session, base] of sessions) {
    test(`${name}, ${session}: ${expected}`, () => {
      assert.equal(reaction(bytes, { ...base, ...context }), expected)
    })
  }
}

for (const [session, context] of sessions) {
  test(`U14: paths of 2,049 and of 16,000 AS numbers are read in no time, ${session} (CVE-2026-49943)`, () => {
    for (const count of [2049, 16000]) {
      const segments = Math.floor(count / 255)
      const rest = count % 255
      const value = `02ff${'0000fc01'.repeat(255)}`.repeat(segments) + `02${digits(rest, 1)}${'0000fc01'.repeat(rest)}`
      const bytes = update({ attributes: origin + attribute(0x50, 2, value) + nextHop, nlri: host.ipv4 })
      const start = performance.now()
      const { announced } = decodedUpdate(bytes, { ...context, ...long })
      assert.ok(performance.now() - start < 500)
      assert.equal(announced?.attributes.asPath.flatMap(({ asns }) => asns).length, count)
    }
  })

  test(`U32: a prefix that is withdrawn and announced is announced, ${session} [rfc4271-4.3-both-lists] [rfc4271-4.3-announced-wins]`, () => {
    const ipv4 = decodedUpdate(
      update({ withdrawn: `${host.ipv4} 00`, attributes: origin + asPath + nextHop, nlri: host.ipv4 }),
      context,
    )
    assert.deepEqual([texts(ipv4.withdrawn), reach(ipv4.announced)], [['0.0.0.0/0'], [prefixOf.ipv4]])
    const both = attribute(0x80, 15, `000201 ${host.ipv6}`) + reachOf(host.ipv6) + origin + asPath
    const ipv6 = decodedUpdate(update({ attributes: both }), context)
    assert.deepEqual([texts(ipv6.withdrawn), reach(ipv6.announced)], [[], [prefixOf.ipv6]])
  })

  test(`U34: UPDATEs of 4,096 and 65,535 octets of default routes, ${session}`, () => {
    for (const length of [4096, 65535]) {
      const front = origin + asPath + nextHop
      const nlri = '00'.repeat(length - 23 - front.replaceAll(/\s/g, '').length / 2)
      const { announced } = decodedUpdate(update({ attributes: front, nlri }), { ...context, ...long })
      assert.equal(reach(announced).length, nlri.length / 2)
    }
  })
}

const reach = (announced: ReturnType<typeof decodedUpdate>['announced']): string[] =>
  (announced?.reach ?? []).flatMap(({ prefixes }) => texts(prefixes))

test('U22: of two MULTI_EXIT_DISC the first counts [rfc7606-3-duplicate]', () => {
  const bytes = routeUpdate('ipv4', { more: attribute(0x80, 4, '00000001') + attribute(0x80, 4, '00000002') })
  assert.equal(decodedUpdate(bytes).announced?.attributes.med, 1)
})

test('U23: the NOTIFICATION carries the attribute that nobody knows [rfc4271-6.3-unrecognised]', () => {
  const fault = decodedFault(routeUpdate('ipv4', { more: attribute(0x40, 200, 'abcd') }))
  assert.equal(told(fault), '3/2 40c802abcd')
})

test('U26: a good AS4_PATH in front of AS_PATH is merged (CVE-2026-41643) [rfc4271-5-any-order]', () => {
  const first = attribute(0xc0, 17, '0201fa56ea01') + origin
  const bytes = routeUpdate('ipv4', { origin: first, path: attribute(0x40, 2, '0201 5ba0') })
  assert.deepEqual(decodedUpdate(bytes, twoOctet).announced?.attributes.asPath, [
    { kind: 'sequence', asns: [4200000001] },
  ])
})

// N: the NOTIFICATION. Whatever is in it, it is read, and nothing is answered.

const notificationRows: readonly [name: string, body: string, words: string][] = [
  ['N1: code 0', '0000', 'error code 0'],
  ['N1: code 99, subcode 255', '63ff', 'error code 99 / subcode 255'],
  ['N1: a Cease with a subcode that does not exist', '06ff', 'Cease / subcode 255'],
  ['N2: a text of 255 octets where there is one', '0602ff41', 'Cease / Administrative Shutdown'],
  ['N2: a text of length 0', '060200', 'Cease / Administrative Shutdown'],
  [
    'N2: a text of ESC, line end, NUL and no UTF-8',
    '0602 06 1b 0a 00 c3 28 80',
    'Cease / Administrative Shutdown: "\\x1b\\x0a\\x00\\xc3(\\x80"',
  ],
  ['N2: a text that writes backwards', '0604 07 e280ae 6c6f6c20', 'Cease / Administrative Reset: "\\u{202e}lol "'],
  ['N3: a Hard Reset with nothing inside', '0609', 'Cease / Hard Reset'],
  ['N3: a Hard Reset with half a code inside', '060906', 'Cease / Hard Reset'],
  [
    'N3: a Hard Reset with a text cut off inside',
    '060906 02ff41',
    'Cease / Hard Reset (Cease / Administrative Shutdown)',
  ],
  [
    'N3: a Hard Reset in a Hard Reset in a Hard Reset',
    '0609 0609 0609 0602 0141',
    'Cease / Hard Reset (Cease / Hard Reset)',
  ],
]

for (const [name, body, words] of notificationRows) {
  for (const [session, context] of sessions) {
    test(`${name}, ${session}: read, and shown as ${words}`, () => {
      const result = decoded(message(3, body), context)
      assert.equal(result.kind, 'notification')
      const plain: NotificationMessage = result
      assert.equal(toHex(plain.data), body.replaceAll(/\s/g, '').slice(4))
      assert.equal(describeWholeNotification(plain), words)
    })
  }
}

// R: the ROUTE-REFRESH

const refreshRows: readonly [name: string, body: string, expected: string][] = [
  ['R1: 24 octets', '0001000100', '7/1'],
  ['R1: BoRR of 24 octets [rfc7313-5-length]', '0001010100', '7/1'],
  ['R1: EoRR of 27 octets [rfc7313-5-length]', '0001020100000000', '7/1'],
  ['R1: a family that nobody negotiated', '40040047', 'read'],
  ['R1: subtype 3', '00010301', 'read'],
  ['R1: subtype 255', '0001ff01', 'read'],
  ['R1: a broken outbound route filter', '00010001 01 80 ffff', 'read'],
]

for (const [name, body, expected] of refreshRows) {
  for (const [session, context] of sessions) {
    test(`${name}, ${session}: ${expected}`, () => {
      const bytes = message(5, body)
      const result = decodeMessage(bytes, context)
      assert.equal(result.ok ? 'read' : `${result.fault.code}/${result.fault.subcode}`, expected)
      if (!result.ok) assert.equal(toHex(result.fault.data), toHex(bytes))
    })
  }
}
