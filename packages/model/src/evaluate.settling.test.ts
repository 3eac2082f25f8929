import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatRange } from '@holdfast/ip'
import { evaluate } from './evaluate.ts'
import { object } from './testing/manifests.ts'
import { pool } from './testing/objects.ts'
import type { Evaluation, RawObject } from './types.ts'

const at = (first: number, last = first): string => `192.0.2.${first}-192.0.2.${last}`
const named = (name: string, ...addresses: readonly string[]): RawObject => pool(name, { addresses })

/** What each pool holds, and what is reported of whom. */
const summary = ({ model, faults }: Evaluation) => ({
  inForce: Object.fromEntries(
    [...model.pools.values()].map(({ meta, ranges }) => [
      meta.ref.name,
      `${ranges.map(formatRange).join(' ')}${meta.isStale ? ' stale' : ''}`,
    ]),
  ),
  faults: faults.map(({ object: { name }, message }) => `${name}: ${message}`),
})

/** Evaluates, and makes sure that reading the same once more changes nothing. */
function settled(objects: readonly RawObject[], previous: Evaluation | undefined): Evaluation {
  const evaluation = evaluate(objects, previous)
  const readAnew = objects.map(({ value }) => object(structuredClone(value)))
  assert.deepEqual(evaluate(readAnew, evaluation), evaluation)
  return evaluation
}

const before = [named('b', at(0)), named('c', at(48), '2001:db8::/64')]

test('a changed pool is not kept out by the version of another one that had to return itself', () => {
  const after = [named('b', at(40, 48), at(0)), named('c', at(48))]
  assert.deepEqual(summary(settled(after, settled(before, undefined))), {
    inForce: { b: `${at(0)} stale`, c: at(48) },
    faults: ['b: 192.0.2.40-192.0.2.48 overlaps 192.0.2.48/32 of IPAddressPool "metallb-system/c", addresses[0].'],
  })
})

test('nor does it come in only at the next reading, when a newcomer keeps the other one out', () => {
  const after = [named('b', at(40, 48), at(0)), named('c', at(48)), named('a', at(8, 40))]
  assert.deepEqual(summary(settled(after, settled(before, undefined))), {
    inForce: { a: at(8, 40), b: `${at(0)} stale`, c: at(48) },
    faults: [
      'b: 192.0.2.40-192.0.2.48 overlaps 192.0.2.48/32 of IPAddressPool "metallb-system/c", addresses[0].',
      'b: 192.0.2.40-192.0.2.48 overlaps 192.0.2.8-192.0.2.40 of IPAddressPool "metallb-system/a", addresses[0].',
    ],
  })
})

test('a changed pool that comes in late still comes before a newcomer', () => {
  const after = [named('b', at(40, 48), at(0)), named('c', at(48), at(60)), named('a', at(60))]
  const { inForce } = summary(settled(after, settled(before, undefined)))
  assert.deepEqual(inForce, { b: `${at(0)} stale`, c: `${at(48)} ${at(60)}` })
})

test('a newcomer gets what a changed pool gave up that came in late', () => {
  const after = [named('b', at(40, 48), at(0)), named('c', at(48)), named('a', '2001:db8::/64')]
  const { inForce } = summary(settled(after, settled(before, undefined)))
  assert.deepEqual(inForce, { a: '2001:db8::-2001:db8::ffff:ffff:ffff:ffff', b: `${at(0)} stale`, c: at(48) })
})
