import { resourceTypes } from '@holdfast/cluster'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asking, createScene, sceneWatchMs } from './testing/reconciler-scene.ts'

const ofSilver = { 'metallb.io/address-pool': 'silver' }

test('what was set aside and given before a leader reclaims, and of which it has not heard yet, is given to nobody else', async () => {
  const scene = createScene()
  const { clock, setPool, setService, followed, addressesOf, reconciler: old, settle } = scene
  setPool('gold', ['192.0.2.0-192.0.2.39'])
  scene.setLeadership(scene.acquire())
  setService('a')
  setService('s', {}, ofSilver)
  await settle()
  const leadership = scene.acquire()
  const next = scene.create(scene.server.connect(), () => leadership)
  for (let rounds = 0; rounds < 4; rounds += 1) await next.round(followed())
  clock.advance(2 * sceneWatchMs)
  const before = followed()
  // Whoever led before still believes that it leads, and that it heard of `s` in time, which is as it was.
  setPool('silver', ['198.51.100.0-198.51.100.39'])
  setService('x', {}, asking('198.51.100.0'))
  await old.round(followed({ services: followed().services.filter(({ metadata }) => metadata.name !== 's') }))
  scene.refuseWrites(resourceTypes.AddressBlock)
  await old.round(followed())
  scene.allowWrites()
  assert.deepEqual(addressesOf('a', 's', 'x'), ['192.0.2.0', '198.51.100.1', '198.51.100.0'])
  // The next one reclaims, and has heard of nothing of this.
  await next.round(before)
  setService('t', {}, asking('198.51.100.1'))
  for (let rounds = 0; rounds < 6; rounds += 1) {
    const fresh = followed().services.filter(({ metadata }) => metadata.name === 't')
    await next.round(followed({ services: [...before.services, ...fresh], blocks: before.blocks }))
  }
  assert.deepEqual(addressesOf('s', 't'), ['198.51.100.1', ''])
})

test('an address that was given to another one after its holder had gone is not reclaimed before that one holds it', async () => {
  const scene = createScene()
  const { clock, setPool, setService, deleteService, followed, addressesOf, reconciler: old, settle } = scene
  const without = (...names: readonly string[]) =>
    followed().services.filter(({ metadata }) => !names.includes(metadata.name))
  setPool('gold', ['192.0.2.0-192.0.2.39'])
  scene.setLeadership(scene.acquire())
  setService('a')
  await settle()
  setService('x')
  setService('s', {}, asking('192.0.2.1'))
  const leadership = scene.acquire()
  const next = scene.create(scene.server.connect(), () => leadership)
  await next.round(followed({ services: without('x', 's') }))
  clock.advance(2 * sceneWatchMs - 1)
  // Whoever led before gives x an address, and cannot write the block.
  const { blocks } = followed()
  scene.refuseWrites(resourceTypes.AddressBlock)
  await old.round(followed({ services: without('s') }))
  await old.round(followed({ services: without('s') }))
  scene.allowWrites()
  assert.deepEqual(addressesOf('x'), ['192.0.2.1'])
  for (let rounds = 0; rounds < 4; rounds += 1) await next.round(followed({ services: without('s') }))
  const before = followed({ services: without('s') })
  deleteService('x')
  // It waits with the block, and has not heard that the next one wrote it.
  for (let rounds = 0; rounds < 3; rounds += 1) await old.round(followed({ blocks }))
  assert.deepEqual(addressesOf('s'), ['192.0.2.1'])
  clock.advance(1)
  await next.round(before)
  setService('t', {}, asking('192.0.2.1'))
  for (let rounds = 0; rounds < 6; rounds += 1) await next.round(followed({ services: without('s') }))
  assert.deepEqual(addressesOf('s', 't'), ['192.0.2.1', ''])
})
