import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { OpenMessage } from './messages.ts'
import type { PeerConfig, PeerInput, PeerOutput, Role } from './peer.ts'
import type { Peer } from './step.ts'
import { createPeer, inboundRole, refusal, step } from './step.ts'
import { Pair, chooser, sessionRole } from './testing/pair.ts'
import {
  attributesOf,
  configOf,
  connected,
  disconnected,
  feed,
  gracefulRestart,
  keepalive,
  notificationOf,
  openOf,
  opening,
  reasonsOf,
  received,
  rendered,
  sentMessages,
  statesOf,
  timer,
} from './testing/peers.ts'
import { prefix } from './testing/vectors.ts'

const restarts: Partial<PeerConfig> = { gracefulRestart: { restartTimeSeconds: 120, hasNotification: true } }
const restartingOpen = (changes: Partial<OpenMessage> = {}, isRestarting = false): OpenMessage => {
  const open = openOf()
  return { ...open, capabilities: [...open.capabilities, gracefulRestart({ isRestarting })], ...changes }
}
const started = (changes: Partial<PeerConfig> = restarts, isRestarting = false): Peer =>
  feed(createPeer(configOf(changes), 0, { isRestarting }), [{ kind: 'start' }]).peer
const up = (role: Role, changes: Partial<PeerConfig> = restarts, open = restartingOpen()): Peer =>
  feed(started(changes), opening(role, open)).peer

const hasRestartBit = (outputs: readonly PeerOutput[]): boolean => {
  const open = sentMessages(outputs).find((message) => message.kind === 'open')
  assert.ok(open)
  const capability = open.capabilities.find(({ kind }) => kind === 'gracefulRestart')
  return capability?.kind === 'gracefulRestart' && capability.isRestarting
}

suite('our own restart', () => {
  test('every OPEN has the R bit until the first session, and none after it [rfc4724-4.1-restart-state] [rfc4724-4.2-no-restart-state]', () => {
    let peer = started(restarts, true)
    for (let count = 0; count < 3; count += 1) {
      const attempt = feed(peer, [connected('active'), received('active', notificationOf(6, 5))])
      assert.equal(hasRestartBit(attempt.outputs), true)
      peer = feed(attempt.peer, [timer('active', 'idleHold')]).peer
    }
    const session = feed(peer, opening('active', restartingOpen()))
    assert.equal(hasRestartBit(session.outputs), true)
    const next = feed(session.peer, [disconnected('active'), timer('active', 'idleHold'), connected('active')])
    assert.equal(hasRestartBit(next.outputs), false)
  })

  test('a process without an earlier life never sets it, also not after a new start', () => {
    const first = feed(started(), [connected('active')])
    assert.equal(hasRestartBit(first.outputs), false)
    const again = feed(first.peer, [{ kind: 'stop', reason: 'restart' }, { kind: 'start' }, connected('active')])
    assert.equal(hasRestartBit(again.outputs), false)
  })

  test('routes go out, then the End-of-RIB of each family, and not before there is a full set [rfc4724-4.1-end-of-rib] [rfc4724-3-no-waiting]', () => {
    const routes = [{ prefix: prefix('198.51.100.1/32'), attributes: attributesOf() }]
    const session = feed(started(restarts, true), opening('active', restartingOpen({}, true)))
    assert.equal(
      sentMessages(session.outputs).some(({ kind }) => kind === 'update'),
      false,
    )
    const { outputs } = feed(session.peer, [{ kind: 'desire', routes }])
    assert.deepEqual(
      sentMessages(outputs).map((message) => message.kind === 'update' && (message.endOfRib ?? 'routes')),
      ['routes', 'ipv4', 'ipv6'],
      'without waiting for the marker of a peer that restarts as well',
    )
  })
})

