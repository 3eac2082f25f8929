import { apiFault, resourceTypes, type FollowedState } from '@holdfast/cluster'
import { createVirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SourceFaults } from './source-faults.ts'

const kinds = [resourceTypes.Service, resourceTypes.Node, resourceTypes.NodeState]

function createScene() {
  const clock = createVirtualClock()
  const lines: string[] = []
  const faults = new SourceFaults({
    clock,
    tell: (level, event, message) => void lines.push(`${level} ${event} ${message}`),
    meanwhile: 'waiting',
  })
  const observe = (type: FollowedState['type'], fault?: FollowedState['fault'], isSynced = true): void =>
    faults.observe({ type, isSynced, lastContactMs: undefined, fault })
  const pass = (ms: number): void => {
    const endMs = clock.now() + ms
    clock.after(ms, () => undefined)
    while (clock.now() < endMs && clock.advanceToNext()) continue
  }
  return { faults, observe, pass, clock, told: () => lines.splice(0).filter((line) => !line.startsWith('debug')) }
}

test('an outage is one line when it begins, one now and then, and one when it is over', () => {
  const { observe, pass, told, clock } = createScene()
  const lost = apiFault('unreachable', 'connection refused')
  for (const kind of kinds) observe(kind, lost)
  for (const kind of kinds) observe(kind, apiFault('unreachable', 'connection reset'))
  assert.deepEqual(told(), ['warn apiFault Service: connection refused; what is known stays in force'])
  observe(resourceTypes.Service, apiFault('serverError', 'starting'))
  observe(resourceTypes.Service, lost)
  assert.deepEqual(told(), ['warn apiFault Service: starting; what is known stays in force'])
  pass(1000 * 1000)
  assert.deepEqual(told(), [
    'warn apiFault for 900 s: Service and 2 more: connection refused; what is known stays in force',
  ])
  observe(resourceTypes.Service)
  observe(resourceTypes.Node)
  assert.deepEqual(told(), [])
  observe(resourceTypes.NodeState)
  assert.deepEqual(told(), ['info apiFaultsOver every kind is followed again'])
  assert.equal(clock.advanceToNext(), false, 'no timer is left')
  observe(resourceTypes.Node, lost, false)
  assert.deepEqual(told(), ['warn apiFault Node: connection refused; waiting'])
})

test('what is refused while the API server starts is not told', () => {
  const { observe, pass, told } = createScene()
  const refused = apiFault('forbidden', 'nodes is forbidden')
  observe(resourceTypes.Node, refused, false)
  pass(10_000)
  observe(resourceTypes.Node)
  pass(60_000)
  assert.deepEqual(told(), [])
})

test('a permission that is missing is told once it has lasted, for each kind once', () => {
  const { observe, pass, told } = createScene()
  const refused = apiFault('forbidden', 'no')
  observe(resourceTypes.NodeState, refused, false)
  pass(25_000)
  const what = 'list nodestates.holdfast.dev and watch nodestates.holdfast.dev'
  assert.deepEqual(told(), [`error permissionMissing the API server does not let us ${what}: no`])
  observe(resourceTypes.NodeState, apiFault('forbidden', 'no, still'), false)
  pass(60_000)
  assert.deepEqual(told(), [])
  observe(resourceTypes.NodeState)
  assert.deepEqual(told(), ['info apiFaultsOver every kind is followed again'])
})

test('stopped, it has no timers', () => {
  const { faults, observe, clock } = createScene()
  observe(resourceTypes.Node, apiFault('forbidden', 'no'))
  faults.stop()
  assert.equal(clock.advanceToNext(), false)
})
