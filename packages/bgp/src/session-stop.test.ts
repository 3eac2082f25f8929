import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { NotificationMessage } from './messages.ts'
import type { PeerInput, PeerOutput, StopReason } from './peer.ts'
import type { Peer } from './step.ts'
import { createPeer, refusal, step } from './step.ts'
import {
  configOf,
  connected,
  disconnected,
  establishedPeer,
  feed,
  gracefulRestart,
  keepalive,
  openOf,
  opening,
  reasonsOf,
  received,
  rendered,
  sentMessages,
  statesOf,
  timer,
} from './testing/peers.ts'

/** With graceful restart as both sides offer it: not at all, without the N bit of one of them, with both. */
const kinds = ['none', 'plain', 'plain from us', 'notification'] as const
type Kind = (typeof kinds)[number]
type Outcome = Exclude<Kind, 'plain from us'>

const configFor = (kind: Kind) =>
  configOf({
    gracefulRestart:
      kind === 'none' ? undefined : { restartTimeSeconds: 120, hasNotification: kind !== 'plain from us' },
  })
const openFor = (kind: Kind) => {
  const open = openOf()
  if (kind === 'none') return open
  const capability = gracefulRestart({ hasNotification: kind !== 'plain' })
  return { ...open, capabilities: [...open.capabilities, capability] }
}
const started = (kind: Kind): Peer => feed(createPeer(configFor(kind), 0), [{ kind: 'start' }]).peer
const up = (kind: Kind): Peer => feed(started(kind), opening('active', openFor(kind))).peer
const inOpenSent = (kind: Kind): Peer => feed(started(kind), [connected('active')]).peer
const inOpenConfirm = (kind: Kind): Peer =>
  feed(started(kind), [connected('active'), received('active', openFor(kind))]).peer

const stop = (reason: StopReason, communication?: string): PeerInput => ({
  kind: 'stop',
  reason,
  ...(communication !== undefined && { communication }),
})

/** The NOTIFICATION of a step, as code/subcode and data. */
function said(peer: Peer, input: PeerInput): string {
  const { outputs } = step(peer, input, 10)
  assert.equal(outputs.filter(({ kind }) => kind === 'hangUp').length, 1)
  const notifications = sentMessages(outputs).filter((message): message is NotificationMessage => {
    return message.kind === 'notification'
  })
  assert.ok(notifications.length <= 1)
  return notifications
    .map(({ code, subcode, data }) => `${code}/${subcode} ${Buffer.from(data).toString('hex')}`.trim())
    .join()
}

suite('how we end a session decides what the peer does with our routes', () => {
  const table: readonly (readonly [StopReason, Readonly<Record<Outcome, string>>, string])[] = [
    [
      'administrativeShutdown',
      { none: '6/2', plain: '6/2', notification: '6/9 0602' },
      'for good: a Hard Reset where the peer would keep them otherwise [rfc8538-3.1-hard-reset] [rfc4486-4-shutdown]',
    ],
    [
      'peerDeconfigured',
      { none: '6/3', plain: '6/3', notification: '6/9 0603' },
      'for good, with its own subcode inside of the Hard Reset [rfc8538-3.1-encapsulated] [rfc4486-4-deconfigured]',
    ],
    [
      'administrativeReset',
      { none: '6/4', plain: '', notification: '6/4' },
      'for a moment: without a word where a NOTIFICATION would cost the routes [rfc4486-4-reset] [rfc4724-4-notification-drops]',
    ],
    [
      'configurationChange',
      { none: '6/6', plain: '', notification: '6/6' },
      'for a moment, with its own subcode [rfc4486-4-other-change] [rfc8538-4-kept-after-notification]',
    ],
    ['restart', { none: '6/4', plain: '', notification: '' }, 'for a moment: never a word where routes are kept'],
  ]
  for (const [reason, expected, title] of table) {
    test(`${reason}: ${title}`, () => {
      for (const kind of kinds) {
        const outcome = kind === 'plain from us' ? 'plain' : kind
        assert.equal(said(up(kind), stop(reason)), expected[outcome], `Established, ${kind}`)
        assert.equal(said(inOpenConfirm(kind), stop(reason)), expected[outcome], `OpenConfirm, ${kind}`)
      }
    })
  }

  test('before the OPENs are exchanged there is nothing to keep: the plain subcode', () => {
    for (const kind of kinds) {
      assert.equal(said(inOpenSent(kind), stop('administrativeShutdown')), '6/2')
      assert.equal(said(inOpenSent(kind), stop('configurationChange')), '6/6')
    }
  })

  test('but a restart says nothing there either: who hears an error may wait before it takes the next connection', () => {
    assert.equal(said(inOpenSent('none'), stop('restart')), '6/4')
    assert.equal(said(inOpenSent('plain'), stop('restart')), '')
  })

  test('a stop is no failure: the next start begins at once', () => {
    for (const reason of ['administrativeReset', 'restart'] as const) {
      const stopped = feed(up('notification'), [stop(reason)])
      assert.deepEqual(statesOf(stopped.peer), ['idle', 'idle'])
      assert.deepEqual(reasonsOf(stopped.outputs).length, 1)
      assert.match(reasonsOf(stopped.outputs)[0] ?? '', new RegExp(`^${reason}: `))
      assert.deepEqual(rendered(feed(stopped.peer, [{ kind: 'start' }]).outputs)[0], 'dial')
    }
  })
})

