import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPathFailure } from './view.ts'
import { Driven, ours, packetOf, theirs } from './testing/harness.ts'
import type { BfdState } from './types.ts'

/** A session in each state, with a peer that it has heard. */
const inState: Readonly<Record<BfdState, () => Driven>> = {
  adminDown: () => {
    const driven = Driven.up()
    driven.feed({ kind: 'stop' })
    return driven
  },
  down: () => {
    const driven = Driven.up()
    driven.receive({ state: 'down', diagnostic: 1 })
    return driven
  },
  init: () => {
    const driven = Driven.started()
    driven.receive({ yourDiscriminator: 0 })
    return driven
  },
  up: () => Driven.up(),
}

/** RFC 5880 section 6.8.6, from its text: what we become when a peer says what. */
const transitions: Readonly<Record<BfdState, Readonly<Record<BfdState, BfdState>>>> = {
  adminDown: { adminDown: 'adminDown', down: 'adminDown', init: 'adminDown', up: 'adminDown' },
  down: { adminDown: 'down', down: 'init', init: 'up', up: 'down' },
  init: { adminDown: 'down', down: 'init', init: 'up', up: 'up' },
  up: { adminDown: 'down', down: 'down', init: 'up', up: 'up' },
}

for (const [from, row] of Object.entries(transitions) as [BfdState, Record<BfdState, BfdState>][]) {
  for (const [said, to] of Object.entries(row) as [BfdState, BfdState][]) {
    test(`a session that is ${from} becomes ${to} when the peer says ${said} [rfc5880-6.8.6-state-machine]`, () => {
      const driven = inState[from]()
      assert.equal(driven.session.state, from)
      driven.receive({ state: said })
      assert.equal(driven.session.state, to)
    })
  }
}

test('a session begins Down, without diagnostic, and knows no peer [rfc5880-6.8.1-session-state] [rfc5880-6.8.1-local-diag] [rfc5880-6.8.1-remote-discr-zero]', () => {
  const driven = Driven.started()
  driven.ring('transmit')
  const [packet] = driven.sent
  assert.equal(packet?.state, 'down')
  assert.equal(packet.diagnostic, 0)
  assert.equal(packet.yourDiscriminator, 0)
  assert.equal(packet.myDiscriminator, ours)
})

test('two active sides come up by Down, Init, Up, and each says at once what changed [rfc5880-6.8.7-changed-contents]', () => {
  const driven = Driven.started()
  driven.receive({ yourDiscriminator: 0, state: 'down' })
  assert.deepEqual(
    driven.sent.map(({ state, yourDiscriminator }) => ({ state, yourDiscriminator })),
    [{ state: 'init', yourDiscriminator: theirs }],
  )
  driven.receive({ state: 'up' })
  assert.deepEqual(
    driven.sent.map(({ state }) => state),
    ['up'],
  )
})

test('nothing for a whole Detection Time: Down with diagnostic 1, and the peer forgotten [rfc5880-6.8.4-expired] [rfc5880-6.8.1-remote-discr-forgotten]', () => {
  const driven = Driven.up()
  driven.ring('detect', 900)
  assert.equal(driven.session.state, 'down')
  const [packet] = driven.sent
  assert.equal(packet?.state, 'down')
  assert.equal(packet.diagnostic, 1)
  assert.equal(packet.yourDiscriminator, 0)
  assert.deepEqual(
    driven.outputs.filter(({ kind }) => kind === 'changed'),
    [{ kind: 'changed', from: 'up', to: 'down', reason: { kind: 'detectionTimeExpired', withinMs: 900 } }],
  )
})

test('a session in Init ends the same way [rfc5880-6.8.4-expired]', () => {
  const driven = Driven.started()
  driven.receive({ yourDiscriminator: 0 })
  driven.ring('detect', 900)
  assert.equal(driven.session.state, 'down')
  assert.equal(driven.session.localDiagnostic, 1)
})

test('a session that is Down already keeps its diagnostic when the peer falls silent, and forgets it [rfc5880-6.8.1-remote-discr-forgotten]', () => {
  const driven = Driven.up()
  driven.receive({ state: 'down', diagnostic: 1 })
  assert.equal(driven.session.localDiagnostic, 3)
  driven.ring('detect', 3000)
  assert.equal(driven.session.localDiagnostic, 3)
  assert.deepEqual(
    driven.outputs.filter(({ kind }) => kind === 'changed'),
    [],
  )
  driven.ring('transmit', 1000)
  assert.equal(driven.sent[0]?.yourDiscriminator, 0)
})

test('the peer is kept for a Detection Time whatever the state [rfc5880-6.8.1-state-preserved]', () => {
  const driven = Driven.up()
  driven.receive({ state: 'down', diagnostic: 1 })
  assert.equal(driven.armed('detect'), 900)
  driven.ring('transmit', 899)
  assert.equal(driven.sent[0]?.yourDiscriminator, theirs)
})

