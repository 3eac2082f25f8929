import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import type { KubeObject } from '@holdfast/cluster'
import { statesOf } from '../kubernetes/node-states.ts'
import type { Overview, OverviewInput } from './overview.ts'
import { overviewOf } from './overview.ts'
import { podsByNode } from './speaker-pods.ts'
import { overviewLines } from './text.ts'

const service = (name: string, status: object, spec: object = {}): KubeObject => ({
  metadata: { name, namespace: 'shop' },
  spec: { type: 'LoadBalancer', ...spec },
  status,
})

const condition = (type: string, status: string, reason: string, message: string): object => ({
  type,
  status,
  reason,
  message,
  lastTransitionTime: '2026-11-21T12:00:00Z',
})

const input: OverviewInput = {
  services: [
    service('web', { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } }),
    service('api', {
      conditions: [condition('holdfast.dev/AddressAssigned', 'False', 'noAvailableIPs', 'pool public is full')],
    }),
    service('new', {}),
    service('theirs', {}, { loadBalancerClass: 'example.com/other' }),
    service('inside', {}, { type: 'ClusterIP' }),
  ],
  pools: [
    { metadata: { name: 'public' }, status: { assignedIPv4: 1, assignedIPv6: 0, availableIPv4: 0, availableIPv6: 2 } },
  ],
  configurationStates: [
    { metadata: { name: 'controller' }, status: { result: 'Valid' } },
    {
      metadata: { name: 'speaker-node-a' },
      status: { result: 'Invalid', errorSummary: 'BGPPeer tor: no such Secret' },
    },
  ],
  nodes: [{ metadata: { name: 'node-c' } }, { metadata: { name: 'node-a' } }],
  peers: [],
  advertisements: [],
  metallb: [],
  rivals: [],
  nodeStates: statesOf([
    {
      metadata: { name: 'node-a', namespace: 'x' },
      status: {
        version: '0.1.0',
        routes: 1,
        sessions: [
          { peer: 'tor-1', address: '10.0.0.1', state: 'Established' },
          { peer: 'tor-2', address: '10.0.0.2', state: 'Active', lastError: 'refused' },
        ],
        conditions: [
          condition('Announcing', 'True', 'Announcing', 'as planned'),
          condition('SafeToReboot', 'False', 'Announcing', ''),
        ],
      },
    },
  ]),
  loadBalancerClass: undefined,
  lease: {
    metadata: { name: 'holdfast-controller' },
    spec: { holderIdentity: 'c-0_1', renewTime: '2026-11-21T12:00:00.000000Z' },
  },
  now: '2026-11-21T12:00:20Z',
  speakers: { kind: 'notShown' },
  lives: new Map(),
}

const overview = overviewOf(input)

test('Services of our class are counted, those that wait with the reason', () => {
  assert.deepEqual(overview.services, {
    total: 3,
    assigned: 1,
    waiting: [
      { service: 'shop/api', reason: 'noAvailableIPs', message: 'pool public is full' },
      { service: 'shop/new', reason: 'Unknown', message: 'the controller has said nothing of it' },
    ],
    unmet: [],
    unannounced: [],
  })
})

test('every Node is there, also one without a speaker, and every session that is down', () => {
  assert.deepEqual(
    overview.nodes.map(({ node, sessions, state }) => [node, sessions.up, sessions.total, state]),
    [
      ['node-a', 1, 2, 'Announcing'],
      ['node-c', 0, 0, 'NoSpeaker'],
    ],
  )
  assert.deepEqual(overview.nodes[0]?.down, [{ peer: 'tor-2', router: '10.0.0.2', why: 'refused' }])
})

test('pools and faults', () => {
  const families = { ipv4: { assigned: 1, available: 0 }, ipv6: { assigned: 0, available: 2 } }
  assert.deepEqual(overview.pools, [{ pool: 'public', assigned: 1, available: 2, ...families }])
  assert.deepEqual(overview.faults, [{ by: 'speaker-node-a', message: 'BGPPeer tor: no such Secret' }])
})

