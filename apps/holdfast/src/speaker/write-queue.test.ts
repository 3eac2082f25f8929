import { apiFault } from '@holdfast/cluster'
import { createVirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { test } from 'node:test'
import { createWriteQueue } from './write-queue.ts'
import type { Outcome } from './written.ts'

test('the write queue writes each key once however often it was wanted, and a failed one later and later', async () => {
  const clock = createVirtualClock()
  const written: (readonly [string, number])[] = []
  let failures = 3
  const queue = createWriteQueue({
    clock,
    random: () => 0.999,
    perSecond: 1,
    burst: 2,
    reconcile: (key): Promise<Outcome> => {
      written.push([key, Math.round(clock.now() / 1000)])
      if (key !== 'bad' || failures === 0) return Promise.resolve({ kind: 'done' })
      failures -= 1
      const fault = { kind: 'fault', code: 'serverError', status: 500, message: '', retryAfterMs: undefined } as const
      return Promise.resolve({ kind: 'failed', fault })
    },
  })
  queue.add(['bad', 'a', 'b', 'a'])
  queue.add(['a'])
  for (let turn = 0; turn < 200 && queue.size() > 0; turn += 1) {
    await setImmediate()
    clock.advanceToNext()
  }
  assert.deepEqual(written, [
    ['bad', 0],
    ['a', 0],
    ['b', 1],
    ['bad', 2],
    ['bad', 4],
    ['bad', 8],
  ])
})

test('speakers that the API server sends away for the same time do not come back in step', async () => {
  const clock = createVirtualClock()
  const times: number[] = []
  for (let speaker = 0; speaker < 10; speaker += 1) {
    const queue = createWriteQueue({
      clock,
      random: () => speaker / 10,
      reconcile: () => {
        times.push(clock.now())
        return Promise.resolve({ kind: 'failed', fault: apiFault('tooManyRequests', 'wait', 10_000) })
      },
      perSecond: 1,
      burst: 1,
    })
    queue.add(['NodeState'])
  }
  await setImmediate()
  clock.advance(13_000)
  const again = times.filter((time) => time > 0)
  assert.equal(new Set(again).size, 10)
  assert.ok(Math.min(...again) >= 10_000 && Math.max(...again) <= 12_000, again.join())
})
