import assert from 'node:assert/strict'
import { test } from 'node:test'
import { detectionTime, transmitInterval } from './intervals.ts'
import { Driven } from './testing/harness.ts'

/** The intervals between `count` periodic packets of a session that nobody disturbs. */
function intervals(driven: Driven, count: number): readonly number[] {
  driven.ring('transmit', 1000)
  return Array.from({ length: count }, () => {
    const ms = driven.armed('transmit') ?? Number.NaN
    driven.ring('transmit', ms)
    assert.equal(driven.sent.length, 1)
    return ms
  })
}

test('Detection Time is the peer’s multiplier times the greater of our receive and its transmit interval [rfc5880-6.8.4-detection-time]', () => {
  const cases = [
    [300, 2, 100_000, 600],
    [300, 5, 400_000, 2000],
    [50, 3, 50_000, 150],
    [50, 255, 0, 12_750],
  ] as const
  for (const [receiveIntervalMs, detectMultiplier, desiredMinTxUs, expected] of cases) {
    const driven = Driven.up({ receiveIntervalMs }, { detectMultiplier, desiredMinTxUs })
    assert.equal(driven.armed('detect'), expected)
  }
})

test('a peer that changes multiplier or interval changes the Detection Time with that packet [rfc5880-6.8.6-update-detection]', () => {
  const driven = Driven.up()
  driven.receive({ state: 'up', detectMultiplier: 5, desiredMinTxUs: 400_000 })
  assert.equal(driven.armed('detect'), 2000)
})

test('transmit interval is the greater of ours and what the peer can take [rfc5880-6.8.7-interval] [rfc5880-6.8.6-update-transmit]', () => {
  assert.equal(transmitInterval(Driven.up({ transmitIntervalMs: 50 }).session), 300)
  assert.equal(transmitInterval(Driven.up({ transmitIntervalMs: 400 }).session), 400)
  const driven = Driven.up({ transmitIntervalMs: 50 })
  driven.receive({ state: 'up', requiredMinRxUs: 700_000 })
  assert.equal(transmitInterval(driven.session), 700)
})

test('until a peer has said what it can take, only our own interval counts [rfc5880-6.8.1-remote-min-rx]', () => {
  assert.equal(transmitInterval(Driven.started({ transmitIntervalMs: 2000 }).session), 2000)
})

test('each interval is shortened by 0 to 25 percent, anew for each packet [rfc5880-6.8.7-jitter]', () => {
  const seen = intervals(Driven.up(), 2000)
  assert.ok(seen.every((ms) => ms >= 225 && ms <= 300))
  assert.ok(Math.min(...seen) < 226 && Math.max(...seen) > 299)
  assert.ok(new Set(seen).size > 1900)
})

test('with a Detect Mult of 1 it is 75 to 90 percent [rfc5880-6.8.7-jitter-mult-1]', () => {
  const seen = intervals(Driven.up({ detectMultiplier: 1 }), 2000)
  assert.ok(seen.every((ms) => ms >= 225 && ms <= 270))
  assert.ok(Math.max(...seen) > 269)
})

test('while the session is not Up, packets come and are promised no faster than one a second [rfc5880-6.8.3-slow-while-not-up] [rfc5880-6.8.1-desired-min-tx]', () => {
  const driven = Driven.started({ transmitIntervalMs: 50 })
  driven.ring('transmit')
  assert.equal(driven.sent[0]?.desiredMinTxUs, 1_000_000)
  assert.ok((driven.armed('transmit') ?? 0) >= 750)
  driven.receive({ yourDiscriminator: 0, requiredMinRxUs: 50_000 }, 750)
  assert.equal(driven.sent[0].desiredMinTxUs, 1_000_000)
  assert.ok((driven.armed('transmit') ?? 0) >= 750)
})

test('a longer interval than a second stays so while Down', () => {
  const driven = Driven.started({ transmitIntervalMs: 5000 })
  driven.ring('transmit')
  assert.equal(driven.sent[0]?.desiredMinTxUs, 5_000_000)
})