test('on a terminal', () => {
  const text = overviewLines(overview, 100).map(stripVTControlCharacters).join('\n')
  assert.match(text, /node-a {2}○ 1\/2 +1 +Announcing/)
  assert.match(text, /○ node-a → tor-2 \(10\.0\.0\.2\): refused/)
  assert.match(text, /1 of 3 Services have their addresses/)
  assert.match(text, /✗ BGPPeer tor: no such Secret\n {4}said by speaker-node-a/)
  assert.match(text, /public {2}1 {10}0 {5}0 {10}2/)
})

const textOf = (one: Overview): string => overviewLines(one, Infinity).map(stripVTControlCharacters).join('\n')

test('who leads, and that nobody does', () => {
  assert.deepEqual(overview.controller, { leader: 'c-0_1', renewedAt: '2026-11-21T12:00:00.000000Z', isLeading: true })
  assert.match(textOf(overview), /● c-0_1 leads/)
  const late = overviewOf({ ...input, now: '2026-11-21T12:05:00Z' })
  assert.match(textOf(late), /○ none leads: c-0_1 led last, and said so at 2026-11-21T12:00:00Z/)
  assert.match(textOf(overviewOf({ ...input, lease: undefined })), /none has led yet/)
  const left = { metadata: { name: 'holdfast-controller' }, spec: { holderIdentity: '', renewTime: input.now } }
  assert.match(textOf(overviewOf({ ...input, lease: left })), /○ none leads: the last one left at 2026-11-21T12:00:20Z/)
  assert.doesNotMatch(textOf(overviewOf({ ...input, lease: null })), /Controller/)
})

function withNode(status: object): Overview['nodes'][number] | undefined {
  const [node] = overviewOf({
    ...input,
    nodeStates: statesOf([{ metadata: { name: 'node-a', namespace: 'x' }, status }]),
  }).nodes
  return node
}

test('a node without a session announces to nobody, whatever it is to announce', () => {
  const conditions = [condition('Announcing', 'True', 'Announcing', 'as planned')]
  const sessions = [{ peer: 'tor', state: 'Active', routes: 0 }]
  const deaf = withNode({ routes: 0, sessions, conditions })
  assert.deepEqual([deaf?.state, deaf?.routes, deaf?.message], ['NoSession', 0, 'no router hears it'])
  assert.equal(withNode({ routes: 0, sessions: [], conditions })?.state, 'NoPeer')
})

test('of a node that is held back, what is held back counts and is named', () => {
  const held = withNode({
    routes: 1,
    sessions: [{ peer: 'tor', state: 'Established', routes: 1 }],
    drain: { phase: 'HeldBack', since: '2026-11-21T12:00:00Z', heldBack: [{ prefix: '192.0.2.1/32', reason: 'x' }] },
    conditions: [
      condition('Announcing', 'True', 'HeldBack', 'a drain was asked for'),
      condition('SafeToReboot', 'False', 'HeldBack', 'announced by no other node: 192.0.2.1/32'),
    ],
  })
  assert.equal(held?.routes, 1)
  assert.equal(held.message, 'a drain was asked for; announced by no other node: 192.0.2.1/32')
})

test('on a terminal, what many nodes say is said once', () => {
  const [node] = overview.nodes
  assert.ok(node)
  const faults = ['controller', 'speaker-node-a', 'speaker-node-b'].map((by, index) => ({
    by,
    message: `BGPPeer tor${index === 0 ? ':' : ''} spec.x: wrong`,
  }))
  const text = textOf({ ...overview, nodes: [node, { ...node, node: 'node-b' }], faults })
  assert.match(text, /○ node-a, node-b → tor-2 \(10\.0\.0\.2\): refused/)
  assert.match(text, /✗ BGPPeer tor: spec\.x: wrong\n {4}said by controller, speaker-node-a, speaker-node-b/)
  assert.equal(text.match(/wrong/g)?.length, 2, 'the heading has it too')
})

