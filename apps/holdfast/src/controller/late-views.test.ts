import { resourceTypes } from '@holdfast/cluster'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createScene, onPort, sharing } from './testing/reconciler-scene.ts'

const { AddressBlock } = resourceTypes

/** Two Services that share an address of these, and the blocks that say so. */
async function sharers(addresses: string) {
  const scene = createScene()
  const { setPool, setService, settle, followed, addressesOf } = scene
  setPool('gold', [addresses])
  setService('a', onPort(80), sharing)
  setService('b', onPort(81), sharing)
  await settle()
  assert.deepEqual(addressesOf('a', 'b'), ['192.0.2.0', '192.0.2.0'])
  return { ...scene, oldBlocks: followed().blocks }
}

/** The first came later to the port of the second, so it has to go; by the blocks as they were before, both have changed. */
async function formerSharers() {
  const scene = await sharers('192.0.2.0-192.0.2.3')
  const { setService, settle, followed, oldBlocks, reconciler } = scene
  setService('b', onPort(82), sharing)
  await settle()
  setService('a', onPort(82), sharing)
  const world = followed()
  reconciler.forget()
  return { ...scene, late: () => ({ ...world, blocks: oldBlocks }) }
}

test('of two that share no more, the wrong one loses nothing by a block that it heard of before', async () => {
  const { settle, holds, addressesOf, late } = await formerSharers()
  await holds({ b: '192.0.2.0' }, 8, late)
  await settle()
  assert.deepEqual(addressesOf('a', 'b'), ['192.0.2.1', '192.0.2.0'])
})

test('of two that share no more, the right one keeps the only address whatever block was heard of before', async () => {
  const { setService, settle, followed, holds, addressesOf, reconciler, oldBlocks } =
    await sharers('192.0.2.0-192.0.2.0')
  setService('a', onPort(82), sharing)
  await settle()
  setService('b', onPort(80), sharing)
  await settle()
  assert.deepEqual(addressesOf('a', 'b'), ['192.0.2.0', '192.0.2.0'])
  setService('a', onPort(80), sharing)
  reconciler.forget()
  await holds({ b: '192.0.2.0' }, 4, () => followed({ blocks: oldBlocks }))
  await settle()
  assert.deepEqual(addressesOf('a', 'b'), ['', '192.0.2.0'])
})

for (const code of ['forbidden', 'serverError'] as const) {
  test(`of two that share no more, the right one keeps its address where a late block cannot be written either: ${code}`, async () => {
    const { holds, refuseWrites, late } = await formerSharers()
    refuseWrites(AddressBlock, undefined, code)
    await holds({ b: '192.0.2.0' }, 4, late)
  })
}

for (const isSharerKnown of [false, true]) {
  const known = isSharerKnown ? 'is known as it is' : 'is heard of late too'
  test(`a late view of a Service does not cost it its address to one that wants to share and ${known}`, async () => {
    const { setPool, setService, settle, followed, holds, addressesOf, create } = createScene()
    setPool('gold', ['192.0.2.0-192.0.2.0'])
    setService('a', onPort(80), sharing)
    await settle()
    setService('b', onPort(81), sharing)
    const { services: early } = followed()
    setService('a', onPort(81), sharing)
    await settle()
    const expected = { a: '192.0.2.0', b: '' }
    assert.deepEqual(addressesOf('a', 'b'), ['192.0.2.0', ''])
    const now = followed().services
    const [late, sharer] = [early, isSharerKnown ? now : early].map((services, index) => services[index])
    assert.ok(late !== undefined && sharer !== undefined)
    const next = create()
    await holds(expected, 2, () => followed({ services: [late, sharer] }), next)
    await settle(next)
    await settle()
    assert.deepEqual(addressesOf('a', 'b'), ['192.0.2.0', ''])
  })
}

test('a Service that was heard of before it had an address keeps it where the block is deleted meanwhile', async () => {
  const { setPool, setService, deleteService, deleteBlock, settle, followed, holds, reconciler } = createScene()
  setPool('gold', ['192.0.2.0-192.0.2.3'])
  setService('other')
  await settle()
  setService('a')
  const { services } = followed()
  for (let rounds = 0; rounds < 3; rounds += 1) await reconciler.round(followed({ services }))
  deleteService('other')
  deleteBlock('ipv4-192.0.2.0')
  const late = services.filter(({ metadata }) => metadata.name === 'a')
  await holds({ a: '192.0.2.1' }, 3, () => followed({ services: late }))
  await settle()
  await holds({ a: '192.0.2.1' }, 1, () => followed())
})