suite('the shutdown communication (RFC 9003)', () => {
  const hex = (text: string): string => Buffer.from(text).toString('hex')

  test('goes out with 6/2 and 6/4, its length first [rfc9003-2-length-and-text]', () => {
    assert.equal(said(up('none'), stop('administrativeShutdown', 'node is drained')), `6/2 0f${hex('node is drained')}`)
    assert.equal(said(up('none'), stop('administrativeReset', 'Ä')), `6/4 02${hex('Ä')}`)
  })

  test('stands inside of a Hard Reset [rfc8538-3.1-data-inside]', () => {
    assert.equal(said(up('notification'), stop('administrativeShutdown', 'bye')), `6/9 060203${hex('bye')}`)
  })

  test('is at most 128 octets, and never half a character [rfc9003-3-128-octets]', () => {
    for (const text of ['ü'.repeat(200), '\u{1f6e0}'.repeat(100), 'a'.repeat(1000)]) {
      const [, data = ''] = said(up('none'), stop('administrativeShutdown', text)).split(' ')
      assert.equal(data, `80${hex(text).slice(0, 256)}`)
    }
    const [, odd = ''] = said(up('none'), stop('administrativeShutdown', `a${'ü'.repeat(200)}`)).split(' ')
    assert.equal(odd, `7f${hex(`a${'ü'.repeat(63)}`)}`)
  })

  test('does not go with any other subcode [rfc9003-2-two-subcodes]', () => {
    assert.equal(said(up('none'), stop('peerDeconfigured', 'text')), '6/3')
    assert.equal(said(up('none'), stop('configurationChange', 'text')), '6/6')
    assert.equal(said(up('none'), stop('administrativeShutdown', '')), '6/2')
  })
})

suite('BFD lost the peer', () => {
  const bfdDown: PeerInput = { kind: 'bfdDown', message: 'nothing came from 192.0.2.2 for 150 ms' }

  test('Cease / BFD Down, and not as a Hard Reset: only the peer knows whether its way to us works [rfc9384-3-subcode] [rfc5882-4.2-bfd-ends-session]', () => {
    for (const kind of kinds) {
      for (const peer of [up(kind), inOpenConfirm(kind), inOpenSent(kind)]) assert.equal(said(peer, bfdDown), '6/10')
    }
  })

  test('says so in the state, whether or not the NOTIFICATION arrives [rfc9384-4-operational-state]', () => {
    const { outputs } = feed(up('none'), [bfdDown])
    assert.deepEqual(reasonsOf(outputs)[0], 'bfdDown: BFD lost the peer: nothing came from 192.0.2.2 for 150 ms')
    assert.deepEqual(rendered(outputs).includes('lost: bfdDown'), true)
  })

  test('the session is tried anew after the back-off', () => {
    const { outputs, peer } = feed(up('none'), [bfdDown])
    assert.deepEqual(statesOf(peer), ['idle', 'active'])
    assert.equal(
      outputs.some((output) => output.kind === 'arm' && output.timer === 'idleHold' && output.ms >= 750),
      true,
    )
  })

  test('a dial that is under way goes on, and a peer that is not started stays so', () => {
    assert.deepEqual(feed(started('none'), [bfdDown]).outputs, [])
    assert.deepEqual(feed(createPeer(configOf(), 0), [bfdDown]).outputs, [])
  })
})

suite('the peer takes nothing any more', () => {
  const expired = timer('active', 'sendHold')

  test('the connection is reset, with 8/0 if that still gets through [rfc9687-5-closed] [rfc9687-4.3-event-29] [rfc9687-5-notification] [rfc9687-6-no-data]', () => {
    for (const peer of [up('notification'), inOpenConfirm('none')]) {
      const { outputs, peer: after } = feed(peer, [expired])
      const lines = rendered(outputs, 'active').filter((line) => !line.startsWith('disarm'))
      assert.deepEqual(lines.slice(0, 2), ['send 8/0', 'abort'])
      assert.equal(after.connections.active.state, 'idle')
      assert.deepEqual(
        sentMessages(outputs).map((message) => message.kind === 'notification' && message.data.length),
        [0],
      )
    }
  })

  test('its reason says for how long [rfc9687-7-reason]', () => {
    assert.equal(
      reasonsOf(feed(up('none'), [expired]).outputs)[0],
      'sendHoldTimerExpired: the peer took nothing that we sent for 480 s',
    )
  })

  test('it counts as a failure: the next attempt waits [rfc9687-4.3-counter]', () => {
    assert.equal(feed(up('none'), [expired]).peer.failures.active, 1)
  })

  test('after the session it is ignored', () => {
    const gone = feed(up('none'), [disconnected('active')]).peer
    assert.deepEqual(feed(gone, [expired]).outputs, [])
  })
})

