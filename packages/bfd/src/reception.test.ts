import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeControlPacket } from './codec.ts'
import { Driven, ours, packetOf, theirs } from './testing/harness.ts'
import type { ControlPacket, DropCause } from './packet.ts'
import type { Session } from './session.ts'

/** All of a session but its counters. */
const core = ({ counters, ...rest }: Session): Omit<Session, 'counters'> => {
  assert.ok(counters)
  return rest
}

/** The packet is dropped for this cause: counted, and nothing else in the session is another. */
function assertDropped(driven: Driven, change: Partial<ControlPacket>, cause: DropCause): void {
  const before = driven.session
  const outputs = driven.receive(change, 10)
  assert.deepEqual(outputs, [{ kind: 'dropped', cause }])
  assert.deepEqual(core(driven.session), core(before))
  assert.equal(driven.session.counters.dropped[cause], (before.counters.dropped[cause] ?? 0) + 1)
  assert.equal(driven.session.counters.received, before.counters.received)
}

const states = { down: () => Driven.started(), up: () => Driven.up() } as const

for (const [name, make] of Object.entries(states)) {
  test(`${name}: a packet with another Your Discriminator is dropped [rfc5880-6.8.6-your-discriminator]`, () => {
    for (const state of ['adminDown', 'down', 'init', 'up'] as const) {
      assertDropped(make(), { state, yourDiscriminator: ours + 1 }, 'yourDiscriminatorUnknown')
    }
  })

  test(`${name}: Your Discriminator 0 is dropped from a peer in Init or Up, whatever our state is [rfc5880-6.8.6-zero-your-discriminator]`, () => {
    assertDropped(make(), { state: 'init', yourDiscriminator: 0 }, 'yourDiscriminatorZero')
    assertDropped(make(), { state: 'up', yourDiscriminator: 0 }, 'yourDiscriminatorZero')
  })

  test(`${name}: the A bit is refused, since no authentication is in use [rfc5880-6.8.6-authentication] [rfc5880-6.7.1-no-change-by-packets]`, () => {
    assertDropped(make(), { isAuthenticated: true, state: 'down', yourDiscriminator: ours }, 'authentication')
    assertDropped(make(), { isAuthenticated: true, state: 'up' }, 'authentication')
  })

  test(`${name}: P and F together are refused, and not answered [rfc5880-6.5-never-both]`, () => {
    assertDropped(make(), { isPoll: true, isFinal: true, state: 'down' }, 'pollAndFinal')
  })
}

test('Up: a Down without Your Discriminator counts only from our peer with a reason: not a stranger’s, not one sent again [rfc5880-6.8.6-session-selection]', () => {
  const restarted = { state: 'down', yourDiscriminator: 0 } as const
  assertDropped(Driven.up(), { ...restarted, myDiscriminator: theirs + 1, diagnostic: 1 }, 'unprovenRestart')
  assertDropped(Driven.up(), { ...restarted, myDiscriminator: theirs, diagnostic: 0 }, 'unprovenRestart')
  assertDropped(Driven.up(), { ...restarted, state: 'adminDown', myDiscriminator: theirs + 1 }, 'unprovenRestart')
  const driven = Driven.up()
  driven.receive({ ...restarted, myDiscriminator: theirs, diagnostic: 1 })
  assert.equal(driven.session.state, 'down')
})

test('a peer that restarted under another discriminator is taken up again once its old session has run out', () => {
  const driven = Driven.up()
  const restarted = { state: 'down', yourDiscriminator: 0, myDiscriminator: theirs + 1 } as const
  driven.receive(restarted)
  driven.ring('detect', 900)
  driven.receive(restarted)
  assert.equal(driven.session.state, 'init')
  assert.equal(driven.sent[0]?.yourDiscriminator, theirs + 1)
})

test('a peer may take another discriminator without leaving the session [rfc5880-6.3-remote-change]', () => {
  const driven = Driven.up()
  driven.receive({ state: 'up', myDiscriminator: theirs + 1 })
  assert.equal(driven.session.state, 'up')
  driven.ring('transmit', 300)
  assert.equal(driven.sent[0]?.yourDiscriminator, theirs + 1)
})

test('what is dropped does not put off the Detection Time [rfc5880-6.8.6-detection-only-by-accepted]', () => {
  const driven = Driven.up()
  driven.receive({ state: 'up', yourDiscriminator: ours + 1 }, 800)
  assert.equal(driven.armed('detect'), undefined)
})

test('bytes that are no packet are counted by their cause and touch nothing', () => {
  const driven = Driven.up()
  const before = driven.session
  const bytes = encodeControlPacket(packetOf({ state: 'down' }))
  bytes[2] = 0
  driven.receiveBytes(bytes)
  assert.deepEqual(core(driven.session), core(before))
  assert.equal(driven.session.counters.dropped.detectMultiplierZero, 1)
})

test('each accepted packet teaches what section 6.8.6 says it does [rfc5880-6.8.6-learned]', () => {
  const driven = Driven.up()
  driven.receive({
    state: 'up',
    diagnostic: 5,
    isControlPlaneIndependent: true,
    detectMultiplier: 7,
    desiredMinTxUs: 20_000,
    requiredMinRxUs: 40_000,
    requiredMinEchoRxUs: 50_000,
  })
  assert.deepEqual(driven.session.remote, {
    discriminator: theirs,
    state: 'up',
    diagnostic: 5,
    isDemand: false,
    isControlPlaneIndependent: true,
    detectMultiplier: 7,
    desiredMinTxMs: 20,
    requiredMinRxMs: 40,
    requiredMinEchoRxMs: 50,
  })
})

test('our packets: D and C clear, no authentication, Echo as configured [rfc5880-6.6-no-demand] [rfc5882-4.3.2-c-bit]', () => {
  const driven = Driven.up({ echoReceiveIntervalMs: 50 })
  driven.ring('transmit', 300)
  const [packet] = driven.sent
  assert.equal(packet?.isDemand, false)
  assert.equal(packet.isControlPlaneIndependent, false)
  assert.equal(packet.isAuthenticated, false)
  assert.equal(packet.requiredMinEchoRxUs, 50_000)
  assert.equal(packet.detectMultiplier, 3)
})

test('Echo is not offered unless it is configured, and never over several hops [rfc5880-6.8.1-echo-zero] [rfc5883-3-no-echo]', () => {
  for (const change of [{}, { echoReceiveIntervalMs: 50, isMultihop: true }]) {
    const driven = Driven.started(change)
    driven.ring('transmit')
    assert.equal(driven.sent[0]?.requiredMinEchoRxUs, 0)
  }
})
