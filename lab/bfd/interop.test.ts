// BFD with FRR's bfdd and with BIRD: what both sides say of the same session.
//
//              10.0.0.0/24, fd00::/64, fe80::/64
//   node .11 ---- switch ---- frr .1      FRR bfdd
//   Holdfast        |    ---- bird .2     BIRD
//                   hop .9                forwards between the loopbacks 10.1.0.N and fd01::N: two hops
//
// Claims:
//  1  Sessions come up: single-hop over IPv4, IPv6 and IPv6 link-local, multihop over IPv4 and IPv6.
//  2  Both sides have agreed on the same intervals.
//  3  Other settings reach the peer by a Poll Sequence, in both directions, without the session going down.
//  4  A peer that is shut down by its operator is no failure; nor are we to the peer.
//  5  A cut path is found at both ends, and the session comes back.
//  6  A passive session waits for its peer.
//  7  Echo packets of FRR are looped back, and only when they were offered.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { run } from '../harness/command.ts'
import { eventually } from '../harness/eventually.ts'
import { BirdBfd } from './bird.ts'
import { bfdLabSkip } from './capability.ts'
import { FrrBfd } from './frr.ts'
import { HoldfastBfd } from './holdfast.ts'
import { Segment, type Machine } from './segment.ts'
import { fastConfig, type SpeakerSession } from './speaker-file.ts'

const patient = { timeoutMs: 30_000 }
/** Slow enough for three programs that share their processors with other tests. */
const config = { ...fastConfig, transmitIntervalMs: 200, receiveIntervalMs: 200, detectMultiplier: 5 }
const frrTimers = [
  '  receive-interval 220',
  '  transmit-interval 250',
  '  detect-multiplier 6',
  '  no shutdown',
  ' exit',
]
const birdTimers = 'min rx interval 220 ms; min tx interval 250 ms; idle tx interval 1 s; multiplier 6;'
const detectionMs = 6 * 250

const kinds = ['IPv4', 'IPv6', 'link-local', 'multihop IPv4', 'multihop IPv6'] as const
type Kind = (typeof kinds)[number]

/** How a machine is addressed for this kind of session. */
const addressOf = (machine: Machine, kind: Kind): string =>
  ({
    IPv4: machine.ipv4,
    IPv6: machine.ipv6,
    'link-local': machine.linkLocal,
    'multihop IPv4': machine.loopback4,
    'multihop IPv6': machine.loopback6,
  })[kind]

const sessionWith = (peer: Machine, node: Machine, kind: Kind): SpeakerSession => ({
  name: `${peer.port} ${kind}`,
  remote: addressOf(peer, kind),
  ...(kind.startsWith('multihop') ? { local: addressOf(node, kind) } : {}),
  ...(kind === 'link-local' ? { device: 'eth0' } : {}),
  config: {
    ...config,
    isMultihop: kind.startsWith('multihop'),
    // BIRD sends to peers that are further away with the TTL of any packet, which is 64.
    minimumTtl: peer.port === 'bird' ? 63 : 254,
  },
})

