import type { KubeObject, MemoryApi } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { announcedCondition, conditionOf, ingressOf } from './service-object.ts'
import { createWorld, namespace, shop } from './testing/world.ts'

/** A controller that leads, three nodes, a pool and a router; the tests are the speakers. */
async function createScene() {
  const world = createWorld()
  const { server, until, replica } = world
  server.put(resourceTypes.Namespace, { metadata: { name: shop } })
  for (const name of ['a', 'b', 'c']) putNode(server, name)
  server.put(resourceTypes.IPAddressPool, own('public', { addresses: ['192.0.2.0/24'] }))
  server.put(resourceTypes.BGPAdvertisement, own('public', {}))
  const peer = { myASN: 64512, peerASN: 64500, peerAddress: '10.0.0.1' }
  server.put(resourceTypes.BGPPeer, own('router', peer))
  const { controller, client } = replica('one')
  await until('it leads', () => controller.planned() !== undefined)
  const read = (name: string): KubeObject => {
    const object = server.read(resourceTypes.Service, { namespace: shop, name })
    assert.ok(object)
    return object
  }
  const said = (name = 'web') => conditionOf(read(name), announcedCondition)
  const writes = (): number =>
    client.requests().filter(({ verb, type }) => verb === 'apply' && type.kind === 'Service').length
  return {
    ...world,
    client,
    controller,
    read,
    said,
    writes,
    /** Waits for the condition, and returns it as `status reason: message`. */
    says: async (status: string, reason: string): Promise<string> => {
      await until(`${status} ${reason}`, () => said()?.status === status && said()?.reason === reason)
      return said()?.message ?? ''
    },
  }
}

const own = (name: string, spec: object): KubeObject => ({ metadata: { name, namespace }, spec })

const putNode = (server: MemoryApi, name: string, ready = 'True', labels = {}): void =>
  void server.put(resourceTypes.Node, {
    metadata: { name, labels },
    status: { conditions: [{ type: 'Ready', status: ready }] },
  })

const putService = (server: MemoryApi, name = 'web', spec: object = {}): void =>
  void server.put(resourceTypes.Service, {
    metadata: { name, namespace: shop, generation: 3 },
    spec: { type: 'LoadBalancer', clusterIPs: ['10.96.0.1'], ports: [{ port: 80, protocol: 'TCP' }], ...spec },
  })

const putSlice = (server: MemoryApi, ...nodes: readonly string[]): void =>
  void server.put(resourceTypes.EndpointSlice, {
    metadata: { name: 'web-1', namespace: shop, labels: { 'kubernetes.io/service-name': 'web' } },
    endpoints: nodes.map((nodeName) => ({ addresses: ['10.244.0.1'], nodeName, conditions: { ready: true } })),
  })

/** What a speaker writes of itself. */
const putState = (server: MemoryApi, node: string, state = 'Established', silent?: string): void =>
  void server.put(resourceTypes.NodeState, {
    metadata: { name: node, namespace },
    status: {
      sessions: [{ peer: 'router', state, lastError: 'connection refused' }],
      conditions: [
        silent === undefined
          ? { type: 'Announcing', status: 'True', reason: 'Announcing', message: 'as planned' }
          : { type: 'Announcing', status: 'False', reason: silent, message: 'asked for by a person' },
      ],
    },
  })

const offer = (server: MemoryApi, node: string, service = 'web', peers: readonly string[] = ['router']): void =>
  void server.put(resourceTypes.ServiceBGPStatus, {
    metadata: { name: `${node}-${service}`, namespace },
    status: { node, serviceName: service, serviceNamespace: shop, peers },
  })

const withdraw = (server: MemoryApi, node: string, service = 'web'): void =>
  server.drop(resourceTypes.ServiceBGPStatus, { namespace, name: `${node}-${service}` })