suite('a peer that restarted and comes back before we noticed (RFC 4724 section 4.2)', () => {
  /** The role that the peer's new connection has beside a session on the other one. */
  const other = (role: Role): Role => (role === 'active' ? 'passive' : 'active')

  for (const role of ['active', 'passive'] as const) {
    const successor = other(role)

    test(`its new connection replaces the session on the ${role} one, which is closed without a word [rfc4724-4.2-new-connection] [rfc4724-4.2-close-previous]`, () => {
      const session = up(role)
      assert.equal(refusal(session), undefined)
      assert.equal(inboundRole(session), successor)
      const { outputs, peer } = feed(session, opening(successor, restartingOpen({}, true)))
      const lines = rendered(outputs).map((line) => line.replace(/^(arm \w+) .*/, '$1'))
      assert.deepEqual(lines, [
        ...['send open', 'arm hold', 'idle to openSent: tcpConnected'],
        ...['codec', 'send keepalive', 'arm hold', 'arm keepalive', 'openSent to openConfirm: openAccepted'],
        ...['hangUp', 'disarm hold', 'disarm keepalive'],
        ...['established to idle: sessionReplaced', 'lost: sessionReplaced'],
        ...['arm hold', 'openConfirm to established: established', 'established'],
      ])
      const closed = outputs.find((output) => output.kind === 'hangUp')
      assert.equal(closed?.kind === 'hangUp' && closed.role, role)
      assert.equal(peer.connections[successor].state, 'established')
      assert.equal(peer.connections[role].state, 'idle')
    })

    test(`it gets all routes anew (${role})`, () => {
      const routes = [{ prefix: prefix('198.51.100.1/32'), attributes: attributesOf() }]
      const session = feed(up(role), [{ kind: 'desire', routes }]).peer
      const { outputs } = feed(session, opening(successor, restartingOpen()))
      assert.equal(sentMessages(outputs).filter(({ kind }) => kind === 'update').length, 3)
    })

    test(`until its KEEPALIVE the session goes on, and stays if nothing comes of the new connection (${role})`, () => {
      const ends: readonly (readonly PeerInput[])[] = [
        [disconnected(successor)],
        [timer(successor, 'hold')],
        [received(successor, keepalive)],
        [received(successor, notificationOf(6, 5))],
        [received(successor, restartingOpen()), disconnected(successor)],
        [received(successor, restartingOpen()), timer(successor, 'hold')],
        [received(successor, restartingOpen({ asn: 65099, capabilities: [] }))],
      ]
      for (const inputs of ends) {
        const session = feed(up(role), [connected(successor)])
        const { outputs, peer } = feed(session.peer, inputs)
        assert.equal(peer.connections[role].state, 'established')
        assert.equal(peer.connections[successor].state, 'idle')
        assert.equal(
          outputs.some(({ kind }) => kind === 'lost'),
          false,
        )
        assert.deepEqual(peer.failures, up(role).failures, 'and it is no failure of the peer')
        assert.equal(refusal(peer), undefined, 'the next one is welcome')
      }
    })

    test(`only the same speaker, with graceful restart: all else loses the collision with 6/7 (${role})`, () => {
      const others: readonly (readonly [OpenMessage, Partial<PeerConfig>])[] = [
        [restartingOpen({ routerId: 0x0a0000ff }), restarts],
        [openOf(), restarts],
        [
          restartingOpen({ asn: 65021, capabilities: [{ kind: 'fourOctetAs', asn: 65021 }, gracefulRestart()] }),
          { ...restarts, remoteAsn: 'external' },
        ],
      ]
      for (const [open, config] of others) {
        const session = up(role, config)
        const { outputs, peer } = feed(session, [connected(successor), received(successor, open)])
        assert.deepEqual(rendered(outputs).slice(-4), [
          ...['send 6/7', 'hangUp', 'disarm hold', 'openSent to idle: collision'],
        ])
        assert.equal(peer.connections[role].state, 'established')
      }
    })

    test(`without graceful restart nobody is let in (${role}) [rfc4271-6.8-established-stays]`, () => {
      for (const [config, open] of [
        [{}, restartingOpen()],
        [restarts, openOf()],
      ] as const) {
        const session = up(role, config, open)
        assert.equal(refusal(session)?.code, 'connectionRejected')
        assert.deepEqual(feed(session, [connected(successor), received(successor, open)]).outputs, [])
      }
    })

    test(`one at a time, and a silent one for half a minute at most (${role})`, () => {
      const { outputs, peer } = feed(up(role), [connected(successor)])
      assert.deepEqual(rendered(outputs)[1], 'arm hold 30000')
      assert.equal(refusal(peer)?.message, 'another connection of the peer is open')
    })

    test(`where the session ends in the meantime the new connection goes on (${role})`, () => {
      const both = feed(up(role), [connected(successor), disconnected(role)])
      assert.equal(both.peer.connections[successor].state, 'openSent')
      const { peer } = feed(both.peer, [received(successor, restartingOpen()), received(successor, keepalive)])
      assert.equal(peer.connections[successor].state, 'established')
    })

    test(`a stop ends both, and leaves no timer (${role})`, () => {
      const both = feed(up(role), [connected(successor), received(successor, restartingOpen())]).peer
      const { outputs, peer } = feed(both, [{ kind: 'stop', reason: 'administrativeShutdown' }])
      assert.deepEqual(statesOf(peer), ['idle', 'idle'])
      assert.deepEqual(
        rendered(outputs).filter((line) => line.startsWith('disarm')),
        ['disarm hold', 'disarm keepalive', 'disarm hold', 'disarm keepalive'],
      )
    })
  }

  test('a passive peer listens again when the session that took the other place ends', () => {
    const config = { ...restarts, isPassive: true }
    const session = feed(up('passive', config), opening('active', restartingOpen())).peer
    assert.deepEqual(statesOf(session), ['established', 'idle'])
    const { peer, outputs } = feed(session, [disconnected('active')])
    assert.deepEqual(statesOf(peer), ['idle', 'active'])
    assert.equal(
      outputs.some(({ kind }) => kind === 'dial'),
      false,
    )
  })

  test('the reason of the end says what happened', () => {
    const { outputs } = feed(up('active'), opening('passive', restartingOpen()))
    assert.equal(
      reasonsOf(outputs).find((reason) => reason.startsWith('sessionReplaced')),
      'sessionReplaced: The peer restarted and opened a new connection, which replaces the session that it has forgotten.',
    )
  })
})

