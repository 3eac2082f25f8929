// Hostile BFD packets against the real thread and the real kernel, row by row. The attacker stands on the peer's own machine, so
// that its packets have the peer's address and come in where the peer's do.
//
//   node .11 ---- switch ---- peer .1        BIRD, single-hop and (over its loopback) multihop; the attacker
//   Holdfast         |   ---- stranger .3    another machine on the segment
//
// Claims, for single-hop over IPv4 and IPv6 and, where it says so, multihop: a packet of each row is dropped and counted, the
// state stays Up, and neither side's session has moved. B4 (intervals) is about a peer, and stands in timers.test.ts of
// packages/bfd and at the end of this file.
import { encodeControlPacket, type ControlPacket } from '@holdfast/bfd'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, afterEach, before, describe, test } from 'node:test'
import { eventually } from '../harness/eventually.ts'
import { Attacker } from './attacker.ts'
import { BirdBfd } from './bird.ts'
import { bfdLabSkip } from './capability.ts'
import { HoldfastBfd } from './holdfast.ts'
import { Segment, type Machine } from './segment.ts'
import { fastConfig } from './speaker-file.ts'

const patient = { timeoutMs: 20_000 }
const config = { ...fastConfig, transmitIntervalMs: 100, receiveIntervalMs: 100, detectMultiplier: 10 }
const timers = 'interval 100 ms; idle tx interval 1 s; multiplier 10;'

