import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AllocatedService } from '@holdfast/announce'
import { createAnnouncer } from '@holdfast/announce'
import { parseManifest } from '@holdfast/cluster/manifests'
import type { Model } from '@holdfast/model'
import { evaluate } from '@holdfast/model'
import { createHoldings } from './hold.ts'

/** A pool that has shrunk, or is gone, under a Service that holds 192.0.2.7 of it; `condition` is what the controller says. */
function world(
  pool: string,
  condition: string,
  annotation = '',
): { model: Model; services: readonly AllocatedService[] } {
  const text = `${pool}
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: { name: all, namespace: metallb-system }
spec: { ipAddressPools: [public] }
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: { name: tor, namespace: metallb-system }
spec: { myASN: 64500, peerASN: 64512, peerAddress: 10.0.0.1 }
---
apiVersion: v1
kind: Node
metadata: { name: node-a }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, namespace: shop, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
endpoints: [{ addresses: [10.1.0.1], nodeName: node-a }]
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop, annotations: { metallb.io/ip-allocated-from-pool: public${annotation} } }
spec: { type: LoadBalancer, ports: [{ port: 80 }] }
status:
  loadBalancer: { ingress: [{ ip: 192.0.2.7 }] }
  conditions: [{ type: holdfast.dev/AddressAssigned, status: "True", reason: ${condition}, message: "" }]
`
  const { model, faults } = evaluate(parseManifest('test.yaml', text).objects, undefined)
  assert.deepEqual(faults, [])
  const service = model.services.get('shop/web')
  assert.ok(service)
  return { model, services: [{ service, addresses: service.ingress.map((address) => ({ address, pool: 'public' })) }] }
}

const pool = (addresses: string, name = 'public'): string =>
  `apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: ${name}, namespace: metallb-system }
spec: { addresses: [${addresses}] }
---`

/** What a node does with the Service. */
function decided({ model, services }: ReturnType<typeof world>): string {
  const plan = createAnnouncer()({
    node: 'node-a',
    model: createHoldings()(model, services),
    services,
    ignoreExcludeLB: false,
  })
  const decision = plan.decisions.get('shop/web')
  return decision?.kind === 'withheld' ? decision.reason : (decision?.kind ?? 'none')
}

test('an address that the controller holds over is announced, its pool shrunk or gone', () => {
  assert.equal(decided(world(pool('192.0.2.0/30'), 'Held')), 'announced')
  assert.equal(decided(world('', 'Held')), 'announced')
})

test('what is held is announced as of the pool that its Service names, whichever has it by now', () => {
  const other = pool('192.0.2.4/30', 'other')
  const both = `${pool('192.0.2.0/30')}\n${other}`
  for (const pools of [both, other]) {
    assert.equal(decided(world(pools, 'Held')), 'announced')
    assert.equal(decided(world(pools, 'Assigned')), 'noAdvertisement')
  }
})

test('one that it does not hold over, or that a person has released, is not', () => {
  assert.equal(decided(world(pool('192.0.2.0/30'), 'Assigned')), 'ipNotAllowed')
  assert.equal(
    decided(world(pool('192.0.2.0/30'), 'Held', ', holdfast.dev/release-address: 192.0.2.7')),
    'ipNotAllowed',
  )
})

test('what is held makes no other pools as long as it stays the same', () => {
  const { model, services } = world(pool('192.0.2.0/30'), 'Held')
  const holdings = createHoldings()
  assert.equal(holdings(model, services).pools, holdings(model, [...services]).pools)
  const ordinary = world(pool('192.0.2.0/24'), 'Assigned')
  assert.equal(holdings(ordinary.model, ordinary.services), ordinary.model)
})
