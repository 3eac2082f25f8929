import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { describeClockContract } from './testing/clock-contract.ts'
import { createVirtualClock } from './virtual-clock.ts'

describeClockContract('createVirtualClock', () => {
  const clock = createVirtualClock(500)
  return {
    clock,
    elapse: (condition) => {
      assert.ok(clock.runUntil(condition, 3_600_000), 'not within a virtual hour')
      return Promise.resolve()
    },
  }
})

describe('a virtual clock', () => {
  it('rings each alarm at exactly its own time and then shows the time it was moved to', () => {
    const clock = createVirtualClock()
    const rungAt: number[] = []
    clock.after(30, () => rungAt.push(clock.now()))
    clock.after(10, () => {
      rungAt.push(clock.now())
      clock.after(5, () => rungAt.push(clock.now()))
    })
    clock.advance(29)
    assert.deepEqual(rungAt, [10, 15])
    assert.equal(clock.now(), 29)
    clock.advance(1)
    assert.deepEqual(rungAt, [10, 15, 30])
    assert.equal(clock.pending(), 0)
  })

  it('rings alarms of one due time in the order in which they were set', () => {
    const clock = createVirtualClock()
    const order: number[] = []
    for (let index = 0; index < 50; index += 1) clock.after(index % 2 === 0 ? 7 : 3, () => order.push(index))
    clock.advance(7)
    const odd = Array.from({ length: 25 }, (_, index) => 2 * index + 1)
    const even = Array.from({ length: 25 }, (_, index) => 2 * index)
    assert.deepEqual(order, [...odd, ...even])
  })

  it('goes from alarm to alarm, one at a time', () => {
    const clock = createVirtualClock()
    const rung: string[] = []
    clock.after(5, () => rung.push('a'))
    clock.after(5, () => rung.push('b'))
    assert.equal(clock.advanceToNext(), true)
    assert.deepEqual([rung, clock.now()], [['a'], 5])
    assert.equal(clock.advanceToNext(), true)
    assert.equal(clock.advanceToNext(), false)
    assert.deepEqual([rung, clock.now()], [['a', 'b'], 5])
  })

  it('runs until a condition holds and no further, or until the limit', () => {
    const clock = createVirtualClock()
    let ticks = 0
    const tick = (): void => {
      ticks += 1
      clock.after(10, tick)
    }
    clock.after(10, tick)
    assert.equal(
      clock.runUntil(() => ticks === 3, 1000),
      true,
    )
    assert.equal(clock.now(), 30)
    assert.equal(
      clock.runUntil(() => ticks === 300, 1000),
      false,
    )
    assert.equal(clock.now(), 1030)
  })

  it('ends a loop of alarms that set each other without time passing', () => {
    const clock = createVirtualClock()
    const again = (): void => void clock.after(0, again)
    again()
    assert.throws(() => clock.advance(1), /without end/)
  })

  it('cannot be moved from inside an alarm, and works on after an alarm threw', () => {
    const clock = createVirtualClock()
    clock.after(1, () => clock.advance(1))
    assert.throws(() => clock.advance(2), /cannot move the same clock/)
    let hasRung = false
    clock.after(1, () => (hasRung = true))
    clock.advance(2)
    assert.equal(hasRung, true)
  })
})
