import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { rules } from './rules.ts'

const page = readFileSync(new URL('../../../docs/reference/faults.md', import.meta.url), 'utf8')

test('docs/reference/faults.md lists exactly the rules, each with its summary', () => {
  const section = page.slice(page.indexOf('## Codes'), page.indexOf('## Where the rules are wider'))
  const listed = [...section.matchAll(/^\| `([^`]+)` \| (.*) \|$/gm)].map(([, code, summary]) => [code, summary])
  const expected = Object.entries(rules).map(([code, { summary }]) => [code, summary])
  assert.deepEqual(listed, expected.sort())
})

test('codes are kebab-case, and summaries are one sentence', () => {
  for (const [code, { summary }] of Object.entries(rules)) {
    assert.match(code, /^[a-z]+(-[a-z0-9]+)*$/)
    assert.match(summary, /^\S.*[^.]\.$/)
  }
})
