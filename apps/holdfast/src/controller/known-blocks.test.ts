import type { KubeObject } from '@holdfast/cluster'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createKnownBlocks } from './known-blocks.ts'

const block = (resourceVersion: string): KubeObject => ({
  metadata: { name: 'b', namespace: 'n', uid: 'u', resourceVersion },
  spec: { cidr: '192.0.2.0/26', inUse: 0, addresses: {}, released: {} },
})
const followed = (resourceVersion?: string): ReadonlyMap<string, KubeObject> =>
  new Map(resourceVersion === undefined ? [] : [['b', block(resourceVersion)]])

test('what is followed does not go behind our own write, however late it is', () => {
  const blocks = createKnownBlocks()
  assert.deepEqual(blocks.compare(followed('1')), [])
  blocks.written('b', block('2'), undefined)
  blocks.written('b', block('3'), undefined)
  for (const late of ['1', '2', '3', '3']) assert.deepEqual(blocks.compare(followed(late)), [], late)
  assert.equal(blocks.get('b').version, '3')
})

test('a version that is neither known nor older has to be asked for, and is foreign', () => {
  const blocks = createKnownBlocks()
  blocks.compare(followed('1'))
  blocks.reseeded()
  blocks.written('b', block('2'), undefined)
  assert.deepEqual(blocks.compare(followed('9')), ['b'])
  assert.equal(blocks.isForeign(), false)
  blocks.fetched('b', block('9'))
  assert.equal(blocks.isForeign(), true)
  assert.deepEqual(blocks.compare(followed('2')), [])
  assert.equal(blocks.get('b').version, '9')
})

test('a block that is created and not followed yet exists, and one that somebody deletes is asked for', () => {
  const blocks = createKnownBlocks()
  blocks.compare(followed())
  blocks.written('b', block('1'), undefined)
  // Not there is also what it would be said to be after somebody removed it: it is asked for until it is followed.
  assert.deepEqual(blocks.compare(followed()), ['b'])
  assert.deepEqual(blocks.compare(followed('1')), [])
  assert.deepEqual(blocks.compare(followed()), ['b'])
})

test('a write without an answer has the block asked for until it is known', () => {
  const blocks = createKnownBlocks()
  blocks.compare(followed('1'))
  blocks.doubt('b')
  assert.deepEqual(blocks.compare(followed('1')), ['b'])
  blocks.fetched('b', block('1'))
  assert.deepEqual(blocks.compare(followed('1')), [])
})

test('what a block says counts, and why it cannot be read', () => {
  const blocks = createKnownBlocks()
  const spoilt: KubeObject = { ...block('1'), spec: { cidr: '192.0.2.0/26', addresses: { '192.0.2.1': '' } } }
  blocks.compare(new Map([['b', spoilt]]))
  assert.deepEqual([blocks.get('b').spec, blocks.get('b').faults.length], [undefined, 1])
  blocks.fetched('b', block('2'))
  assert.deepEqual([blocks.get('b').spec?.inUse, blocks.get('b').faults.length], [0, 0])
})
