import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { MapChange } from './sorted-map.ts'
import { mapDifference, SortedMap } from './sorted-map.ts'

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1)
const sorted = (map: ReadonlyMap<string, number>): readonly (readonly [string, number])[] => [...map].sort(byKey)

/** So many names that chunks come, go, and are joined. */
const name = fc.nat(900).map((number) => `team-${number % 7}/service-${number}`)
const value = fc.option(fc.nat(3), { freq: 3, nil: undefined })
const someChanges: fc.Arbitrary<readonly MapChange<number>[]> = fc.uniqueArray(fc.tuple(name, value), {
  selector: ([key]) => key,
  maxLength: 60,
})
const many = fc
  .nat(6)
  .map((turn): readonly MapChange<number>[] =>
    Array.from({ length: 300 }, (_, index) => [`team-${index % 7}/service-${index * 3}`, (index * turn) % 4]),
  )
const history = fc.array(fc.oneof({ weight: 5, arbitrary: someChanges }, { weight: 1, arbitrary: many }), {
  maxLength: 12,
})

test('a changed map has what an ordinary one would have, in order, and is the same however it came about', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const expected = new Map<string, number>()
      let map = SortedMap.empty<number>()
      const given: { readonly map: SortedMap<number>; readonly entries: readonly (readonly [string, number])[] }[] = []
      for (const changes of steps) {
        for (const [key, next] of changes) {
          if (next === undefined) expected.delete(key)
          else expected.set(key, next)
        }
        map = map.with(changes)
        given.push({ map, entries: sorted(expected) })
      }
      for (const { map: one, entries } of given) {
        assert.deepEqual([...one], entries)
        assert.equal(one.size, entries.length)
        assert.deepEqual(one, SortedMap.of(entries.toReversed()))
        for (const [key, there] of entries) assert.equal(one.get(key), there)
      }
      assert.equal(map.get('team-0/nothing'), undefined)
    }),
  )
})

test('the difference of two maps is what one has to be changed by to be the other, whatever sort they are', () => {
  fc.assert(
    fc.property(history, history, (steps, more) => {
      const before = steps.reduce((map, changes) => map.with(changes), SortedMap.empty<number>())
      const after = more.reduce((map, changes) => map.with(changes), before)
      const found = mapDifference(before, after)
      assert.deepEqual(
        [...found].sort((a, b) => (a.key < b.key ? -1 : 1)),
        [...mapDifference(new Map(before), new Map(after))].sort((a, b) => (a.key < b.key ? -1 : 1)),
      )
      for (const { key, before: old, after: fresh } of found) {
        assert.equal(old, before.get(key))
        assert.equal(fresh, after.get(key))
        assert.notEqual(old, fresh)
      }
      assert.deepEqual(before.with(found.map(({ key, after: fresh }) => [key, fresh])), after)
    }),
  )
})

test('a change among ten thousand leaves all other chunks as they are, and one that changes nothing the map', () => {
  const entries = Array.from({ length: 10_000 }, (_, index) => [`team-${index % 50}/service-${index}`, {}] as const)
  const map = SortedMap.of<object>(entries)
  const changed = map.with([['team-7/service-1007', {}]])
  const shared = changed.chunks.filter((chunk) => map.chunks.includes(chunk)).length
  assert.equal(shared, map.chunks.length - 1)
  assert.ok(Math.max(...map.chunks.map(({ keys }) => keys.length)) < 1000)
  assert.ok(map.chunks.length > 80)
  assert.equal(map.with([...entries, ['team-9/none', undefined]]), map)
})