describe('hostile BFD packets', { skip: bfdLabSkip() }, () => {
  let segment: Segment | undefined
  let node: Machine, peer: Machine, stranger: Machine
  let holdfast: HoldfastBfd, bird: BirdBfd
  let attacker: Attacker | undefined, outsider: Attacker | undefined
  let hasFailed = false

  before(async () => {
    segment = await Segment.create()
    node = await segment.add('node', 11)
    peer = await segment.add('peer', 1)
    stranger = await segment.add('stranger', 3)
    const hop = await segment.add('hop', 9)
    await segment.connectLoopbacks(hop, [node, peer])
    bird = await BirdBfd.start(segment.lab, peer, {
      name: 'bird',
      lines: [
        `interface "*" { ${timers} };`,
        `multihop { ${timers} };`,
        `neighbor ${node.ipv4} dev "eth0" local ${peer.ipv4};`,
        `neighbor ${node.ipv6} dev "eth0" local ${peer.ipv6};`,
        `neighbor ${node.loopback4} local ${peer.loopback4} multihop yes;`,
      ],
    })
    holdfast = HoldfastBfd.start(segment.lab, node, {
      name: 'holdfast',
      sessions: [
        { name: 'ipv4', remote: peer.ipv4, device: 'eth0', config },
        { name: 'ipv6', remote: peer.ipv6, device: 'eth0', config },
        {
          name: 'multihop',
          remote: peer.loopback4,
          local: node.loopback4,
          config: { ...config, isMultihop: true, minimumTtl: 63 },
        },
      ],
    })
    attacker = new Attacker(peer)
    outsider = new Attacker(stranger)
    await eventually(
      'all sessions are up',
      () => ['ipv4', 'ipv6', 'multihop'].map((name) => holdfast.state(name)),
      (states) => assert.deepEqual(states, ['up', 'up', 'up']),
      patient,
    )
  })

  afterEach((context) => {
    if (!('passed' in context && context.passed)) hasFailed = true
  })

  after(() => {
    attacker?.end()
    outsider?.end()
    if (hasFailed) segment?.lab.reportFailure()
    segment?.lab.close()
  })

  const targets = [
    { name: 'ipv4', port: 3784, ttl: 255, from: () => peer.ipv4, to: () => node.ipv4, birdName: () => node.ipv4 },
    { name: 'ipv6', port: 3784, ttl: 255, from: () => peer.ipv6, to: () => node.ipv6, birdName: () => node.ipv6 },
    {
      name: 'multihop',
      port: 4784,
      ttl: 64,
      from: () => peer.loopback4,
      to: () => node.loopback4,
      birdName: () => node.loopback4,
    },
  ] as const

  /** A packet that the session would accept, if nothing else were wrong with it. */
  const packet = (name: string, change: Partial<ControlPacket> = {}): Uint8Array => {
    const session = holdfast.session(name)
    return encodeControlPacket({
      diagnostic: 1,
      state: 'down',
      isPoll: false,
      isFinal: false,
      isControlPlaneIndependent: false,
      isDemand: false,
      detectMultiplier: 3,
      myDiscriminator: session.at('remoteDiscriminator').number(),
      yourDiscriminator: session.at('localDiscriminator').number(),
      desiredMinTxUs: 100_000,
      requiredMinRxUs: 100_000,
      requiredMinEchoRxUs: 0,
      ...change,
    })
  }

  const altered = (bytes: Uint8Array, at: number, value: number): Uint8Array => {
    bytes[at] = value
    return bytes
  }

  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

  /** Sends them in the peer's name; each must be counted under `cause`, and nothing else may have happened. */
  async function refuses(
    target: (typeof targets)[number],
    cause: string,
    packets: readonly Uint8Array[],
    ttl: number = target.ttl,
  ): Promise<void> {
    const { name } = target
    const before = {
      count: holdfast.dropped(name, cause),
      changes: holdfast.changes(name).length,
      bird: await bird.session(target.birdName()),
    }
    await attacker?.send({ from: target.from(), to: target.to(), port: target.port, ttl, packets: packets.map(hex) })
    await eventually(
      `${packets.length} packets are counted as ${cause}`,
      () => holdfast.dropped(name, cause),
      (count) => assert.ok(count >= before.count + packets.length, `${count - before.count}`),
    )
    assert.equal(holdfast.state(name), 'up')
    assert.equal(holdfast.changes(name).length, before.changes)
    assert.deepEqual(await bird.session(target.birdName()), before.bird)
    assert.equal(holdfast.session(name).at('remote').at('detectMultiplier').number(), 10)
  }

  for (const target of targets) {
    const { name } = target

    test(`B1 ${name}: payloads of 0 to 23 octets [rfc5880-6.8.6-length-payload]`, async () => {
      const whole = packet(name)
      await refuses(
        target,
        'tooShort',
        Array.from({ length: 24 }, (_, length) => whole.subarray(0, length)),
      )
    })

    test(`B1 ${name}: a Length beyond the payload, below 24, and an A bit with less than 26`, async () => {
      await refuses(
        target,
        'lengthBeyondPayload',
        [25, 26, 255].map((length) => altered(packet(name), 3, length)),
      )
      await refuses(
        target,
        'lengthTooSmall',
        [0, 1, 23].map((length) => altered(packet(name), 3, length)),
      )
      await refuses(
        target,
        'lengthTooSmall',
        [24, 25].map((length) => altered(altered(packet(name), 1, 0x44), 3, length)),
      )
    })

    test(`B2 ${name}: version 0 and 2, Mult 0, M, My Discriminator 0, P and F together`, async () => {
      await refuses(
        target,
        'version',
        [0x01, 0x41, 0xe1].map((first) => altered(packet(name), 0, first)),
      )
      await refuses(target, 'detectMultiplierZero', [altered(packet(name), 2, 0)])
      await refuses(target, 'multipoint', [altered(packet(name), 1, 0x41)])
      await refuses(target, 'myDiscriminatorZero', [packet(name, { myDiscriminator: 0 })])
      await refuses(target, 'pollAndFinal', [packet(name, { isPoll: true, isFinal: true })])
    })

    test(`B2 ${name}: a Your Discriminator of nobody, and none with Init or Up`, async () => {
      const states = ['adminDown', 'down', 'init', 'up'] as const
      await refuses(
        target,
        'yourDiscriminatorUnknown',
        states.map((state) => packet(name, { state, yourDiscriminator: 7 })),
      )
      await refuses(
        target,
        'yourDiscriminatorZero',
        (['init', 'up'] as const).map((state) => packet(name, { state, yourDiscriminator: 0 })),
      )
    })

    test(`B3 ${name}: a TTL below the least is dropped by the kernel [${name === 'multihop' ? 'rfc5883-5-ttl-floor' : 'rfc5881-5-receive-255'}]`, async () => {
      const low = name === 'multihop' ? [63] : [254, 64, 1]
      for (const ttl of low) await refuses(target, 'filteredByKernel', [packet(name)], ttl)
    })

    test(`B6 ${name}: an A bit where no authentication is in use`, async () => {
      const withAuthentication = new Uint8Array(28)
      withAuthentication.set(packet(name))
      withAuthentication.set([0x44], 1)
      withAuthentication.set([28], 3)
      withAuthentication.set([1, 4, 1, 0x61], 24)
      await refuses(target, 'authentication', [withAuthentication])
    })

    test(`B6 ${name}: a Down in the peer’s name with wrong discriminators, and one of the beginning again`, async () => {
      await refuses(target, 'yourDiscriminatorUnknown', [packet(name, { yourDiscriminator: 0xdeadbeef })])
      await refuses(target, 'unprovenRestart', [
        packet(name, { yourDiscriminator: 0, myDiscriminator: 0xdeadbeef }),
        packet(name, { yourDiscriminator: 0, diagnostic: 0 }),
        packet(name, { yourDiscriminator: 0, state: 'adminDown', myDiscriminator: 0xdeadbeef, diagnostic: 7 }),
      ])
    })
  }

  test('B3: a packet for a multihop session at the single-hop port, and the other way round', async () => {
    const [single, , multi] = targets
    const before = [holdfast.changes('ipv4').length, holdfast.changes('multihop').length]
    await attacker?.send({
      from: peer.loopback4,
      to: node.loopback4,
      port: single.port,
      ttl: 255,
      packets: [hex(packet('multihop'))],
    })
    await attacker?.send({ from: peer.ipv4, to: node.ipv4, port: multi.port, ttl: 255, packets: [hex(packet('ipv4'))] })
    await refuses(single, 'version', [altered(packet('ipv4'), 0, 0)])
    await refuses(multi, 'version', [altered(packet('multihop'), 0, 0)])
    assert.deepEqual([holdfast.changes('ipv4').length, holdfast.changes('multihop').length], before)
  })

  test('B3: what comes in by another device than the session’s is dropped', async () => {
    const [single] = targets
    const before = { changes: holdfast.changes('ipv4').length, count: holdfast.dropped('ipv4', 'filteredByKernel') }
    // The node's own loopback is another device, and everything else is as it should be.
    const local = new Attacker(node)
    try {
      await local.send({ from: node.ipv4, to: node.ipv4, port: single.port, ttl: 255, packets: [hex(packet('ipv4'))] })
      await eventually(
        'the kernel counts it',
        () => holdfast.dropped('ipv4', 'filteredByKernel'),
        (count) => assert.ok(count > before.count),
      )
    } finally {
      local.end()
    }
    assert.equal(holdfast.changes('ipv4').length, before.changes)
  })

  test('a packet of a stranger is dropped by the kernel, unless it knows the discriminator', async () => {
    const before = { changes: holdfast.changes('ipv4').length, count: holdfast.dropped('ipv4', 'filteredByKernel') }
    const packets = [packet('ipv4', { yourDiscriminator: 0 }), packet('ipv4', { yourDiscriminator: 5 })].map(hex)
    await outsider?.send({ from: stranger.ipv4, to: node.ipv4, port: 3784, ttl: 255, packets })
    await eventually(
      'the kernel counts them',
      () => holdfast.dropped('ipv4', 'filteredByKernel'),
      (count) => assert.ok(count >= before.count + 2),
    )
    assert.equal(holdfast.changes('ipv4').length, before.changes)
  })

  for (const { floods, from, ttl } of [
    { floods: 'a stranger', from: 'stranger', ttl: 255 },
    { floods: 'the peer’s own address, without discriminators', from: 'peer', ttl: 255 },
    { floods: 'afar', from: 'peer', ttl: 64 },
  ] as const) {
    test(`B5: a flood from ${floods} at all three ports leaves the sessions up, and the thread idle`, async () => {
      const changes = targets.map(({ name }) => holdfast.changes(name).length)
      const who = from === 'peer' ? attacker : outsider
      assert.ok(who !== undefined)
      const machine = from === 'peer' ? peer : stranger
      const packets = [
        packet('ipv4', { yourDiscriminator: 0, myDiscriminator: 99 }),
        crypto.getRandomValues(new Uint8Array(48)),
      ].map(hex)
      const cpuBefore = cpuSeconds(holdfast.process.pid)
      const floods = [3784, 3785, 4784].map((port) =>
        who.send({ from: machine.ipv4, to: node.ipv4, port, ttl, packets, ms: 3000 }),
      )
      await Promise.all(floods)
      const cpu = cpuSeconds(holdfast.process.pid) - cpuBefore
      assert.deepEqual(
        targets.map(({ name }) => holdfast.changes(name).length),
        changes,
      )
      assert.ok(cpu < 1.5, `${cpu} s of CPU`)
    })
  }

  test('B4: a peer that asks for packets every microsecond gets no more than the profile allows, and a Detection Time that it can keep', async () => {
    const startMs = performance.now()
    const before = holdfast.session('ipv4')
    const quick = { state: 'up', desiredMinTxUs: 1, requiredMinRxUs: 1, detectMultiplier: 255 } as const
    const slow = {
      state: 'up',
      desiredMinTxUs: 2 ** 32 - 1,
      requiredMinRxUs: 2 ** 32 - 1,
      detectMultiplier: 255,
    } as const
    const packets = Array.from({ length: 150 }, (_, index) => hex(packet('ipv4', index % 2 === 0 ? quick : slow)))
    await attacker?.send({ from: peer.ipv4, to: node.ipv4, port: 3784, ttl: 255, packets })
    await eventually(
      'they were read',
      () => holdfast.session('ipv4').at('counters').at('received').number(),
      (count) => assert.ok(count >= before.at('counters').at('received').number() + 150),
    )
    const sent = holdfast.session('ipv4').at('counters').at('sent').number() - before.at('counters').at('sent').number()
    const mostSent = (performance.now() - startMs) / 75 + 10
    assert.ok(sent <= mostSent, `${sent} packets of ${mostSent}`)
    await eventually(
      'the peer’s own word counts again',
      () => holdfast.session('ipv4').at('detectionTimeMs').number(),
      (ms) => assert.equal(ms, 1000),
    )
    assert.equal(holdfast.state('ipv4'), 'up')
  })

  /** User and system time of a process: fields 14 and 15 of proc(5) stat, in hundredths of a second. */
  function cpuSeconds(pid: number): number {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) / 100
  }
})
