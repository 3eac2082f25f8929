import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { before, describe, test } from 'node:test'
import { labSkip } from '../harness/capability.ts'
import type { Findings } from './cells.ts'
import { examine } from './examine.ts'
import { relations, transports } from './plan.ts'
import type { Implementation } from './router.ts'
import { rowOf, rows, tablePath } from './table.ts'

/**
 * The suite of one implementation, which is a file of its own so that they run side by side:
 *
 *     router  10.20.K.1, fd00:20:K::1  ====  10.20.K.2, fd00:20:K::2  node
 *     the implementation, AS 4200000001      holdfast standalone, AS 4200000001 and 4200000002
 *
 * K is a session; each combination of eBGP and iBGP with IPv4, IPv6, and IPv4 over IPv6 has several of them (plan.ts).
 *
 * Claim: each row of docs/reference/interoperability.md is what the run sees, and nothing fails. What a cell means is said
 * there; how it is seen is in examine.ts. `npm run interop -- --write` writes the table.
 */
export function describeInterop(implementation: Implementation): void {
  const { name } = implementation
  describe(`interoperability with ${name}`, { skip: skip(implementation) }, () => {
    let findings: Findings
    before(async () => {
      findings = await examine(implementation)
    })
    for (const transport of transports) {
      for (const relation of relations) {
        test(`${name}, ${relation}, ${transport}: the cells are as documented`, () => {
          const row = rowOf(findings.cells, transport, relation)
          assert.deepEqual(
            row.filter(({ result }) => result.kind === 'red'),
            [],
          )
          assert.deepEqual(
            row.map(({ feature, result }) => `${feature}: ${result.kind}`),
            rows(readFileSync(tablePath, 'utf8')).get(name)?.get(`${relation}, ${transport}`),
          )
        })
      }
    }
  })
}

function skip({ needs, name }: Implementation): string | false {
  const absent = needs.files.filter((file) => !existsSync(file))
  if (absent.length === 0) return labSkip()
  if (process.env['CI'] === 'true') throw new Error(`${name} is missing (package ${needs.package})`)
  return `${absent.join(', ')} missing (package ${needs.package})`
}
