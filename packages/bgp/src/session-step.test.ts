import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { SessionReset } from './fault.ts'
import { sessionReset } from './fault.ts'
import { emptyAdjRibOut } from './outbound.ts'
import { noReduction, openMessage } from './negotiate-offer.ts'
import type { Role, TimerName } from './peer.ts'
import { reasonOf } from './reasons.ts'
import type { Connection, ConnectionEvent, Surroundings } from './session.ts'
import { timersOf } from './session.ts'
import { stepConnection } from './session-step.ts'
import {
  configOf,
  emptyUpdate,
  keepalive,
  local,
  negotiatedOf,
  notificationOf,
  openOf,
  remote,
  rendered,
} from './testing/peers.ts'

/*
 * Every state times every event of RFC 4271 section 8, RFC 9687 and RFC 5882. What is expected was written down from section 8.2.2; where this
 * machine differs on purpose the line says so. '+1' is the ConnectRetryCounter's increment.
 */

const link = { local, remote }
const negotiated = negotiatedOf()
const offer = { open: openMessage(configOf(), { isRestarting: false, reduction: noReduction }), reduction: noReduction }

const since = 0
const connections = {
  idle: { state: 'idle', since, isHeld: false, reason: undefined },
  'idle, held': { state: 'idle', since, isHeld: true, reason: reasonOf('connectFailed') },
  connect: { state: 'connect', since, delayed: undefined },
  'connect, DelayOpen running': { state: 'connect', since, delayed: link },
  active: { state: 'active', since, delayed: undefined },
  'active, DelayOpen running': { state: 'active', since, delayed: link },
  openSent: { state: 'openSent', since, link, offer },
  openConfirm: { state: 'openConfirm', since, negotiated, offer },
  established: {
    state: 'established',
    since,
    negotiated,
    adjRibOut: emptyAdjRibOut,
    refresh: { answered: [], waiting: [] },
    received: undefined,
  },
} satisfies Readonly<Record<string, Connection>>

const start: ConnectionEvent = { kind: 'start' }
const timer = (name: TimerName): ConnectionEvent => ({ kind: 'timer', timer: name })
const fault = (code: number, subcode: number): ConnectionEvent => ({
  kind: 'faulted',
  fault: sessionReset(code, subcode, 'test') satisfies SessionReset,
})
const message = (of: ConnectionEvent & { kind: 'received' }): ConnectionEvent => of

