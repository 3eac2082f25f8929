/** How our messages are written, and what we take although we would not write it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeMessage } from './encode.ts'
import type { CodecContext, Message } from './messages.ts'
import { attribute, hex, host, mandatory, message, reach, toHex, update } from './testing/second-writer.ts'
import {
  address,
  announcing,
  attributes,
  checkVector,
  decoded,
  decodedUpdate,
  endOfRib,
  external,
  internal,
  prefix,
  withdrawing,
} from './testing/vectors.ts'

const addPath: CodecContext = { ...external, addPath: { send: ['ipv4', 'ipv6'], receive: ['ipv4', 'ipv6'] } }
const overIpv6: CodecContext = { ...external, extendedNextHop: ['ipv4'] }

/** Flags and code of each attribute of an UPDATE that we wrote, as `40/1`. */
function attributesOf(bytes: Uint8Array): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  let offset = 19 + 2 + view.getUint16(19)
  const end = offset + 2 + view.getUint16(offset)
  const found: string[] = []
  for (offset += 2; offset < end;) {
    const flags = view.getUint8(offset)
    found.push(`${flags.toString(16)}/${view.getUint8(offset + 1)}`)
    offset += (flags & 0x10) === 0 ? 3 + view.getUint8(offset + 2) : 4 + view.getUint16(offset + 2)
  }
  return found
}

const rich = attributes({
  med: 1,
  localPref: 100,
  communities: [1],
  extendedCommunities: [{ high: 0x0002fc00, low: 1 }],
  largeCommunities: [{ globalAdmin: 1, data1: 2, data2: 3 }],
  onlyToCustomer: 64512,
})

test('attributes go out in the order of their codes, MP_REACH_NLRI first [rfc4271-5-order] [rfc7606-5.1-first]', () => {
  const ipv4 = encodeMessage(announcing(rich, '192.0.2.1', '198.51.100.1/32'), internal)
  assert.deepEqual(attributesOf(ipv4), ['40/1', '40/2', '40/3', '80/4', '40/5', 'c0/8', 'c0/16', 'c0/32', 'c0/35'])
  const ipv6 = encodeMessage(announcing(rich, '2001:db8::1', '2001:db8::/64'), internal)
  assert.deepEqual(attributesOf(ipv6), ['80/14', '40/1', '40/2', '80/4', '40/5', 'c0/8', 'c0/16', 'c0/32', 'c0/35'])
})

