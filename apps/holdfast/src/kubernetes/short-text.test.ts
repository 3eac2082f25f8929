import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shortText } from './short-text.ts'

test('a text is cut between characters, and is what JSON in UTF-8 brings back', () => {
  for (const text of ['', 'plain', 'x🙂🙂🙂', '🙂🙂🙂', 'half \uD83D', '\uDE42 half', 'a\uD83Db']) {
    for (let most = 1; most < 9; most += 1) {
      const short = shortText(text, most)
      assert.ok(short.length <= most)
      assert.equal(Buffer.from(short, 'utf8').toString('utf8'), short)
      assert.ok(short.length >= Math.min(text.length, most) - 1)
    }
  }
  assert.equal(shortText('x🙂🙂', 4), 'x🙂')
  assert.equal(shortText('x🙂🙂', 5), 'x🙂🙂')
})
