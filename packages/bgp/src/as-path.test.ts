import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asPathBytes, mergeAsPaths, readAsPath } from './as-path.ts'
import type { AsPathSegment } from './messages.ts'
import { asPath, attribute, hex, host, nextHop, origin, toHex, update } from './testing/second-writer.ts'
import { announcing, attributes, checkVector, decodedUpdate, twoOctet } from './testing/vectors.ts'

const sequence = (...asns: number[]): AsPathSegment => ({ kind: 'sequence', asns })
const set = (...asns: number[]): AsPathSegment => ({ kind: 'set', asns })

for (const [isFourOctetAs, bytes] of [
  [true, '01 02 00000001 00000002  02 01 00000003  02 02 00000004 00000005'],
  [false, '01 02 0001 0002  02 01 0003  02 02 0004 0005'],
] as const) {
  test(`SET, SEQUENCE, SEQUENCE keeps its order and both sequences, with ${isFourOctetAs ? 4 : 2} octets`, () => {
    const segments = [set(1, 2), sequence(3), sequence(4, 5)]
    assert.deepEqual(readAsPath(hex(bytes), isFourOctetAs), { ok: true, segments })
    assert.equal(toHex(asPathBytes(segments, isFourOctetAs)), toHex(hex(bytes)))
  })
}

test('two sequences in one UPDATE stay two', () => {
  checkVector({
    name: '',
    bytes: update({
      attributes: origin + attribute(0x40, 2, '0201 00000001 0202 00000002 00000003') + nextHop,
      nlri: host,
    }),
    message: announcing(attributes({ asPath: [sequence(1), sequence(2, 3)] }), '192.0.2.254', '198.51.100.1/32'),
  })
})

for (const [asn, twoOctets] of [
  [65535, 'ffff'],
  [65536, '5ba0'],
  [65537, '5ba0'],
] as const) {
  test(`AS ${asn} towards a two-octet speaker is 0x${twoOctets} [rfc6793-4.2.2-as-trans]`, () => {
    assert.equal(toHex(asPathBytes([sequence(asn)], false)), `0201${twoOctets}`)
  })
}

test('a sequence of 256 AS numbers becomes two segments', () => {
  const asns = Array.from({ length: 256 }, (_, index) => index + 1)
  const bytes = asPathBytes([sequence(...asns)], false)
  assert.deepEqual(readAsPath(bytes, false), { ok: true, segments: [sequence(...asns.slice(0, 255)), sequence(256)] })
})

test('AS4_PATH goes out only where AS_TRANS stands for an AS number [rfc6793-4.2.2-as4-path] [rfc6793-4.2.2-no-as4-path]', () => {
  const path = (four: string, two: string): Uint8Array =>
    update({ attributes: `${origin}${attribute(0x40, 2, two)}${nextHop}${four}`, nlri: host })
  checkVector({
    name: '',
    context: twoOctet,
    bytes: path('', '0202 fc00 ffff'),
    message: announcing(attributes({ asPath: [sequence(64512, 65535)] }), '192.0.2.254', '198.51.100.1/32'),
  })
  checkVector({
    name: '',
    context: twoOctet,
    bytes: path(attribute(0xc0, 17, '0202 0000fc00 00010000'), '0202 fc00 5ba0'),
    message: announcing(attributes({ asPath: [sequence(64512, 65536)] }), '192.0.2.254', '198.51.100.1/32'),
  })
})

// RFC 6793 section 4.2.3.
for (const [name, two, four, merged] of [
  ['as long as AS_PATH replaces it', [sequence(1, 23456)], [sequence(1, 70000)], [sequence(1, 70000)]],
  ['shorter than AS_PATH keeps its front', [sequence(1, 2, 23456)], [sequence(70000)], [sequence(1, 2, 70000)]],
  ['longer than AS_PATH is ignored', [sequence(1)], [sequence(70000, 70001)], [sequence(1)]],
  ['empty leaves AS_PATH', [sequence(1, 23456)], [], [sequence(1, 23456)]],
  ['behind a set, which counts as one', [set(1, 2), sequence(23456)], [sequence(70000)], [set(1, 2), sequence(70000)]],
  ['with a set', [sequence(1, 2), set(3, 4)], [sequence(70000), set(70001)], [sequence(1, 70000), set(70001)]],
] as const) {
  test(`an AS4_PATH ${name} [rfc6793-4.2.3-merge] [rfc6793-4.2.3-longer-as4-path]`, () => {
    assert.deepEqual(mergeAsPaths(two, four), merged)
  })
}

test('AS4_PATH before AS_PATH is merged all the same (CVE-2026-41643)', () => {
  const as4Path = attribute(0xc0, 17, '0201 00011170')
  const result = decodedUpdate(
    update({ attributes: as4Path + origin + attribute(0x40, 2, '0202 0001 5ba0') + nextHop, nlri: host }),
    twoOctet,
  )
  assert.deepEqual(result.announced?.attributes.asPath, [sequence(1, 70000)])
})

test('confederation segments of an AS4_PATH are dropped [rfc6793-6-confed-segments]', () => {
  const as4Path = attribute(0xc0, 17, '0301 00000009 0201 00011170')
  const result = decodedUpdate(
    update({ attributes: origin + attribute(0x40, 2, '0202 0001 5ba0') + nextHop + as4Path, nlri: host }),
    twoOctet,
  )
  assert.deepEqual(result.announced?.attributes.asPath, [sequence(1, 70000)])
})

for (const [name, aggregator, expected] of [
  ['AS_TRANS: AS4_PATH counts', '5ba0 c0000201', [sequence(1, 70000)]],
  ['another AS: AS4_PATH is stale', '0002 c0000201', [sequence(1, 23456)]],
] as const) {
  test(`AGGREGATOR beside AS4_AGGREGATOR, by ${name} [rfc6793-4.2.3-aggregator]`, () => {
    const extra = [
      attribute(0xc0, 7, aggregator),
      attribute(0xc0, 17, '0201 00011170'),
      attribute(0xc0, 18, '00011170 c0000201'),
    ].join('')
    const result = decodedUpdate(
      update({
        attributes: origin + attribute(0x40, 2, '0202 0001 5ba0') + nextHop + extra,
        nlri: host,
      }),
      twoOctet,
    )
    assert.deepEqual(result.announced?.attributes.asPath, expected)
  })
}

test('the path of a four-octet speaker is left alone', () => {
  const result = decodedUpdate(update({ attributes: origin + asPath + nextHop, nlri: host }))
  assert.deepEqual(result.announced?.attributes.asPath, [sequence(64513)])
})