test('coming Up, the fast interval counts at once and the peer is told by a Poll Sequence [rfc5880-6.8.3-poll-on-change] [rfc5880-6.5-poll-until-final]', () => {
  const driven = Driven.started({ transmitIntervalMs: 50, receiveIntervalMs: 50 })
  const fast = { requiredMinRxUs: 50_000, desiredMinTxUs: 50_000 }
  driven.receive({ yourDiscriminator: 0, ...fast })
  driven.receive({ state: 'up', ...fast })
  assert.equal(driven.sent[0]?.isPoll, true)
  assert.equal(driven.sent[0].desiredMinTxUs, 50_000)
  assert.ok((driven.armed('transmit') ?? 999) <= 50)
  driven.ring('transmit', 50)
  assert.equal(driven.sent[0].isPoll, true)
  driven.receive({ state: 'up', isFinal: true, ...fast })
  driven.ring('transmit', 50)
  assert.equal(driven.sent[0].isPoll, false)
})

test('going Down, the slow interval is back and is polled while the peer is there [rfc5880-6.8.3-slow-while-not-up] [rfc5880-6.8.3-poll-on-change]', () => {
  const driven = Driven.up({ transmitIntervalMs: 50 })
  driven.receive({ state: 'down', diagnostic: 1 })
  assert.equal(driven.sent[0]?.desiredMinTxUs, 1_000_000)
  assert.equal(driven.sent[0].isPoll, true)
  assert.ok((driven.armed('transmit') ?? 0) >= 750)
})

test('a Poll is answered with a Final at once, without P, and without putting off the next packet [rfc5880-6.5-final] [rfc5880-6.8.7-final-at-once] [rfc5880-6.5-never-both-sent]', () => {
  const driven = Driven.up()
  driven.configure({ transmitIntervalMs: 310 })
  driven.receive({ state: 'up', isPoll: true }, 20)
  assert.deepEqual(
    driven.sent.map(({ isPoll, isFinal }) => ({ isPoll, isFinal })),
    [{ isPoll: false, isFinal: true }],
  )
  assert.equal(driven.armed('transmit'), undefined)
})

test('a Final comes in every state: also while Down, and while we are AdminDown [rfc5880-6.8.7-final-at-once]', () => {
  const down = Driven.started()
  down.receive({ state: 'up', isPoll: true })
  assert.equal(down.session.state, 'down')
  assert.equal(down.sent[0]?.isFinal, true)
  const stopped = Driven.up()
  stopped.feed({ kind: 'stop' })
  stopped.receive({ state: 'up', isPoll: true })
  assert.equal(stopped.sent[0]?.isFinal, true)
  assert.equal(stopped.sent[0].state, 'adminDown')
})

test('a change of state that comes with a Poll is told by the Final alone', () => {
  const driven = Driven.started()
  driven.receive({ state: 'init', isPoll: true })
  assert.equal(driven.sent.length, 1)
  assert.equal(driven.sent[0]?.isFinal, true)
  assert.equal(driven.sent[0].state, 'up')
})

test('slower sending waits for the Final; what it will be is said at once [rfc5880-6.8.3-slower-transmit-waits] [rfc5880-6.8.6-final-ends-poll]', () => {
  const driven = Driven.up()
  driven.configure({ transmitIntervalMs: 600 })
  assert.equal(transmitInterval(driven.session), 300)
  driven.ring('transmit', 300)
  assert.equal(driven.sent[0]?.isPoll, true)
  assert.equal(driven.sent[0].desiredMinTxUs, 600_000)
  assert.ok((driven.armed('transmit') ?? 999) <= 300)
  driven.receive({ state: 'up', isFinal: true })
  assert.equal(transmitInterval(driven.session), 600)
  assert.ok((driven.armed('transmit') ?? 0) >= 450)
})

test('faster receiving waits for the Final [rfc5880-6.8.3-faster-receive-waits]', () => {
  const driven = Driven.up({}, { desiredMinTxUs: 10_000 })
  driven.configure({ receiveIntervalMs: 50 })
  assert.equal(detectionTime(driven.session), 900)
  driven.ring('transmit', 300)
  assert.equal(driven.sent[0]?.requiredMinRxUs, 50_000)
  driven.receive({ state: 'up', desiredMinTxUs: 10_000, isFinal: true })
  assert.equal(detectionTime(driven.session), 150)
  assert.equal(driven.armed('detect'), 150)
})

