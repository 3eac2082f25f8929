import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { NotificationMessage, OpenMessage } from './messages.ts'
import type { PeerConfig, PeerInput, PeerOutput, Role } from './peer.ts'
import type { Peer } from './step.ts'
import { createPeer } from './step.ts'
import {
  configOf,
  connected,
  disconnected,
  feed,
  fourOctet,
  keepalive,
  notificationOf,
  openOf,
  opening,
  reasonsOf,
  received,
  sentMessages,
  timer,
  unicast,
} from './testing/peers.ts'

const restarts: Partial<PeerConfig> = { gracefulRestart: { restartTimeSeconds: 120, hasNotification: true } }
const started = (changes: Partial<PeerConfig> = {}): Peer =>
  feed(createPeer(configOf(changes), 0), [{ kind: 'start' }]).peer

const bytes = (hex: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
const refusedWith = (subcode: number, hex = ''): NotificationMessage => notificationOf(2, subcode, bytes(hex))

interface Try {
  readonly peer: Peer
  readonly open: OpenMessage
  /** Until the next dial. */
  readonly waitMs: number
  readonly reasons: readonly string[]
}

const waitOf = (outputs: readonly PeerOutput[]): number =>
  outputs.find((output): output is Extract<PeerOutput, { kind: 'arm' }> => {
    return output.kind === 'arm' && ['idleHold', 'connectRetry'].includes(output.timer)
  })?.ms ?? 0

/** One connection, and how the peer answers our OPEN. */
function attempt(peer: Peer, answer: PeerInput, role: Role = 'active'): Try {
  const answered = feed(peer, [connected(role), answer])
  const [open] = sentMessages(answered.outputs)
  assert.ok(open?.kind === 'open')
  const next = answered.peer.connections[role].state === 'idle' ? 'idleHold' : 'connectRetry'
  const again = role === 'active' ? feed(answered.peer, [timer('active', next)]).peer : answered.peer
  return { peer: again, open, waitMs: waitOf(answered.outputs), reasons: reasonsOf(answered.outputs) }
}

function attempts(peer: Peer, answers: readonly PeerInput[], role: Role = 'active'): readonly Try[] {
  let current = peer
  return answers.map((answer) => {
    const result = attempt(current, answer, role)
    current = result.peer
    return result
  })
}

const counts = (tries: readonly Try[]): readonly number[] => tries.map(({ open }) => open.capabilities.length)
const refusal = (subcode: number, hex = ''): PeerInput => received('active', refusedWith(subcode, hex))
const times = <T>(count: number, item: T): readonly T[] => Array.from({ length: count }, () => item)
const lastOpen = (peer: Peer): OpenMessage => attempt(peer, disconnected('active')).open

suite('a peer that refuses our capabilities', () => {
  for (const subcode of [4, 7]) {
    test(`with 2/${subcode} gets an OPEN without, then with them again, ever more seldom [rfc5492-3-without-capabilities]`, () => {
      const tries = attempts(started(), times(8, refusal(subcode)))
      assert.deepEqual(counts(tries), [6, 0, 6, 0, 6, 0, 6, 0])
      assert.ok(tries[7]!.waitMs >= 0.75 * 120_000, 'never a hot loop')
    })
  }

  test('with 2/7 that names some of ours gets an OPEN without exactly these', () => {
    const tries = attempts(started(restarts), [refusal(7, '46 00  40 02 0078'), refusal(7, '06 00'), refusal(7, '')])
    assert.deepEqual(counts(tries), [7, 5, 4])
    assert.deepEqual(
      tries[2]?.open.capabilities.map(({ kind }) => kind),
      ['multiprotocol', 'multiprotocol', 'routeRefresh', 'fourOctetAs'],
    )
    assert.equal(lastOpen(tries[2].peer).capabilities.length, 0, 'that was no help: without any')
  })

  test('the same ones again and again: without these, without any, with all, for ever and ever more seldom', () => {
    const tries = attempts(started(), times(9, refusal(7, '46 00')))
    assert.deepEqual(counts(tries), [6, 5, 0, 6, 5, 0, 6, 5, 0])
    assert.ok(tries[8]!.waitMs >= 0.75 * 120_000)
  })

  test('one family alone', () => {
    const [, second] = attempts(started(), times(2, refusal(7, '01 04 0002 00 01')))
    assert.deepEqual(
      second?.open.capabilities.filter(({ kind }) => kind === 'multiprotocol'),
      [unicast(1)],
    )
  })

  test('is not tried without the only family that is wanted', () => {
    const onlyIpv6 = { families: ['ipv6'] as const }
    assert.deepEqual(counts(attempts(started(onlyIpv6), times(3, refusal(4)))), [5, 5, 5])
    assert.deepEqual(counts(attempts(started(onlyIpv6), times(3, refusal(7, '01 04 0002 00 01')))), [5, 5, 5])
  })

  test('says what it refused, what it misses and what comes next', () => {
    const words = (hex: string): string => attempt(started(), refusal(7, hex)).reasons[1] ?? ''
    const prefix = 'capabilitiesRefused: the peer refused our OPEN: OPEN Message Error / Unsupported Capability (2/7)'
    assert.equal(words('46 00'), `${prefix}; the next one is sent without enhanced route refresh`)
    assert.equal(words(''), `${prefix}; the next one is sent without any capability`)
    assert.equal(words('80 00'), `${prefix}, and misses capability 128; the next one is sent without any capability`)
    const many = Array.from({ length: 100 }, (_, code) => `${(100 + code).toString(16).padStart(2, '0')}00`).join('')
    assert.ok(words(many).length < 400)
  })

  test('is reached without them, and the session says that it lacks something', () => {
    const { peer } = attempt(started(), refusal(7, '46 00'))
    const { outputs } = feed(peer, opening('active'))
    const reasons = reasonsOf(outputs)
    assert.equal(reasons[0], 'tcpConnected: TCP is connected; our OPEN went out without enhanced route refresh')
    assert.match(reasons.join('\n'), /established: The session is up, without enhanced route refresh/)
  })

  test('without any: IPv4 unicast and AS numbers of two octets [rfc6793-4.2-old-speaker]', () => {
    const { peer } = attempt(started(), refusal(4))
    const { outputs } = feed(peer, opening('active', openOf({ capabilities: [] })))
    const up = outputs.find(({ kind }) => kind === 'established')
    assert.ok(up?.kind === 'established')
    assert.deepEqual([up.negotiated.families, up.negotiated.isFourOctetAs], [['ipv4'], false])
  })

  test('is offered them again after a session without, and after a new start', () => {
    const without = attempt(started(), refusal(4)).peer
    const ended: readonly PeerInput[][] = [
      [...opening('active', openOf({ capabilities: [] })), disconnected('active'), timer('active', 'idleHold')],
      [{ kind: 'stop', reason: 'administrativeReset' }, { kind: 'start' }],
    ]
    for (const inputs of ended) assert.equal(lastOpen(feed(without, inputs).peer).capabilities.length, 6)
  })

  test('may do so also after its own OPEN', () => {
    const { peer } = feed(started(), [connected('active'), received('active', openOf()), refusal(7, '46 00')])
    assert.equal(lastOpen(feed(peer, [timer('active', 'idleHold')]).peer).capabilities.length, 5)
  })
})

suite('a peer that closes TCP on our OPEN without a word', () => {
  const closed = disconnected('active')

  test('is tried with fewer capabilities after eight times, and with none after eight more', () => {
    const tries = attempts(started(restarts), times(37, closed))
    const all = times(8, 7)
    assert.deepEqual(counts(tries), [...all, 4, ...all, 0, ...all, 4, ...all, 0, 7])
    assert.ok(tries[36]!.waitMs >= 0.75 * 120_000)
  })

  test('never with an OPEN that leaves no family of ours', () => {
    const tries = attempts(started({ families: ['ipv6'] }), times(19, closed))
    const all = times(8, 5)
    assert.deepEqual(counts(tries), [...all, 3, ...all, 3, 5])
  })

  test('also where it closes after its own OPEN', () => {
    let peer = started()
    for (let count = 0; count < 8; count += 1) {
      peer = feed(peer, [connected('active'), received('active', openOf()), closed, timer('active', 'idleHold')]).peer
    }
    assert.equal(lastOpen(peer).capabilities.length, 4)
  })

  test('anything else in between begins the count anew: a refused dial, a NOTIFICATION, a session', () => {
    const between: readonly (readonly PeerInput[])[] = [
      [closed, timer('active', 'idleHold')],
      [connected('active'), received('active', notificationOf(6, 5)), timer('active', 'idleHold')],
      [...opening('active'), closed, timer('active', 'idleHold')],
    ]
    for (const inputs of between) {
      const nearly = attempts(started(), times(7, closed)).at(-1)!.peer
      assert.equal(lastOpen(feed(nearly, inputs).peer).capabilities.length, 6)
      assert.equal(lastOpen(attempts(feed(nearly, inputs).peer, times(1, closed))[0]!.peer).capabilities.length, 6)
    }
  })

  test('does not count where the other connection is about to be the session', () => {
    const both = feed(started(), [connected('active'), connected('passive'), received('passive', openOf())]).peer
    const { peer } = feed(both, [disconnected('active')])
    assert.equal(peer.silentCloses, 0)
  })

  test('only its own connections count, where it is we who dial', () => {
    const noise = times(50, [connected('passive'), disconnected('passive')]).flat()
    assert.equal(feed(started(), noise).peer.silentCloses, 0)
    const passive = started({ isPassive: true })
    assert.deepEqual(counts(attempts(passive, times(9, disconnected('passive')), 'passive')), [...times(8, 6), 4])
  })

  test('is told in the reason of every OPEN that is smaller than it should be', () => {
    const reduced = attempts(started(restarts), times(8, closed)).at(-1)!
    assert.equal(
      reduced.reasons.at(-1),
      'connectionLost: the peer closed the TCP connection after our OPEN without a NOTIFICATION',
    )
    const { outputs } = feed(reduced.peer, opening('active', openOf({ capabilities: [unicast(1), fourOctet(65020)] })))
    assert.match(reasonsOf(outputs)[0] ?? '', /our OPEN went out without capabilities other than address families/)
    assert.match(reasonsOf(outputs).join('\n'), /The session is up, without capabilities other than/)
  })
})

test('a KEEPALIVE instead of an OPEN is no refusal', () => {
  const { peer } = feed(started(), [connected('active'), received('active', keepalive), timer('active', 'idleHold')])
  assert.equal(lastOpen(peer).capabilities.length, 6)
})