suite('two speakers, one of which loses its power', () => {
  const peerOf = (localAsn: number, routerId: number, isRestarting = false): Peer =>
    createPeer(
      configOf({
        localAsn,
        remoteAsn: localAsn === 65010 ? 65020 : 65010,
        routerId,
        holdTimeSeconds: 90,
        ...restarts,
      }),
      0,
      { isRestarting },
    )

  test('the session is back without waiting for the hold time, whoever dialed and whoever wins collisions', () => {
    let replaced = 0
    for (let seed = 0; seed < 400; seed += 1) {
      const ids = seed % 2 === 0 ? [0xf0000001, 0x0a000001] : [0x0a000001, 0xf0000001]
      const pair = new Pair([peerOf(65010, ids[0]!), peerOf(65020, ids[1]!)], chooser(seed))
      settle(pair)
      const [kept, lost] = seed % 4 < 2 ? pair.sides : [pair.sides[1], pair.sides[0]]
      kept.outputs.length = 0
      const { localAsn, routerId } = lost.peer.config
      pair.restart(lost, { ...peerOf(localAsn, routerId, true) })
      const beganAt = pair.now
      settle(pair, () => kept.outputs.some(({ kind }) => kind === 'established'))
      assert.ok(pair.now - beganAt < 10_000, `seed ${seed}: ${pair.now - beganAt} ms`)
      replaced += kept.outputs.filter(
        (output) => output.kind === 'lost' && output.reason.code === 'sessionReplaced',
      ).length
      assert.equal(kept.wires.size, 1, `seed ${seed}`)
    }
    assert.equal(replaced, 400)
  })

  function settle(pair: Pair, isOver: () => boolean = () => true): void {
    for (let turns = 0; turns < 10_000; turns += 1) {
      if (pair.advance()) continue
      if (isOver() && pair.sides.every((side) => sessionRole(side) !== undefined)) return
      pair.ring()
    }
    throw new Error('no session came about')
  }
})

test('a step with a successor changes nothing of the peer that it is given', () => {
  const both = feed(up('active'), [connected('passive'), received('passive', restartingOpen())]).peer
  const input = received('passive', keepalive)
  assert.deepEqual(step(both, input, 50), step(both, input, 50))
  assert.deepEqual(statesOf(both), ['established', 'openConfirm'])
})
