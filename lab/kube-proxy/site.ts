import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { ApiClient } from '../cluster/api-client.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { startCluster } from '../cluster/cluster.ts'
import type { KubeNode, Pod } from '../cluster/kube-node.ts'
import {
  addPod,
  joinNodes,
  kubeProxyHealthPort,
  kubeProxyUser,
  proxyRules,
  startKubeProxy,
} from '../cluster/kube-node.ts'
import { run } from '../harness/command.ts'
import { eventually } from '../harness/eventually.ts'
import type { Fabric } from '../harness/fabric.ts'
import { routerAddress } from '../harness/fabric.ts'
import type { Family } from '../harness/frr.ts'
import { Json } from '../harness/json.ts'
import type { LabProcess } from '../harness/process.ts'
import { statusesOf, urlOf } from './clients.ts'
import { namespace, paths } from '../speaker/site.ts'

const root = join(import.meta.dirname, '..', '..')
const executable = join(root, 'node_modules', '.bin', 'holdfast')
const crds = join(root, 'deploy', 'crds')

const patient = { timeoutMs: 30_000 }

/** Where the gate of a speaker that is told so looks for kube-proxy. */
export const kubeProxyHealth = `http://127.0.0.1:${kubeProxyHealthPort}/healthz`

export interface ServiceSpec {
  readonly policy: 'Local' | 'Cluster'
  readonly families: readonly ('IPv4' | 'IPv6')[]
  readonly pods: readonly Pod[]
}

/** Of an endpoint, as a kubelet and the endpoint slice controller would write them. */
export interface EndpointConditions {
  readonly ready: boolean
  readonly serving: boolean
  readonly terminating: boolean
}

type Fields = Readonly<Record<string, unknown>>

/**
 * A whole cluster but for kubelets and the controller manager: API server beside the router, nodes with kube-proxy and pods, Holdfast's
 * controller on the router's host, a speaker on every node. The test makes Nodes, Services and EndpointSlices.
 */
export class KubeProxySite {
  readonly cluster: Cluster
  readonly fabric: Fabric
  readonly api: ApiClient
  readonly nodes: readonly KubeNode[]
  readonly #running = new Map<string, LabProcess>()

  private constructor(cluster: Cluster, fabric: Fabric, nodes: readonly KubeNode[]) {
    this.cluster = cluster
    this.fabric = fabric
    this.nodes = nodes
    this.api = cluster.client()
  }

  static async create(fabric: Fabric): Promise<KubeProxySite> {
    const addresses: [string] = [routerAddress.ipv4]
    const place = { namespace: fabric.router, addresses }
    const starting = startCluster({ lab: fabric.lab, place, users: [kubeProxyUser] })
    const [nodes, cluster] = await Promise.all([joinNodes(fabric), starting])
    const site = new KubeProxySite(cluster, fabric, nodes)
    await cluster.kubectl(['apply', '--server-side', '-f', crds])
    await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=60s', '-f', crds])
    await site.api.create('/api/v1/namespaces', { metadata: { name: namespace } })
    for (const node of nodes) await site.#createNode(node)
    return site
  }

  node(name: string): KubeNode {
    const found = this.nodes.find((one) => one.name === name)
    assert.ok(found, `no node ${name}`)
    return found
  }

  addPod(node: string, name: string, number?: number): Promise<Pod> {
    return addPod(this.fabric.lab, this.node(node), name, number)
  }