test('a peer that says Down ends a session that was Up with diagnostic 3 [rfc5880-6.8.6-neighbor-down]', () => {
  const driven = Driven.up()
  driven.receive({ state: 'down', diagnostic: 1 })
  assert.equal(driven.sent[0]?.state, 'down')
  assert.equal(driven.sent[0].diagnostic, 3)
})

test('a peer that is AdminDown ends the session with diagnostic 3, keeps it Down, and that is no failure [rfc5880-6.8.6-neighbor-admin-down] [rfc5882-4.2-remote-admin-down] [rfc5882-3.2-admin-down]', () => {
  const driven = Driven.up()
  driven.receive({ state: 'adminDown', diagnostic: 7 })
  assert.equal(driven.session.state, 'down')
  assert.equal(driven.session.localDiagnostic, 3)
  const changed = driven.outputs.find((output) => output.kind === 'changed')
  assert.equal(changed?.reason.kind, 'neighborAdminDown')
  assert.equal(isPathFailure(changed.from, changed.reason), false)
  driven.receive({ state: 'adminDown', diagnostic: 7 })
  assert.equal(driven.session.state, 'down')
  assert.deepEqual(driven.sent, [])
})

test('silence and a Down of the peer are failures, but of a session that was Up only [rfc5882-3.2-up-to-down]', () => {
  const expired = { kind: 'detectionTimeExpired', withinMs: 1 } as const
  const signaled = { kind: 'neighborSignaledDown', remoteDiagnostic: 1 } as const
  assert.deepEqual(
    (['up', 'init', 'down'] as const).map((from) => [isPathFailure(from, expired), isPathFailure(from, signaled)]),
    [
      [true, true],
      [false, false],
      [false, false],
    ],
  )
  assert.equal(isPathFailure('up', { kind: 'stopped' }), false)
})

test('when a peer says AdminDown and then nothing, the session that it ends is not ended again', () => {
  const driven = Driven.up()
  driven.receive({ state: 'adminDown', diagnostic: 7 })
  driven.ring('detect', 3000)
  assert.deepEqual(
    driven.outputs.filter(({ kind }) => kind === 'changed'),
    [],
  )
})

test('a stop is told with AdminDown and diagnostic 7, until the peer confirms it [rfc5880-6.8.16-disable] [rfc5880-6.8.16-linger]', () => {
  const driven = Driven.up()
  driven.feed({ kind: 'stop' })
  const [packet] = driven.sent
  assert.equal(packet?.state, 'adminDown')
  assert.equal(packet.diagnostic, 7)
  assert.equal(packet.isPoll, true)
  assert.ok((driven.armed('linger') ?? 0) >= 900)
  driven.ring('transmit', 1000)
  assert.equal(driven.sent[0]?.state, 'adminDown')
  driven.receive({ state: 'down', isFinal: true })
  assert.equal(driven.outputs.at(-1)?.kind, 'ended')
})

test('a Final that answers an earlier Poll does not end the telling', () => {
  const driven = Driven.up()
  driven.feed({ kind: 'stop' })
  driven.receive({ state: 'up', isFinal: true })
  assert.equal(
    driven.outputs.some(({ kind }) => kind === 'ended'),
    false,
  )
})

test('a peer that does not confirm is told for at least its Detection Time, and no longer than needed [rfc5880-6.8.16-linger]', () => {
  const driven = Driven.up()
  driven.feed({ kind: 'stop' })
  driven.ring('linger', 1200)
  assert.equal(driven.outputs.at(-1)?.kind, 'ended')
  assert.deepEqual(driven.feed({ kind: 'received', packet: packetOf({ state: 'up' }) }), [])
  assert.deepEqual(driven.ring('transmit', 1000), [])
})

test('a session that never had a peer ends at once, and says nothing', () => {
  const driven = Driven.started()
  driven.ring('transmit')
  driven.feed({ kind: 'stop' })
  assert.deepEqual(driven.sent, [])
  assert.equal(driven.outputs.at(-1)?.kind, 'ended')
})

test('an active side sends before it is heard [rfc5880-6.1-active]', () => {
  const driven = Driven.started()
  assert.equal(driven.armed('transmit'), 0)
  driven.ring('transmit')
  assert.equal(driven.sent.length, 1)
})

test('a passive side says nothing before it has heard the peer, and nothing again once that is forgotten [rfc5880-6.1-passive] [rfc5880-6.8.7-passive]', () => {
  const driven = Driven.started({ isPassive: true })
  assert.equal(driven.armed('transmit'), undefined)
  driven.receive({ yourDiscriminator: 0 })
  assert.equal(driven.sent.length, 1)
  assert.ok(driven.armed('transmit') !== undefined)
  driven.ring('detect', 900)
  assert.deepEqual(driven.sent, [])
  assert.deepEqual(driven.isDisarmed, ['transmit'])
})
