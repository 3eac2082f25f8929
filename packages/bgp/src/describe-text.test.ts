import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describeText } from './describe-text.ts'
import { hex } from './testing/second-writer.ts'
import { textFromBytes } from './text.ts'

for (const [name, text, shown] of [
  ['plain text', 'rack 7, ärgern & 東京', 'rack 7, ärgern & 東京'],
  ['nothing', '', ''],
  ['a colour', '\x1b[31mred', '\\x1b[31mred'],
  ['a window title', '\x1b]0;owned\x07', '\\x1b]0;owned\\x07'],
  ['a control sequence of eight bits', '\u009b2J', '\\x9b2J'],
  ['a line of a log', 'x\r\nlevel=error msg=forged', 'x\\x0d\\x0alevel=error msg=forged'],
  ['NUL', 'a\0b', 'a\\x00b'],
  ['DEL and backspaces', 'a\b\x7f', 'a\\x08\\x7f'],
  ['a tab', 'a\tb', 'a\\x09b'],
  ['writing backwards', '\u202egnp.exe', '\\u{202e}gnp.exe'],
  ['an isolate', '\u2066x\u2069', '\\u{2066}x\\u{2069}'],
  ['a line separator', 'a\u2028b\u2029c', 'a\\u{2028}b\\u{2029}c'],
  ['a next line', 'a\u0085b', 'a\\x85b'],
  ['no room', 'a\u200bb\ufeffc', 'a\\u{200b}b\\u{feff}c'],
  ['tags', '\u{e0061}', '\\u{e0061}'],
  ['private use', '\ue000', '\\u{e000}'],
  ['what nobody has assigned', '\u0378', '\\u{378}'],
  ['an escape that was sent as such', '\\x1b', '\\\\x1b'],
  ['half a character', '\ud83e', '\\u{d83e}'],
  ['no UTF-8', textFromBytes(hex('61ff62c328')), 'a\\xffb\\xc3('],
] as const) {
  test(`text of a peer: ${name}`, () => {
    assert.equal(describeText(text), shown)
  })
}

test('text longer than a shutdown communication is cut, and not within an escape', () => {
  assert.equal(describeText('a'.repeat(255)), 'a'.repeat(255))
  assert.equal(describeText('a'.repeat(256)), `${'a'.repeat(255)}…`)
  assert.equal(describeText('abc\x1b', 6), 'abc…')
  assert.equal(describeText('abc\x1b', 7), 'abc\\x1b')
  assert.equal(describeText('ab🦊', 3), 'ab…')
})

test('whatever it is, what is shown is one visible line of 256 units at most', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.uint8Array({ maxLength: 300 }).map(textFromBytes), fc.string({ unit: 'binary' })),
      (text) => {
        const shown = describeText(text)
        assert.ok(shown.length <= 256 && shown.isWellFormed())
        assert.doesNotMatch(shown, /[\p{C}\p{Zl}\p{Zp}]/u)
      },
    ),
    { numRuns: 2000 },
  )
})