/** Number and name of an event, the connection that it is for, and the input that stands for it. */
const events: readonly (readonly [number, string, Role, ConnectionEvent])[] = [
  [1, 'ManualStart [rfc4271-8.2.2-start]', 'active', start],
  [2, 'ManualStop [rfc4271-8.2.2-manual-stop]', 'active', { kind: 'stop', reason: 'administrativeShutdown' }],
  [3, 'AutomaticStart', 'active', start],
  [4, 'ManualStart_with_PassiveTcpEstablishment', 'passive', start],
  [5, 'AutomaticStart_with_PassiveTcpEstablishment', 'passive', start],
  [6, 'AutomaticStart_with_DampPeerOscillations', 'active', start],
  [7, 'AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment', 'passive', start],
  [8, 'AutomaticStop [rfc4271-8.2.2-automatic-stop]', 'active', { kind: 'stop', reason: 'configurationChange' }],
  [9, 'ConnectRetryTimer_Expires [rfc4271-8.2.2-connect-retry]', 'active', timer('connectRetry')],
  [10, 'HoldTimer_Expires [rfc4271-8.2.2-hold-timer]', 'active', timer('hold')],
  [11, 'KeepaliveTimer_Expires [rfc4271-8.2.2-keepalive-timer]', 'active', timer('keepalive')],
  [12, 'DelayOpenTimer_Expires [rfc4271-8.2.2-delay-open-timer]', 'active', timer('delayOpen')],
  [13, 'IdleHoldTimer_Expires [rfc4271-8.2.2-idle-hold-timer]', 'active', timer('idleHold')],
  [16, 'Tcp_CR_Acked [rfc4271-8.2.2-tcp-acked]', 'active', { kind: 'connected', local, remote }],
  [17, 'TcpConnectionConfirmed [rfc4271-8.2.2-tcp-confirmed]', 'passive', { kind: 'connected', local, remote }],
  [
    18,
    'TcpConnectionFails [rfc4271-8.2.2-tcp-fails]',
    'active',
    { kind: 'disconnected', code: 'ECONNRESET', message: 'reset by peer' },
  ],
  [19, 'BGPOpen [rfc4271-8.2.2-open]', 'active', message({ kind: 'received', message: openOf() })],
  [
    20,
    'BGPOpen with DelayOpenTimer running [rfc4271-8.2.2-open-while-delayed]',
    'active',
    message({ kind: 'received', message: openOf() }),
  ],
  [21, 'BGPHeaderErr [rfc4271-8.2.2-header-error]', 'active', fault(1, 2)],
  [22, 'BGPOpenMsgErr [rfc4271-8.2.2-open-error]', 'active', fault(2, 6)],
  [23, 'OpenCollisionDump [rfc4271-8.2.2-collision-dump]', 'active', { kind: 'dump', reason: reasonOf('collision') }],
  [
    24,
    'NotifMsgVerErr [rfc4271-8.2.2-version-notification]',
    'active',
    message({ kind: 'received', message: notificationOf(2, 1) }),
  ],
  [25, 'NotifMsg [rfc4271-8.2.2-notification]', 'active', message({ kind: 'received', message: notificationOf(6, 4) })],
  [26, 'KeepAliveMsg [rfc4271-8.2.2-keepalive]', 'active', message({ kind: 'received', message: keepalive })],
  [27, 'UpdateMsg [rfc4271-8.2.2-update]', 'active', message({ kind: 'received', message: emptyUpdate })],
  [28, 'UpdateMsgErr [rfc4271-8.2.2-update-error]', 'active', fault(3, 1)],
  [29, 'SendHoldTimer_Expires (RFC 9687) [rfc9687-4.3-event-29]', 'active', timer('sendHold')],
  [
    30,
    'BFD down, which has no number (RFC 5882) [rfc5882-4.2-any-session-state]',
    'active',
    { kind: 'bfdDown', message: 'no packets' },
  ],
]

/** 14 and 15: TCP connections reach the machine when they are complete; `refusal` has turned unwanted ones away. */
const withoutInput = [14, 15]

/** What comes out, in order, the new state included; `ignored`: nothing at all. */
type Expected = readonly string[]
type Table = Readonly<Record<number, Expected>>

const ignored: Expected = []
const spread = (numbers: readonly number[], expected: Expected): Table =>
  Object.fromEntries(numbers.map((number) => [number, expected]))

const dialing = ['dial', 'arm connectRetry 5000']
const opening = ['send open', 'arm hold 240000']
const agreed = ['codec', 'send keepalive', 'arm hold 90000', 'arm keepalive 30000']
const sessionTimers = ['disarm hold', 'disarm keepalive']

