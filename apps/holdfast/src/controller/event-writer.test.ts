import type { ApiResult, KubeObject } from '@holdfast/cluster'
import { createVirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { createLog } from '../kubernetes/log.ts'
import { createEventWriter } from './event-writer.ts'

function createScene() {
  const clock = createVirtualClock()
  const told: string[] = []
  const create = (_: unknown, event: KubeObject): Promise<ApiResult<KubeObject>> => {
    told.push(String(event['message']))
    return Promise.resolve({ kind: 'ok', value: event })
  }
  const writer = createEventWriter({
    api: { create },
    clock,
    log: createLog({ level: 'error', write: () => undefined, now: () => '' }),
    nowMs: () => clock.now(),
    random: () => 0.5,
    identity: 'one',
    mayWrite: () => true,
  })
  const tellOf = (uid: string, index = 0): void => {
    const object = { metadata: { name: 'web', namespace: 'shop', uid } }
    writer.tell(object, [{ type: 'Normal', reason: 'IPAllocated', message: String(index) }])
  }
  /** Tells so much of a Service; returns how many events that made. */
  const tell = async (uid: string, times: number): Promise<number> => {
    await setImmediate()
    told.length = 0
    for (let index = 0; index < times; index += 1) tellOf(uid, index)
    await setImmediate()
    return told.length
  }
  return { clock, tell, tellOf }
}

test('of one object 25 events are written at once, then one in five minutes, and as many again after two hours', async () => {
  const { clock, tell } = createScene()
  assert.equal(await tell('u-1', 40), 25)
  assert.equal(await tell('u-2', 3), 3)
  clock.advance(299_000)
  assert.equal(await tell('u-1', 3), 0)
  clock.advance(1000)
  assert.equal(await tell('u-1', 3), 1)
  clock.advance(26 * 300_000)
  assert.equal(await tell('u-1', 40), 25)
})

test('who told much is remembered, however many others tell a little', async () => {
  const { clock, tell, tellOf } = createScene()
  for (let index = 0; index < 6000; index += 1) tellOf(`early-${index}`)
  clock.advance(400_000)
  assert.equal(await tell('u-1', 30), 25)
  for (let index = 0; index < 6000; index += 1) tellOf(`late-${index}`)
  assert.equal(await tell('u-1', 30), 0)
})
