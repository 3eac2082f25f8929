import { globSync } from 'node:fs'
import { join, relative } from 'node:path'
import { finished } from 'node:stream/promises'
import { run } from 'node:test'
import { inspect } from 'node:util'
import { clauseTag } from './rfc/load.ts'

const root = join(import.meta.dirname, '..')

export interface TestFiles {
  readonly patterns: readonly string[]
  readonly without?: readonly string[]
  readonly concurrency: number
}

export interface Tally {
  passed: number
  failed: number
  /** What did not run, with the reason that the test gave. */
  readonly skipped: { readonly name: string; readonly reason: string }[]
  /** Clauses of standards that the title of a test names which has passed. */
  readonly proven: Set<string>
}

/**
 * Runs the test files that the patterns name, prints every failure in full, and counts single tests, not files or
 * suites. `concurrency` is the number of files at a time.
 */
export async function runTests({ patterns, without = [], concurrency }: TestFiles, tally: Tally): Promise<void> {
  const files = globSync([...patterns], { cwd: root, exclude: ['**/node_modules/**', ...without] })
    .map((file) => join(root, file))
    .sort()
  if (files.length === 0) throw new Error(`no test file matches ${patterns.join(' ')}`)
  const stream = run({ files, concurrency, timeout: 300_000 })
  stream.on('test:pass', ({ name, skip, details }) => {
    // A suite counts only where it was skipped: its tests are then not even listed.
    if (details.type === 'suite' && skip === undefined) return
    if (skip === undefined) {
      tally.passed += 1
      for (const id of name.match(clauseTag) ?? []) tally.proven.add(id)
    } else tally.skipped.push({ name, reason: String(skip) })
  })
  stream.on('test:fail', ({ name, file, line, details }) => {
    if (!isOwnFailure(details)) return
    tally.failed += 1
    const place = file === undefined ? '' : ` (${relative(root, file)}:${line ?? 0})`
    process.stdout.write(`✘ ${name}${place}\n${indent(describe(details.error))}\n`)
  })
  stream.on('test:stderr', ({ message }) => process.stdout.write(message))
  await finished(stream.resume())
}

interface Details {
  readonly error: Error & { readonly failureType?: string; readonly cause?: unknown }
}

/** A suite that fails only because a test in it did is not a failure of its own. */
const isOwnFailure = (details: Details): boolean => details.error.failureType !== 'subtestsFailed'

const describe = (error: Details['error']): string => {
  const cause = error.cause ?? error
  return cause instanceof Error ? (cause.stack ?? cause.message) : inspect(cause)
}

const indent = (text: string): string =>
  text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n')
