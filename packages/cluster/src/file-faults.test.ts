import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

/** A code stands as a literal wherever its words do. */
const literal = /'((?:yaml|document|object|file|directory|watch|last-good)-[a-z0-9-]+)'/g

test('docs/reference/file-faults.md lists exactly the codes that the source has', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/reference/file-faults.md'), 'utf8')
  const listed = [...page.matchAll(/^\| `([a-z0-9-]+)` \| .+\. \|$/gm)].map(([, code]) => code)
  const sources = globSync('*.ts', { cwd: import.meta.dirname }).filter((name) => !name.endsWith('.test.ts'))
  const used = sources.flatMap((name) =>
    [...readFileSync(join(import.meta.dirname, name), 'utf8').matchAll(literal)].map(([, code]) => code),
  )
  assert.deepEqual(listed.toSorted(), [...new Set(used)].sort())
})
