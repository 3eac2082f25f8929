import type { KubeObject } from '@holdfast/cluster'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { blockObject, blockSpecOf } from './block-object.ts'
import { controllerKeeps } from './kept.ts'

const holder = { namespace: 'shop', name: 'web', uid: 'u-1', terms: '' }
const spec = {
  cidr: '192.0.2.0/26',
  inUse: 1,
  addresses: [{ address: '192.0.2.1', pool: 'gold', holders: [holder] }],
  released: [{ address: '192.0.2.2', service: 'shop/api', time: '2026-01-01T00:00:00.000000Z' }],
}
const name = { namespace: 'metallb-system', name: 'ipv4-192.0.2.0' }

/** As it comes back: other objects, and the fields in the order of an API server. */
const fromServer = (of: typeof spec): KubeObject => ({
  metadata: { ...name, resourceVersion: '7' },
  spec: {
    released: of.released.map(({ time, service, address }) => ({ address, service, time })),
    addresses: of.addresses.map(({ address, pool, holders }) => ({
      pool,
      holders: holders.map(({ uid, terms, namespace, name: service }) => ({ uid, terms, namespace, name: service })),
      address,
    })),
    cidr: of.cidr,
    inUse: of.inUse,
  },
})

test('what a block says is kept once where it is known already, and as it comes where it says something else', () => {
  const keep = controllerKeeps((block) => (block === name.name ? spec : undefined))('AddressBlock')
  assert.equal(keep(fromServer(spec))['spec'], spec)
  const other = { ...spec, addresses: [{ ...spec.addresses[0]!, holders: [{ ...holder, uid: 'u-2' }] }] }
  const kept = keep(fromServer(other))
  assert.deepEqual(blockSpecOf(kept), other)
  assert.notEqual(kept['spec'], spec)
  assert.deepEqual(blockSpecOf(blockObject(name, kept, spec, false)), spec)
})

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
