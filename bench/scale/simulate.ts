import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createTestAuthority } from '../../packages/cluster/src/testing/fake-kube-server.ts'
import { cpuSeconds, memory } from '../routes/usage.ts'
import { nodeName, place } from './objects.ts'
import { startSyntheticServer, type Protocol, type SyntheticServer, type Traffic } from './server.ts'
import { fill, kubeconfigText, serviceOf, sliceOf, tellBefore, type Size } from './synthetic.ts'

export interface Simulation extends Size {
  readonly changesPerSecond: number
  readonly seconds: number
  readonly protocol: Protocol
}

/** What one speaker did and got while so many changes a second happened, beside what it does when nothing happens. */
export interface Simulated extends Simulation {
  /** From its start until it was in step: everything listed, everything announced, nothing left to be written. */
  readonly startSeconds: number
  readonly startCpuSeconds: number
  readonly atStart: Traffic
  readonly idleCpuShare: number
  readonly cpuShare: number
  readonly sentPerSecond: number
  readonly eventsPerSecond: number
  readonly writesPerSecond: number
  readonly residentMiB: number
  readonly peakMiB: number
  readonly connections: number
  readonly watches: number
}

const peerPort = 11_791
const executable = join(import.meta.dirname, '..', '..', 'node_modules', '.bin', 'holdfast')
const sliceShare = 0.9

/** Runs one speaker, the real program, against a synthetic API server. */
export async function simulate(simulation: Simulation): Promise<Simulated> {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-scale-'))
  const authority = createTestAuthority('scale')
  const server = await startSyntheticServer(authority, simulation.protocol)
  const peer = await startPeer()
  fill(server, simulation, peerPort)
  const state = join(directory, 'state')
  await tellBefore(state, simulation)
  const kubeconfig = join(directory, 'kubeconfig')
  writeFileSync(kubeconfig, kubeconfigText(server.port, authority.certificate))
  const ports = [
    '--port',
    '0',
    '--health-probe-port',
    '0',
    '--no-listen',
    '--kube-proxy-health',
    'none',
    '--state',
    state,
  ]
  const where = ['--kubeconfig', kubeconfig, '--namespace', place, '--node-name', nodeName(0)]
  const log = { text: '' }
  const startMs = performance.now()
  const speaker = spawn(executable, ['speaker', ...where, ...ports, '--socket', join(directory, 'speaker.sock')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  speaker.stdout.on('data', (chunk: Buffer) => (log.text = `${log.text}${chunk.toString()}`.slice(-20_000)))
  const pid = speaker.pid ?? 0
  try {
    const startSeconds = (await untilQuiet(server, startMs)) / 1000
    const startCpuSeconds = cpuSeconds(pid)
    const atStart = server.traffic()
    const idle = await share(pid, 15, () => undefined)
    const before = server.traffic()
    const loaded = await share(
      pid,
      simulation.seconds,
      (turn) => change(server, simulation, turn),
      simulation.changesPerSecond,
    )
    const after = server.traffic()
    const perSecond = (pick: (traffic: Traffic) => number): number => (pick(after) - pick(before)) / loaded.seconds
    return {
      ...simulation,
      startSeconds,
      startCpuSeconds,
      atStart,
      idleCpuShare: idle.share,
      cpuShare: loaded.share,
      sentPerSecond: perSecond(({ sent }) => sent),
      eventsPerSecond: perSecond(({ events }) => total(events)),
      writesPerSecond: perSecond(({ writes }) => total(writes)),
      ...memoryOf(pid),
      connections: after.connections,
      watches: after.watches,
    }
  } catch (error) {
    process.stderr.write(log.text)
    throw error
  } finally {
    speaker.kill('SIGKILL')
    server.stop()
    peer.close()
    rmSync(directory, { recursive: true })
  }
}

export const total = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((all, one) => all + one, 0)

function memoryOf(pid: number): { readonly residentMiB: number; readonly peakMiB: number } {
  const { residentMiB, peakResidentMiB } = memory(pid)
  return { residentMiB, peakMiB: peakResidentMiB }
}

function change(server: SyntheticServer, { services, nodes }: Simulation, turn: number): void {
  const index = (turn * 7919) % services
  const isSlice = turn % 10 < sliceShare * 10
  const object = isSlice ? sliceOf(index, nodes, 1 + Math.floor(turn / services)) : serviceOf(index, turn + 1)
  server.put(isSlice ? 'EndpointSlice' : 'Service', object)
}

/** Until the speaker has not written anything for three seconds; in ms, without these. */
async function untilQuiet(server: SyntheticServer, startMs: number): Promise<number> {
  const deadlineMs = startMs + 180_000
  let last = { text: '', ms: performance.now() }
  while (performance.now() < deadlineMs) {
    const { writes, watches } = server.traffic()
    const text = JSON.stringify([writes, watches])
    if (text !== last.text) last = { text, ms: performance.now() }
    if (watches >= 11 && total(writes) > 0 && performance.now() - last.ms > 3000) return last.ms - startMs
    await sleep(50)
  }
  throw new Error('the speaker does not come to rest')
}

/** The share of one core that a process takes over a time, while `run` is called so many times a second. */
async function share(pid: number, seconds: number, run: (turn: number) => void, perSecond = 0) {
  const [startMs, startCpu] = [performance.now(), cpuSeconds(pid)]
  for (let turn = 0; perSecond > 0 && turn < seconds * perSecond; turn += 1) {
    await sleep(Math.max(0, startMs + (turn * 1000) / perSecond - performance.now()))
    run(turn)
  }
  await sleep(Math.max(0, startMs + seconds * 1000 - performance.now()))
  const passed = (performance.now() - startMs) / 1000
  return { share: (cpuSeconds(pid) - startCpu) / passed, seconds: passed }
}

/** Answers an OPEN with one of AS 64500 (hold time 90 s), and whatever comes then with a KEEPALIVE (RFC 4271, section 4). */
async function startPeer(): Promise<Server> {
  const marker = 'ff'.repeat(16)
  const open = Buffer.from(`${marker}001d0104fbf4005a0a0000fe00`, 'hex')
  const keepalive = Buffer.from(`${marker}001304`, 'hex')
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => {
      socket.write(open)
      socket.on('data', () => undefined)
      socket.write(keepalive)
      const beat = setInterval(() => socket.write(keepalive), 25_000)
      socket.on('close', () => clearInterval(beat))
    })
  })
  await new Promise<void>((resolve) => server.listen(peerPort, '127.0.0.1', resolve))
  return server
}
