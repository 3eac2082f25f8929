import assert from 'node:assert/strict'
import { it } from 'node:test'
import { encodeMessage, initialContext } from '@holdfast/bgp'
import { progressOf } from './peer-record.ts'
import { createHandFedPeer } from './testing/hand-fed-peer.ts'
import { createSimulatedPeers, PORT, routesOf, type SimulatedPeers } from './testing/simulated-peers.ts'

it('what both sides offered is shown as it was sent', async () => {
  const peers = await createSimulatedPeers({ a: { holdTimeSeconds: 30 } })
  assert.deepEqual(peers.a.driver.snapshot().offered, { local: undefined, peer: undefined })
  peers.bringUp()
  const [a, b] = [peers.a.driver.snapshot().offered, peers.b.driver.snapshot().offered]
  assert.equal(a.local?.holdTimeSeconds, 30)
  assert.deepEqual([a.local, a.peer], [b.peer, b.local])
  await peers.end()
})

it('both ends of the session are shown, and none where there is no connection', async () => {
  const peers = await createSimulatedPeers({ b: { isPassive: true } })
  assert.equal(peers.a.driver.snapshot().ends, undefined)
  peers.bringUp()
  const { ends } = peers.a.driver.snapshot()
  assert.deepEqual([ends?.local.address, ends?.remote], [peers.addressA, { address: peers.addressB, port: PORT }])
  assert.deepEqual(peers.b.driver.snapshot().ends, { local: ends?.remote, remote: ends?.local })
  peers.network.cut(peers.addressA, peers.addressB)
  assert.ok(peers.clock.runUntil(() => peers.a.driver.snapshot().ends === undefined, 1000))
  await peers.end()
})

it('the armed timers are shown with the time at which they ring; without a connection those of the next attempt', async () => {
  const peers = await createSimulatedPeers({ b: { isPassive: true } })
  peers.bringUp()
  const { timers } = peers.a.driver.snapshot()
  assert.deepEqual(Object.keys(timers).sort(), ['hold', 'keepalive'])
  const startMs = peers.clock.now()
  const { keepalive } = peers.a.driver.snapshot().sent.messages
  peers.clock.advance(timers.keepalive! - startMs - 1)
  assert.equal(peers.a.driver.snapshot().sent.messages.keepalive, keepalive)
  peers.clock.advance(1)
  assert.equal(peers.a.driver.snapshot().sent.messages.keepalive, keepalive + 1)

  peers.network.setLink(peers.addressA, peers.addressB, 'refusing')
  peers.network.cut(peers.addressA, peers.addressB)
  assert.ok(peers.clock.runUntil(() => peers.a.driver.snapshot().timers.idleHold !== undefined, 60_000))
  const { dialCount, timers: next } = peers.a.driver.snapshot()
  peers.clock.advance(next.idleHold! - peers.clock.now() - 1)
  assert.equal(peers.a.driver.snapshot().dialCount, dialCount)
  peers.clock.advance(1)
  assert.equal(peers.a.driver.snapshot().dialCount, dialCount + 1)
  await peers.end()
})

it('when a message last came and went is shown', () => {
  const { clock, driver, connection } = createHandFedPeer()
  clock.advance(100)
  connection.receive({ kind: 'keepalive' })
  assert.equal(driver.snapshot().lastReceivedMs, clock.now())
  clock.advance(10)
  driver.setRoutes([])
  assert.deepEqual([driver.snapshot().lastReceivedMs, driver.snapshot().lastSentMs], [clock.now() - 10, clock.now()])
})

/** An UPDATE for 10.9.9.`host`/32 with these attributes behind ORIGIN, AS_PATH and NEXT_HOP. */
function updateWith(host: number, attributes: readonly number[]): Uint8Array {
  const usual = [0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xea, 0x40, 3, 4, 192, 0, 2, 1]
  const length = usual.length + attributes.length
  const body = [0, 0, 0, length, ...usual, ...attributes, 32, 10, 9, 9, host]
  return Uint8Array.of(...Array<number>(16).fill(0xff), 0, body.length + 19, 2, ...body)
}

it('faults of UPDATEs that do not cost the session are counted, with the latest in words', () => {
  const { driver, connection } = createHandFedPeer()
  connection.receiveBytes(updateWith(1, []))
  assert.deepEqual(driver.snapshot().updateFaults, { count: 0, latest: undefined })
  // MULTI_EXIT_DISC of three octets (RFC 7606 section 7.4), then COMMUNITIES of five (section 7.8).
  connection.receiveBytes(updateWith(2, [0x80, 4, 3, 0, 0, 1]))
  connection.receiveBytes(updateWith(3, [0xc0, 8, 5, 0, 0, 1, 0, 0]))
  const { updateFaults, state } = driver.snapshot()
  assert.equal(state, 'established')
  assert.equal(updateFaults.count, 2)
  assert.match(updateFaults.latest!, /COMMUNIT/)
})

it('prefixes are counted in both directions, those received only where there is a limit', () => {
  const unlimited = createHandFedPeer()
  unlimited.connection.receiveBytes(updateWith(1, []))
  assert.equal(unlimited.driver.snapshot().receivedPrefixes, undefined)
  const { driver, connection } = createHandFedPeer({ prefixLimit: 10 })
  connection.receiveBytes(updateWith(1, []))
  connection.receiveBytes(updateWith(1, []))
  connection.receiveBytes(updateWith(2, []))
  assert.equal(driver.snapshot().receivedPrefixes, 2)
  driver.setRoutes(routesOf(0, 7))
  assert.equal(driver.snapshot().sentPrefixes, 7)
})

it('the families that the peer has ended with End-of-RIB are shown, for this session only', async () => {
  const { driver, connection, clock } = createHandFedPeer()
  const endOfRib = encodeMessage(
    { kind: 'update', withdrawn: [], announced: undefined, endOfRib: 'ipv4', faults: [] },
    initialContext,
  )
  connection.receiveBytes(endOfRib)
  connection.receiveBytes(endOfRib)
  assert.deepEqual(driver.snapshot().endOfRibReceived, ['ipv4'])
  await driver.stop('administrativeReset')
  clock.advance(1000)

  const atBegin: unknown[] = []
  const peers: SimulatedPeers = await createSimulatedPeers({
    interceptA: ({ kind }) => {
      if (kind === 'established') atBegin.push(peers.a.driver.snapshot().endOfRibReceived)
    },
  })
  peers.b.driver.setRoutes([])
  peers.bringUp()
  peers.clock.advance(1000)
  assert.deepEqual(peers.a.driver.snapshot().endOfRibReceived, ['ipv4', 'ipv6'])
  peers.network.cut(peers.addressA, peers.addressB)
  assert.ok(peers.clock.runUntil(() => atBegin.length === 2, 300_000))
  assert.deepEqual(atBegin, [[], []])
  await peers.end()
})

it('states are ranked by how far they are on the way to Established', () => {
  const states = ['established', 'idle', 'openConfirm', 'connect', 'openSent', 'active'] as const
  assert.deepEqual(
    states.toSorted((a, b) => progressOf(a) - progressOf(b)),
    ['idle', 'active', 'connect', 'openSent', 'openConfirm', 'established'],
  )
})
