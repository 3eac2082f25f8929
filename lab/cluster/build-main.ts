// Builds what the cluster lab runs on, where it is not there yet: node lab/cluster/build-main.ts [PROGRAM…]
// Without arguments: everything that a suite uses. Prints where each program is. Where nothing can be built (no Go) that is
// told, and is a failure only under CI or where a program was named: the suites themselves then say why they are skipped.
import { ensurePrograms, isProgram, labPrograms, locate } from './binaries.ts'

const names = process.argv.slice(2)
const unknown = names.filter((name) => !isProgram(name))
if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(', ')}; there are ${labPrograms.join(', ')}`)
const wanted = names.length > 0 ? names.filter((name) => isProgram(name)) : labPrograms

const reasons = wanted.map((name) => locate(name)).flatMap((found) => (found.kind === 'missing' ? [found.reason] : []))
if (reasons.length > 0) {
  process.stderr.write(`${reasons.join('\n')}\n`)
  process.exitCode = process.env['CI'] === 'true' || names.length > 0 ? 1 : 0
} else {
  const paths = await ensurePrograms(wanted)
  for (const path of Object.values(paths)) process.stdout.write(`${path}\n`)
}
