import { encodeControlPacket, type BfdConfig, type BfdSnapshot, type ControlPacket } from '@holdfast/bfd'
import { createVirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BfdEngine } from './bfd-engine.ts'
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

const peers = ['192.0.2.1', '192.0.2.2'] as const
const [flooder, other] = peers

/** Two peers, whose sessions are up: 0 and 1. */
class Flooded {
  readonly clock = createVirtualClock()
  readonly sockets = new FakeBfdSockets()
  #random = 100
  readonly engine = new BfdEngine({
    clock: this.clock,
    sockets: this.sockets,
    random: () => (this.#random += 1),
    afterReading: (run) => run(),
    observe: () => undefined,
  })

  constructor(change: Partial<BfdConfig> = {}) {
    for (const [id, remote] of peers.entries()) {
      this.engine.open(id, {
        remote: address(remote),
        local: undefined,
        device: undefined,
        config: { ...config, ...change },
      })
      this.deliver(id, { state: 'down', yourDiscriminator: 0 })
      this.deliver(id, { state: 'init' })
    }
  }

  snapshot(id: number): BfdSnapshot {
    const found = this.engine.snapshot(id)
    assert.ok(found !== undefined)
    return found
  }

  /** A packet as the session's own peer sends it. */
  deliver(id: number, change: Partial<ControlPacket> = {}): void {
    const bytes = encodeControlPacket({
      diagnostic: 0,
      state: 'up',
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
    this.sockets.deliver(bytes, peers[id] ?? '')
  }

  /** Whose packets the kernel lets in. */
  heard(port: 'singleHop' | 'echo' = 'singleHop'): readonly number[] {
    const { rules } = this.sockets.receiver(port)
    return [0, 1].filter((id) =>
      rules.some(({ discriminator }) => discriminator === this.snapshot(id).localDiscriminator),
    )
  }
}

test('a session that floods us with its own valid Polls is closed out by the kernel, and no other is', () => {
  const world = new Flooded()
  for (let count = 0; count < 10_000; count += 1) world.deliver(0, { isPoll: true })
  assert.deepEqual(world.heard(), [1])
  const { counters } = world.snapshot(0)
  assert.ok(counters.received <= 402, `${counters.received} packets were taken`)
  assert.equal(counters.received + (counters.dropped['tooMany'] ?? 0), 10_002)
  const finals = world.sockets.senderTo(flooder).sent.filter((bytes) => ((bytes[1] ?? 0) & 0x10) !== 0)
  assert.ok(finals.length <= 402, `${finals.length} Finals`)
  world.deliver(1)
  assert.deepEqual(world.snapshot(1).counters.dropped, {})
  assert.equal(world.snapshot(0).state, 'up')
})

test('what floods us is heard again after 50 ms, and costs no more than 16 times the agreed rate for as long as it goes on', () => {
  const world = new Flooded()
  for (let ms = 0; ms < 10_000; ms += 1) {
    for (let count = 0; count < 65; count += 1) if (world.heard().includes(0)) world.deliver(0, { isPoll: true })
    if (ms % 50 === 0) world.deliver(1)
    world.clock.advance(1)
  }
  assert.ok(world.snapshot(0).counters.received <= 3700, `${world.snapshot(0).counters.received} packets were taken`)
  assert.deepEqual(
    [0, 1].map((id) => [world.snapshot(id).state, world.snapshot(id).counters.downCount]),
    [
      ['up', 0],
      ['up', 0],
    ],
  )
  world.clock.advance(50)
  assert.deepEqual(world.heard(), [0, 1])
})

test('what a thread that did not run for three seconds finds waiting is no flood, also at 10 ms', () => {
  const world = new Flooded({ receiveIntervalMs: 10 })
  for (let count = 0; count < 390; count += 1) world.deliver(0)
  assert.deepEqual(world.heard(), [0, 1])
  assert.deepEqual(world.snapshot(0).counters.dropped, {})
})

test('a filter that the kernel has no room for is tried again, and neither ends the thread nor the session’s hearing', () => {
  const world = new Flooded()
  world.sockets.fails.set('rules', 'ENOMEM')
  for (let count = 0; count < 1000; count += 1) world.deliver(0)
  assert.ok((world.snapshot(0).counters.dropped['tooMany'] ?? 0) > 0)
  world.clock.advance(120)
  world.sockets.fails.clear()
  for (let count = 0; count < 1000; count += 1) world.deliver(0)
  assert.deepEqual(world.heard(), [1])
  world.sockets.fails.set('rules', 'ENOMEM')
  world.clock.advance(50)
  assert.deepEqual(world.heard(), [1])
  world.sockets.fails.clear()
  world.clock.advance(50)
  assert.deepEqual(world.heard(), [0, 1])
})

test('a peer that floods the Echo port takes no room from the other, and its control packets are still heard', () => {
  const world = new Flooded({ echoReceiveIntervalMs: 50 })
  for (let count = 0; count < 1000; count += 1) world.sockets.deliver(Uint8Array.of(1), flooder, 'echo')
  assert.deepEqual([world.heard('echo'), world.heard()], [[1], [0, 1]])
  world.sockets.deliver(Uint8Array.of(2), other, 'echo')
  assert.deepEqual(world.sockets.receiver('echo').reflected.at(-1), Uint8Array.of(2))
})

test('a session that ends while it is closed out leaves no alarm, and lets the others be', () => {
  const world = new Flooded()
  for (let count = 0; count < 1000; count += 1) world.deliver(0)
  world.engine.close(0)
  world.clock.advance(2000)
  assert.deepEqual(
    world.engine.snapshots().map(({ id }) => id),
    [1],
  )
  for (let count = 0; count < 1000; count += 1) world.deliver(1)
  world.engine.stop(() => undefined)
  world.clock.advance(2500)
  assert.equal(world.clock.pending(), 0)
})
