import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { parseManifest } from '@holdfast/cluster/manifests'
import type { Fault, NodeState } from '@holdfast/model'
import { evaluate, parseNodeState } from '@holdfast/model'
import { nodesOf } from '../overview/nodes.ts'
import { explainWith } from './ask.ts'
import type { ExplainInput, Explanation, NodeExplanation } from './explanation.ts'
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

const service = (spec: string, status: string, conditions: string): string => `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop, annotations: { metallb.io/ip-allocated-from-pool: public } }
spec: { type: LoadBalancer, ports: [{ port: 80 }]${spec} }
status: { loadBalancer: { ingress: [${status}] }, conditions: ${conditions} }
`

function stateOf(name: string, status: object): readonly [string, NodeState] {
  const state = parseNodeState({ metadata: { name, namespace: 'metallb-system' }, status })
  assert.ok(state.kind === 'ok')
  return [name, state.value]
}

const up = stateOf('node-a', { sessions: [{ peer: 'tor', address: '10.0.0.1', state: 'Established' }] })
const otherUp = stateOf('node-b', { sessions: [{ peer: 'tor', address: '10.0.0.1', state: 'Established' }] })

const explained = (options: Parameters<typeof inputOf>[0], rest: Partial<ExplainInput> = {}): Explanation =>
  explain(inputOf(options, rest))

function inputOf(
  {
    spec = '',
    status = '{ ip: 192.0.2.1 }',
    conditions = '[]',
  }: { readonly spec?: string; readonly status?: string; readonly conditions?: string },
  rest: Partial<ExplainInput> = {},
): ExplainInput {
  const { model, faults } = evaluate(
    parseManifest('test.yaml', manifests + '---' + service(spec, status, conditions)).objects,
    undefined,
  )
  assert.deepEqual(faults, [])
  const found = model.services.get('shop/web')
  assert.ok(found)
  return {
    model,
    service: found,
    nodeStates: new Map([up, otherUp]),
    assigned: undefined,
    loadBalancerClass: undefined,
    ignoreExcludeLB: false,
    faults: [],
    ...rest,
  }
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
      // The router is of another AS.
      attributes: { localPref: null, communities: ['64512:100'] },
    },
  ])
  assert.equal(b?.announces.reason, 'nodeLabeledExcludeBalancers')
  assert.match(b.announces.remedy ?? '', /Remove the label/)
})

test('an address that is held although no pool has it is announced as of the pool that the Service names', () => {
  const status = '{ ip: 198.51.100.1 }'
  const conditions = '[{ type: holdfast.dev/AddressAssigned, status: "True", reason: Held }]'
  assert.equal(explained({ status, conditions }).summary, 'announced by 1 of 2 nodes')
  assert.match(explained({ status }).nodes[0]?.announces.message ?? '', /is in no IPAddressPool/)
})

test('with the option of the speakers, the label does not count', () => {
  assert.equal(explained({}, { ignoreExcludeLB: true }).summary, 'announced by 2 of 2 nodes')
})

test('a session that is down is told with its last error', () => {
  const sessions = [{ peer: 'tor', state: 'Active', lastError: 'the router refuses TCP connections' }]
  const explanation = explained({}, { nodeStates: new Map([stateOf('node-a', { sessions }), otherUp]) })
  assert.equal(
    explanation.summary,
    'at no router: 1 of 2 nodes would announce it, and none has a session with a router',
  )
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
  assert.match(explained({ status: '' }).summary, /the controller does not say why/)
})

test('a refusal comes with what can be done about it, and on a terminal once, not for each node', () => {
  const assigned = { status: 'False', reason: 'PortInUse', message: '192.0.2.1 is in use' }
  const explanation = explained({ status: '' }, { assigned })
  assert.equal(explanation.allocation.remedy, 'Use another port, or another address.')
  const lines = explanationLines(explanation, 100).map(stripVTControlCharacters)
  assert.deepEqual(lines.slice(3), [
    '  address   none',
    '            PortInUse',
    '            → Use another port, or another address.',
  ])
})

test('a Service that keeps its address while it is refused another is not called unreachable', () => {
  const assigned = { status: 'False', reason: 'NotAllowed', message: '203.0.113.9 is not in any pool' }
  assert.equal(
    explained({}, { assigned }).summary,
    'announced by 1 of 2 nodes; not as it asks: 203.0.113.9 is not in any pool',
  )
})

function leaving(phase: string, heldBack: readonly string[]): NodeExplanation | undefined {
  const drain = {
    phase,
    since: '2026-11-21T12:00:00Z',
    cause: 'requested',
    message: 'a drain was asked for by eve',
    heldBack: heldBack.map((prefix) => ({ prefix, reason: 'lastAnnouncer' })),
  }
  const sessions = [{ peer: 'tor', address: '10.0.0.1', state: 'Established' }]
  return explained({}, { nodeStates: new Map([stateOf('node-a', { drain, sessions })]) }).nodes[0]
}