const expectations: Readonly<Record<keyof typeof connections, Table>> = {
  idle: {
    ...spread([1, 3, 6], [...dialing, 'idle to connect: started']),
    ...spread([4, 5, 7], ['idle to active: listening']),
    ...spread([2, 8, 9, 10, 11, 12, 13, 16, 17, 18, 19, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30], ignored),
  },
  'idle, held': {
    ...spread([1, 3, 6], [...dialing, 'disarm idleHold', 'idle to connect: started']),
    ...spread([4, 5, 7], ['disarm idleHold', 'idle to active: listening']),
    13: [...dialing, 'idle to connect: retrying'],
    ...spread([2, 8, 9, 10, 11, 12, 16, 17, 18, 19, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30], ignored),
  },
  connect: {
    ...spread([1, 3, 4, 5, 6, 7], ignored),
    2: ['hangUp', 'disarm connectRetry', 'connect to idle: administrativeShutdown'],
    8: ['hangUp', 'disarm connectRetry', 'connect to idle: configurationChange'],
    9: ['hangUp', ...dialing, 'connect to connect: connectTimeout', '+1'],
    16: [...opening, 'disarm connectRetry', 'connect to openSent: tcpConnected'],
    18: ['disarm connectRetry', 'connect to idle: connectFailed', '+1'],
    23: ['hangUp', 'disarm connectRetry', 'connect to idle: collision'],
    ...spread([10, 11, 12, 13, 29], ['hangUp', 'disarm connectRetry', 'connect to idle: unexpectedEvent', '+1']),
    // BFD says that the peer cannot be reached, which the dial will find out as well.
    30: ignored,
    ...spread([19, 24, 25, 26, 27], ['hangUp', 'disarm connectRetry', 'connect to idle: unexpectedMessage', '+1']),
    21: ['hangUp', 'disarm connectRetry', 'connect to idle: messageHeaderError', '+1'],
    22: ['hangUp', 'disarm connectRetry', 'connect to idle: unacceptableHoldTime', '+1'],
    28: ['hangUp', 'disarm connectRetry', 'connect to idle: unexpectedMessage', '+1'],
  },
  // SendNOTIFICATIONwithoutOPEN is in force: there is a connection, so the peer hears why it ends.
  'connect, DelayOpen running': {
    ...spread([1, 3, 4, 5, 6, 7, 16], ignored),
    2: ['send 6/2', 'hangUp', 'disarm delayOpen', 'connect to idle: administrativeShutdown'],
    8: ['send 6/6', 'hangUp', 'disarm delayOpen', 'connect to idle: configurationChange'],
    9: ['hangUp', ...dialing, 'disarm delayOpen', 'connect to connect: connectTimeout', '+1'],
    12: [...opening, 'connect to openSent: tcpConnected'],
    18: ['arm connectRetry 1000', 'disarm delayOpen', 'connect to active: connectionLost', '+1'],
    20: ['send open', ...agreed, 'disarm delayOpen', 'connect to openConfirm: openAccepted'],
    21: ['send 1/2', 'hangUp', 'disarm delayOpen', 'connect to idle: messageHeaderError', '+1'],
    22: ['send 2/6', 'hangUp', 'disarm delayOpen', 'connect to idle: unacceptableHoldTime', '+1'],
    23: ['send 6/7', 'hangUp', 'disarm delayOpen', 'connect to idle: collision'],
    ...spread([24, 25], ['hangUp', 'disarm delayOpen', 'connect to idle: notificationReceived', '+1']),
    ...spread([10, 11, 13, 29], ['send 5/0', 'hangUp', 'disarm delayOpen', 'connect to idle: unexpectedEvent', '+1']),
    30: ignored,
    ...spread([26, 27, 28], ['send 5/0', 'hangUp', 'disarm delayOpen', 'connect to idle: unexpectedMessage', '+1']),
  },
  active: {
    ...spread([1, 3, 4, 5, 6, 7], ignored),
    2: ['disarm connectRetry', 'active to idle: administrativeShutdown'],
    8: ['disarm connectRetry', 'active to idle: configurationChange'],
    9: [...dialing, 'active to connect: retrying'],
    16: [...opening, 'disarm connectRetry', 'active to openSent: tcpConnected'],
    17: [...opening, 'active to openSent: tcpConnected'],
    // Section 8.2.2 restarts the ConnectRetry timer on the way to Idle, where nothing reacts to it: here it is stopped.
    18: ['disarm connectRetry', 'active to idle: connectFailed', '+1'],
    23: ['disarm connectRetry', 'active to idle: collision'],
    ...spread([10, 11, 12, 13, 29], ['disarm connectRetry', 'active to idle: unexpectedEvent', '+1']),
    30: ignored,
    ...spread([19, 24, 25, 26, 27, 28], ['disarm connectRetry', 'active to idle: unexpectedMessage', '+1']),
    21: ['disarm connectRetry', 'active to idle: messageHeaderError', '+1'],
    22: ['disarm connectRetry', 'active to idle: unacceptableHoldTime', '+1'],
  },
  'active, DelayOpen running': {
    ...spread([1, 3, 4, 5, 6, 7, 16, 17], ignored),
    2: ['send 6/2', 'hangUp', 'disarm delayOpen', 'active to idle: administrativeShutdown'],
    8: ['send 6/6', 'hangUp', 'disarm delayOpen', 'active to idle: configurationChange'],
    9: ['hangUp', ...dialing, 'disarm delayOpen', 'active to connect: retrying'],
    12: [...opening, 'active to openSent: tcpConnected'],
    18: ['disarm delayOpen', 'active to idle: connectionLost', '+1'],
    20: ['send open', ...agreed, 'disarm delayOpen', 'active to openConfirm: openAccepted'],
    21: ['send 1/2', 'hangUp', 'disarm delayOpen', 'active to idle: messageHeaderError', '+1'],
    22: ['send 2/6', 'hangUp', 'disarm delayOpen', 'active to idle: unacceptableHoldTime', '+1'],
    23: ['send 6/7', 'hangUp', 'disarm delayOpen', 'active to idle: collision'],
    ...spread([24, 25], ['hangUp', 'disarm delayOpen', 'active to idle: notificationReceived', '+1']),
    ...spread([10, 11, 13, 29], ['send 5/0', 'hangUp', 'disarm delayOpen', 'active to idle: unexpectedEvent', '+1']),
    30: ignored,
    ...spread([26, 27, 28], ['send 5/0', 'hangUp', 'disarm delayOpen', 'active to idle: unexpectedMessage', '+1']),
  },
  openSent: {
    // 16, 17: a second connection is the peer's other connection, or refused.
    ...spread([1, 3, 4, 5, 6, 7, 16, 17], ignored),
    2: ['send 6/2', 'hangUp', 'disarm hold', 'openSent to idle: administrativeShutdown'],
    8: ['send 6/6', 'hangUp', 'disarm hold', 'openSent to idle: configurationChange'],
    10: ['send 4/0', 'hangUp', 'openSent to idle: holdTimerExpired', '+1'],
    // The counter counts here too, so that a peer which accepts and closes is not dialed ever again at the first pace.
    18: ['arm connectRetry 1000', 'disarm hold', 'openSent to active: connectionLost', '+1'],
    19: [...agreed, 'openSent to openConfirm: openAccepted'],
    21: ['send 1/2', 'hangUp', 'disarm hold', 'openSent to idle: messageHeaderError', '+1'],
    22: ['send 2/6', 'hangUp', 'disarm hold', 'openSent to idle: unacceptableHoldTime', '+1'],
    23: ['send 6/7', 'hangUp', 'disarm hold', 'openSent to idle: collision'],
    // Section 8.2.2 answers 25 with an FSM error: a NOTIFICATION is not answered here (section 6.4).
    ...spread([24, 25], ['hangUp', 'disarm hold', 'openSent to idle: notificationReceived', '+1']),
    ...spread([9, 11, 12, 13, 29], ['send 5/1', 'hangUp', 'disarm hold', 'openSent to idle: unexpectedEvent', '+1']),
    30: ['send 6/10', 'hangUp', 'disarm hold', 'openSent to idle: bfdDown', '+1'],
    ...spread([26, 27, 28], ['send 5/1', 'hangUp', 'disarm hold', 'openSent to idle: unexpectedMessage', '+1']),
  },
  openConfirm: {
    ...spread([1, 3, 4, 5, 6, 7, 16, 17], ignored),
    2: ['send 6/2', 'hangUp', ...sessionTimers, 'openConfirm to idle: administrativeShutdown'],
    8: ['send 6/6', 'hangUp', ...sessionTimers, 'openConfirm to idle: configurationChange'],
    10: ['send 4/0', 'hangUp', 'disarm keepalive', 'openConfirm to idle: holdTimerExpired', '+1'],
    11: ['send keepalive', 'arm keepalive 30000'],
    18: [...sessionTimers, 'openConfirm to idle: connectionLost', '+1'],
    // A second OPEN on the same connection; one on the other connection is a collision (collision.test.ts).
    19: ['send 5/2', 'hangUp', ...sessionTimers, 'openConfirm to idle: unexpectedMessage', '+1'],
    21: ['send 1/2', 'hangUp', ...sessionTimers, 'openConfirm to idle: messageHeaderError', '+1'],
    22: ['send 2/6', 'hangUp', ...sessionTimers, 'openConfirm to idle: unacceptableHoldTime', '+1'],
    23: ['send 6/7', 'hangUp', ...sessionTimers, 'openConfirm to idle: collision'],
    ...spread([24, 25], ['hangUp', ...sessionTimers, 'openConfirm to idle: notificationReceived', '+1']),
    26: ['arm hold 90000', 'openConfirm to established: established', 'established'],
    ...spread([9, 12, 13], ['send 5/2', 'hangUp', ...sessionTimers, 'openConfirm to idle: unexpectedEvent', '+1']),
    // RFC 9687 starts the timer in Established; a driver that watches earlier means the same.
    29: ['send 8/0', 'abort', ...sessionTimers, 'openConfirm to idle: sendHoldTimerExpired', '+1'],
    30: ['send 6/10', 'hangUp', ...sessionTimers, 'openConfirm to idle: bfdDown', '+1'],
    ...spread([27, 28], ['send 5/2', 'hangUp', ...sessionTimers, 'openConfirm to idle: unexpectedMessage', '+1']),
  },
  established: {
    ...spread([1, 3, 4, 5, 6, 7, 16, 17], ignored),
    2: [
      ...['send 6/2', 'hangUp', ...sessionTimers],
      ...['established to idle: administrativeShutdown', 'lost: administrativeShutdown'],
    ],
    8: [
      ...['send 6/6', 'hangUp', ...sessionTimers],
      ...['established to idle: configurationChange', 'lost: configurationChange'],
    ],
    10: ['send 4/0', 'hangUp', 'disarm keepalive', ...lost('holdTimerExpired')],
    11: ['send keepalive', 'arm keepalive 30000'],
    18: [...sessionTimers, ...lost('connectionLost')],
    // CollisionDetectEstablishedState is not in force.
    19: ['send 5/3', 'hangUp', ...sessionTimers, ...lost('unexpectedMessage')],
    // Section 8.2.2 says FSM error; section 6.1 and every speaker name the fault.
    21: ['send 1/2', 'hangUp', ...sessionTimers, ...lost('messageHeaderError')],
    22: ['send 5/3', 'hangUp', ...sessionTimers, ...lost('unexpectedMessage')],
    23: ['send 6/7', 'hangUp', ...sessionTimers, 'established to idle: collision', 'lost: collision'],
    ...spread([24, 25], ['hangUp', ...sessionTimers, ...lost('notificationReceived')]),
    26: ['arm hold 90000'],
    27: ['learned', 'arm hold 90000'],
    28: ['send 3/1', 'hangUp', ...sessionTimers, ...lost('updateMessageError')],
    ...spread([9, 12, 13], ['send 5/3', 'hangUp', ...sessionTimers, ...lost('unexpectedEvent')]),
    29: ['send 8/0', 'abort', ...sessionTimers, ...lost('sendHoldTimerExpired')],
    30: ['send 6/10', 'hangUp', ...sessionTimers, ...lost('bfdDown')],
  },
}

