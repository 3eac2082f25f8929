// What stands in for the scheduler, the controllers of Deployments and DaemonSets, the garbage collector and the kubelets: it reads
// these workloads and the Nodes from the API server, and runs the pods that they ask for as processes.
import { eventually } from '../harness/eventually.ts'
import type { ApiClient } from '../cluster/api-client.ts'
import type { Json } from '../harness/json.ts'
import type { LabProcess } from '../harness/process.ts'
import { removeDependents } from './garbage.ts'
import { probe, refreshVolumes, secretsOf, startPod, type PodPlan, type PodWorld, type Volumes } from './pod.ts'
import { templateText, wantedOf, type Slot, type Workload } from './workloads.ts'
import { podObject, podStatus, statusOf } from './pod-objects.ts'

const namespace = 'metallb-system'
const passMs = 150

export interface Pod extends PodPlan {
  readonly slot: string
  readonly workload: string
  readonly program: LabProcess
  readonly uid: string
}

export interface KubeletOptions {
  readonly world: PodWorld
  /** Of a Deployment's replica or of a node. */
  readonly placeOf: (workload: string, slot: Slot) => PodPlan['place']
  /** How long the garbage collector takes. */
  readonly garbageMs: number
}

export class Kubelet {
  readonly #options: KubeletOptions
  readonly #api: ApiClient
  readonly #pods = new Map<string, Pod>()
  readonly #ready = new Set<string>()
  readonly #garbage = new Set<Promise<void>>()
  readonly #crashes: string[] = []
  readonly #told = new Map<string, string>()
  #made = 0
  #isEnding = false
  #loop: Promise<void> = Promise.resolve()
  #fault: unknown

  constructor(options: KubeletOptions) {
    this.#options = options
    this.#api = options.world.cluster.client()
  }

  start(): void {
    this.#loop = this.#run()
  }

