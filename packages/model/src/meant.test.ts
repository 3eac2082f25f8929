import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluate } from './evaluate.ts'
import { load } from './testing/manifests.ts'

const pool = (apiVersion: string, kind: string): string =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata:\n  name: blue\n  namespace: metallb-system\nspec:\n  addresses: [192.0.2.0/24]\n`

const slips: readonly (readonly [string, string, string])[] = [
  ['metallb.io/v1', 'IPAddressPool', 'unknown-version'],
  ['metalb.io/v1beta1', 'IPAddressPool', 'unknown-version'],
  ['v1beta1', 'IPAddressPool', 'unknown-version'],
  ['metallb.io/v1beta1', 'IPAdressPool', 'unknown-kind'],
]
for (const [apiVersion, kind, code] of slips) {
  test(`an object that becomes ${apiVersion} ${kind} is broken, not gone: its last valid version stays`, () => {
    const before = evaluate(load(pool('metallb.io/v1beta1', 'IPAddressPool'), 'pool.yaml'), undefined)
    const { model, faults } = evaluate(load(pool(apiVersion, kind), 'pool.yaml'), before)
    assert.deepEqual(
      faults.map((fault) => fault.code),
      [code],
    )
    assert.equal(model.pools.get('metallb-system/blue')?.meta.isStale, true)
  })
}

test('a kind of the same name in another project\u2019s group is none of ours', () => {
  const text = pool('crd.projectcalico.org/v1', 'BGPPeer')
  assert.deepEqual(evaluate(load(text, 'calico.yaml'), undefined).faults, [])
})

test('a Service whose type is misspelt keeps its last valid version: nothing is released because of a typo', () => {
  const service = (type: string): string =>
    `apiVersion: v1\nkind: Service\nmetadata: { name: web, namespace: shop }\nspec: { type: ${type}, ports: [{ port: 80 }] }\n`
  const before = evaluate(load(service('LoadBalancer'), 'web.yaml'), undefined)
  const { model, faults } = evaluate(load(service('Loadbalancer'), 'web.yaml'), before)
  assert.deepEqual(
    faults.map(({ code, path }) => [code, path]),
    [['value-not-allowed', 'spec.type']],
  )
  assert.equal(model.services.get('shop/web')?.type, 'LoadBalancer')
})
