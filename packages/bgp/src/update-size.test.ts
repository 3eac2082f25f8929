import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Family, Prefix } from '@holdfast/ip'
import { hostPrefix, ipv4, ipv6 } from '@holdfast/ip'
import { encodeMessage } from './encode.ts'
import type { CodecContext, PathAttributes, UpdateMessage } from './messages.ts'
import { address, attributes, decodedUpdate, external, prefix, twoOctet, updateMessage } from './testing/vectors.ts'
import { nlriLength, pathIdentifierLength, updateCapacity } from './update-size.ts'

const nextHops = { ipv4: address('192.0.2.254'), ipv6: address('2001:db8::fe') } as const

/** Default routes take one octet each, so that they fill any room exactly. */
const defaults = (family: Family, count: number): Prefix[] =>
  Array.from({ length: count }, () => prefix(family === 'ipv4' ? '0.0.0.0/0' : '::/0'))

const update = (sent: PathAttributes | undefined, family: Family, prefixes: readonly Prefix[]): UpdateMessage =>
  sent === undefined
    ? updateMessage({ withdrawn: prefixes })
    : updateMessage({ announced: { attributes: sent, reach: [{ nextHop: nextHops[family], prefixes }] } })

const asns = Array.from({ length: 300 }, (_, index) => 70000 + index)
const rich = attributes({
  med: 1,
  localPref: 100,
  asPath: [{ kind: 'sequence', asns }],
  communities: Array.from({ length: 70 }, (_, index) => index),
  largeCommunities: [{ globalAdmin: 1, data1: 2, data2: 3 }],
  extendedCommunities: Array.from({ length: 40 }, (_, index) => ({ high: 0x0002fc00, low: index })),
  onlyToCustomer: 64512,
})

const long: CodecContext = { ...external, maxReceivedLength: 65535, maxSentLength: 65535 }
const overIpv6: CodecContext = { ...external, extendedNextHop: ['ipv4'] }
const both = ['ipv4', 'ipv6'] as const
const addPath: CodecContext = { ...external, addPath: { send: both, receive: both } }

const cases: readonly [name: string, sent: PathAttributes | undefined, context: CodecContext][] = [
  ['a withdrawal', undefined, external],
  ['few attributes', attributes(), external],
  ['an empty path', attributes({ asPath: [] }), external],
  ['many attributes', rich, external],
  ['many attributes towards a two-octet speaker', rich, twoOctet],
  ['many attributes in an extended message', rich, long],
  ['a withdrawal in an extended message', undefined, long],
]

for (const [name, sent, context] of cases) {
  for (const family of ['ipv4', 'ipv6'] as const) {
    test(`${family}, ${name}: the capacity fills a message to its last octet, one more does not fit [rfc8654-4-payload]`, () => {
      const capacity = updateCapacity(sent, family, context)
      const full = encodeMessage(update(sent, family, defaults(family, capacity)), context)
      assert.equal(full.length, context.maxSentLength)
      const result = decodedUpdate(full, context)
      const read = sent === undefined ? result.withdrawn : result.announced?.reach[0]?.prefixes
      assert.equal(read?.length, capacity)
      assert.throws(() => encodeMessage(update(sent, family, defaults(family, capacity + 1)), context), RangeError)
    })
  }
}

test('with path identifiers each prefix takes four octets more', () => {
  for (const family of both) {
    const identifier = pathIdentifierLength(family, addPath)
    assert.deepEqual([identifier, pathIdentifierLength(family, external)], [4, 0])
    const [one] = defaults(family, 1)
    assert.ok(one !== undefined)
    assert.equal(nlriLength(one, identifier), 5)
    const capacity = updateCapacity(attributes(), family, addPath)
    const prefixes = defaults(family, Math.floor(capacity / 5))
    const full = encodeMessage(update(attributes(), family, prefixes), addPath)
    assert.equal(full.length, 4096 - (capacity % 5))
    assert.equal(decodedUpdate(full, addPath).announced?.reach[0]?.prefixes.length, prefixes.length)
  }
})

test('IPv4 routes with an IPv6 next hop leave the room that MP_REACH_NLRI leaves', () => {
  const capacity = updateCapacity(rich, 'ipv4', overIpv6, 'ipv6')
  const announced = (count: number): UpdateMessage =>
    updateMessage({
      announced: { attributes: rich, reach: [{ nextHop: nextHops.ipv6, prefixes: defaults('ipv4', count) }] },
    })
  assert.equal(encodeMessage(announced(capacity), overIpv6).length, 4096)
  assert.throws(() => encodeMessage(announced(capacity + 1), overIpv6), RangeError)
})

