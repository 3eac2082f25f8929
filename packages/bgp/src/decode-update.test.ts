import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Prefix } from '@holdfast/ip'
import { formatPrefix } from '@holdfast/ip'
import { decodeMessage } from './decode.ts'
import { encodeMessage } from './encode.ts'
import type { CodecContext, UpdateMessage } from './messages.ts'
import {
  asPath,
  attribute,
  digits,
  hex,
  host,
  mandatory,
  message,
  nextHop,
  open,
  origin,
  reach,
  tlv,
  toHex,
  unreach,
  update,
} from './testing/second-writer.ts'
import {
  address,
  announcing,
  attributes,
  checkVector,
  decoded,
  decodedFault,
  decodedUpdate,
  endOfRib,
  external,
  internal,
  twoOctet,
  updateMessage,
  withdrawing,
} from './testing/vectors.ts'

const ipv4Only: CodecContext = { ...external, families: ['ipv4'] }
const ipv6Only: CodecContext = { ...external, families: ['ipv6'] }

const texts = (prefixes: readonly Prefix[]): string[] => prefixes.map(formatPrefix)
const announced = (result: UpdateMessage): string[] =>
  (result.announced?.reach ?? []).flatMap(({ prefixes }) => texts(prefixes))
const faultsOf = (result: UpdateMessage): string[] =>
  result.faults.map((fault) =>
    fault.remedy === 'familyIgnored'
      ? `${fault.remedy} ${fault.afi}/${fault.safi}`
      : `${fault.remedy} ${fault.attribute} ${fault.code}/${fault.subcode}`,
  )

const v4 = '198.51.100.1/32'
const v6 = '2001:db8::1/128'
const v6Withdrawn = '2001:db8::2/128'

/** An IPv4 route with all mandatory attributes and those given behind them. */
const withExtra = (...extra: string[]): Uint8Array => update({ attributes: mandatory + extra.join(''), nlri: host })
/** An IPv4 route with the one attribute in place of the good one of its kind. */
const withPath = (flags: number, path: string): Uint8Array =>
  update({ attributes: origin + attribute(flags, 2, path) + nextHop, nlri: host })
const withNextHop = (value: string): Uint8Array =>
  update({ attributes: origin + asPath + attribute(0x40, 3, value), nlri: host })

/** MP_REACH_NLRI with such a value in front of ORIGIN and AS_PATH. */
const withReach = (value: string): Uint8Array => update({ attributes: attribute(0x80, 14, value) + origin + asPath })

const anyAddress = '20'.repeat(16)

interface Case {
  readonly name: string
  readonly bytes: Uint8Array
  readonly context?: CodecContext
  /** Attribute and subcode of the fault. */
  readonly fault: string
  readonly withdrawn?: readonly string[]
}

