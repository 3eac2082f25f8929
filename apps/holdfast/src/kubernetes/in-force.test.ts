import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseManifest } from '@holdfast/cluster/manifests'
import { createInForce, refusalsOf } from './in-force.ts'

const pool = (name: string, addresses: string): string => `
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: ${name}, namespace: metallb-system }
spec: { addresses: [${addresses}] }
`

const peer = (name: string): string => `
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: { name: ${name}, namespace: metallb-system }
spec: { myASN: 64500, peerASN: 64512, peerAddress: 10.0.0.1, passwordSecret: { name: tor } }
`

const { objects } = parseManifest(
  'test.yaml',
  [pool('overlap', '192.0.2.128/25'), pool('public', '192.0.2.0/24'), peer('aa'), peer('router-a')].join('---'),
)

const state = (name: string, ...lines: readonly string[]) => ({
  metadata: { name, namespace: 'metallb-system' },
  status: { result: lines.length === 0 ? 'Valid' : 'Invalid', errorSummary: lines.join('\n') },
})

const noSecret = 'BGPPeer metallb-system/router-a spec.passwordSecret: There is no Secret "tor". Create it.'

test('of objects that contradict each other, those are in force that the programs do not refuse', () => {
  for (const [refused, left] of [
    ['overlap', 'public'],
    ['public', 'overlap'],
  ]) {
    const line = `IPAddressPool metallb-system/${refused}: spec.addresses[0]: Overlaps. Take it out.`
    const { asControllerSays, on } = createInForce(objects, refusalsOf([state('controller', line)]))
    for (const { evaluation } of [asControllerSays, on('node-a')]) {
      assert.deepEqual(
        [...evaluation.model.pools.values()].map(({ meta }) => meta.ref.name),
        [left],
      )
    }
  }
})

test('each node has in force what its own speaker does not refuse; one without a Secret is in force for all that', () => {
  const same = (name: string): string => `BGPPeer metallb-system/${name} spec.peerAddress: The same router. Remove one.`
  const refusals = refusalsOf([
    state('speaker-node-a', same('aa'), noSecret),
    state('speaker-node-c', same('router-a')),
  ])
  const { on, wordsOn } = createInForce(objects, refusals)
  const peers = (node: string): readonly string[] =>
    [...on(node).evaluation.model.peers.values()].map(({ meta }) => meta.ref.name)
  assert.deepEqual([peers('node-a'), peers('node-c')], [['router-a'], ['aa']])
  assert.deepEqual(
    wordsOn(['node-a', 'node-c']).filter((words) => words.includes('node-a')),
    [`${same('aa')} (on node-a)`],
  )
})

test('words of other programs, and those that know nothing yet, refuse nothing', () => {
  const states = [
    state('controller', 'failed to parse configuration: CIDR overlaps'),
    { ...state('speaker-node-a'), status: { result: 'Unknown', errorSummary: '' } },
  ]
  assert.deepEqual([...refusalsOf(states)], [['controller', []]])
})