suite('a NOTIFICATION of the peer', () => {
  /** Milliseconds until the next dial. */
  const waitAfter = (hex: string, config = {}): number => {
    const [code = 0, subcode = 0, ...data] = Buffer.from(hex, 'hex')
    const message: NotificationMessage = { kind: 'notification', code, subcode, data: Uint8Array.from(data) }
    const { outputs } = feed(establishedPeer(config), [received('active', message)])
    const arm = outputs.find((output): output is Extract<PeerOutput, { kind: 'arm' }> => {
      return output.kind === 'arm' && output.timer === 'idleHold'
    })
    return arm?.ms ?? 0
  }

  test('6/1, 6/5 and 6/8 want a longer wait, also from within a Hard Reset [rfc4486-4-damping]', () => {
    assert.ok(waitAfter('0604') <= 1000)
    assert.equal(waitAfter('0601'), 60_000)
    assert.equal(waitAfter('0605'), 2000)
    assert.equal(waitAfter('0608'), 30_000)
    assert.equal(waitAfter('06090601'), 60_000)
  })

  test('but never longer than the ConnectRetryTime, and a start does not wait', () => {
    assert.equal(waitAfter('0601', { connectRetrySeconds: 10 }), 10_000)
    const message: NotificationMessage = { kind: 'notification', code: 6, subcode: 1, data: new Uint8Array(0) }
    const waiting = feed(establishedPeer(), [received('active', message)]).peer
    assert.equal(rendered(feed(waiting, [{ kind: 'start' }]).outputs)[0], 'dial')
  })

  test('the peer itself may come back at any time', () => {
    const message: NotificationMessage = { kind: 'notification', code: 6, subcode: 8, data: new Uint8Array(0) }
    assert.equal(refusal(feed(establishedPeer(), [received('active', message)]).peer), undefined)
  })

  test('is told in words, with what a Hard Reset contains and the text of the operator, made harmless [rfc9003-2-received-text] [rfc8538-3.2-read-inside]', () => {
    const reasonOf = (subcode: number, data: Uint8Array): string =>
      reasonsOf(
        feed(establishedPeer(), [received('active', { kind: 'notification', code: 6, subcode, data })]).outputs,
      )[0] ?? ''
    const text = Buffer.from('rack 7\u001b[31m')
    const prefix = 'notificationReceived: the peer closed the session: '
    assert.equal(
      reasonOf(2, Uint8Array.of(text.length, ...text)),
      `${prefix}Cease / Administrative Shutdown (6/2): "rack 7\\x1b[31m"`,
    )
    assert.equal(
      reasonOf(9, Uint8Array.of(6, 2, text.length, ...text)),
      `${prefix}Cease / Hard Reset (6/9) with Cease / Administrative Shutdown (6/2): "rack 7\\x1b[31m"`,
    )
    assert.equal(reasonOf(9, new Uint8Array(0)), `${prefix}Cease / Hard Reset (6/9)`, 'nothing inside')
    assert.equal(reasonOf(9, Uint8Array.of(6)), `${prefix}Cease / Hard Reset (6/9)`, 'half of something')
    assert.equal(reasonOf(2, Uint8Array.of(200, 65)), `${prefix}Cease / Administrative Shutdown (6/2)`, 'cut off')
  })

  test('is never answered, in no state, also when we are about to close ourselves [rfc4271-6.4-no-answer]', () => {
    const message: NotificationMessage = { kind: 'notification', code: 6, subcode: 9, data: Uint8Array.of(6, 2) }
    for (const peer of [up('notification'), inOpenConfirm('none'), inOpenSent('none')]) {
      const { outputs, peer: after } = feed(peer, [received('active', message)])
      assert.deepEqual(sentMessages(outputs), [])
      assert.deepEqual(
        feed(after, [received('active', message), stop('administrativeShutdown')])
          .outputs.map(({ kind }) => kind)
          .includes('send'),
        false,
      )
    }
  })

  test('before OpenSent, with DelayOpen, it closes as well', () => {
    const delayed = feed(feed(createPeer(configOf({ delayOpenSeconds: 5 }), 0), [{ kind: 'start' }]).peer, [
      connected('active'),
      received('active', { kind: 'notification', code: 6, subcode: 4, data: new Uint8Array(0) }),
    ])
    assert.deepEqual(sentMessages(delayed.outputs), [])
    assert.equal(delayed.peer.connections.active.state, 'idle')
    assert.equal(feed(delayed.peer, [received('active', keepalive)]).outputs.length, 0)
  })
})
