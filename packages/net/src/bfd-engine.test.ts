import { encodeControlPacket, type BfdConfig, type BfdSnapshot, type ControlPacket } from '@holdfast/bfd'
import { createVirtualClock, type VirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BfdEngine } from './bfd-engine.ts'
import type { BfdEvent, BfdSessionOptions } from './bfd-service.ts'
import { address, FakeBfdSockets } from './testing/bfd-sockets.ts'

const config: BfdConfig = {
  transmitIntervalMs: 50,
  receiveIntervalMs: 50,
  detectMultiplier: 3,
  isPassive: false,
  echoReceiveIntervalMs: undefined,
  isMultihop: false,
  minimumTtl: 254,
}

const one = '192.0.2.1'

const optionsOf = (remote: string, change: Partial<BfdConfig> = {}, device?: string): BfdSessionOptions => ({
  remote: address(remote),
  local: undefined,
  device,
  config: { ...config, ...change },
})

class World {
  readonly clock: VirtualClock = createVirtualClock()
  readonly sockets = new FakeBfdSockets()
  readonly events: { readonly id: number; readonly event: BfdEvent }[] = []
  readonly engine: BfdEngine
  /** What runs after reading. */
  deferred: (() => void)[] = []
  #random = 100

  constructor(random?: () => number) {
    this.engine = new BfdEngine({
      clock: this.clock,
      sockets: this.sockets,
      random: random ?? (() => (this.#random += 1)),
      afterReading: (run) => void this.deferred.push(run),
      observe: (id, event) => void this.events.push({ id, event }),
    })
  }

  snapshot(id: number): BfdSnapshot {
    const found = this.engine.snapshots().find((entry) => entry.id === id)
    assert.ok(found !== undefined)
    return found.snapshot
  }

  /** A packet of a peer to this session. */
  packet(id: number, change: Partial<ControlPacket> = {}): Uint8Array {
    return encodeControlPacket({
      diagnostic: 0,
      state: 'down',
      isPoll: false,
      isFinal: false,
      isControlPlaneIndependent: false,
      isDemand: false,
      detectMultiplier: 3,
      myDiscriminator: 7000 + id,
      yourDiscriminator: this.snapshot(id).localDiscriminator,
      desiredMinTxUs: 50_000,
      requiredMinRxUs: 50_000,
      requiredMinEchoRxUs: 0,
      ...change,
    })
  }

  bringUp(id: number, from: string): void {
    const port = this.sockets.receivers.has('multihop ipv4') ? 'multihop' : 'singleHop'
    this.sockets.deliver(this.packet(id, { yourDiscriminator: 0 }), from, port)
    this.sockets.deliver(this.packet(id, { state: 'init' }), from, port)
    assert.equal(this.snapshot(id).state, 'up')
  }

  read(): void {
    const deferred = this.deferred
    this.deferred = []
    for (const run of deferred) run()
  }
}

test('a packet with Your Discriminator finds its session by that alone, and one without by where it came from [rfc5880-6.3-demultiplexing] [rfc5881-3-initial-packet] [rfc5881-6-destination-kept]', () => {
  const world = new World()
  world.engine.open(1, optionsOf(one))
  world.engine.open(2, optionsOf('192.0.2.2'))
  world.sockets.deliver(world.packet(2, { yourDiscriminator: 0 }), '192.0.2.2')
  assert.deepEqual([world.snapshot(1).state, world.snapshot(2).state], ['down', 'init'])
  // From another address than the configured one: the discriminator counts, and we go on sending where we did.
  world.sockets.deliver(world.packet(1), '192.0.2.99')
  assert.equal(world.snapshot(1).state, 'init')
  assert.equal(world.sockets.senderTo(one).sent.length, 1)
})

test('packets of strangers and for nobody reach no session [rfc5880-6.8.6-no-session]', () => {
  const world = new World()
  world.engine.open(1, optionsOf(one))
  world.sockets.deliver(world.packet(1, { yourDiscriminator: 0 }), '192.0.2.2')
  world.sockets.deliver(world.packet(1, { yourDiscriminator: 12345 }), '192.0.2.2')
  world.sockets.deliver(new Uint8Array(3), '192.0.2.2')
  assert.equal(world.snapshot(1).state, 'down')
  assert.deepEqual(world.snapshot(1).counters.dropped, {})
})

test('the same link-local address on two devices is two peers [rfc5881-3-initial-packet]', () => {
  const world = new World()
  world.sockets.devices.set('eth1', 3)
  world.engine.open(1, optionsOf('fe80::1', {}, 'eth0'))
  world.engine.open(2, optionsOf('fe80::1', {}, 'eth1'))
  world.sockets.deliver(world.packet(2, { yourDiscriminator: 0 }), 'fe80::1%eth1')
  assert.deepEqual([world.snapshot(1).state, world.snapshot(2).state], ['down', 'init'])
  assert.deepEqual(
    world.sockets.receiver('singleHop', 'ipv6').rules.map(({ deviceIndex }) => deviceIndex),
    [2, 3],
  )
})

test('each family and each kind has its port; the discriminator of one is nothing at the other', () => {
  const world = new World()
  world.engine.open(1, optionsOf(one))
  world.engine.open(2, optionsOf('198.51.100.1', { isMultihop: true, minimumTtl: 60 }))
  world.sockets.deliver(world.packet(2), '198.51.100.1', 'singleHop')
  assert.equal(world.snapshot(2).state, 'down')
  world.sockets.deliver(world.packet(2), '198.51.100.1', 'multihop')
  assert.equal(world.snapshot(2).state, 'init')
  assert.deepEqual(
    (['singleHop', 'multihop'] as const).map((port) =>
      world.sockets.receiver(port).rules.map(({ minimumTtl }) => minimumTtl),
    ),
    [[255], [60]],
  )
})

test('discriminators are unique and not zero, whatever is drawn [rfc5880-6.3-unique-discriminator] [rfc5880-6.8.1-local-discr]', () => {
  const drawn = [0, 5, 1, 5, 5, 0, 9, 2]
  const world = new World(() => drawn.shift() ?? 77)
  world.engine.open(1, optionsOf(one))
  world.engine.open(2, optionsOf('192.0.2.2'))
  assert.deepEqual([world.snapshot(1).localDiscriminator, world.snapshot(2).localDiscriminator], [5, 9])
})

test('a session that the system refuses says why, is tried every second, and never runs without its filter', () => {
  const world = new World()
  world.sockets.fails.set('receiver', 'EADDRINUSE')
  world.engine.open(1, optionsOf(one))
  assert.match(world.snapshot(1).obstacle ?? '', /port 3784 is in use/)
  world.clock.advance(5000)
  assert.equal(world.sockets.senders.length, 0)
  world.sockets.fails.clear()
  world.clock.advance(1000)
  assert.equal(world.snapshot(1).obstacle, undefined)
  assert.ok(world.sockets.senderTo(one).sent.length > 0)
})

test('a source address that is not there yet is waited for', () => {
  const world = new World()
  world.sockets.fails.set('sender', 'EADDRNOTAVAIL')
  world.engine.open(1, optionsOf(one))
  assert.match(world.snapshot(1).obstacle ?? '', /source address is not on this machine/)
  world.sockets.fails.clear()
  world.clock.advance(1000)
  assert.ok(world.sockets.senderTo(one).sent.length > 0)
})

test('a device that goes and comes under another number gets its session back', () => {
  const world = new World()
  world.engine.open(1, optionsOf('fe80::1', {}, 'eth0'))
  world.bringUp(1, 'fe80::1%eth0')
  world.sockets.devices.delete('eth0')
  world.clock.advance(1000)
  assert.match(world.snapshot(1).obstacle ?? '', /no network device eth0/)
  assert.equal(world.sockets.receiver('singleHop', 'ipv6').isOpen, false)
  world.sockets.devices.set('eth0', 9)
  world.clock.advance(1000)
  assert.equal(world.snapshot(1).obstacle, undefined)
  assert.equal(world.sockets.receiver('singleHop', 'ipv6').rules[0]?.deviceIndex, 9)
})

test('what cannot be sent is an obstacle until it can', () => {
  const world = new World()
  world.engine.open(1, optionsOf(one))
  world.sockets.fails.set('send', 'ENETUNREACH')
  world.clock.advance(1500)
  assert.match(world.snapshot(1).obstacle ?? '', /no route/)
  world.sockets.fails.clear()
  world.clock.advance(1500)
  assert.equal(world.snapshot(1).obstacle, undefined)
})

test('packets that waited in the socket while the thread did not run put the end off', () => {
  const world = new World()
  world.engine.open(1, optionsOf(one))
  world.bringUp(1, one)
  world.clock.advance(150)
  assert.equal(world.deferred.length, 1)
  world.sockets.deliver(world.packet(1, { state: 'up' }), one)
  world.read()
  assert.equal(world.snapshot(1).state, 'up')
  world.clock.advance(150)
  world.read()
  assert.equal(world.snapshot(1).state, 'down')
  assert.deepEqual(world.events.at(-1), {
    id: 1,
    event: {
      from: 'up',
      to: 'down',
      isFailure: true,
      message: 'nothing came from the peer for 150 ms, the Detection Time',
    },
  })
})

test('a flood of packets without discriminators closes the filter to them for a second; sessions go on', () => {
  const world = new World()
  world.engine.open(1, optionsOf(one))
  world.bringUp(1, one)
  const junk = world.packet(1, { yourDiscriminator: 0, myDiscriminator: 1, diagnostic: 1 })
  for (let count = 0; count < 300; count += 1) world.sockets.deliver(junk, one)
  assert.equal(world.sockets.receiver('singleHop').isStrict, true)
  world.sockets.deliver(world.packet(1, { state: 'up' }), one)
  assert.equal(world.snapshot(1).state, 'up')
  world.clock.advance(1000)
  assert.equal(world.sockets.receiver('singleHop').isStrict, false)
})

test('a session for a peer that has one replaces it, and tells the peer', () => {
  const world = new World()
  world.engine.open(1, optionsOf(one))
  world.bringUp(1, one)
  const [before] = world.sockets.senders
  world.engine.open(2, optionsOf(one))
  assert.equal(before?.isOpen, false)
  assert.equal((before.sent.at(-1)?.[1] ?? 0xff) >> 6, 0)
  assert.deepEqual(
    world.engine.snapshots().map(({ id }) => id),
    [2],
  )
})

test('single-hop to multihop is a new session under the same name, and no failure', () => {
  const world = new World()
  world.engine.open(1, optionsOf(one))
  world.bringUp(1, one)
  world.engine.configure(1, { ...config, isMultihop: true })
  assert.equal(world.sockets.senders.at(-1)?.options.isMultihop, true)
  assert.equal(world.events.at(-1)?.event.isFailure, false)
  assert.equal(world.snapshot(1).state, 'down')
  assert.equal(world.sockets.receiver('singleHop').isOpen, false)
})

test('another least TTL is in the filter at once', () => {
  const world = new World()
  world.engine.open(1, optionsOf(one, { isMultihop: true }))
  world.engine.configure(1, { ...config, isMultihop: true, minimumTtl: 100 })
  assert.equal(world.sockets.receiver('multihop').rules[0]?.minimumTtl, 100)
})

test('an end waits for the peers, no longer than they need or 2.5 seconds, and leaves no alarm and no socket', () => {
  for (const isConfirmed of [true, false]) {
    const world = new World()
    world.engine.open(1, optionsOf(one))
    world.bringUp(1, one)
    let hasStopped = false
    world.engine.stop(() => (hasStopped = true))
    assert.equal(hasStopped, false)
    if (isConfirmed) world.sockets.deliver(world.packet(1, { isFinal: true }), one)
    else world.clock.advance(2500)
    assert.equal(hasStopped, true)
    assert.equal(world.clock.pending(), 0)
    assert.ok([...world.sockets.receivers.values(), ...world.sockets.senders].every(({ isOpen }) => !isOpen))
  }
})

test('Echo packets come back from a session that offers it and is Up, within its interval; others do not [rfc5880-6.4-echo-rate] [rfc5881-4-echo-port]', () => {
  const world = new World()
  world.engine.open(1, optionsOf(one, { echoReceiveIntervalMs: 50 }))
  const echo = Uint8Array.of(1, 2, 3)
  const { reflected } = world.sockets.receiver('echo')
  world.sockets.deliver(echo, one, 'echo')
  assert.deepEqual(reflected, [])
  world.bringUp(1, one)
  world.sockets.deliver(echo, one, 'echo')
  assert.deepEqual(reflected, [echo])
  world.sockets.deliver(echo, '192.0.2.9', 'echo')
  world.sockets.deliver(new Uint8Array(0), one, 'echo')
  world.sockets.deliver(new Uint8Array(2000), one, 'echo')
  assert.deepEqual(reflected, [echo])
  for (let count = 0; count < 1000; count += 1) world.sockets.deliver(echo, one, 'echo')
  assert.ok(reflected.length <= 4)
  world.engine.configure(1, config)
  assert.equal(world.sockets.receiver('echo').isOpen, false)
})

test('without Echo there is no socket for it', () => {
  const world = new World()
  world.engine.open(1, optionsOf(one))
  assert.equal(world.sockets.receivers.has('echo ipv4'), false)
})