test('of a node that leaves, what it has withdrawn is not told as announced', () => {
  const withdrawn = leaving('HeldBack', ['192.0.2.7/32'])
  assert.deepEqual(
    [withdrawn?.announces.outcome, withdrawn?.announces.reason, withdrawn?.routes],
    ['no', 'Withdrawn', []],
  )
  assert.match(withdrawn?.announces.remedy ?? '', /holdfast undrain node-a/)
})

test('of a node that leaves, what it still announces is told with the mark that it then has', () => {
  const held = leaving('HeldBack', ['192.0.2.1/32'])
  assert.deepEqual([held?.announces.outcome, held?.announces.reason], ['yes', 'HeldBack'])
  assert.deepEqual(held?.routes[0]?.attributes.communities, ['64512:100', '65535:0'])
  assert.match(held.announces.message, /no other node announces 192\.0\.2\.1\/32/)
  const shortly = leaving('GracefulShutdown', [])
  assert.deepEqual([shortly?.announces.reason, shortly?.routes.length], ['GracefulShutdown', 1])
})

test('an address that no router has is named, though routers have the other one', () => {
  const explanation = explained({ status: '{ ip: 192.0.2.1 }, { ip: "2001:db8::1" }' })
  assert.match(explanation.summary, /^announced by 1 of 2 nodes; no router has 2001:db8::1$/)
})

test('what is refused is told, since nodes that knew a valid version go on by that; Secrets nobody may see are not', () => {
  const fault = (code: string): Fault => ({
    code,
    object: { kind: 'BGPPeer', namespace: 'metallb-system', name: 'tor' },
    path: 'spec.bfdProfile',
    value: undefined,
    message: 'There is no BFDProfile "fast".',
    remedy: 'Create it.',
    file: '',
    line: undefined,
  })
  const explanation = explained({}, { faults: [fault('unknown-bfd-profile'), fault('unknown-secret')] })
  const told = 'BGPPeer metallb-system/tor spec.bfdProfile: There is no BFDProfile "fast". Create it.'
  assert.deepEqual(explanation.faults, [told])
  assert.match(explanation.summary, /worked out without what is refused/)
  assert.ok(explanationLines(explanation, Infinity).map(stripVTControlCharacters).includes(`  ✗ ${told}`))
})

