// The interoperability table: `node lab/interop/run.ts [--write] [--only frr,bird] [--verbose]`.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { examine } from './examine.ts'
import { implementations } from './implementations.ts'
import { render, tablePath } from './table.ts'

const { values } = parseArgs({
  options: { write: { type: 'boolean' }, only: { type: 'string' }, verbose: { type: 'boolean' } },
})
const only = values.only?.split(',')
if (only !== undefined && values.write === true) throw new Error('--write needs all implementations: leave --only out')
const chosen = implementations.filter(({ name }) => only?.includes(name.toLowerCase()) ?? true)
const findings = []
for (const implementation of chosen) {
  const begun = performance.now()
  const found = await examine(implementation)
  findings.push(found)
  const counts = Object.entries(Object.groupBy(found.cells, ({ result }) => result.kind))
  const summary = counts.map(([kind, cells]) => `${cells.length} ${kind}`).join(', ')
  process.stdout.write(
    `${found.implementation} ${found.version}: ${summary} (${Math.round((performance.now() - begun) / 1000)} s)\n`,
  )
  for (const { transport, relation, feature, result } of found.cells) {
    if (result.kind !== 'red') continue
    process.stdout.write(`  red: ${relation} ${transport}, ${feature}: ${result.why.split('\n', 1).join()}\n`)
    if (values.verbose === true) process.stdout.write(`${result.why}\n`)
  }
}
const table = render(findings)
if (values.write === true) writeFileSync(tablePath, table)
else process.stdout.write(`\n${table}`)
process.exitCode = findings.some(({ cells }) => cells.some(({ result }) => result.kind === 'red')) ? 1 : 0