test('before a speaker is heard it is Unknown, told along with the address: no request more', async () => {
  const { server, until, pass, read, said, writes } = await createScene()
  putService(server)
  await until('an address', () => ingressOf(read('web')).length > 0)
  assert.deepEqual(
    [said()?.status, said()?.reason, said()?.observedGeneration, said()?.lastTransitionTime.slice(0, 10)],
    ['Unknown', 'NotToldYet', 3, '2026-01-01'],
  )
  await pass(600_000)
  assert.equal(writes(), 0)
})

test('announced: with how many nodes and peers, in one request about a second after the last node told', async () => {
  const { server, until, pass, said, writes, says, read, clock } = await createScene()
  for (const node of ['a', 'b', 'c']) putState(server, node, node === 'c' ? 'Active' : 'Established')
  putService(server)
  await until('an address', () => ingressOf(read('web')).length > 0)
  for (const node of ['a', 'b', 'c']) {
    await pass(300)
    offer(server, node, 'web', node === 'b' ? ['router', 'other'] : ['router'])
  }
  const lastMs = clock.now()
  const message = await says('True', 'Announced')
  assert.equal(message, 'announced by 2 nodes to 1 peer; 1 node more without a session')
  assert.ok(clock.now() - lastMs <= 1500, `${clock.now() - lastMs} ms`)
  assert.equal(writes(), 1)
  assert.equal(conditionOf(read('web'), 'holdfast.dev/AddressAssigned')?.status, 'True')
  const since = said()?.lastTransitionTime
  await pass(600_000)
  assert.equal(writes(), 1, 'nothing changed')
  assert.equal(said()?.lastTransitionTime, since)
})

test('a rollout of the speakers writes nothing; a count that stays is written, and the time of the transition with it stays', async () => {
  const { server, pass, said, writes, says } = await createScene()
  for (const node of ['a', 'b']) putState(server, node)
  putService(server)
  await pass(100)
  for (const node of ['a', 'b']) offer(server, node)
  await says('True', 'Announced')
  const before = { writes: writes(), since: said()?.lastTransitionTime }
  for (const node of ['a', 'b', 'a', 'b']) {
    withdraw(server, node)
    await pass(15_000)
    offer(server, node)
    await pass(5000)
  }
  assert.equal(writes(), before.writes)
  withdraw(server, 'a')
  await pass(40_000)
  assert.deepEqual([said()?.message, writes()], ['announced by 1 node to 1 peer', before.writes + 1])
  assert.equal(said()?.lastTransitionTime, before.since)
})

test('no session is Established: False, with the state and the error of the session', async () => {
  const { server, pass, says } = await createScene()
  putState(server, 'a', 'Active')
  putService(server)
  await pass(100)
  offer(server, 'a')
  assert.equal(
    await says('False', 'NoSession'),
    'a offers it, but no session is Established: router (Active: connection refused)',
  )
  putState(server, 'a')
  await says('True', 'Announced')
})

test('two families, one of which the BGPPeer does not carry: False, until it does and the router agrees', async () => {
  const { server, until, read, says } = await createScene()
  server.put(resourceTypes.IPAddressPool, own('public', { addresses: ['192.0.2.0/24', '2001:db8::/120'] }))
  putState(server, 'a')
  putService(server, 'web', { clusterIPs: ['10.96.0.1', 'fd00::1'], ipFamilyPolicy: 'RequireDualStack' })
  await until('both addresses', () => ingressOf(read('web')).length === 2)
  offer(server, 'a')
  assert.match(await says('False', 'FamilyNotAnnounced'), /2001:db8::: no BGPPeer .* carries IPv6 \(router\)$/)
  const peer = { myASN: 64512, peerASN: 64500, peerAddress: '10.0.0.1', dualStackAddressFamily: true }
  server.put(resourceTypes.BGPPeer, own('router', peer))
  await says('True', 'Announced')
})

