import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { listDifference } from './list-difference.ts'

const list = fc.array(fc.nat(6), { maxLength: 12 })

const sorted = (items: readonly number[]): readonly number[] => items.toSorted((a, b) => a - b)

test('what is left after the removed and with the added is the other list, and nothing is in both', () => {
  fc.assert(
    fc.property(list, list, (before, after) => {
      const { removed, added } = listDifference(before, after)
      const rest = [...before]
      for (const item of removed) rest.splice(rest.indexOf(item), 1)
      assert.deepEqual(sorted([...rest, ...added]), sorted(after))
      assert.deepEqual(
        removed.filter((item) => added.includes(item)),
        [],
      )
    }),
  )
})
