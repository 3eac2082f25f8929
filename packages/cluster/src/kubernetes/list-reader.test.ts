import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createListReader } from './list-reader.ts'
import { withoutFields } from './plain-data.ts'

/** What a reader gives of a text that comes in pieces of so many octets. */
function read(
  text: string,
  pieceBytes: number,
  isWithoutManagedFields = false,
): { readonly taken: readonly unknown[]; readonly list: unknown } {
  const taken: unknown[] = []
  const reader = createListReader({ take: (item) => taken.push(item), isWithoutManagedFields }, 1)
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.push(bytes.subarray(at, at + pieceBytes))
  return { taken, list: reader.end()?.value }
}

const listOf = (items: readonly unknown[]): object => ({
  kind: 'ServiceList',
  apiVersion: 'v1',
  metadata: { resourceVersion: '7', continue: 'more' },
  items,
})
const named = (name: string, more: object = {}): object => ({ metadata: { name }, ...more })

test('every item but the last is given as soon as the next one has begun', () => {
  const items = ['one', 'two', 'three'].map((name) => named(name, { spec: { ports: [{ port: 80 }, { port: 443 }] } }))
  const text = JSON.stringify(listOf(items))
  const taken: unknown[] = []
  const reader = createListReader({ take: (item) => taken.push(item), isWithoutManagedFields: false }, 1)
  const third = text.indexOf(JSON.stringify(items[2]))
  reader.push(Buffer.from(text.slice(0, third + 20)))
  assert.deepEqual(taken, items.slice(0, 2))
  reader.push(Buffer.from(text.slice(third + 20)))
  assert.deepEqual(reader.end()?.value, listOf(items.slice(2)))
})

test('what comes before the items is told once, and before the first of them', () => {
  const told: unknown[] = []
  const take = (item: unknown): void => void told.push(item)
  const begin = (list: unknown): void => void told.push(list)
  const reader = createListReader({ take, isWithoutManagedFields: false, begin }, 1)
  for (const byte of Buffer.from(JSON.stringify(listOf([named('one'), named('two'), named('three')])))) {
    reader.push(Buffer.of(byte))
  }
  assert.deepEqual(told.slice(0, 2), [listOf([]), named('one')])
})

test('items of a custom resource, which say of which kind they are, are given too', () => {
  const items = ['one', 'two', 'three'].map((name) => ({
    apiVersion: 'metallb.io/v1beta1',
    kind: 'Pool',
    ...named(name),
  }))
  const list = { apiVersion: 'metallb.io/v1beta1', items, kind: 'PoolList', metadata: { resourceVersion: '7' } }
  assert.deepEqual(read(JSON.stringify(list), 50).taken, items.slice(0, 2))
})

test('a text that is like the border of two items is none within an item', () => {
  const items = [
    named('one', { spec: { list: [named('inner'), named('other')], text: '},{"metadata":{' } }),
    named('two', { status: { items: [named('x'), named('y')] } }),
    named('three'),
  ]
  for (const pieceBytes of [1, 7, 10_000]) {
    const { taken, list } = read(JSON.stringify(listOf(items)), pieceBytes)
    assert.ok(taken.length > 0)
    assert.deepEqual(taken, items.slice(0, taken.length))
    assert.deepEqual(list, listOf(items.slice(taken.length)))
  }
})

test('a list that is written in another way is read all the same, in one piece', () => {
  const items = [named('one'), named('two')]
  for (const text of [JSON.stringify(listOf(items), undefined, 2), JSON.stringify({ other: listOf(items), items })]) {
    assert.deepEqual(read(text, 5), { taken: [], list: JSON.parse(text) as unknown })
  }
})

test('what is cut off, or no JSON, is no list', () => {
  const text = JSON.stringify(listOf([named('one'), named('two'), named('three')]))
  for (let length = 0; length < text.length; length += 1) assert.equal(read(text.slice(0, length), 9).list, undefined)
  assert.equal(read('<html></html>', 4).list, undefined)
})

test('whatever a list says, and wherever its text is cut, nothing of it is lost, changed or put in another order', () => {
  const border = '},{"metadata":{"items":['
  const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom(border, `"${border}`, '\\', '"items":[', ']}'))
  const value = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 4 }, text, fc.integer(), fc.constant(null), tie('list'), tie('item'), tie('fields')),
    list: fc.array(tie('value'), { maxLength: 4 }),
    fields: fc.dictionary(text, tie('value'), { maxKeys: 4 }),
    item: fc.record({ metadata: fc.dictionary(text, tie('value'), { maxKeys: 3 }), spec: tie('value') }),
  }))
  const list = fc.record({
    metadata: fc.dictionary(text, value.value, { maxKeys: 2 }),
    items: fc.array(fc.oneof({ weight: 4, arbitrary: value.item }, value.value), { maxLength: 8 }),
    more: value.value,
  })
  fc.assert(
    fc.property(list, fc.integer({ min: 1, max: 40 }), (whole, pieceBytes) => {
      const json = JSON.stringify(whole)
      const { taken, list: rest } = read(json, pieceBytes)
      const parsed = JSON.parse(json) as { readonly items: readonly unknown[] }
      assert.deepEqual(rest, { ...parsed, items: parsed.items.slice(taken.length) })
      assert.deepEqual(taken, parsed.items.slice(0, taken.length))
    }),
    { numRuns: 500 },
  )
})

test('items come without managedFields where nobody reads them, whatever else is in them', () => {
  const managedFields = [
    { manager: 'a"b', fieldsV1: { 'f:spec': { 'k:{"port":80}': {}, 'v:["}],[{\\"]': {} } } },
    { manager: '\\', time: '2026-01-01T00:00:00Z' },
  ]
  const metadata = { name: 'one', labels: { text: ',"managedFields":[' }, managedFields }
  const one = [
    { metadata, spec: { text: '"managedFields":[]' } },
    { metadata: { name: 'two', managedFields: [], uid: 'u' } },
    { metadata: { name: 'three', annotations: { a: '}],"managedFields":[{' } } },
  ]
  const items = [...one, ...one, ...one]
  const without = items.map((item) => ({ ...item, metadata: withoutFields(item.metadata, 'managedFields') }))
  for (const pieceBytes of [1, 7, 10_000]) {
    const { taken } = read(JSON.stringify(listOf(items)), pieceBytes, true)
    assert.ok(taken.length > 0)
    assert.deepEqual(taken, without.slice(0, taken.length))
  }
})
