import type { KubeObject } from '@holdfast/cluster'
import { apiFault, resourceTypes } from '@holdfast/cluster'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keepSpeakerPod, podIn, podType } from './announced-speakers.ts'
import { announcedCondition, conditionOf } from './service-object.ts'
import type { World } from './testing/world.ts'
import { createWorld, namespace, shop } from './testing/world.ts'

const running = { state: { running: { startedAt: '2026-01-01T00:00:00Z' } } }
const crashed = { state: { waiting: { reason: 'CrashLoopBackOff' } } }

/** A Service that nodes announce, each with a speaker in a Pod; the tests are speakers and kubelets. */
function createScene(nodes: readonly string[]) {
  const world = createWorld()
  const { server, until } = world
  server.put(resourceTypes.Namespace, { metadata: { name: shop } })
  server.put(resourceTypes.IPAddressPool, own('public', { addresses: ['192.0.2.0/24'] }))
  server.put(resourceTypes.BGPAdvertisement, own('public', {}))
  server.put(resourceTypes.BGPPeer, own('router', { myASN: 64512, peerASN: 64500, peerAddress: '10.0.0.1' }))
  for (const node of nodes) {
    server.put(resourceTypes.Node, { metadata: { name: node }, status: { conditions: ready } })
    server.put(resourceTypes.NodeState, { metadata: { name: node, namespace }, status: { sessions } })
    putPod(world, node, running)
  }
  server.put(resourceTypes.Service, {
    metadata: { name: 'web', namespace: shop },
    spec: { type: 'LoadBalancer', clusterIPs: ['10.96.0.1'], ports: [{ port: 80, protocol: 'TCP' }] },
  })
  for (const node of nodes) offer(world, node)
  const said = () => {
    const service = server.read(resourceTypes.Service, { namespace: shop, name: 'web' })
    assert.ok(service)
    const { status, reason, message } = conditionOf(service, announcedCondition) ?? {}
    return `${status} ${reason}: ${message}`
  }
  const says = (what: RegExp): Promise<void> => until(String(what), () => what.test(said()))
  return { ...world, said, says }
}

const own = (name: string, spec: object): KubeObject => ({ metadata: { name, namespace }, spec })
const ready = [{ type: 'Ready', status: 'True' }]
const sessions = [{ peer: 'router', state: 'Established', negotiated: { families: ['IPv4'] } }]

const putPod = ({ server }: Pick<World, 'server'>, node: string, container: object): KubeObject =>
  server.put(podType, {
    metadata: { name: `speaker-${node}`, namespace, labels: { 'app.kubernetes.io/component': 'speaker' } },
    spec: { nodeName: node },
    status: { phase: 'Running', containerStatuses: [{ name: 'speaker', ...container }] },
  })

function offer({ server }: Pick<World, 'server'>, node: string): void {
  const { metadata } = server.read(podType, { namespace, name: `speaker-${node}` }) ?? own(node, {})
  const ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name: metadata.name, uid: metadata.uid }]
  server.put(resourceTypes.ServiceBGPStatus, {
    metadata: { name: `${node}-web`, namespace, ownerReferences },
    status: { node, serviceName: 'web', serviceNamespace: shop, peers: ['router'] },
  })
}

test('a speaker that is dead does not announce although its Node is Ready and all that it said still stands', async () => {
  const scene = createScene(['a'])
  scene.replica('one')
  await scene.says(/^True Announced/)
  putPod(scene, 'a', crashed)
  await scene.says(
    /^False SpeakerStopped: a was the last to announce it, and its speaker does not run: CrashLoopBackOff$/,
  )
  putPod(scene, 'a', running)
  await scene.says(/^True Announced/)
  scene.server.drop(podType, { namespace, name: 'speaker-a' })
  await scene.says(/^False SpeakerStopped: .* its Pod is gone$/)
})

test('a speaker that crashes and comes back writes nothing', async () => {
  const scene = createScene(['a'])
  const { client } = scene.replica('one')
  await scene.says(/^True Announced/)
  client.forgetRequests()
  for (let times = 0; times < 3; times += 1) {
    putPod(scene, 'a', crashed)
    await scene.pass(5000)
    putPod(scene, 'a', running)
    await scene.pass(20_000)
  }
  assert.deepEqual(
    client.requests().filter(({ verb, type }) => verb === 'apply' && type.kind === 'Service'),
    [],
  )
})

test('one that comes back between crashes has first to stay', async () => {
  const scene = createScene(['a'])
  scene.replica('one')
  await scene.says(/^True Announced/)
  putPod(scene, 'a', crashed)
  await scene.says(/^False SpeakerStopped/)
  putPod(scene, 'a', running)
  await scene.pass(5000)
  putPod(scene, 'a', { state: { terminated: { reason: 'Error', exitCode: 1 } } })
  await scene.pass(60_000)
  assert.match(scene.said(), /^False SpeakerStopped: .*: Error$/)
})

test('among others that live the dead one is named, and does not count', async () => {
  const scene = createScene(['a', 'b'])
  scene.replica('one')
  await scene.says(/^True Announced: announced by 2 nodes to 1 peer$/)
  putPod(scene, 'b', crashed)
  await scene.says(/^True Announced: announced by 1 node to 1 peer; not counted, since the speaker does not run: b$/)
})

test('one that offers nothing and does not run is the reason why nobody announces it', async () => {
  const scene = createScene(['a'])
  scene.server.drop(resourceTypes.ServiceBGPStatus, { namespace, name: 'a-web' })
  scene.server.put(resourceTypes.EndpointSlice, {
    metadata: { name: 'web-1', namespace: shop, labels: { 'kubernetes.io/service-name': 'web' } },
    endpoints: [{ addresses: ['10.244.0.1'], nodeName: 'a', conditions: { ready: true } }],
  })
  putPod(scene, 'a', crashed)
  scene.replica('one')
  await scene.says(/^False SpeakerStopped: .*the speaker of a does not run: CrashLoopBackOff$/)
})

test('where the Pods may not be seen speakers are taken at their word, and that is told once it lasts', async () => {
  const scene = createScene(['a'])
  putPod(scene, 'a', crashed)
  const { client } = scene.replica('one')
  client.failNext({ type: podType }, apiFault('forbidden', 'pods is forbidden'), { times: 100 })
  await scene.says(/^True Announced/)
  await scene.until('it is told', () => scene.lines.some((line) => line.includes('"permissionMissing"')))
})

test('nothing changes: a watch of the Pods is all that they cost', async () => {
  const scene = createScene(['a'])
  const { client } = scene.replica('one')
  await scene.says(/^True Announced/)
  await scene.pass(60_000)
  client.forgetRequests()
  await scene.pass(600_000)
  const asked = client.requests().filter(({ type, verb }) => type.kind !== 'Lease' && verb !== 'watch')
  assert.deepEqual(asked, [])
})

test('whether the containers of a Pod run, in the words of the kubelet', () => {
  const stopped = (status: object) => podIn(keepSpeakerPod({ metadata: { name: 'speaker' }, status })).stopped
  assert.equal(stopped({}), 'Pending')
  assert.equal(stopped({ phase: 'Failed' }), 'Failed')
  assert.equal(stopped({ phase: 'Running' }), undefined)
  assert.equal(stopped({ phase: 'Running', containerStatuses: [running, running] }), undefined)
  assert.equal(stopped({ phase: 'Running', containerStatuses: [running, crashed] }), 'CrashLoopBackOff')
  assert.equal(stopped({ phase: 'Running', containerStatuses: [{ state: { terminated: {} } }] }), 'NotRunning')
})