test('attributes that leave no room say so', () => {
  const communities = Array.from({ length: 16384 }, (_, index) => index)
  for (const family of ['ipv4', 'ipv6'] as const) {
    assert.ok(updateCapacity(attributes({ communities }), family, external) <= 0)
  }
})

test('the capacities that everybody packs with', () => {
  // 4,096 less 23 of header and lengths; less AFI, SAFI and an attribute header of 4 for IPv6.
  assert.equal(updateCapacity(undefined, 'ipv4', external), 4073)
  assert.equal(updateCapacity(undefined, 'ipv6', external), 4066)
  // ORIGIN 4, AS_PATH with one AS 9, NEXT_HOP 7; MP_REACH_NLRI 4 + 21 instead of NEXT_HOP.
  assert.equal(updateCapacity(attributes(), 'ipv4', external), 4053)
  assert.equal(updateCapacity(attributes(), 'ipv6', external), 4035)
})

test('a prefix takes one octet and as many as its length needs', () => {
  for (const [text, octets] of [
    ['0.0.0.0/0', 1],
    ['10.0.0.0/8', 2],
    ['10.0.0.0/9', 3],
    ['10.0.0.1/32', 5],
    ['2001:db8::/33', 6],
    ['2001:db8::1/128', 17],
  ] as const) {
    assert.equal(nlriLength(prefix(text)), octets)
  }
})

test('prefixes of every length keep their bits and their size', () => {
  const every: Record<Family, Prefix[]> = {
    ipv4: Array.from({ length: 33 }, (_, length) => prefix(`255.254.253.252/${length}`)),
    ipv6: Array.from({ length: 129 }, (_, length) => prefix(`ffee:ddcc:bbaa:9988:7766:5544:3322:11ff/${length}`)),
  }
  for (const family of ['ipv4', 'ipv6'] as const) {
    const prefixes = every[family]
    const empty = encodeMessage(update(undefined, family, defaults(family, 1)), external).length - 1
    const bytes = encodeMessage(update(undefined, family, prefixes), external)
    // MP_UNREACH_NLRI of more than 255 octets has a longer header.
    const extended = family === 'ipv6' ? 1 : 0
    assert.equal(bytes.length, empty + extended + prefixes.reduce((sum, one) => sum + nlriLength(one), 0))
    assert.deepEqual(decodedUpdate(bytes).withdrawn, prefixes)
  }
})

const one = [prefix('192.0.2.1/32')]
const two = [prefix('2001:db8::1/128')]

for (const [name, message] of [
  ['withdraws and announces', { ...update(attributes(), 'ipv4', one), withdrawn: one }],
  ['withdraws both families', updateMessage({ withdrawn: [...one, ...two] })],
  [
    'announces both families',
    {
      ...updateMessage({}),
      announced: {
        attributes: attributes(),
        reach: [
          { nextHop: nextHops.ipv4, prefixes: one },
          { nextHop: nextHops.ipv6, prefixes: two },
        ],
      },
    },
  ],
  ['announces no route', update(attributes(), 'ipv4', [])],
  ['announces IPv4 with an IPv6 next hop', update(attributes(), 'ipv6', one)],
  ['announces IPv6 with an IPv4 next hop', update(attributes(), 'ipv4', two)],
  ['says nothing', updateMessage({})],
  ['withdraws and ends the RIB', updateMessage({ withdrawn: one, endOfRib: 'ipv4' })],
] as const) {
  test(`an UPDATE that ${name} is our own mistake [rfc7606-5.1-one-list]`, () => {
    assert.throws(() => encodeMessage(message, external), TypeError)
  })
}

test('100,000 host routes need the fewest messages that 4,096 octets allow', () => {
  for (const [family, octets] of [
    ['ipv4', 5],
    ['ipv6', 17],
  ] as const) {
    const each = Math.floor(updateCapacity(attributes(), family, external) / octets)
    const routes = Array.from({ length: each }, (_, index) =>
      hostPrefix(family === 'ipv4' ? ipv4(0x0a000000 + index) : ipv6((0x20010db8n << 96n) + BigInt(index))),
    )
    const bytes = encodeMessage(update(attributes(), family, routes), external)
    assert.ok(bytes.length <= 4096 && bytes.length > 4096 - octets)
  }
})
