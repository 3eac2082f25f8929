import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Clock } from '../clock.ts'

/** A clock under test, and how its time is made to pass: `elapse` resolves when `condition` holds. */
export interface ClockFixture {
  readonly clock: Clock
  readonly elapse: (condition: () => boolean) => Promise<void>
}

/** What every `Clock` must do. */
export function describeClockContract(name: string, create: () => ClockFixture): void {
  describe(`${name} keeps the contract of Clock`, () => {
    it('rings once, not before its time, and never before after() has returned', async () => {
      const { clock, elapse } = create()
      const startMs = clock.now()
      const rungAt: number[] = []
      clock.after(20, () => rungAt.push(clock.now()))
      let isOver = false
      clock.after(60, () => (isOver = true))
      assert.deepEqual(rungAt, [])
      await elapse(() => isOver)
      assert.equal(rungAt.length, 1)
      assert.ok(rungAt[0]! - startMs >= 20, `rang after ${rungAt[0]! - startMs} ms`)
    })

    it('rings an alarm of 0 ms, but not at once', async () => {
      const { clock, elapse } = create()
      let hasRung = false
      clock.after(0, () => (hasRung = true))
      assert.equal(hasRung, false)
      await elapse(() => hasRung)
    })

    it('rings in the order of due times, whatever the order of asking', async () => {
      const { clock, elapse } = create()
      const order: string[] = []
      clock.after(40, () => order.push('late'))
      clock.after(1, () => order.push('early'))
      clock.after(20, () => order.push('middle'))
      await elapse(() => order.length === 3)
      assert.deepEqual(order, ['early', 'middle', 'late'])
    })

    it('does not ring what was cancelled; cancelling again or late does no harm', async () => {
      const { clock, elapse } = create()
      const rung: string[] = []
      const cancelled = clock.after(1, () => rung.push('cancelled'))
      cancelled.cancel()
      cancelled.cancel()
      const kept = clock.after(10, () => rung.push('kept'))
      await elapse(() => rung.length > 0)
      kept.cancel()
      assert.deepEqual(rung, ['kept'])
    })

    it('lets an alarm cancel another one that is due at the same time', async () => {
      const { clock, elapse } = create()
      const rung: string[] = []
      clock.after(5, () => {
        rung.push('first')
        second.cancel()
      })
      const second = clock.after(5, () => rung.push('second'))
      let isOver = false
      clock.after(25, () => (isOver = true))
      await elapse(() => isOver)
      assert.deepEqual(rung, ['first'])
    })

    it('waits longer than 2^31 ms when asked to, and does not ring at once', async () => {
      const { clock, elapse } = create()
      let hasRung = false
      const far = clock.after(2 ** 31 + 5, () => (hasRung = true))
      let isOver = false
      clock.after(20, () => (isOver = true))
      await elapse(() => isOver)
      assert.equal(hasRung, false)
      far.cancel()
    })

    it('refuses times that are no times', () => {
      const { clock } = create()
      const never = (): void => assert.fail('rang')
      for (const ms of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
        assert.throws(() => clock.after(ms, never), RangeError)
      }
    })
  })
}
