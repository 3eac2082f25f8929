import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createScene, dualStack, onPort, sharing } from './testing/reconciler-scene.ts'

const ipv4Block = 'ipv4-192.0.2.0'
const ipv6Block = 'ipv6-fd00-0-0-0-0-0-0-0'
const bothFamilies = ['192.0.2.0-192.0.2.9', 'fd00::-fd00::9']

for (const policy of ['PreferDualStack', 'RequireDualStack']) {
  for (const how of ['deleted', 'spoilt']) {
    test(`each keeps its pair, and not the next addresses, where the block of the IPv6 ones is ${how}: ${policy}`, async () => {
      const { setPool, setService, deleteService, deleteBlock, spoilBlock, settle, addressesOf } = createScene()
      setPool('gold', bothFamilies)
      for (const name of ['a', 'b', 'c']) setService(name, dualStack(policy))
      await settle()
      deleteService('a')
      await settle()
      const before = addressesOf('b', 'c')
      assert.deepEqual(before, ['192.0.2.1,fd00::1', '192.0.2.2,fd00::2'])
      if (how === 'deleted') deleteBlock(ipv6Block)
      else spoilBlock(ipv6Block)
      await settle()
      assert.deepEqual(addressesOf('b', 'c'), before)
    })
  }
}

for (const lost of [[ipv4Block], [ipv4Block, ipv6Block]]) {
  test(`each keeps its pair, shared or not, where blocks are deleted: ${lost.join()}`, async () => {
    const { setPool, setService, deleteService, deleteBlock, settle, addressesOf } = createScene()
    setPool('gold', bothFamilies)
    for (const name of ['a', 'b', 'c']) setService(name, dualStack('RequireDualStack'), sharing)
    setService('d', { ...dualStack('RequireDualStack'), ...onPort(81) }, sharing)
    await settle()
    deleteService('a')
    await settle()
    const before = addressesOf('b', 'c', 'd')
    for (const name of lost) deleteBlock(name)
    await settle()
    assert.deepEqual(addressesOf('b', 'c', 'd'), before)
  })
}

test('an address that no pool has and that is held stays also where its block is deleted', async () => {
  const { setPool, deletePool, setService, deleteBlock, settle, addressesOf } = createScene('Hold')
  setPool('gold', ['192.0.2.0-192.0.2.3'])
  setService('a')
  await settle()
  deletePool('gold')
  await settle()
  assert.deepEqual(addressesOf('a'), ['192.0.2.0'])
  deleteBlock(ipv4Block)
  await settle()
  assert.deepEqual(addressesOf('a'), ['192.0.2.0'])
})

test('an address of a pool that is refused stays also where its block is deleted', async () => {
  const { create, setPool, setService, deleteBlock, settle, addressesOf } = createScene()
  setPool('gold', ['192.0.2.0-192.0.2.3'])
  setService('a')
  await settle()
  setPool('gold', ['nonsense'])
  const next = create()
  await settle(next)
  assert.deepEqual(addressesOf('a'), ['192.0.2.0'])
  deleteBlock(ipv4Block)
  await settle(next)
  assert.deepEqual(addressesOf('a'), ['192.0.2.0'])
})

test('a block that somebody deleted before it was heard of is made anew', async () => {
  const { setPool, setService, blockNames, deleteBlock, settle, addressesOf, reconciler, followed } = createScene()
  setPool('gold', ['192.0.2.0-192.0.2.3'])
  await settle()
  setService('a')
  const { blocks } = followed()
  for (let rounds = 0; rounds < 3; rounds += 1) await reconciler.round(followed({ blocks }))
  assert.deepEqual(addressesOf('a'), ['192.0.2.0'])
  deleteBlock(ipv4Block)
  await settle()
  await settle()
  assert.deepEqual(blockNames(), [ipv4Block])
})

for (const how of ['spoilt', 'deleted'] as const) {
  for (const hasPlanned of [true, false]) {
    test(`a Service that was heard of before it had an address keeps it where its block is ${how}, by a leader that ${hasPlanned ? 'has' : 'has not'} planned before`, async () => {
      const { setPool, setService, deleteBlock, spoilBlock, settle, followed, holds, create, addressesOf } =
        createScene()
      setPool('gold', ['192.0.2.0-192.0.2.0'])
      setService('a')
      const { services } = followed()
      const next = create()
      await settle()
      assert.deepEqual(addressesOf('a'), ['192.0.2.0'])
      setPool('copper', ['192.0.2.64-192.0.2.65'])
      if (hasPlanned) await next.round(followed({ services }))
      if (how === 'spoilt') spoilBlock(ipv4Block)
      else deleteBlock(ipv4Block)
      await holds({ a: '192.0.2.0' }, 6, () => followed({ services }), next)
      await settle(next)
      assert.deepEqual(addressesOf('a'), ['192.0.2.0'])
    })
  }
}