test('faster sending and slower receiving count at once [rfc5880-6.8.7-recalculated]', () => {
  const driven = Driven.up({}, { requiredMinRxUs: 10_000, desiredMinTxUs: 10_000 })
  driven.configure({ transmitIntervalMs: 50, receiveIntervalMs: 500 })
  assert.equal(transmitInterval(driven.session), 50)
  assert.equal(detectionTime(driven.session), 1500)
  assert.ok((driven.armed('transmit') ?? 999) <= 50)
})

test('a change of settings adds no packet: P rides on the periodic ones [rfc5880-6.5-no-additional-packets]', () => {
  const driven = Driven.up()
  driven.configure({ transmitIntervalMs: 600, receiveIntervalMs: 100 })
  assert.deepEqual(driven.sent, [])
})

test('settings that change no interval start no Poll Sequence, and Detect Mult is told by the next packet [rfc5880-6.8.12-detect-mult]', () => {
  const driven = Driven.up()
  driven.configure({ detectMultiplier: 5 })
  driven.ring('transmit', 300)
  assert.equal(driven.sent[0]?.isPoll, false)
  assert.equal(driven.sent[0].detectMultiplier, 5)
})

test('a change during a Poll Sequence gets one of its own, after a packet without F [rfc5880-6.8.3-several-changes]', () => {
  const driven = Driven.up()
  driven.configure({ transmitIntervalMs: 600 })
  driven.configure({ transmitIntervalMs: 900 })
  driven.receive({ state: 'up', isFinal: true })
  assert.equal(transmitInterval(driven.session), 300)
  driven.ring('transmit', 300)
  assert.equal(driven.sent[0]?.isPoll, false)
  driven.receive({ state: 'up' })
  driven.ring('transmit', 300)
  assert.equal(driven.sent[0].isPoll, true)
  driven.receive({ state: 'up', isFinal: true })
  assert.equal(transmitInterval(driven.session), 900)
})

test('a Final that nobody asked for changes nothing', () => {
  const driven = Driven.up()
  const { inForce, poll, state } = driven.session
  driven.receive({ state: 'up', isFinal: true })
  assert.deepEqual(
    { inForce, poll, state },
    { inForce: driven.session.inForce, poll: driven.session.poll, state: 'up' },
  )
})

test('a peer that can take packets faster gets the next one as if it had always been so [rfc5880-6.8.3-faster-at-once]', () => {
  const driven = Driven.up({ transmitIntervalMs: 50 }, { requiredMinRxUs: 2_000_000 })
  driven.ring('transmit', 2000)
  driven.receive({ state: 'up', requiredMinRxUs: 100_000 }, 30)
  const ms = driven.armed('transmit') ?? Number.NaN
  assert.ok(ms >= 75 - 30 && ms <= 100 - 30, `${ms} ms`)
  driven.receive({ state: 'up', requiredMinRxUs: 50_000 }, 70)
  assert.equal(driven.armed('transmit'), 0)
})

test('a peer that wants no packets gets none, but for its Polls [rfc5880-6.8.7-zero-min-rx]', () => {
  const driven = Driven.up()
  driven.receive({ state: 'up', requiredMinRxUs: 0 })
  assert.deepEqual(driven.isDisarmed, ['transmit'])
  driven.receive({ state: 'up', requiredMinRxUs: 0, isPoll: true })
  assert.equal(driven.sent[0]?.isFinal, true)
})

test('a peer that wanted none and fell silent is sent packets again [rfc5880-6.8.18-reset-min-rx]', () => {
  const driven = Driven.up()
  driven.receive({ state: 'up', requiredMinRxUs: 0 })
  driven.ring('detect', 900)
  assert.equal(driven.sent.length, 1)
  assert.ok(driven.armed('transmit') !== undefined)
})