const treatedAsWithdraw: readonly Case[] = [
  {
    name: 'U3: the last attribute overruns the total length, the routes are found by that length',
    bytes: withExtra(attribute(0xc0, 8, 'fc000001', 200)),
    fault: '8 3/1',
  },
  { name: 'U4: one octet is left behind the last attribute', bytes: withExtra('40'), fault: '0 3/1' },
  { name: 'U4: two octets are left behind the last attribute', bytes: withExtra('c008'), fault: '8 3/1' },
  { name: 'U4: extended length, and three octets are left', bytes: withExtra('d00800'), fault: '8 3/1' },
  { name: 'U5: no ORIGIN', bytes: update({ attributes: asPath + nextHop, nlri: host }), fault: '1 3/3' },
  { name: 'U5: no AS_PATH', bytes: update({ attributes: origin + nextHop, nlri: host }), fault: '2 3/3' },
  { name: 'U5: no NEXT_HOP', bytes: update({ attributes: origin + asPath, nlri: host }), fault: '3 3/3' },
  {
    name: 'U5: no NEXT_HOP for the IPv4 routes beside MP_REACH_NLRI',
    bytes: update({ attributes: reach + origin + asPath, nlri: host }),
    fault: '3 3/3',
    withdrawn: [v4, v6],
  },
  {
    name: 'U5: MP_REACH_NLRI without ORIGIN',
    bytes: update({ attributes: reach + asPath }),
    fault: '1 3/3',
    withdrawn: [v6],
  },
  {
    name: 'U6: nothing but an unknown transitive attribute (CVE-2023-46753)',
    bytes: update({ attributes: attribute(0xc0, 31, '00'), nlri: host }),
    fault: '1 3/3',
  },
  { name: 'U7: routes without attributes (CVE-2023-41358)', bytes: update({ nlri: host }), fault: '1 3/3' },
  {
    name: 'U8: MP_UNREACH_NLRI and routes without attributes (CVE-2023-47234)',
    bytes: update({ attributes: unreach, nlri: host }),
    fault: '1 3/3',
    withdrawn: [v6Withdrawn, v4],
  },
  ...['', '0000'].map((value) => ({
    name: `U11: ORIGIN of ${value.length / 2} octets`,
    bytes: update({ attributes: attribute(0x40, 1, value) + asPath + nextHop, nlri: host }),
    fault: '1 3/5',
  })),
  ...['03', 'ff'].map((value) => ({
    name: `U11: ORIGIN 0x${value}`,
    bytes: update({ attributes: attribute(0x40, 1, value) + asPath + nextHop, nlri: host }),
    fault: '1 3/6',
  })),
  { name: 'U12: segment type 0', bytes: withPath(0x40, '00 01 0000fc01'), fault: '2 3/11' },
  { name: 'U12: segment type 5', bytes: withPath(0x40, '05 01 0000fc01'), fault: '2 3/11' },
  { name: 'U12: an empty segment', bytes: withPath(0x40, '02 00'), fault: '2 3/11' },
  { name: 'U12: a segment longer than the attribute', bytes: withPath(0x40, '02 ff 0000fc01'), fault: '2 3/11' },
  { name: 'U12: a stray octet', bytes: withPath(0x40, '02 01 0000fc01 02'), fault: '2 3/11' },
  { name: 'U13: AS 0', bytes: withPath(0x40, '02 02 0000fc01 00000000'), fault: '2 3/11' },
  { name: 'U13: AS 0 on iBGP', bytes: withPath(0x40, '02 01 00000000'), context: internal, fault: '2 3/11' },
  { name: 'U13: AS_SET', bytes: withPath(0x40, '01 01 0000fc01'), fault: '2 3/11' },
  { name: 'U13: AS_CONFED_SEQUENCE', bytes: withPath(0x40, '03 01 0000fc01'), fault: '2 3/11' },
  { name: 'U13: AS_CONFED_SET on iBGP', bytes: withPath(0x40, '04 01 0000fc01'), context: internal, fault: '2 3/11' },
  {
    name: 'a path of four-octet AS numbers on a session of two',
    bytes: withPath(0x40, '02 01 0000fc01'),
    context: twoOctet,
    fault: '2 3/11',
  },
  ...['', 'c0', 'c000', 'c00002', 'c00002feff', '20010db8000000000000000000000001'].map((value) => ({
    name: `U15: NEXT_HOP of ${value.length / 2} octets`,
    bytes: withNextHop(value),
    fault: '3 3/5',
  })),
  { name: 'U16: NEXT_HOP 0.0.0.0', bytes: withNextHop('00000000'), fault: '3 3/8' },
  { name: 'U16: NEXT_HOP 127.0.0.1', bytes: withNextHop('7f000001'), fault: '3 3/8' },
  {
    name: 'U16: NEXT_HOP 127.0.0.1 where the session does not run over loopback',
    bytes: withNextHop('7f000001'),
    context: { ...external, localAddress: address('192.0.2.1') },
    fault: '3 3/8',
  },
  { name: 'U16: NEXT_HOP 224.0.0.1', bytes: withNextHop('e0000001'), fault: '3 3/8' },
  {
    name: 'U16: our own address as NEXT_HOP',
    bytes: withNextHop('c00002fe'),
    context: { ...external, localAddress: address('192.0.2.254') },
    fault: '3 3/8',
  },
  {
    name: 'U16: our own address as the next hop of IPv6 routes',
    bytes: update({ attributes: reach + origin + asPath }),
    context: { ...external, localAddress: address('2001:db8::fe') },
    fault: '14 3/8',
    withdrawn: [v6],
  },
  {
    name: 'U16: the unspecified IPv6 address as next hop',
    bytes: withReach(`00020110${'00'.repeat(16)}00 40 20010db800000001`),
    fault: '14 3/8',
    withdrawn: ['2001:db8:0:1::/64'],
  },
  ...['', '000000', '0000000000'].flatMap((value) => [
    {
      name: `U17: MULTI_EXIT_DISC of ${value.length / 2} octets`,
      bytes: withExtra(attribute(0x80, 4, value)),
      fault: '4 3/5',
    },
    {
      name: `U17: LOCAL_PREF of ${value.length / 2} octets on iBGP`,
      bytes: withExtra(attribute(0x40, 5, value)),
      context: internal,
      fault: '5 3/5',
    },
  ]),
  ...(
    [
      ['COMMUNITIES', 8, ''],
      ['COMMUNITIES', 8, '0000000000'],
      ['EXTENDED COMMUNITIES', 16, ''],
      ['EXTENDED COMMUNITIES', 16, '000000000000000000'],
      ['IPv6 EXTENDED COMMUNITIES', 25, '00'.repeat(21)],
      ['LARGE_COMMUNITY', 32, ''],
      ['LARGE_COMMUNITY', 32, '00'.repeat(13)],
    ] as const
  ).map(([name, code, value]) => ({
    name: `U19: ${name} of ${value.length / 2} octets`,
    bytes: withExtra(attribute(0xc0, code, value)),
    fault: `${code} 3/5`,
  })),
  {
    name: 'U20: ORIGINATOR_ID of 3 octets on iBGP',
    bytes: withExtra(attribute(0x80, 9, '000000')),
    context: internal,
    fault: '9 3/5',
  },
  ...['', '0000000000'].map((value) => ({
    name: `U20: CLUSTER_LIST of ${value.length / 2} octets on iBGP`,
    bytes: withExtra(attribute(0x80, 10, value)),
    context: internal,
    fault: '10 3/5',
  })),
  ...(
    [
      ['ORIGIN', 0xc0, 1, '00'],
      ['ORIGIN', 0x00, 1, '00'],
      ['AS_PATH', 0x80, 2, '02010000fc01'],
      ['NEXT_HOP', 0xc0, 3, 'c00002fe'],
    ] as const
  ).map(([name, flags, code, value]) => ({
    name: `U21: ${name} with flags 0x${digits(flags, 1)}`,
    bytes: update({
      attributes: [origin, asPath, nextHop]
        .map((good, index) => (index === code - 1 ? attribute(flags, code, value) : good))
        .join(''),
      nlri: host,
    }),
    fault: `${code} 3/4`,
  })),
  ...(
    [
      ['MULTI_EXIT_DISC', 0x40, 4, '00000000'],
      ['MULTI_EXIT_DISC', 0xc0, 4, '00000000'],
      ['LOCAL_PREF', 0xc0, 5, '00000064'],
      ['ATOMIC_AGGREGATE', 0xc0, 6, ''],
      ['AGGREGATOR', 0x40, 7, '0000fc01c0000201'],
      ['COMMUNITIES', 0x80, 8, 'fc000001'],
      ['ORIGINATOR_ID', 0xc0, 9, 'c0000201'],
      ['CLUSTER_LIST', 0xc0, 10, 'c0000201'],
      ['EXTENDED COMMUNITIES', 0x40, 16, '0000000000000000'],
      ['IPv6 EXTENDED COMMUNITIES', 0x40, 25, '00'.repeat(20)],
      ['LARGE_COMMUNITY', 0x80, 32, '00'.repeat(12)],
    ] as const
  ).map(([name, flags, code, value]) => ({
    name: `U21: ${name} with flags 0x${digits(flags, 1)}`,
    bytes: withExtra(attribute(flags, code, value)),
    context: internal,
    fault: `${code} 3/4`,
  })),
  {
    name: 'U21: MP_REACH_NLRI with flags 0x40',
    bytes: update({ attributes: reach.replace('800e', '400e') + origin + asPath }),
    fault: '14 3/4',
    withdrawn: [v6],
  },
  {
    name: 'U21: MP_UNREACH_NLRI alone with flags 0x40',
    bytes: update({ attributes: unreach.replace('800f', '400f') }),
    fault: '15 3/4',
    withdrawn: [v6Withdrawn],
  },
  {
    name: 'RFC 9774: AS_SET in AS4_PATH of a two-octet speaker',
    bytes: update({
      attributes: origin + attribute(0x40, 2, '02 01 5ba0') + nextHop + attribute(0xc0, 17, '01 01 fa56ea01'),
      nlri: host,
    }),
    context: twoOctet,
    fault: '17 3/11',
  },
]

