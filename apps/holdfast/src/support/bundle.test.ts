import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apiFault, createMemoryApi, resourceTypes } from '@holdfast/cluster'
import type { KubeApi, KubeObject, MemoryApi, PodLogs } from '@holdfast/cluster'
import { createVirtualClock } from '@holdfast/runtime'
import { bundleOf, collectedKinds, contentsOf } from './bundle.ts'
import type { Bundle } from './bundle.ts'
import { collect } from './read-cluster.ts'

const namespace = 'metallb-system'
const canary = 'canary-4711'

function put(
  api: MemoryApi,
  kind: keyof typeof resourceTypes,
  object: Partial<KubeObject> & Pick<KubeObject, 'metadata'>,
): void {
  api.put(resourceTypes[kind], object)
}

const own = (name: string, more: object = {}) => ({ name, namespace, ...more })

/** A cluster with a secret in every place where one may lie. */
function world(): MemoryApi {
  const api = createMemoryApi({ clock: createVirtualClock() })
  const annotations = {
    'kubectl.kubernetes.io/last-applied-configuration': `{"spec":{"password":"${canary}-applied"}}`,
    'example.com/token': `${canary}-annotation`,
    'metallb.io/ip-allocated-from-pool': 'public',
  }
  put(api, 'Node', { metadata: { name: 'node-a', annotations } })
  put(api, 'IPAddressPool', { metadata: own('public'), spec: { addresses: ['192.0.2.0/24'] } })
  put(api, 'BGPAdvertisement', { metadata: own('all') })
  put(api, 'BGPPeer', {
    metadata: own('tor', { annotations }),
    spec: { myASN: 64512, peerASN: 64500, peerAddress: '10.0.0.1', password: `${canary}-password` },
  })
  put(api, 'BGPPeer', {
    metadata: own('tor-2'),
    spec: { myASN: 64512, peerASN: 64500, peerAddress: '10.0.0.2', passwordSecret: { name: 'tor-2' } },
  })
  put(api, 'Secret', {
    metadata: own('tor-2'),
    type: 'kubernetes.io/basic-auth',
    data: { password: Buffer.from(`${canary}-secret`).toString('base64') },
  })
  put(api, 'Service', service('web', 'shop', { annotations, managedFields: [{ manager: canary }] }))
  put(api, 'Service', { ...service('quiet', 'shop'), spec: { type: 'ClusterIP' } })
  for (const name of ['web', 'quiet']) {
    const labels = { 'kubernetes.io/service-name': name }
    const endpoints = [{ addresses: ['10.1.0.1'], nodeName: 'node-a', conditions: { ready: true } }]
    put(api, 'EndpointSlice', { metadata: { name: `${name}-1`, namespace: 'shop', labels }, endpoints })
  }
  const event = (name: string, reportingComponent: string) => ({
    metadata: { name, namespace: 'shop' },
    reportingComponent,
    involvedObject: { kind: 'Service', namespace: 'shop', name: 'web' },
  })
  put(api, 'Event', event('ours', 'holdfast.dev/speaker'))
  put(api, 'Event', event('others', 'kubelet'))
  return api
}

const service = (name: string, of: string, metadata: object = {}): KubeObject => ({
  metadata: { name, namespace: of, ...metadata },
  spec: {
    type: 'LoadBalancer',
    clusterIPs: ['10.96.0.1'],
    ipFamilies: ['IPv4'],
    ports: [{ port: 80, protocol: 'TCP' }],
  },
  status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } },
})

const facts = {
  version: '0.1.0',
  time: '2026-01-01T00:00:00Z',
  namespace,
  loadBalancerClass: undefined,
  ignoreExcludeLB: false,
}

const bundled = async (api: MemoryApi): Promise<Bundle> => bundleOf(await collect(api, namespace, undefined), facts)

test('no secret is in a bundle, wherever it lay', async () => {
  const api = world()
  const text = JSON.stringify(await bundled(api))
  assert.doesNotMatch(text, new RegExp(canary))
  assert.doesNotMatch(text, new RegExp(Buffer.from(`${canary}-secret`).toString('base64')))
  // What names a secret is no secret, and helps.
  assert.match(text, /"passwordSecret":\{"name":"tor-2"\}/)
  assert.match(text, /"password":"\(hidden\)"/)
  assert.match(text, /"metallb.io\/ip-allocated-from-pool":"public"/)
})

test('Secrets and ConfigMaps are not asked for', () => {
  const kinds: readonly string[] = collectedKinds
  assert.ok(!kinds.includes('Secret') && !kinds.includes('ConfigMap'))
})

test('of Services, endpoints and events there is what concerns load balancers', async () => {
  const { objects } = await bundled(world())
  const names = (kind: 'Service' | 'EndpointSlice' | 'Event'): readonly string[] =>
    objects[kind].map((object) => (object as KubeObject).metadata.name)
  assert.deepEqual(names('Service'), ['web'])
  assert.deepEqual(names('EndpointSlice'), ['web-1'])
  assert.deepEqual(names('Event'), ['ours'])
})

