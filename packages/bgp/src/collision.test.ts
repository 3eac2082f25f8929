import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerConfig } from './peer.ts'
import type { Peer } from './step.ts'
import { createPeer, refusal } from './step.ts'
import { Pair, chooser, sessionRole } from './testing/pair.ts'
import {
  configOf,
  connected,
  establishedPeer,
  feed,
  keepalive,
  openOf,
  opening,
  received,
  rendered,
  sentMessages,
  statesOf,
} from './testing/peers.ts'

const high = 0xf0000001
const low = 0x0a000001

const pairOf = (a: Partial<PeerConfig>, b: Partial<PeerConfig>, seed: number): Pair =>
  new Pair(
    [
      createPeer(configOf({ localAsn: 65010, remoteAsn: 65020, ...a }), 0),
      createPeer(configOf({ localAsn: 65020, remoteAsn: 65010, ...b }), 0),
    ],
    chooser(seed),
  )

/** Runs until both have a session and nothing is under way. */
function settle(pair: Pair): Pair {
  for (let turns = 0; turns < 10_000; turns += 1) {
    if (pair.advance()) continue
    if (pair.sides.every((side) => sessionRole(side) !== undefined)) return pair
    pair.ring()
  }
  throw new Error('no session came about')
}

function assertOneSession(pair: Pair, seed: number): void {
  const [a, b] = pair.sides
  const [roleOfA, roleOfB] = [sessionRole(a), sessionRole(b)]
  assert.notEqual(roleOfA, roleOfB, `seed ${seed}: each has the connection that it dialed, or each the other's`)
  assert.equal(a.wires.get(roleOfA!), b.wires.get(roleOfB!), `seed ${seed}: the same connection`)
  for (const side of pair.sides) {
    assert.equal(side.wires.size, 1, `seed ${seed}: nothing else is open`)
    assert.deepEqual([...side.timers.keys()].sort(), [`${sessionRole(side)!} hold`, `${sessionRole(side)!} keepalive`])
  }
}

const cases: readonly (readonly [string, Partial<PeerConfig>, Partial<PeerConfig>])[] = [
  ['identifiers that are negative as signed numbers', { routerId: high }, { routerId: low }],
  ['the other way round', { routerId: low }, { routerId: high }],
  ['equal identifiers, different AS (RFC 6286)', { routerId: low }, { routerId: low }],
  ['DelayOpen on one side', { routerId: low, delayOpenSeconds: 2 }, { routerId: high }],
  ['DelayOpen on the winning side', { routerId: high, delayOpenSeconds: 2 }, { routerId: low }],
  ['DelayOpen on both sides', { routerId: low, delayOpenSeconds: 2 }, { routerId: high, delayOpenSeconds: 3 }],
]

const restarts: Partial<PeerConfig> = { gracefulRestart: { restartTimeSeconds: 120, hasNotification: true } }

for (const [name, a, b] of cases) {
  test(`whatever the order of events, both sides keep the same one connection: ${name} [rfc4271-6.8-one-survives]`, () => {
    for (let seed = 0; seed < 500; seed += 1) assertOneSession(settle(pairOf(a, b, seed)), seed)
  })

  test(`and with graceful restart, which lets a new connection replace a session: ${name}`, () => {
    for (let seed = 0; seed < 500; seed += 1) {
      assertOneSession(settle(pairOf({ ...a, ...restarts }, { ...b, ...restarts }, seed)), seed)
    }
  })
}

test('of two connections nobody ever gives up both: where both sides listen, no back-off is needed', () => {
  for (let seed = 0; seed < 2000; seed += 1) {
    const pair = pairOf({ routerId: high }, { routerId: low }, seed)
    pair.start()
    assertOneSession(settle(pair), seed)
    assert.equal(pair.now, 0, `seed ${seed} needed a timer`)
  }
})

test('when both connections get as far as OPEN, that of the higher identifier survives [rfc4271-6.8-higher-identifier] [rfc4271-6.8-unsigned]', () => {
  const open = openOf({ routerId: 0x7fffffff })
  const bothOpen = (routerId: number): Peer =>
    feed(createPeer(configOf({ routerId }), 0), [{ kind: 'start' }, connected('active'), connected('passive')]).peer
  const ours = feed(bothOpen(high), [received('active', open)])
  assert.deepEqual(statesOf(ours.peer), ['openConfirm', 'active'])
  // The one that loses has its OPEN first and is in OpenConfirm when that of the other comes.
  const theirs = feed(bothOpen(low), [received('active', open), received('passive', open)])
  assert.deepEqual(statesOf(theirs.peer), ['idle', 'openConfirm'])
  const secondLoses = feed(bothOpen(low), [received('passive', open)])
  assert.deepEqual(statesOf(secondLoses.peer), ['idle', 'openConfirm'])
})

