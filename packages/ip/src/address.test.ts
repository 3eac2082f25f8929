import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Address } from './address.ts'
import {
  addressFromBigInt,
  addressFromBytes,
  addressKey,
  addressToBigInt,
  addressToBytes,
  bitsOf,
  compareAddresses,
  equalAddresses,
  formatAddress,
  ipv4,
  ipv6,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isUnspecified,
  parseAddress,
  unmapped,
} from './address.ts'

const ipv4Max = 0xffffffff
const ipv6Max = (1n << 128n) - 1n
const someIpv4 = fc.integer({ min: 0, max: ipv4Max }).map(ipv4)
const someIpv6 = fc
  .oneof(
    fc.bigInt({ min: 0n, max: ipv6Max }),
    // Groups that are often zero, so that runs of every length and place come up.
    fc
      .array(fc.oneof(fc.constant(0n), fc.bigInt({ min: 0n, max: 0xffffn })), { minLength: 8, maxLength: 8 })
      .map((groups) => groups.reduce((value, group) => (value << 16n) | group, 0n)),
  )
  .map(ipv6)
const someAddress: fc.Arbitrary<Address> = fc.oneof(someIpv4, someIpv6)

const parsed = (text: string): Address => {
  const result = parseAddress(text)
  assert.ok(result.ok, `${text} should parse`)
  return result.value
}

