import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RawObject } from '@holdfast/model'
import { evaluate } from '@holdfast/model'
import { ownFaults } from './own-faults.ts'

const raw = (value: object): RawObject => ({ value, origin: { file: 'test', lineOf: () => undefined } })
const node = raw({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-a', labels: { rack: 'one' } } })
const peer = (name: string, nodeSelectors: unknown): RawObject =>
  raw({
    apiVersion: 'metallb.io/v1beta2',
    kind: 'BGPPeer',
    metadata: { name, namespace: 'metallb-system' },
    spec: { myASN: 64512, peerASN: 64500, peerAddress: 'no address', nodeSelectors },
  })
const faultyOf = (objects: readonly RawObject[]): readonly string[] => [
  ...new Set(ownFaults(evaluate(objects, undefined), objects, 'node-a').map(({ object }) => object.name)),
]

test('a broken peer counts where it selects the node, names none, or says so in a way that cannot be read', () => {
  const objects = [
    peer('everywhere', []),
    peer('here', [{ matchLabels: { rack: 'one' } }]),
    peer('also-here', [{ matchExpressions: [{ key: 'rack', operator: 'NotIn', values: ['two'] }] }]),
    peer('elsewhere', [{ matchLabels: { rack: 'two' } }]),
    peer('nowhere', [{ matchExpressions: [{ key: 'rack', operator: 'DoesNotExist' }] }]),
    peer('unreadable', [{ matchExpressions: [{ key: 'rack', operator: 'Near' }] }]),
  ]
  assert.deepEqual(faultyOf([node, ...objects]), ['also-here', 'everywhere', 'here', 'unreadable'])
  assert.equal(faultyOf(objects).length, objects.length, 'as long as the Node is not known')
})