function lost(code: string): Expected {
  return [`established to idle: ${code}`, `lost: ${code}`, '+1']
}

/** Cells that cannot be: 20 is 19 where the DelayOpen timer does not run, and 19 is 20 where it does; we alone dial. */
const impossible = (name: keyof typeof connections, number: number): boolean =>
  (number === 20 && !name.includes('DelayOpen')) ||
  (number === 19 && name.includes('DelayOpen')) ||
  (number === 17 && name.startsWith('connect'))

const around = (role: Role, delayOpenSeconds = 0): Surroundings => ({
  config: configOf({ delayOpenSeconds }),
  role,
  now: 0,
  jitter: 1,
  retryMs: 1000,
  circumstances: { isRestarting: false, reduction: noReduction },
  isSuccessor: false,
})

const names = Object.keys(connections) as (keyof typeof connections)[]

suite('every state meets every event of RFC 4271 section 8', () => {
  for (const name of names) {
    for (const [number, event, role, input] of events) {
      if (impossible(name, number)) continue
      test(`${name}: ${number} ${event}`, () => {
        const outcome = stepConnection(connections[name], input, around(role))
        const actual = [...rendered(outcome.outputs), ...(outcome.isFailure ? ['+1'] : [])]
        const expected = expectations[name][number]
        assert.deepEqual(actual, expected)
        const to = outcome.outputs.findLast((output) => output.kind === 'changed')?.to ?? connections[name].state
        assert.equal(outcome.connection.state, to)
      })
    }
  }

  test('no cell is left out', () => {
    for (const name of names) {
      const cells = new Set([...withoutInput, ...events.map(([number]) => number)])
      assert.deepEqual(
        [...cells].sort((a, b) => a - b),
        Array.from({ length: 30 }, (_, index) => index + 1),
      )
      const wanted = events.map(([number]) => number).filter((number) => !impossible(name, number))
      assert.deepEqual(Object.keys(expectations[name]).map(Number), wanted)
    }
  })
})

