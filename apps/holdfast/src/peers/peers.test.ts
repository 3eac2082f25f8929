import type { OpenMessage } from '@holdfast/bgp'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { createWorld, service, site } from '../testing/world.ts'
import { peersAnswer } from './answer.ts'
import { capabilityTexts } from './capabilities.ts'
import { causeOf } from './cause.ts'
import { detailLines } from './detail.ts'
import { listLines } from './list.ts'
import { upperLines } from './screen.ts'
import type { PeerView } from './view.ts'

const moment = (nowMs: number) => ({ nowMs, nowIso: new Date(Date.UTC(2026, 0, 1) + nowMs).toISOString() })

test('a session is shown with what was offered, negotiated and counted, and one that is held with its reason', async (t) => {
  const manifests = site.replace(
    'myASN: 64512',
    'myASN: 64512\n  passwordSecret: { name: gone, namespace: metallb-system }',
  )
  const world = await createWorld({ manifests: manifests + service('web', 'abc') })
  t.after(() => world.stop())
  await world.until('two sessions', () => world.nextHops('192.0.2.10/32').length === 2)
  world.clock.advance(65_000)
  const answer = peersAnswer(world.standalone.announcements, moment(world.clock.now()))
  assert.deepEqual(
    answer.peers.map(({ node, state }) => [node, state]),
    [
      ['node-a', 'not opened'],
      ['node-b', 'Established'],
      ['node-c', 'Established'],
    ],
  )
  const [held, up] = answer.peers
  assert.match(held?.reason ?? '', /Secret/)
  assert.equal(up?.neighbor?.asn, 64_500)
  assert.equal(up.local.address, '10.0.0.12')
  assert.equal(up.routes.sent, 1)
  assert.equal(up.negotiated?.holdTime, 90)
  assert.equal(up.messages.sent['open'], 1)
  assert.ok((up.messages.received['keepalive'] ?? 0) >= 2)
  assert.ok(up.offered.local.includes('multiprotocol IPv4 unicast'), up.offered.local.join())
  assert.ok((up.timers.running['hold'] ?? 0) > 0)
  assert.doesNotThrow(() => JSON.stringify(answer))

  const list = listLines(answer, 160).map(stripVTControlCharacters)
  assert.match(list[1] ?? '', /node-a +router-a .* ○ not opened .*Secret/)
  assert.match(
    list.find((line) => line.includes('node-b')) ?? '',
    /node-b +router-b +10\.0\.0\.1:179 +64500 +● Established +1m\d\ds +90s +1 +-/,
  )
  const detail = detailLines(up, answer, 100).map(stripVTControlCharacters)
  const text = detail.join('\n')
  assert.match(text, /Neighbour +AS 64500, identifier 10\.0\.0\.1, address 10\.0\.0\.1/)
  assert.match(text, /By the peer .*multiprotocol IPv4 unicast/)
  assert.match(text, /Routes sent +1\n/)
  assert.ok(
    detail.every((line) => line.length <= 100),
    text,
  )
})

test('a session that ended says why, by whom, and what to do', async (t) => {
  const world = await createWorld({ manifests: site.replaceAll('peerASN: 64500', 'peerASN: 64999') })
  t.after(() => world.stop())
  await world.until('all are refused', () => world.events.filter((event) => event.event === 'session').length >= 3)
  const [view] = peersAnswer(world.standalone.announcements, moment(world.clock.now())).peers
  assert.equal(view?.lastError?.code, 'badPeerAs')
  assert.equal(view.lastError.by, 'peer')
  assert.match(view.lastError.message, /64500.*64999/)
  assert.equal(view.lastNotification?.direction, 'sent')
  assert.deepEqual([view.lastNotification.code, view.lastNotification.subcode], [2, 2])
})

const password = `---
apiVersion: v1
kind: Secret
metadata: { name: key, namespace: metallb-system }
type: kubernetes.io/basic-auth
stringData: { password: abc }
`
const withPassword = site.replaceAll(
  'myASN: 64512',
  'myASN: 64512\n  passwordSecret: { name: key, namespace: metallb-system }',
)
const answerOf = (world: Awaited<ReturnType<typeof createWorld>>) =>
  peersAnswer(world.standalone.announcements, moment(world.clock.now()))

