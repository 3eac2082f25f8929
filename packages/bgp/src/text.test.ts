import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hex, toHex } from './testing/second-writer.ts'
import { bytesFromText, textFromBytes } from './text.ts'

const oracle = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** What the platform makes of octets; undefined where it finds that they are no UTF-8. */
function platformText(bytes: Uint8Array): string | undefined {
  try {
    return oracle.decode(bytes)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

test('UTF-8 is read as the platform reads it, and everything else has an escape in it', () => {
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
  )
  fc.assert(
    fc.property(octets, (bytes) => {
      const expected = platformText(bytes)
      const text = textFromBytes(bytes)
      if (expected === undefined) assert.ok(!text.isWellFormed())
      else assert.equal(text, expected)
    }),
    { numRuns: 3000 },
  )
})

test('any octets come out again as they went in', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      assert.equal(toHex(bytesFromText(textFromBytes(bytes), 255)), toHex(bytes))
    }),
    { numRuns: 3000 },
  )
})

for (const [name, octets, text] of [
  ['an overlong slash [rfc9003-2-invalid-utf8]', 'c0af', '\udcc0\udcaf'],
  ['an overlong NUL in three octets', 'e08080', '\udce0\udc80\udc80'],
  ['a surrogate', 'eda080', '\udced\udca0\udc80'],
  ['more than Unicode has', 'f4908080', '\udcf4\udc90\udc80\udc80'],
  ['a sequence cut off', 'e282', '\udce2\udc82'],
  ['a continuation alone', '80', '\udc80'],
  ['the largest code point', 'f48fbfbf', '\u{10ffff}'],
] as const) {
  test(`text of ${name}`, () => {
    assert.equal(textFromBytes(hex(octets)), text)
  })
}

test('text is cut in front of a character that does not fit whole', () => {
  for (const [text, most, octets] of [
    ['ab', 1, '61'],
    ['aä', 2, '61'],
    ['aä', 3, '61c3a4'],
    ['€', 2, ''],
    ['🦊', 3, ''],
    ['🦊', 4, 'f09fa68a'],
  ] as const) {
    assert.equal(toHex(bytesFromText(text, most)), octets)
  }
})

test('half a character of JavaScript becomes the replacement character', () => {
  assert.equal(toHex(bytesFromText('\ud800', 9)), 'efbfbd')
})
