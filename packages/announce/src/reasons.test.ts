import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { withholdReasons } from './reasons.ts'

const page = join(import.meta.dirname, '../../../docs/reference/announce-reasons.md')

test('the reference page has exactly the reasons of the table, in its order and words', () => {
  const rows = readFileSync(page, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
  const expected = Object.entries(withholdReasons).map(
    ([reason, { origin, meaning, remedy }]) =>
      `| \`${reason}\` | ${origin === 'metallb' ? 'MetalLB' : 'Holdfast'} | ${meaning} | ${remedy} |`,
  )
  assert.deepEqual(rows, expected)
})
