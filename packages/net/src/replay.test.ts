import assert from 'node:assert/strict'
import { it } from 'node:test'
import { encodeMessage, initialContext, type Message } from '@holdfast/bgp'
import { ipv4 } from '@holdfast/ip'
import { createVirtualClock } from '@holdfast/runtime'
import { createPeerDriver } from './driver.ts'
import { createRandom, type Random } from './random.ts'
import type { RecordEntry } from './recording.ts'
import { recordingLine } from './recording-json.ts'
import { parseRecording } from './recording-parse.ts'
import { replay, type Replay } from './replay.ts'
import {
  configOf,
  createSimulatedPeers,
  PORT,
  routesOf,
  type SimulatedPeers,
  type Speaker,
} from './testing/simulated-peers.ts'

const SEEDS = 25
const ROUNDS = 25

type Mishap = (peers: SimulatedPeers, speaker: Speaker, random: Random) => void

const MISHAPS: readonly Mishap[] = [
  ({ network, addressA, addressB }) => network.cut(addressA, addressB),
  ({ network, addressA, addressB }) => network.setLink(addressA, addressB, 'silent'),
  ({ network, addressA, addressB }) => network.setLink(addressA, addressB, 'refusing'),
  ({ network, addressA, addressB }) => network.setLink(addressA, addressB, 'open'),
  ({ network, addressA, addressB }) => network.setLink(addressA, addressB, 'open'),
  (_peers, { driver }) => void driver.stop('administrativeReset', 'back soon'),
  (_peers, { driver }) => void driver.stop('restart'),
  (_peers, { driver }) => driver.start(),
  (_peers, { driver }) => driver.start(),
  (_peers, { driver }) => driver.bfdDown('nothing came for 150 ms'),
  (_peers, { driver }, random) => driver.setRoutes(routesOf(Math.floor(random() * 50), Math.floor(random() * 200))),
  (_peers, { driver }) => driver.setRoutes(SOME_ROUTES),
  (peers, speaker) => injectGarbage(peers, speaker),
]

const SOME_ROUTES = routesOf(7, 40, [0xfde90001])

const pick = <T>(values: readonly T[], random: Random): T => values[Math.floor(random() * values.length)]!

/** A connection from the other side's address that does not talk BGP for long. */
function injectGarbage({ network, a, addressA, addressB }: SimulatedPeers, speaker: Speaker): void {
  const [from, to] = speaker === a ? [addressB, addressA] : [addressA, addressB]
  const options = { to: { address: to, port: PORT }, from: undefined, timeoutMs: 1000, socket: undefined }
  network.host(from).dial(options, (result) => {
    if (result.kind === 'failed') return
    result.connection.attach({ received: () => undefined, drained: () => undefined, closed: () => undefined })
    // A KEEPALIVE before any OPEN, then something that has no marker.
    result.connection.send(Uint8Array.of(...KEEPALIVE, ...new TextEncoder().encode('GET / HTTP/1.1')))
    result.connection.close(100)
  })
}

const KEEPALIVE = encodeMessage({ kind: 'keepalive' }, initialContext)

/** Through the file format and back, and told to a new machine. */
function replayed(entries: readonly RecordEntry[]): Replay {
  const parsed = parseRecording(entries.map((entry) => `${recordingLine(entry)}\n`).join(''))
  assert.ok(parsed.ok, parsed.ok ? '' : `line ${parsed.line}: ${parsed.reason}`)
  assert.deepEqual(parsed.entries, entries)
  return replay(parsed.entries)
}

function assertSame(speaker: Speaker, entries: readonly RecordEntry[], seed: number): void {
  const { states, differences, inputs } = replayed(entries)
  assert.deepEqual(differences, [], `seed ${seed}`)
  assert.ok(inputs > 10)
  const told = speaker.events.flatMap(({ atMs, event }) => {
    if (event.kind !== 'changed') return []
    const { role, from, to, reason } = event
    return [{ atMs, role, from, to, reason }]
  })
  assert.deepEqual(states, told, `seed ${seed}`)
}

