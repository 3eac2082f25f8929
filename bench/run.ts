// `npm run bench`: the measurements of planners, of what follows the API server, and of the codec, which take some minutes; their output is kept in
// bench/results/parts.md. `npm run bench -- routes` measures whole speakers instead, see bench/routes, and `-- bfd` how fast
// BFD finds a cut path, see bench/bfd, and `-- kubernetes` controller and speaker with a real API server, see bench/kubernetes,
// and `-- scale` what a large cluster costs, see bench/scale.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { join } from 'node:path'

const [which, ...args] = process.argv.slice(2)

const run = (script: string, more: readonly string[], isShown: boolean): string => {
  const result = spawnSync(process.execPath, ['--expose-gc', join(import.meta.dirname, script), ...more], {
    encoding: 'utf8',
    stdio: ['ignore', isShown ? 'inherit' : 'pipe', 'inherit'],
  })
  if (result.status !== 0) throw new Error(`${script} ended with ${result.status ?? result.signal ?? 'an error'}`)
  return result.stdout
}

if (which === 'routes') {
  run('routes/run.ts', args, true)
} else if (which === 'bfd') {
  run('bfd/run.ts', args, true)
} else if (which === 'kubernetes') {
  run('kubernetes/run.ts', args, true)
} else if (which === 'scale') {
  run('scale/run.ts', args, true)
} else if (which === undefined) {
  const machine = `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Linux ${release().replace(/^(\d+\.\d+).*/, '$1')}, Node ${process.version}`
  const parts = ['ipam', 'announce', 'pass', 'speaker-pass', 'kubernetes-source', 'outbound', 'codec'].map((name) => {
    const output = run(`${name}.ts`, [], false)
    process.stdout.write(`${name}\n${output}\n`)
    return `## ${name}\n\n\`\`\`\n${output}\`\`\`\n`
  })
  const today = new Date().toISOString().slice(0, 10)
  const page = `# Planners, what follows the API server, outbound routes and codec\n\n\`npm run bench\` on ${machine}, ${today}.\n\n${parts.join('\n')}`
  writeFileSync(join(import.meta.dirname, 'results', 'parts.md'), page)
} else {
  process.stderr.write(
    `bench: "${which}" is not known: run it without arguments, or with "routes", "bfd", "kubernetes" or "scale"\n`,
  )
  process.exitCode = 2
}
