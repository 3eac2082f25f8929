import { resourceTypes } from '@holdfast/cluster'
import { createVirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPace } from './pace.ts'
import { ingressOf } from './service-object.ts'
import { createWorld, namespace, shop } from './testing/world.ts'

/** A controller that leads, and Services that come when the test says so. */
async function createScene() {
  const addressedMs = new Map<string, number>()
  const world = createWorld(() => {
    for (const service of world.server.readAll(resourceTypes.Service)) {
      const { name } = service.metadata
      if (!addressedMs.has(name) && ingressOf(service).length > 0) addressedMs.set(name, world.clock.now())
    }
  })
  const { clock, server, pass } = world
  server.put(resourceTypes.Namespace, { metadata: { name: shop } })
  server.put(resourceTypes.IPAddressPool, {
    metadata: { name: 'gold', namespace },
    spec: { addresses: ['10.0.0.0/16'] },
  })
  const createdMs = new Map<string, number>()
  const create = (name: string): void => {
    createdMs.set(name, clock.now())
    server.put(resourceTypes.Service, {
      metadata: { name, namespace: shop },
      spec: { type: 'LoadBalancer', clusterIPs: ['10.96.0.1'], ports: [{ port: 80, protocol: 'TCP' }] },
    })
  }
  const { controller, client } = world.replica('one')
  await pass(5000)
  assert.ok(controller.planned())
  client.forgetRequests()
  return {
    create,
    pass,
    stop: controller.stop,
    /** How long each Service waited for its address, in the order of their creation. */
    waits: (): readonly number[] => [...createdMs].map(([name, ms]) => (addressedMs.get(name) ?? Infinity) - ms),
    blockWrites: (): number => client.requests().filter(({ type }) => type.kind === 'AddressBlock').length,
    addresses: (): number => new Set(server.readAll(resourceTypes.Service).flatMap(ingressOf)).size,
  }
}

test('30 Services a second for 20 s: soon one block write is for a dozen, and nobody waits half a second', async () => {
  const { create, pass, waits, blockWrites, addresses, stop } = await createScene()
  for (let index = 0; index < 600; index += 1) {
    create(`web-${index}`)
    await pass(1000 / 30)
  }
  await pass(1000)
  assert.equal(addresses(), 600)
  assert.ok(Math.max(...waits()) <= 450, `${Math.max(...waits())} ms`)
  // For the first two seconds each has a write of its own; then one is for a dozen, and each of ten blocks is begun.
  assert.ok(blockWrites() <= 60 + 540 / 12 + 10, `${blockWrites()} block writes`)
  await stop()
})

test('a Service that comes alone has its address at once, also a second after a burst', async () => {
  const { create, pass, waits, stop } = await createScene()
  for (let index = 0; index < 200; index += 1) create(`burst-${index}`)
  await pass(1500)
  for (let index = 0; index < 20; index += 1) {
    create(`alone-${index}`)
    await pass(1000)
  }
  assert.deepEqual(
    waits().filter((ms) => ms > 1),
    [],
  )
  await stop()
})

test('whoever waits for the address of one Service before creating the next, 20 times a second, is never made to wait', async () => {
  const { create, pass, waits, stop } = await createScene()
  for (let index = 0; index < 200; index += 1) {
    create(`web-${index}`)
    await pass(50)
  }
  assert.deepEqual(
    waits().filter((ms) => ms > 1),
    [],
  )
  await stop()
})

test('Services that come together count twice: what they owe is paid back within about a second', () => {
  const clock = createVirtualClock()
  const pace = createPace(clock)
  pace.begin()
  pace.granted(9)
  assert.equal(pace.waitMs(), 0)
  pace.granted(5000)
  assert.equal(pace.waitMs(), 400)
  clock.advance(100)
  assert.equal(pace.waitMs(), 300)
  clock.advance(900)
  pace.begin()
  assert.equal(pace.waitMs(), 400)
  clock.advance(50)
  assert.equal(pace.waitMs(), 0)
})
