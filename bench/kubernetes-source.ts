import { setImmediate } from 'node:timers/promises'
import { createKeeps, createKubernetesSource, createMemoryApi, resourceTypes, type KubeObject } from '@holdfast/cluster'
import { evaluate, type Evaluation, type RawObject } from '@holdfast/model'
import { systemClock } from '@holdfast/runtime'

/*
 * What following 10,000 Services and as many EndpointSlices costs: bytes an object with and without trimming, and the time from an
 * event to its snapshot. Run: node --expose-gc bench/kubernetes-source.ts [services]
 */

const count = Number(process.argv[2] ?? 10_000)
const changes = 200

/** As kubectl apply and kube-controller-manager leave them. */
const serviceOf = (index: number): KubeObject => {
  const name = `service-${index}`
  const spec = {
    type: 'LoadBalancer',
    allocateLoadBalancerNodePorts: true,
    clusterIP: `10.96.${index >> 8}.${index & 255}`,
    clusterIPs: [`10.96.${index >> 8}.${index & 255}`],
    externalTrafficPolicy: 'Cluster',
    internalTrafficPolicy: 'Cluster',
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
    ports: [
      { name: 'http', nodePort: 30_000 + (index % 2768), port: 80, protocol: 'TCP', targetPort: 8080 },
      { name: 'https', nodePort: 30_001 + (index % 2768), port: 443, protocol: 'TCP', targetPort: 8443 },
    ],
    selector: { 'app.kubernetes.io/name': name, 'app.kubernetes.io/instance': name },
    sessionAffinity: 'None',
  }
  const labels = {
    'app.kubernetes.io/name': name,
    'app.kubernetes.io/instance': name,
    'app.kubernetes.io/managed-by': 'Helm',
  }
  const lastApplied = JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { name, labels }, spec })
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace: `team-${index % 100}`,
      uid: `5f0c1c5e-8a3b-4c1d-9e2f-${String(index).padStart(12, '0')}`,
      resourceVersion: String(100_000 + index),
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels,
      annotations: {
        'kubectl.kubernetes.io/last-applied-configuration': lastApplied,
        'metallb.io/ip-allocated-from-pool': 'default',
      },
      managedFields: managedFields(['f:metadata', 'f:spec', 'f:status']),
    },
    spec,
    status: { loadBalancer: { ingress: [{ ip: `192.0.${index >> 8}.${index & 255}`, ipMode: 'VIP' }] } },
  }
}

const sliceOf = (index: number): KubeObject => {
  const name = `service-${index}`
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${name}-x7k2p`,
      generateName: `${name}-`,
      namespace: `team-${index % 100}`,
      uid: `7a0c1c5e-8a3b-4c1d-9e2f-${String(index).padStart(12, '0')}`,
      resourceVersion: String(200_000 + index),
      generation: 4,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: {
        'app.kubernetes.io/name': name,
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
        'kubernetes.io/service-name': name,
      },
      annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-01T00:00:00Z' },
      ownerReferences: [
        { apiVersion: 'v1', kind: 'Service', name, uid: `5f0c-${index}`, controller: true, blockOwnerDeletion: true },
      ],
      managedFields: managedFields(['f:addressType', 'f:endpoints', 'f:ports']),
    },
    addressType: 'IPv4',
    endpoints: [0, 1, 2].map((pod) => ({
      addresses: [`10.${pod}.${index >> 8}.${index & 255}`],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: `node-${(index + pod) % 200}.example.com`,
      targetRef: { kind: 'Pod', name: `${name}-${pod}`, namespace: `team-${index % 100}`, uid: `9b-${index}-${pod}` },
      zone: `zone-${pod}`,
    })),
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  }
}

const managedFields = (fields: readonly string[]) => [
  {
    apiVersion: 'v1',
    fieldsType: 'FieldsV1',
    fieldsV1: Object.fromEntries(
      fields.map((field) => [field, { '.': {}, 'f:a': {}, 'f:b': { '.': {}, 'f:c': {} }, 'f:d': {}, 'f:e': {} }]),
    ),
    manager: 'kubectl-client-side-apply',
    operation: 'Update',
    time: '2026-01-01T00:00:00Z',
  },
]

function heapBytes(): number {
  if (globalThis.gc === undefined) throw new Error('Run with --expose-gc')
  for (let times = 0; times < 4; times += 1) globalThis.gc()
  return process.memoryUsage().heapUsed
}

function bytesEach(make: (index: number) => KubeObject, keep: (object: KubeObject) => KubeObject): number {
  const before = heapBytes()
  const kept: KubeObject[] = []
  for (let index = 0; index < count; index += 1) {
    // As it comes off the network.
    kept.push(keep(JSON.parse(JSON.stringify(make(index))) as KubeObject))
  }
  const bytes = (heapBytes() - before) / count
  if (kept.length !== count) throw new Error('lost')
  return Math.round(bytes)
}

const percentile = (values: readonly number[], share: number): string =>
  ([...values].sort((a, b) => a - b)[Math.floor(values.length * share)] ?? 0).toFixed(3)

for (const [name, make, keep] of [
  ['Service', serviceOf, createKeeps().Service],
  ['EndpointSlice', sliceOf, createKeeps().EndpointSlice],
] as const) {
  const whole = bytesEach(make, (object) => object)
  console.log(`${name}: ${whole} bytes as it comes, ${bytesEach(make, keep)} as it is kept`)
}

const clock = systemClock()
const api = createMemoryApi({ clock })
const keeps = createKeeps()
for (let index = 0; index < count; index += 1) {
  api.put(resourceTypes.Service, serviceOf(index))
  api.put(resourceTypes.EndpointSlice, sliceOf(index))
}

let told: (() => void) | undefined
let objects: readonly RawObject[] = []
const source = createKubernetesSource({
  api,
  clock,
  random: Math.random,
  observe: () => undefined,
  followed: [
    {
      type: resourceTypes.Service,
      selection: { fieldSelector: 'spec.type=LoadBalancer' },
      keep: keeps.Service,
      isOptional: false,
    },
    {
      type: resourceTypes.EndpointSlice,
      selection: { labelSelector: 'kubernetes.io/service-name' },
      keep: keeps.EndpointSlice,
      isOptional: false,
    },
  ],
})
const startMs = clock.now()
await source.start((snapshot) => {
  objects = snapshot.objects
  told?.()
})
console.log(`first snapshot of ${objects.length} objects: ${(clock.now() - startMs).toFixed(0)} ms (from memory)`)

const toSnapshot: number[] = []
const toModel: number[] = []
let evaluation: Evaluation | undefined = evaluate(objects, undefined)
for (let turn = 0; turn < changes; turn += 1) {
  await new Promise((resolve) => void clock.after(20, () => resolve(undefined)))
  const changed = sliceOf(turn % count)
  const arrived = new Promise<number>((resolve) => (told = () => resolve(clock.now())))
  api.put(resourceTypes.EndpointSlice, { ...changed, endpoints: [{ addresses: [`10.9.9.${turn % 250}`] }] })
  const writtenMs = clock.now()
  toSnapshot.push((await arrived) - writtenMs)
  const evaluateMs = clock.now()
  evaluation = evaluate(objects, evaluation)
  toModel.push(clock.now() - evaluateMs)
}
console.log(
  `event to snapshot among ${objects.length}: p50 ${percentile(toSnapshot, 0.5)} ms, p99 ${percentile(toSnapshot, 0.99)} ms`,
)
console.log(`evaluate() after it: p50 ${percentile(toModel, 0.5)} ms, p99 ${percentile(toModel, 0.99)} ms`)
await setImmediate()
await source.stop()
