import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apiFault, createMemoryApi, resourceTypes } from '@holdfast/cluster'
import type { KubeObject } from '@holdfast/cluster'
import type { NodeState } from '@holdfast/model'
import { parseNodeState } from '@holdfast/model'
import { createVirtualClock } from '@holdfast/runtime'
import { withServices } from './held-services.ts'
import { drainProgress } from './progress.ts'
import { comesBack } from './run.ts'

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

test('a drain that is held back names the Services', async () => {
  const heldBack = [
    { prefix: '192.0.2.0/30', reason: 'lastAnnouncer' },
    { prefix: '2001:db8::1/128', reason: 'noAnswer', node: 'node-b' },
  ]
  const drain = { phase: 'HeldBack', since: time, requestedAt: time, heldBack }
  const progress = drainProgress(state({ drain }, asked), leaves)
  assert.deepEqual(progress.heldBack, ['192.0.2.0/30'])
  const service = (name: string, ip: string): KubeObject => ({
    metadata: { name, namespace: 'shop' },
    spec: { type: 'LoadBalancer' },
    status: { loadBalancer: { ingress: [{ ip }] } },
  })
  const api = createMemoryApi({ clock: createVirtualClock() })
  for (const one of [service('web', '192.0.2.3'), service('far', '192.0.2.4'), service('six', '2001:db8::1')]) {
    api.put(resourceTypes.Service, one)
  }
  const { services, remedy } = await withServices(api, progress)
  assert.deepEqual(services, ['shop/web'])
  assert.match(remedy ?? '', /It belongs to shop\/web; a reboot now cuts that off/)
  const hidden = await withServices({ list: () => Promise.resolve(apiFault('forbidden', 'no')) }, progress)
  assert.match(hidden.remedy ?? '', /kubectl get services -A shows whose it is/)
})

test('the end of a drain that nobody has asked for changes nothing, and says so', () => {
  assert.equal(comesBack('node-a', state({})), 'node-a was not drained: nothing is changed.')
  assert.equal(comesBack('node-a', state({}, asked)), 'node-a announces again.')
})
