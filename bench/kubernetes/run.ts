// From the API server to the router: what controller and speaker take, at 100 to 10,000 Services; see README.md beside this.
// Usage: node bench/run.ts kubernetes [--services 100,1000,5000,10000] [--repetitions 1] [--samples 200] [--idle-seconds 30]
//          [--only burst,memory,idle,latency,restart,silence] [--write] [--name MetalLB --controller COMMAND --speaker COMMAND --crds DIRECTORY]
// Prints Markdown; writes bench/results/kubernetes.json and kubernetes.md when nothing was left out, or with --write.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { measure, scenarios, type Scenario } from './measure.ts'
import { buildHoldfast, holdfastCrds, type Product } from './product.ts'
import { toMarkdown, type Absence, type Results, type Run } from './report.ts'

const allServices = '100,1000,5000,10000'
const { values } = parseArgs({
  options: {
    services: { type: 'string', default: allServices },
    repetitions: { type: 'string', default: '1' },
    samples: { type: 'string', default: '200' },
    'idle-seconds': { type: 'string', default: '30' },
    only: { type: 'string' },
    write: { type: 'boolean', default: false },
    name: { type: 'string', default: 'the other' },
    controller: { type: 'string' },
    speaker: { type: 'string' },
    crds: { type: 'string', default: holdfastCrds },
  },
})
process.on('SIGINT', () => process.exit(130))
process.on('SIGTERM', () => process.exit(143))

const tell = (line: string): void =>
  void process.stderr.write(`${(performance.now() / 1000).toFixed(0).padStart(5)} s  ${line}\n`)
const directory = mkdtempSync(join(tmpdir(), 'holdfast-bench-'))
process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
const holdfast = await buildHoldfast(directory)
const products = [holdfast, ...otherProduct()]
const counts = values.services.split(',').map(Number)
const wanted = values.only === undefined ? scenarios : values.only.split(',').map(scenarioOf)
const samples = Number(values.samples)
const [loadBefore = 0] = loadavg()
const runs: Run[] = []
const absences: Absence[] = []
const requests: Record<string, string> = {}

// Side by side in time too: what else the machine does meets all of them.
for (const services of counts) {
  for (let repetition = 0; repetition < Number(values.repetitions); repetition += 1) {
    for (const product of products) {
      tell(`${product.name}, ${services}: burst`)
      const job = {
        product,
        services,
        wanted,
        samples,
        idleSeconds: Number(values['idle-seconds']),
        quietMs: 2000,
        tell,
      }
      const measured = await measure(job)
      runs.push(measured.run)
      absences.push(...measured.absences)
      Object.assign(requests, measured.requests)
    }
  }
}

const results: Results = {
  machine: `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Linux ${release().replace(/^(\d+\.\d+).*/, '$1')}, Node ${process.version}`,
  date: new Date().toISOString().slice(0, 10),
  command: ['npm run bench -- kubernetes', ...process.argv.slice(2)].join(' '),
  ...{ loadBefore, samples, requests, runs, absences },
}
process.stdout.write(toMarkdown(results))
if (values.write || (values.only === undefined && values.services === allServices)) {
  const folder = join(import.meta.dirname, '..', 'results')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'kubernetes.json'), `${JSON.stringify(results, undefined, 2)}\n`)
  writeFileSync(join(folder, 'kubernetes.md'), toMarkdown(results))
}
process.exit(absences.some(({ product }) => product === holdfast.name) ? 1 : 0)

function otherProduct(): readonly Product[] {
  const { name, controller, speaker, crds } = values
  if (controller === undefined && speaker === undefined) return []
  if (controller === undefined || speaker === undefined) throw new Error('--controller and --speaker go together')
  return [{ name, controller, speaker, crds }]
}

function scenarioOf(name: string): Scenario {
  const found = scenarios.find((one) => one === name)
  if (found === undefined) throw new Error(`--only ${name}: known are ${scenarios.join(', ')}`)
  return found
}
