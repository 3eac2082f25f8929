import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { hostPrefix, ipv4 } from '@holdfast/ip'
import { decodeMessage } from './decode.ts'
import { encodeMessage } from './encode.ts'
import { sessionReset } from './fault.ts'
import { initialContext } from './messages.ts'
import type { CeaseReason, PeerConfig, PeerInput, PeerOutput } from './peer.ts'
import type { Route } from './routes.ts'
import type { Peer } from './step.ts'
import { createPeer, refusal, step } from './step.ts'
import {
  attributesOf,
  configOf,
  connected,
  disconnected,
  emptyUpdate,
  establishedPeer,
  feed,
  fourOctet,
  keepalive,
  notificationOf,
  openOf,
  opening,
  reasonsOf,
  received,
  render,
  rendered,
  sentMessages,
  statesOf,
  timer,
  unicast,
} from './testing/peers.ts'
import { announcing, attributes } from './testing/vectors.ts'

const started = (changes: Partial<PeerConfig> = {}): Peer =>
  feed(createPeer(configOf(changes), 0), [{ kind: 'start' }]).peer
const routes: readonly Route[] = [
  {
    prefix: hostPrefix(ipv4(0xc6336401)),
    attributes: attributesOf(),
  },
]

/** How long each `arm` of a timer waits. */
const waits = (outputs: readonly PeerOutput[], name: string): number[] =>
  outputs.flatMap((output) => (output.kind === 'arm' && output.timer === name ? [output.ms] : []))

suite('a session comes up and ends', () => {
  test('on the connection that we open', () => {
    const { outputs, peer } = feed(createPeer(configOf(), 0), [{ kind: 'start' }, ...opening('active')])
    assert.deepEqual(
      rendered(outputs).filter((line) => !line.startsWith('arm')),
      [
        ...['dial', 'idle to connect: started', 'idle to active: listening'],
        ...['send open', 'disarm connectRetry', 'connect to openSent: tcpConnected'],
        ...['codec', 'send keepalive', 'openSent to openConfirm: openAccepted'],
        ...['openConfirm to established: established', 'established', 'active to idle: otherConnection'],
      ],
    )
    assert.deepEqual(statesOf(peer), ['established', 'idle'])
  })

  test('on the connection that the peer opens; a passive peer never dials [rfc4271-8.1.1-passive]', () => {
    const { outputs, peer } = feed(started({ isPassive: true }), opening('passive'))
    assert.deepEqual(statesOf(peer), ['idle', 'established'])
    const again = feed(peer, [disconnected('passive')])
    assert.deepEqual(statesOf(again.peer), ['idle', 'active'])
    assert.equal(
      [...outputs, ...again.outputs].some(({ kind }) => kind === 'dial'),
      false,
    )
  })

  test('nothing happens before the start [rfc4271-8.2.2-idle-refuses]', () => {
    const { peer, outputs } = feed(createPeer(configOf(), 0), [...opening('passive'), timer('active', 'idleHold')])
    assert.deepEqual(outputs, [])
    assert.equal(refusal(peer)?.code, 'connectionRejected')
  })

  test('a stop says why in the Cease (RFC 4486) and ends everything', () => {
    const subcodes: Readonly<Record<CeaseReason, string>> = {
      administrativeShutdown: 'send 6/2',
      peerDeconfigured: 'send 6/3',
      administrativeReset: 'send 6/4',
      configurationChange: 'send 6/6',
    }
    for (const [reason, sent] of Object.entries(subcodes) as [CeaseReason, string][]) {
      const { outputs, peer } = feed(establishedPeer(), [{ kind: 'stop', reason }])
      assert.deepEqual(rendered(outputs), [
        ...[sent, 'hangUp', 'disarm hold', 'disarm keepalive'],
        ...[`established to idle: ${reason}`, `lost: ${reason}`],
      ])
      assert.deepEqual(statesOf(peer), ['idle', 'idle'])
    }
  })

  test('a stop ends a wait, a start begins at once [rfc4271-8.1.2-manual-start]', () => {
    const waiting = feed(started(), [disconnected('active')]).peer
    const stopped = feed(waiting, [{ kind: 'stop', reason: 'administrativeShutdown' }])
    assert.deepEqual(rendered(stopped.outputs, 'active'), ['disarm idleHold'])
    assert.equal(rendered(feed(stopped.peer, [{ kind: 'start' }]).outputs)[0], 'dial')
    assert.equal(rendered(feed(waiting, [{ kind: 'start' }]).outputs)[0], 'dial')
  })
})