it('a recording of a session with all that can happen to it replays without a difference', async () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const random = createRandom(seed)
    const [recordA, recordB]: [RecordEntry[], RecordEntry[]] = [[], []]
    const restart = { restartTimeSeconds: 120, hasNotification: true }
    const peers = await createSimulatedPeers({
      seed,
      a: { holdTimeSeconds: 9, connectRetrySeconds: 20, gracefulRestart: seed % 2 === 0 ? restart : undefined },
      b: { gracefulRestart: restart },
      recordA: (entry) => recordA.push(entry),
      recordB: (entry) => recordB.push(entry),
    })
    peers.a.driver.setRoutes(SOME_ROUTES)
    peers.b.driver.setRoutes(routesOf(1000, 25))
    peers.bringUp()
    for (let round = 0; round < ROUNDS; round += 1) {
      pick(MISHAPS, random)(peers, pick([peers.a, peers.b], random), random)
      peers.clock.advance(random() < 0.5 ? random() * 20 : random() * 30_000)
    }
    peers.network.setLink(peers.addressA, peers.addressB, 'open')
    await peers.end()
    assertSame(peers.a, recordA, seed)
    assertSame(peers.b, recordB, seed)
  }
})

it('a session that a bug of ours ended replays up to there, and the one that follows it too', async () => {
  let isBroken = false
  const entries: RecordEntry[] = []
  const peers = await createSimulatedPeers({
    recordA: (entry) => entries.push(entry),
    interceptA: ({ kind }) => {
      if (isBroken && kind === 'learned') throw new Error('a bug')
    },
  })
  peers.bringUp()
  isBroken = true
  peers.b.driver.setRoutes(routesOf(100, 3))
  peers.clock.advance(1000)
  isBroken = false
  assert.ok(peers.clock.runUntil(peers.isUp, 300_000))
  await peers.end()
  const { differences, crashes } = replayed(entries)
  assert.deepEqual(differences, [])
  // The observer threw, not the machine: it does not happen again.
  assert.deepEqual(
    crashes.map(({ text, isRepeated }) => [text, isRepeated]),
    [['crashed: a bug', false]],
  )
  assert.deepEqual(entries[crashes[0]!.line - 1], {
    atMs: entries[crashes[0]!.line - 1]!.atMs,
    kind: 'did',
    text: 'crashed: a bug',
  })
  assert.equal(entries.filter(({ kind }) => kind === 'created').length, 2)
})

/** A recording in which the peer is a script: with a refresh, and a message that cannot be read at the end. */
function recordScript(): readonly RecordEntry[] {
  const clock = createVirtualClock(500.25)
  const entries: RecordEntry[] = []
  const driver = createPeerDriver({
    config: configOf({ isPassive: true, families: ['ipv4'] }),
    remote: { address: ipv4(2), port: 179 },
    local: undefined,
    socket: undefined,
    isRestarting: true,
    record: (entry) => entries.push(entry),
    transport: {
      dial: () => ({ stop: () => undefined }),
      listen: () => Promise.reject(new Error('Nothing listens here')),
      obstacle: () => undefined,
    },
    clock,
    observe: () => undefined,
  })
  let received: (bytes: Uint8Array) => void = () => assert.fail('not attached')
  let closed: () => void = () => undefined
  driver.start()
  driver.setRoutes(SOME_ROUTES)
  driver.accept({
    local: { address: ipv4(1), port: 179 },
    remote: { address: ipv4(2), port: 40_000 },
    device: undefined,
    attach: (handler) => {
      received = handler.received
      closed = () => handler.closed({ code: 'CLOSED', message: 'we closed' })
    },
    send: () => undefined,
    pendingBytes: () => 0,
    close: () => closed(),
    abort: () => closed(),
    pause: () => undefined,
    secure: () => undefined,
  })
  const capabilities = [{ kind: 'multiprotocol', afi: 1, safi: 1 }, { kind: 'routeRefresh' }] as const
  const open: Message = { kind: 'open', version: 4, asn: 65_002, holdTimeSeconds: 90, routerId: 2, capabilities }
  const refresh: Message = { kind: 'routeRefresh', afi: 1, subtype: 0, safi: 1 }
  for (const message of [open, { kind: 'keepalive' }, refresh, refresh] satisfies Message[]) {
    received(encodeMessage(message, initialContext))
    clock.advance(100)
  }
  clock.advance(5000)
  // An UPDATE whose withdrawn routes are longer than itself.
  received(Uint8Array.of(...KEEPALIVE.subarray(0, 17), 23, 2, 0xff, 0xff, 0, 0))
  return entries
}

