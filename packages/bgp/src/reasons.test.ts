import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { protectedReasons, protectionRemedy, reasonOf, reasonTable } from './reasons.ts'

test('the reference page lists every reason with its meaning and remedy, and no other', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/reference/session-reasons.md'), 'utf8')
  const rows = page
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
  const expected = Object.entries(reasonTable).map(([code, { meaning, remedy }]) => [`\`${code}\``, meaning, remedy])
  assert.deepEqual(rows, expected)
})

test('the reference page says what to look at where the session is protected', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/reference/session-reasons.md'), 'utf8')
  for (const remedy of Object.values(protectionRemedy)) assert.ok(page.includes(remedy), remedy)
  const codes = protectedReasons.map((code) => `\`${code}\``)
  assert.ok(page.includes(`${codes.slice(0, -1).join(', ')} and ${codes.at(-1) ?? ''}`), codes.join())
})

test('a reason without a sentence of its own has the one of the table', () => {
  assert.deepEqual(reasonOf('established'), { code: 'established', message: 'The session is up.' })
})
