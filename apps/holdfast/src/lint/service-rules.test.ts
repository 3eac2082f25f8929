import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseManifest } from '@holdfast/cluster/manifests'
import type { LintReport } from './lint.ts'
import { lint } from './lint.ts'

const pool = (name: string, addresses: string): string => `
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: ${name}, namespace: metallb-system }
spec: { addresses: [${addresses}] }
`
const service = (annotations: string, status: string): string => `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop, annotations: { ${annotations} } }
spec: { type: LoadBalancer, clusterIPs: [10.96.0.1], ipFamilies: [IPv4], ports: [{ port: 80 }] }
status: { ${status} }
`

function findingsOf(code: string, ...manifests: readonly string[]): LintReport['findings'] {
  const { objects } = parseManifest('cluster.yaml', manifests.join('\n---\n'))
  const { findings } = lint({ objects, notRead: [], isLive: true, bgpType: 'frr', loadBalancerClass: undefined })
  return findings.filter((finding) => finding.code === code)
}

test('a Service that asks for a pool that is refused is told so, and not that there is none', () => {
  const asking = service('metallb.io/address-pool: odd', '')
  const [refused] = findingsOf('waiting-service', pool('odd', '192.0.2.300/32'), asking)
  assert.equal(refused?.message, 'pool "odd" is refused as it is now (its events say why)')
  assert.match(refused.remedy ?? '', /^Correct the pool/)
  const [unknown] = findingsOf('waiting-service', pool('even', '192.0.2.0/24'), asking)
  assert.equal(unknown?.message, 'there is no pool "odd"')
})

test('an address that the controller holds over is no address that changes', () => {
  const status = (reason: string): string =>
    `loadBalancer: { ingress: [{ ip: 192.0.2.1 }] }, conditions: [{ type: holdfast.dev/AddressAssigned, status: "True", reason: ${reason}, message: "" }]`
  for (const pools of [pool('public', '198.51.100.0/24'), pool('public', '192.0.2.300/32')]) {
    const changes = (reason: string): number =>
      findingsOf('address-changes', pools, service('metallb.io/ip-allocated-from-pool: public', status(reason))).length
    assert.deepEqual(['Held', 'Assigned'].map(changes), [0, 1])
  }
})