it('a script with refreshes and a message that cannot be read replays without a difference', () => {
  const entries = recordScript()
  assert.equal(entries.filter((entry) => entry.kind === 'desire' && entry.routes !== undefined).length, 1)
  assert.ok(
    entries.some((entry) => entry.kind === 'sent' && entry.bytes[18] === 3),
    'it ends with a NOTIFICATION',
  )
  assert.deepEqual(replayed(entries).differences, [])
})

it('a routes array that was recorded once is not written again', () => {
  const entries = recordScript()
  const text = entries.map(recordingLine).join('\n')
  assert.equal(text.split('10.0.0.7/32').length, 2)
})

it('every octet of a message we sent, every timer and every state that is doctored is found at its line', () => {
  const entries = recordScript()
  const doctored = entries.flatMap(
    (entry, index): readonly { readonly index: number; readonly entry: RecordEntry }[] => {
      if (entry.kind === 'sent') return [{ index, entry: { ...entry, bytes: flipped(entry.bytes, 18 + (index % 3)) } }]
      return entry.kind === 'did' ? [{ index, entry: { ...entry, text: `${entry.text}!` } }] : []
    },
  )
  assert.ok(doctored.length > 20)
  for (const { index, entry } of doctored) {
    const { differences } = replayed(entries.with(index, entry))
    assert.deepEqual(
      differences.map(({ line, atMs }) => [line, atMs]),
      [[index + 1, entry.atMs]],
    )
    assert.notEqual(differences[0]!.expected, differences[0]!.actual)
  }
})

const flipped = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.map((octet, index) => (index === Math.min(at, bytes.length - 1) ? octet ^ 1 : octet))

it('an output that is missing in the recording, or too much in it, is found where it belongs', () => {
  const entries = recordScript()
  const index = entries.findIndex(({ kind }) => kind === 'sent')
  const missing = replayed(entries.toSpliced(index, 1)).differences
  assert.equal(missing[0]!.line, index + 1)
  assert.match(missing[0]!.actual!, /^sent passive OPEN ff/)
  const extra = replayed(entries.toSpliced(index, 0, { atMs: 1, kind: 'did', text: 'dial' })).differences
  assert.equal(extra[0]!.line, index + 1)
  assert.equal(extra[0]!.expected, 'dial')
})

it('a recording of another outcome shows the first difference and at most 20 more', () => {
  const entries = recordScript().map((entry) => (entry.kind === 'did' ? { ...entry, text: 'x'.repeat(5000) } : entry))
  const { differences } = replayed([...entries, ...entries])
  assert.equal(differences.length, 21)
  assert.ok(
    differences.every(({ expected }) => expected!.length <= 402),
    'long texts are cut',
  )
})

it('nothing secret is in a recording: the password of the session is not', async () => {
  const canary = 'canary-a1b2c3d4e5'
  const entries: RecordEntry[] = []
  const socket = { md5Password: canary, tcpAo: undefined, ttl: 255, minimumTtl: 255, device: undefined }
  const peers = await createSimulatedPeers({ socketA: socket, recordA: (entry) => entries.push(entry) })
  peers.a.driver.setRoutes(SOME_ROUTES)
  peers.a.driver.start()
  peers.b.driver.start()
  peers.clock.advance(10_000)
  peers.a.driver.secure({ ...socket, md5Password: `${canary}-next` })
  peers.clock.advance(10_000)
  await peers.end()
  const text = entries.map(recordingLine).join('\n')
  assert.ok(text.length > 1000)
  assert.ok(!text.includes('canary'))
  assert.ok(
    !JSON.stringify(peers.a.driver.snapshot(), (_key, value: unknown) =>
      typeof value === 'bigint' ? '' : value,
    ).includes('canary'),
  )
})

it('a recipient that fails costs the recording, and the session goes on', async (t) => {
  const warnings: string[] = []
  t.mock.method(process, 'emitWarning', (warning: Error) => warnings.push(warning.message))
  const peers = await createSimulatedPeers({
    recordA: () => {
      throw new Error('the disk is full')
    },
  })
  peers.bringUp()
  assert.deepEqual(warnings, ['the disk is full'])
  await peers.end()
})
