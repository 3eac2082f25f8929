import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createScene } from './testing/reconciler-scene.ts'

/** A Service whose address gold granted, then silver, which is refused by now; gold has other addresses. */
async function handedOver() {
  const scene = createScene()
  const { setPool, deletePool, setService, settle, followed, addressesOf } = scene
  setPool('gold', ['192.0.2.0-192.0.2.3'])
  setService('a')
  await settle()
  const { pools: oldPools, blocks: oldBlocks } = followed()
  deletePool('gold')
  setPool('silver', ['192.0.2.0-192.0.2.1'])
  await settle()
  setPool('gold', ['192.0.2.64-192.0.2.65'])
  await settle()
  assert.deepEqual(addressesOf('a'), ['192.0.2.0'])
  setPool('silver', ['nonsense'])
  return { ...scene, oldPools, oldBlocks }
}

test('what a refused pool granted stays where the block that was heard of before names another pool', async () => {
  const { create, holds, followed, oldBlocks } = await handedOver()
  await holds({ a: '192.0.2.0' }, 4, () => followed({ blocks: oldBlocks }), create())
})

test('pools that were heard of before do not make what a refused pool granted another one’s', async () => {
  const { create, holds, followed, settle, addressesOf, oldPools } = await handedOver()
  await settle()
  assert.deepEqual(addressesOf('a'), ['192.0.2.0'])
  const { services } = followed()
  await holds({ a: '192.0.2.0' }, 2, () => followed({ services, pools: oldPools }), create())
  await settle(create())
  assert.deepEqual(addressesOf('a'), ['192.0.2.0'])
})

test('a pool that is heard of as it was before, and then as refused, keeps what it granted last', async () => {
  const { setPool, setService, settle, followed, holds, addressesOf, reconciler } = createScene()
  setPool('gold', ['192.0.2.0-192.0.2.0'])
  const { pools: oldPools } = followed()
  setPool('gold', ['192.0.2.0-192.0.2.3'])
  setService('a')
  setService('b')
  await settle()
  assert.deepEqual(addressesOf('a', 'b'), ['192.0.2.0', '192.0.2.1'])
  setPool('gold', ['nonsense'])
  await settle()
  assert.deepEqual(addressesOf('a', 'b'), ['192.0.2.0', '192.0.2.1'])
  reconciler.forget()
  const { services, blocks } = followed()
  await holds({ a: '192.0.2.0', b: '192.0.2.1' }, 3, () => followed({ services, pools: oldPools, blocks }))
  await settle()
  assert.deepEqual(addressesOf('a', 'b'), ['192.0.2.0', '192.0.2.1'])
})

test('where addresses are held, pools heard of late, back and forth, take nothing', async () => {
  const { setPool, deletePool, setService, settle, followed, holds, reconciler, clock, addressesOf } =
    createScene('Hold')
  setPool('gold', ['192.0.2.0-192.0.2.3'])
  setService('a')
  setService('b')
  await settle()
  const worlds = [followed()]
  const change = async (run: () => void): Promise<void> => {
    run()
    await settle()
    worlds.push(followed())
  }
  await change(() => deletePool('gold'))
  await change(() => setPool('silver', ['192.0.2.1-192.0.2.5']))
  await change(() => setPool('gold', ['192.0.2.64-192.0.2.65']))
  for (let round = 0; round < 40; round += 1) {
    const { pools } = worlds[(round * 7) % 4] ?? followed()
    const { blocks } = (round % 3 === 0 ? worlds[(round * 5) % 4] : undefined) ?? followed()
    const { services } = (round % 5 === 0 ? worlds[(round * 3) % 4] : undefined) ?? followed()
    if (round % 4 === 0) reconciler.forget()
    await holds({ a: '192.0.2.0', b: '192.0.2.1' }, 1, () => followed({ services, pools, blocks }))
    clock.advance(300)
  }
  await settle()
  assert.deepEqual(addressesOf('a', 'b'), ['192.0.2.0', '192.0.2.1'])
})
