import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadClauses, placeOf, tagsInTests } from './rfc/load.ts'
import { page } from './rfc/page.ts'

const clauses = await loadClauses()
const tests = tagsInTests()

test('every clause has an id of its own that says its RFC and section', () => {
  const ids = clauses.map(({ id }) => id)
  assert.deepEqual(
    ids.filter((id, index) => ids.indexOf(id) !== index),
    [],
  )
  assert.deepEqual(
    clauses.filter((clause) => placeOf(clause).section === '').map(({ id }) => id),
    [],
  )
})

test('every clause has a test', () => {
  assert.deepEqual(
    clauses.map(({ id }) => id).filter((id) => !tests.has(id)),
    [],
  )
})

test('every tag of a test is a clause', () => {
  const known = new Set(clauses.map(({ id }) => id as string))
  const unknown = [...tests].filter(([id]) => !known.has(id)).map(([id, files]) => `${id} in ${files.join(', ')}`)
  assert.deepEqual(unknown, [])
})

test('there are at least 250 clauses that a speaker must or should obey', () => {
  const binding = clauses.filter(({ level }) => level !== 'MAY')
  assert.ok(binding.length >= 250, `there are ${binding.length}`)
})

test('docs/reference/rfc.md is what `npm run rfc` writes', () => {
  const path = join(import.meta.dirname, '..', 'docs', 'reference', 'rfc.md')
  assert.equal(readFileSync(path, 'utf8'), page(clauses, tests), 'run `npm run rfc`')
})
