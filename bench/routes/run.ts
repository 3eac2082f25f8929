// How long it takes, and what it costs, to hand 1,000, 10,000 and 100,000 routes to a router.
// Usage: node bench/routes/run.ts [--counts 1000,10000] [--repetitions 5] [--speakers 'GoBGP;BIRD, kept awake']
// Prints Markdown; writes bench/results/routes.json and routes.md when nothing was left out.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { cpus, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { collect } from './collector.ts'
import { toMarkdown, type Absence, type Results, type Run } from './report.ts'
import type { Speaker } from './speaker.ts'
import { bird, wakefulBird } from './speakers/bird.ts'
import { exabgp } from './speakers/exabgp.ts'
import { frr } from './speakers/frr.ts'
import { gobgp } from './speakers/gobgp.ts'
import { holdfast } from './speakers/holdfast.ts'
import { engine, replay } from './speakers/program.ts'
import { cpuSeconds, memory } from './usage.ts'

const { values } = parseArgs({
  options: {
    counts: { type: 'string', default: '1000,10000,100000' },
    repetitions: { type: 'string', default: '5' },
    speakers: { type: 'string' },
  },
})
process.on('SIGINT', () => process.exit(130))
process.on('SIGTERM', () => process.exit(143))

const known: readonly Speaker[] = [holdfast, engine, gobgp, bird, wakefulBird, exabgp, frr, replay]
const wanted = values.speakers?.split(';')
const versions: Record<string, string> = {}
const absences: Absence[] = []
const runs: Run[] = []

const speakers: Speaker[] = []
for (const speaker of known.filter(({ name }) => wanted?.includes(name) ?? true)) {
  const version = await speaker.version()
  if (version === undefined) {
    absences.push({ speaker: speaker.name, count: undefined, reason: 'not installed (or needs root)' })
  } else {
    versions[speaker.name] = version
    speakers.push(speaker)
  }
}

for (const count of values.counts.split(',').map(Number)) await compare(count)

const results: Results = {
  machine: `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Linux ${release().replace(/^(\d+\.\d+).*/, '$1')}`,
  date: new Date().toISOString().slice(0, 10),
  versions,
  runs,
  absences,
}
process.stdout.write(toMarkdown(results))
if (values.speakers === undefined && values.counts === '1000,10000,100000') {
  const folder = join(import.meta.dirname, '..', 'results')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'routes.json'), `${JSON.stringify(results, undefined, 2)}\n`)
  writeFileSync(join(folder, 'routes.md'), toMarkdown(results))
}
process.exit()

/** Every speaker by turns. One that fails is not tried again with this number of routes. */
async function compare(count: number): Promise<void> {
  const able = new Set(speakers)
  for (let repetition = 0; repetition < Number(values.repetitions); repetition += 1) {
    for (const speaker of [...able]) {
      const outcome = await measure(speaker, count)
      if (outcome instanceof Error) {
        able.delete(speaker)
        absences.push({ speaker: speaker.name, count, reason: outcome.message.slice(0, 500) })
      } else runs.push(outcome)
      const told = outcome instanceof Error ? outcome.message : `${outcome.millisecondsToLastRoute.toFixed(1)} ms`
      process.stderr.write(`${speaker.name}, ${count}: ${told}\n`)
    }
  }
}

async function measure(speaker: Speaker, count: number): Promise<Run | Error> {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-bench-'))
  try {
    const job = { count, directory, port: await freePort(), controlPort: await freePort(), loadTimeoutMs: 400_000 }
    const started = await speaker.start(job)
    try {
      await started.untilIdle(job.loadTimeoutMs)
      const loadCpuSeconds = cpuSeconds(started.pid)
      const collected = await collect(job.port, count, 60_000)
      const sessionCpuSeconds = cpuSeconds(started.pid) - loadCpuSeconds
      return { speaker: speaker.name, count, ...collected, sessionCpuSeconds, loadCpuSeconds, ...memory(started.pid) }
    } finally {
      await started.end()
    }
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
