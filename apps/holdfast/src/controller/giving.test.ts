import type { KubeApi, KubeObject } from '@holdfast/cluster'
import { apiFault, resourceTypes } from '@holdfast/cluster'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assignedCondition, conditionOf } from './service-object.ts'
import { asking, createScene, dualStack, onPort, sceneWatchMs, sharing } from './testing/reconciler-scene.ts'

const { AddressBlock, Service } = resourceTypes

/** A leader that was given everything in order, and the Service `a`, by whose block more addresses were set aside. */
async function leader(through: (api: KubeApi) => KubeApi = (api) => api) {
  const scene = createScene('Reassign', through)
  scene.setPool('gold', ['192.0.2.0-192.0.2.39'])
  scene.setLeadership(scene.acquire())
  scene.setService('a')
  await scene.settle()
  assert.deepEqual(scene.addressesOf('a'), ['192.0.2.0'])
  return scene
}

type Scene = Awaited<ReturnType<typeof leader>>

/** Another controller, that has the Lease from now on. */
function successor(scene: Scene) {
  const leadership = scene.acquire()
  return scene.create(scene.server.connect(), () => leadership)
}

const reasonOf = ({ server }: Scene, name: string): string | undefined => {
  const object = server.read(Service, { namespace: 'shop', name })
  return object === undefined ? undefined : conditionOf(object, assignedCondition)?.reason
}

