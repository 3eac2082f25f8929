import assert from 'node:assert/strict'
import { test } from 'node:test'
import { controllerKeeps } from './kept.ts'

test('conditions of a Service say what they said, also those of others', () => {
  const keep = controllerKeeps()('Service')
  const conditions = [
    { type: 'holdfast.dev/Announced', status: 'True', reason: 'Announced', message: 'm', lastTransitionTime: 't' },
    { type: 'example.com/Other', status: 'True', more: [1], message: 7 },
  ]
  const service = { metadata: { name: 'web', namespace: 'shop' }, spec: {}, status: { conditions } }
  for (let times = 0; times < 2; times += 1) {
    assert.deepEqual((keep(service)['status'] as { readonly conditions: unknown }).conditions, conditions)
  }
})
