import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createHandFedPeer, HandFedConnection, openOf } from './testing/hand-fed-peer.ts'
import { routesOf } from './testing/simulated-peers.ts'

const REFRESH = { kind: 'routeRefresh', afi: 1, subtype: 0, safi: 1 } as const

it('a peer that takes nothing and asks for all routes again and again gets them once, when it takes something', async () => {
  const { clock, driver, connection } = createHandFedPeer({ holdTimeSeconds: 0 })
  driver.setRoutes(routesOf(0, 5000))
  const once = connection.sentOf('update')
  assert.ok(once > 5)

  connection.pending = 2_000_000
  for (let second = 0; second < 60; second += 1) {
    connection.receive(REFRESH)
    clock.advance(1000)
  }
  assert.equal(connection.sentOf('update'), once, 'nothing is added to what waits')
  connection.drain()
  clock.advance(5000)
  // All routes once more, without another End-of-RIB.
  assert.equal(connection.sentOf('update'), 2 * once - 1)
  assert.equal(driver.snapshot().state, 'established')
  await driver.stop('administrativeShutdown')
})

it('requests for families that nobody has are not kept for a peer that takes nothing', async () => {
  const fed: string[] = []
  const { clock, driver, connection } = createHandFedPeer({ holdTimeSeconds: 0 }, ({ kind }) => fed.push(kind))
  driver.setRoutes(routesOf(0, 10))
  connection.pending = 2_000_000
  fed.length = 0
  for (let afi = 3; afi < 2000; afi += 1) connection.receive({ ...REFRESH, afi })
  clock.advance(1)
  assert.equal(fed.length, 1997, 'the machine has them all, and passes them over')
  assert.ok(fed.every((kind) => kind === 'message'))
  const sentBefore = connection.sent.length
  connection.drain()
  clock.advance(5000)
  assert.equal(connection.sent.length, sentBefore)
  await driver.stop('administrativeShutdown')
})

it('routes that change while the peer takes nothing are told once, as they are when it takes something again', async () => {
  const { clock, driver, connection } = createHandFedPeer({ holdTimeSeconds: 0 })
  driver.setRoutes([])
  connection.pending = 2_000_000
  for (let first = 0; first < 100; first += 1) driver.setRoutes(routesOf(first, 1))
  assert.equal(driver.snapshot().sentPrefixes, 0)
  const before = connection.sent.length
  connection.drain()
  clock.advance(1)
  const updates = connection.sent.slice(before)
  assert.deepEqual(
    updates.map(
      (message) => message.kind === 'update' && [message.announced?.reach[0]?.prefixes.length, message.withdrawn],
    ),
    [[1, []]],
  )
  assert.equal(driver.snapshot().sentPrefixes, 1)
  await driver.stop('administrativeShutdown')
})

it('a request that waits does not meet the session that follows', async () => {
  const { driver, connection } = createHandFedPeer({ holdTimeSeconds: 0 })
  driver.setRoutes(routesOf(0, 10))
  connection.pending = 2_000_000
  connection.receive(REFRESH)
  connection.close()
  // At once, before anything that waits has its turn.
  const next = new HandFedConnection()
  assert.ok(driver.accept(next))
  next.receive(openOf(0), { kind: 'keepalive' })
  assert.equal(driver.snapshot().state, 'established')
  assert.equal(next.sentOf('notification'), 0)
  await driver.stop('administrativeShutdown')
})