  /** Resolves when kube-proxy has a rule for the Service `kubernetes`, and so for all that were there. */
  async startKubeProxy(name: string, slownessSeconds?: number): Promise<void> {
    const node = this.node(name)
    const kubeconfig = this.cluster.kubeconfig(kubeProxyUser.name, this.#server)
    const slowness = slownessSeconds === undefined ? {} : { slownessSeconds }
    this.#running.set(`kube-proxy-${name}`, await startKubeProxy(this.fabric.lab, node, { kubeconfig, ...slowness }))
    await eventually(
      `kube-proxy of ${name} has its rules`,
      () => proxyRules(node),
      (rules) => assert.match(rules, /default\/kubernetes:https/),
      patient,
    )
  }

  startController(): void {
    this.fabric.lab.start(this.fabric.router, 'controller', [
      executable,
      ...['controller', '--kubeconfig', this.cluster.kubeconfig('admin', this.#server), '--namespace', namespace],
      ...['--pod-name', 'controller-0', '--port', '0', '--health-probe-port', '0'],
    ])
  }

  startSpeaker(name: string, more: readonly string[] = []): void {
    const { directory } = this.fabric.lab
    const started = this.fabric.lab.start(this.node(name).namespace, `speaker-${name}`, [
      executable,
      ...['speaker', '--kubeconfig', this.cluster.kubeconfig('admin', this.#server), '--namespace', namespace],
      ...['--node-name', name, '--state', join(directory, `state-${name}`), '--no-listen'],
      ...['--socket', join(directory, `${name}.sock`), '--port', '0', '--health-probe-port', '0'],
      ...more,
    ])
    this.#running.set(`speaker-${name}`, started)
  }

  /** The lines of a speaker's log, of this event. */
  log(node: string, event: string): readonly Json[] {
    const lines = this.#running.get(`speaker-${node}`)?.jsonLines() ?? []
    return lines.filter((line) => line.at('event').textOr('') === event)
  }

  /** `holdfast drain NODE` and the like, as a person types it; returns what it printed. */
  async holdfast(...words: readonly string[]): Promise<string> {
    const access = ['--kubeconfig', this.cluster.kubeconfig(), '--namespace', namespace]
    return run(executable, ...words, ...access)
  }

  /** Pools, an advertisement and a peer of each family: what the operator writes. */
  async configure(myASN: number, peerASN: number): Promise<void> {
    const timers = { holdTime: '9s', keepaliveTime: '3s', connectTime: '1s' }
    const peer = (family: 'ipv4' | 'ipv6'): object => ({
      apiVersion: 'metallb.io/v1beta2',
      kind: 'BGPPeer',
      metadata: { name: `router-${family}` },
      spec: { myASN, peerASN, peerAddress: routerAddress[family], ...timers },
    })
    await this.api.create(paths.pools, {
      apiVersion: 'metallb.io/v1beta1',
      kind: 'IPAddressPool',
      metadata: { name: 'public' },
      spec: { addresses: ['192.0.2.0/24', '2001:db8::/120'] },
    })
    await this.api.create(paths.advertisements, {
      apiVersion: 'metallb.io/v1beta1',
      kind: 'BGPAdvertisement',
      metadata: { name: 'public' },
      spec: {},
    })
    await this.api.create(paths.peers, peer('ipv4'))
    await this.api.create(paths.peers, peer('ipv6'))
  }

  /** Creates a Service with its pods behind it, and returns the addresses that the controller gives it, one of each family. */
  async createService(name: string, { policy, families, pods }: ServiceSpec): Promise<readonly string[]> {
    for (const family of families) await this.#createSlice(name, family, pods)
    await this.api.create(paths.services, {
      metadata: { name },
      spec: {
        type: 'LoadBalancer',
        externalTrafficPolicy: policy,
        ipFamilies: families,
        ipFamilyPolicy: families.length === 2 ? 'RequireDualStack' : 'SingleStack',
        ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
      },
    })
    return eventually(
      `${name} has its addresses`,
      async () => ingressOf(await this.#service(name)),
      (found) => assert.equal(found.length, families.length),
      patient,
    )
  }

  /** What kube-proxy of each node answers at the Service's healthCheckNodePort: 200 where it has a ready pod, else 503. */
  async health(service: string, family: Family): Promise<readonly number[]> {
    const port = (await this.#service(service)).at('spec').at('healthCheckNodePort').number()
    const urls = this.nodes.map((node) => urlOf(node[family], `:${port}/`))
    return statusesOf(this.fabric, urls)
  }

  /** Says the conditions of one pod's endpoints in all slices of a Service; without conditions it is taken out of them. */
  async setEndpoint(service: string, pod: Pod, conditions?: EndpointConditions): Promise<void> {
    for (const family of ['ipv4', 'ipv6'] as const) {
      const path = `${paths.slices}/${service}-${family}`
      const { status, body } = await this.api.send('GET', path)
      if (status === 404) continue
      const others = body
        .at('endpoints')
        .list()
        .map(endpointIn)
        .filter(({ addresses }) => !addresses.includes(pod[family]))
      const own = conditions === undefined ? [] : [{ addresses: [pod[family]], nodeName: pod.node, conditions }]
      await this.api.merge(path, { endpoints: [...others, ...own] })
    }
  }

  /** Waits until new connections of the client get exactly these answers, and returns how often each came. */
  async reaches(address: string, answers: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return eventually(
      `connections to ${address} are answered by ${answers.join(', ')}`,
      () => this.fabric.fetch(address, 40),
      (seen) => assert.deepEqual([...seen.keys()].sort(), [...answers].sort()),
    )
  }

  /** How far a node has left, as its speaker tells. */
  async drainOf(name: string): Promise<{ readonly phase: string; readonly remaining: number | undefined }> {
    const drain = (await this.nodeState(name)).at('drain')
    return {
      phase: drain.at('phase').textOr('Active'),
      remaining: drain.at('remainingConnections').numberOr(undefined),
    }
  }

  /** The status that a node's speaker tells. */
  async nodeState(name: string): Promise<Json> {
    const { status, body } = await this.api.send('GET', `${paths.nodeStates}/${name}`)
    return status === 200 ? body.at('status') : new Json({})
  }

  get #server(): string {
    return this.cluster.placeUrls[0] ?? ''
  }

  #service(name: string): Promise<Json> {
    return this.api.get(`${paths.services}/${name}`)
  }

  async #createNode({ name, podCIDRs, ipv4, ipv6 }: KubeNode): Promise<void> {
    await this.api.create(paths.nodes, {
      metadata: { name, labels: { 'kubernetes.io/hostname': name } },
      spec: { podCIDR: podCIDRs[0], podCIDRs },
    })
    const addresses = [ipv4, ipv6].map((address) => ({ type: 'InternalIP', address }))
    const conditions = [{ type: 'Ready', status: 'True' }]
    await this.api.merge(`${paths.nodes}/${name}/status`, { status: { addresses, conditions } })
  }

  async #createSlice(service: string, family: 'IPv4' | 'IPv6', pods: readonly Pod[]): Promise<void> {
    const field = family === 'IPv4' ? 'ipv4' : 'ipv6'
    const conditions: EndpointConditions = { ready: true, serving: true, terminating: false }
    await this.api.create(paths.slices, {
      metadata: {
        name: `${service}-${field}`,
        labels: { 'kubernetes.io/service-name': service, 'endpointslice.kubernetes.io/managed-by': 'lab' },
      },
      addressType: family,
      ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
      endpoints: pods.map((pod) => ({ addresses: [pod[field]], nodeName: pod.node, conditions })),
    })
  }
}

const ingressOf = (service: Json): readonly string[] =>
  service
    .at('status')
    .at('loadBalancer')
    .at('ingress')
    .list()
    .map((entry) => entry.at('ip').text())

const endpointIn = (endpoint: Json): Fields & { readonly addresses: readonly string[] } => ({
  addresses: endpoint
    .at('addresses')
    .list()
    .map((address) => address.text()),
  nodeName: endpoint.at('nodeName').text(),
  conditions: Object.fromEntries(
    endpoint
      .at('conditions')
      .keys()
      .map((key) => [key, endpoint.at('conditions').at(key).isTrue()]),
  ),
})