test('no node can: the reason of explain, in words', async () => {
  const { server, says, pass, writes } = await createScene()
  for (const node of ['a', 'b', 'c']) putState(server, node)
  putService(server)
  assert.match(await says('False', 'NoEndpoints'), /web has no healthy endpoint$/)
  putSlice(server, 'a')
  offer(server, 'a')
  await says('True', 'Announced')
  // The speaker withdraws, since no advertisement is left.
  server.drop(resourceTypes.BGPAdvertisement, { namespace, name: 'public' })
  withdraw(server, 'a')
  assert.match(await says('False', 'NoAdvertisement'), /no node announces it: .*BGPAdvertisement/)
  const count = writes()
  await pass(300_000)
  assert.equal(writes(), count)
})

test('with policy Local, where endpoints are said to be on no Node that there is: of the whole cluster, with the name', async () => {
  const { server, says, pass, said, controller, stop } = await createScene()
  putSlice(server, 'z')
  putService(server, 'web', { externalTrafficPolicy: 'Local' })
  for (const node of ['a', 'b', 'c']) putState(server, node)
  const start =
    'no node announces it: Service shop/web has externalTrafficPolicy Local and no healthy endpoint on any of the 3 nodes'
  assert.equal(await says('False', 'NoLocalEndpoints'), `${start}: they are said to be on z, which is no Node here`)
  await pass(5000)
  assert.equal(said()?.reason, 'NoLocalEndpoints')
  await stop(controller)
})

test('one reason of each node in other words: the words of one, and how many others there are', async () => {
  const { server, says, controller, stop } = await createScene()
  for (const name of ['a', 'b', 'c']) {
    putNode(server, name, 'True', { 'node.kubernetes.io/exclude-from-external-load-balancers': '' })
  }
  putSlice(server, 'a')
  putService(server)
  for (const node of ['a', 'b', 'c']) putState(server, node)
  assert.match(
    await says('False', 'NodeLabeledExcludeBalancers'),
    /^no node announces it: Node a has the label node\.kubernetes\.io\/exclude-from-external-load-balancers; likewise 2 other nodes$/,
  )
  await stop(controller)
})

test('each node for its own reason: all of them are named', async () => {
  const { server, says, pass } = await createScene()
  for (const node of ['a', 'b']) putState(server, node)
  putState(server, 'c', 'Established', 'Withdrawn')
  putNode(server, 'a', 'True', { 'node.kubernetes.io/exclude-from-external-load-balancers': '' })
  putService(server, 'web', { externalTrafficPolicy: 'Local' })
  putSlice(server, 'c')
  await pass(100)
  assert.equal(
    await says('False', 'NoNodeCan'),
    'no node announces it: nodeLabeledExcludeBalancers (a), noLocalEndpoints (b), Withdrawn (c)',
  )
})

test('a node that leaves, and one whose kube-proxy is not ready, announce nothing whatever was said of them before', async () => {
  const { server, says, pass } = await createScene()
  for (const node of ['a', 'b', 'c']) putState(server, node)
  putService(server)
  putSlice(server, 'a')
  await pass(100)
  offer(server, 'a')
  await says('True', 'Announced')
  for (const node of ['a', 'b', 'c']) putState(server, node, 'Established', 'KubeProxyNotReady')
  assert.equal(await says('False', 'KubeProxyNotReady'), 'no node announces it: asked for by a person')
})

test('nodes without a speaker are named as such; one that may have it but has not told leaves it Unknown', async () => {
  const { server, says, pass, said, client } = await createScene()
  putState(server, 'a', 'Established', 'Withdrawn')
  server.drop(resourceTypes.Node, { namespace: '', name: 'a' })
  putService(server)
  assert.match(await says('False', 'NoSpeaker'), /no speaker has told of b/)
  putState(server, 'b')
  putSlice(server, 'b')
  await pass(20_000)
  assert.equal(said()?.status, 'Unknown')
  client.forgetRequests()
  await pass(3_600_000)
  const asked = client.requests().filter(({ verb, type }) => verb === 'list' && type.kind === 'EndpointSlice')
  assert.ok(asked.length <= 7, `${asked.length} questions in an hour`)
})

