import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createVirtualClock } from '@holdfast/runtime'
import { SendHold } from './peer-send-hold.ts'
import { createHandFedPeer, type HandFedPeer } from './testing/hand-fed-peer.ts'
import { routesOf } from './testing/simulated-peers.ts'

const SEND_HOLD_MS = 480_000

/** Lets time pass in which the peer says that it lives, every 10 s. */
function pass({ clock, connection }: HandFedPeer, ms: number, each: () => void = () => undefined): void {
  for (let left = ms; left > 0; left -= 10_000) {
    clock.advance(Math.min(left, 10_000))
    connection.receive({ kind: 'keepalive' })
    each()
  }
}

/** Something is sent, and the system takes none of it. */
function getStuck(peer: HandFedPeer): void {
  peer.connection.isTaking = false
  peer.driver.setRoutes(routesOf(0, 100))
}

it('a peer of which nothing is taken for the send hold time loses its session by a reset, and it is said why [rfc9687-4.3-starts] [rfc9687-5-closed] [rfc9687-5-error-logged] [rfc9687-7-reason]', () => {
  const peer = createHandFedPeer()
  getStuck(peer)
  const { sendHold } = peer.driver.snapshot().timers
  assert.equal(sendHold, peer.clock.now() + SEND_HOLD_MS)
  pass(peer, SEND_HOLD_MS - 10_000)
  assert.equal(peer.driver.snapshot().state, 'established')
  pass(peer, 10_000)
  assert.equal(peer.connection.ended, 'abort')
  const { lastFailure, timers, negotiated } = peer.driver.snapshot()
  assert.equal(lastFailure?.reason.code, 'sendHoldTimerExpired')
  assert.deepEqual([timers.sendHold, negotiated], [undefined, undefined])
  assert.ok(peer.events.some((event) => event.kind === 'lost' && event.reason.code === 'sendHoldTimerExpired'))
})

it('what we send does not restart the send hold timer, what is taken does [rfc9687-4.3-restarts]', () => {
  const stuck = createHandFedPeer()
  getStuck(stuck)
  let first = 0
  pass(stuck, SEND_HOLD_MS, () => stuck.driver.setRoutes(routesOf((first += 1), 100)))
  assert.equal(stuck.connection.ended, 'abort')

  const slow = createHandFedPeer()
  getStuck(slow)
  // An octet every 470 seconds.
  for (let round = 0; round < 20; round += 1) {
    pass(slow, 470_000)
    slow.connection.pending -= 1
  }
  assert.equal(slow.driver.snapshot().state, 'established')
  pass(slow, SEND_HOLD_MS)
  assert.equal(slow.driver.snapshot().state, 'established', 'the last octet was seen as late as a second after it went')
  pass(slow, 10_000)
  assert.equal(slow.connection.ended, 'abort')
})

it('a peer that takes everything has no send hold timer, however silent we are', () => {
  const peer = createHandFedPeer()
  peer.driver.setRoutes(routesOf(0, 100))
  assert.equal(peer.driver.snapshot().timers.sendHold, undefined)
  pass(peer, 10 * SEND_HOLD_MS)
  assert.equal(peer.driver.snapshot().state, 'established')
  getStuck(peer)
  pass(peer, SEND_HOLD_MS - 10_000)
  peer.connection.drain()
  pass(peer, 10 * SEND_HOLD_MS)
  assert.equal(peer.driver.snapshot().state, 'established')
})

it('with a hold time of 0 there is no send hold timer [rfc9687-4.3-off-without-hold-time]', () => {
  const peer = createHandFedPeer({ holdTimeSeconds: 0, sendHoldSeconds: 60 })
  getStuck(peer)
  assert.equal(peer.driver.snapshot().timers.sendHold, undefined)
  peer.clock.advance(10 * SEND_HOLD_MS)
  assert.equal(peer.driver.snapshot().state, 'established')
})

it('the send hold timer ends with the session [rfc9687-4.3-stopped]', async () => {
  const peer = createHandFedPeer()
  getStuck(peer)
  await peer.driver.stop('administrativeShutdown')
  peer.clock.advance(1)
  assert.equal(peer.clock.pending(), 0, 'no alarm is left')
  assert.equal(peer.driver.snapshot().timers.sendHold, undefined)
})

it('a connection that does not tell when it has drained is looked at every second all the same', () => {
  const peer = createHandFedPeer()
  peer.connection.pending = 2_000_000
  peer.driver.setRoutes(routesOf(0, 100))
  const { sentBytes } = peer.connection
  pass(peer, 20_000)
  // A KEEPALIVE that waits behind what is pending is what is looked for.
  pass(peer, 20_000)
  assert.equal(peer.connection.sentBytes, sentBytes)
  peer.connection.pending = 0
  peer.clock.advance(1000)
  assert.ok(peer.connection.sentBytes > sentBytes)
})

it('the send hold timer may be started while something is pending, and looks for what goes from there on', () => {
  const clock = createVirtualClock()
  let [taken, expired, looks] = [100, 0, 0]
  const sendHold = new SendHold({
    clock,
    outflow: { takenBytes: () => taken, isPending: () => true },
    look: () => (looks += 1),
    expired: () => (expired += 1),
  })
  sendHold.check()
  clock.advance(5000)
  assert.deepEqual([looks, expired], [5, 0])
  sendHold.start(2500)
  clock.advance(2499)
  assert.equal(expired, 0)
  clock.advance(1)
  assert.equal(expired, 1)
  clock.advance(10_000)
  assert.deepEqual([expired, clock.pending()], [1, 0])
  sendHold.start(2500)
  taken += 1
  clock.advance(3000)
  assert.equal(expired, 1)
  sendHold.stop()
  assert.equal(clock.pending(), 0)
})
