import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatAddress } from '@holdfast/ip'
import fc from 'fast-check'
import { IntervalSet } from './intervals.ts'
import { Shelf } from './shelf.ts'
import { pool, service, sharing } from './testing/worlds.ts'
import { toWant } from './want.ts'

const want = (key: string, ...ports: number[]) => toWant(service(key, ports.length === 0 ? {} : sharing('k', ...ports)))

/** Gives the address of the shelf's choice to a Service. */
function take(shelf: Shelf, key: string): string | undefined {
  const position = shelf.choose(want(key))
  if (position === undefined) return undefined
  shelf.hold(position, want(key))
  return formatAddress(shelf.addressOf(position.value))
}

test('a shelf that forgets by whom an address was used still hands it out behind those never used', () => {
  const shelf = new Shelf(pool('p', '192.0.2.1-192.0.2.5'), 'ipv4', undefined, 2)
  const values = ['a', 'b', 'c'].map((key) => {
    const position = shelf.choose(want(key))!
    shelf.hold(position, want(key))
    return position.value
  })
  values.forEach((value, order) => {
    shelf.letGo(value, 'abc'.charAt(order))
    const forgotten = shelf.remember({ value, service: 'abc'.charAt(order), order })
    assert.equal(forgotten?.service, order === 2 ? 'a' : undefined)
  })
  assert.deepEqual(shelf.longAgo(), [{ first: values[0], last: values[0] }])
  assert.deepEqual(
    ['d', 'e', 'f', 'g', 'h', 'i'].map((key) => take(shelf, key)),
    ['192.0.2.4', '192.0.2.5', '192.0.2.1', '192.0.2.2', '192.0.2.3', undefined],
  )
  assert.deepEqual(shelf.longAgo(), [])
})

test('the memory of a pool of 2^64 addresses stays bounded while it is used up', () => {
  const shelf = new Shelf(pool('p', '2001:db8::/64'), 'ipv6', undefined, 8)
  for (let order = 0; order < 1_000; order += 1) {
    const position = shelf.choose(want('n/a'))!
    assert.equal(position.value & 0xffffn, BigInt(order))
    shelf.hold(position, want('n/a'))
    shelf.letGo(position.value, 'n/a')
    shelf.remember({ value: position.value, service: 'n/a', order })
  }
  assert.equal([...shelf.freed()].length, 8)
  assert.equal(shelf.longAgo().length, 1)
})

test('a Service that shares takes the first address with room for its ports, also after others left', () => {
  const shelf = new Shelf(pool('p', '192.0.2.1-192.0.2.9'), 'ipv4')
  for (let index = 0; index < 3; index += 1) shelf.hold(shelf.choose(want(`n/s${index}`, 80))!, want(`n/s${index}`, 80))
  const [first, second] = shelf.ranges.map(({ first: value }) => [value, value + 1n] as const)[0]!
  assert.equal(shelf.choose(want('n/x', 443))?.value, first)
  assert.equal(shelf.choose(want('n/x', 80))?.value, first + 3n)
  shelf.hold({ rangeIndex: 0, value: second }, want('n/t', 443))
  shelf.letGo(second, 'n/s1')
  assert.equal(shelf.choose(want('n/x', 80))?.value, second)
})

test('an address that begins to be shared is found, also in front of those searched before', () => {
  const shelf = new Shelf(pool('p', '192.0.2.1-192.0.2.3'), 'ipv4')
  const [first] = shelf.ranges.map((range) => range.first)
  for (const [key, index] of [
    ['n/a', 1n],
    ['n/b', 2n],
  ] as const) {
    shelf.hold({ rangeIndex: 0, value: first! + index }, want(key, 80))
  }
  shelf.hold({ rangeIndex: 0, value: first! }, want('n/c'))
  assert.equal(shelf.choose(want('n/x', 80)), undefined)
  shelf.letGo(first!, 'n/c')
  shelf.hold({ rangeIndex: 0, value: first! }, want('n/d', 443))
  assert.equal(shelf.choose(want('n/x', 80))?.value, first)
})

test('an interval set holds what was added and not taken out', () => {
  const operation = fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 5 }))
  fc.assert(
    fc.property(fc.array(operation), (operations) => {
      const intervals = new IntervalSet()
      const model = new Set<bigint>()
      for (const [adds, start, length] of operations) {
        const values = Array.from({ length: length + 1 }, (_, index) => BigInt(start + index))
        if (adds) {
          intervals.add(values[0]!, values.at(-1)!)
          for (const value of values) model.add(value)
        } else {
          assert.equal(intervals.remove(values[0]!), model.delete(values[0]!))
        }
      }
      const runs = intervals.toArray()
      const listed = runs.flatMap(({ first, last }) =>
        Array.from({ length: Number(last - first) + 1 }, (_, index) => first + BigInt(index)),
      )
      assert.deepEqual(
        listed,
        [...model].sort((a, b) => (a < b ? -1 : 1)),
      )
      runs.slice(1).forEach(({ first }, index) => assert.ok(first > runs[index]!.last + 1n))
      for (let value = 0n; value < 40n; value += 1n) {
        assert.equal(intervals.endOfRunAt(value), runs.find(({ first, last }) => first <= value && value <= last)?.last)
        assert.equal(
          intervals.firstFrom(value),
          listed.find((one) => one >= value),
        )
      }
    }),
    { numRuns: 200 },
  )
})