suite('beside a session that may be replaced (RFC 4724 section 4.2)', () => {
  const successor = { ...around('passive'), isSuccessor: true }
  const up: ConnectionEvent = { kind: 'connected', local, remote }

  test('TCP brings Idle to OpenSent, with less time than usual and without DelayOpen', () => {
    for (const delayOpenSeconds of [0, 7]) {
      const config = configOf({ delayOpenSeconds })
      const { outputs, connection } = stepConnection(connections.idle, up, { ...successor, config })
      assert.deepEqual(rendered(outputs), ['send open', 'arm hold 30000', 'idle to openSent: tcpConnected'])
      assert.equal(connection.state, 'openSent')
    }
  })

  test('its end in OpenSent leads to Idle, not to Active', () => {
    const { outputs } = stepConnection(
      connections.openSent,
      { kind: 'disconnected', code: 'EOF', message: 'closed' },
      { ...successor, role: 'active' },
    )
    assert.deepEqual(rendered(outputs), ['disarm hold', 'openSent to idle: connectionLost'])
  })

  test('what it replaces is closed without a word, and that is no failure', () => {
    const dump: ConnectionEvent = { kind: 'dump', reason: reasonOf('sessionReplaced'), isSilent: true }
    const { outputs, isFailure } = stepConnection(connections.established, dump, around('active'))
    assert.deepEqual(rendered(outputs), [
      ...['hangUp', ...sessionTimers, 'established to idle: sessionReplaced', 'lost: sessionReplaced'],
    ])
    assert.equal(isFailure, false)
  })
})