for (const { name, bytes, context = external, fault, withdrawn = [v4] } of treatedAsWithdraw) {
  test(`${name}: treated as withdrawn`, () => {
    const result = decodedUpdate(bytes, context)
    assert.equal(faultsOf(result)[0], `treatAsWithdraw ${fault}`)
    assert.deepEqual(texts(result.withdrawn), withdrawn)
    assert.equal(result.announced, undefined)
  })
}

const discarded: readonly Case[] = [
  { name: 'U17: LOCAL_PREF from eBGP', bytes: withExtra(attribute(0x40, 5, '00000064')), fault: '5 3/1' },
  { name: 'U17: LOCAL_PREF of 3 octets from eBGP', bytes: withExtra(attribute(0x40, 5, '000000')), fault: '5 3/1' },
  { name: 'U18: ATOMIC_AGGREGATE of 1 octet', bytes: withExtra(attribute(0x40, 6, '00')), fault: '6 3/5' },
  ...[5, 6, 7, 9].map((length) => ({
    name: `U18: AGGREGATOR of ${length} octets`,
    bytes: withExtra(attribute(0xc0, 7, '01'.repeat(length))),
    fault: '7 3/5',
  })),
  { name: 'U18: AGGREGATOR with AS 0', bytes: withExtra(attribute(0xc0, 7, '00000000c0000201')), fault: '7 3/9' },
  ...['0000fc', '00'.repeat(9)].map((value) => ({
    name: `U18: AS4_AGGREGATOR of ${value.length / 2} octets`,
    bytes: update({
      attributes: origin + attribute(0x40, 2, '02 01 fc01') + nextHop + attribute(0xc0, 18, value),
      nlri: host,
    }),
    context: twoOctet,
    fault: '18 3/5',
  })),
  { name: 'U20: ORIGINATOR_ID of 3 octets from eBGP', bytes: withExtra(attribute(0x80, 9, '000000')), fault: '9 3/1' },
  {
    name: 'U20: CLUSTER_LIST of 5 octets from eBGP',
    bytes: withExtra(attribute(0x80, 10, '0000000000')),
    fault: '10 3/1',
  },
  {
    name: 'U22: a second MULTI_EXIT_DISC',
    bytes: withExtra(attribute(0x80, 4, '00000001'), attribute(0x80, 4, '00000002')),
    fault: '4 3/1',
  },
  {
    name: 'RFC 6793: AS4_PATH from a speaker of four-octet AS numbers',
    bytes: withExtra(attribute(0xc0, 17, '02 01 fa56ea01')),
    fault: '17 3/1',
  },
  {
    name: 'RFC 6793: AS4_AGGREGATOR from a speaker of four-octet AS numbers',
    bytes: withExtra(attribute(0xc0, 18, 'fa56ea01c0000201')),
    fault: '18 3/1',
  },
  ...['05 01 fa56ea01', '02 00', '02 ff fa56ea01', '02', '02 01 00000000'].map((value) => ({
    name: `U26: malformed AS4_PATH ${value} before AS_PATH`,
    bytes: update({
      attributes: attribute(0xc0, 17, value) + origin + attribute(0x40, 2, '02 01 fc01') + nextHop,
      nlri: host,
    }),
    context: twoOctet,
    fault: '17 3/11',
  })),
  {
    name: 'AS4_PATH with flags 0x40',
    bytes: update({
      attributes: origin + attribute(0x40, 2, '02 01 fc01') + nextHop + attribute(0x40, 17, '02 01 fa56ea01'),
      nlri: host,
    }),
    context: twoOctet,
    fault: '17 3/4',
  },
]