test('on a terminal, nodes with the same reason stand together', () => {
  const nodeStates = new Map([up, otherUp])
  const explanation = explained({ spec: ', externalTrafficPolicy: Local' }, { nodeStates, ignoreExcludeLB: true })
  const [, local] = explanation.nodes
  assert.ok(local)
  const more = ['node-c', 'node-d'].map((node): NodeExplanation => {
    const message = local.announces.message.replace('node-b', node)
    return { ...local, node, announces: { ...local.announces, message } }
  })
  const lines = explanationLines({ ...explanation, nodes: [...explanation.nodes, ...more] }, 100)
  const text = lines.map(stripVTControlCharacters).join('\n')
  assert.match(text, /○ node-b, node-c, node-d {2}do not: noLocalEndpoints/)
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

test('a speaker that does not answer is not believed, and one that was not asked is named', () => {
  const input = { nodeStates: new Map([up, otherUp]), ignoreExcludeLB: true }
  const silent = explained({}, { ...input, speakers: new Map([['node-a', 'silent']] as const) })
  const [first, second] = silent.nodes
  assert.deepEqual(
    [first?.speaker, first?.announces.outcome, first?.announces.reason],
    ['silent', 'unknown', 'speakerSilent'],
  )
  assert.match(first?.announces.remedy ?? '', /-n metallb-system get pods .*spec\.nodeName=node-a/)
  assert.equal(second?.announces.outcome, 'yes')
  assert.equal(
    silent.summary,
    'announced by 1 of 2 nodes; the speaker of node-a does not answer, which announced it when it was last heard',
  )
  const text = stripVTControlCharacters(explanationLines(silent, 200).join('\n'))
  assert.match(text, /○ node-a {2}may or may not: speakerSilent/)
  assert.match(text, /The speaker of node-b was not asked whether it is alive/)
  const dead = explained({}, { nodeStates: new Map([up, otherUp]), speakers: new Map([['node-a', 'silent']] as const) })
  assert.match(dead.summary, /^not known: the speaker of node-a does not answer/)
  const well = explained({}, { ...input, speakers: new Map(['node-a', 'node-b'].map((node) => [node, 'answered'])) })
  assert.equal(well.summary, 'announced by 2 of 2 nodes')
  assert.doesNotMatch(explanationLines(well, 200).join('\n'), /not asked/)
})

test('only the speakers of nodes that are to announce it are asked, and what they say now counts', async () => {
  const [, state] = up
  const lost = { sessions: [{ peer: 'tor', address: '10.0.0.1', state: 'Active', lastError: 'refused' }] }
  const asked: (readonly string[])[] = []
  const result = await explainWith(inputOf({}), (nodes) => {
    asked.push(nodes)
    const metadata = { name: 'node-a', namespace: state.namespace }
    return Promise.resolve(new Map([['node-a', { kind: 'answered', state: { metadata, status: lost } }]]))
  })
  assert.deepEqual(asked, [['node-a']])
  assert.equal(result.nodes[0]?.routes[0]?.session, 'Active')
  assert.equal(result.nodes[0].speaker, 'answered')
})

const noPool = (name: string): RegExp => new RegExp(`${name}.*is in no IPAddressPool`)

test('a speaker that has told is believed where the objects say otherwise, and that they differ is said', () => {
  const own = { ...inputOf({}), nodeStates: new Map([up, otherUp]), ignoreExcludeLB: true }
  const model = { ...own.model, pools: new Map() }
  const [told, other] = explain({ ...own, model, offers: new Map([['node-a', ['tor']]]) }).nodes
  assert.deepEqual([told?.announces.outcome, told?.announces.reason], ['yes', 'toldOtherwise'])
  assert.match(told?.announces.message ?? '', noPool('by the objects as they are it would not'))
  assert.deepEqual(
    told?.routes.map(({ prefix, peer, session }) => [prefix, peer, session]),
    [['192.0.2.1', 'tor', 'Established']],
  )
  assert.deepEqual(told.withheld, [])
  assert.deepEqual([other?.announces.outcome, other?.announces.reason], ['no', 'ipNotAllowed'])
  const silent = explain({
    ...own,
    model,
    offers: new Map([['node-a', ['tor']]]),
    speakers: new Map([['node-a', 'silent']]),
  })
  assert.equal(silent.nodes[0]?.announces.outcome, 'unknown')
})

test('a node that is to announce and has told of nothing is not called one that does', () => {
  const rest = { ignoreExcludeLB: true, offers: new Map([['node-b', ['tor']]]) }
  const explanation = explained({}, rest)
  assert.equal(explanation.nodes[0]?.announces.reason, 'notTold')
  assert.equal(
    explanation.summary,
    'announced by 1 of 2 nodes; the speaker of node-a is to announce it and has not told that it does',
  )
  const untold = stateOf('node-a', {
    serviceStatuses: 'None',
    sessions: [{ peer: 'tor', address: '10.0.0.1', state: 'Established' }],
  })
  const none = explained({}, { ...rest, nodeStates: new Map([untold, otherUp]) })
  assert.equal(none.summary, 'announced by 2 of 2 nodes')
})

test('routes are to those peers that the speaker names', () => {
  const [node] = explained({}, { offers: new Map([['node-a', ['old', 'tor']]]) }).nodes
  assert.deepEqual(
    node?.routes.map(({ prefix, peer }) => [prefix, peer]),
    [
      ['192.0.2.1/32', 'tor'],
      ['192.0.2.1', 'old'],
    ],
  )
  assert.match(node.announces.message, /also to old/)
})

test('each node is judged by what is in force there', () => {
  const input = inputOf({}, { ignoreExcludeLB: true })
  const modelOn = (node: string) => (node === 'node-b' ? { ...input.model, peers: new Map() } : input.model)
  const [a, b] = explain({ ...input, modelOn }).nodes
  assert.deepEqual([a?.announces.outcome, b?.announces.reason], ['yes', 'noMatchingPeer'])
})

test('an absent speaker is told in the words of status', async () => {
  const input = inputOf({}, { ignoreExcludeLB: true })
  const byNode = new Map([['node-b', pod(false)]])
  const cases = [
    [{ kind: 'shown', byNode }, 'notAsked'],
    [{ kind: 'shown', byNode: new Map() }, 'silent'],
    [{ kind: 'notShown' }, 'silent'],
  ] as const
  for (const [pods, life] of cases) {
    const lives = new Map([...input.model.nodes.keys()].map((node) => [node, life]))
    const overview = nodesOf({ nodes: [...lives.keys()], nodeStates: input.nodeStates, speakers: pods, lives })
    const explained = await explainWith(input, answering(life), pods)
    for (const { node, announces } of explained.nodes) {
      const { state, message } = overview.find((one) => one.node === node) ?? {}
      assert.equal(announces.reason.toLowerCase(), state?.toLowerCase())
      assert.ok(announces.message.startsWith((message ?? '-').replace(/; this is what it said last$/, '')), message)
    }
  }
})

const answering = (kind: 'silent' | 'notAsked') => (nodes: readonly string[]) =>
  Promise.resolve(new Map(nodes.map((node) => [node, { kind }] as const)))
const pod = (isReady: boolean) => ({ pod: 'speaker-x', isReady, why: 'CrashLoopBackOff' })

test('where no speaker is left, nobody announces, though what they said last was that all is well', async () => {
  const input = inputOf({}, { ignoreExcludeLB: true })
  const none = { kind: 'shown', byNode: new Map() } as const
  const gone = await explainWith(input, answering('silent'), none)
  assert.match(gone.summary, /^announced by none of 2 nodes: no pod of a speaker is in this namespace/)
  assert.deepEqual(
    gone.nodes.flatMap(({ routes }) => routes),
    [],
  )
  // They may run outside of pods, and this person may not ask them.
  assert.match((await explainWith(input, answering('notAsked'), none)).summary, /^not known: /)
})

test('a node whose speaker has no pod any more does not announce, and one whose pod is not ready may', async () => {
  const input = inputOf({}, { ignoreExcludeLB: true })
  const pods = { kind: 'shown', byNode: new Map([['node-b', pod(false)]]) } as const
  const [a, b] = (await explainWith(input, answering('notAsked'), pods)).nodes
  assert.deepEqual([a?.announces.outcome, a?.announces.reason], ['no', 'noSpeaker'])
  assert.deepEqual([b?.announces.outcome, b?.announces.reason], ['unknown', 'speakerNotReady'])
  assert.match(b?.announces.message ?? '', /CrashLoopBackOff/)
})

test('before a migration it is MetalLB that announces', () => {
  const rest = { nodeStates: new Map(), metallb: 'DaemonSet metallb-system/speaker', ignoreExcludeLB: true }
  const { summary, nodes } = explained({}, rest)
  assert.match(summary, /^not known: MetalLB announces, .* Holdfast in its place would announce from node-a, node-b$/)
  assert.match(nodes[0]?.announces.message ?? '', /DaemonSet metallb-system\/speaker.*192\.0\.2\.1\/32/)
})

test('endpoints on a Node that is not there are told as that', () => {
  const input = inputOf({ spec: ', externalTrafficPolicy: Local' }, { ignoreExcludeLB: true })
  const nodes = new Map([...input.model.nodes].filter(([name]) => name !== 'node-a'))
  const { summary } = explain({ ...input, model: { ...input.model, nodes } })
  assert.match(summary, /none of 1 nodes: .*its healthy endpoints name Node node-a, which is not there$/)
})

test('why a session is down is told below the routes, also where it never was up', () => {
  const sessions = [
    { peer: 'tor', address: '10.0.0.1', state: 'Connect', reason: 'no answer; TCP MD5: compare the passwords' },
  ]
  const explanation = explained({}, { nodeStates: new Map([stateOf('node-a', { sessions }), otherUp]) })
  const text = explanationLines(explanation, 80).map(stripVTControlCharacters).join('\n')
  assert.match(text, /tor: no answer; TCP MD5: compare the passwords/)
})

test('on a terminal, nodes that announce it alike stand together, and no line is wider than that', () => {
  const more = { status: '{ ip: 192.0.2.1 }, { ip: 192.0.2.200 }' }
  const explanation = explained(more, { ignoreExcludeLB: true })
  const lines = explanationLines(explanation, 200).map(stripVTControlCharacters)
  assert.ok(lines.includes('  ● node-a, node-b  announce it'), lines.join('\n'))
  assert.equal(lines.filter((line) => line.includes('192.0.2.200/32')).length, 1)
  const long = explanation.nodes.map((node) => ({
    ...node,
    routes: node.routes.map((route) => ({ ...route, router: '2001:db8:1234:5678:9abc:def0:1234:5678' })),
  }))
  const narrow = explanationLines({ ...explanation, nodes: long }, 80).map(stripVTControlCharacters)
  assert.ok(
    narrow.every((line) => line.length <= 80),
    narrow.join('\n'),
  )
})

test('where the object that is missing is refused, that is to be corrected first', () => {
  const input = inputOf({})
  const model = { ...input.model, advertisements: new Map() }
  const refused = [
    'BGPAdvertisement metallb-system/all spec.communities[0]: No such alias.',
    'BGPPeer metallb-system/x: no.',
  ]
  const [node] = explain({ ...input, model, refused }).nodes
  assert.match(node?.announces.remedy ?? '', /^BGPAdvertisement metallb-system\/all is refused, .*\. Otherwise: /)
})