test('with equal identifiers the connection of the higher AS survives (RFC 6286) [rfc6286-2.3-larger-as]', () => {
  const decided = [65030, 65010].map((localAsn) => {
    const config = configOf({ localAsn, routerId: low })
    const start = feed(createPeer(config, 0), [{ kind: 'start' }, connected('active'), connected('passive')])
    const open = openOf({ routerId: low })
    return feed(start.peer, [received(localAsn === 65030 ? 'active' : 'passive', open)]).peer
  })
  assert.deepEqual(decided.map(statesOf), [
    ['openConfirm', 'active'],
    ['idle', 'openConfirm'],
  ])
})

test('the loser has the same outputs whichever side it is: notify, hang up, idle [rfc4486-4-collision]', () => {
  const outputs = (['active', 'passive'] as const).map((loser) => {
    const routerId = loser === 'active' ? low : high
    const config = configOf({ routerId })
    const start = feed(createPeer(config, 0), [{ kind: 'start' }, connected('active'), connected('passive')])
    const open = openOf({ routerId: 0x7fffffff })
    const other = loser === 'active' ? 'passive' : 'active'
    return rendered(feed(start.peer, [received(other, open)]).outputs, loser)
  })
  const lost = ['send 6/7', 'hangUp', 'disarm hold', 'openSent to idle: collision']
  assert.deepEqual(outputs[0], lost)
  assert.deepEqual(outputs[1], [...lost, 'idle to active: listening'])
})

test('an Established session is never given up for a new connection [rfc4271-6.8-established-stays]', () => {
  const peer = establishedPeer({ routerId: low })
  assert.deepEqual(statesOf(peer), ['established', 'idle'])
  assert.equal(refusal(peer)?.code, 'connectionRejected')
  const { peer: after, outputs } = feed(peer, [connected('passive'), received('passive', openOf({ routerId: high }))])
  assert.deepEqual(rendered(outputs), [])
  assert.deepEqual(statesOf(after), ['established', 'idle'])
})

test('a session that comes up on one connection ends the other one, however far that is [rfc4271-6.8-other-closed]', () => {
  const start = feed(createPeer(configOf({ routerId: low }), 0), [{ kind: 'start' }, connected('active')]).peer
  const open = openOf({ routerId: high })
  const both = feed(start, [received('active', open), connected('passive')]).peer
  assert.deepEqual(statesOf(both), ['openConfirm', 'openSent'])
  const { peer, outputs } = feed(both, [received('active', keepalive)])
  assert.deepEqual(statesOf(peer), ['established', 'idle'])
  assert.deepEqual(rendered(outputs, 'passive'), ['send 6/7', 'hangUp', 'disarm hold', 'openSent to idle: collision'])
})

test("our dial is given up when the peer's connection is agreed, and taken up again when that fails", () => {
  const start = feed(createPeer(configOf(), 0), [{ kind: 'start' }]).peer
  const agreed = feed(start, [connected('passive'), received('passive', openOf())])
  assert.deepEqual(rendered(agreed.outputs, 'active'), [
    'hangUp',
    'disarm connectRetry',
    'connect to idle: otherConnection',
  ])
  const failed = feed(agreed.peer, [{ kind: 'disconnected', role: 'passive', code: 'EOF', message: 'closed' }])
  assert.match(rendered(failed.outputs, 'active').join(), /^arm idleHold (7[5-9]\d|[89]\d\d|1000)$/)
  assert.deepEqual(statesOf(failed.peer), ['idle', 'active'])
})

test('of a thousand connections without an OPEN one is kept, and a session comes up all the same', () => {
  let peer = feed(createPeer(configOf(), 0), [{ kind: 'start' }, connected('passive')]).peer
  for (let count = 0; count < 1000; count += 1) assert.equal(refusal(peer)?.code, 'connectionRejected')
  const { outputs, peer: after } = feed(peer, opening('active', openOf({ routerId: low - 1 })))
  peer = after
  assert.deepEqual(statesOf(peer), ['established', 'idle'])
  assert.equal(sentMessages(outputs).filter(({ kind }) => kind === 'notification').length, 1)
})
