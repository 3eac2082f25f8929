import type { KubeApi } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Reconciler } from './reconciler.ts'
import { asking, createScene, sceneWatchMs } from './testing/reconciler-scene.ts'
import { grantsOf } from './testing/truth.ts'

const { AddressBlock, Service } = resourceTypes
const dueMs = 2 * sceneWatchMs

/** A leader that set aside four addresses behind that of the Service `a`, and is leader no more by the Lease. */
async function deposed() {
  const scene = createScene()
  scene.setPool('gold', ['192.0.2.0-192.0.2.39'])
  scene.setLeadership(scene.acquire())
  scene.setService('a')
  await scene.settle()
  return scene
}

type Scene = Awaited<ReturnType<typeof deposed>>

/** The controller that has the Lease from now on. */
function successor(scene: Scene, through: (api: KubeApi) => KubeApi = (api) => api): Reconciler {
  const leadership = scene.acquire()
  return scene.create(through(scene.server.connect()), () => leadership)
}

async function rounds(scene: Scene, by: Reconciler, times = 6): Promise<void> {
  for (let round = 0; round < times; round += 1) await by.round(scene.followed())
}

const versionOf = ({ server }: Scene, name: string): string | undefined =>
  server.read(Service, { namespace: 'shop', name })?.metadata.resourceVersion

test('nothing is reclaimed before two lives of a watch are over, and the round says when', async () => {
  const scene = await deposed()
  scene.clock.advance(dueMs)
  const next = successor(scene)
  scene.setService('c', {}, asking('192.0.2.2'))
  await rounds(scene, next)
  scene.clock.advance(dueMs - 1000)
  await rounds(scene, next)
  const { outcome } = await next.round(scene.followed())
  assert.deepEqual(outcome, { kind: 'retryIn', ms: 1000, reason: undefined })
  assert.deepEqual(scene.addressesOf('c'), [''])
  scene.clock.advance(1000)
  await rounds(scene, next)
  assert.deepEqual(scene.addressesOf('c'), ['192.0.2.2'])
})

test('nothing is reclaimed as long as one Service without an address cannot be written', async () => {
  const scene = await deposed()
  const next = successor(scene)
  scene.setService('w', {}, asking('203.0.113.1'))
  scene.setService('c', {}, asking('192.0.2.2'))
  await rounds(scene, next)
  scene.refuseWrites(Service, (name) => name === 'w')
  scene.clock.advance(dueMs)
  for (let times = 0; times < 4; times += 1) {
    await rounds(scene, next)
    scene.clock.advance(60_000)
  }
  assert.deepEqual(scene.addressesOf('c'), [''])
  scene.allowWrites()
  await rounds(scene, next)
  assert.deepEqual(scene.addressesOf('c'), ['192.0.2.2'])
})

test('an address that is given between the list and the writes is not given again', async () => {
  const scene = await deposed()
  let listed = (): Promise<void> => Promise.resolve()
  const next = successor(scene, (api) => ({
    ...api,
    list: async (type, ...rest) => {
      const answer = await api.list(type, ...rest)
      if (type === Service) await listed()
      return answer
    },
  }))
  await rounds(scene, next)
  scene.setService('s', {}, asking('192.0.2.1'))
  const withoutS = () => scene.followed().services.filter(({ metadata }) => metadata.name !== 's')
  scene.clock.advance(dueMs)
  listed = async () => {
    scene.refuseWrites(AddressBlock)
    await scene.reconciler.round(scene.followed())
    scene.allowWrites()
  }
  await next.round(scene.followed({ services: withoutS() }))
  assert.deepEqual(scene.addressesOf('s'), ['192.0.2.1'])
  scene.setService('t', {}, asking('192.0.2.1'))
  for (let times = 0; times < 6; times += 1) {
    await next.round(scene.followed({ services: withoutS() }))
    scene.clock.advance(10_000)
  }
  assert.deepEqual(scene.addressesOf('s', 't'), ['192.0.2.1', ''])
})

test('a write that made no other version of a Service leaves the earlier leader able to give: nothing is reclaimed', async () => {
  const scene = await deposed()
  const next = successor(scene, (api) => ({
    ...api,
    merge: async (type, key, patch, write) =>
      key.name === 's' ? api.get(type, key) : api.merge(type, key, patch, write),
  }))
  await rounds(scene, next)
  scene.setService('s', {}, asking('192.0.2.1'))
  const heard = scene.followed()
  const withoutS = () => scene.followed().services.filter(({ metadata }) => metadata.name !== 's')
  scene.setService('t', {}, asking('192.0.2.1'))
  scene.clock.advance(dueMs)
  for (let times = 0; times < 4; times += 1) await next.round(scene.followed({ services: withoutS() }))
  scene.refuseWrites(AddressBlock)
  await scene.reconciler.round(heard)
  assert.deepEqual(scene.addressesOf('s', 't'), ['192.0.2.1', ''])
})

test('Services of another class are written too, and those with a hostname stay as they are', async () => {
  const scene = await deposed()
  const next = successor(scene)
  scene.setService('other', { loadBalancerClass: 'example.com/other' })
  scene.server.put(Service, {
    metadata: { name: 'host', namespace: 'shop' },
    spec: { type: 'LoadBalancer', loadBalancerClass: 'example.com/other', clusterIPs: ['10.0.0.1'] },
    status: { loadBalancer: { ingress: [{ hostname: 'lb.example.com' }] } },
  })
  await rounds(scene, next)
  const before = ['other', 'host'].map((name) => versionOf(scene, name))
  scene.clock.advance(dueMs)
  await rounds(scene, next)
  const after = ['other', 'host'].map((name) => versionOf(scene, name))
  assert.notEqual(after[0], before[0])
  assert.equal(after[1], before[1])
})

