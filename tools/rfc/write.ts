// `npm run rfc`: writes docs/reference/rfc.md anew.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadClauses, tagsInTests } from './load.ts'
import { page } from './page.ts'

const clauses = await loadClauses()
writeFileSync(join(import.meta.dirname, '..', '..', 'docs', 'reference', 'rfc.md'), page(clauses, tagsInTests()))
process.stdout.write(`docs/reference/rfc.md: ${clauses.length} clauses\n`)
