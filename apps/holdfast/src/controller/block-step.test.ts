import type { AddressBlockSpec, AddressHolder } from '@holdfast/ipam'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stepOf } from './block-step.ts'

const holder = (name: string, uid = name): AddressHolder => ({ namespace: 'shop', name, uid, terms: '' })

const block = (held: Readonly<Record<string, readonly AddressHolder[]>>, ...released: string[]): AddressBlockSpec => ({
  cidr: '192.0.2.0/26',
  inUse: Object.keys(held).length,
  addresses: Object.entries(held).map(([address, holders]) => ({ address, pool: 'gold', holders })),
  released: released.map((address) => ({ address, service: 'shop/x', time: '2026-01-01T00:00:00.000000Z' })),
})

const nobody = (): boolean => false
const everybody = (): boolean => true

test('who gets a free address gets it at once, beside those who stay', () => {
  const target = block({ '192.0.2.0': [holder('a')], '192.0.2.1': [holder('b')] })
  assert.deepEqual(stepOf(block({ '192.0.2.0': [holder('a')] }), target, nobody), { spec: target, leavers: [] })
  assert.equal(stepOf(undefined, target, nobody).spec, target)
})

test('a holder stays until it may leave, and who is to get its address waits', () => {
  const current = block({ '192.0.2.0': [holder('a')] })
  const target = block({ '192.0.2.0': [holder('b')], '192.0.2.1': [holder('c')] })
  const step = stepOf(current, target, nobody)
  assert.deepEqual(step.spec, block({ '192.0.2.0': [holder('a')], '192.0.2.1': [holder('c')] }))
  assert.deepEqual(step.leavers, [{ address: '192.0.2.0', holder: holder('a') }])
  assert.equal(stepOf(current, target, everybody).spec, target)
})

test('a Service that was made anew is another holder than the one before', () => {
  const current = block({ '192.0.2.0': [holder('a', 'old')] })
  const target = block({ '192.0.2.0': [holder('a', 'new')] })
  assert.equal(stepOf(current, target, nobody).spec, current)
  assert.equal(stepOf(current, target, ({ holder: { uid } }) => uid === 'old').spec, target)
})

test('of several who are to leave an address each leaves as soon as it may', () => {
  const current = block({ '192.0.2.0': [holder('a'), holder('b'), holder('c')] })
  const step = stepOf(current, block({ '192.0.2.0': [holder('c')] }), ({ holder: { name } }) => name === 'a')
  assert.deepEqual(step.spec, block({ '192.0.2.0': [holder('b'), holder('c')] }))
})

test('an address is not among the released ones while somebody still has it', () => {
  const current = block({ '192.0.2.0': [holder('a')] })
  const step = stepOf(current, block({}, '192.0.2.0', '192.0.2.1'), nobody)
  assert.deepEqual(step.spec, block({ '192.0.2.0': [holder('a')] }, '192.0.2.1'))
})

test('where nothing may change the block is the same one, and an empty target means that it is not needed', () => {
  const current = block({ '192.0.2.0': [holder('a')] })
  assert.equal(stepOf(current, undefined, nobody).spec, current)
  assert.equal(stepOf(current, undefined, everybody).spec, undefined)
})

test('a block that says already what it is to say is left as it is, also where the target was worked out anew', () => {
  const current = block({ '192.0.2.0': [holder('a')], '192.0.2.10': [holder('b')] }, '192.0.2.1')
  const target = block({ '192.0.2.0': [holder('a')], '192.0.2.10': [holder('b')] }, '192.0.2.1')
  assert.equal(stepOf(current, target, nobody).spec, current)
})
