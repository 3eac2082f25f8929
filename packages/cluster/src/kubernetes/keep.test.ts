import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { evaluate, type RawObject } from '@holdfast/model'
import type { KubeObject } from './api.ts'
import { createKeeps } from './keep.ts'

const raw = (value: unknown): RawObject => ({ value, origin: { file: 'x', lineOf: () => undefined } })

const metadata = {
  name: 'web',
  namespace: 'default',
  uid: 'u-1',
  resourceVersion: '7',
  generation: 3,
  creationTimestamp: '2026-01-01T00:00:00Z',
  labels: { app: 'web', 'kubernetes.io/service-name': 'web' },
  annotations: {
    'kubectl.kubernetes.io/last-applied-configuration': '{"password":"canary"}',
    'metallb.io/address-pool': 'pool',
  },
  managedFields: [{ manager: 'kubectl', operation: 'Update' }],
  ownerReferences: [{ kind: 'Pod', name: 'p', uid: 'x', apiVersion: 'v1' }],
}

/** Objects as an API server gives them, with everything that they can hold. */
const objects: Readonly<
  Record<'Service' | 'EndpointSlice' | 'Node' | 'Namespace' | 'Secret' | 'IPAddressPool', KubeObject>
> = {
  Service: {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: {
      type: 'LoadBalancer',
      loadBalancerClass: 'example.com/class',
      loadBalancerIP: '192.0.2.7',
      externalTrafficPolicy: 'Local',
      internalTrafficPolicy: 'Cluster',
      clusterIP: '10.0.0.9',
      clusterIPs: ['10.0.0.9', 'fd00::9'],
      ipFamilies: ['IPv4', 'IPv6'],
      ipFamilyPolicy: 'RequireDualStack',
      ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080, nodePort: 30_080 }],
      selector: { app: 'web' },
      sessionAffinity: 'None',
      allocateLoadBalancerNodePorts: true,
      healthCheckNodePort: 31_000,
    },
    status: {
      loadBalancer: { ingress: [{ ip: '192.0.2.7', ipMode: 'VIP' }] },
      conditions: [
        { type: 'holdfast.dev/Announced', status: 'True', reason: 'x', message: 'y', lastTransitionTime: 'z' },
        { type: 'example.com/Other', status: 'True' },
      ],
    },
  },
  EndpointSlice: {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata,
    addressType: 'IPv4',
    endpoints: [
      {
        addresses: ['10.1.0.1'],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName: 'node-1',
        targetRef: { kind: 'Pod', name: 'web-1', namespace: 'default', uid: 'p-1' },
        zone: 'zone-a',
        hints: { forZones: [{ name: 'zone-a' }] },
      },
      { addresses: ['10.1.0.2'], conditions: { ready: false, serving: true, terminating: true }, nodeName: 'node-2' },
      { addresses: ['10.1.0.3'], conditions: { ready: false }, nodeName: 'node-2' },
      { addresses: ['10.1.0.4'] },
    ],
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  },
  Node: {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { ...metadata, name: 'node-1', namespace: undefined } as unknown as KubeObject['metadata'],
    spec: {
      podCIDR: '10.1.0.0/24',
      unschedulable: true,
      taints: [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }],
    },
    status: {
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'KubeletReady',
          message: 'ready',
          lastHeartbeatTime: '2026-01-01T00:00:00Z',
        },
        { type: 'MemoryPressure', status: 'False', lastHeartbeatTime: '2026-01-01T00:00:00Z' },
        { type: 'NetworkUnavailable', status: 'True' },
      ],
      addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
      images: [{ names: ['x'], sizeBytes: 1 }],
    },
  },
  Namespace: {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { ...metadata, namespace: '' },
    status: { phase: 'Active' },
  },
  Secret: {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata,
    type: 'kubernetes.io/basic-auth',
    data: { password: 'c2VjcmV0', username: 'Y2FuYXJ5' },
  },
  IPAddressPool: {
    apiVersion: 'metallb.io/v1beta1',
    kind: 'IPAddressPool',
    metadata,
    spec: { addresses: ['192.0.2.0/24'], serviceAllocation: { priority: 5, namespaces: ['default'] } },
    status: { availableIPv4: 5 },
  },
}