test('a router that does not answer a session with a key: the key is named, in the event, the remedy and the detail', async (t) => {
  const manifests = withPassword.replaceAll('peerAddress: 10.0.0.1', 'peerAddress: 10.0.0.99') + password
  const world = await createWorld({ manifests, nodes: ['node-a'] })
  t.after(() => world.stop())
  await world.until('it is told', () => world.events.some((event) => event.event === 'session'))
  const told = world.events.find((event) => event.event === 'session')
  assert.match(told?.event === 'session' ? told.message : '', /TCP MD5: check that the key \(password\) is the same/)
  const answer = answerOf(world)
  const [view] = answer.peers
  assert.match(view?.lastError?.remedy ?? '', /^TCP MD5: check that the key .*Otherwise: Check/)
  assert.match(view?.lastError?.hint ?? '', /^TCP MD5: check that the key/)
  const lines = detailLines(view!, answer, 100).map(stripVTControlCharacters)
  assert.match(
    lines.slice(0, 8).join('\n'),
    /Last error\n +What /,
    'the error of a session that is down is near the top',
  )
  assert.match(lines.join('\n'), /By +the network between, or a key or TTL that does not fit/)
  assert.match(listLines(answer, 160).map(stripVTControlCharacters)[1] ?? '', /last error: TCP could not/)
})

test('what is known of a session that is not opened is shown, and nothing is made up', async (t) => {
  const world = await createWorld({ manifests: withPassword, nodes: ['node-a'] })
  t.after(() => world.stop())
  const answer = answerOf(world)
  const text = detailLines(answer.peers[0]!, answer, 100).map(stripVTControlCharacters).join('\n')
  assert.match(text, /○ not opened/)
  assert.match(text, /Local +AS 64512, identifier 10\.0\.0\.11\n/)
  assert.match(text, /Neighbour +AS 64500 expected/)
  assert.match(text, /Protection +TCP MD5 \(Secret missing\)/)
  assert.match(text, /Configured +hold 90 s/)
})

test('of a session of which nothing is known but why it is not opened nothing is made up', () => {
  const wanted = {
    key: 'a/b',
    node: 'a',
    peer: 'b',
    remoteText: '10.0.0.1:179',
    terms: { obstacle: 'there is no way' },
  }
  const answer = peersAnswer({ sessions: () => [], wanted: () => [wanted] }, moment(0))
  const text = detailLines(answer.peers[0]!, answer, 100).map(stripVTControlCharacters).join('\n')
  assert.match(text, /there is no way/)
  assert.doesNotMatch(text, /Protection|Configured|Local/)
})

test('a time is the same in every answer, though two clocks are read for it', async (t) => {
  const world = await createWorld({ manifests: site, nodes: ['node-a'] })
  t.after(() => world.stop())
  await world.until('it is up', () => world.establishedCount() === 1)
  const sinceAt = (readLaterMs: number): string | null | undefined => {
    const { nowMs, nowIso } = moment(world.clock.now())
    const wall = new Date(Date.parse(nowIso) + readLaterMs).toISOString()
    return peersAnswer(world.standalone.announcements, { nowMs: nowMs + 0.7, nowIso: wall }).peers[0]?.since
  }
  const first = sinceAt(0)
  assert.equal(sinceAt(1), first)
  assert.equal(sinceAt(-1), first)
  assert.notEqual(sinceAt(3_600_000), first, 'the wall clock was set')
})

test('a healthy line fits 80 columns, and what is wrong stands below where there is no room beside it', async (t) => {
  const world = await createWorld({ manifests: site, nodes: ['node-a', 'node-b'] })
  t.after(() => world.stop())
  await world.until('both are up', () => world.establishedCount() === 2)
  const [up] = answerOf(world).peers
  const long: PeerView = { ...up!, node: 'rack-1-worker-03', peer: 'top-of-rack-left', remote: '192.168.100.254:179' }
  const down: PeerView = {
    ...long,
    state: 'OpenSent',
    lastError: { ...error, message: 'the router says no. '.repeat(9) },
  }
  for (const columns of [60, 80, 100, 120, 160]) {
    const lines = listLines({ version: '', time: '', peers: [long, down] }, columns).map(stripVTControlCharacters)
    assert.ok(
      lines.every((line) => line.length <= columns),
      lines.join('\n'),
    )
    assert.match(lines[1] ?? '', /● Established/)
    assert.match(lines.join(' '), /last error: the router says no/)
  }
  const titles = (columns: number): string =>
    stripVTControlCharacters(listLines({ version: '', time: '', peers: [long] }, columns)[0] ?? '')
  assert.doesNotMatch(titles(80), /HOLD/)
  assert.match(titles(80), /NODE +PEER .*STATE .*ROUTES +BFD/)
  assert.match(titles(120), /HOLD/)
})

