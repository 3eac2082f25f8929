import { spawn } from 'node:child_process'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const bin = (name: string): string => join(root, 'node_modules', '.bin', name)

/** One static check: its name, and the command that fails where it does not hold. */
interface Check {
  readonly name: string
  readonly command: readonly [string, ...string[]]
}

export interface CheckResult {
  readonly name: string
  readonly ok: boolean
  readonly seconds: number
  readonly output: string
}

/** Type checks of files that did not change are taken from the run before. */
const typeCheck = (config: string): Check['command'] => [
  bin('tsc'),
  ...['-p', config, '--incremental', '--tsBuildInfoFile', `node_modules/.cache/tsc/${config}.tsbuildinfo`],
]

const checks: readonly Check[] = [
  { name: 'types of the pure packages, which see neither Node nor DOM', command: typeCheck('tsconfig.pure.json') },
  { name: 'types', command: typeCheck('tsconfig.json') },
  // A file that did not change is not linted again. A change of types elsewhere could make a finding in it; the fresh
  // clone that decides has no cache and lints everything.
  {
    name: 'lint',
    command: [bin('eslint'), '.', '--max-warnings', '0', '--cache', '--cache-location', 'node_modules/.cache/eslint/'],
  },
  { name: 'format', command: [bin('prettier'), '--check', '--cache', '--log-level', 'warn', '.'] },
  { name: 'no unused files, exports or dependencies', command: [bin('knip')] },
]

/** Runs every static check, one after the other, and reports each as it ends. */
export async function runChecks(report: (result: CheckResult) => void): Promise<void> {
  for (const check of checks) report(await runCheck(check))
}

function runCheck(check: Check): Promise<CheckResult> {
  const start = performance.now()
  const [file, ...args] = check.command
  return new Promise((resolve) => {
    const child = spawn(file, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    const output: string[] = []
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk.toString()))
    const finish = (ok: boolean): void =>
      resolve({ name: check.name, ok, seconds: (performance.now() - start) / 1000, output: output.join('') })
    child.on('error', (error) => {
      output.push(`${file} did not start: ${error.message}. Run "node tools/setup.mjs".`)
      finish(false)
    })
    child.on('close', (code) => finish(code === 0))
  })
}
