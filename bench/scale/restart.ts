// How long a speaker takes from its start until the router has the last route: `node bench/scale/restart.ts [--services N]
// [--rounds N] [--list-delay-ms N] [--program DIRECTORY]…`. The real program, from its bundle, with a synthetic API server whose answers are made beforehand.
// Several programs (each a directory that `buildHoldfast` has filled) take turns, each without and with a last known state.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { addresses } from '../kubernetes/objects.ts'
import { buildHoldfast, speakerFrom } from '../kubernetes/product.ts'
import { Router } from '../kubernetes/router.ts'
import { cpuSeconds, memory } from '../routes/usage.ts'
import { nodeName, place } from './objects.ts'
import { tellBefore } from './synthetic.ts'

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '1000' },
    /** What a server and the way to it take until a page of a list is answered. */
    'list-delay-ms': { type: 'string', default: '0' },
    rounds: { type: 'string', default: '3' },
    program: { type: 'string', multiple: true, default: [] },
  },
})
const services = Number(values.services)
const directory = mkdtempSync(join(tmpdir(), 'holdfast-restart-'))
const kubeconfig = join(directory, 'kubeconfig')
const router = await Router.listen({ address: addresses.router, port: 0 })

/** One start. */
interface Run {
  readonly lastRouteSeconds: number
  /** Until then. */
  readonly cpuSeconds: number
  readonly restSeconds: number
  readonly residentMiB: number
  readonly peakResidentMiB: number
}

function start(program: string, state: string): ChildProcess {
  const environment = { BENCH_DIRECTORY: directory, BENCH_STATE: state, METALLB_HOST: addresses.speaker }
  const where = `--kubeconfig ${kubeconfig} --namespace ${place} --node-name ${nodeName(0)}`
  return spawn('sh', ['-c', `exec ${speakerFrom(program)} ${where}`], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
}

async function life(program: string, state: string): Promise<Run> {
  const startMs = performance.now()
  const speaker = start(program, state)
  const pid = speaker.pid ?? 0
  try {
    const lastMs = await router.until('all routes are there', () => router.routes.size === services, 60_000)
    const cpu = cpuSeconds(pid)
    await atRest(pid)
    if (router.routes.size !== services) throw new Error(`${router.routes.size} routes at rest, of ${services}`)
    return {
      lastRouteSeconds: (lastMs - startMs) / 1000,
      cpuSeconds: cpu,
      restSeconds: cpuSeconds(pid),
      ...memory(pid),
    }
  } finally {
    const exited = once(speaker, 'exit')
    speaker.kill('SIGKILL')
    await exited
    await router.until('the session has ended', () => !router.isUp, 10_000)
  }
}

/** Until it has computed nothing to speak of for a second. */
async function atRest(pid: number): Promise<void> {
  for (let before = cpuSeconds(pid); ;) {
    await pause(1000)
    const now = cpuSeconds(pid)
    if (now - before < 0.03) return
    before = now
  }
}

/** The state that an earlier life leaves, made once for each program. */
async function leaveState(program: string, kept: string): Promise<void> {
  await tellBefore(kept, { services })
  await life(program, kept)
}

/** A directory for the state of one life, which begins with what an earlier one has left. */
function stateFrom(earlier: string | undefined): string {
  const state = join(directory, 'state')
  rmSync(state, { recursive: true, force: true })
  mkdirSync(state)
  // With the time of now: that life has just ended.
  if (earlier !== undefined) cpSync(earlier, state, { recursive: true })
  return state
}

const median = (runs: readonly Run[], of: keyof Run): number => {
  const sorted = runs.map((run) => run[of]).sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}
const range = (runs: readonly Run[], of: keyof Run, digits = 2): string => {
  const all = runs.map((run) => run[of])
  return `${Math.min(...all).toFixed(digits)}-${Math.max(...all).toFixed(digits)}`
}

const built = join(directory, 'built')
if (values.program.length === 0) await buildHoldfast(built)
const programs = values.program.length === 0 ? [built] : values.program
const main = join(import.meta.dirname, 'restart-server-main.ts')
const server = spawn(
  process.execPath,
  [main, String(services), kubeconfig, String(router.port), values['list-delay-ms']],
  {
    stdio: ['pipe', 'pipe', 'inherit'],
  },
)
try {
  await once(server.stdout, 'data')
  const runs = new Map<string, Run[]>()
  const kept = new Map(programs.map((program, index) => [program, join(directory, `kept-${index}`)]))
  for (const [program, state] of kept) await leaveState(program, state)
  const starts = programs.flatMap((program) => [
    { name: `${basename(program)}, no state`, program, earlier: undefined },
    { name: `${basename(program)}, with state`, program, earlier: kept.get(program) },
  ])
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const { name, program, earlier } of starts) {
      runs.set(name, [...(runs.get(name) ?? []), await life(program, stateFrom(earlier))])
    }
  }
  for (const [name, all] of runs) {
    process.stdout.write(
      `${name}: last route after ${median(all, 'lastRouteSeconds').toFixed(2)} s (${range(all, 'lastRouteSeconds')}), ` +
        `CPU until then ${median(all, 'cpuSeconds').toFixed(2)} s (${range(all, 'cpuSeconds')}), at rest ${median(all, 'restSeconds').toFixed(2)} s, ` +
        `resident ${median(all, 'residentMiB').toFixed(0)} MiB (${range(all, 'residentMiB', 0)}), at most ${median(all, 'peakResidentMiB').toFixed(0)}\n`,
    )
  }
} finally {
  server.kill()
  router.close()
  rmSync(directory, { recursive: true })
}
