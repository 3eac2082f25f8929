import type { KubeApi } from '@holdfast/cluster'
import { apiFault, resourceTypes } from '@holdfast/cluster'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asking, createScene } from './testing/reconciler-scene.ts'

const { AddressBlock, Service } = resourceTypes

async function leader(through: (api: KubeApi) => KubeApi = (api) => api) {
  const scene = createScene('Reassign', through)
  scene.setPool('gold', ['192.0.2.0-192.0.2.39'])
  scene.setLeadership(scene.acquire())
  scene.setService('a')
  await scene.settle()
  return scene
}

for (const [what, isRecordable] of [
  ['its block can be written', true],
  ['its block cannot be written', false],
] as const) {
  test(`what was given by a status alone is nobody else's although its Service is not heard of for a while, where ${what}`, async () => {
    const scene = await leader()
    const { refuseWrites, allowWrites, setService, reconciler, followed, addressesOf, clock } = scene
    refuseWrites(AddressBlock)
    setService('b')
    await reconciler.round(followed())
    assert.deepEqual(addressesOf('b'), ['192.0.2.1'])
    if (isRecordable) allowWrites()
    clock.advance(60_000)
    // As after a list that is older than what was known.
    const withoutB = () => followed({ services: followed().services.filter(({ metadata }) => metadata.name !== 'b') })
    setService('c', {}, asking('192.0.2.1'))
    for (let rounds = 0; rounds < 6; rounds += 1) {
      await reconciler.round(withoutB())
      assert.deepEqual(addressesOf('b', 'c'), ['192.0.2.1', ''])
      clock.advance(1000)
    }
  })
}

test('a Service keeps what it was given by a status of which no answer came, while its block cannot be written', async () => {
  let isSilent = false
  const { setService, reconciler, followed, addressesOf, clock, refuseWrites, allowWrites } = await leader((api) => ({
    ...api,
    merge: async (...request) => {
      const answer = await api.merge(...request)
      return isSilent ? apiFault('serverError', 'it failed') : answer
    },
  }))
  setService('b')
  const heard = followed()
  refuseWrites(AddressBlock)
  isSilent = true
  await reconciler.round(heard)
  isSilent = false
  setService('c', {}, asking('192.0.2.1'))
  const late = () =>
    followed({
      services: [...heard.services, ...followed().services.filter(({ metadata }) => metadata.name === 'c')],
    })
  for (let rounds = 0; rounds < 4; rounds += 1) {
    await reconciler.round(late())
    clock.advance(10_000)
  }
  allowWrites()
  for (let rounds = 0; rounds < 6; rounds += 1) {
    await reconciler.round(late())
    assert.deepEqual(addressesOf('b', 'c'), ['192.0.2.1', ''])
    clock.advance(400_000)
  }
})

test('each one is given its address only as long as the watch counts, and the others wait for their blocks', async () => {
  let answered = (): void => undefined
  const scene = await leader((api) => ({
    ...api,
    merge: async (...request) => {
      const answer = await api.merge(...request)
      answered()
      return answer
    },
  }))
  const { setPool, setService, settle, refuseWrites, allowWrites, reconciler, followed, addressesOf } = scene
  const ofSilver = { 'metallb.io/address-pool': 'silver' }
  setPool('silver', ['198.51.100.0-198.51.100.39'])
  setService('b', {}, ofSilver)
  await settle()
  // As many as are written at once, and one more.
  for (const name of ['c', 'd', 'e', 'f']) setService(name)
  setService('g', {}, ofSilver)
  answered = () => scene.setLeadership({ isHeardInTime: false })
  refuseWrites(AddressBlock)
  await reconciler.round(followed())
  assert.deepEqual(addressesOf('c', 'f', 'g'), ['192.0.2.1', '192.0.2.4', ''])
  allowWrites()
  scene.clock.advance(60_000)
  await reconciler.round(followed())
  assert.deepEqual(addressesOf('g'), ['198.51.100.1'])
})

test('a gift that is not sent, since the watch ended, is written in the same round once its block says so', async () => {
  let answered = (): void => undefined
  const scene = await leader((api) => ({
    ...api,
    merge: async (...request) => {
      const answer = await api.merge(...request)
      answered()
      return answer
    },
  }))
  const { setPool, setService, settle, reconciler, followed, addressesOf } = scene
  const ofSilver = { 'metallb.io/address-pool': 'silver' }
  setPool('silver', ['198.51.100.0-198.51.100.39'])
  setService('b', {}, ofSilver)
  await settle()
  for (const name of ['c', 'd', 'e', 'f']) setService(name)
  setService('g', {}, ofSilver)
  answered = () => scene.setLeadership({ isHeardInTime: false })
  await reconciler.round(followed())
  assert.deepEqual(addressesOf('g'), ['198.51.100.1'])
})

test('a Service that is known by our own write alone is not given anything by its status', async () => {
  const { setService, reconciler, followed, addressesOf, setPool, deletePool, refuseWrites } = await leader()
  setService('b', {}, { 'metallb.io/address-pool': 'silver' })
  const { services } = followed()
  await reconciler.round(followed({ services }))
  // The addresses that are set aside are of the pool that it asks for from now on.
  refuseWrites(AddressBlock)
  deletePool('gold')
  setPool('silver', ['192.0.2.0-192.0.2.39'])
  for (let rounds = 0; rounds < 2; rounds += 1) await reconciler.round(followed({ services }))
  assert.deepEqual(addressesOf('b'), [''])
  await reconciler.round(followed())
  assert.deepEqual(addressesOf('b'), ['192.0.2.1'])
})

test('a Service with a hostname in its status is given its address by its block', async () => {
  const { server, reconciler, followed, addressesOf, refuseWrites } = await leader()
  server.put(Service, {
    metadata: { name: 'b', namespace: 'shop' },
    spec: { type: 'LoadBalancer', clusterIPs: ['10.0.0.1'], ports: [{ port: 80, protocol: 'TCP' }] },
    status: { loadBalancer: { ingress: [{ hostname: 'lb.example.com' }] } },
  })
  refuseWrites(AddressBlock)
  await reconciler.round(followed())
  assert.deepEqual(addressesOf('b'), [''])
})

test('when all is quiet after gifts a round settles, and asks for nothing', async () => {
  let requests = 0
  const counted = (api: KubeApi): KubeApi => ({
    ...api,
    get: (...request) => ((requests += 1), api.get(...request)),
    list: (...request) => ((requests += 1), api.list(...request)),
    merge: (...request) => ((requests += 1), api.merge(...request)),
    create: (...request) => ((requests += 1), api.create(...request)),
    replace: (...request) => ((requests += 1), api.replace(...request)),
  })
  const { setService, settle, reconciler, followed } = await leader(counted)
  for (const name of ['b', 'c', 'd', 'e', 'f']) setService(name)
  await settle()
  requests = 0
  const { outcome } = await reconciler.round(followed())
  assert.deepEqual([outcome.kind, requests], ['settled', 0])
})

test('nothing is set aside under a number that is none, which would make its block unreadable', async () => {
  const scene = createScene()
  scene.setPool('gold', ['192.0.2.0-192.0.2.39'])
  scene.setLeadership({ ...scene.acquire(), number: 'abc' })
  scene.setService('a')
  await scene.settle()
  assert.deepEqual([scene.addressesOf('a'), scene.reserved()], [['192.0.2.0'], {}])
  const next = scene.create()
  scene.setService('b')
  for (let rounds = 0; rounds < 4; rounds += 1) await next.round(scene.followed())
  assert.deepEqual(scene.addressesOf('b'), ['192.0.2.1'])
})
