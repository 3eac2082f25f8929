import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createVirtualClock } from '@holdfast/runtime'
import { PeerTimers } from './peer-timers.ts'

it('a timer that is armed anew or disarmed does not ring at its old time', () => {
  const clock = createVirtualClock()
  const rung: string[] = []
  const timers = new PeerTimers(clock, (role, timer) => rung.push(`${role} ${timer} ${clock.now()}`))
  timers.arm('active', 'keepalive', 10)
  timers.arm('active', 'keepalive', 30)
  timers.arm('passive', 'keepalive', 20)
  timers.arm('active', 'connectRetry', 5)
  timers.disarm('active', 'connectRetry')
  clock.advance(100)
  assert.deepEqual(rung, ['passive keepalive 20', 'active keepalive 30'])
  timers.arm('active', 'hold', 10)
  timers.arm('passive', 'delayOpen', 10)
  timers.clear()
  clock.advance(100)
  assert.equal(rung.length, 2)
})

it('the hold timer rings on time, but after the bytes that came meanwhile were looked at', () => {
  const clock = createVirtualClock()
  const rung: number[] = []
  const timers = new PeerTimers(clock, () => rung.push(clock.now()))
  timers.arm('active', 'hold', 90)
  // As after a pause of the process: the timer is due first, the bytes of the same moment come next.
  clock.after(90, () => timers.arm('active', 'hold', 90))
  clock.advance(179)
  assert.deepEqual(rung, [])
  clock.advance(1)
  assert.deepEqual(rung, [180])
  assert.equal(clock.pending(), 0)
})