test('a peer in Demand mode gets no periodic packets while both are Up, and they come back when it leaves it [rfc5880-6.8.6-demand-ceases] [rfc5880-6.8.7-demand] [rfc5880-6.8.6-demand-inactive]', () => {
  const driven = Driven.up()
  driven.receive({ state: 'up', isDemand: true })
  assert.deepEqual(driven.isDisarmed, ['transmit'])
  assert.equal(driven.armed('detect'), 900)
  driven.receive({ state: 'up', isDemand: true, isPoll: true }, 300)
  assert.equal(driven.sent[0]?.isFinal, true)
  driven.receive({ state: 'up', isDemand: false }, 300)
  assert.ok(driven.armed('transmit') !== undefined)
})

test('a D bit before both sides are Up means nothing [rfc5880-6.8.6-demand-inactive]', () => {
  const driven = Driven.started()
  driven.receive({ yourDiscriminator: 0, isDemand: true })
  assert.ok(driven.armed('transmit') !== undefined)
})

test('a peer in Demand mode hears of any change by a Poll Sequence of periodic packets, until its Final [rfc5880-6.6-poll-on-change]', () => {
  const driven = Driven.up()
  driven.receive({ state: 'up', isDemand: true })
  driven.configure({ detectMultiplier: 5 })
  assert.ok(driven.armed('transmit') !== undefined)
  driven.ring('transmit', 300)
  assert.equal(driven.sent[0]?.isPoll, true)
  assert.equal(driven.sent[0].detectMultiplier, 5)
  driven.receive({ state: 'up', isDemand: true, isFinal: true })
  assert.deepEqual(driven.isDisarmed, ['transmit'])
})

test('we find out when a peer in Demand mode falls silent', () => {
  const driven = Driven.up()
  driven.receive({ state: 'up', isDemand: true })
  driven.ring('detect', 900)
  assert.equal(driven.session.state, 'down')
})

test('no interval, of a profile or of a peer, makes a busy loop', () => {
  const driven = Driven.started({ transmitIntervalMs: 0, receiveIntervalMs: Number.NaN, detectMultiplier: 0 })
  assert.equal(driven.session.config.detectMultiplier, 1)
  driven.receive({ yourDiscriminator: 0, detectMultiplier: 1, desiredMinTxUs: 0, requiredMinRxUs: 1 })
  driven.receive({ state: 'up', detectMultiplier: 1, desiredMinTxUs: 0, requiredMinRxUs: 1 })
  assert.equal(detectionTime(driven.session), 10)
  driven.ring('transmit', 10)
  assert.ok((driven.armed('transmit') ?? 0) >= 7.5)
})

test('intervals of 2^32 - 1 microseconds and a multiplier of 255 are times that a clock can wait', () => {
  const most = 2 ** 32 - 1
  const driven = Driven.up({}, { detectMultiplier: 255, desiredMinTxUs: most, requiredMinRxUs: most })
  assert.equal(driven.armed('detect'), 255 * (most / 1000))
  driven.ring('transmit', 1000)
  assert.ok((driven.armed('transmit') ?? 0) >= 0.75 * (most / 1000))
})

test('a peer that flips its intervals with each packet does not make us send more often than configured', () => {
  const driven = Driven.up({ transmitIntervalMs: 100 })
  let sentMs = driven.nowMs
  let dueMs = Number.POSITIVE_INFINITY
  const gaps: number[] = []
  for (let round = 0; round < 20_000; round += 1) {
    const requiredMinRxUs = [0, 1, 2 ** 32 - 1, 50_000][round % 4] ?? 0
    driven.receive({ state: 'up', requiredMinRxUs, isPoll: round % 16 === 7 }, 1)
    if (driven.isDisarmed.includes('transmit')) dueMs = Number.POSITIVE_INFINITY
    const ms = driven.armed('transmit')
    if (ms !== undefined) dueMs = driven.nowMs + ms
    if (dueMs <= driven.nowMs) {
      driven.ring('transmit')
      assert.ok(driven.sent.length <= 1)
      if (driven.sent.length === 1) {
        gaps.push(driven.nowMs - sentMs)
        sentMs = driven.nowMs
      }
      const again = driven.armed('transmit')
      dueMs = again === undefined ? Number.POSITIVE_INFINITY : driven.nowMs + again
    }
  }
  assert.ok(gaps.length > 50)
  assert.ok(
    gaps.slice(1).every((gap) => gap >= 75),
    `shortest ${Math.min(...gaps.slice(1))} ms`,
  )
})