test('of a pool the next four addresses are set aside, with a write of their block that was made anyway', async () => {
  const { reserved, acquire, setLeadership, reconciler, setService, settle } = await leader()
  assert.deepEqual(Object.keys(reserved()), ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'])
  const leadership = acquire()
  setLeadership(leadership)
  reconciler.forget()
  setService('b')
  await settle()
  assert.deepEqual(Object.values(reserved()).filter((number) => number === leadership.number).length, 4)
})

test('a Service that comes alone is given what was set aside by its status alone, and its block is told', async () => {
  const { refuseWrites, allowWrites, setService, reconciler, followed, addressesOf, reserved, settle } = await leader()
  refuseWrites(AddressBlock)
  setService('b')
  await reconciler.round(followed())
  assert.deepEqual(addressesOf('b'), ['192.0.2.1'])
  allowWrites()
  await settle()
  assert.deepEqual(Object.keys(reserved()), ['192.0.2.2', '192.0.2.3', '192.0.2.4', '192.0.2.5'])
})

test('a Service of two families is given both addresses so, or waits for their blocks', async () => {
  const scene = await leader()
  const { setPool, setService, settle, refuseWrites, reconciler, followed, addressesOf } = scene
  setPool('gold', ['192.0.2.0-192.0.2.39', 'fd00::-fd00::ff'])
  setService('b', dualStack('RequireDualStack'))
  await settle()
  assert.deepEqual(addressesOf('b'), ['192.0.2.1,fd00::'])
  refuseWrites(AddressBlock)
  setService('c', dualStack('RequireDualStack'))
  await reconciler.round(followed())
  assert.deepEqual(addressesOf('c'), ['192.0.2.2,fd00::1'])
})

for (const [what, leadership] of [
  ['its watch of Services was opened after the last renewal', { isHeardInTime: false }],
  ['it has the Lease under another number', { number: '999' }],
] as const) {
  test(`nothing is given by a status alone where ${what}`, async () => {
    const { setLeadership, refuseWrites, setService, reconciler, followed, addressesOf } = await leader()
    setLeadership(leadership)
    refuseWrites(AddressBlock)
    setService('b')
    await reconciler.round(followed())
    assert.deepEqual(addressesOf('b'), [''])
  })
}

test('nothing is given by a status alone to a Service that was known before, shares, or asks for another address', async () => {
  const { refuseWrites, setService, reconciler, followed, addressesOf, setPool } = await leader()
  setPool('silver', ['198.51.100.0-198.51.100.3'])
  refuseWrites(AddressBlock)
  setService('b', {}, asking('192.0.2.30'))
  setService('c', {}, asking('198.51.100.1'))
  await reconciler.round(followed())
  await reconciler.round(followed())
  assert.deepEqual(addressesOf('b', 'c'), ['', ''])
})

test('two that share an address are both given it once its block says so', async () => {
  const { refuseWrites, allowWrites, setService, reconciler, followed, addressesOf, settle } = await leader()
  refuseWrites(AddressBlock)
  setService('b', onPort(80), sharing)
  setService('c', onPort(81), sharing)
  await reconciler.round(followed())
  assert.deepEqual(addressesOf('b', 'c'), ['', ''])
  allowWrites()
  await settle()
  assert.deepEqual(addressesOf('b', 'c'), ['192.0.2.1', '192.0.2.1'])
})

test('what was given by a status alone is given to nobody else, whatever is heard of and planned since', async () => {
  const { refuseWrites, setService, reconciler, followed, addressesOf, holds } = await leader()
  setService('b')
  const before = followed()
  refuseWrites(AddressBlock)
  await reconciler.round(before)
  assert.deepEqual(addressesOf('b'), ['192.0.2.1'])
  setService('c', {}, asking('192.0.2.1'))
  setService('d')
  const { services } = before
  const late = () => followed({ services: [...services, ...followed().services.filter(isNewer(services))] })
  await holds({ b: '192.0.2.1', c: '' }, 6, late)
  assert.notEqual(addressesOf('d')[0], '192.0.2.1')
})

const isNewer =
  (services: readonly { readonly metadata: { readonly name: string } }[]) =>
  ({ metadata: { name } }: { readonly metadata: { readonly name: string } }): boolean =>
    services.every((known) => known.metadata.name !== name)

test('whoever was given an address by a status alone and is gone leaves it to others', async () => {
  const { refuseWrites, allowWrites, setService, deleteService, reconciler, followed, addressesOf, settle } =
    await leader()
  refuseWrites(AddressBlock)
  setService('b')
  await reconciler.round(followed())
  deleteService('b')
  setService('c', {}, asking('192.0.2.1'))
  allowWrites()
  await settle()
  assert.deepEqual(addressesOf('b', 'c'), ['', '192.0.2.1'])
})

test('a status that was written and of which no answer came keeps its address', async () => {
  let isSilent = false
  const { setService, reconciler, followed, addressesOf, settle, clock } = await leader((api) => ({
    ...api,
    merge: async (...request) => {
      const answer = await api.merge(...request)
      return isSilent ? apiFault('timeout', 'no answer') : answer
    },
  }))
  setService('b')
  const heard = followed()
  isSilent = true
  await reconciler.round(heard)
  isSilent = false
  clock.advance(60_000)
  setService('c', {}, asking('192.0.2.1'))
  await reconciler.round(
    followed({ services: [...heard.services, ...followed().services.filter(isNewer(heard.services))] }),
  )
  await settle()
  assert.deepEqual(addressesOf('b', 'c'), ['192.0.2.1', ''])
})

test('what another leader set aside is given to nobody, and who asks for it by name is told', async () => {
  const scene = await leader()
  const { setService, addressesOf } = scene
  const next = successor(scene)
  setService('b')
  setService('c', {}, asking('192.0.2.2'))
  await settleFor(scene, next)
  assert.deepEqual(addressesOf('a', 'b', 'c'), ['192.0.2.0', '192.0.2.5', ''])
  assert.equal(reasonOf(scene, 'c'), 'AddressReserved')
})

test('what another leader set aside and gave stays with who has it, also where its block was never told', async () => {
  const scene = await leader()
  const { refuseWrites, allowWrites, setService, reconciler, followed, addressesOf } = scene
  refuseWrites(AddressBlock)
  setService('b')
  await reconciler.round(followed())
  allowWrites()
  const next = successor(scene)
  setService('c')
  await settleFor(scene, next)
  assert.deepEqual(addressesOf('a', 'b', 'c'), ['192.0.2.0', '192.0.2.1', '192.0.2.5'])
})

test('after two lives of a watch what was set aside before is reclaimed, and given', async () => {
  const scene = await leader()
  const { clock, setService, addressesOf, reserved } = scene
  const leadership = scene.acquire()
  const next = scene.create(scene.server.connect(), () => leadership)
  setService('c', {}, asking('192.0.2.2'))
  await settleFor(scene, next)
  clock.advance(2 * sceneWatchMs - clock.now() - 1)
  await next.round(scene.followed())
  assert.deepEqual(addressesOf('c'), [''])
  clock.advance(1)
  await settleFor(scene, next)
  assert.deepEqual(addressesOf('c'), ['192.0.2.2'])
  assert.deepEqual(new Set(Object.values(reserved())), new Set([leadership.number]))
})

test('once it is reclaimed, whoever set it aside cannot give it any more, however late it writes', async () => {
  const scene = await leader()
  const { clock, setService, reconciler, followed, addressesOf, refuseWrites, allowWrites } = scene
  const next = successor(scene)
  await settleFor(scene, next)
  refuseWrites(Service)
  setService('b', {}, asking('192.0.2.1'))
  const heard = followed()
  allowWrites()
  clock.advance(2 * sceneWatchMs)
  await settleFor(scene, next)
  setService('c', {}, asking('192.0.2.1'))
  // It still believes that it leads, and that it heard of b in time.
  await reconciler.round(heard)
  await reconciler.round(heard)
  await settleFor(scene, next)
  assert.equal(addressesOf('b', 'c').filter((address) => address === '192.0.2.1').length, 1)
})

test('nothing is reclaimed while a status names some of it and no block that is known says so', async () => {
  const scene = await leader()
  const { clock, setService, reconciler, followed, addressesOf } = scene
  const leadership = scene.acquire()
  const next = scene.create(scene.server.connect(), () => leadership)
  const old = followed()
  await next.round(old)
  scene.refuseWrites(AddressBlock)
  setService('b')
  await reconciler.round(followed())
  scene.allowWrites()
  clock.advance(2 * sceneWatchMs)
  setService('c', {}, asking('192.0.2.1'))
  const withoutB = () => followed({ services: followed().services.filter(({ metadata }) => metadata.name !== 'b') })
  for (let rounds = 0; rounds < 6; rounds += 1) {
    await next.round(withoutB())
    clock.advance(30_000)
  }
  assert.deepEqual(addressesOf('b', 'c'), ['192.0.2.1', ''])
})

test('who ends on purpose leaves nothing set aside, and what it gave is in its block', async () => {
  const scene = await leader()
  const { refuseWrites, allowWrites, setService, reconciler, followed, addressesOf, reserved } = scene
  refuseWrites(AddressBlock)
  setService('b')
  await reconciler.round(followed())
  allowWrites()
  await reconciler.giveBack()
  assert.deepEqual(reserved(), {})
  const next = successor(scene)
  setService('c')
  await settleFor(scene, next)
  assert.deepEqual(addressesOf('b', 'c'), ['192.0.2.1', '192.0.2.2'])
})

test('a leader that forgot what it gave uses nothing that it had set aside', async () => {
  const { reconciler, refuseWrites, setService, followed, addressesOf } = await leader()
  reconciler.forget()
  refuseWrites(AddressBlock)
  setService('b')
  await reconciler.round(followed())
  assert.deepEqual(addressesOf('b'), [''])
})

test('where the server stores no marks, since its schema of blocks is older, every address is given by its block', async () => {
  const { setService, refuseWrites, reconciler, followed, addressesOf } = await leader((api) => ({
    ...api,
    create: (type, object, how) => api.create(type, withoutMarks(object), how),
    replace: (type, object, how) => api.replace(type, withoutMarks(object), how),
  }))
  refuseWrites(AddressBlock)
  setService('b')
  await reconciler.round(followed())
  assert.deepEqual(addressesOf('a', 'b'), ['192.0.2.0', ''])
})

const withoutMarks = ({ spec, ...object }: KubeObject): KubeObject => ({
  ...object,
  spec: { ...(spec as object), reserved: undefined },
})

async function settleFor(scene: Scene, controller: ReturnType<Scene['create']>): Promise<void> {
  for (let rounds = 0; rounds < 12; rounds += 1) await controller.round(scene.followed())
}