const canonical: readonly (readonly [string, string])[] = [
  // RFC 4291 section 2.2: the three forms.
  ['ABCD:EF01:2345:6789:ABCD:EF01:2345:6789', 'abcd:ef01:2345:6789:abcd:ef01:2345:6789'],
  ['2001:DB8:0:0:8:800:200C:417A', '2001:db8::8:800:200c:417a'],
  ['2001:DB8::8:800:200C:417A', '2001:db8::8:800:200c:417a'],
  ['FF01:0:0:0:0:0:0:101', 'ff01::101'],
  ['FF01::101', 'ff01::101'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['::1', '::1'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['::', '::'],
  ['0:0:0:0:0:0:13.1.68.3', '::d01:4403'],
  ['::13.1.68.3', '::d01:4403'],
  ['0:0:0:0:0:FFFF:129.144.52.38', '::ffff:129.144.52.38'],
  ['::FFFF:129.144.52.38', '::ffff:129.144.52.38'],
  ['::ffff:8190:3426', '::ffff:129.144.52.38'],
  // RFC 4291 section 2.3.
  ['2001:0DB8:0000:CD30:0000:0000:0000:0000', '2001:db8:0:cd30::'],
  ['2001:0DB8::CD30:0:0:0:0', '2001:db8:0:cd30::'],
  // RFC 5952 section 1 and 2: eight spellings of one address.
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:0db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:db8::1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:db8::0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:0db8::1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:db8:0:0:1::1', '2001:db8::1:0:0:1'],
  ['2001:db8:0000:0:1::1', '2001:db8::1:0:0:1'],
  ['2001:DB8:0:0:1::1', '2001:db8::1:0:0:1'],
  // Section 4.1: no leading zeros. 4.2.1: as short as possible. 4.2.2: one zero group is not shortened.
  ['2001:0db8::0001', '2001:db8::1'],
  ['2001:db8::0:1', '2001:db8::1'],
  ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
  ['2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  // Section 4.2.3: the longest run, the first of equals.
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  // Section 4.3: lower case.
  ['2001:DB8:AAAA:BBBB:CCCC:DDDD:EEEE:AAAA', '2001:db8:aaaa:bbbb:cccc:dddd:eeee:aaaa'],
  // "::" for exactly one group is read (RFC 4291), never written (RFC 5952).
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
  ['0.0.0.0', '0.0.0.0'],
  ['192.0.2.1', '192.0.2.1'],
  ['255.255.255.255', '255.255.255.255'],
]

for (const [text, expected] of canonical) {
  test(`${text} is written ${expected}`, () => {
    assert.equal(formatAddress(parsed(text)), expected)
  })
}

const refused = [
  '',
  ' ',
  '1',
  '1.2.3',
  '1.2.3.4.5',
  '1.2.3.256',
  '1.2.3.-4',
  '1.2.3.4 ',
  ' 1.2.3.4',
  '1..2.3',
  '.1.2.3',
  '1.2.3.',
  '0x1.2.3.4',
  '1e1.2.3.4',
  '٣.2.3.4',
  '1.2.3.4\n',
  ':',
  ':::',
  '::::',
  '1::2::3',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7:8::',
  '::1:2:3:4:5:6:7:8',
  '1:2:3:4::5:6:7:8',
  ':1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:',
  '12345::',
  'g::',
  '::1 ',
  '1.2.3.4::',
  '::1.2.3.4:5',
  '::1.2.3',
  '::1.2.3.400',
  '::01.2.3.4',
  '1:2:3:4:5:6:7:1.2.3.4',
  '::-1',
  '[::1]',
  '::1/128',
]

for (const text of refused) {
  test(`${JSON.stringify(text)} is not an address`, () => {
    assert.equal(parseAddress(text).ok, false)
    assert.equal(isIP(text), 0, 'and Node agrees')
  })
}

test('a fault names the remedy where the mistake is a known one', () => {
  const faultOf = (text: string): string => {
    const result = parseAddress(text)
    assert.ok(!result.ok)
    return result.fault.message
  }
  assert.match(faultOf('192.0.02.1'), /leading zero/)
  assert.match(faultOf('010.0.0.1'), /leading zero/)
  assert.match(faultOf('fe80::1%eth0'), /zone/)
  assert.match(faultOf(''), /empty/)
  assert.equal(faultOf('web'), 'is not an IP address')
})

test('an IPv4-mapped address stays IPv6', () => {
  assert.deepEqual(parsed('::ffff:192.0.2.1'), ipv6(0xffffc0000201n))
})

test('a text is an address exactly where Node says so, zones apart', () => {
  const piece = fc.constantFrom('', ':', '::', '.', '0', 'f', '99')
  const mutated = fc.tuple(someAddress.map(formatAddress), fc.nat(), piece).map(([text, at, extra]) => {
    const place = at % (text.length + 1)
    return text.slice(0, place) + extra + text.slice(place + (at % 3))
  })
  const soup = fc.string({ unit: fc.constantFrom(...Array.from('0123459abfF:::..')), maxLength: 42 })
  fc.assert(
    fc.property(fc.oneof(mutated, soup), (text) => {
      const result = parseAddress(text)
      assert.equal(result.ok ? (result.value.family === 'ipv4' ? 4 : 6) : 0, isIP(text), text)
    }),
    { numRuns: 5000 },
  )
})

test('IPv6 is written as the URL standard writes it, mapped addresses apart', () => {
  fc.assert(
    fc.property(someIpv6, (address) => {
      fc.pre(address.value >> 32n !== 0xffffn)
      assert.equal(`[${formatAddress(address)}]`, new URL(`http://[${formatAddress(address)}]/`).hostname)
    }),
  )
})

test('IPv6 spelled out in full is read as the URL standard reads it', () => {
  fc.assert(
    fc.property(someIpv6, (address) => {
      fc.pre(address.value >> 32n !== 0xffffn)
      const full = address.value
        .toString(16)
        .padStart(32, '0')
        .replace(/(.{4})(?=.)/g, '$1:')
      assert.deepEqual(parsed(full), address)
      assert.equal(`[${formatAddress(parsed(full))}]`, new URL(`http://[${full}]/`).hostname)
    }),
  )
})

test('an address survives text, bytes and integer', () => {
  fc.assert(
    fc.property(someAddress, (address) => {
      assert.deepEqual(parsed(formatAddress(address)), address)
      assert.deepEqual(addressFromBytes(addressToBytes(address)), address)
      assert.deepEqual(addressFromBigInt(address.family, addressToBigInt(address)), address)
    }),
  )
})

test('bytes are in network order', () => {
  assert.deepEqual([...addressToBytes(parsed('192.0.2.1'))], [192, 0, 2, 1])
  assert.deepEqual(
    [...addressToBytes(parsed('2001:db8::8:800:200c:417a'))],
    [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 8, 8, 0, 0x20, 0x0c, 0x41, 0x7a],
  )
})

test('bytes are read at their offset in a larger buffer', () => {
  const buffer = Uint8Array.from([9, 192, 0, 2, 255, 9])
  assert.deepEqual(addressFromBytes(buffer.subarray(1, 5)), parsed('192.0.2.255'))
})

test('only 4 or 16 bytes are an address', () => {
  for (let length = 0; length <= 20; length += 1) {
    const address = addressFromBytes(new Uint8Array(length))
    assert.equal(address?.family, length === 4 ? 'ipv4' : length === 16 ? 'ipv6' : undefined)
  }
})

test('the order is IPv4 first, then by unsigned value', () => {
  const sorted = ['0.0.0.0', '127.255.255.255', '128.0.0.0', '255.255.255.255', '::', '7fff::', '8000::', 'ffff::']
  const shuffled = [...sorted].reverse().map(parsed)
  assert.deepEqual(shuffled.sort(compareAddresses).map(formatAddress), sorted)
})

test('the order is a total one that agrees with equality and with keys', () => {
  fc.assert(
    fc.property(someAddress, someAddress, (a, b) => {
      assert.equal(Math.sign(compareAddresses(a, b)), 0 - Math.sign(compareAddresses(b, a)))
      assert.equal(compareAddresses(a, b) === 0, equalAddresses(a, b))
      assert.equal(addressKey(a) === addressKey(b), equalAddresses(a, b))
      assert.equal(compareAddresses(a, a), 0)
    }),
  )
})

test('equal numbers of two families are two addresses with two keys', () => {
  assert.equal(equalAddresses(ipv4(1), ipv6(1n)), false)
  assert.notEqual(addressKey(ipv4(1)), addressKey(ipv6(1n)))
})

test('bitsOf knows both families', () => {
  assert.equal(bitsOf('ipv4'), 32)
  assert.equal(bitsOf('ipv6'), 128)
})

const classes: readonly (readonly [string, (address: Address) => boolean, readonly string[], readonly string[]])[] = [
  ['unspecified', isUnspecified, ['0.0.0.0', '::'], ['0.0.0.1', '::1', '::ffff:0.0.0.0']],
  ['loopback', isLoopback, ['127.0.0.0', '127.255.255.255', '::1'], ['126.255.255.255', '128.0.0.0', '::2', '::']],
  ['multicast', isMulticast, ['224.0.0.0', '239.255.255.255', 'ff00::'], ['223.255.255.255', '240.0.0.0', 'feff::']],
  [
    'link-local',
    isLinkLocal,
    ['169.254.0.0', '169.254.255.255', 'fe80::', 'febf:ffff::1'],
    ['169.253.255.255', '169.255.0.0', 'fe7f:ffff::', 'fec0::'],
  ],
]

for (const [name, belongs, inside, outside] of classes) {
  test(`${name} addresses end exactly at their boundaries`, () => {
    for (const text of inside) assert.equal(belongs(parsed(text)), true, text)
    for (const text of outside) assert.equal(belongs(parsed(text)), false, text)
  })
}

test('an IPv4-mapped address stands for an IPv4 address, and nothing beside it does', () => {
  const cases = [
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:0:0', '0.0.0.0'],
    ['::ffff:ffff:ffff', '255.255.255.255'],
    ['192.0.2.1', '192.0.2.1'],
    ['::fffe:c000:201', '::fffe:c000:201'],
    ['::1:ffff:c000:201', '::1:ffff:c000:201'],
    ['::192.0.2.1', '::c000:201'],
  ] as const
  for (const [text, meant] of cases) assert.equal(formatAddress(unmapped(parsed(text))), meant, text)
})
