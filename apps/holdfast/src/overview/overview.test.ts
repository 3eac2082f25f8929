import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import type { KubeObject } from '@holdfast/cluster'
import { statesOf } from '../kubernetes/node-states.ts'
import { overviewOf } from './overview.ts'
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

const overview = overviewOf({
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
})

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
  assert.deepEqual(overview.pools, [{ pool: 'public', assigned: 1, available: 2 }])
  assert.deepEqual(overview.faults, [{ by: 'speaker-node-a', message: 'BGPPeer tor: no such Secret' }])
})

test('on a terminal', () => {
  const text = overviewLines(overview, 100).map(stripVTControlCharacters).join('\n')
  assert.match(text, /node-a {2}○ 1\/2 +1 +Announcing/)
  assert.match(text, /○ node-a → tor-2 \(10\.0\.0\.2\): refused/)
  assert.match(text, /1 of 3 Services have their addresses/)
  assert.match(text, /✗ speaker-node-a: BGPPeer tor: no such Secret/)
})
