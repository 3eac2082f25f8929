// Two machines over a path that loses, delays and reorders packets, on a virtual clock: an hour of protocol in a second.
import { createVirtualClock, type VirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drawJitter } from './jitter.ts'
import { End, type Path } from './testing/simulation.ts'
import type { BfdConfig } from './types.ts'

const fast = { transmitIntervalMs: 50, receiveIntervalMs: 50 }
const perfect: Path = (bytes) => ({ delayMs: 1, bytes })

interface Pair {
  readonly clock: VirtualClock
  readonly one: End
  readonly other: End
  /** From now on. */
  setPath: (path: Path) => void
}

function pair(oneConfig: Partial<BfdConfig>, otherConfig: Partial<BfdConfig>, seed = 1): Pair {
  const clock = createVirtualClock()
  let current = perfect
  const one = new End(clock, oneConfig, { discriminator: 1, seed })
  const other = new End(clock, otherConfig, { discriminator: 2, seed: seed + 1 })
  End.connect(one, other, clock, (bytes) => current(bytes))
  one.feed({ kind: 'start' })
  other.feed({ kind: 'start' })
  return { clock, one, other, setPath: (path) => (current = path) }
}

const areUp = ({ one, other }: Pair) => one.session.state === 'up' && other.session.state === 'up'

/** A path that draws what happens to each packet from a repeatable sequence. */
function lossyPath(lossPercent: number, mostDelayMs: number, seed: number): Path {
  let state = seed
  const draw = (): number => {
    const next = drawJitter(state, 3)
    state = next.state
    return (next.factor - 0.75) * 4
  }
  return (bytes) => (draw() * 100 < lossPercent ? undefined : { delayMs: draw() * mostDelayMs, bytes })
}

test('two ends come up, poll each other to their fast intervals, and stay up for an hour [rfc5880-6.8.3-poll-on-change]', () => {
  const made = pair(fast, fast)
  assert.ok(made.clock.runUntil(() => areUp(made), 5000))
  made.clock.advance(2000)
  for (const end of [made.one, made.other]) {
    assert.equal(end.session.poll.phase, 'idle')
    assert.equal(end.session.remote?.desiredMinTxMs, 50)
  }
  made.clock.advance(3_600_000)
  assert.deepEqual([made.one.session.counters.upCount, made.one.session.counters.downCount], [1, 0])
  assert.deepEqual([made.other.session.counters.upCount, made.other.session.counters.downCount], [1, 0])
})

test('a cut is found within the Detection Time at both ends, over a thousand cuts', () => {
  const made = pair(fast, fast, 7)
  for (let round = 0; round < 1000; round += 1) {
    made.setPath(perfect)
    assert.ok(made.clock.runUntil(() => areUp(made), 10_000))
    made.clock.advance(2500 + (round % 50))
    const cutMs = made.clock.now()
    made.setPath(() => undefined)
    made.clock.advance(200)
    for (const end of [made.one, made.other]) {
      const last = end.changes.at(-1)
      assert.equal(last?.reason.kind, 'detectionTimeExpired')
      assert.ok(last.atMs - cutMs >= 100 - 1 && last.atMs - cutMs <= 151, `${last.atMs - cutMs} ms`)
    }
  }
})

test('a path that works one way only takes both ends down, the second one by the first one’s word', () => {
  const clock = createVirtualClock()
  const one = new End(clock, fast, { discriminator: 1, seed: 1 })
  const other = new End(clock, fast, { discriminator: 2, seed: 2 })
  let isCut = false
  // Packets of `one` have its discriminator in octets 4 to 7.
  End.connect(one, other, clock, (bytes) => (isCut && bytes[7] === 1 ? undefined : { delayMs: 1, bytes }))
  one.feed({ kind: 'start' })
  other.feed({ kind: 'start' })
  clock.advance(10_000)
  const cutMs = clock.now()
  isCut = true
  clock.advance(1000)
  const last = one.changes.find(({ atMs }) => atMs > cutMs)
  assert.equal(last?.reason.kind, 'neighborSignaledDown')
  assert.ok(last.atMs - cutMs <= 153, `${last.atMs - cutMs} ms`)
})

