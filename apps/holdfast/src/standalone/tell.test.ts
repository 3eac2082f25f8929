import { parseManifest } from '@holdfast/cluster/manifests'
import { emptyState } from '@holdfast/ipam'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pipeline } from './pipeline.ts'
import { Told, tellPass } from './tell.ts'

test('an annotation with an old prefix is named', () => {
  const snapshot = parseManifest(
    'web.yaml',
    `apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop, annotations: { metallb.universe.tf/address-pool: public } }
spec: { type: LoadBalancer, clusterIPs: [10.96.0.1], ipFamilies: [IPv4], ports: [{ port: 80 }] }
`,
  )
  const events = tellPass(new Pipeline(['node-a'], emptyState).run(snapshot), snapshot.faults, new Told())
  const told = events.find((event) => event.event === 'service' && event.reason === 'deprecatedAnnotation')
  assert.ok(told?.event === 'service')
  assert.equal(
    told.message,
    'metallb.universe.tf/address-pool has an old prefix, which still works: write metallb.io/ instead',
  )
})
