import assert from 'node:assert/strict'
import { run } from '../harness/command.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { serviceAccount, startCluster } from '../cluster/cluster.ts'
import { eventually } from '../harness/eventually.ts'
import { Fabric, routerAddress } from '../harness/fabric.ts'
import { Kubelet } from './kubelet.ts'
import { configuration, objectsOf, refused, wishes } from './objects.ts'
import { metallbPrograms, type MetallbPrograms } from './programs.ts'
import { corePassword, nodeAsn, routerAsn, startRouter, torPassword, type RecordingRouter } from './routers.ts'
import { addressesOf } from '../cluster/service-addresses.ts'
import { recordServices, type ServiceRecord } from '../cluster/service-record.ts'
import { Shell } from './shell.ts'

export const namespace = 'metallb-system'
export const nodes = ['node-a', 'node-b', 'node-c'] as const

/**
 * A cluster with MetalLB from its own manifest, run by a stand-in for the kubelets, and two routers:
 *
 *     tor 10.0.0.1, FRR, AS 64512, eBGP with all nodes; etcd, kube-apiserver
 *     core 10.0.0.14, FRR, AS 64500, iBGP with node-a and node-b
 *     node-a, node-b, node-c 10.0.0.11 to .13; pods that have a network of their own 10.0.0.15 to .17
 */
export class MigrateSite {
  readonly cluster: Cluster
  readonly fabric: Fabric
  readonly tor: RecordingRouter
  readonly core: RecordingRouter
  readonly kubelet: Kubelet
  readonly shell: Shell
  readonly metallb: MetallbPrograms
  #services: ServiceRecord | undefined

  private constructor(
    parts: Pick<MigrateSite, 'cluster' | 'fabric' | 'tor' | 'core' | 'kubelet' | 'shell' | 'metallb'>,
  ) {
    this.cluster = parts.cluster
    this.fabric = parts.fabric
    this.tor = parts.tor
    this.core = parts.core
    this.kubelet = parts.kubelet
    this.shell = parts.shell
    this.metallb = parts.metallb
  }

  static async create(): Promise<MigrateSite> {
    const metallb = metallbPrograms()
    const fabric = await Fabric.create([...nodes, 'core', 'pod-1', 'pod-2', 'pod-3'])
    try {
      return await MigrateSite.#on(fabric, metallb)
    } catch (error) {
      fabric.lab.reportFailure()
      fabric.lab.close()
      throw error
    }
  }