test('whatever the loss of two bad minutes was, a good path is up again within seconds', () => {
  for (let seed = 1; seed <= 40; seed += 1) {
    const made = pair(fast, { ...fast, isPassive: seed % 3 === 0 }, seed)
    made.setPath(lossyPath(5 + seed * 2, 120, seed))
    made.clock.advance(120_000)
    made.setPath(perfect)
    // A silence that began before may still end a session.
    made.clock.advance(1000)
    assert.ok(
      made.clock.runUntil(() => areUp(made), 6000),
      `seed ${seed}`,
    )
    const before = made.one.session.counters.downCount
    made.clock.advance(60_000)
    assert.equal(made.one.session.counters.downCount, before)
  }
})

test('settings that change every second over a bad path never take the session down, and hold in the end [rfc5880-6.8.3-several-changes]', () => {
  const made = pair({ detectMultiplier: 20 }, { detectMultiplier: 20 })
  assert.ok(made.clock.runUntil(() => areUp(made), 5000))
  made.setPath(lossyPath(20, 80, 3))
  for (let round = 0; round < 300; round += 1) {
    const end = round % 2 === 0 ? made.one : made.other
    const [transmitIntervalMs, receiveIntervalMs] = [20 + ((round * 37) % 500), 20 + ((round * 91) % 500)]
    end.feed({ kind: 'configure', config: { ...end.session.config, transmitIntervalMs, receiveIntervalMs } })
    made.clock.advance(1000)
  }
  assert.equal(made.one.session.counters.downCount + made.other.session.counters.downCount, 0)
  made.setPath(perfect)
  made.clock.advance(10_000)
  for (const [end, peer] of [
    [made.one, made.other],
    [made.other, made.one],
  ] as const) {
    assert.equal(end.session.inForce.transmitMs, end.session.config.transmitIntervalMs)
    assert.equal(end.session.inForce.receiveMs, end.session.config.receiveIntervalMs)
    assert.equal(end.session.remote?.requiredMinRxMs, peer.session.config.receiveIntervalMs)
  }
})

test('a stop reaches the peer over a path that lost its first packet, and is no failure there [rfc5880-6.8.16-linger]', () => {
  const made = pair({ ...fast, detectMultiplier: 40 }, fast)
  assert.ok(made.clock.runUntil(() => areUp(made), 5000))
  made.clock.advance(3000)
  made.setPath(() => undefined)
  made.one.feed({ kind: 'stop' })
  made.setPath(perfect)
  made.clock.advance(1500)
  assert.equal(made.one.hasEnded, true)
  assert.equal(made.other.changes.at(-1)?.reason.kind, 'neighborAdminDown')
})

test('two passive ends stay silent [rfc5880-6.1-passive]', () => {
  const made = pair({ isPassive: true }, { isPassive: true })
  made.clock.advance(60_000)
  assert.equal(made.one.sent.length + made.other.sent.length, 0)
})

test('an end that never sent more than its interval allows: gaps of periodic packets are 75 to 100 percent [rfc5880-6.8.7-interval]', () => {
  const made = pair(fast, { ...fast, receiveIntervalMs: 80 })
  assert.ok(made.clock.runUntil(() => areUp(made), 5000))
  made.clock.advance(5000)
  const from = made.one.sent.length
  made.clock.advance(60_000)
  const times = made.one.sent.slice(from).map(({ atMs }) => atMs)
  for (let index = 1; index < times.length; index += 1) {
    const gap = (times[index] ?? 0) - (times[index - 1] ?? 0)
    assert.ok(gap >= 59.99 && gap <= 80.01, `${gap} ms`)
  }
})
