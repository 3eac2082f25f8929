import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ApiResult, KubeApi, KubeObject, ResourceType } from '@holdfast/cluster'
import { apiFault, createMemoryApi } from '@holdfast/cluster'
import { createVirtualClock } from '@holdfast/runtime'
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
