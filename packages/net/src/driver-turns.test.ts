import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Clock } from '@holdfast/runtime'
import { createVirtualClock } from '@holdfast/runtime'
import { SHARE_MS, Turns, turnsOf, type Share } from './driver-turns.ts'

/** A clock that moves as work is done, and whose alarms ring when asked. */
function createWorkClock(): { clock: Clock; work: (ms: number) => void; ring: () => number } {
  let nowMs = 0
  let alarms: (() => void)[] = []
  return {
    clock: {
      now: () => nowMs,
      after: (ms, run) => {
        assert.equal(ms, 0)
        alarms.push(run)
        return { cancel: () => undefined }
      },
    },
    work: (ms) => (nowMs += ms),
    ring: () => {
      const due = alarms
      alarms = []
      for (const run of due) run()
      return due.length
    },
  }
}

describe('turns', () => {
  it('work that comes alone is done on the spot', () => {
    const { clock, ring } = createWorkClock()
    let runs = 0
    new Turns(clock).now(() => {
      runs += 1
      return false
    })
    assert.deepEqual([runs, ring()], [1, 0])
  })

  it('ten peers that never run out of work have equal shares, and timers come between turns of 10 ms', () => {
    const { clock, work, ring } = createWorkClock()
    const turns = new Turns(clock)
    const doneMs = Array<number>(10).fill(0)
    const shares = doneMs.map((_, index): Share => (untilMs) => {
      assert.equal(untilMs, clock.now() + SHARE_MS)
      work(SHARE_MS)
      doneMs[index]! += SHARE_MS
      return true
    })
    for (const share of shares) turns.now(share)
    for (let turn = 0; turn < 100; turn += 1) {
      const startMs = clock.now()
      assert.equal(ring(), 1)
      assert.equal(clock.now() - startMs, 10)
    }
    assert.ok(Math.max(...doneMs) - Math.min(...doneMs) <= SHARE_MS, doneMs.join())
  })

  it('many small pieces of work that come at once do not take more than a turn either', () => {
    const { clock, work, ring } = createWorkClock()
    const turns = new Turns(clock)
    let done = 0
    for (let index = 0; index < 100; index += 1) {
      turns.now(() => {
        work(1)
        done += 1
        return false
      })
    }
    assert.equal(done, 10)
    for (let turn = 2; turn <= 10; turn += 1) {
      ring()
      assert.equal(done, turn * 10)
    }
    assert.equal(ring(), 0)
  })

  it('work that is asked for by other work waits for its turn, and work that waits is not there twice', () => {
    const { clock, ring } = createWorkClock()
    const turns = new Turns(clock)
    const order: string[] = []
    const inner: Share = () => {
      order.push('inner')
      return false
    }
    turns.now(() => {
      turns.now(inner)
      turns.later(inner)
      order.push('outer')
      return false
    })
    assert.deepEqual(order, ['outer'])
    ring()
    assert.deepEqual(order, ['outer', 'inner'])
  })

  it('drivers with one clock share turns, others do not', () => {
    const [one, other] = [createVirtualClock(), createVirtualClock()]
    assert.equal(turnsOf(one), turnsOf(one))
    assert.notEqual(turnsOf(one), turnsOf(other))
  })
})
