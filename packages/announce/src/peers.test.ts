import assert from 'node:assert/strict'
import { test } from 'node:test'
import { carriesFamily, peersOf } from './peers.ts'
import { inputOf, labelled, node, peer } from './testing/build.ts'

const namesOf = (nodeName: string): readonly string[] => {
  const { model } = inputOf(nodeName, {
    nodes: [node('node-a', { zone: 'a', rack: '1' }), node('node-b', { zone: 'b' })],
    peers: [
      peer('spine', '198.51.100.1'),
      peer('leaf-a', '198.51.100.2', { nodeSelectors: [labelled({ zone: 'a' })] }),
      peer('leaf-b', '198.51.100.3', { nodeSelectors: [labelled({ zone: 'x' }), labelled({ zone: 'b' })] }),
      peer('leaf-c', '198.51.100.4', { nodeSelectors: [labelled({ zone: 'a', rack: '2' })] }),
    ],
  })
  return peersOf(model, nodeName).map((one) => one.meta.ref.name)
}

test('nodeSelectors of a peer are alternatives, none means every node, and names come sorted', () => {
  assert.deepEqual(namesOf('node-a'), ['leaf-a', 'spine'])
  assert.deepEqual(namesOf('node-b'), ['leaf-b', 'spine'])
})

test('a node that does not exist has no peers', () => {
  assert.deepEqual(namesOf('node-c'), [])
})

test('a session carries the family of its address, or both if dual-stack or unnumbered', () => {
  const four = peer('four', '198.51.100.1')
  const six = peer('six', '2001:db8::1')
  const dual = peer('dual', '2001:db8::1', { dualStackAddressFamily: true })
  const unnumbered = peer('unnumbered', undefined)
  assert.deepEqual(
    [four, six, dual, unnumbered].map((one) => carriesFamily(one, 'ipv4')),
    [true, false, true, true],
  )
  assert.deepEqual(
    [four, six, dual, unnumbered].map((one) => carriesFamily(one, 'ipv6')),
    [false, true, true, true],
  )
})