for (const { name, bytes, context = external, fault } of discarded) {
  test(`${name}: the attribute is discarded, the route stays`, () => {
    const result = decodedUpdate(bytes, context)
    assert.deepEqual(faultsOf(result), [`attributeDiscard ${fault}`])
    assert.deepEqual(announced(result), [v4])
    assert.deepEqual(result.announced?.attributes.asPath, [{ kind: 'sequence', asns: [64513] }])
    assert.equal(result.announced.attributes.localPref, undefined)
    assert.deepEqual(result.announced.attributes.others, [])
  })
}

test('U22: of two MULTI_EXIT_DISC the first counts', () => {
  const result = decodedUpdate(withExtra(attribute(0x80, 4, '00000001'), attribute(0x80, 4, '00000002')))
  assert.equal(result.announced?.attributes.med, 1)
})

const resets: readonly [name: string, bytes: Uint8Array, code: string, context?: CodecContext][] = [
  ['U1: withdrawn routes longer than the message', update({ withdrawnLength: 3 }), '3/1'],
  ['U1: attributes longer than the message', update({ attributes: mandatory, attributesLength: 200 }), '3/1'],
  ['U1: both lengths 65,535', update({ withdrawnLength: 65535, attributesLength: 65535 }), '3/1'],
  ["U1: withdrawn routes take the attributes' length away", update({ withdrawn: '', withdrawnLength: 1 }), '3/1'],
  ['U2: withdrawn routes shorter than their prefix', update({ withdrawn: '20 c6', attributes: '' }), '3/10'],
  ['U9: an IPv4 prefix of 33 bits', update({ attributes: mandatory, nlri: '21 c633640100' }), '3/10'],
  ['U9: an IPv4 prefix of 255 bits', update({ attributes: mandatory, nlri: 'ff c6336401' }), '3/10'],
  ['U9: a truncated IPv4 prefix', update({ attributes: mandatory, nlri: '20 c63364' }), '3/10'],
  ['U9: an IPv6 prefix of 129 bits', withReach(`00020110${anyAddress}00 81${'20'.repeat(17)}`), '3/9'],
  ['U9: a truncated IPv6 prefix', withReach(`00020110${anyAddress}00 80 20`), '3/9'],
  ['U9: a truncated IPv6 prefix to withdraw', update({ attributes: attribute(0x80, 15, '000201 80 20') }), '3/9'],
  ['U10: a withdrawn IPv4 prefix of 33 bits', update({ withdrawn: '21 c633640100' }), '3/10'],
  ['U10: a truncated withdrawn prefix', update({ withdrawn: '20 c63364' }), '3/10'],
  ['U22: two MP_REACH_NLRI', update({ attributes: reach + reach + origin + asPath }), '3/1'],
  ['U22: two MP_UNREACH_NLRI', update({ attributes: unreach + unreach }), '3/1'],
  ['U23: an unknown well-known attribute', withExtra(attribute(0x40, 200, '00')), '3/2'],
  ['U27: MP_REACH_NLRI with a next hop of 0 octets', withReach('000201 00 00 80'), '3/9'],
  ['U27: MP_REACH_NLRI with a next hop of 9 octets', withReach(`000201 09 ${'20'.repeat(9)} 00`), '3/9'],
  ['U27: MP_REACH_NLRI with a next hop of 24 octets', withReach(`000201 18 ${'20'.repeat(24)} 00`), '3/9'],
  ['U27: MP_REACH_NLRI with a next hop of 64 octets', withReach('000201 40 2001 00'), '3/9'],
  ['U27: MP_REACH_NLRI without the reserved octet', withReach(`000201 10 ${anyAddress}`), '3/9'],
  ['U27: MP_REACH_NLRI of 3 octets', withReach('000201'), '3/9'],
  ['U27: MP_REACH_NLRI without a value', withReach(''), '3/9'],
  ['U27: MP_UNREACH_NLRI of 2 octets', update({ attributes: attribute(0x80, 15, '0002') }), '3/9'],
  ['U27: MP_REACH_NLRI overruns the attributes', withExtra(attribute(0x80, 14, '000201', 99)), '3/1'],
  ['U28: MP_REACH_NLRI for IPv4 with a next hop of 0 octets', withReach('0001 01 00 00'), '3/9'],
  ['an IPv4 next hop of 16 octets without RFC 8950', withReach(`000101 10 ${anyAddress} 00`), '3/9'],
  ['U30: End-of-RIB beside a broken ORIGIN', update({ attributes: '800f03000201 40010107' }), '3/6'],
  ['U30: withdrawals beside a broken MULTI_EXIT_DISC', update({ withdrawn: host, attributes: '80040100' }), '3/5'],
  ['U30: nothing but a stray octet of attributes', update({ attributes: '40' }), '3/1'],
  ['U30: MP_UNREACH_NLRI and a stray octet', update({ attributes: `${unreach}40` }), '3/1'],
  ['U31: path identifiers, not negotiated', update({ attributes: mandatory, nlri: `000000ff ${host}` }), '3/10'],
]

