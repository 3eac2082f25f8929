import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NodeState } from '@holdfast/model'
import { parseNodeState } from '@holdfast/model'
import { drainProgress } from './progress.ts'

function state(status: object, spec: object = {}): NodeState {
  const parsed = parseNodeState({ metadata: { name: 'node-a', namespace: 'metallb-system' }, spec, status })
  assert.ok(parsed.kind === 'ok')
  return parsed.value
}

const leaves = { isUndrain: false, isAnswered: true }
const returns = { isUndrain: true, isAnswered: true }

const time = '2026-11-21T12:00:00Z'
const asked = { drain: { requestedAt: time } }
const safe = (status: string, message: string): object => ({
  type: 'SafeToReboot',
  status,
  reason: 'Test',
  message,
  lastTransitionTime: time,
})

test('a drain is done when the node is safe to reboot, and says until then what it waits for', () => {
  const drain = { phase: 'Withdrawn', since: time, requestedAt: time }
  const left = state({ drain, conditions: [safe('False', 'nothing is announced; 3 connections are left')] }, asked)
  assert.deepEqual(drainProgress(left, leaves), {
    isDone: false,
    message: 'nothing is announced; 3 connections are left',
    remedy: null,
  })
  const done = state({ drain, conditions: [safe('True', 'no connection is left')] }, asked)
  assert.deepEqual(drainProgress(done, leaves), {
    isDone: true,
    message: 'safe to reboot: no connection is left',
    remedy: null,
  })
  const silent = state({ drain, conditions: [safe('True', '3 connections have been silent for over 60 s')] }, asked)
  assert.deepEqual(drainProgress(silent, leaves), {
    isDone: true,
    message: 'safe to reboot: 3 connections have been silent for over 60 s',
    remedy: null,
  })
})

test('a speaker that has not heard of it yet is waited for', () => {
  assert.equal(drainProgress(undefined, leaves).isDone, false)
  assert.deepEqual(drainProgress(state({}, asked), leaves), {
    isDone: false,
    message: 'waiting for the speaker to begin',
    remedy: null,
  })
})

test('an undrain is done when the node does not leave any more', () => {
  assert.equal(drainProgress(state({ drain: { phase: 'HeldBack', since: time } }), returns).isDone, false)
  assert.equal(drainProgress(state({}), returns).isDone, true)
})

test('a node that something else keeps away is not waited for without a word', () => {
  const drain = {
    phase: 'Withdrawn',
    since: time,
    cause: 'nodeLabeledExcludeBalancers',
    message: 'the Node has the label x',
  }
  const progress = drainProgress(state({ drain }), returns)
  assert.equal(progress.message, 'stays away: the Node has the label x')
  assert.match(progress.remedy ?? '', /take away what is named/)
  assert.equal(drainProgress(state({ drain: { ...drain, cause: 'requested' } }), returns).message, 'still Withdrawn')
})

test('a node is back when it announces, not when its drain is over', () => {
  const waits = { ...safe('False', 'kube-proxy has made no rules yet'), type: 'Announcing' }
  assert.deepEqual(drainProgress(state({ conditions: [waits] }), returns), {
    isDone: false,
    message: 'kube-proxy has made no rules yet',
    remedy: null,
  })
})

test('what is held back comes with what to do about it', () => {
  const drain = { phase: 'HeldBack', since: time, requestedAt: time }
  const held = drainProgress(
    state({ drain, conditions: [safe('False', 'announced by no other node: 192.0.2.1/32')] }, asked),
    leaves,
  )
  assert.match(held.remedy ?? '', /ready endpoint elsewhere/)
})

test('what is held back since a speaker does not answer leads to that speaker', () => {
  const heldBack = [{ prefix: '192.0.2.1/32', reason: 'noAnswer', node: 'node-b' }]
  const drain = { phase: 'HeldBack', since: time, requestedAt: time, heldBack }
  assert.match(drainProgress(state({ drain }, asked), leaves).remedy ?? '', /Does it run\?.*spec\.nodeName=node-b/)
})

test('what the status says of an earlier drain says nothing of this one', () => {
  const drain = { phase: 'Withdrawn', since: time, requestedAt: '2026-11-20T12:00:00Z' }
  const conditions = [safe('True', 'no connection is left')]
  for (const before of [
    { drain, conditions },
    { drain: { phase: 'Withdrawn', since: time }, conditions },
  ]) {
    assert.deepEqual(drainProgress(state(before, asked), leaves), {
      isDone: false,
      message: 'waiting for the speaker to begin',
      remedy: null,
    })
  }
})

test('a drain that somebody has ended meanwhile is not done', () => {
  const drain = { phase: 'Withdrawn', since: time, requestedAt: time }
  const ended = drainProgress(state({ drain, conditions: [safe('True', 'no connection is left')] }), leaves)
  assert.equal(ended.isDone, false)
  assert.match(ended.message, /somebody has ended it/)
})

test('what a speaker said before it has seen the request is never the end of it', () => {
  const drain = { phase: 'Withdrawn', since: time, requestedAt: time }
  const left = state({ drain, conditions: [safe('True', 'no connection is left')] }, asked)
  assert.deepEqual(drainProgress(left, { ...leaves, isAnswered: false }), {
    isDone: false,
    message: 'waiting for the speaker to answer; before, it said: safe to reboot: no connection is left',
    remedy: null,
  })
  assert.equal(drainProgress(state({}), { ...returns, isAnswered: false }).isDone, false)
})
