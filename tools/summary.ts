import { runChecks } from './checks.ts'
import { loadClauses } from './rfc/load.ts'
import type { Tally } from './run-tests.ts'
import { runTests } from './run-tests.ts'

interface Suite {
  readonly patterns: readonly string[]
  /** Files that the patterns match and that are left out. */
  readonly without?: readonly string[]
  readonly concurrency: number
}

interface Work {
  readonly checks: boolean
  readonly suites: readonly Suite[]
  /** Everything runs, so that every clause of the standards must have been proven. */
  readonly isWhole: boolean
}

/**
 * Runs the work, lists what was skipped and why, ends with the line `N passed, N failed`, and sets the exit code. The static
 * checks keep one core busy while the first suite, which waits a lot, has the other.
 */
export async function summarise(work: Work): Promise<void> {
  const tally: Tally = { passed: 0, failed: 0, skipped: [], proven: new Set() }
  const [first, ...others] = work.suites
  await Promise.all([
    work.checks ? runAllChecks(tally) : undefined,
    first === undefined ? undefined : runSuite(first, tally),
  ])
  for (const suite of others) await runSuite(suite, tally)
  if (work.isWhole) await requireClauses(tally)
  for (const { name, reason } of tally.skipped) process.stdout.write(`skipped: ${name}: ${reason}\n`)
  const skipped = tally.skipped.length > 0 ? `, ${tally.skipped.length} skipped` : ''
  process.stdout.write(`${tally.passed} passed, ${tally.failed} failed${skipped}\n`)
  process.exitCode = tally.failed > 0 ? 1 : 0
}

const runAllChecks = (tally: Tally): Promise<void> =>
  runChecks((result) => {
    if (result.ok) tally.passed += 1
    else tally.failed += 1
    process.stdout.write(`${result.ok ? '✔' : '✘'} ${result.name} (${result.seconds.toFixed(1)} s)\n`)
    if (!result.ok) process.stdout.write(`${result.output}\n`)
  })

async function requireClauses(tally: Tally): Promise<void> {
  const clauses = await loadClauses()
  const missing = clauses.map(({ id }) => id).filter((id) => !tally.proven.has(id))
  if (missing.length === 0) tally.passed += 1
  else tally.failed += 1
  const sign = missing.length === 0 ? '✔' : '✘'
  process.stdout.write(
    `${sign} ${clauses.length - missing.length} of ${clauses.length} clauses of the standards are proven\n`,
  )
  for (const id of missing) process.stdout.write(`    no test of ${id} has passed\n`)
}

async function runSuite(suite: Suite, tally: Tally): Promise<void> {
  const start = performance.now()
  const own: Tally = { passed: 0, failed: 0, skipped: tally.skipped, proven: tally.proven }
  await runTests(suite, own)
  tally.passed += own.passed
  tally.failed += own.failed
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  process.stdout.write(
    `${own.failed === 0 ? '✔' : '✘'} ${own.passed} tests of ${suite.patterns.join(' ')} (${seconds} s)\n`,
  )
}