for (const [name, bytes, code, context] of resets) {
  test(`${name}: session reset with ${code}`, () => {
    const fault = decodedFault(bytes, context)
    assert.deepEqual([`${fault.code}/${fault.subcode}`, fault.isSilent], [code, false])
  })
}

test('U23: the NOTIFICATION carries the attribute that nobody knows', () => {
  assert.equal(toHex(decodedFault(withExtra(attribute(0x40, 200, 'abcd'))).data), '40c802abcd')
})

test('U30: what became a reset keeps the attribute as data [rfc4271-6.3-attribute-data]', () => {
  const fault = decodedFault(update({ withdrawn: host, attributes: attribute(0x80, 4, '00') }))
  assert.equal(toHex(fault.data), '80040100')
})

test('a fault in a full message still fits into a NOTIFICATION', () => {
  const fault = decodedFault(update({ attributes: attribute(0x50, 200, '00'.repeat(4069)) }))
  assert.ok(fault.data.length + 21 <= 4096)
})

test('U14: a path of 1,000 AS numbers is read', () => {
  const segment = `02 fa ${'0000fc01'.repeat(250)}`
  const result = decodedUpdate(withPath(0x50, segment.repeat(4)))
  assert.equal(result.announced?.attributes.asPath.flatMap(({ asns }) => asns).length, 1000)
})