describe('What is kept of an object', () => {
  const keeps = createKeeps()

  it('gives the same model as the whole object, for every kind that the model reads', () => {
    const names = Object.keys(objects) as (keyof typeof objects)[]
    const whole = evaluate(
      names.map((name) => raw(objects[name])),
      undefined,
    )
    const kept = evaluate(
      names.map((name) => raw(keeps[name](objects[name]))),
      undefined,
    )
    assert.deepEqual(whole.faults, [])
    const withoutMeta = (map: ReadonlyMap<string, object>) =>
      [...map.values()].map((one) => ({ ...one, meta: undefined }))
    for (const name of Object.keys(whole.model) as (keyof typeof whole.model)[]) {
      assert.deepEqual(withoutMeta(kept.model[name]), withoutMeta(whole.model[name]))
    }
    for (const kind of ['services', 'nodes', 'pools'] as const) {
      const [a, b] = [[...kept.model[kind].values()][0], [...whole.model[kind].values()][0]]
      assert.deepEqual(a?.meta.labels, b?.meta.labels)
      assert.equal(a?.meta.uid, b?.meta.uid)
    }
    const service = [...kept.model.services.values()][0]
    assert.deepEqual(service?.meta.annotations, { 'metallb.io/address-pool': 'pool' })
    const slice = [...kept.model.endpointSlices.values()][0]
    assert.deepEqual(
      slice?.endpoints.map(({ isHealthy }) => isHealthy),
      [true, true, false, true],
    )
    const secret = [...kept.model.secrets.values()][0]
    assert.ok(secret !== undefined && !('obstacle' in secret.password))
  })

  it('has what is needed to write to it, the age of a configuration object, and nothing of managedFields, last-applied manifests and other user names', () => {
    for (const [kind, object] of Object.entries(objects)) {
      const kept = keeps[kind as keyof typeof objects](object)
      const text = JSON.stringify(kept)
      assert.doesNotMatch(text, /managedFields|canary|Y2FuYXJ5|lastHeartbeat|targetRef|zone|nodePort/)
      assert.deepEqual([kept.metadata.uid, kept.metadata.resourceVersion], ['u-1', '7'])
      assert.equal(
        kept.metadata['creationTimestamp'],
        kind === 'IPAddressPool' ? '2026-01-01T00:00:00Z' : undefined,
        kind,
      )
      assert.deepEqual([kept.apiVersion, kept.kind], [object.apiVersion, object.kind])
    }
  })

  it('has the conditions of a Service that are ours, and of a Node what says whether it can serve', () => {
    const status = keeps.Service(objects.Service)['status'] as { conditions: readonly { type: string }[] }
    assert.deepEqual(
      status.conditions.map(({ type }) => type),
      ['holdfast.dev/Announced'],
    )
    const node = keeps.Node(objects.Node)
    assert.deepEqual(node['spec'], {
      taints: [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }],
      unschedulable: true,
    })
    const conditions = (node['status'] as { conditions: unknown }).conditions
    assert.deepEqual(conditions, [
      { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'ready' },
      { type: 'NetworkUnavailable', status: 'True' },
    ])
  })

  describe('a BGPPeer whose hold time is 0s', () => {
    const wrote = (version: string, ...fields: readonly string[]) => ({
      apiVersion: `metallb.io/${version}`,
      fieldsV1: { 'f:spec': Object.fromEntries(fields.map((field) => [`f:${field}`, {}])) },
    })
    const kept = (holdTime: string, ...managedFields: readonly unknown[]): unknown => {
      const spec = { myASN: 1, peerASN: 2, holdTime, keepaliveTime: '0s' }
      return keeps.BGPPeer({ metadata: { name: 'tor', namespace: 'x', managedFields }, spec })['spec']
    }
    const unset = { myASN: 1, peerASN: 2 }

    it('has none, where it was written in v1beta1, whichever way zero is written', () => {
      assert.deepEqual(kept('0s', wrote('v1beta1', 'holdTime', 'keepaliveTime')), unset)
      assert.deepEqual(kept('0h0m0s', wrote('v1beta1', 'myASN')), unset)
      assert.deepEqual(kept('0', wrote('v1beta1', 'holdTime'), wrote('v1beta2', 'password')), unset)
    })

    it('has one that never ends, where it was written in v1beta2, or nobody knows', () => {
      assert.deepEqual(kept('0s', wrote('v1beta2', 'holdTime', 'keepaliveTime')), {
        ...unset,
        holdTime: '0s',
        keepaliveTime: '0s',
      })
      assert.deepEqual(kept('0s', wrote('v1beta1', 'keepaliveTime'), wrote('v1beta2', 'holdTime')), {
        ...unset,
        holdTime: '0s',
      })
      assert.deepEqual(kept('0s'), { ...unset, holdTime: '0s', keepaliveTime: '0s' })
    })

    it('another hold time stays', () => {
      assert.deepEqual(kept('10s', wrote('v1beta1', 'holdTime')), { ...unset, holdTime: '10s' })
    })
  })

  it('survives objects that are not as they should be', () => {
    for (const keep of Object.values(keeps)) {
      for (const part of [null, 7, 'x', [], [null], { endpoints: 7 }]) {
        const broken = {
          metadata: { name: 'x', labels: part, annotations: part },
          spec: part,
          status: part,
          endpoints: part,
        }
        assert.equal(keep(broken as unknown as KubeObject).metadata.name, 'x')
      }
    }
  })
})
