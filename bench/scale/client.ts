// What HTTP/2 changes for one client: `node bench/scale/client.ts [changes] [rounds]` compares a process that has twelve watches over
// HTTP/1.1 with one that has them over HTTP/2, at a real kube-apiserver: resident memory, time from a create request to its event,
// connections.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { startCluster } from '../../lab/cluster/cluster.ts'
import { service } from './objects.ts'

interface Figures {
  readonly protocol: string
  readonly p50: number
  readonly p99: number
  readonly bytes: number
  readonly idleBytes: number
  readonly cpuMs: number
  readonly connections: number
}

const [changes = 200, rounds = 3] = process.argv.slice(2).map(Number)
const path = '/api/v1/namespaces/default/services'
const cluster = await startCluster()
const all: Figures[] = []
try {
  const api = cluster.client()
  const port = Number(new URL(cluster.url).port)
  for (let round = 0; round < rounds; round += 1) {
    for (const protocol of ['http1', 'http2']) all.push(await measure(api, port, protocol))
    await api.remove(path)
  }
} finally {
  await cluster.stop()
}
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0
for (const protocol of ['http1', 'http2']) {
  const of = (pick: (figures: Figures) => number): number =>
    median(all.filter((one) => one.protocol === protocol).map(pick))
  const ms = (value: number): string => `${value.toFixed(1)} ms`
  process.stdout.write(
    `${protocol}: ${of((one) => one.connections)} connections, ${(of((one) => one.bytes) / 1048576).toFixed(1)} MiB resident (${(of((one) => one.bytes - one.idleBytes) / 1048576).toFixed(1)} more than before), create to event p50 ${ms(of((one) => one.p50))}, p99 ${ms(of((one) => one.p99))}, CPU ${ms(of((one) => one.cpuMs))}\n`,
  )
}

async function measure(api: ReturnType<typeof cluster.client>, port: number, protocol: string): Promise<Figures> {
  const program = join(import.meta.dirname, 'watcher-main.ts')
  const child = spawn(process.execPath, ['--expose-gc', program, cluster.kubeconfig(), protocol], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  try {
    const lines = createInterface({ input: child.stdout })
    await once(lines, 'line')
    for (let index = 0; index < changes; index += 1) {
      const object = service(index)
      const metadata = {
        name: `${protocol}-${Date.now()}-${index}`,
        annotations: { sent: String(performance.timeOrigin + performance.now()) },
      }
      await api.create(path, {
        ...object,
        metadata,
        spec: { ...object.spec, type: 'ClusterIP', externalTrafficPolicy: undefined },
      })
      await sleep(20)
    }
    const connections = connectionsTo(child, port)
    child.stdin.write('report\n')
    const [line] = (await once(lines, 'line')) as [string]
    return { ...(JSON.parse(line) as Figures), connections }
  } finally {
    child.kill('SIGKILL')
  }
}

/** Established ones of this process (proc(5): fd, net/tcp). */
function connectionsTo({ pid }: ChildProcess, port: number): number {
  const own = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`)))
  const remote = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const rows = readFileSync(`/proc/${pid}/net/tcp`, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
  return rows.filter((row) => row[2]?.endsWith(remote) === true && row[3] === '01' && own.has(`socket:[${row[9]}]`))
    .length
}

/** Empty where it has just been closed. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