for (const [name, code, value] of [
  ['U24: unknown optional transitive', 0xfe, 'ffff'],
  ['U25: Tunnel Encapsulation (CVE-2023-38802)', 23, '00'],
  ['U25: AIGP', 26, '00'],
  ['U25: attribute 28', 28, 'ff'],
  ['U25: BGP-LS', 29, '0101'],
  ['U25: BGPsec path', 39, ''],
  ['U25: Prefix-SID all zero', 40, '00'.repeat(8)],
  ['U25: ATTR_SET', 128, '00'],
  ['attribute 255', 255, ''],
] as const) {
  test(`${name} is passed over whatever it contains`, () => {
    for (const flags of [0xc0, 0xe0, 0x80]) {
      const result = decodedUpdate(withExtra(attribute(value.length > 510 ? flags | 0x10 : flags, code, value)))
      assert.deepEqual([faultsOf(result), announced(result)], [[], [v4]])
      assert.deepEqual(result.announced?.attributes.others, [code])
    }
  })
}

for (const [name, attributes, expected] of [
  ['FlowSpec (1/133)', attribute(0x80, 14, '0001 85 00 00 03 01 20 c6'), '1/133'],
  ['BGP-LS (16388/71)', attribute(0x80, 14, '4004 47 04 c0000201 00 ffff'), '16388/71'],
  ['AFI 0', attribute(0x80, 14, '0000 01 00 00'), '0/1'],
  ['IPv6 multicast to withdraw', attribute(0x80, 15, '0002 02 80 20'), '2/2'],
] as const) {
  test(`U29: ${name} is passed over with a note`, () => {
    const result = decodedUpdate(update({ attributes: attributes + origin + asPath }))
    assert.deepEqual(faultsOf(result), [`familyIgnored ${expected}`])
    assert.deepEqual([announced(result), result.withdrawn, result.endOfRib], [[], [], undefined])
  })
}

test('U29: IPv6 routes on a session of IPv4 are passed over, the IPv4 routes are not', () => {
  const result = decodedUpdate(update({ attributes: reach + mandatory, nlri: host }), ipv4Only)
  assert.deepEqual([faultsOf(result), announced(result)], [['familyIgnored 2/1'], [v4]])
})

test('U29: IPv4 routes on a session of IPv6 are passed over, the IPv6 routes are not', () => {
  const bytes = update({ withdrawn: host, attributes: reach + mandatory, nlri: host })
  const result = decodedUpdate(bytes, ipv6Only)
  assert.deepEqual([faultsOf(result), announced(result), result.withdrawn], [['familyIgnored 1/1'], [v6], []])
})

test('RFC 4760: NEXT_HOP beside MP_REACH_NLRI alone does not matter [rfc4760-3-next-hop-ignored]', () => {
  const bytes = update({ attributes: reach + origin + asPath + attribute(0x40, 3, '00000000') })
  assert.deepEqual([faultsOf(decodedUpdate(bytes)), announced(decodedUpdate(bytes))], [[], [v6]])
})

test('RFC 4760: IPv4 routes in MP_REACH_NLRI', () => {
  const attributes = attribute(0x80, 14, `000101 04 c00002fe 00 ${host}`) + origin + asPath
  assert.deepEqual(announced(decodedUpdate(update({ attributes }))), [v4])
})

test('RFC 2545: of a global and a link-local next hop the global one counts', () => {
  const value = `000201 20 20010db80000000000000000000000fe fe800000000000000000000000000001 00 40 20010db800000001`
  const result = decodedUpdate(withReach(value))
  assert.deepEqual(result.announced?.reach[0]?.nextHop, address('2001:db8::fe'))
})

test('RFC 4760: the reserved octet of MP_REACH_NLRI is ignored [rfc4760-3-reserved-ignored]', () => {
  const value = `000201 10 20010db80000000000000000000000fe ff 40 20010db800000001`
  assert.deepEqual(announced(decodedUpdate(withReach(value))), ['2001:db8:0:1::/64'])
})

test('one UPDATE of both families has a next hop for each', () => {
  const result = decodedUpdate(update({ attributes: reach + mandatory, nlri: host }))
  const hops = result.announced?.reach.map(({ nextHop }) => nextHop)
  assert.deepEqual(hops, [address('192.0.2.254'), address('2001:db8::fe')])
})

test('the strongest of several remedies wins and is named first', () => {
  const bytes = withExtra(attribute(0x40, 6, '00'), attribute(0x80, 14, '4004 47 00 00'), attribute(0x80, 4, '00'))
  assert.deepEqual(faultsOf(decodedUpdate(bytes)), [
    'treatAsWithdraw 4 3/5',
    'attributeDiscard 6 3/5',
    'familyIgnored 16388/71',
  ])
})

