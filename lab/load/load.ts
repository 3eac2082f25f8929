import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { run } from '../harness/command.ts'
import { eventually } from '../harness/eventually.ts'
import type { Json } from '../harness/json.ts'
import { advertisementManifest, poolManifest } from '../harness/manifests.ts'
import type { LabProcess } from '../harness/process.ts'
import { cpuSeconds } from '../hostile/proc.ts'
import { HostileSite, nodeDocument, nodeName, peerManifest, policyManifest } from '../hostile/site.ts'
import { crowd, flooder, heapMiB, refresher, routeCount, sendHoldSeconds, silent, stuck } from './plan.ts'

/** One program with 10,000 routes, fifty peers that behave, and the trouble that is made beside them. */
export class LoadSite {
  readonly site: HostileSite
  readonly #crowd: LabProcess

  private constructor(site: HostileSite, crowdProcess: LabProcess) {
    this.site = site
    this.#crowd = crowdProcess
  }

  static async create({ hasState }: { readonly hasState: boolean }): Promise<LoadSite> {
    const slots = [...crowd, ...silent, ...stuck, ...flooder, ...refresher]
    const site = await HostileSite.create({
      documents: [...documents(), ...slots.map(peerManifest)],
      addresses: slots.map(({ address }) => address),
      hasState,
      heapMiB,
    })
    try {
      // A peer that reads nothing fills the system's buffers, which by themselves grow to megabytes.
      const sizes = 'for file in tcp_rmem tcp_wmem; do echo 4096 32768 65536 > /proc/sys/net/ipv4/$file; done'
      await run('ip', 'netns', 'exec', site.namespace, 'sh', '-ec', sizes)
      await eventually(
        'every Service is announced',
        () => site.holdfast.output().split('"event":"announced"').length - 1,
        (count) => assert.equal(count, routeCount),
        { timeoutMs: 60_000 },
      )
      const crowdProcess = site.start('crowd', join(import.meta.dirname, 'crowd-main.ts'))
      await eventually(
        'the crowd is up',
        () => crowdProcess.output(),
        (output) => assert.match(output, /"up":/),
        { timeoutMs: 60_000 },
      )
      // Ten thousand status files are written after the start, which is no load of a peer's making.
      await eventually(
        'the process is at rest',
        () => cpuShare(site.holdfast.pid),
        (share) => assert.ok(share < 0.1),
        {
          timeoutMs: 60_000,
        },
      )
      return new LoadSite(site, crowdProcess)
    } catch (error) {
      site.lab.reportFailure()
      site.lab.close()
      throw error
    }
  }

  /** Makes trouble of one kind and returns what was measured, and how long the crowd had to wait meanwhile. */
  async trouble(
    kind: 'refresh' | 'silent' | 'stuck' | 'flood',
    seconds = 5,
  ): Promise<{ result: Json; crowd: CrowdView }> {
    const from = this.#lines().length
    const file = join(import.meta.dirname, 'trouble-main.ts')
    const started = this.site.start(kind, file, kind, String(this.site.holdfast.pid), String(seconds))
    const { code } = await started.exited
    const result = started.jsonLines().at(-1)?.at('result')
    if (code !== 0 || result === undefined) throw new Error(`${kind}: ${started.tail(20)}`)
    return { result, crowd: this.#crowdSince(from) }
  }

  /** Keeps every processor busy while the work goes on, and for some seconds at least. */
  async underHogs<T>(seconds: number, work: () => Promise<T>): Promise<{ result: T; crowd: CrowdView }> {
    const from = this.#lines().length
    const hogs = Array.from({ length: availableParallelism() }, (_, index) =>
      this.site.start(`hog-${index}`, join(import.meta.dirname, 'hog-main.ts')),
    )
    try {
      const [result] = await Promise.all([work(), pause(seconds * 1000)])
      return { result, crowd: this.#crowdSince(from) }
    } finally {
      for (const hog of hogs) hog.end()
    }
  }

  /** How the crowd fares with nothing else going on. */
  async quiet(seconds: number): Promise<CrowdView> {
    const from = this.#lines().length
    await pause(seconds * 1000)
    return this.#crowdSince(from)
  }

  close(hasFailed: boolean): void {
    if (hasFailed) this.site.lab.reportFailure()
    this.site.lab.close()
  }

  #lines(): readonly Json[] {
    return this.#crowd.jsonLines().filter((line) => !line.at('gapMs').isMissing)
  }

  #crowdSince(from: number): CrowdView {
    const lines = this.#lines()
    const gaps = lines.slice(from).map((line) => line.at('gapMs').number())
    const lagMs = Math.max(0, ...lines.slice(from).map((line) => line.at('lagMs').number()))
    const lost = (lines.at(-1)?.at('lost').list() ?? []).map((one) => one.text())
    return { longestSilenceMs: Math.max(0, ...gaps), lagMs, samples: gaps.length, lost }
  }
}

export interface CrowdView {
  readonly longestSilenceMs: number
  /** How late the machine let the crowd itself run, at worst. */
  readonly lagMs: number
  readonly samples: number
  /** Sessions that have ended, with how. */
  readonly lost: readonly string[]
}

const documents = (): readonly string[] => [
  nodeDocument(),
  poolManifest({ name: 'public', addresses: ['100.64.0.0/14'] }),
  advertisementManifest({ name: 'public' }),
  policyManifest('inbound', '{ side: inbound }', 'connectionMode: Passive'),
  `
apiVersion: holdfast.dev/v1alpha1
kind: PeerPolicy
metadata: { name: stuck, namespace: metallb-system }
spec: { peers: [${stuck.map(({ name }) => name).join(', ')}], sendHoldTime: ${sendHoldSeconds}s }
`,
  ...Array.from({ length: routeCount }, (_, index) => service(index)),
]

const service = (index: number): string => `
apiVersion: v1
kind: Service
metadata: { name: s${index}, namespace: default }
spec: { type: LoadBalancer, clusterIP: 10.96.${index >>> 8}.${index & 255}, ports: [{ port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: s${index}, namespace: default, labels: { kubernetes.io/service-name: s${index} } }
addressType: IPv4
endpoints: [{ addresses: [10.244.0.1], nodeName: ${nodeName}, conditions: { ready: true } }]
`

/** How much of a processor a process takes during half a second. */
async function cpuShare(pid: number): Promise<number> {
  const [beforeSeconds, beforeMs] = [cpuSeconds(pid), performance.now()]
  await pause(500)
  return ((cpuSeconds(pid) - beforeSeconds) * 1000) / (performance.now() - beforeMs)
}