const error: NonNullable<PeerView['lastError']> = {
  time: '',
  code: 'x',
  by: 'peer',
  message: '',
  hint: null,
  remedy: '',
}

test('on a terminal that is too short the upper lines are shown, and how many are not', () => {
  const lines = Array.from({ length: 40 }, (_, index) => `line ${index}`)
  const shown = upperLines(lines, 24).map(stripVTControlCharacters)
  assert.equal(shown.length, 23)
  assert.equal(shown[0], 'line 0')
  assert.match(shown.at(-1) ?? '', /18 more lines/)
  assert.deepEqual(upperLines(lines, 41), lines)
})

test('a connection that the peer closed was ended by the peer', () => {
  const message = 'the peer closed the TCP connection after our OPEN without a NOTIFICATION'
  assert.equal(causeOf({ code: 'connectionLost', message }), 'peer')
  assert.equal(causeOf({ code: 'connectionLost', message: 'the TCP connection ended: no route' }), 'network')
})

test('running timers keep their order, one connection is one, and an old capability has its name', async (t) => {
  const world = await createWorld({ manifests: site, nodes: ['node-a'] })
  t.after(() => world.stop())
  await world.until('it is up', () => world.establishedCount() === 1)
  const answer = answerOf(world)
  const names = Object.keys(answer.peers[0]?.timers.running ?? {})
  assert.deepEqual(names, names.toSorted())
  const text = detailLines({ ...answer.peers[0]!, counts: { established: 1, dials: 1 } }, answer, 100).join('\n')
  assert.match(text, /1 established, 1 connection tried/)
  const open = { kind: 'unknown', code: 128, value: new Uint8Array(0) } as const
  assert.deepEqual(capabilityTexts({ capabilities: [open] } as unknown as OpenMessage), ['route refresh (Cisco)'])
})

test("our own BFD values stand beside the peer's", async (t) => {
  const world = await createWorld({ manifests: site, nodes: ['node-a'] })
  t.after(() => world.stop())
  await world.until('it is up', () => world.establishedCount() === 1)
  const [session] = world.standalone.announcements.sessions()
  assert.ok(session)
  const config = {
    transmitIntervalMs: 50,
    receiveIntervalMs: 100,
    detectMultiplier: 5,
    isPassive: false,
    echoReceiveIntervalMs: undefined,
    isMultihop: false,
    minimumTtl: 255,
  }
  const bfd: NonNullable<typeof session.bfd> = {
    state: 'down',
    remoteState: undefined,
    sinceMs: 0,
    localDiscriminator: 1,
    remoteDiscriminator: undefined,
    localDiagnostic: 0,
    remoteDiagnostic: undefined,
    transmitIntervalMs: 1000,
    detectionTimeMs: undefined,
    remote: undefined,
    counters: { sent: 0, received: 0, dropped: {}, upCount: 0, downCount: 0 },
    obstacle: undefined,
  }
  const { wanted, settings } = session
  const sessions = [{ ...session, settings: { ...settings, bfd: config }, bfd }]
  const answer = peersAnswer({ sessions: () => sessions, wanted: () => [wanted] }, moment(world.clock.now()))
  const local = { detectMultiplier: 5, desiredMinTxMs: 50, requiredMinRxMs: 100, requiredMinEchoRxMs: 0 }
  assert.deepEqual(answer.peers[0]?.bfd?.local, local)
  const text = detailLines(answer.peers[0], answer, 100).map(stripVTControlCharacters).join('\n')
  assert.match(text, /We ask for +tx 50 ms, rx 100 ms, echo rx 0 ms, multiplier 5\n/)
})

test('a connection with a key that the router does not have is told with the key before it is given up', async (t) => {
  const world = await createWorld({ manifests: withPassword + password, nodes: ['node-a'] })
  t.after(() => world.stop())
  const started = 'The peer was started; a connection is being opened.'
  world.clock.advance(2900)
  assert.equal(answerOf(world).peers[0]?.reason, started)
  world.clock.advance(200)
  const [view] = answerOf(world).peers
  assert.equal(view?.lastError, null)
  assert.ok(view.reason?.startsWith(`${started} No answer yet; TCP MD5: check that the key`), view.reason ?? '')
})
