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
  nodes: ['node-c', 'node-a'],
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
  speakers: undefined,
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
    const [node] = overviewOf({ ...input, speakers: podsByNode(pods) }).nodes
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
  const asked = overviewOf({ ...input, silent: new Set(['node-a']) })
  const node = asked.nodes.find((one) => one.node === 'node-a')
  assert.equal(node?.state, 'SpeakerSilent')
  assert.match(node.message, /does not answer; this is what it said last/)
})
