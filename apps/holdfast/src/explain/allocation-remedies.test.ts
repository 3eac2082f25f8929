import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { allocationRemedies, allocationRemedy } from './allocation-remedies.ts'

const page = readFileSync(new URL('../../../../docs/reference/allocation-reasons.md', import.meta.url), 'utf8')

test('docs/reference/allocation-reasons.md says the same of each refusal', () => {
  const rows = [...page.matchAll(/^\| `(\w+)` \| [^|]+ \| (.+) \|$/gm)].map(([, code = '', remedy = '']) => [
    code,
    remedy,
  ])
  assert.deepEqual(Object.fromEntries(rows), allocationRemedies)
})

test('a condition has the reason in CamelCase', () => {
  assert.equal(allocationRemedy('NotEnoughClusterIPs'), allocationRemedies.notEnoughClusterIPs)
  assert.equal(allocationRemedy('Moving'), undefined)
})
