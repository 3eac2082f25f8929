import { resourceTypes } from '@holdfast/cluster'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asking, createScene, onPort, sharing } from './testing/reconciler-scene.ts'
import { specOf } from './testing/truth.ts'

const { AddressBlock, Service } = resourceTypes
const twoBlocks = ['192.0.2.0-192.0.2.1', '192.0.2.64-192.0.2.65']
const secondBlock = 'ipv4-192.0.2.64'

test('a Service that asks for an address of a block that cannot be read keeps what it has meanwhile', async () => {
  const { setPool, setService, spoilBlock, settle, addressesOf } = createScene()
  setPool('gold', twoBlocks)
  setService('a')
  setService('b', {}, asking('192.0.2.64'))
  await settle()
  spoilBlock(secondBlock)
  await settle()
  setService('a', {}, asking('192.0.2.65'))
  await settle()
  assert.deepEqual(addressesOf('a'), ['192.0.2.0'])
})

test('a Service that asks for an address of a block that cannot be written keeps what it has meanwhile', async () => {
  const { setPool, setService, followed, settle, holds, refuseWrites } = createScene()
  setPool('gold', twoBlocks)
  setService('a')
  await settle()
  setService('a', {}, asking('192.0.2.65'))
  refuseWrites(AddressBlock, (name) => name === secondBlock)
  await holds({ a: '192.0.2.0' }, 4, followed)
})

test('a Service that asks for what another one has keeps what it has where that is not known and cannot be written', async () => {
  const { setPool, setService, followed, settle, holds, create, refuseWrites, addressesOf } = createScene()
  setPool('gold', twoBlocks)
  setService('a')
  await settle()
  const { blocks: oldBlocks } = followed()
  setService('b', {}, asking('192.0.2.65'))
  await settle()
  setService('a', {}, asking('192.0.2.65'))
  await settle()
  assert.deepEqual(addressesOf('a', 'b'), ['192.0.2.0', '192.0.2.65'])
  refuseWrites(AddressBlock, (name) => name === secondBlock, 'serverError')
  await holds({ a: '192.0.2.0', b: '192.0.2.65' }, 4, () => followed({ blocks: oldBlocks }), create())
})

test('a Service keeps what nobody else waits for until who has the other address could leave', async () => {
  const { setPool, setService, settle, followed, holds, addressesOf, refuseWrites, allowWrites } = createScene()
  setPool('gold', ['192.0.2.0-192.0.2.5'])
  setService('a', {}, asking('192.0.2.0'))
  setService('b', {}, asking('192.0.2.1'))
  await settle()
  refuseWrites(Service, (name) => name === 'b')
  setService('b', {}, asking('192.0.2.2'))
  setService('a', {}, asking('192.0.2.1'))
  for (let rounds = 0; rounds < 3; rounds += 1) await holds({}, 1, followed)
  assert.deepEqual(addressesOf('a', 'b'), ['192.0.2.0', '192.0.2.1'])
  allowWrites()
  await settle()
  assert.deepEqual(addressesOf('a', 'b'), ['192.0.2.1', '192.0.2.2'])
})

test('of two that ask for each other’s address neither ends without one', async () => {
  const { setPool, setService, settle, addressesOf } = createScene()
  setPool('gold', ['192.0.2.0-192.0.2.1'])
  setService('a', {}, asking('192.0.2.0'))
  setService('b', {}, asking('192.0.2.1'))
  await settle()
  setService('b', {}, asking('192.0.2.0'))
  setService('a', {}, asking('192.0.2.1'))
  await settle()
  // Each keeps what it has, or both are moved.
  assert.deepEqual([...addressesOf('a', 'b')].sort(), ['192.0.2.0', '192.0.2.1'])
})

test('who changes its port loses nothing to one whose grant could not be recorded', async () => {
  const { setPool, setService, followed, settle, holds, addressesOf, refuseWrites, allowWrites, clock } = createScene()
  setPool('gold', ['192.0.2.0-192.0.2.0'])
  setService('a', onPort(80), sharing)
  await settle()
  refuseWrites(AddressBlock)
  const expected = { a: '192.0.2.0', b: '' }
  setService('b', onPort(81), sharing)
  await holds(expected, 1, followed)
  setService('a', onPort(81), sharing)
  await holds(expected, 1, followed)
  allowWrites()
  clock.advance(1_000_000)
  await settle()
  assert.deepEqual(addressesOf('a', 'b'), ['192.0.2.0', ''])
})

test('the block of an address that a Service has left remembers who had it', async () => {
  const { setPool, setService, settle, addressesOf, server } = createScene()
  setPool('gold', ['192.0.2.0-192.0.2.1'])
  setService('a')
  await settle()
  setPool('gold', ['198.51.100.0-198.51.100.1'])
  await settle()
  assert.deepEqual(addressesOf('a'), ['198.51.100.0'])
  const { addresses, released } = specOf(
    server.read(AddressBlock, { namespace: 'metallb-system', name: 'ipv4-192.0.2.0' }),
  )
  assert.deepEqual(addresses, [])
  assert.deepEqual(
    released.map(({ address, service }) => [address, service]),
    [['192.0.2.0', 'shop/a']],
  )
})