suite('hold time 0', () => {
  for (const [who, ours, theirs] of [
    ['ours', 0, 90],
    ["the peer's", 90, 0],
  ] as const) {
    test(`${who}: the session stays up past several KEEPALIVEs and UPDATEs, and no timer is left armed [rfc4271-4.2-zero-no-timers]`, () => {
      const peer = establishedPeer({ holdTimeSeconds: ours }, openOf({ holdTimeSeconds: theirs }))
      const inputs: PeerInput[] = [1, 2, 3, 4].flatMap((count) => [
        received('active', keepalive),
        received('active', emptyUpdate),
        { kind: 'desire', routes: count % 2 === 0 ? routes : [] },
      ])
      const { outputs, peer: after } = feed(peer, inputs)
      assert.deepEqual(statesOf(after), ['established', 'idle'])
      assert.deepEqual(
        outputs.filter(({ kind }) => kind === 'arm'),
        [],
      )
    })

    test(`${who}: of all timers that were armed on the way none is left`, () => {
      const { outputs } = feed(createPeer(configOf({ holdTimeSeconds: ours }), 0), [
        { kind: 'start' },
        ...opening('active', openOf({ holdTimeSeconds: theirs })),
      ])
      assert.deepEqual([...armed(outputs)], [])
    })
  }
})

/** Names of the timers that run after these outputs. */
function armed(outputs: readonly PeerOutput[], before: ReadonlySet<string> = new Set()): ReadonlySet<string> {
  const running = new Set(before)
  for (const output of outputs) {
    if (output.kind === 'arm') running.add(`${output.role} ${output.timer}`)
    if (output.kind === 'disarm') running.delete(`${output.role} ${output.timer}`)
  }
  return running
}

suite('reconnection', () => {
  /** Waits between a failed dial and the next one. */
  function dialWaits(config: Partial<PeerConfig>, count: number): number[] {
    let peer = started(config)
    return Array.from({ length: count }, () => {
      const failed = feed(peer, [disconnected('active')])
      peer = feed(failed.peer, [timer('active', 'idleHold')]).peer
      return waits(failed.outputs, 'idleHold')[0]!
    })
  }

  test('waits double from one second up to the ConnectRetryTime, less a quarter of jitter at most [rfc4271-10-jitter-range] [rfc4271-8.1.1-oscillation]', () => {
    for (let seed = 0; seed < 50; seed += 1) {
      for (const [index, wait] of dialWaits({ seed, connectRetrySeconds: 20 }, 8).entries()) {
        const full = [1000, 2000, 4000, 8000, 16_000, 20_000, 20_000, 20_000][index]!
        assert.ok(wait >= full * 0.75 && wait <= full, `${wait} of ${full}`)
      }
    }
  })

  test('jitter is drawn from the whole quarter, and the same from the same seed [rfc4271-10-jitter]', () => {
    const first = Array.from({ length: 200 }, (_, seed) => dialWaits({ seed }, 1)[0]!)
    assert.ok(Math.min(...first) < 765 && Math.max(...first) > 985)
    assert.deepEqual(dialWaits({ seed: 7 }, 20), dialWaits({ seed: 7 }, 20))
  })

  test('a dial without an answer is given up and repeated', () => {
    const { outputs, peer } = feed(started(), [timer('active', 'connectRetry')])
    const lines = rendered(outputs, 'active').map((line) => line.replace(/\d+$/, 'N'))
    assert.deepEqual(lines, ['hangUp', 'dial', 'arm connectRetry N', 'connect to connect: connectTimeout'])
    assert.deepEqual(statesOf(peer), ['connect', 'active'])
  })

  test('after a session that lasted the first wait is the shortest again, after one that did not it is longer', () => {
    const lossAfter = (ms: number): number => {
      const flapped = [1, 2, 3].reduce((peer) => {
        const up = feed(peer, opening('active')).peer
        return feed(up, [disconnected('active'), timer('active', 'idleHold')], 10).peer
      }, started())
      const up = feed(flapped, opening('active'), 100).peer
      return waits(feed(up, [disconnected('active')], 100 + ms).outputs, 'idleHold')[0]!
    }
    assert.ok(lossAfter(60_000) <= 1000)
    assert.ok(lossAfter(1000) >= 6000)
  })

  test('the peer may connect again at once after a lost connection, and seconds later after a fault of its own', () => {
    const up = feed(started({ isPassive: true }), opening('passive')).peer
    assert.equal(refusal(feed(up, [disconnected('passive')]).peer), undefined)
    let peer = up
    for (let count = 0; count < 10; count += 1) {
      const failed = feed(peer, [{ kind: 'faulted', role: 'passive', fault: sessionReset(3, 1, 'test') }])
      assert.equal(refusal(failed.peer)?.code, 'connectionRejected')
      assert.ok(waits(failed.outputs, 'idleHold')[0]! <= 5000)
      peer = feed(failed.peer, [timer('passive', 'idleHold'), ...opening('passive')]).peer
    }
  })

  test('connections of the peer that come to nothing do not slow our own dialing', () => {
    const noise = Array.from({ length: 100 }, () => [connected('passive'), disconnected('passive')]).flat()
    const { outputs } = feed(feed(started(), noise).peer, [disconnected('active')])
    assert.ok(waits(outputs, 'idleHold')[0]! <= 1000)
  })
})

