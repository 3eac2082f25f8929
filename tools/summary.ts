import { runChecks } from './checks.ts'
import type { Tally } from './run-tests.ts'
import { runTests } from './run-tests.ts'

interface Suite {
  readonly patterns: readonly string[]
  readonly concurrency: number
}

interface Work {
  readonly checks: boolean
  readonly suites: readonly Suite[]
}

/**
 * Runs the work, lists what was skipped and why, ends with the line `N passed, N failed`, and sets the exit code. The static
 * checks keep one core busy while the first suite, which waits a lot, has the other.
 */
export async function summarise(work: Work): Promise<void> {
  const tally: Tally = { passed: 0, failed: 0, skipped: [] }
  const [first, ...others] = work.suites
  await Promise.all([
    work.checks ? runAllChecks(tally) : undefined,
    first === undefined ? undefined : runSuite(first, tally),
  ])
  for (const suite of others) await runSuite(suite, tally)
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

async function runSuite(suite: Suite, tally: Tally): Promise<void> {
  const start = performance.now()
  const own: Tally = { passed: 0, failed: 0, skipped: tally.skipped }
  await runTests(suite.patterns, suite.concurrency, own)
  tally.passed += own.passed
  tally.failed += own.failed
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  process.stdout.write(
    `${own.failed === 0 ? '✔' : '✘'} ${own.passed} tests of ${suite.patterns.join(' ')} (${seconds} s)\n`,
  )
}