test('speakers that are set to tell of no Service leave it Unknown, and it says so', async () => {
  const { server, says } = await createScene()
  for (const node of ['a', 'b', 'c']) {
    server.put(resourceTypes.NodeState, { metadata: { name: node, namespace }, status: { serviceStatuses: 'None' } })
  }
  putService(server)
  putSlice(server, 'a')
  assert.match(await says('Unknown', 'NotTold'), /the speaker of a is set to tell of no Service$/)
  putSlice(server)
  server.drop(resourceTypes.BGPAdvertisement, { namespace, name: 'public' })
  await says('False', 'NoAdvertisement')
})

test('a node that the control plane does not hear counts no more', async () => {
  const { server, says, pass } = await createScene()
  putState(server, 'a')
  putService(server)
  await pass(100)
  offer(server, 'a')
  await says('True', 'Announced')
  putNode(server, 'a', 'Unknown')
  assert.match(await says('Unknown', 'NodesNotHeard'), /^a was the last/)
  putNode(server, 'a')
  await says('True', 'Announced')
})

test("MetalLB's speakers have no NodeState: what they announce counts", async () => {
  const { server, says, pass } = await createScene()
  putService(server)
  await pass(100)
  offer(server, 'a')
  offer(server, 'b')
  assert.equal(await says('True', 'Announced'), 'announced by 2 nodes to 1 peer')
})

test('without an address it says why there is none; a change by somebody else is put right', async () => {
  const { server, says, pass, read } = await createScene()
  putState(server, 'a')
  putService(server, 'web', { loadBalancerIP: '198.51.100.1' })
  assert.match(await says('False', 'NoAddress'), /^the Service has no address: .*198\.51\.100\.1/)
  const { status } = read('web') as { readonly status?: { readonly conditions: readonly object[] } }
  const tampered = { ...status, conditions: [{ type: announcedCondition, status: 'True', reason: 'X', message: '' }] }
  server.put(resourceTypes.Service, { ...read('web'), status: tampered })
  await pass(5000)
  await says('False', 'NoAddress')
})

test('a burst is written at a bounded rate, and each Service once', async () => {
  const { server, until, said, writes, pass, clock } = await createScene()
  putState(server, 'a')
  const names = Array.from({ length: 60 }, (_, index) => `web-${index}`)
  for (const name of names) putService(server, name)
  await until('all have addresses', () => said('web-59') !== undefined)
  await pass(500)
  for (const name of names) offer(server, 'a', name)
  const beganMs = clock.now()
  await until('all are announced', () => names.every((name) => said(name)?.status === 'True'))
  assert.ok(clock.now() - beganMs >= 1500, 'sixty at once')
  assert.ok(clock.now() - beganMs <= 3000, `${clock.now() - beganMs} ms`)
  await pass(60_000)
  assert.equal(writes(), names.length)
})

test('the standby follows no speaker and writes nothing; after a change of the leader nothing is written anew', async () => {
  const { server, until, pass, says, controller, replica, writes } = await createScene()
  const second = replica('two')
  putState(server, 'a')
  putService(server)
  await pass(100)
  offer(server, 'a')
  await says('True', 'Announced')
  const kinds = (): readonly string[] => second.client.requests().map(({ type }) => type.kind)
  assert.ok(!kinds().includes('ServiceBGPStatus'))
  await controller.stop()
  await until('the other one leads', () => second.controller.planned() !== undefined)
  await pass(60_000)
  assert.equal(writes(), 1)
  assert.ok(kinds().includes('ServiceBGPStatus'))
  assert.equal(second.client.requests().filter(({ verb }) => verb === 'apply').length, 0)
  putState(server, 'a', 'Idle')
  await says('False', 'NoSession')
})