  static async #on(fabric: Fabric, metallb: MetallbPrograms): Promise<MigrateSite> {
    const accounts = ['controller', 'speaker', 'holdfast-controller', 'holdfast-speaker']
    const users = [namespace, 'networking', 'holdfast'].flatMap((place) =>
      accounts.map((name) => serviceAccount(place, name)),
    )
    const { lab, router } = fabric
    const place = { namespace: router, addresses: [routerAddress.ipv4] as [string] }
    const [cluster, tor, core] = await Promise.all([
      startCluster({ lab, place, users }),
      startRouter(fabric, nodes, {
        ...{ name: 'tor', namespace: router, asn: routerAsn, routerId: routerAddress.ipv4, password: torPassword },
      }),
      startRouter(fabric, ['node-a', 'node-b'], {
        ...{ name: 'core', namespace: fabric.node('core').namespace, asn: nodeAsn },
        ...{ routerId: fabric.node('core').ipv4, password: corePassword },
      }),
    ])
    const world = { lab, cluster, metallb }
    const kubelet = new Kubelet({
      world,
      garbageMs: 1000,
      placeOf: (workload, { node, index }) => fabric.node(node === 'pods' ? podPlace(workload, index) : node),
    })
    const shell = await Shell.open(cluster, metallb)
    const site = new MigrateSite({ cluster, fabric, tor, core, kubelet, shell, metallb })
    await site.#addNodes()
    return site
  }

  /** MetalLB as its manifest installs it, running. For its metrics it has to ask the API server who comes, which this manifest does not let it. */
  async installMetallb(): Promise<void> {
    await this.shell.run(`kubectl apply --server-side -f ${this.metallb.manifest}
      kubectl create clusterrolebinding metrics --clusterrole=system:auth-delegator \\
        --serviceaccount=${namespace}:controller --serviceaccount=${namespace}:speaker`)
    await this.#leadToWebhook()
    this.kubelet.start()
    await this.kubelet.runs(['controller#0', ...nodes.map((node) => `speaker@${node}`)], 60_000)
  }

  /** The configuration and the Services, until MetalLB has given each its address. */
  async populate(): Promise<void> {
    const { kubectl } = this.cluster
    const addresses = { tor: routerAddress.ipv4, core: this.fabric.node('core').ipv4 }
    const list = { apiVersion: 'v1', kind: 'List', items: configuration(addresses) }
    await eventually(
      'the webhooks let the configuration pass',
      () => kubectl(['apply', '-f', '-'], { stdin: JSON.stringify(list) }),
      () => undefined,
      { timeoutMs: 30_000 },
    )
    await this.create([...wishes, ...refused])
    await eventually(
      'MetalLB has given its addresses',
      () => this.addresses(),
      (found) => assert.equal(found.size, wishes.length, [...found.keys()].join()),
      { timeoutMs: 30_000 },
    )
  }

  async create(wanted: typeof wishes): Promise<void> {
    const items = wanted.flatMap((wish) => objectsOf(wish, nodes))
    const list = { apiVersion: 'v1', kind: 'List', items }
    await this.cluster.kubectl(['create', '-f', '-'], { stdin: JSON.stringify(list) })
  }

  /** Begins to watch the Services. */
  async watchServices(): Promise<ServiceRecord> {
    this.#services = await recordServices(this.cluster)
    return this.#services
  }

  /** By `namespace/name`, of those that have any. */
  async addresses(): Promise<ReadonlyMap<string, string>> {
    const services = (await this.cluster.client().get('/api/v1/services')).at('items').list()
    return new Map(
      services
        .map(
          (one) =>
            [
              `${one.at('metadata').at('namespace').text()}/${one.at('metadata').at('name').text()}`,
              addressesOf(one),
            ] as const,
        )
        .filter(([, addresses]) => addresses !== ''),
    )
  }

  async end(): Promise<void> {
    this.#services?.close()
    await this.kubelet.stop()
    await this.cluster.stop()
    this.fabric.lab.close()
  }

  async #addNodes(): Promise<void> {
    const client = this.cluster.client()
    for (const name of nodes) {
      const labels = { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux' }
      await client.create('/api/v1/nodes', { metadata: { name, labels } })
      const addresses = [{ type: 'InternalIP', address: this.fabric.node(name).ipv4 }]
      const conditions = [{ type: 'Ready', status: 'True' }]
      await client.merge(`/api/v1/nodes/${name}/status`, { status: { conditions, addresses } })
    }
  }

  /** From the API server to the controller's webhooks, as kube-proxy would: the Service has a cluster IP that nobody else translates. */
  async #leadToWebhook(): Promise<void> {
    const service = await this.cluster.client().get(`/api/v1/namespaces/${namespace}/services/metallb-webhook-service`)
    const address = service.at('spec').at('clusterIP').text()
    const { router } = this.fabric
    const { ipv4 } = this.fabric.node('pod-1')
    await run('ip', '-n', router, 'route', 'add', '10.96.0.0/16', 'via', ipv4)
    const rule = `ip daddr ${address} tcp dport 443 dnat to ${ipv4}:9443`
    const nft = `table ip webhook { chain output { type nat hook output priority -100; ${rule}; }; }`
    await run('ip', 'netns', 'exec', router, 'nft', nft)
  }
}

/** MetalLB's controller is where the webhook's Service leads. */
const podPlace = (workload: string, index: number): string =>
  workload === 'deployment/controller' ? 'pod-1' : `pod-${2 + (index % 2)}`