test('with DelayOpen our OPEN waits, in the state in which TCP came up [rfc4271-8.1.1-delay-open]', () => {
  const delayed = around('active', 7)
  const inConnect = stepConnection(connections.connect, { kind: 'connected', local, remote }, delayed)
  assert.deepEqual(rendered(inConnect.outputs), ['arm delayOpen 7000', 'disarm connectRetry'])
  assert.deepEqual(inConnect.connection, connections['connect, DelayOpen running'])
  const listening = stepConnection(connections.active, { kind: 'connected', local, remote }, around('passive', 7))
  assert.deepEqual(rendered(listening.outputs), ['arm delayOpen 7000'])
  assert.deepEqual(listening.connection, connections['active, DelayOpen running'])
})

test('timers that run in a state follow from the state alone', () => {
  const running: Readonly<Record<keyof typeof connections, readonly TimerName[]>> = {
    idle: [],
    'idle, held': ['idleHold'],
    connect: ['connectRetry'],
    'connect, DelayOpen running': ['delayOpen'],
    active: ['connectRetry'],
    'active, DelayOpen running': ['delayOpen'],
    openSent: ['hold'],
    openConfirm: ['hold', 'keepalive'],
    established: ['hold', 'keepalive'],
  }
  for (const name of names) assert.deepEqual(timersOf(connections[name], 'active'), running[name])
  assert.deepEqual(timersOf(connections.active, 'passive'), [])
})
