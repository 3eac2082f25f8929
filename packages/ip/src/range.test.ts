import assert from 'node:assert/strict'
import { BlockList } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { compareAddresses, formatAddress, ipv4, ipv6, parseAddress } from './address.ts'
import type { Address, Family } from './address.ts'
import { formatPrefix, prefixContains, prefixToRange } from './prefix.ts'
import type { Range } from './range.ts'
import {
  addressAt,
  equalRanges,
  formatRange,
  offsetOf,
  parseRange,
  rangeContains,
  rangeSize,
  rangesOverlap,
  rangeToPrefixes,
} from './range.ts'

const range = (text: string): Range => {
  const result = parseRange(text)
  assert.ok(result.ok, text)
  return result.value
}
const faultOf = (text: string): string => {
  const result = parseRange(text)
  assert.ok(!result.ok, text)
  return result.fault.message
}
const address = (text: string): Address => {
  const result = parseAddress(text)
  assert.ok(result.ok, text)
  return result.value
}

const ordered = (a: Address, b: Address): Range =>
  compareAddresses(a, b) <= 0 ? { first: a, last: b } : { first: b, last: a }
const someValue4 = fc.integer({ min: 0, max: 0xffffffff })
const someValue6 = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n })
const someRange: fc.Arbitrary<Range> = fc.oneof(
  fc.tuple(someValue4, someValue4).map(([a, b]) => ordered(ipv4(a), ipv4(b))),
  fc.tuple(someValue6, someValue6).map(([a, b]) => ordered(ipv6(a), ipv6(b))),
)

test('a range is two addresses with blanks allowed around each', () => {
  assert.equal(formatRange(range('192.0.2.1-192.0.2.9')), '192.0.2.1-192.0.2.9')
  assert.equal(formatRange(range('  192.0.2.1 \t-  192.0.2.9  ')), '192.0.2.1-192.0.2.9')
  assert.equal(formatRange(range('2001:DB8:0::1 - 2001:db8::FF')), '2001:db8::1-2001:db8::ff')
  assert.equal(rangeSize(range('192.0.2.1-192.0.2.1')), 1n)
})

test('the fault of a range says which side is wrong, or what both make', () => {
  assert.match(faultOf('192.0.2.1'), /not a range/)
  assert.match(faultOf('x-192.0.2.9'), /starts with .* not an IP address/)
  assert.match(faultOf('192.0.2.1-x'), /ends with .* not an IP address/)
  assert.match(faultOf('-192.0.2.1'), /starts with .* empty/)
  assert.match(faultOf('192.0.2.1-'), /ends with .* empty/)
  assert.match(faultOf('192.0.2.1-192.0.2.3-192.0.2.9'), /ends with/)
  assert.match(faultOf('192.0.2.9-192.0.2.1'), /ends before it starts/)
  assert.match(faultOf('192.0.2.1-2001:db8::1'), /mixes/)
  // As 16-byte values these two would be in order: the families still do not mix.
  assert.match(faultOf('::1-192.0.2.1'), /mixes/)
})

test('a range contains both its ends, nothing beside them, nothing of the other family', () => {
  const some = range('192.0.2.10-192.0.2.20')
  for (const text of ['192.0.2.10', '192.0.2.15', '192.0.2.20']) assert.equal(rangeContains(some, address(text)), true)
  for (const text of ['192.0.2.9', '192.0.2.21', '::c000:20f']) assert.equal(rangeContains(some, address(text)), false)
})

test('whole-space ranges hold every address and are the prefix of length 0', () => {
  const all4 = range('0.0.0.0-255.255.255.255')
  const all6 = range('::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')
  assert.equal(rangeSize(all4), 2n ** 32n)
  assert.equal(rangeSize(all6), 2n ** 128n)
  assert.deepEqual(rangeToPrefixes(all4).map(formatPrefix), ['0.0.0.0/0'])
  assert.deepEqual(rangeToPrefixes(all6).map(formatPrefix), ['::/0'])
  assert.equal(formatAddress(addressAt(all4, 2n ** 32n - 1n)!), '255.255.255.255')
  assert.equal(addressAt(all4, 2n ** 32n), undefined)
  assert.equal(addressAt(all6, 2n ** 128n), undefined)
})

test('a range contains what Node says it contains', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 0xfffffff0 }), fc.nat({ max: 12 }), (start, length) => {
      const some = { first: ipv4(start), last: ipv4(start + length) }
      const list = new BlockList()
      list.addRange(formatAddress(some.first), formatAddress(some.last))
      for (const value of [start - 1, start, start + length, start + length + 1]) {
        assert.equal(rangeContains(some, ipv4(value)), list.check(formatAddress(ipv4(value))))
      }
    }),
  )
})

