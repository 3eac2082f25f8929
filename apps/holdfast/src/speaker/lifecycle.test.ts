import fc from 'fast-check'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LifecycleInput, LifecycleState, LifecycleStep } from './lifecycle.ts'
import { initialState, resumedState, stepLifecycle } from './lifecycle.ts'
import type { Wish } from './wish.ts'

const wish: Wish = { cause: 'requested', message: '', isForced: false }
const forced: Wish = { cause: 'nodeLabeledExcludeBalancers', message: '', isForced: true }
const routes = new Map([
  ['192.0.2.1/32', ['default/a']],
  ['192.0.2.2/32', ['default/b', 'default/c']],
])
const input = (more: Partial<LifecycleInput>): LifecycleInput => ({
  nowMs: 0,
  wish,
  routes,
  gracefulShutdownMs: 2000,
  others: undefined,
  ...more,
})
const none: ReadonlyMap<string, string> = new Map()
const services = (...names: readonly string[]): ReadonlySet<string> => new Set(names.map((name) => `default/${name}`))

test('a wish marks the routes for the time that routers are given, then asks for the others', () => {
  const begun = stepLifecycle(initialState(0), input({}))
  assert.deepEqual([begun.state.phase, begun.nextMs], ['GracefulShutdown', 2000])
  assert.equal(stepLifecycle(begun.state, input({ nowMs: 1999 })).nextMs, 2000)
  const due = stepLifecycle(begun.state, input({ nowMs: 2000 }))
  assert.deepEqual([due.state.phase, due.needsOthers], ['GracefulShutdown', true])
})

test('what was found out about the others before the routes were marked does not count', () => {
  const begun = stepLifecycle(initialState(0), input({ nowMs: 10 })).state
  const old = stepLifecycle(
    begun,
    input({ nowMs: 5000, others: { atMs: 9, announced: services('a', 'b', 'c'), unanswered: none } }),
  )
  assert.equal(old.needsOthers, true)
  const fresh = stepLifecycle(
    begun,
    input({ nowMs: 5000, others: { atMs: 4000, announced: services('a', 'b', 'c'), unanswered: none } }),
  )
  assert.equal(fresh.state.phase, 'Withdrawn')
})

test('a prefix goes only where every Service behind it is announced elsewhere', () => {
  const begun = stepLifecycle(initialState(0), input({})).state
  const step = stepLifecycle(
    begun,
    input({ nowMs: 2000, others: { atMs: 2000, announced: services('a', 'b'), unanswered: none } }),
  )
  assert.ok(step.state.phase === 'HeldBack')
  assert.deepEqual([...step.state.held], [['192.0.2.2/32', { reason: 'lastAnnouncer' }]])
  assert.equal(step.nextMs, 7000)
})

test('where the others cannot be asked everything is held back', () => {
  const begun = stepLifecycle(initialState(0), input({})).state
  const step = stepLifecycle(
    begun,
    input({ nowMs: 2000, others: { atMs: 2000, announced: undefined, unanswered: none } }),
  )
  assert.ok(step.state.phase === 'HeldBack')
  assert.deepEqual([...step.state.held.values()], [{ reason: 'othersUnknown' }, { reason: 'othersUnknown' }])
})

test('a forced wish holds nothing back, also where one that is not has', () => {
  const held = resumedState(0, 'HeldBack', ['192.0.2.1/32'], wish)
  assert.equal(stepLifecycle(held, input({ wish: forced, nowMs: 1 })).state.phase, 'Withdrawn')
})

test('a node without routes has left at once', () => {
  assert.equal(stepLifecycle(initialState(0), input({ routes: new Map() })).state.phase, 'Withdrawn')
})

test('what has left stays away until the wish ends', () => {
  const gone = resumedState(0, 'Withdrawn', [], wish)
  assert.equal(stepLifecycle(gone, input({ nowMs: 1e9 })).state.phase, 'Withdrawn')
  assert.equal(stepLifecycle(gone, input({ wish: undefined })).state.phase, 'Active')
})

/** Whether the state lets a prefix be announced. */
const announces = (state: LifecycleState, prefix: string): boolean =>
  state.phase === 'Active' ||
  state.phase === 'GracefulShutdown' ||
  (state.phase === 'HeldBack' && state.held.has(prefix))

test('property: no prefix that was announced goes unless others announce its Services, whatever happens in which order', () => {
  const service = fc.constantFrom('a', 'b', 'c')
  const event = fc.record({
    passMs: fc.integer({ min: 0, max: 8000 }),
    isWished: fc.boolean(),
    announced: fc.option(fc.uniqueArray(service), { nil: undefined }),
    isAnswered: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      let state = initialState(0)
      let nowMs = 0
      let step: LifecycleStep | undefined
      for (const { passMs, isWished, announced, isAnswered } of events) {
        nowMs += passMs
        const others =
          step?.needsOthers === true && isAnswered
            ? { atMs: nowMs, announced: announced === undefined ? undefined : services(...announced), unanswered: none }
            : undefined
        const before = state
        step = stepLifecycle(state, input({ nowMs, wish: isWished ? wish : undefined, others }))
        state = step.state
        for (const [prefix, behind] of routes) {
          if (!announces(before, prefix) || announces(state, prefix)) continue
          assert.ok(
            behind.every((key) => others?.announced?.has(key) === true),
            `${prefix} went`,
          )
        }
      }
    }),
    { numRuns: 2000 },
  )
})
