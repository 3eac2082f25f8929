import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as settle } from 'node:timers/promises'
import type { ApiResult, KubeApi, KubeObject, ResourceType } from '@holdfast/cluster'
import { apiFault, createMemoryApi } from '@holdfast/cluster'
import { createVirtualClock } from '@holdfast/runtime'
import type { Access } from './metrics-access.ts'
import { createMetricsAccess } from './metrics-access.ts'

/** Answers reviews as an API server does, and keeps what it was asked. */
function reviewer(clock: ReturnType<typeof createVirtualClock>) {
  const asked: (readonly [kind: string, spec: unknown])[] = []
  let isDown = false
  const answer = (type: ResourceType, object: KubeObject): ApiResult<KubeObject> => {
    asked.push([type.kind, object['spec']])
    if (isDown) return apiFault('unreachable', 'nobody answers')
    const { token, user } = object['spec'] as { readonly token?: string; readonly user?: string }
    const status =
      type.kind === 'TokenReview'
        ? token === 'bad'
          ? { authenticated: false }
          : { authenticated: true, user: { username: token, groups: ['system:authenticated'], uid: 'u1' } }
        : { allowed: user === 'prometheus' }
    return { kind: 'ok', value: { ...object, status } }
  }
  const api: KubeApi = {
    ...createMemoryApi({ clock }),
    create: (type, object) => Promise.resolve(answer(type, object)),
  }
  return { api, asked, setDown: (down: boolean) => (isDown = down) }
}

test('the API server says who a token belongs to, and whether that one may read', async () => {
  const clock = createVirtualClock()
  const { api, asked } = reviewer(clock)
  const mayRead = createMetricsAccess(api, clock)
  assert.equal(await mayRead('prometheus', '/metrics'), 'allowed')
  assert.equal(await mayRead('somebody', '/metrics'), 'forbidden')
  assert.equal(await mayRead('bad', '/metrics'), 'unauthenticated')
  assert.deepEqual(asked.slice(0, 2), [
    ['TokenReview', { token: 'prometheus' }],
    [
      'SubjectAccessReview',
      {
        user: 'prometheus',
        uid: 'u1',
        groups: ['system:authenticated'],
        extra: undefined,
        nonResourceAttributes: { path: '/metrics', verb: 'get' },
      },
    ],
  ])
})

test('unknown tokens are asked about five times a second at most, and one that may read waits for none', async () => {
  const clock = createVirtualClock()
  const { api, asked } = reviewer(clock)
  const mayRead = createMetricsAccess(api, clock)
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 100) {
      await settle()
      clock.advance(100)
    }
    await settle()
  }
  assert.equal(await mayRead('prometheus', '/metrics'), 'allowed')
  await pass(60_100)
  asked.length = 0
  const accesses: Access[] = []
  for (let index = 0; index < 500; index += 1) {
    void mayRead(`nobody-${index}`, '/metrics').then((access) => accesses.push(access))
  }
  await settle()
  // The others would wait for longer than a scraper does.
  assert.equal(accesses.filter((access) => access === 'unknown').length, 454)
  assert.equal(await mayRead('prometheus', '/metrics'), 'allowed')
  const reviews = (): number => asked.filter(([kind]) => kind === 'TokenReview').length
  assert.equal(reviews(), 7)
  await pass(1000)
  assert.equal(reviews(), 12)
  await pass(10_000)
  assert.deepEqual([accesses.length, reviews(), clock.pending()], [500, 47, 0])
  assert.equal(accesses.filter((access) => access === 'forbidden').length, 46)
})

test('refused tokens, however many, push out no answer of one that may read', async () => {
  const clock = createVirtualClock()
  const { api, asked } = reviewer(clock)
  const mayRead = createMetricsAccess(api, clock)
  await mayRead('prometheus', '/metrics')
  for (let index = 0; index < 100; index += 1) {
    clock.advance(200)
    await mayRead(`nobody-${index}`, '/metrics')
  }
  asked.length = 0
  assert.equal(await mayRead('prometheus', '/metrics'), 'allowed')
  assert.equal(asked.length, 0)
})

test('a token that is sent twice at once is asked about once', async () => {
  const clock = createVirtualClock()
  const { api, asked } = reviewer(clock)
  const mayRead = createMetricsAccess(api, clock)
  const both = await Promise.all([mayRead('prometheus', '/metrics'), mayRead('prometheus', '/metrics')])
  assert.deepEqual([both, asked.length], [['allowed', 'allowed'], 2])
})

test('an answer is believed for a minute; an API server that is down gives none', async () => {
  const clock = createVirtualClock()
  const { api, asked, setDown } = reviewer(clock)
  const mayRead = createMetricsAccess(api, clock)
  await mayRead('prometheus', '/metrics')
  setDown(true)
  assert.equal(await mayRead('prometheus', '/metrics'), 'allowed')
  assert.equal(asked.length, 2)
  assert.equal(await mayRead('new', '/metrics'), 'unknown')
  clock.advance(60_001)
  assert.equal(await mayRead('prometheus', '/metrics'), 'unknown')
  setDown(false)
  assert.equal(await mayRead('prometheus', '/metrics'), 'allowed')
})
