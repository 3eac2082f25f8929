import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isOlder } from './version-order.ts'

test('versions compare as the numbers that they are, of any length', () => {
  const version = fc.bigInt({ min: 1n, max: 2n ** 70n })
  fc.assert(fc.property(version, version, (a, b) => isOlder(String(a), String(b)) === a < b))
})

test('of a version that is no number, nothing is known', () => {
  for (const other of ['', '0', '007', '1a', '-1', '1.5', ' 1', 'opaque']) {
    assert.deepEqual([isOlder(other, '5'), isOlder('5', other)], [false, false], other)
  }
})
