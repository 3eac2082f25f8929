import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ApiClient } from '../cluster/api-client.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { startCluster } from '../cluster/cluster.ts'
import { run } from '../harness/command.ts'
import { eventually, type Patience } from '../harness/eventually.ts'
import type { Fabric } from '../harness/fabric.ts'
import { routerAddress } from '../harness/fabric.ts'
import type { FrrRouter } from '../harness/frr.ts'
import type { Json } from '../harness/json.ts'
import type { LabProcess } from '../harness/process.ts'

export const namespace = 'metallb-system'

const executable = join(import.meta.dirname, '..', '..', 'node_modules', '.bin', 'holdfast')
const crds = join(import.meta.dirname, '..', '..', 'deploy', 'crds')

/** Collections of the API, as paths. */
export const paths = {
  nodes: '/api/v1/nodes',
  services: '/api/v1/namespaces/default/services',
  events: '/api/v1/namespaces/default/events',
  slices: '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
  pods: `/api/v1/namespaces/${namespace}/pods`,
  secrets: `/api/v1/namespaces/${namespace}/secrets`,
  pools: `/apis/metallb.io/v1beta1/namespaces/${namespace}/ipaddresspools`,
  advertisements: `/apis/metallb.io/v1beta1/namespaces/${namespace}/bgpadvertisements`,
  peers: `/apis/metallb.io/v1beta2/namespaces/${namespace}/bgppeers`,
  statuses: `/apis/metallb.io/v1beta1/namespaces/${namespace}/servicebgpstatuses`,
  configurations: `/apis/metallb.io/v1beta1/namespaces/${namespace}/configurationstates`,
  nodeStates: `/apis/holdfast.dev/v1alpha1/namespaces/${namespace}/nodestates`,
} as const

/** What the API server wants of an object of a custom resource. */
const kinds: Readonly<Record<string, object>> = {
  [paths.pools]: { apiVersion: 'metallb.io/v1beta1', kind: 'IPAddressPool' },
  [paths.advertisements]: { apiVersion: 'metallb.io/v1beta1', kind: 'BGPAdvertisement' },
  [paths.peers]: { apiVersion: 'metallb.io/v1beta2', kind: 'BGPPeer' },
}

export interface ServiceSpec {
  /** IPv4; a Service of both families has the IPv6 address as well. */
  readonly ip: string
  readonly policy?: 'Local' | 'Cluster'
  readonly nodes: readonly string[]
  readonly labels?: Readonly<Record<string, string>>
}

type Fields = Readonly<Record<string, unknown>>

/**
 * A cluster beside a fabric: the API server lives where the router does, and the test is controller and kubelet, which makes
 * Nodes, Services with their addresses, and endpoints.
 */
export class SpeakerSite {
  readonly cluster: Cluster
  readonly fabric: Fabric
  readonly frr: FrrRouter
  readonly api: ApiClient
  readonly #running = new Map<string, LabProcess>()

  private constructor(cluster: Cluster, fabric: Fabric, frr: FrrRouter) {
    this.cluster = cluster
    this.fabric = fabric
    this.frr = frr
    this.api = cluster.client()
  }

  static async create(fabric: Fabric, frr: FrrRouter): Promise<SpeakerSite> {
    const addresses: [string] = [routerAddress.ipv4]
    const cluster = await startCluster({ lab: fabric.lab, place: { namespace: fabric.router, addresses } })
    const site = new SpeakerSite(cluster, fabric, frr)
    await cluster.kubectl(['apply', '--server-side', '-f', crds])
    await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=60s', '-f', crds])
    await site.api.create('/api/v1/namespaces', { metadata: { name: namespace } })
    for (const { name } of fabric.nodes) await site.putNode(name)
    return site
  }

  /** Starts the speaker of a node, again where it has ended. `server` unless given is the API server itself. */
  start(node: string, more: readonly string[] = [], server = this.cluster.placeUrls[0]): LabProcess {
    const { namespace: place } = this.fabric.node(node)
    const { directory } = this.fabric.lab
    const started = this.fabric.lab.start(place, `speaker-${node}`, [
      executable,
      ...['speaker', '--kubeconfig', this.cluster.kubeconfig('admin', server)],
      ...['--namespace', namespace, '--node-name', node, '--state', join(directory, `state-${node}`)],
      ...['--no-listen', '--socket', join(directory, `${node}.sock`), '--port', '0', '--health-probe-port', '0'],
      ...more,
    ])
    this.#running.set(node, started)
    return started
  }

