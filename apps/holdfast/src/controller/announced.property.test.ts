import type { KubeObject, MemoryApi } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { announcedCondition } from './service-object.ts'
import { createWorld, namespace, shop } from './testing/world.ts'

type Step =
  | { readonly kind: 'put' | 'retype' | 'drop' | 'tamper'; readonly service: number }
  | { readonly kind: 'offer' | 'withdraw'; readonly service: number; readonly node: number }
  | { readonly kind: 'state'; readonly node: number; readonly isUp: boolean }
  | { readonly kind: 'pass'; readonly ms: number }

const service = fc.integer({ min: 0, max: 3 })
const node = fc.integer({ min: 0, max: 1 })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('put', 'put', 'retype', 'drop', 'tamper'), service }),
  fc.record({ kind: fc.constantFrom('offer', 'offer', 'withdraw'), service, node }),
  fc.record({ kind: fc.constant('state'), node, isUp: fc.boolean() }),
  fc.record({ kind: fc.constant('pass'), ms: fc.constantFrom(0, 5, 400, 1500, 12_000) }),
)

test('what is said by looking at what changed is what a new leader says, which looks at everything', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
      const { act, pass, replica, stop } = createScene()
      const first = replica('first')
      await pass(2000)
      for (const one of steps) await act(one)
      // What only counts differ in is said half a minute later.
      await pass(60_000)
      await stop(first.controller)
      const second = replica('second')
      await pass(60_000)
      assert.ok(second.controller.isLeader())
      assert.deepEqual(
        second.client.requests().filter(({ verb, type }) => verb === 'apply' && type.kind === 'Service'),
        [],
      )
      await stop(second.controller)
    }),
    { numRuns: 12 },
  )
})

function createScene() {
  const { server, pass, replica, stop } = createWorld()
  server.put(resourceTypes.Namespace, { metadata: { name: shop } })
  for (const name of ['node-0', 'node-1']) {
    server.put(resourceTypes.Node, { metadata: { name }, status: { conditions: [{ type: 'Ready', status: 'True' }] } })
  }
  const own = (name: string, spec: object): KubeObject => ({ metadata: { name, namespace }, spec })
  server.put(resourceTypes.IPAddressPool, own('public', { addresses: ['192.0.2.0/24'] }))
  server.put(resourceTypes.BGPAdvertisement, own('public', {}))
  server.put(resourceTypes.BGPPeer, own('router', { myASN: 64512, peerASN: 64500, peerAddress: '10.0.0.1' }))
  const act = async (one: Step): Promise<void> => {
    if (one.kind === 'pass') await pass(one.ms)
    else change(server, one)
  }
  return { pass, replica, stop, act }
}

function change(server: MemoryApi, step: Exclude<Step, { readonly kind: 'pass' }>): void {
  if (step.kind === 'state') {
    const sessions = [{ peer: 'router', state: step.isUp ? 'Established' : 'Active' }]
    server.put(resourceTypes.NodeState, { metadata: { name: `node-${step.node}`, namespace }, status: { sessions } })
    return
  }
  const key = { namespace: shop, name: `web-${step.service}` }
  const known = server.read(resourceTypes.Service, key)
  const spec = { type: 'LoadBalancer', clusterIPs: ['10.96.0.1'], ports: [{ port: 80, protocol: 'TCP' }] }
  switch (step.kind) {
    case 'put':
      server.put(resourceTypes.Service, { metadata: key, spec })
      break
    case 'retype':
      server.put(resourceTypes.Service, { ...known, metadata: key, spec: { ...spec, type: 'ClusterIP' } })
      break
    case 'drop':
      if (known !== undefined) server.drop(resourceTypes.Service, key)
      break
    case 'tamper':
      if (known !== undefined) server.put(resourceTypes.Service, tampered(known))
      break
    default:
      tell(server, step.kind, key.name, `node-${step.node}`)
  }
}

function tampered(known: KubeObject): KubeObject {
  const conditions = [{ type: announcedCondition, status: 'True', reason: 'Announced', message: 'somebody says so' }]
  return { ...known, status: { ...(known['status'] as object | undefined), conditions } }
}

function tell(server: MemoryApi, kind: 'offer' | 'withdraw', serviceName: string, node: string): void {
  const key = { namespace, name: `${node}-${serviceName}` }
  const isThere = server.read(resourceTypes.ServiceBGPStatus, key) !== undefined
  if (kind === 'withdraw') {
    if (isThere) server.drop(resourceTypes.ServiceBGPStatus, key)
    return
  }
  const status = { node, serviceName, serviceNamespace: shop, peers: ['router'] }
  server.put(resourceTypes.ServiceBGPStatus, { metadata: key, status })
}
