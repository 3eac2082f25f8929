import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Role, TimerName } from '@holdfast/bgp'
import { createVirtualClock } from '@holdfast/runtime'
import { PeerTimers } from './peer-timers.ts'

it('a timer that is armed anew or disarmed does not ring at its old time', () => {
  const clock = createVirtualClock()
  const rung: string[] = []
  const ring = (role: Role, timer: TimerName): unknown => rung.push(`${role} ${timer} ${clock.now()}`)
  const timers = new PeerTimers({ clock, ring, unreadOf: () => () => false })
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
  const timers = new PeerTimers({ clock, ring: () => rung.push(clock.now()), unreadOf: () => () => false })
  timers.arm('active', 'hold', 90)
  // As after a pause of the process: the timer is due first, the bytes of the same moment come next.
  clock.after(90, () => timers.arm('active', 'hold', 90))
  clock.advance(179)
  assert.deepEqual(rung, [])
  clock.advance(1)
  assert.deepEqual(rung, [180])
  assert.equal(clock.pending(), 0)
})

it('what came before the hold timer was due keeps it from ringing, also while it waits to be read', () => {
  const clock = createVirtualClock()
  const rung: number[] = []
  let isUnread = true
  const asked: string[] = []
  const timers = new PeerTimers({
    clock,
    ring: () => rung.push(clock.now()),
    unreadOf: (role) => {
      asked.push(`${role} ${clock.now()}`)
      return () => isUnread
    },
  })
  timers.arm('active', 'hold', 90)
  // Others have their turn first: the bytes that came in time are read after that, and hold a KEEPALIVE.
  clock.after(90, () => clock.after(0, () => clock.after(0, () => timers.arm('active', 'hold', 90))))
  clock.advance(90)
  assert.deepEqual([rung, asked], [[], ['active 90']])
  isUnread = false
  clock.advance(89)
  assert.deepEqual(rung, [])
  clock.advance(1)
  assert.deepEqual(rung, [180])
  assert.deepEqual(timers.dueMs('active'), {})
})

it('what was not read when the hold timer was due is waited for, and what comes later is not', () => {
  const clock = createVirtualClock()
  const rung: number[] = []
  let unreadTurns = 5
  const timers = new PeerTimers({
    clock,
    ring: () => rung.push(unreadTurns),
    unreadOf: () => () => (unreadTurns -= 1) > 0,
  })
  timers.arm('passive', 'hold', 90)
  assert.deepEqual(timers.dueMs('passive'), { hold: 90 })
  clock.advance(90)
  assert.deepEqual(rung, [0])
})