test('the four low flags of our attributes are 0, the Partial bit too [rfc4271-4.3-unused-flags-sent] [rfc4271-4.3-partial]', () => {
  const bytes = encodeMessage(announcing(rich, '192.0.2.1', '198.51.100.1/32'), internal)
  for (const one of attributesOf(bytes)) assert.match(one, /^[048c]0\//)
})

test('two octets of length are for values of more than 255 octets', () => {
  const of = (count: number): string[] => {
    const communities = Array.from({ length: count }, (_, index) => index)
    return attributesOf(
      encodeMessage(announcing(attributes({ communities }), '192.0.2.1', '198.51.100.1/32'), external),
    )
  }
  assert.equal(of(63).at(-1), 'c0/8')
  assert.equal(of(64).at(-1), 'd0/8')
})

test('IPv6 routes go out without NEXT_HOP, with ORIGIN and AS_PATH [rfc4760-3-no-next-hop] [rfc4760-3-mandatory]', () => {
  const bytes = encodeMessage(announcing(attributes(), '2001:db8::1', '2001:db8::/64'), external)
  assert.deepEqual(attributesOf(bytes), ['80/14', '40/1', '40/2'])
})

test('the reserved octet of our MP_REACH_NLRI is 0, the next hop one global address [rfc4760-3-reserved-sent] [rfc2545-3-global]', () => {
  const bytes = encodeMessage(announcing(attributes(), '2001:db8::1', '2001:db8::/64'), external)
  assert.equal(toHex(bytes.subarray(26, 26 + 21)), `0002011020010db800000000000000000000000100`)
})

test('a withdrawal of IPv6 routes has MP_UNREACH_NLRI and nothing else [rfc7606-5.1-one-list]', () => {
  assert.deepEqual(attributesOf(encodeMessage(withdrawing('2001:db8::/64'), external)), ['80/15'])
})

test('an attribute in any place is read, MP_REACH_NLRI last among them [rfc7606-5.1-any-place] [rfc4271-5-any-order]', () => {
  const result = decodedUpdate(update({ attributes: attribute(0xc0, 8, '00000001') + mandatory + reach }))
  assert.deepEqual([result.faults, result.announced?.reach.length], [[], 1])
})

test('path identifiers stand in front of every prefix, announced and withdrawn, in both families [rfc7911-5-encoding]', () => {
  checkVector({
    name: '',
    context: addPath,
    bytes: update({ attributes: mandatory, nlri: `00000001 ${host} 00000001 00` }),
    message: announcing(attributes(), '192.0.2.254', '198.51.100.1/32', '0.0.0.0/0'),
  })
  checkVector({
    name: '',
    context: addPath,
    bytes: update({ withdrawn: `00000001 ${host}` }),
    message: withdrawing('198.51.100.1/32'),
  })
  checkVector({
    name: '',
    context: addPath,
    bytes: update({ attributes: attribute(0x80, 15, '000201 00000001 30 20010db80001 00000001 00') }),
    message: withdrawing('2001:db8:1::/48', '::/0'),
  })
})

test('an End-of-RIB marker has no path identifier', () => {
  checkVector({ name: '', context: addPath, bytes: update(), message: endOfRib('ipv4') })
  checkVector({
    name: '',
    context: addPath,
    bytes: update({ attributes: attribute(0x80, 15, '000201') }),
    message: endOfRib('ipv6'),
  })
})

test('path identifiers are per direction and per family', () => {
  const sendOnly: CodecContext = { ...external, addPath: { send: ['ipv4'], receive: [] } }
  const routes = announcing(attributes(), '192.0.2.254', '198.51.100.1/32')
  assert.equal(toHex(encodeMessage(routes, sendOnly).subarray(-9)), '0000000120c6336401')
  assert.deepEqual(decodedUpdate(update({ attributes: mandatory, nlri: host }), sendOnly), routes)
  const ipv6 = withdrawing('2001:db8::/64')
  assert.equal(toHex(encodeMessage(ipv6, sendOnly)), toHex(encodeMessage(ipv6, external)))
})

test('the same prefix with several path identifiers is one prefix each time', () => {
  const result = decodedUpdate(update({ attributes: mandatory, nlri: `00000001 ${host} 00000002 ${host}` }), addPath)
  assert.deepEqual(result.announced?.reach[0]?.prefixes, [prefix('198.51.100.1/32'), prefix('198.51.100.1/32')])
})

test('IPv4 routes with an IPv6 next hop go out in MP_REACH_NLRI, and are withdrawn in the field of RFC 4271 [rfc8950-3-next-hop]', () => {
  checkVector({
    name: '',
    context: overIpv6,
    bytes: update({
      attributes: [
        attribute(0x80, 14, `000101 10 20010db80000000000000000000000fe 00 ${host}`),
        attribute(0x40, 1, '00'),
        attribute(0x40, 2, '02010000fc01'),
      ].join(''),
    }),
    message: announcing(attributes(), '2001:db8::fe', '198.51.100.1/32'),
  })
  checkVector({
    name: '',
    context: overIpv6,
    bytes: update({ withdrawn: host }),
    message: withdrawing('198.51.100.1/32'),
  })
})

test('IPv4 routes with an IPv6 next hop are not sent where it was not agreed [rfc8950-4-only-if-agreed]', () => {
  assert.throws(() => encodeMessage(announcing(attributes(), '2001:db8::fe', '198.51.100.1/32'), external), TypeError)
  assert.throws(() => encodeMessage(announcing(attributes(), '192.0.2.1', '2001:db8::/64'), overIpv6), TypeError)
})

for (const [name, value, expected] of [
  ['of 16 octets', '10 20010db80000000000000000000000fe', '2001:db8::fe'],
  ['of 16 octets, link-local', '10 fe800000000000000000000000000001', 'fe80::1'],
  ['of 32 octets', '20 20010db80000000000000000000000fe fe800000000000000000000000000001', '2001:db8::fe'],
  ['of 32 octets without a global address', `20 ${'00'.repeat(16)} fe800000000000000000000000000001`, 'fe80::1'],
] as const) {
  test(`the next hop ${name} of IPv4 routes is read [rfc8950-3-next-hop]`, () => {
    const bytes = update({
      attributes:
        attribute(0x80, 14, `000101 ${value} 00 ${host}`) +
        attribute(0x40, 1, '00') +
        attribute(0x40, 2, '02010000fc01'),
    })
    assert.deepEqual(decodedUpdate(bytes, overIpv6).announced?.reach[0]?.nextHop, address(expected))
  })
}

test('where IPv6 next hops are agreed, IPv4 ones are read still, in either place', () => {
  const inField = decodedUpdate(update({ attributes: mandatory, nlri: host }), overIpv6)
  const inAttribute = decodedUpdate(
    update({
      attributes:
        attribute(0x80, 14, `000101 04 c00002fe 00 ${host}`) +
        attribute(0x40, 1, '00') +
        attribute(0x40, 2, '02010000fc01'),
    }),
    overIpv6,
  )
  assert.deepEqual(inField, inAttribute)
})

test('long messages go only to a peer that takes them [rfc8654-4-send]', () => {
  const communities = Array.from({ length: 1100 }, (_, index) => index)
  const long = announcing(attributes({ communities }), '192.0.2.1', '198.51.100.1/32')
  assert.throws(() => encodeMessage(long, external), RangeError)
  assert.throws(() => encodeMessage(long, { ...external, maxReceivedLength: 65535 }), RangeError)
  const both = { ...external, maxReceivedLength: 65535, maxSentLength: 65535 }
  assert.equal(encodeMessage(long, both).length, 19 + 4 + 4 + 9 + 7 + 4 + 4400 + 5)
  assert.deepEqual(decodedUpdate(encodeMessage(long, both), both), long)
})

test('a message that grows beyond 4,096 octets is the same wherever it does, in either family', () => {
  const context = { ...addPath, maxReceivedLength: 65535, maxSentLength: 65535 }
  for (const [every, short] of [
    ['198.51.100.1/32', '0.0.0.0/0'],
    ['2001:db8::1/128', '::/0'],
  ] as const) {
    const hosts = Array.from({ length: 1000 }, () => prefix(every))
    for (let count = 1; count < 22; count += 1) {
      // Prefixes of five octets each move the rest along, so that every kind of field comes to stand on the border.
      const withdrawn = [...Array.from({ length: count }, () => prefix(short)), ...hosts]
      const sent = { ...withdrawing(short), withdrawn }
      assert.deepEqual(decodedUpdate(encodeMessage(sent, context), context), sent)
    }
  }
})

test('a large community that occurs twice counts once [rfc8092-3-redundant]', () => {
  const [one, two] = ['0000fc000000000100000002', '0000fc000000000100000001']
  const result = decodedUpdate(update({ attributes: mandatory + attribute(0xc0, 32, one + two + one), nlri: host }))
  assert.deepEqual(result.announced?.attributes.largeCommunities, [
    { globalAdmin: 64512, data1: 1, data2: 2 },
    { globalAdmin: 64512, data1: 1, data2: 1 },
  ])
})

test('communities of all kinds and OTC are carried as they are', () => {
  const extra = [
    attribute(0xc0, 8, 'ffff0000 ffffff01 fc000001'),
    attribute(0xc0, 16, '8006000000000000 4306000000000001'),
    attribute(0xc0, 32, 'ffffffffffffffffffffffff 000000000000000000000000'),
    attribute(0xc0, 35, 'fa56ea01'),
  ].join('')
  checkVector({
    name: '',
    bytes: update({ attributes: mandatory + extra, nlri: host }),
    message: announcing(
      attributes({
        communities: [0xffff0000, 0xffffff01, 0xfc000001],
        extendedCommunities: [
          { high: 0x80060000, low: 0 },
          { high: 0x43060000, low: 1 },
        ],
        largeCommunities: [
          { globalAdmin: 0xffffffff, data1: 0xffffffff, data2: 0xffffffff },
          { globalAdmin: 0, data1: 0, data2: 0 },
        ],
        onlyToCustomer: 4200000001,
      }),
      '192.0.2.254',
      '198.51.100.1/32',
    ),
  })
})

for (const subtype of [0, 1, 2]) {
  test(`a ROUTE-REFRESH of subtype ${subtype} has 23 octets`, () => {
    const sent: Message = { kind: 'routeRefresh', afi: 2, subtype, safi: 1 }
    checkVector({ name: '', bytes: message(5, `0002 0${subtype} 01`), message: sent })
  })
}

test('every message begins with 16 octets of ones and its own length [rfc4271-4.1-marker] [rfc4271-4.1-length]', () => {
  const messages: readonly Message[] = [
    { kind: 'keepalive' },
    { kind: 'routeRefresh', afi: 1, subtype: 0, safi: 1 },
    { kind: 'notification', code: 6, subcode: 2, data: hex('0141') },
    announcing(attributes(), '192.0.2.1', '198.51.100.1/32'),
    { kind: 'open', version: 4, asn: 64512, holdTimeSeconds: 90, routerId: 1, capabilities: [] },
  ]
  for (const one of messages) {
    const bytes = encodeMessage(one, external)
    assert.equal(toHex(bytes.subarray(0, 18)), `${'ff'.repeat(16)}${bytes.length.toString(16).padStart(4, '0')}`)
    assert.deepEqual(decoded(bytes), one)
  }
})

test('a KEEPALIVE is a header and nothing else', () => {
  assert.equal(toHex(encodeMessage({ kind: 'keepalive' }, external)), `${'ff'.repeat(16)}001304`)
})
