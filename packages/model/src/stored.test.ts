import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluate } from './evaluate.ts'
import { parseNodeState } from './stored.ts'
import { object } from './testing/manifests.ts'

const since = '2026-01-01T00:00:00Z'

test('a NodeState is read as far as it is known, whichever version of ours wrote it', () => {
  const value = {
    apiVersion: 'holdfast.dev/v1alpha1',
    kind: 'NodeState',
    metadata: { name: 'node-a', namespace: 'metallb-system', uid: 'u', resourceVersion: '7', labels: { a: 'b' } },
    spec: { drain: { requestedAt: since, requestedBy: 'ann' } },
    status: { routes: 3, sessions: [{ peer: 'tor', state: 'Established', novelty: 1 }], fromTheFuture: {} },
  }
  assert.deepEqual(parseNodeState(value), {
    kind: 'ok',
    value: {
      name: 'node-a',
      namespace: 'metallb-system',
      uid: 'u',
      resourceVersion: '7',
      spec: { drain: { requestedAt: since, requestedBy: 'ann' } },
      status: { routes: 3, sessions: [{ peer: 'tor', state: 'Established' }] },
    },
  })
})

test('a NodeState without spec and status asks and says nothing', () => {
  assert.deepEqual(parseNodeState({ metadata: { name: 'node-a' } }), {
    kind: 'ok',
    value: { name: 'node-a', namespace: '', uid: '', resourceVersion: '', spec: {}, status: {} },
  })
})

test('what is no NodeState is a fault that names the field', () => {
  for (const [value, start] of [
    [undefined, 'the object: '],
    [{ metadata: {} }, 'metadata.name: '],
    [{ metadata: { name: 'a' }, spec: { drain: {} } }, 'spec.drain.requestedAt: '],
    [{ metadata: { name: 'a' }, status: { sessions: [{ peer: 'b', state: 'Up' }] } }, 'status.sessions[0].state: '],
  ] as const) {
    const result = parseNodeState(value)
    assert.ok(result.kind === 'fault' && result.message.startsWith(start), JSON.stringify(result))
  }
})

test('kinds that only our programs write are passed over among manifests', () => {
  const manifests = ['NodeState', 'AddressBlock'].map((kind) =>
    object({ apiVersion: 'holdfast.dev/v1alpha1', kind, metadata: { name: 'a', namespace: 'b' } }),
  )
  const { faults, notInForce } = evaluate(manifests, undefined)
  assert.deepEqual([faults, notInForce], [[], []])
})