test('addressAt and offsetOf are inverse, and undefined outside', () => {
  fc.assert(
    fc.property(someRange, fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), (some, dice) => {
      const size = rangeSize(some)
      const offset = dice % size
      const found = addressAt(some, offset)
      assert.ok(found !== undefined && rangeContains(some, found))
      assert.equal(offsetOf(some, found), offset)
      assert.equal(addressAt(some, size), undefined)
      assert.equal(addressAt(some, -1n), undefined)
    }),
  )
  assert.equal(offsetOf(range('192.0.2.10-192.0.2.20'), address('192.0.2.9')), undefined)
  assert.equal(offsetOf(range('192.0.2.10-192.0.2.20'), address('::1')), undefined)
})

test('two ranges overlap exactly where they have an address in common', () => {
  const small = fc.tuple(fc.nat({ max: 12 }), fc.nat({ max: 5 }))
  fc.assert(
    fc.property(small, small, ([a, aMore], [b, bMore]) => {
      const left = { first: ipv4(a), last: ipv4(a + aMore) }
      const right = { first: ipv4(b), last: ipv4(b + bMore) }
      const common = Array.from({ length: 20 }, (_, value) => ipv4(value)).some(
        (one) => rangeContains(left, one) && rangeContains(right, one),
      )
      assert.equal(rangesOverlap(left, right), common)
      assert.equal(rangesOverlap(right, left), common)
    }),
  )
  assert.equal(rangesOverlap({ first: ipv4(0), last: ipv4(9) }, { first: ipv6(0n), last: ipv6(9n) }), false)
})

test('ranges are equal where both ends are', () => {
  assert.equal(equalRanges(range('192.0.2.1-192.0.2.9'), range('192.0.2.1 - 192.0.2.9')), true)
  assert.equal(equalRanges(range('192.0.2.1-192.0.2.9'), range('192.0.2.1-192.0.2.8')), false)
  assert.equal(equalRanges(range('192.0.2.1-192.0.2.9'), range('192.0.2.0-192.0.2.9')), false)
})

const decompositions: readonly (readonly [string, readonly string[]])[] = [
  ['192.0.2.7-192.0.2.7', ['192.0.2.7/32']],
  ['192.0.2.0-192.0.2.255', ['192.0.2.0/24']],
  ['192.0.2.1-192.0.2.6', ['192.0.2.1/32', '192.0.2.2/31', '192.0.2.4/31', '192.0.2.6/32']],
  ['192.0.2.0-192.0.3.0', ['192.0.2.0/24', '192.0.3.0/32']],
  ['255.255.255.254-255.255.255.255', ['255.255.255.254/31']],
  ['0.0.0.0-127.255.255.255', ['0.0.0.0/1']],
  ['::1-::4', ['::1/128', '::2/127', '::4/128']],
]
for (const [text, expected] of decompositions) {
  test(`${text} is ${expected.join(' + ')}`, () => {
    assert.deepEqual(rangeToPrefixes(range(text)).map(formatPrefix), expected)
  })
}

/** The least number of aligned blocks that tile `first` to `last`, by trying every block at every place. */
function fewestBlocks(first: number, last: number): number {
  const fewest = new Array<number>(last - first + 2).fill(Number.POSITIVE_INFINITY)
  fewest[0] = 0
  for (let done = 0; done <= last - first; done += 1) {
    for (let size = 1; first + done + size - 1 <= last; size *= 2) {
      if ((first + done) % size === 0) fewest[done + size] = Math.min(fewest[done + size]!, fewest[done]! + 1)
    }
  }
  return fewest[last - first + 1]!
}

for (const family of ['ipv4', 'ipv6'] satisfies Family[]) {
  test(`every small ${family} range is tiled exactly, in order, by the fewest prefixes`, () => {
    const base = family === 'ipv4' ? 0xc0000200 : 0x20010db8n << 96n
    const at = (value: number): Address => (typeof base === 'number' ? ipv4(base + value) : ipv6(base + BigInt(value)))
    for (let first = 0; first < 40; first += 1) {
      for (let last = first; last < 40; last += 1) {
        const prefixes = rangeToPrefixes({ first: at(first), last: at(last) })
        assert.equal(prefixes.length, fewestBlocks(first, last), `${first}-${last}`)
        for (let value = 0; value < 48; value += 1) {
          const covering = prefixes.filter((prefix) => prefixContains(prefix, at(value))).length
          assert.equal(covering, value >= first && value <= last ? 1 : 0)
        }
      }
    }
  })
}

test('any range is tiled without gap or overlap by few prefixes', () => {
  fc.assert(
    fc.property(someRange, (some) => {
      const prefixes = rangeToPrefixes(some)
      assert.ok(prefixes.length <= (some.first.family === 'ipv4' ? 62 : 254))
      let next = BigInt(some.first.value)
      for (const prefix of prefixes) {
        const { first, last } = prefixToRange(prefix)
        assert.equal(BigInt(first.value), next)
        next = BigInt(last.value) + 1n
      }
      assert.equal(next, BigInt(some.last.value) + 1n)
    }),
  )
})

test('the worst range of each family takes two prefixes less than twice its bits', () => {
  assert.equal(rangeToPrefixes(range('0.0.0.1-255.255.255.254')).length, 62)
  assert.equal(rangeToPrefixes({ first: ipv6(1n), last: ipv6((1n << 128n) - 2n) }).length, 254)
})