const pod = (name: string, nodeName: string, ready: string, more: object = {}): KubeObject => ({
  metadata: { name, namespace: 'x' },
  spec: { nodeName },
  status: { conditions: [{ type: 'Ready', status: ready }], ...more },
})

test('a speaker that is gone cannot say so: its pod does', () => {
  const stateWith = (...pods: readonly KubeObject[]): readonly unknown[] => {
    const [node] = overviewOf({ ...input, speakers: { kind: 'shown', byNode: podsByNode(pods) } }).nodes
    return [node?.state, node?.message]
  }
  const crashing = {
    containerStatuses: [{ name: 'speaker', restartCount: 7, state: { waiting: { reason: 'CrashLoopBackOff' } } }],
  }
  assert.deepEqual(stateWith(pod('s-1', 'node-a', 'False', crashing)), [
    'SpeakerNotReady',
    'pod s-1 is not ready (CrashLoopBackOff, started 7 times again); this is what it said last',
  ])
  assert.deepEqual(stateWith(pod('s-1', 'node-b', 'True'))[0], 'NoSpeaker')
  assert.deepEqual(stateWith(pod('s-1', 'node-a', 'False'), pod('s-2', 'node-a', 'True'))[0], 'Announcing')
})

test('a NodeState whose Node is gone is told from a node', () => {
  const [, , ghost] = overviewOf({
    ...input,
    nodeStates: statesOf([{ metadata: { name: 'node-z', namespace: 'x' }, status: { routes: 0, sessions: [] } }]),
  }).nodes
  assert.deepEqual([ghost?.node, ghost?.state], ['node-z', 'NodeGone'])
})

test('a node whose speaker does not answer is shown with what it said last, and as such', () => {
  const asked = overviewOf({ ...input, lives: new Map([['node-a', 'silent']]) })
  const node = asked.nodes.find((one) => one.node === 'node-a')
  assert.equal(node?.state, 'SpeakerSilent')
  assert.match(node.message, /does not answer; this is what it said last/)
})

test('without any speaker nothing is green, although each said that it announces', () => {
  const noPods = { kind: 'shown', byNode: new Map() } as const
  const wordWith = (life?: 'answered' | 'silent' | 'notAsked'): readonly unknown[] => {
    const lives = new Map(life === undefined ? [] : [['node-a', life] as const])
    const [node] = overviewOf({ ...input, speakers: noPods, lives }).nodes
    return [node?.state, node?.message]
  }
  const silent = 'no pod of a speaker is in this namespace, and its speaker does not answer; this is what it said last'
  assert.deepEqual(wordWith('silent'), ['NoSpeaker', silent])
  assert.deepEqual(wordWith('notAsked')[0], 'NoSpeaker')
  assert.deepEqual(wordWith()[0], 'NoSpeaker')
  // As on a developer's machine.
  assert.deepEqual(wordWith('answered')[0], 'Announcing', 'it runs outside of pods')
  const lives = new Map([
    ['node-a', 'silent'],
    ['node-b', 'answered'],
  ] as const)
  assert.equal(overviewOf({ ...input, speakers: noPods, lives }).nodes[0]?.state, 'SpeakerSilent')
})

test('more speakers than are asked, outside of pods, are not all gone: one that answers shows that they run elsewhere', () => {
  const noPods = { kind: 'shown', byNode: new Map() } as const
  const stateWith = (life: 'answered' | 'silent'): readonly unknown[] => {
    const lives = new Map(Array.from({ length: 20 }, (_, index) => [`other-${index}`, life] as const))
    const [node] = overviewOf({ ...input, speakers: noPods, lives }).nodes
    return [node?.state, node?.message]
  }
  assert.equal(stateWith('answered')[0], 'Announcing')
  assert.deepEqual(stateWith('silent'), [
    'NoSpeaker',
    'no pod of a speaker is in this namespace, and none of 20 that were asked answers; this is what it said last',
  ])
})

