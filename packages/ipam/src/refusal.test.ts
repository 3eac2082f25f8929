import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quote } from './refusal.ts'

test('a quoted text is one line of visible characters, whatever was written', () => {
  assert.equal(quote('gold'), '"gold"')
  assert.equal(quote('gold\u001b[2J\n"x"'), String.raw`"gold\u001b[2J\n\"x\""`)
  assert.equal(quote('a\u009b\u202e\u2028'), String.raw`"a\u{9b}\u{202e}\u{2028}"`)
})

test('a quoted text is never much longer than a name can be, and no character of it is cut in half', () => {
  assert.equal(quote('x'.repeat(253)).length, 255)
  assert.equal(quote('x'.repeat(60_000)), `"${'x'.repeat(253)}…"`)
  assert.equal(quote(`x${'🙂'.repeat(60_000)}`), `"x${'🙂'.repeat(252)}…"`)
})
