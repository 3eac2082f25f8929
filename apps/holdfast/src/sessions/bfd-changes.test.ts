import type { BfdEvent } from '@holdfast/net'
import { createVirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BfdChanges } from './bfd-changes.ts'

const down: BfdEvent = { from: 'up', to: 'down', isFailure: true, message: 'lost' }
const init: BfdEvent = { from: 'down', to: 'init', isFailure: false, message: 'heard' }
const up: BfdEvent = { from: 'init', to: 'up', isFailure: false, message: 'both' }

function setUp(): {
  readonly clock: ReturnType<typeof createVirtualClock>
  readonly told: BfdEvent[]
  readonly changes: BfdChanges
} {
  const clock = createVirtualClock()
  const told: BfdEvent[] = []
  return { clock, told, changes: new BfdChanges(clock, (event) => told.push(event)) }
}

test('changes of an ordinary life are told at once, and as they are', () => {
  const { told, changes, clock } = setUp()
  const all = [init, up, down, init, up, down, init, up]
  for (const event of all) changes.changed(event)
  assert.deepEqual(told, all)
  assert.equal(clock.pending(), 0)
})

test('of a session that flaps a thousand times a second ten changes and one a second are told, with the number of the others', () => {
  const { told, changes, clock } = setUp()
  for (let ms = 0; ms < 9999; ms += 3) {
    for (const event of [down, init, up]) changes.changed(event)
    clock.advance(3)
  }
  assert.ok(told.length >= 18 && told.length <= 21, `${told.length} were told`)
  assert.match(told.at(-1)?.message ?? '', /^\S+ \(after 99\d changes more, failures: 33\d\)$/)
})

test('the state that it ends in is told, at most a second late, and nothing is left armed', () => {
  const { told, changes, clock } = setUp()
  for (let count = 0; count < 100; count += 1) for (const event of [down, init, up]) changes.changed(event)
  changes.changed(down)
  assert.equal(told.length, 10)
  clock.advance(1000)
  assert.deepEqual(told.at(-1), { ...down, message: 'lost (after 290 changes more, failures: 96)' })
  assert.equal(clock.pending(), 0)
  clock.advance(20_000)
  changes.changed(up)
  assert.deepEqual(told.at(-1), up)
})

test('the end of a session tells what waits, at once and once', () => {
  const { told, changes, clock } = setUp()
  for (let count = 0; count < 4; count += 1) for (const event of [init, up, down]) changes.changed(event)
  changes.flush()
  assert.deepEqual(told.at(-1), { ...down, message: 'lost (after 1 change more)' })
  const { length } = told
  changes.flush()
  clock.advance(5000)
  assert.equal(told.length, length)
})
