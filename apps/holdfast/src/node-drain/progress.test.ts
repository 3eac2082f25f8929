import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NodeState } from '@holdfast/model'
import { parseNodeState } from '@holdfast/model'
import { drainProgress } from './progress.ts'

function state(status: object): NodeState {
  const parsed = parseNodeState({ metadata: { name: 'node-a', namespace: 'metallb-system' }, status })
  assert.ok(parsed.kind === 'ok')
  return parsed.value
}

const time = '2026-11-21T12:00:00Z'
const safe = (status: string, message: string): object => ({
  type: 'SafeToReboot',
  status,
  reason: 'Test',
  message,
  lastTransitionTime: time,
})

test('a drain is done when the node is safe to reboot, and says until then what it waits for', () => {
  const drain = { phase: 'Withdrawn', since: time }
  const left = state({ drain, conditions: [safe('False', 'nothing is announced; 3 connections are left')] })
  assert.deepEqual(drainProgress(left, false), {
    isDone: false,
    message: 'nothing is announced; 3 connections are left',
  })
  const done = state({ drain, conditions: [safe('True', 'no connection is left')] })
  assert.deepEqual(drainProgress(done, false), { isDone: true, message: 'safe to reboot: no connection is left' })
  const silent = state({ drain, conditions: [safe('True', '3 connections have been silent for over 60 s')] })
  assert.deepEqual(drainProgress(silent, false), {
    isDone: true,
    message: 'safe to reboot: 3 connections have been silent for over 60 s',
  })
})

test('a speaker that has not heard of it yet is waited for', () => {
  assert.equal(drainProgress(undefined, false).isDone, false)
  assert.deepEqual(drainProgress(state({}), false), {
    isDone: false,
    message: 'waiting for the speaker to begin',
  })
})

test('an undrain is done when the node does not leave any more', () => {
  assert.equal(drainProgress(state({ drain: { phase: 'HeldBack', since: time } }), true).isDone, false)
  assert.equal(drainProgress(state({}), true).isDone, true)
})