test('U32: a prefix that is withdrawn and announced is announced', () => {
  const result = decodedUpdate(update({ withdrawn: `${host} 20 c6336402`, attributes: mandatory, nlri: host }))
  assert.deepEqual([texts(result.withdrawn), announced(result)], [['198.51.100.2/32'], [v4]])
})

test('U32: the same for IPv6', () => {
  const both = attribute(0x80, 15, '000201 80 20010db8000000000000000000000001') + reach + origin + asPath
  const result = decodedUpdate(update({ attributes: both }))
  assert.deepEqual([result.withdrawn, announced(result)], [[], [v6]])
})

test('U32: a prefix that is withdrawn and announced with a broken attribute is withdrawn once', () => {
  const result = decodedUpdate(update({ withdrawn: host, attributes: origin + asPath, nlri: host }))
  assert.deepEqual([texts(result.withdrawn), announced(result)], [[v4], []])
})

test('U30: an UPDATE without anything ends the RIB of IPv4', () => {
  checkVector({ name: '', bytes: hex(`${'ff'.repeat(16)} 0017 02 0000 0000`), message: endOfRib('ipv4') })
})

test('U30: an MP_UNREACH_NLRI without routes ends the RIB of its family', () => {
  checkVector({ name: '', bytes: hex(`${'ff'.repeat(16)} 001d 02 0000 0006 800f03000201`), message: endOfRib('ipv6') })
  const ipv4 = update({ attributes: attribute(0x80, 15, '000101') })
  assert.equal(decodedUpdate(ipv4).endOfRib, 'ipv4')
})

test('U30: End-of-RIB of a family that was not negotiated is passed over', () => {
  const ipv6 = decodedUpdate(update({ attributes: attribute(0x80, 15, '000201') }), ipv4Only)
  assert.deepEqual([ipv6.endOfRib, faultsOf(ipv6)], [undefined, ['familyIgnored 2/1']])
  const ipv4 = decodedUpdate(update(), ipv6Only)
  assert.deepEqual([ipv4.endOfRib, faultsOf(ipv4)], [undefined, ['familyIgnored 1/1']])
})

test('U34: a full UPDATE of default routes', () => {
  const nlri = '00'.repeat(4096 - 23 - mandatory.replaceAll(/\s/g, '').length / 2)
  const result = decodedUpdate(update({ attributes: mandatory, nlri }))
  assert.equal(announced(result).length, nlri.length / 2)
  assert.ok(announced(result).every((prefix) => prefix === '0.0.0.0/0'))
})

test('a loopback next hop counts where the session itself runs over loopback', () => {
  const result = decodedUpdate(withNextHop('7f000002'), { ...external, localAddress: address('127.0.0.1') })
  assert.deepEqual([faultsOf(result), announced(result)], [[], [v4]])
})

test('bits behind the length of a prefix are cleared', () => {
  const nlri = '00 08 ff 09 ffff 19 c63364ff 1f c6336403 20 c6336403'
  assert.deepEqual(announced(decodedUpdate(update({ attributes: mandatory, nlri }))), [
    '0.0.0.0/0',
    '255.0.0.0/8',
    '255.128.0.0/9',
    '198.51.100.128/25',
    '198.51.100.2/31',
    '198.51.100.3/32',
  ])
  const value = `000201 10 20010db80000000000000000000000fe 00 00 03 ff 21 20010db8ff 7f ${'ff'.repeat(16)}`
  assert.deepEqual(announced(decodedUpdate(withReach(value))), [
    '::/0',
    'e000::/3',
    '2001:db8:8000::/33',
    'ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127',
  ])
})

test('the Partial bit and the four low flags do not matter [rfc4271-4.3-unused-flags-ignored]', () => {
  const result = decodedUpdate(withExtra(attribute(0xef, 8, 'fc000001')))
  assert.deepEqual([faultsOf(result), result.announced?.attributes.communities], [[], [0xfc000001]])
})

test('iBGP: LOCAL_PREF counts, an empty AS_PATH is well-formed [rfc7606-4-zero-length]', () => {
  checkVector({
    name: '',
    context: internal,
    bytes: update({ attributes: `${origin}400200${nextHop}40050400000064`, nlri: host }),
    message: announcing(attributes({ asPath: [], localPref: 100 }), '192.0.2.254', v4),
  })
})

test('withdrawals and routes of both families are read from one UPDATE [rfc7606-5.1-any-place]', () => {
  const bytes = update({ withdrawn: '08 0a', attributes: unreach + reach + mandatory, nlri: host })
  const result = decodedUpdate(bytes)
  assert.deepEqual(
    [texts(result.withdrawn), announced(result)],
    [
      ['10.0.0.0/8', v6Withdrawn],
      [v4, v6],
    ],
  )
})

