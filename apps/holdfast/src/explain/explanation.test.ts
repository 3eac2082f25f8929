import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { parseManifest } from '@holdfast/cluster'
import type { NodeState } from '@holdfast/model'
import { evaluate, parseNodeState } from '@holdfast/model'
import type { ExplainInput, Explanation } from './explanation.ts'
import { explain } from './explanation.ts'
import { explanationLines } from './text.ts'

const manifests = `
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: public, namespace: metallb-system }
spec: { addresses: [192.0.2.0/24] }
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: { name: all, namespace: metallb-system }
spec: { localPref: 200, communities: ["64512:100"] }
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
apiVersion: v1
kind: Node
metadata: { name: node-b, labels: { node.kubernetes.io/exclude-from-external-load-balancers: "" } }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, namespace: shop, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
endpoints: [{ addresses: [10.1.0.1], nodeName: node-a, conditions: { ready: true } }]
`

const service = (spec: string, status: string): string => `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop, annotations: { metallb.io/ip-allocated-from-pool: public } }
spec: { type: LoadBalancer, ports: [{ port: 80 }]${spec} }
status: { loadBalancer: { ingress: [${status}] } }
`

function stateOf(name: string, status: object): readonly [string, NodeState] {
  const state = parseNodeState({ metadata: { name, namespace: 'metallb-system' }, status })
  assert.ok(state.kind === 'ok')
  return [name, state.value]
}

const up = stateOf('node-a', { sessions: [{ peer: 'tor', address: '10.0.0.1', state: 'Established' }] })
const otherUp = stateOf('node-b', { sessions: [{ peer: 'tor', address: '10.0.0.1', state: 'Established' }] })

function explained(
  { spec = '', status = '{ ip: 192.0.2.1 }' }: { readonly spec?: string; readonly status?: string },
  rest: Partial<ExplainInput> = {},
): Explanation {
  const { model, faults } = evaluate(
    parseManifest('test.yaml', manifests + '---' + service(spec, status)).objects,
    undefined,
  )
  assert.deepEqual(faults, [])
  const found = model.services.get('shop/web')
  assert.ok(found)
  return explain({
    model,
    service: found,
    nodeStates: new Map([up, otherUp]),
    assigned: undefined,
    loadBalancerClass: undefined,
    ignoreExcludeLB: false,
    ...rest,
  })
}

test('a node that announces is told with the attributes of each route, one that does not with its reason', () => {
  const explanation = explained({})
  assert.equal(explanation.summary, 'announced by 1 of 2 nodes')
  assert.deepEqual(explanation.addresses, [{ ip: '192.0.2.1', pool: 'public' }])
  const [a, b] = explanation.nodes
  assert.deepEqual(a?.routes, [
    {
      prefix: '192.0.2.1/32',
      peer: 'tor',
      router: '10.0.0.1',
      session: 'Established',
      lastError: null,
      attributes: { localPref: 200, communities: ['64512:100'] },
    },
  ])
  assert.equal(b?.announces.reason, 'nodeLabeledExcludeBalancers')
  assert.match(b.announces.remedy ?? '', /Remove the label/)
})

test('with the option of the speakers, the label does not count', () => {
  assert.equal(explained({}, { ignoreExcludeLB: true }).summary, 'announced by 2 of 2 nodes')
})

test('a session that is down is told with its last error', () => {
  const sessions = [{ peer: 'tor', state: 'Active', lastError: 'the router refuses TCP connections' }]
  const explanation = explained({}, { nodeStates: new Map([stateOf('node-a', { sessions }), otherUp]) })
  assert.equal(explanation.summary, 'announced by 1 of 2 nodes; 1 of them has no session with a router')
  const [route] = explanation.nodes.flatMap(({ routes }) => routes)
  assert.deepEqual([route?.session, route?.lastError], ['Active', 'the router refuses TCP connections'])
})

test('a node whose speaker is silent, or has left, announces nothing', () => {
  assert.equal(explained({}, { nodeStates: new Map() }).nodes[0]?.announces.reason, 'noSpeaker')
  const conditions = [
    {
      type: 'Announcing',
      status: 'False',
      reason: 'Withdrawn',
      message: 'maintenance',
      lastTransitionTime: '2026-11-21T12:00:00Z',
    },
  ]
  const left = explained({}, { nodeStates: new Map([stateOf('node-a', { conditions })]) }).nodes[0]?.announces
  assert.deepEqual([left?.outcome, left?.reason, left?.message], ['no', 'Withdrawn', 'maintenance'])
})

test('without an address the controller’s reason comes first', () => {
  const assigned = { status: 'False', reason: 'noAvailableIPs', message: 'pool public is full' }
  const explanation = explained({ status: '' }, { assigned })
  assert.equal(explanation.summary, 'not reachable: pool public is full')
  assert.equal(explanation.nodes[0]?.announces.reason, 'noIPAllocated')
  assert.match(explained({ status: '' }).summary, /Nor does the controller say why/)
})

test('a Service of another class is nobody’s of ours', () => {
  const explanation = explained({ spec: ', loadBalancerClass: example.com/other' })
  assert.equal(explanation.allocation.reason, 'otherClass')
  assert.equal(explanation.nodes[0]?.announces.reason, 'notOurs')
  assert.equal(
    explained({ spec: ', loadBalancerClass: example.com/other' }, { loadBalancerClass: 'example.com/other' }).summary,
    'announced by 1 of 2 nodes',
  )
})

test('on a terminal the sum comes first, and every no has its remedy below', () => {
  const lines = explanationLines(explained({}), 100).map(stripVTControlCharacters)
  assert.equal(lines[0], 'Service shop/web')
  assert.equal(lines[1], '  announced by 1 of 2 nodes')
  assert.ok(
    lines.some((line) => line.includes('● node-a  announces it')),
    lines.join('\n'),
  )
  const no = lines.findIndex((line) => line.includes('○ node-b  does not: nodeLabeledExcludeBalancers'))
  assert.match(lines[no + 2] ?? '', /→ Remove the label/)
  assert.ok(lines.every((line) => line.length <= 100))
})
