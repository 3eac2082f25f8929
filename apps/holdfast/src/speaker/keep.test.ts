import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '@holdfast/cluster'
import type { RawObject } from '@holdfast/model'
import fc from 'fast-check'
import { createSpeakerKeeps } from './keep.ts'
import { SpeakerPipeline } from './pipeline.ts'
import { createTelling, mostLines } from './telling.ts'

const raw = (value: object): RawObject => ({ value, origin: { file: 'test', lineOf: () => undefined } })
const inNamespace = (kind: string, version: string, spec: object): RawObject =>
  raw({ apiVersion: `metallb.io/${version}`, kind, metadata: { name: 'one', namespace: 'metallb-system' }, spec })
const site = [
  raw({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-a' } }),
  inNamespace('IPAddressPool', 'v1beta1', { addresses: ['192.0.2.0/24'] }),
  inNamespace('BGPAdvertisement', 'v1beta1', {}),
  inNamespace('BGPPeer', 'v1beta2', { myASN: 64512, peerASN: 64500, peerAddress: '10.0.0.1' }),
]

const flag = fc.option(fc.boolean(), { nil: undefined })
const endpoint = fc.record({
  addresses: fc.constantFrom([], ['10.244.0.1'], ['10.244.0.1', '10.244.0.2']),
  nodeName: fc.constantFrom('node-a', 'node-b', undefined),
  conditions: fc.option(fc.record({ ready: flag, serving: flag, terminating: flag }), { nil: undefined }),
})
const someService = fc.record({
  spec: fc.record({
    type: fc.constantFrom('LoadBalancer', 'ClusterIP'),
    loadBalancerClass: fc.constantFrom('other', undefined),
    externalTrafficPolicy: fc.constantFrom('Local', 'Cluster', undefined),
    clusterIPs: fc.constant(['10.96.0.1']),
    ports: fc.constant([{ port: 80, protocol: 'TCP' }]),
  }),
  status: fc.constantFrom(
    {},
    { loadBalancer: { ingress: [{ ip: '192.0.2.1', ipMode: 'VIP' }] } },
    {
      loadBalancer: { ingress: [{ ip: '198.51.100.1' }] },
      conditions: [{ type: 'holdfast.dev/AddressAssigned', reason: 'Held' }],
    },
  ),
})

const plansOf = (objects: readonly object[]): unknown => {
  const pipeline = new SpeakerPipeline({ node: 'node-a', loadBalancerClass: undefined })
  const { evaluation, plan } = pipeline.run([...site, ...objects.map(raw)], false)
  assert.deepEqual(evaluation.faults, [])
  return [[...plan.decisions], [...plan.routes]]
}

test('what a speaker keeps of Services and their slices decides as the whole objects do', () => {
  fc.assert(
    fc.property(someService, fc.array(fc.array(endpoint, { maxLength: 3 }), { maxLength: 2 }), (said, slices) => {
      const annotations = { 'metallb.io/ip-allocated-from-pool': 'one', other: 'x' }
      const metadata = {
        name: 'web',
        namespace: 'default',
        uid: 'u',
        resourceVersion: '1',
        annotations,
        managedFields: [],
      }
      // What JSON leaves out is not there.
      const service = JSON.parse(JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata, ...said })) as KubeObject
      const all = slices.map((endpoints, index): KubeObject => ({
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: `web-${index}`, namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
        endpoints,
      }))
      const keeps = createSpeakerKeeps('node-a')
      assert.deepEqual(
        plansOf([keeps.service(service), ...all.map((slice) => keeps.endpointSlice(slice))]),
        plansOf([service, ...all]),
      )
    }),
  )
})

test('labels are kept as they are, also where there are none', () => {
  const { service, endpointSlice } = createSpeakerKeeps('node-a')
  const version = '1.42.0-of-some-length'
  const all = [
    { app: 'web', 'app.kubernetes.io/instance': 'web', version },
    { version, empty: '' },
    ...Array.from({ length: 3000 }, (_, index) => ({ version, own: `label-${index}` })),
  ]
  for (const labels of all) {
    const metadata = { name: 'web', namespace: 'default', uid: 'u', resourceVersion: '1', labels }
    assert.deepEqual(service({ metadata }).metadata.labels, labels)
  }
  for (const nothing of [{}, JSON.parse('{"labels":null}') as object]) {
    const metadata = { name: 'web', ...nothing }
    assert.deepEqual(service({ metadata }).metadata.labels, {})
    assert.deepEqual(endpointSlice({ metadata }).metadata.labels, { 'kubernetes.io/service-name': '' })
  }
})

const many = (count: number): readonly RawObject[] =>
  Array.from({ length: count }, (_, index) =>
    raw({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: `web-${index}`, namespace: 'default' },
      spec: { type: 'LoadBalancer' },
      status: { loadBalancer: { ingress: [{ ip: `192.0.2.${index}` }] } },
    }),
  )

test('a pass that decides about very many Services is told in one line, and one by one at level debug', () => {
  for (const [count, isSummed] of [
    [mostLines, false],
    [mostLines + 1, true],
  ] as const) {
    const reported: string[] = []
    const told: string[] = []
    const tellPass = createTelling(
      'node-a',
      ({ event }) => reported.push(event),
      (level, event, message) => told.push(`${level} ${event} ${message}`),
    )
    tellPass(
      new SpeakerPipeline({ node: 'node-a', loadBalancerClass: undefined }).run([...site, ...many(count)], false),
    )
    assert.equal(reported.filter((event) => event === 'withheld').length, isSummed ? 0 : count)
    const [summary = '', ...single] = told
    assert.equal(single.length, isSummed ? count : 0)
    if (isSummed)
      assert.equal(summary, `info decisions of Services, 0 announced, 0 not any more, ${count} withheld: noEndpoints`)
    assert.ok(single.every((line) => line.startsWith('debug withheld ')))
  }
})