suite('reasons that a person understands', () => {
  test('a wrong AS number: 2/2 and both numbers [rfc4271-6.2-peer-as]', () => {
    const open = openOf({ asn: 65099, capabilities: [fourOctet(65099), unicast(1)] })
    const { outputs } = feed(started(), [connected('active'), received('active', open)])
    assert.deepEqual(sentMessages(outputs).at(-1), notificationOf(2, 2))
    assert.equal(
      reasonsOf(outputs).at(-1),
      'badPeerAs: the peer says it is AS 65099, this BGPPeer expects AS 65020: correct spec.peerASN or the router',
    )
  })

  test("the peer's NOTIFICATION in words", () => {
    const { outputs } = feed(establishedPeer(), [received('active', notificationOf(6, 2))])
    assert.equal(
      reasonsOf(outputs)[0],
      'notificationReceived: the peer closed the session: Cease / Administrative Shutdown (6/2)',
    )
    assert.deepEqual(sentMessages(outputs), [], 'a NOTIFICATION is never answered')
  })

  test("the peer's word that our AS number is not the one that it expects", () => {
    const { outputs } = feed(started(), [connected('active'), received('active', notificationOf(2, 2))])
    assert.equal(
      reasonsOf(outputs).at(-1),
      'notificationReceived: the peer closed the session: OPEN Message Error / Bad Peer AS (2/2): ' +
        'it does not expect AS 65010, correct spec.myASN or the router',
    )
  })

  test("the peer's word that our role does not fit its own", () => {
    const { outputs } = feed(started({ role: 'customer' }), [
      connected('active'),
      received('active', notificationOf(2, 11)),
    ])
    assert.equal(
      reasonsOf(outputs)[1],
      'notificationReceived: the peer closed the session: OPEN Message Error / Role Mismatch (2/11): ' +
        'our role is customer, correct spec.role of the PeerPolicy or the router',
    )
  })

  test('a router that takes our connection and says nothing', () => {
    const silent = feed(started(), [connected('active')]).peer
    const { outputs } = step(silent, timer('active', 'hold'), 240_000)
    assert.equal(reasonsOf(outputs)[0], 'holdTimerExpired: no OPEN came from the peer for 240 s')
  })

  test('a router that says nothing any more [rfc4271-6.5-expired]', () => {
    const { outputs } = feed(establishedPeer(), [timer('active', 'hold')])
    assert.equal(reasonsOf(outputs)[0], 'holdTimerExpired: nothing came from the peer for 90 s')
  })

  test('a broken NOTIFICATION closes without one in reply [rfc4271-6.4-no-answer]', () => {
    const fault = { ...sessionReset(1, 2, 'test'), isSilent: true }
    const { outputs } = feed(establishedPeer(), [{ kind: 'faulted', role: 'active', fault }])
    assert.deepEqual(sentMessages(outputs), [])
    assert.equal(
      outputs.some(({ kind }) => kind === 'hangUp'),
      true,
    )
  })
})

