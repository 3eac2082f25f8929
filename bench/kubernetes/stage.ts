import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { startCluster, type Cluster } from '../../lab/cluster/cluster.ts'
import { boundToUs } from '../../lab/cluster/control-plane.ts'
import type { LabProcess } from '../../lab/harness/process.ts'
import { cpuSeconds } from '../routes/usage.ts'
import { AddressWatch } from './address-watch.ts'
import { addresses, createPeer, furnish, namespace, node, paths, serviceOf, sliceName, sliceOf } from './objects.ts'
import type { Product } from './product.ts'
import { addUp, isEvent, isLease, RequestLog, sumOf, type Requests } from './requests.ts'
import { Router } from './router.ts'

export type Role = 'controller' | 'speaker'
export const roles: readonly Role[] = ['controller', 'speaker']

const calmMs = 150

/** Processor time in seconds since each process started. */
export type Usage = Readonly<Record<Role | 'apiServer' | 'etcd', number>>

/** One product at work: an API server with its programs beside it and a router that they announce to, all on the host's loopback. */
export class Stage {
  readonly product: Product
  readonly cluster: Cluster
  readonly router: Router
  readonly watch: AddressWatch
  readonly #requests: RequestLog
  readonly #quietMs: number
  readonly #running = new Map<Role, LabProcess>()

  private constructor(product: Product, quietMs: number, cluster: Cluster, router: Router) {
    this.product = product
    this.#quietMs = quietMs
    this.cluster = cluster
    this.router = router
    this.#requests = new RequestLog(join(cluster.directory, 'audit.log'))
    const authority = readFileSync(cluster.authorityFile, 'utf8')
    this.watch = AddressWatch.open({ url: cluster.url, token: cluster.token(), authority })
  }

  /**
   * Ready: the product has brought a Service to the router, and taken it back. `quietMs`: for how long a program must have done nothing
   * to be at rest.
   */
  static async create(product: Product, quietMs: number): Promise<Stage> {
    const groups = ['system:masters']
    const users = roles.map((name) => ({ name, groups }))
    // Of policy Local is half of them, and each of those has a health check port: more than the usual range has.
    const extraArguments = ['--service-node-port-range=20000-32767']
    const cluster = await startCluster({ audit: true, users, extraArguments })
    try {
      await furnish(cluster, product.crds)
      const router = await Router.listen({ address: addresses.router, port: await freePort() })
      const stage = new Stage(product, quietMs, cluster, router)
      await createPeer(cluster.client(), 'router', { address: addresses.router, port: router.port })
      for (const role of roles) stage.start(role)
      await stage.#proveItself()
      return stage
    } catch (error) {
      cluster.lab.reportFailure()
      await cluster.stop()
      throw error
    }
  }

