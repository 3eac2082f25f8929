import { resourceTypes } from '@holdfast/cluster'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { createScene } from './testing/reconciler-scene.ts'

/** A Service that had an address of silver first, and now has one of gold; both in one block. */
async function moved() {
  const scene = createScene()
  const { reconciler, setPool, deletePool, setService, settle, followed, addressesOf } = scene
  setPool('silver', ['192.0.2.62-192.0.2.63'])
  setService('a')
  await settle()
  assert.deepEqual(addressesOf('a'), ['192.0.2.62'])
  const { blocks: oldBlocks } = followed()
  deletePool('silver')
  setPool('gold', ['192.0.2.0-192.0.2.1'])
  await settle()
  assert.deepEqual(addressesOf('a'), ['192.0.2.0'])
  setPool('silver', ['192.0.2.62-192.0.2.63'], false)
  const world = followed()
  assert.equal((await reconciler.round(world)).outcome.kind, 'settled')
  return { ...scene, oldBlocks, world }
}

test('a leader that leads again takes nothing by blocks that it heard of before', async () => {
  const { reconciler, oldBlocks, world, holds, addressesOf, settle } = await moved()
  reconciler.forget()
  // The very objects that it knew, beside blocks that are late: their watch was quiet for long.
  await holds({ a: '192.0.2.0' }, 4, () => ({ ...world, blocks: oldBlocks }))
  await settle()
  assert.deepEqual(addressesOf('a'), ['192.0.2.0'])
})

test('a round of a leadership that ended does not go on in the next one', async () => {
  const { client, setPool, setService, settle, followed, addressesOf, reconciler } = createScene()
  setPool('gold', ['192.0.2.0-192.0.2.3'])
  setService('a')
  const held = client.holdNext({ verbs: ['create'], type: resourceTypes.AddressBlock }, 'after')
  const round = reconciler.round(followed())
  while (!held.hasArrived()) await setImmediate()
  reconciler.forget()
  held.release()
  await round
  assert.deepEqual(addressesOf('a'), [''])
  await settle()
  assert.deepEqual(addressesOf('a'), ['192.0.2.0'])
})

test('who lost the lead and has it again while it asks for blocks takes nothing by those that it did not ask for', async () => {
  const { server, create, setPool, setService, settle, followed, addressesOf, reconciler, ...scene } = createScene()
  const numbers = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
  const names = numbers.map((number) => `service${number}`)
  const setAll = (annotationsOf: (number: number) => Readonly<Record<string, string>>): void => {
    for (const number of numbers) setService(`service${number}`, {}, annotationsOf(number))
  }
  for (const number of numbers) setPool(`old${number}`, [`192.0.${number}.64-192.0.${number}.64`])
  setAll((number) => ({ 'metallb.io/address-pool': `old${number}` }))
  await settle()
  const { blocks: oldBlocks } = followed()
  // Each is moved to another block, and none of the old ones is freed yet.
  for (const number of numbers) setPool(`new${number}`, [`192.0.${number}.0-192.0.${number}.0`])
  scene.refuseWrites(resourceTypes.AddressBlock, (name) => name.endsWith('.64'))
  setAll((number) => ({ 'metallb.io/address-pool': `new${number}` }))
  await reconciler.round(followed())
  await reconciler.round(followed())
  const given = numbers.map((number) => `192.0.${number}.0`)
  assert.deepEqual(addressesOf(...names), given)
  setAll(() => ({}))
  scene.allowWrites()
  const client = server.connect()
  const next = create(client)
  const asked = [1, 2, 3, 4].map(() => client.holdNext({ verbs: ['get'], type: resourceTypes.AddressBlock }, 'after'))
  const round = next.round(followed({ blocks: oldBlocks }))
  while (!asked.every(({ hasArrived }) => hasArrived())) await setImmediate()
  const [last, ...others] = asked
  scene.lead(false)
  for (const { release } of others) release()
  await setImmediate()
  next.forget()
  scene.lead(true)
  last?.release()
  await round
  assert.deepEqual(addressesOf(...names), given)
  await settle(next)
  assert.deepEqual(addressesOf(...names), given)
})

test('an address that another program gives to a Service that is known and has none is its, and the log tells of it', async () => {
  const { server, setPool, setService, settle, addressesOf, events } = createScene()
  setPool('gold', ['192.0.2.0-192.0.2.3'], false)
  setService('a')
  await settle()
  assert.deepEqual(addressesOf('a'), [''])
  const known = server.read(resourceTypes.Service, { namespace: 'shop', name: 'a' })
  assert.ok(known !== undefined)
  const status = { ...(known['status'] as object), loadBalancer: { ingress: [{ ip: '192.0.2.2' }] } }
  assert.ok(!events().includes('foreignAddress'))
  server.put(resourceTypes.Service, { ...known, status })
  await settle()
  assert.deepEqual(addressesOf('a'), ['192.0.2.2'])
  assert.equal(events().filter((event) => event === 'foreignAddress').length, 1)
})

test('addresses that Services have when a leader begins are adopted, and nothing is told of them', async () => {
  const { server, setPool, setService, settle, addressesOf, events } = createScene()
  setPool('gold', ['192.0.2.0-192.0.2.3'])
  setService('a')
  const known = server.read(resourceTypes.Service, { namespace: 'shop', name: 'a' })
  server.put(resourceTypes.Service, {
    ...(known ?? assert.fail()),
    status: { loadBalancer: { ingress: [{ ip: '192.0.2.2' }] } },
  })
  await settle()
  assert.deepEqual(addressesOf('a'), ['192.0.2.2'])
  assert.ok(!events().includes('foreignAddress'))
})

test('a Service whose spec is turned into something that cannot be understood keeps what it has, and it comes to rest', async () => {
  const { setPool, setService, settle, addressesOf } = createScene()
  setPool('gold', ['192.0.2.0-192.0.2.3'])
  setService('a')
  await settle()
  const ports = [{ port: 80, protocol: 'NONSENSE' }]
  setService('a', { ports, externalTrafficPolicy: 'What', ipFamilies: 5, clusterIPs: 'x' })
  await settle()
  assert.deepEqual(addressesOf('a'), ['192.0.2.0'])
})
