import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { KubeObject } from './api.ts'
import { createKnownObjects } from './known-objects.ts'
import { listKey } from './object-list.ts'
import { resourceTypes } from './resource-types.ts'

const { Service } = resourceTypes

const service = (resourceVersion: string, spec: object, more: object = {}): KubeObject => ({
  metadata: { name: 'web', namespace: 'default', uid: 'u', resourceVersion },
  spec,
  ...more,
})

const createKnown = () =>
  createKnownObjects({
    followed: {
      type: Service,
      selection: {},
      keep: ({ metadata, spec }) => ({ metadata, spec }),
      isOptional: false,
    },
    make: (object) => ({ object }),
    refresh: () => undefined,
    changed: () => undefined,
  })

it('of what an earlier life kept as the first list says it, nothing else is held', () => {
  const known = createKnown()
  const kept = service('1', { type: 'LoadBalancer' })
  known.remember(kept)
  const before = known.map.get(listKey(kept))?.object
  const trimmed = (incoming: KubeObject): KubeObject => known.trimmed(listKey(incoming), incoming, false)
  assert.equal(trimmed(service('1', { type: 'LoadBalancer' }, { status: {} })), before)
  // Another version of it, and what that life had kept less of, are taken as they come.
  assert.equal(trimmed(service('2', { type: 'LoadBalancer' })).metadata.resourceVersion, '2')
  assert.deepEqual(trimmed(service('1', { type: 'LoadBalancer', ports: [] }))['spec'], {
    type: 'LoadBalancer',
    ports: [],
  })
})
