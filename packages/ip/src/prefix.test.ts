import assert from 'node:assert/strict'
import { BlockList } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Address } from './address.ts'
import { bitsOf, formatAddress, ipv4, ipv6, parseAddress } from './address.ts'
import type { Prefix } from './prefix.ts'
import {
  comparePrefixes,
  equalPrefixes,
  formatPrefix,
  hostPrefix,
  maskAddress,
  parsePrefix,
  prefixContains,
  prefixKey,
  prefixToRange,
} from './prefix.ts'

const someAddress: fc.Arbitrary<Address> = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }).map(ipv4),
  // The upper half of IPv6 only: Node's BlockList takes IPv4-mapped addresses for IPv4.
  fc.bigInt({ min: 1n << 127n, max: (1n << 128n) - 1n }).map(ipv6),
)
const somePrefix = fc
  .tuple(someAddress, fc.nat({ max: 128 }))
  .map(([address, length]) => maskAddress(address, length % (bitsOf(address.family) + 1)))

const address = (text: string): Address => {
  const result = parseAddress(text)
  assert.ok(result.ok)
  return result.value
}
const prefix = (text: string): Prefix => {
  const result = parsePrefix(text)
  assert.ok(result.ok, text)
  return result.value
}
const faultOf = (text: string): string => {
  const result = parsePrefix(text)
  assert.ok(!result.ok, text)
  return result.fault.message
}

const masked: readonly (readonly [string, string])[] = [
  ['192.0.2.77/0', '0.0.0.0/0'],
  ['255.255.255.255/1', '128.0.0.0/1'],
  ['192.0.2.77/24', '192.0.2.0/24'],
  ['192.0.2.77/31', '192.0.2.76/31'],
  ['192.0.2.77/32', '192.0.2.77/32'],
  ['ffff::1/0', '::/0'],
  ['ffff::1/1', '8000::/1'],
  ['2001:db8:ffff::1/33', '2001:db8:8000::/33'],
  // RFC 4291 section 2.3: an address together with the prefix it is in.
  ['2001:0DB8:0:CD30:123:4567:89AB:CDEF/60', '2001:db8:0:cd30::/60'],
  ['2001:db8::1/127', '2001:db8::/127'],
  ['2001:db8::1/128', '2001:db8::1/128'],
]

for (const [text, expected] of masked) {
  test(`${text} is the network ${expected}`, () => {
    assert.equal(formatPrefix(prefix(text)), expected)
  })
}

test('a prefix length must be a plain number that fits the family', () => {
  for (const length of ['33', '-1', '', '08', '8 ', '8/8', '+8']) {
    assert.match(faultOf(`10.0.0.0/${length}`), /0 to 32/, length)
  }
  for (const length of ['129', '1000', '0x10', 'ffff:']) assert.match(faultOf(`::/${length}`), /0 to 128/, length)
})

test('the fault of a prefix says which part is wrong', () => {
  assert.match(faultOf('192.0.2.1'), /no prefix length/)
  assert.match(faultOf('/24'), /starts with a text that is empty/)
  assert.match(faultOf('10.0.0/8'), /starts with a text that is not an IP address/)
  assert.match(faultOf('010.0.0.0/8'), /leading zero/)
  assert.match(faultOf(' 10.0.0.0/8'), /not an IP address/)
})

test('a prefix contains what Node says its subnet contains', () => {
  fc.assert(
    fc.property(somePrefix, someAddress, fc.nat({ max: 128 }), (network, other, near) => {
      const type = network.address.family
      const list = new BlockList()
      list.addSubnet(formatAddress(network.address), network.length, type)
      // Half of the candidates share the network's leading bits up to a random place, so that both answers come up.
      const bits = bitsOf(type)
      const candidates = [other, nearby(network.address, BigInt(near % bits)), network.address]
      for (const candidate of candidates) {
        const expected = candidate.family === type && list.check(formatAddress(candidate), type)
        const question = `${formatPrefix(network)} contains ${formatAddress(candidate)}`
        assert.equal(prefixContains(network, candidate), expected, question)
      }
    }),
  )
})

/** The address with one bit turned, counted from the lowest. */
const nearby = (a: Address, bit: bigint): Address =>
  a.family === 'ipv4' ? ipv4(Number(BigInt(a.value) ^ (1n << bit))) : ipv6(a.value ^ (1n << bit))

test('the range of a prefix ends exactly where the prefix does', () => {
  fc.assert(
    fc.property(somePrefix, (network) => {
      const { first, last } = prefixToRange(network)
      assert.equal(prefixContains(network, first), true)
      assert.equal(prefixContains(network, last), true)
      assert.deepEqual(maskAddress(last, network.length), network)
      const size = BigInt(last.value) - BigInt(first.value) + 1n
      assert.equal(size, 2n ** BigInt(bitsOf(first.family) - network.length))
    }),
  )
})

test('prefixToRange at the boundaries of both families', () => {
  const range = (text: string): string[] => {
    const { first, last } = prefixToRange(prefix(text))
    return [formatAddress(first), formatAddress(last)]
  }
  assert.deepEqual(range('0.0.0.0/0'), ['0.0.0.0', '255.255.255.255'])
  assert.deepEqual(range('192.0.2.0/24'), ['192.0.2.0', '192.0.2.255'])
  assert.deepEqual(range('192.0.2.1/32'), ['192.0.2.1', '192.0.2.1'])
  assert.deepEqual(range('::/0'), ['::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'])
  assert.deepEqual(range('2001:db8::/64'), ['2001:db8::', '2001:db8::ffff:ffff:ffff:ffff'])
  assert.deepEqual(range('::1/128'), ['::1', '::1'])
})

test('hostPrefix is /32 or /128', () => {
  assert.equal(formatPrefix(hostPrefix(address('192.0.2.1'))), '192.0.2.1/32')
  assert.equal(formatPrefix(hostPrefix(address('2001:db8::1'))), '2001:db8::1/128')
})

test('a prefix survives text', () => {
  fc.assert(fc.property(somePrefix, (network) => assert.deepEqual(prefix(formatPrefix(network)), network)))
})

test('keys are equal for equal prefixes only', () => {
  fc.assert(
    fc.property(somePrefix, somePrefix, fc.nat({ max: 32 }), (a, b, length) => {
      assert.equal(prefixKey(a) === prefixKey(b), equalPrefixes(a, b))
      const c = maskAddress(a.address, length)
      assert.equal(prefixKey(a) === prefixKey(c), a.length === length)
    }),
  )
  assert.notEqual(prefixKey(prefix('0.0.0.0/0')), prefixKey(prefix('::/0')))
})

test('the order is by family, address, then the shorter first', () => {
  const sorted = ['0.0.0.0/0', '10.0.0.0/8', '10.0.0.0/24', '200.0.0.0/8', '::/0', '::/128', '8000::/1']
  assert.deepEqual([...sorted].reverse().map(prefix).sort(comparePrefixes).map(formatPrefix), sorted)
})