for (const [name, bytes] of [
  ['a fault in an UPDATE', withExtra(attribute(0x40, 6, '00'))],
  ['a fault that resets', withExtra(attribute(0x40, 200, 'abcd'))],
  ['an unknown capability', open({ parameters: tlv(2, tlv(200, 'abcd')) })],
  ['a NOTIFICATION', message(3, '06 02 01 41')],
  ['a ROUTE-REFRESH that is too long', message(5, '0001 00 01 00')],
] as const) {
  test(`${name} is no view of the bytes that it came from`, () => {
    const result = decodeMessage(bytes, external)
    const before = JSON.stringify(result)
    bytes.fill(0)
    assert.equal(JSON.stringify(result), before)
  })
}

test('an UPDATE that only withdraws needs no attributes', () => {
  checkVector({ name: '', bytes: update({ withdrawn: `${host} 00` }), message: withdrawing(v4, '0.0.0.0/0') })
  checkVector({
    name: '',
    bytes: update({ attributes: attribute(0x80, 15, `000201 80 20010db8000000000000000000000002 00`) }),
    message: withdrawing(v6Withdrawn, '::/0'),
  })
})

test('attributes without routes announce nothing', () => {
  assert.deepEqual(decodedUpdate(update({ attributes: mandatory })), updateMessage({}))
})

for (const [name, bytes] of [
  ['N1: code 0', message(3, '00 00')],
  ['N1: code 99, subcode 255', message(3, '63 ff')],
  ['N2: a shutdown text that says 255 octets and has 1', message(3, '06 02 ff 41')],
  ['N2: a shutdown text of length 0', message(3, '06 02 00')],
  ['N2: a shutdown text of ESC, newline, NUL and bad UTF-8', message(3, '06 02 06 1b 0a 00 c3 28 80')],
  ['N3: a hard reset without the inner code', message(3, '06 09')],
  ['RFC 6608: one octet of data', message(3, '05 03 01')],
  ['two octets of data', message(3, '01 02 0012')],
] as const) {
  test(`${name}: the NOTIFICATION is read and written as it is`, () => {
    const [code = 0, subcode = 0, ...data] = bytes.subarray(19)
    checkVector({ name, bytes, message: { kind: 'notification', code, subcode, data: Uint8Array.from(data) } })
  })
}

for (const [name, body, code] of [
  ['of 24 octets', '0001 00 01 00', '7/1'],
  ['of subtype 1 with something behind it', '0001 01 01 00000000', '7/1'],
  ['of subtype 2 with something behind it', '0001 02 01 00', '7/1'],
] as const) {
  test(`R1: a ROUTE-REFRESH ${name}: ${code} with the message as data`, () => {
    const bytes = message(5, body)
    const fault = decodedFault(bytes)
    assert.deepEqual([`${fault.code}/${fault.subcode}`, toHex(fault.data)], [code, toHex(bytes)])
  })
}

test('R1: a ROUTE-REFRESH too long to be sent back is sent back in part [rfc7313-5-data]', () => {
  const { code, subcode, data } = decodedFault(message(5, `0001 01 01 ${'00'.repeat(4073)}`))
  const bytes = encodeMessage({ kind: 'notification', code, subcode, data }, external)
  assert.equal(bytes.length, 4096)
  assert.equal(toHex(bytes.subarray(21)), toHex(data.subarray(0, 4096 - 21)))
})

for (const [name, body, expected] of [
  ['of a family that nobody negotiated', '4004 00 47', { afi: 16388, subtype: 0, safi: 71 }],
  ['of subtype 3', '0001 03 01', { afi: 1, subtype: 3, safi: 1 }],
  ['of subtype 255', '0001 ff 01', { afi: 1, subtype: 255, safi: 1 }],
  ['with a broken outbound route filter', '0001 00 01 01 80 ffff', { afi: 1, subtype: 0, safi: 1 }],
] as const) {
  test(`R1: a ROUTE-REFRESH ${name} is read`, () => {
    assert.deepEqual(decoded(message(5, body)), { kind: 'routeRefresh', ...expected })
  })
}

for (const [name, bytes] of [
  ['nothing', new Uint8Array(0)],
  ['a header cut off', message(4, '').subarray(0, 18)],
  ['less than the length says', message(2, '0000', 40)],
  ['more than the length says', message(4, '00', 19)],
] as const) {
  test(`bytes that are not one message, ${name}: 1/2`, () => {
    const fault = decodedFault(bytes)
    assert.equal(`${fault.code}/${fault.subcode}`, '1/2')
  })
}