  /** Pods go on running; the lab ends them. */
  async stop(): Promise<void> {
    this.#isEnding = true
    await this.#loop
    await Promise.all(this.#garbage)
  }

  /** Programs that ended by themselves. */
  get crashes(): readonly string[] {
    return this.#crashes
  }

  /** Of a workload, `deployment/controller` or `daemonset/speaker`. */
  podsOf(workload: string): readonly Pod[] {
    return [...this.#pods.values()].filter((pod) => pod.workload === workload)
  }

  pod(workload: string, node?: string): Pod {
    const found = this.podsOf(workload).find((pod) => node === undefined || pod.node === node)
    if (found === undefined) throw new Error(`${workload} has no pod${node === undefined ? '' : ` on ${node}`}`)
    return found
  }

  /** Waits until these are the pods, and all are ready: `speaker@node-a`. */
  async runs(wanted: readonly string[], timeoutMs = 40_000): Promise<void> {
    await eventually(
      `the pods are ${wanted.join(', ')}`,
      () =>
        [...this.#pods.values()]
          .map(({ name, slot }) => `${slot}${this.#ready.has(name) ? '' : ' (not ready)'}`)
          .sort(),
      (found) => {
        if (this.#fault !== undefined) throw new Error('the kubelet failed', { cause: this.#fault })
        if (found.join() !== [...wanted].sort().join()) throw new Error('not yet')
      },
      { timeoutMs },
    )
  }

  async #run(): Promise<void> {
    while (!this.#isEnding) {
      try {
        await this.#pass()
        this.#fault = undefined
      } catch (error) {
        this.#fault = error
      }
      await new Promise((resolve) => setTimeout(resolve, passMs))
    }
  }

  async #pass(): Promise<void> {
    const apps = `/apis/apps/v1/namespaces/${namespace}`
    const [deployments, daemonSets, nodes] = await Promise.all(
      [`${apps}/deployments`, `${apps}/daemonsets`, '/api/v1/nodes'].map((path) => this.#api.get(path)),
    )
    if (deployments === undefined || daemonSets === undefined || nodes === undefined) return
    const workloads = wantedOf(deployments, daemonSets, nodes)
    await this.#probeAll()
    await Promise.all(this.#leaving(workloads).map((pod) => this.#end(pod)))
    for (const workload of workloads) await this.#fill(workload)
    await Promise.all(workloads.map((workload) => this.#tell(workload)))
  }

  /** Pods that no workload wants, that have ended, or whose turn it is to be replaced. */
  #leaving(workloads: readonly Workload[]): readonly Pod[] {
    const slots = new Map(workloads.flatMap((workload) => workload.slots.map((slot) => [slot.name, workload] as const)))
    const replaced = new Set<string>()
    return [...this.#pods.values()].filter((pod) => {
      const workload = slots.get(pod.slot)
      if (workload === undefined) return true
      if (!pod.program.state.startsWith('running')) {
        this.#crashes.push(`${pod.name} ${pod.program.state}\n${pod.program.tail(5)}`)
        return true
      }
      const isOutdated = templateText(pod.template) !== templateText(workload.template)
      if (!isOutdated || workload.isOnDelete || replaced.has(workload.name)) return false
      // maxUnavailable: 1
      const others = this.podsOf(workload.name).filter((other) => other !== pod)
      if (others.length < workload.slots.length - 1 || others.some(({ name }) => !this.#ready.has(name))) return false
      replaced.add(workload.name)
      return true
    })
  }

  async #fill(workload: Workload): Promise<void> {
    for (const slot of workload.slots) {
      if (this.#pods.has(slot.name)) continue
      const place = this.#options.placeOf(workload.name, slot)
      // Two pods with the same ports of the host: the scheduler lets the second wait.
      const isTaken = [...this.#pods.values()].some((pod) => pod.place.namespace === place.namespace)
      const volumes = await this.#volumesOf(workload.template)
      if (!isTaken && volumes !== undefined) await this.#begin(workload, slot, { place, volumes })
    }
  }

  async #begin(workload: Workload, slot: Slot, given: { place: PodPlan['place']; volumes: Volumes }): Promise<void> {
    this.#made += 1
    const plan: PodPlan = {
      name: `${slot.name.replaceAll(/[@#]/g, '-')}-${this.#made}`,
      namespace,
      node: slot.node,
      place: given.place,
      template: workload.template,
    }
    const path = `/api/v1/namespaces/${namespace}/pods`
    const made = await this.#api.create(path, podObject(plan, workload.labels))
    const program = startPod(this.#options.world, plan, given.volumes)
    const uid = made.at('metadata').at('uid').text()
    this.#pods.set(slot.name, { ...plan, slot: slot.name, workload: workload.name, program, uid })
    await this.#api.merge(`${path}/${plan.name}/status`, podStatus(plan, false))
  }

  async #end(pod: Pod): Promise<void> {
    // A kubelet gives two seconds at least.
    const seconds = Math.max(2, pod.template.at('spec').at('terminationGracePeriodSeconds').numberOr(30))
    if (pod.program.state.startsWith('running')) {
      pod.program.signal('SIGTERM')
      const timer = setTimeout(() => pod.program.end(), seconds * 1000)
      await pod.program.exited
      clearTimeout(timer)
    }
    this.#pods.delete(pod.slot)
    this.#ready.delete(pod.name)
    await this.#api.send('DELETE', `/api/v1/namespaces/${namespace}/pods/${pod.name}?gracePeriodSeconds=0`)
    const collected = new Promise((resolve) => setTimeout(resolve, this.#options.garbageMs))
      .then(() => removeDependents(this.#api, namespace))
      .catch(() => undefined)
    this.#garbage.add(collected)
  }

  async #probeAll(): Promise<void> {
    for (const pod of this.#pods.values()) {
      if (this.#ready.has(pod.name)) continue
      const answer = await probe(pod, 'readinessProbe')
      if (answer !== '200' && answer !== 'none') continue
      this.#ready.add(pod.name)
      await this.#api.merge(`/api/v1/namespaces/${namespace}/pods/${pod.name}/status`, podStatus(pod, true))
    }
    for (const pod of this.#pods.values()) {
      const volumes = await this.#volumesOf(pod.template)
      if (volumes !== undefined) refreshVolumes(this.#options.world, pod.name, volumes)
    }
  }

  /** undefined: a Secret is not there yet, and the pod waits for it. */
  async #volumesOf(template: Json): Promise<Volumes | undefined> {
    const volumes = new Map<string, Readonly<Record<string, Buffer>>>()
    for (const [path, secret] of secretsOf(template)) {
      const { status, body } = await this.#api.send('GET', `/api/v1/namespaces/${namespace}/secrets/${secret}`)
      if (status !== 200) return undefined
      const data = body.at('data')
      volumes.set(path, Object.fromEntries(data.keys().map((key) => [key, Buffer.from(data.at(key).text(), 'base64')])))
    }
    return volumes
  }

  /** The status of the workload, which `kubectl rollout status` waits for. */
  async #tell(workload: Workload): Promise<void> {
    const pods = this.podsOf(workload.name)
    const current = pods.filter((pod) => templateText(pod.template) === templateText(workload.template))
    const ready = pods.filter(({ name }) => this.#ready.has(name)).length
    const status = statusOf(workload, { pods: pods.length, current: current.length, ready })
    if (this.#told.get(workload.name) === JSON.stringify(status)) return
    await this.#api.merge(`${workload.path}/status`, { status })
    this.#told.set(workload.name, JSON.stringify(status))
  }
}