test('many Services that wait for one reason do not hide another reason', () => {
  const many = Array.from({ length: 146 }, (_, index) => ({
    service: `shop/s${index}`,
    reason: index === 77 ? 'UnknownPool' : index % 2 === 0 ? 'NoAvailableIPs' : 'PortInUse',
    message: index === 77 ? 'no pool "x"' : index % 2 === 0 ? 'no pool has one' : `in use by shop/t${index}`,
  }))
  const lines = textOf({ ...overview, services: { ...overview.services, waiting: many } })
  assert.match(lines, /· shop\/s0, shop\/s2, .* and 65 more: NoAvailableIPs: no pool has one/)
  assert.match(lines, /· shop\/s77: UnknownPool: no pool "x"/)
  assert.match(lines, /· and 67 more: PortInUse/)
  assert.ok(lines.split('\n').length < 30)
})

test('Services with an address that nobody announces, or that is not what they ask for, are counted and named', () => {
  const held = { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } }
  const services = [
    service('well', {
      ...held,
      conditions: [
        condition('holdfast.dev/AddressAssigned', 'True', 'Assigned', ''),
        condition('holdfast.dev/Announced', 'True', 'Announced', ''),
      ],
    }),
    service('deaf', { ...held, conditions: [condition('holdfast.dev/Announced', 'False', 'NoNodeCan', 'nobody')] }),
    service('other', {
      ...held,
      conditions: [condition('holdfast.dev/AddressAssigned', 'True', 'AddressInUse', 'held by shop/well')],
    }),
  ]
  const seen = overviewOf({ ...input, services })
  assert.deepEqual(seen.services.unannounced, [{ service: 'shop/deaf', reason: 'NoNodeCan', message: 'nobody' }])
  assert.deepEqual(seen.services.unmet, [
    { service: 'shop/other', reason: 'AddressInUse', message: 'held by shop/well' },
  ])
  assert.match(textOf(seen), /○ 1 has an address that no node announces\n {4}· shop\/deaf: NoNodeCan: nobody/)
  assert.match(textOf(seen), /○ 1 has an address, and not the one asked for\n {4}· shop\/other: AddressInUse/)
})

test('each fault of a summary is one of its own, said once for all who say it', () => {
  const stateOf = (name: string, errorSummary: string): KubeObject => ({
    metadata: { name },
    status: { result: 'Invalid', errorSummary },
  })
  const configurationStates = [
    stateOf('controller', 'IPAddressPool x/a: spec: wrong\nBGPPeer x/b: spec: odd'),
    stateOf('speaker-a', 'IPAddressPool x/a spec: wrong\nBGPPeer x/c: spec: only here\nand 3 more'),
  ]
  const seen = overviewOf({ ...input, configurationStates })
  assert.equal(seen.faults.length, 5)
  const text = textOf(seen)
  assert.match(text, /✗ IPAddressPool x\/a: spec: wrong\n {4}said by controller, speaker-a/)
  assert.match(text, /✗ BGPPeer x\/b: spec: odd\n {4}said by controller\n/)
  assert.match(text, /✗ BGPPeer x\/c: spec: only here\n {4}said by speaker-a\n/)
  assert.match(text, /✗ and 3 more, by speaker-a/)
})

test('a drain that the speaker has not taken up is seen', () => {
  const conditions = [condition('Announcing', 'True', 'Announcing', 'as planned')]
  const state = (spec: object, status: object): KubeObject => ({
    metadata: { name: 'node-a', namespace: 'x' },
    spec,
    status: { routes: 1, sessions: [], conditions, ...status },
  })
  const drain = { requestedAt: '2026-11-21T12:00:00Z', requestedBy: 'eve' }
  const notes = (spec: object, status: object = {}): readonly string[] | undefined =>
    overviewOf({ ...input, nodeStates: statesOf([state(spec, status)]) }).nodes[0]?.notes
  assert.deepEqual(notes({ drain }), [
    'a drain was asked for by eve at 2026-11-21T12:00:00Z, and its speaker has not taken it up',
  ])
  const begun = { phase: 'Withdrawn', since: drain.requestedAt, cause: 'requested', requestedAt: drain.requestedAt }
  assert.deepEqual(notes({ drain }, { drain: begun }), [])
  assert.match(notes({}, { drain: begun })?.[0] ?? '', /^the end of its drain was asked for/)
})

