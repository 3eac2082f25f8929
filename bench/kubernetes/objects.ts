import type { ApiClient } from '../../lab/cluster/api-client.ts'
import type { Cluster } from '../../lab/cluster/cluster.ts'
import { asns } from './router.ts'

export const namespace = 'metallb-system'
export const node = 'bench'

/** Where the speaker dials from, and the two routers: one that answers and one that falls silent. Loopback addresses. */
export const addresses = { speaker: '127.0.0.1', router: '127.0.0.2', silentRouter: '127.0.0.3' } as const

const ours = `/apis/metallb.io/v1beta1/namespaces/${namespace}`
export const paths = {
  services: '/api/v1/namespaces/default/services',
  slices: '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
  peers: `/apis/metallb.io/v1beta2/namespaces/${namespace}/bgppeers`,
} as const

/** What an operator and the cluster itself have made before a Service comes: CRDs, Node, pods, a pool, an advertisement. */
export async function furnish(cluster: Cluster, crds: string): Promise<void> {
  await cluster.kubectl(['apply', '--server-side', '-f', crds])
  await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=60s', 'crd', '--all'])
  const api = cluster.client()
  await api.create('/api/v1/namespaces', { metadata: { name: namespace } })
  await api.create('/api/v1/nodes', { metadata: { name: node, labels: { 'kubernetes.io/hostname': node } } })
  const conditions = [{ type: 'Ready', status: 'True' }]
  const nodeAddresses = [{ type: 'InternalIP', address: addresses.speaker }]
  await api.merge(`/api/v1/nodes/${node}/status`, { status: { conditions, addresses: nodeAddresses } })
  for (const name of ['controller', 'speaker']) {
    const spec = { nodeName: node, containers: [{ name, image: 'none' }] }
    await api.create(`/api/v1/namespaces/${namespace}/pods`, { metadata: { name }, spec })
  }
  const create = (resource: string, kind: string, spec: object): Promise<unknown> =>
    api.create(`${ours}/${resource}`, { apiVersion: 'metallb.io/v1beta1', kind, metadata: { name: 'public' }, spec })
  await create('ipaddresspools', 'IPAddressPool', { addresses: ['10.64.0.0/12'] })
  await create('bgpadvertisements', 'BGPAdvertisement', {})
}

/** `more` are further fields of its spec. */
export async function createPeer(
  api: ApiClient,
  name: string,
  to: { readonly address: string; readonly port: number },
  more: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const spec = {
    ...{ myASN: asns.speaker, peerASN: asns.router, peerAddress: to.address, peerPort: to.port },
    ...{ sourceAddress: addresses.speaker, routerID: '10.0.0.1' },
    ...more,
  }
  await api.create(paths.peers, { apiVersion: 'metallb.io/v1beta2', kind: 'BGPPeer', metadata: { name }, spec })
}

export const serviceOf = (name: string, policy: 'Local' | 'Cluster'): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, labels: { 'app.kubernetes.io/name': name } },
  spec: {
    type: 'LoadBalancer',
    externalTrafficPolicy: policy,
    // There are 2,768 node ports and more Services.
    allocateLoadBalancerNodePorts: false,
    selector: { 'app.kubernetes.io/name': name },
    ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 }],
  },
})

/** One endpoint, on the node. */
export const endpointsOf = (isReady: boolean): readonly object[] => [
  {
    addresses: ['10.244.0.1'],
    nodeName: node,
    conditions: { ready: isReady, serving: isReady, terminating: false },
    targetRef: { kind: 'Pod', namespace: 'default', name: 'pod' },
  },
]

/** As the endpoint slice controller makes them, of which none runs here. */
export const sliceOf = (service: string): object => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: sliceName(service), labels: { 'kubernetes.io/service-name': service } },
  addressType: 'IPv4',
  endpoints: endpointsOf(true),
  ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
})

export const sliceName = (service: string): string => `${service}-1`