test('a Service that no router knows of is explained, one that all know is not', async () => {
  const api = world()
  const { explanations } = await bundled(api)
  assert.deepEqual(
    explanations.map(({ service: key, nodes }) => [key, nodes[0]?.announces.reason]),
    [['shop/web', 'noSpeaker']],
  )
  const sessions = ['tor', 'tor-2'].map((peer) => ({ peer, state: 'Established' }))
  put(api, 'NodeState', { metadata: own('node-a'), status: { sessions } })
  assert.deepEqual((await bundled(api)).explanations, [])
})

test('a kind that the API server does not know is named, and the rest is there', async () => {
  const api = world()
  api.setServed(resourceTypes.NodeState, false)
  const { notRead, overview } = await bundled(api)
  assert.deepEqual(notRead, [{ resource: 'nodestates.holdfast.dev', reason: 'notThere' }])
  assert.equal(overview.services.total, 1)
})

/** An API server with pods, whose logs are what `print` says. */
function withPods(
  pods: readonly KubeObject[],
  print: (pod: string, options: Parameters<PodLogs['podLog']>[1]) => Awaited<ReturnType<PodLogs['podLog']>>,
): KubeApi & PodLogs {
  const api = world()
  return {
    ...api,
    list: (type, options) =>
      type.plural === 'pods'
        ? Promise.resolve({ kind: 'ok', value: { items: pods, resourceVersion: '1', continue: undefined } })
        : api.list(type, options),
    podLog: ({ name }, options) => Promise.resolve(print(name, options)),
  }
}

const pod = (name: string, { app = 'holdfast', restarts = 0 } = {}): KubeObject => ({
  metadata: own(name, { labels: { 'app.kubernetes.io/name': app } }),
  spec: { nodeName: 'node-a', containers: [{ name: name.includes('controller') ? 'controller' : 'speaker' }] },
  status: { containerStatuses: [{ name: 'speaker', restartCount: restarts }] },
})

test('the logs of our pods are in it: the controller first, then what was started again, with what ran before, bounded and redacted', async () => {
  const asked: string[] = []
  const api = withPods(
    [pod('speaker-a'), pod('speaker-b', { restarts: 3 }), pod('controller-a'), pod('other', { app: 'prometheus' })],
    (name, { container, isPrevious, tailLines, limitBytes }) => {
      asked.push(`${name} ${container} ${isPrevious} ${tailLines} ${limitBytes}`)
      const line = `{"event":"started","password":"${canary}","message":"token=${canary} Bearer ${canary}-canary"}`
      return { kind: 'ok', value: `${line}\nplain password: ${canary}\n` }
    },
  )
  const { logs } = bundleOf(await collect(api, namespace, api), facts)
  assert.deepEqual(asked, [
    'controller-a controller false 2000 524288',
    'speaker-b speaker false 2000 524288',
    'speaker-b speaker true 2000 524288',
    'speaker-a speaker false 2000 524288',
  ])
  assert.deepEqual(
    logs.map(({ pod: name, node, restarts, lines }) => [name, node, restarts, lines.length]),
    [
      ['controller-a', 'node-a', 0, 2],
      ['speaker-b', 'node-a', 3, 2],
      ['speaker-b', 'node-a', 3, 2],
      ['speaker-a', 'node-a', 0, 2],
    ],
  )
  assert.match(logs[0]?.lines[0] ?? '', /"event":"started"/)
  assert.doesNotMatch(JSON.stringify(logs), new RegExp(canary))
})

test('of many pods some are read; logs that this user may not see are named, and those that cannot be read', async () => {
  const many = withPods(
    Array.from({ length: 100 }, (_, index) => pod(`speaker-${index}`)),
    () => ({ kind: 'ok', value: 'x\n' }),
  )
  assert.equal((await collect(many, namespace, many)).logs.length, 40)
  const forbidden = withPods([pod('speaker-a')], () => apiFault('forbidden', 'no'))
  const { logs, notRead } = await collect(forbidden, namespace, forbidden)
  assert.deepEqual([logs, notRead], [[], [{ resource: 'pods/log', reason: 'forbidden' }]])
  const waiting = withPods([pod('speaker-a'), pod('speaker-b')], (name) =>
    name === 'speaker-a' ? apiFault('invalid', 'is waiting to start') : { kind: 'ok', value: 'y' },
  )
  const collected = await collect(waiting, namespace, waiting)
  assert.deepEqual(
    collected.logs.map(({ pod: name, lines, fault }) => [name, lines.length, fault]),
    [
      ['speaker-a', 0, 'is waiting to start'],
      ['speaker-b', 1, null],
    ],
  )
  const contents = contentsOf(bundleOf(collected, facts))
  assert.ok(contents.includes('logs of containers: 1'))
  assert.ok(contents.includes('logs that could not be read: 1 (is waiting to start)'))
})
