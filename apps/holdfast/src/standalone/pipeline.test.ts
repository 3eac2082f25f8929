import { parseManifest } from '@holdfast/cluster/manifests'
import { emptyState } from '@holdfast/ipam'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pipeline } from './pipeline.ts'

const manifests = (range: string): string => `apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: odd, namespace: metallb-system }
spec: { addresses: [${range}] }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop, annotations: { metallb.io/address-pool: odd } }
spec: { type: LoadBalancer, clusterIPs: [10.96.0.1], ipFamilies: [IPv4], ports: [{ port: 80 }] }
`

test('a Service that asks for a pool that is refused is told so, until that is corrected', () => {
  const pipeline = new Pipeline(['node-a'], emptyState)
  const decide = (range: string) =>
    pipeline.run(parseManifest('site.yaml', manifests(range))).plan.decisions.get('shop/web')
  const refused = decide('192.0.2.300/32')
  assert.ok(refused?.kind === 'refused')
  assert.equal(refused.reason, 'poolRefused')
  assert.equal(decide('192.0.2.3/32')?.kind, 'assigned')
  assert.equal(decide('192.0.2.300/32')?.kind, 'assigned', 'its last good version stays in force')
})