test('BFD that never comes up is no green node', () => {
  const conditions = [condition('Announcing', 'True', 'Announcing', 'as planned')]
  const sessions = [{ peer: 'tor', address: '10.0.0.1', state: 'Established', bfd: 'Down' }]
  const node = withNode({ routes: 1, sessions, conditions })
  assert.deepEqual(node?.unwatched, [{ peer: 'tor', router: '10.0.0.1', bfd: 'Down' }])
  const text = textOf({ ...overview, nodes: [node] })
  assert.match(text, /node-a {2}○ 1\/1/)
  assert.match(text, /○ node-a → tor \(10\.0\.0\.1\): BFD is Down while the session is Established/)
})

test('a cordoned node is told from others, and of one that is gone nothing is being opened', () => {
  const nodes = [{ metadata: { name: 'node-a' }, spec: { unschedulable: true } }]
  const lost = {
    metadata: { name: 'node-z', namespace: 'x' },
    status: { routes: 0, sessions: [{ peer: 'tor', state: 'Idle' }] },
  }
  const seen = overviewOf({ ...input, nodes, nodeStates: new Map([...input.nodeStates, ...statesOf([lost])]) })
  assert.deepEqual(seen.nodes[0]?.notes, ['cordoned'])
  assert.match(textOf(seen), /node-a .* cordoned/)
  assert.deepEqual(seen.nodes[1]?.down, [])
  assert.match(textOf(seen), /node-z {2}- +0 +NodeGone/)
})

test('where MetalLB serves still, nobody is told that Services wait for Holdfast', () => {
  const seen = overviewOf({ ...input, lease: undefined, metallb: ['DaemonSet metallb-system/speaker'] })
  assert.match(
    textOf(seen),
    /MetalLB runs here \(DaemonSet metallb-system\/speaker\): it gives addresses and announces/,
  )
  assert.doesNotMatch(textOf(seen), /until a controller runs/)
})

test('where MetalLB’s controller gives addresses beside ours, that is said under who leads', () => {
  const seen = overviewOf({ ...input, rivals: ['Deployment metallb-system/controller'] })
  assert.match(
    textOf(seen),
    /c-0_1 leads\n.*MetalLB’s controller runs as well \(Deployment metallb-system\/controller\)/,
  )
  assert.match(textOf(seen), /step 4/)
  assert.doesNotMatch(textOf(overviewOf(input)), /MetalLB/)
})

test('what selects nothing is said', () => {
  const advertisement = (name: string, spec: object): KubeObject => ({ metadata: { name, namespace: 'x' }, spec })
  const seen = overviewOf({
    ...input,
    advertisements: [
      advertisement('all', {}),
      advertisement('lost', { ipAddressPools: ['public', 'nope'], peers: ['gone'] }),
    ],
    peers: [
      advertisement('rack', { nodeSelectors: [{ matchLabels: { rack: 'r9' } }] }),
      advertisement('other', { nodeSelectors: [{}] }),
    ],
  })
  assert.deepEqual(seen.withoutEffect, [
    { object: 'BGPAdvertisement x/lost', message: 'there is no IPAddressPool nope; there is no BGPPeer gone' },
    { object: 'BGPPeer x/rack', message: 'its nodeSelectors select none of 2 nodes' },
  ])
  assert.match(textOf(seen), /What has no effect\n {2}○ BGPAdvertisement x\/lost: there is no IPAddressPool nope/)
})

test('a line break in what a person wrote breaks no table', () => {
  const [node] = overview.nodes
  assert.ok(node)
  const text = textOf({ ...overview, nodes: [{ ...node, state: 'Withdrawn', message: 'asked for: a\nb' }] })
  assert.match(text, /asked for: a b/)
})
