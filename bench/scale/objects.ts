/*
 * Objects as an operator, the kubelet and kube-controller-manager write them: what a typical one has, with names as long as they are
 * in clusters of some size.
 */

export const place = 'metallb-system'

export const nodeName = (index: number): string => `worker-${String(index).padStart(4, '0')}.rack-17.example.com`
const appOf = (index: number): string => `checkout-frontend-${index}`
const ipOf = (first: number, index: number): string =>
  `${first}.${64 + ((index >> 16) & 63)}.${(index >> 8) & 255}.${index & 255}`

/** Pods of a Service: one EndpointSlice holds up to 100. */
export const endpointsEach = 4

export function service(index: number) {
  const app = appOf(index)
  const labels = {
    'app.kubernetes.io/name': app,
    'app.kubernetes.io/instance': app,
    'app.kubernetes.io/version': '1.42.0',
    'app.kubernetes.io/managed-by': 'Helm',
    'helm.sh/chart': 'checkout-frontend-1.42.0',
  }
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: app,
      namespace: 'default',
      labels,
      annotations: { 'meta.helm.sh/release-name': app, 'meta.helm.sh/release-namespace': 'default' },
    },
    spec: {
      type: 'LoadBalancer',
      externalTrafficPolicy: index % 2 === 0 ? 'Cluster' : 'Local',
      ports: [
        { name: 'http', port: 80, protocol: 'TCP', targetPort: 'http' },
        { name: 'https', port: 443, protocol: 'TCP', targetPort: 'https' },
      ],
      selector: { 'app.kubernetes.io/name': app, 'app.kubernetes.io/instance': app },
    },
  }
}

/** On nodes of a cluster of so many. `turn` makes one that differs: a pod is ready, or is not. */
export function endpointSlice(index: number, nodes: number, turn = 0) {
  const app = appOf(index)
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${app}-x7k2p`,
      generateName: `${app}-`,
      namespace: 'default',
      labels: {
        ...service(index).metadata.labels,
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
        'kubernetes.io/service-name': app,
      },
      annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-01T00:00:00Z' },
      ownerReferences: [
        {
          apiVersion: 'v1',
          kind: 'Service',
          name: app,
          uid: `5f0c1c5e-8a3b-4c1d-9e2f-${String(index).padStart(12, '0')}`,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    addressType: 'IPv4',
    endpoints: Array.from({ length: endpointsEach }, (_, pod) => {
      const ready = pod !== 0 || turn % 2 === 0
      return {
        addresses: [ipOf(10, index * endpointsEach + pod)],
        conditions: { ready, serving: ready, terminating: false },
        nodeName: nodeName((index * 7 + pod * 13) % nodes),
        targetRef: {
          kind: 'Pod',
          name: `${app}-6d4cf56db6-${String(pod).repeat(5)}`,
          namespace: 'default',
          uid: `9b0c1c5e-8a3b-4c1d-${String(pod).padStart(4, '0')}-${String(index).padStart(12, '0')}`,
        },
        zone: `eu-central-1${'abc'[pod % 3] ?? 'a'}`,
      }
    }),
    ports: [
      { name: 'http', port: 8080, protocol: 'TCP' },
      { name: 'https', port: 8443, protocol: 'TCP' },
    ],
  }
}

export function node(index: number) {
  const name = nodeName(index)
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        'beta.kubernetes.io/arch': 'amd64',
        'beta.kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'node.kubernetes.io/instance-type': 'metal.large',
        'topology.kubernetes.io/region': 'eu-central-1',
        'topology.kubernetes.io/zone': 'eu-central-1a',
      },
      annotations: {
        'node.alpha.kubernetes.io/ttl': '0',
        'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
      },
    },
    spec: { podCIDR: '10.244.0.0/24', podCIDRs: ['10.244.0.0/24'], providerID: `metal:///eu-central-1/${name}` },
  }
}

/** With 50 images, the most that a kubelet reports (--node-status-max-images). */
export function nodeStatus(index: number) {
  const resources = { cpu: '64', 'ephemeral-storage': '926Gi', memory: '263Gi', pods: '250' }
  const condition = (type: string, status: string, reason: string) => ({
    type,
    status,
    reason,
    message: `kubelet says ${reason}`,
    lastHeartbeatTime: '2026-01-01T00:00:00Z',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  })
  return {
    status: {
      addresses: [
        { type: 'InternalIP', address: ipOf(10, index) },
        { type: 'Hostname', address: nodeName(index) },
      ],
      allocatable: resources,
      capacity: resources,
      conditions: [
        condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory'),
        condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure'),
        condition('PIDPressure', 'False', 'KubeletHasSufficientPID'),
        condition('Ready', 'True', 'KubeletReady'),
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
      images: Array.from({ length: 50 }, (_, image) => ({
        names: [
          `registry.example.com/team-${image}/checkout-frontend@sha256:${String(image).padStart(64, 'a')}`,
          `registry.example.com/team-${image}/checkout-frontend:1.42.0`,
        ],
        sizeBytes: 123_456_789 + image,
      })),
      nodeInfo: {
        architecture: 'amd64',
        bootID: '3a9f5a52-8ce0-4f4a-a4fb-1e0b7a4f2d10',
        containerRuntimeVersion: 'containerd://2.1.4',
        kernelVersion: '6.12.41',
        kubeletVersion: 'v1.34.1',
        kubeProxyVersion: '',
        machineID: '3a9f5a528ce04f4aa4fb1e0b7a4f2d10',
        operatingSystem: 'linux',
        osImage: 'Debian GNU/Linux 13 (trixie)',
        systemUUID: '3a9f5a52-8ce0-4f4a-a4fb-1e0b7a4f2d10',
      },
    },
  }
}

/** A pool, an advertisement and a peer at a port of the loopback, with their paths. */
export function site(port: number): readonly (readonly [string, object])[] {
  const base = `/apis/metallb.io`
  const metadata = { name: 'public', namespace: place }
  return [
    [
      `${base}/v1beta1/namespaces/${place}/ipaddresspools`,
      { apiVersion: 'metallb.io/v1beta1', kind: 'IPAddressPool', metadata, spec: { addresses: ['10.64.0.0/12'] } },
    ],
    [
      `${base}/v1beta1/namespaces/${place}/bgpadvertisements`,
      { apiVersion: 'metallb.io/v1beta1', kind: 'BGPAdvertisement', metadata, spec: {} },
    ],
    [
      `${base}/v1beta2/namespaces/${place}/bgppeers`,
      {
        apiVersion: 'metallb.io/v1beta2',
        kind: 'BGPPeer',
        metadata,
        spec: { myASN: 64512, peerASN: 64500, peerAddress: '127.0.0.1', peerPort: port },
      },
    ],
  ]
}