suite('OPENs that the reader refuses are answered with what is wrong (RFC 4271 section 6.2)', () => {
  const cases: readonly (readonly [string, Parameters<typeof openOf>[0], string, string])[] = [
    ['version 3 [rfc4271-6.2-open-error-code]', { version: 3 }, 'send 2/1', 'unsupportedVersion'],
    ['version 5', { version: 5 }, 'send 2/1', 'unsupportedVersion'],
    ['AS 0', { asn: 0, capabilities: [] }, 'send 2/2', 'badPeerAs'],
    ['AS_TRANS without the capability', { asn: 23456, capabilities: [] }, 'send 2/2', 'badPeerAs'],
    ['identifier 0.0.0.0', { routerId: 0 }, 'send 2/3', 'badBgpIdentifier'],
    ['hold time 1', { holdTimeSeconds: 1 }, 'send 2/6', 'unacceptableHoldTime'],
    ['hold time 2', { holdTimeSeconds: 2 }, 'send 2/6', 'unacceptableHoldTime'],
    ['two AS numbers', { capabilities: [fourOctet(1), fourOctet(2)] }, 'send 2/0', 'openMessageError'],
  ]
  for (const [name, changes, sent, code] of cases) {
    test(name, () => {
      const decoded = decodeMessage(encodeMessage(openOf(changes), initialContext), initialContext)
      assert.ok(!decoded.ok)
      const faulted: PeerInput = { kind: 'faulted', role: 'active', fault: decoded.fault }
      const { outputs } = feed(started(), [connected('active'), faulted])
      assert.equal(rendered(outputs, 'active').includes(sent), true)
      assert.equal(
        reasonsOf(outputs).some((reason) => reason.startsWith(`${code}: `)),
        true,
      )
    })
  }

  test('a message before OPEN: 5/1; a second OPEN: 5/2 in OpenConfirm, 5/3 in Established (RFC 6608) [rfc6608-3-subcodes] [rfc6608-4-message-type]', () => {
    for (const message of [keepalive, emptyUpdate]) {
      const early = feed(started(), [connected('active'), received('active', message)])
      assert.deepEqual(
        sentMessages(early.outputs).at(-1),
        notificationOf(5, 1, Uint8Array.of(message.kind === 'keepalive' ? 4 : 2)),
      )
    }
    const open = received('active', openOf())
    const second = feed(started(), [connected('active'), open, open])
    assert.deepEqual(sentMessages(second.outputs).at(-1), notificationOf(5, 2, Uint8Array.of(1)))
    assert.deepEqual(sentMessages(feed(establishedPeer(), [open]).outputs), [notificationOf(5, 3, Uint8Array.of(1))])
  })
})

suite('routes', () => {
  const endsOfRib = (outputs: readonly PeerOutput[]): number =>
    sentMessages(outputs).filter((message) => message.kind === 'update' && message.endOfRib !== undefined).length

  test('a set that was given before the session goes out when it comes up', () => {
    const { outputs } = feed(started(), [{ kind: 'desire', routes }, ...opening('active')])
    assert.deepEqual(
      sentMessages(outputs).map(({ kind }) => kind),
      ['open', 'keepalive', 'update', 'update', 'update'],
    )
    assert.equal(endsOfRib(outputs), 2)
  })

  test('without a set there is no End-of-RIB, with an empty one there is [rfc4724-4-empty-table]', () => {
    const silent = feed(started(), opening('active'))
    assert.equal(endsOfRib(silent.outputs), 0)
    assert.equal(endsOfRib(feed(silent.peer, [{ kind: 'desire', routes: [] }]).outputs), 2)
  })

  test('a new session gets the whole set again [rfc4271-9.2-whole-table]', () => {
    const up = feed(started(), [{ kind: 'desire', routes }, ...opening('active')]).peer
    const again = feed(up, [disconnected('active'), timer('active', 'idleHold'), ...opening('active')])
    assert.equal(sentMessages(again.outputs).filter(({ kind }) => kind === 'update').length, 3)
  })

  test('an UPDATE that we send puts the next KEEPALIVE off [rfc4271-8.2.2-keepalive-restarted]', () => {
    const { outputs } = feed(establishedPeer(), [{ kind: 'desire', routes }])
    assert.equal(waits(outputs, 'keepalive').length, 1)
  })

  test('routes that cannot be sent are told with the session, and again when it changes', () => {
    const v6 = { ...routes[0]!, prefix: { address: { family: 'ipv6', value: 1n } as const, length: 128 } }
    const { outputs, peer } = feed(started(), [{ kind: 'desire', routes: [v6] }, ...opening('active')])
    assert.deepEqual(outputs.filter(({ kind }) => kind === 'unsent').map(render), ['unsent 1'])
    assert.equal(feed(peer, [{ kind: 'desire', routes: [{ ...v6 }] }]).outputs.length, 0)
    assert.deepEqual(rendered(feed(peer, [{ kind: 'desire', routes: [] }]).outputs), ['unsent 0'])
  })

  test("the peer's UPDATEs are handed on while Established, and void with the session [rfc4271-8.2.2-routes-deleted]", () => {
    const { outputs } = feed(establishedPeer(), [received('active', emptyUpdate), disconnected('active')])
    assert.deepEqual(outputs.filter(({ kind }) => kind === 'learned' || kind === 'lost').map(render), [
      'learned',
      'lost: connectionLost',
    ])
  })
})