  /** `holdfast explain` and the like, as a person types it; returns what it printed. */
  async holdfast(...words: readonly string[]): Promise<string> {
    return run(executable, ...words, '--kubeconfig', this.cluster.kubeconfig(), '--namespace', namespace)
  }

  speaker(node: string): LabProcess {
    const found = this.#running.get(node)
    assert.ok(found, `no speaker was started on ${node}`)
    return found
  }

  /** What the speaker of a node keeps on disk; empty where that is not there yet. */
  lastKnown(node: string): string {
    const file = join(this.fabric.lab.directory, `state-${node}`, 'last-known.jsonl')
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  }

  /** The lines of a speaker's log, of this event. */
  log(node: string, event: string): readonly Json[] {
    return this.speaker(node)
      .jsonLines()
      .filter((line) => line.at('event').textOr('') === event)
  }

  async putNode(
    name: string,
    more: { labels?: Fields; spec?: Fields; conditions?: readonly Fields[] } = {},
  ): Promise<void> {
    const { ipv4, ipv6 } = this.fabric.node(name)
    const labels = { 'kubernetes.io/hostname': name, ...more.labels }
    const path = `${paths.nodes}/${name}`
    await this.#put(paths.nodes, { metadata: { name, labels }, spec: more.spec ?? {} })
    const ready = { type: 'Ready', status: 'True' }
    const conditions = [ready, ...(more.conditions ?? [])]
    const addresses = [ipv4, ipv6].map((address) => ({ type: 'InternalIP', address }))
    await this.api.merge(`${path}/status`, { status: { conditions, addresses } })
  }

  /** Puts a Service as the controller leaves it, with endpoints on nodes. */
  async putService(name: string, { ip, policy = 'Cluster', nodes, labels = {} }: ServiceSpec): Promise<void> {
    await this.#put(paths.services, {
      metadata: { name, labels, annotations: { 'metallb.io/ip-allocated-from-pool': 'public' } },
      spec: {
        type: 'LoadBalancer',
        externalTrafficPolicy: policy,
        ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
      },
    })
    const ingress = ip === '' ? null : [{ ip }]
    await this.api.merge(`${paths.services}/${name}/status`, { status: { loadBalancer: { ingress } } })
    await this.putEndpoints(name, nodes)
  }

  async putEndpoints(service: string, nodes: readonly string[], conditions: Fields = { ready: true }): Promise<void> {
    await this.#put(paths.slices, {
      metadata: { name: `${service}-1`, labels: { 'kubernetes.io/service-name': service } },
      addressType: 'IPv4',
      ports: [],
      endpoints: nodes.map((nodeName) => ({ addresses: ['10.244.0.1'], nodeName, conditions })),
    })
  }

  put(collection: string, name: string, spec: Fields): Promise<void> {
    return this.#put(collection, { metadata: { name }, spec })
  }

  async #put(
    collection: string,
    said: Fields & { readonly metadata: { readonly name: string } & Fields },
  ): Promise<void> {
    const object = { ...kinds[collection], ...said }
    const path = `${collection}/${object.metadata.name}`
    const { status, body } = await this.api.send('GET', path)
    if (status === 404) await this.api.create(collection, object)
    else {
      const resourceVersion = body.at('metadata').at('resourceVersion').text()
      const spec = collection === paths.services ? { ...(said['spec'] as Fields), ...clusterIPsOf(body) } : said['spec']
      const whole = { ...object, ...(spec === undefined ? {} : { spec }) }
      await this.api.replace(path, { ...whole, metadata: { ...object.metadata, resourceVersion } })
    }
  }

  /** Waits until exactly these nodes are next hops of an address in bgpd. */
  async announcedBy(address: string, nodes: readonly string[], patience?: Patience): Promise<void> {
    const expected = nodes.map((name) => this.fabric.node(name).ipv4).sort()
    await eventually(
      `${address} is announced by ${nodes.join(', ') || 'nobody'}`,
      () => this.nextHops(address),
      (observed) => assert.deepEqual(observed, expected),
      patience,
    )
  }

  async nextHops(address: string): Promise<readonly string[]> {
    return (await this.frr.paths(`${address}/32`)).map(({ nextHop }) => nextHop).sort()
  }
}

const clusterIPsOf = (service: Json): Fields => ({
  clusterIP: service.at('spec').at('clusterIP').text(),
  clusterIPs: service
    .at('spec')
    .at('clusterIPs')
    .list()
    .map((one) => one.text()),
})
