import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

const page = readFileSync(new URL('../../../docs/reference/allocation-reasons.md', import.meta.url), 'utf8')
const types = readFileSync(new URL('types.ts', import.meta.url), 'utf8')

/** The members of a union of string literals, in their order. */
const membersOf = (union: string): readonly string[] => {
  const declaration = new RegExp(`export type ${union} =\\n((?:  .*\\n)+)`).exec(types)?.[1] ?? ''
  return [...declaration.matchAll(/\| '(\w+)'/g)].map(([, member = '']) => member)
}

const listed = (section: string): readonly string[] => {
  const text = page.split(/^## /m).find((part) => part.startsWith(section)) ?? ''
  return [...text.matchAll(/^\| `(\w+)` \|/gm)].map(([, code = '']) => code)
}

test('docs/reference/allocation-reasons.md lists exactly the reasons for which an address is refused or taken away', () => {
  assert.ok(membersOf('RefusalReason').length > 10)
  assert.deepEqual(listed('Refused'), membersOf('RefusalReason'))
  assert.deepEqual(listed('Taken away'), membersOf('ClearReason'))
})