suite('what the peer announces', () => {
  const learned = received('active', announcing(attributes(), '192.0.2.2', '198.51.100.0/24', '203.0.113.0/24'))

  test('is never announced again, and changes nothing of what it is sent [rfc8212-3-import]', () => {
    const before = feed(establishedPeer(), [{ kind: 'desire', routes }])
    const { outputs, peer } = feed(before.peer, [learned, learned])
    assert.deepEqual(outputs.filter(({ kind }) => kind === 'send').map(render), [])
    assert.deepEqual(sentMessages(feed(peer, [{ kind: 'desire', routes: [...routes] }]).outputs), [])
  })
})

suite('an outage is told in the same words', () => {
  const ended = (code: string): PeerInput => ({ kind: 'disconnected', role: 'active', code, message: `by ${code}` })

  test('however the system notices that the peer closed', () => {
    const before: readonly (readonly PeerInput[])[] = [
      [connected('active')],
      [connected('active'), received('active', openOf())],
      opening('active'),
    ]
    for (const inputs of before) {
      const reasons = ['EOF', 'ECONNRESET', 'EPIPE'].map((code) =>
        reasonsOf(feed(started(), [...inputs, ended(code)]).outputs).find((reason) =>
          reason.startsWith('connectionLost'),
        ),
      )
      assert.equal(new Set(reasons).size, 1)
      assert.match(reasons[0] ?? '', /^connectionLost: the peer closed the TCP connection.* without a NOTIFICATION$/)
    }
  })

  test('whoever loses patience with a dial first', () => {
    const ours = reasonsOf(feed(started(), [timer('active', 'connectRetry')]).outputs)
    const theirs = reasonsOf(feed(started(), [ended('ETIMEDOUT')]).outputs)
    assert.deepEqual(ours, theirs)
    assert.match(ours[0] ?? '', /^connectTimeout: /)
  })

  test('and other ends in their own', () => {
    assert.equal(
      reasonsOf(feed(establishedPeer(), [ended('ETIMEDOUT')]).outputs)[0],
      'connectionLost: the TCP connection ended: by ETIMEDOUT',
    )
    assert.equal(
      reasonsOf(feed(started(), [ended('ECONNREFUSED')]).outputs)[0],
      'connectFailed: TCP could not be connected: by ECONNREFUSED',
    )
  })
})

test('a broken message that should not have come at all is named by its type as well [rfc6608-4-message-type]', () => {
  const types = [2, 3, 7].map((code) => {
    const fault = { kind: 'faulted', role: 'active', fault: sessionReset(code, 0, 'test') } as const
    const states = [[connected('active')], [connected('active'), received('active', openOf())], opening('active')]
    return states.map((inputs) => {
      const message = sentMessages(feed(started(), [...inputs, fault]).outputs).at(-1)
      return message?.kind === 'notification' ? [message.code, message.subcode, ...message.data] : []
    })
  })
  assert.deepEqual(types, [
    [
      [2, 0],
      [2, 0],
      [5, 3, 1],
    ],
    [
      [5, 1, 2],
      [5, 2, 2],
      [3, 0],
    ],
    [
      [5, 1, 5],
      [5, 2, 5],
      [7, 0],
    ],
  ])
})

test('a step changes nothing of the peer that it is given', () => {
  const before = establishedPeer()
  const first = step(before, { kind: 'desire', routes }, 1)
  const second = step(before, { kind: 'desire', routes }, 1)
  assert.deepEqual(first, second)
  assert.deepEqual(statesOf(before), ['established', 'idle'])
})