  get #state(): string {
    return join(this.cluster.lab.directory, 'state')
  }

  /** Starts a program as its manifest would, and returns when that was, in performance.now(). */
  start(role: Role): number {
    mkdirSync(this.#state, { recursive: true })
    const environment = {
      ...{
        KUBECONFIG: this.cluster.kubeconfig(role),
        BENCH_DIRECTORY: this.cluster.lab.directory,
        BENCH_STATE: this.#state,
      },
      ...{
        METALLB_NAMESPACE: namespace,
        METALLB_POD_NAME: role,
        METALLB_NODE_NAME: node,
        METALLB_HOST: addresses.speaker,
      },
      ...{ METALLB_BGP_TYPE: 'native', METALLB_DEPLOYMENT: 'controller' },
    }
    const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
    const command = ['env', ...variables, 'sh', '-c', `exec ${this.product[role]}`]
    const startedAtMs = performance.now()
    this.#running.set(role, this.cluster.lab.start(undefined, role, boundToUs(command)))
    return startedAtMs
  }

  /** kill -9, as a crash or the kernel ends it. Returns when the router has seen the session end. */
  async killSpeaker(withState: boolean): Promise<void> {
    const speaker = this.#process('speaker')
    speaker.signal('SIGKILL')
    await speaker.exited
    await this.router.until('the session has ended', () => !this.router.isUp, 10_000)
    if (!withState) rmSync(this.#state, { recursive: true, force: true })
  }

  pid(role: Role): number {
    const { pid, state } = this.#process(role)
    if (!state.startsWith('running')) throw new Error(`${this.product.name}'s ${role} ${state}`)
    return pid
  }

  usage(): Usage {
    const { etcd, server } = this.cluster.processes()
    return {
      controller: cpuSeconds(this.pid('controller')),
      speaker: cpuSeconds(this.pid('speaker')),
      apiServer: cpuSeconds(server.pid),
      etcd: cpuSeconds(etcd.pid),
    }
  }

  /** What the two programs have asked of the API server since this was last called. */
  requests(): Readonly<Record<Role, Requests>> {
    const taken = this.#requests.take(roles)
    return { controller: taken.get('controller') ?? new Map(), speaker: taken.get('speaker') ?? new Map() }
  }

  /**
   * Waits until neither program asks for anything but leases, and the speaker events, nor computes, and returns what they asked for meanwhile. Gives up after
   * `timeoutMs`: a program may never come to rest.
   */
  async settle(timeoutMs = 60_000 + 60 * this.router.routes.size): Promise<Readonly<Record<Role, Requests>>> {
    const asked: Record<Role, readonly Requests[]> = { controller: [], speaker: [] }
    const start = performance.now()
    const pollMs = this.#quietMs / 2
    let quietPolls = 0
    while (quietPolls < 2 && performance.now() - start < timeoutMs) {
      const before = this.usage()
      await pause(pollMs)
      const now = this.usage()
      const taken = this.requests()
      for (const role of roles) asked[role] = [...asked[role], taken[role]]
      const isAsking = roles.some(
        (role) => sumOf(taken[role], (name) => !isLease(name) && !(role === 'speaker' && isEvent(name))) > 0,
      )
      const isComputing = roles.some((role) => now[role] - before[role] > (0.05 * pollMs) / 1000)
      quietPolls = isComputing || isAsking ? 0 : quietPolls + 1
    }
    return { controller: addUp(asked.controller), speaker: addUp(asked.speaker) }
  }

  /** Waits until neither program computes, for as long as a change takes to be dealt with; gives up after `timeoutMs`. */
  async calm(timeoutMs: number): Promise<void> {
    const start = performance.now()
    for (let before = this.usage(); performance.now() - start < timeoutMs;) {
      await pause(calmMs)
      const now = this.usage()
      // The scheduler counts in ticks of 10 ms.
      if (roles.every((role) => now[role] - before[role] < 0.02)) return
      before = now
    }
  }

  /** A second router, whose session is not counted. */
  async addSilentRouter(): Promise<Router> {
    const { address, port, isSilent } = { address: addresses.silentRouter, port: await freePort(), isSilent: true }
    const silent = await Router.listen({ address, port, isSilent })
    await createPeer(this.cluster.client(), 'silent', { address, port }, { holdTime: '3s' })
    return silent
  }

  async close(): Promise<void> {
    this.watch.close()
    // They end by themselves where they can, so that a profiler in them writes what it has.
    for (const one of this.#running.values()) one.signal('SIGTERM')
    const ended = Promise.all([...this.#running.values()].map(({ exited }) => exited))
    await Promise.race([ended, pause(5000, undefined, { ref: false })])
    for (const one of this.#running.values()) one.end()
    this.router.close()
    await this.cluster.stop()
  }

  async #proveItself(): Promise<void> {
    const api = this.cluster.client()
    await api.create(paths.slices, sliceOf('probe'))
    await api.create(paths.services, serviceOf('probe', 'Cluster'))
    await this.router.until('a first Service is announced', () => this.router.routes.size === 1, 60_000)
    await api.remove(`${paths.services}/probe`)
    await api.remove(`${paths.slices}/${sliceName('probe')}`)
    await this.router.until('it is withdrawn', () => this.router.routes.size === 0, 60_000)
    await this.settle(20_000)
  }

  #process(role: Role): LabProcess {
    const found = this.#running.get(role)
    if (found === undefined) throw new Error(`no ${role} was started`)
    return found
  }
}

/** Below 16384, which is the highest that a BGPPeer's schema takes. */
async function freePort(): Promise<number> {
  for (let port = 10_000 + (process.pid % 5000); ; port += 1) {
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '0.0.0.0', () => server.close(() => resolve(true)))
    })
    if (isFree) return port
  }
}