describe('BFD with FRR and BIRD', { skip: bfdLabSkip() }, () => {
  let segment: Segment | undefined
  let node: Machine, frrMachine: Machine, birdMachine: Machine
  let frr: FrrBfd, bird: BirdBfd, holdfast: HoldfastBfd
  let sessions: readonly SpeakerSession[]
  let hasFailed = false

  before(async () => {
    segment = await Segment.create()
    node = await segment.add('node', 11)
    frrMachine = await segment.add('frr', 1)
    birdMachine = await segment.add('bird', 2)
    const hop = await segment.add('hop', 9)
    await segment.connectLoopbacks(hop, [node, frrMachine, birdMachine])
    const lines = [
      ...[` peer ${node.ipv4}`, ...frrTimers],
      ...[` peer ${node.ipv6} local-address ${frrMachine.ipv6}`, ...frrTimers],
      ...[` peer ${node.linkLocal} local-address ${frrMachine.linkLocal} interface eth0`, ...frrTimers],
      ...[` peer ${node.loopback4} multihop local-address ${frrMachine.loopback4}`, ...frrTimers],
      ...[` peer ${node.loopback6} multihop local-address ${frrMachine.loopback6}`, ...frrTimers],
    ]
    frr = await FrrBfd.start(segment.lab, frrMachine, { name: 'frr', lines: lines })
    bird = await BirdBfd.start(segment.lab, birdMachine, { name: 'bird', lines: birdLines(birdTimers) })
    sessions = [frrMachine, birdMachine].flatMap((peer) => kinds.map((kind) => sessionWith(peer, node, kind)))
    holdfast = HoldfastBfd.start(segment.lab, node, { name: 'holdfast', sessions })
  })

  afterEach((context) => {
    if (!('passed' in context && context.passed)) hasFailed = true
  })

  after(() => {
    if (hasFailed) segment?.lab.reportFailure()
    segment?.lab.close()
  })

  const birdLines = (timers: string): readonly string[] => [
    `interface "*" { ${timers} };`,
    `multihop { ${timers} };`,
    `neighbor ${node.ipv4} dev "eth0" local ${birdMachine.ipv4};`,
    `neighbor ${node.ipv6} dev "eth0" local ${birdMachine.ipv6};`,
    `neighbor ${node.linkLocal} dev "eth0" local ${birdMachine.linkLocal};`,
    `neighbor ${node.loopback4} local ${birdMachine.loopback4} multihop yes;`,
    `neighbor ${node.loopback6} local ${birdMachine.loopback6} multihop yes;`,
  ]

  const areUp = (names: readonly string[]): Promise<readonly string[]> =>
    eventually(
      `Holdfast has ${names.join(', ')} up`,
      () => names.map((name) => holdfast.state(name)),
      (states) => assert.ok(states.every((state) => state === 'up')),
      patient,
    )

  const ups = (name: string): number => holdfast.changes(name).filter(({ to }) => to === 'up').length

  for (const kind of kinds) {
    const tag = kind.startsWith('multihop')
      ? '[rfc5883-5-port-4784] [rfc5883-4-demultiplexing]'
      : '[rfc5881-4-port-3784] [rfc5881-2-own-session]'
    test(`FRR, ${kind}: the session is up at both ends, with the same intervals ${tag}`, async () => {
      const name = `frr ${kind}`
      await areUp([name])
      await eventually(
        'bfdd shows the session and what was agreed',
        () => frr.peer(addressOf(node, kind)),
        (peer) => {
          assert.equal(peer.state, 'up')
          assert.deepEqual(
            [peer.remoteReceiveMs, peer.remoteTransmitMs, peer.remoteMultiplier, peer.remoteEchoReceiveMs],
            [200, 200, 5, 0],
          )
        },
        patient,
      )
      await eventually(
        'Holdfast shows the same',
        () => holdfast.session(name),
        (session) => {
          assert.equal(session.at('transmitIntervalMs').number(), 220)
          assert.equal(session.at('detectionTimeMs').number(), detectionMs)
        },
      )
    })

    test(`BIRD, ${kind}: the session is up at both ends, with the same intervals ${tag}`, async () => {
      const name = `bird ${kind}`
      await areUp([name])
      await eventually(
        'BIRD shows the session and what was agreed',
        () => bird.session(addressOf(node, kind)),
        (session) => assert.deepEqual(session, { state: 'Up', intervalMs: 250, timeoutMs: 5 * 220 }),
        patient,
      )
      await eventually(
        'Holdfast shows the same',
        () => holdfast.session(name),
        (session) => {
          assert.equal(session.at('transmitIntervalMs').number(), 220)
          assert.equal(session.at('detectionTimeMs').number(), detectionMs)
        },
      )
    })
  }

  test('our packets leave with TTL 255, from a port of their own in the range, and that of each session stays [rfc5881-5-send-255] [rfc5881-4-source-port] [rfc5881-4-same-source-port] [rfc5881-4-unique-source-port]', async () => {
    await areUp(sessions.map(({ name }) => name))
    const ports = await boundPorts(node)
    assert.equal(ports.length, sessions.length)
    assert.equal(new Set(ports).size, sessions.length)
    assert.ok(ports.every((port) => port >= 49152 && port <= 65535))
    // Both peers drop single-hop packets with another TTL, so that being up proves the rest.
    assert.deepEqual(await boundPorts(node), ports)
  })

  test('other settings of ours reach both peers while the sessions stay up [rfc5880-6.8.3-poll-on-change]', async () => {
    const names = ['frr IPv4', 'bird IPv4']
    await areUp(names)
    const before = names.map(ups)
    const other = { ...config, transmitIntervalMs: 400, receiveIntervalMs: 300, detectMultiplier: 6 }
    holdfast.change(sessions.map((one) => (names.includes(one.name) ? { ...one, config: other } : one)))
    await eventually(
      'bfdd shows the new settings',
      () => frr.peer(node.ipv4),
      (peer) =>
        assert.deepEqual(
          [peer.state, peer.remoteReceiveMs, peer.remoteTransmitMs, peer.remoteMultiplier],
          ['up', 300, 400, 6],
        ),
    )
    await eventually(
      'BIRD shows the new settings',
      () => bird.session(node.ipv4),
      (session) => assert.deepEqual(session, { state: 'Up', intervalMs: 300, timeoutMs: 6 * 400 }),
    )
    await eventually(
      'the slower interval is in force',
      () => names.map((name) => holdfast.session(name).at('transmitIntervalMs').number()),
      (intervals) => assert.deepEqual(intervals, [400, 400]),
    )
    holdfast.change(sessions)
    await eventually(
      'bfdd shows the old settings',
      () => frr.peer(node.ipv4),
      (peer) => assert.deepEqual([peer.state, peer.remoteReceiveMs, peer.remoteTransmitMs], ['up', 200, 200]),
    )
    assert.deepEqual(names.map(ups), before)
  })

  test('other settings of the peers are answered with a Final and taken over while the sessions stay up [rfc5880-6.5-final]', async () => {
    const names = ['frr IPv6', 'bird IPv6']
    await areUp(names)
    const before = names.map(ups)
    await frr.configure(
      `peer ${node.ipv6} local-address ${frrMachine.ipv6}`,
      'transmit-interval 500',
      'receive-interval 300',
    )
    await bird.reconfigure(
      birdMachine,
      birdLines('min rx interval 300 ms; min tx interval 500 ms; idle tx interval 1 s; multiplier 6;'),
    )
    await eventually(
      'Holdfast has the new settings of both',
      () => names.map((name) => holdfast.session(name)),
      (found) => {
        for (const session of found) {
          assert.equal(session.at('state').text(), 'up')
          assert.equal(session.at('transmitIntervalMs').number(), 300)
          assert.equal(session.at('detectionTimeMs').number(), 6 * 500)
        }
      },
    )
    await bird.reconfigure(birdMachine, birdLines(birdTimers))
    await frr.configure(
      `peer ${node.ipv6} local-address ${frrMachine.ipv6}`,
      'transmit-interval 250',
      'receive-interval 220',
    )
    assert.deepEqual(names.map(ups), before)
  })

  test('a session that FRR’s operator shuts down is no failure of the path, and comes back [rfc5882-4.2-remote-admin-down]', async () => {
    const name = 'frr IPv4'
    await areUp([name])
    await frr.configure(`peer ${node.ipv4}`, 'shutdown')
    await eventually(
      'Holdfast is told',
      () => holdfast.changes(name).at(-1),
      (change) => assert.equal(change?.to, 'down'),
    )
    const last = holdfast.changes(name).at(-1)
    assert.equal(last?.isFailure, false)
    assert.match(last.message, /BFD shut down/)
    await frr.configure(`peer ${node.ipv4}`, 'no shutdown')
    await areUp([name])
  })

  test('our own stop is AdminDown to both peers, and they confirm it [rfc5880-6.8.16-disable]', async () => {
    const names = ['frr IPv6', 'bird IPv6']
    await areUp(names)
    const before = names.map(ups)
    holdfast.change(sessions.filter(({ name }) => !names.includes(name)))
    await eventually(
      'bfdd knows why',
      () => frr.peer(node.ipv6),
      (peer) => assert.deepEqual([peer.state, peer.remoteDiagnostic], ['down', 'administratively down']),
    )
    await eventually(
      'BIRD is down before its timeout could have told it',
      () => bird.session(node.ipv6),
      (session) => assert.equal(session.state, 'Down'),
    )
    assert.doesNotMatch(bird.process.output(), new RegExp(`Session to ${node.ipv6} expired`))
    holdfast.change(sessions)
    await eventually(
      'both sessions are up anew',
      () => names.map(ups),
      (now) => assert.ok(now.every((count, index) => count > (before[index] ?? 0))),
      patient,
    )
  })

  test('a cut path is a failure within the Detection Time at every session, and all come back [rfc5880-6.8.4-expired] [rfc5882-3.2-up-to-down]', async () => {
    const names = sessions.map(({ name }) => name)
    await areUp(names)
    const counts = names.map((name) => holdfast.changes(name).length)
    try {
      await segment?.cut(node)
      const cutMs = Date.now()
      await eventually(
        'all sessions are down',
        () => names.map((name) => holdfast.changes(name).at(-1)),
        (changes) => assert.ok(changes.every((change) => change?.to === 'down')),
      )
      names.forEach((name, index) => {
        const failures = holdfast
          .changes(name)
          .slice(counts[index])
          .filter(({ isFailure }) => isFailure)
        assert.equal(failures.length, 1)
        assert.ok(
          (failures[0]?.wallMs ?? Infinity) - cutMs < detectionMs + 1000,
          `${name} took ${(failures[0]?.wallMs ?? 0) - cutMs} ms`,
        )
      })
      await eventually(
        'bfdd noticed too',
        () => frr.peer(node.ipv4),
        (peer) => assert.deepEqual([peer.state, peer.diagnostic], ['down', 'control detection time expired']),
      )
    } finally {
      await segment?.mend(node)
    }
    await areUp(names)
  })

  test('a passive session waits for the peer, and comes up with it [rfc5880-6.1-passive]', async () => {
    const name = 'frr multihop IPv4'
    await areUp([name])
    const [others, one] = [
      sessions.filter((other) => other.name !== name),
      sessions.find((other) => other.name === name),
    ]
    assert.ok(one !== undefined)
    const peer = `peer ${node.loopback4} multihop local-address ${frrMachine.loopback4}`
    await frr.configure(`no ${peer}`)
    holdfast.change(others)
    holdfast.change([...others, { ...one, name: 'passive', config: { ...one.config, isPassive: true } }])
    await eventually(
      'it is silent',
      () => holdfast.session('passive'),
      (session) => assert.equal(session.at('counters').at('sent').number(), 0),
    )
    await frr.configure(peer, 'transmit-interval 250', 'receive-interval 220', 'detect-multiplier 6')
    await areUp(['passive'])
  })

  test('FRR’s Echo packets come back to it where they are offered [rfc5880-6.4-echo-loop] [rfc5881-4-echo-port]', async () => {
    const name = 'frr IPv4'
    await areUp([name])
    assert.equal(await frr.counter(node.ipv4, 'echo-packet-input'), 0)
    const offering = { ...config, echoReceiveIntervalMs: 50 }
    holdfast.change(sessions.map((one) => (one.name === name ? { ...one, config: offering } : one)))
    await frr.configure(`peer ${node.ipv4}`, 'echo-mode', 'echo transmit-interval 50', 'echo receive-interval disabled')
    await eventually(
      'bfdd gets its own Echo packets back',
      async () => [
        await frr.counter(node.ipv4, 'echo-packet-input'),
        await frr.counter(node.ipv4, 'echo-packet-output'),
      ],
      ([input = 0, output = 0]) => {
        assert.ok(input > 20 && output > 20, `${input} of ${output}`)
        assert.ok(input >= output - 5)
      },
      patient,
    )
    assert.equal(holdfast.state(name), 'up')
    await frr.configure(`peer ${node.ipv4}`, 'no echo-mode')
  })

  /** The source ports of UDP sockets in a namespace that are in BFD's range. */
  async function boundPorts(machine: Machine): Promise<readonly number[]> {
    const text = await run('ip', 'netns', 'exec', machine.namespace, 'ss', '-Hunl')
    const ports = text.split('\n').map((line) => Number(line.trim().split(/\s+/)[3]?.split(':').at(-1)))
    return ports.filter((port) => port >= 49152).sort()
  }
})