test('a Service of another class that names what was set aside does not keep it from being reclaimed', async () => {
  const scene = await deposed()
  const next = successor(scene)
  scene.server.put(Service, {
    metadata: { name: 'other', namespace: 'shop' },
    spec: { type: 'LoadBalancer', loadBalancerClass: 'example.com/other', clusterIPs: ['10.0.0.1'] },
    status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } },
  })
  scene.setService('c', {}, asking('192.0.2.2'))
  scene.clock.advance(dueMs)
  await rounds(scene, next)
  assert.deepEqual(scene.addressesOf('c'), ['192.0.2.2'])
})

test('all pages of the list count', async () => {
  const scene = await deposed()
  const next = successor(scene, (api) => ({
    ...api,
    list: (type, list) => api.list(type, { ...list, limit: 1 }),
  }))
  for (const name of ['c', 'd', 'e']) scene.setService(name, {}, asking('203.0.113.1'))
  await rounds(scene, next)
  const before = ['c', 'd', 'e'].map((name) => versionOf(scene, name))
  scene.clock.advance(dueMs)
  await rounds(scene, next)
  for (const [index, name] of ['c', 'd', 'e'].entries()) assert.notEqual(versionOf(scene, name), before[index], name)
})

test('what a later leadership set aside is not reclaimed, whatever else is', async () => {
  const scene = await deposed()
  const next = successor(scene)
  scene.setService('b')
  await rounds(scene, next)
  const [past = ''] = Object.values(scene.reserved())
  scene.reserve('ipv4-192.0.2.0', { '192.0.2.7': '99999999999', '192.0.2.8': past })
  scene.setService('c', {}, asking('192.0.2.7'))
  scene.setService('d', {}, asking('192.0.2.8'))
  await rounds(scene, next)
  assert.deepEqual(scene.addressesOf('c', 'd'), ['', ''])
  scene.clock.advance(dueMs)
  await rounds(scene, next)
  assert.deepEqual(scene.addressesOf('c', 'd'), ['', '192.0.2.8'])
  assert.equal(scene.reserved()['192.0.2.7'], '99999999999')
})

test('where the addresses that are set aside are others, others can be had', async () => {
  const scene = await deposed()
  const next = successor(scene)
  scene.setService('b')
  await rounds(scene, next)
  scene.reserve('ipv4-192.0.2.0', { '192.0.2.20': '1' })
  await rounds(scene, next)
  scene.reserve('ipv4-192.0.2.0', { '192.0.2.21': '1' })
  scene.setService('c', {}, asking('192.0.2.20'))
  scene.setService('d', {}, asking('192.0.2.21'))
  await rounds(scene, next)
  assert.deepEqual(scene.addressesOf('c', 'd'), ['192.0.2.20', ''])
})

test('a leader that forgot what it gave reclaims its own marks, two lives of a watch after it forgot', async () => {
  const scene = await deposed()
  const { reconciler, clock } = scene
  clock.advance(dueMs)
  reconciler.forget()
  scene.setService('c', {}, asking('192.0.2.2'))
  await rounds(scene, reconciler)
  clock.advance(dueMs - 1)
  await rounds(scene, reconciler)
  assert.deepEqual(scene.addressesOf('c'), [''])
  clock.advance(1)
  await rounds(scene, reconciler)
  assert.deepEqual(scene.addressesOf('c'), ['192.0.2.2'])
})

test('what was reclaimed once says nothing of what another leader sets aside later', async () => {
  const scene = await deposed()
  let leadership = scene.acquire()
  const next = scene.create(scene.server.connect(), () => leadership)
  await rounds(scene, next)
  scene.clock.advance(dueMs)
  await rounds(scene, next)
  const other = successor(scene)
  scene.setService('b')
  await rounds(scene, other)
  leadership = scene.acquire()
  next.forget()
  const [mark = ''] = Object.keys(scene.reserved())
  scene.setService('c', {}, asking(mark))
  await rounds(scene, next)
  assert.deepEqual(scene.addressesOf('c'), [''])
})

test('who ends on purpose has its block name what it gave, and leaves what others set aside', async () => {
  const scene = await deposed()
  const { reconciler, server } = scene
  scene.reserve('ipv4-192.0.2.0', { ...scene.reserved(), '192.0.2.20': '1' })
  await rounds(scene, reconciler)
  scene.refuseWrites(AddressBlock)
  scene.setService('b')
  await reconciler.round(scene.followed())
  scene.allowWrites()
  await reconciler.giveBack()
  assert.deepEqual(scene.reserved(), { '192.0.2.20': '1' })
  const uid = server.read(Service, { namespace: 'shop', name: 'b' })?.metadata.uid ?? ''
  assert.ok(grantsOf(server).has(`192.0.2.1 ${uid}`))
})

test('where one Service cannot be written, the others are not written again and again', async () => {
  const scene = await deposed()
  let writes = 0
  const next = successor(scene, (api) => ({
    ...api,
    merge: (...request) => {
      writes += 1
      return api.merge(...request)
    },
  }))
  const names = ['c', 'd', 'e', 'f']
  for (const name of names) scene.setService(name, {}, asking('203.0.113.1'))
  await rounds(scene, next)
  scene.clock.advance(dueMs)
  scene.refuseWrites(Service, (name) => name === 'c')
  writes = 0
  for (let times = 0; times < 5; times += 1) {
    await rounds(scene, next)
    scene.clock.advance(60_000)
  }
  assert.equal(writes, names.length - 1)
})
