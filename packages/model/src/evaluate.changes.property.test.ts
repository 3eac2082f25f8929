import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { evaluate } from './evaluate.ts'
import { listDifference } from './list-difference.ts'
import { place, placeChanged } from './placement.ts'
import { object } from './testing/manifests.ts'
import { node, peer, pool, secret, service } from './testing/objects.ts'
import type { Evaluation, RawObject } from './types.ts'

// An evaluation that goes on from the one before looks at what changed; one that knows nothing but what was in force looks at all.

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
const anySlice = fc.tuple(name, fc.boolean(), fc.constantFrom('10.0.0.1', 7)).map(([n, ready, address]) =>
  object({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: n, namespace: 'shop', labels: { 'kubernetes.io/service-name': n } },
    endpoints: [{ addresses: [address], conditions: { ready } }],
  }),
)
const anyObject = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(name, fc.constantFrom(80, 443, 70_000)).map(([n, port]) => service(n, { ports: [{ port }] })),
  },
  { weight: 4, arbitrary: anySlice },
  { weight: 1, arbitrary: fc.tuple(name, fc.constantFrom('one', '')).map(([n, text]) => secret(n, text)) },
  { weight: 1, arbitrary: name.map((n) => node(n, { rack: n })) },
  {
    weight: 1,
    arbitrary: fc.tuple(name, fc.nat(3)).map(([n, at]) => pool(n, { addresses: [`192.0.2.${at * 8}/29`] })),
  },
  { weight: 1, arbitrary: fc.tuple(name, name).map(([n, of]) => peer(n, { passwordSecret: { name: of } })) },
)
/** What takes no place, several at once, and what cannot be read. */
const oddObject = fc.oneof(
  fc
    .constantFrom('Cow', 'NodeState')
    .map((kind) => object({ apiVersion: 'holdfast.dev/v1alpha1', kind, metadata: { name: 'x' } })),
  fc.constant(object({ apiVersion: 'v1', kind: 'Service', metadata: {} })),
  fc
    .array(anyObject, { maxLength: 3 })
    .map((some) => object({ apiVersion: 'v1', kind: 'List', items: some.map(({ value }) => value) })),
)

const labelOf = ({ value }: RawObject): string => {
  const { kind, metadata } = value as { readonly kind: string; readonly metadata: { readonly name: string } }
  return `${kind}/${metadata.name}`
}

/** One after another: each takes the place of one of the same name, goes away where that is the same, or comes anew. */
const changed = (objects: readonly RawObject[], change: RawObject, isLast: boolean): readonly RawObject[] => {
  const at = objects.findIndex((one) => labelOf(one) === labelOf(change))
  if (at < 0) return [...objects, change]
  if (isLast) return objects.toSpliced(at, 1)
  return objects.with(at, change)
}

const histories = fc.array(fc.array(fc.tuple(anyObject, fc.boolean()), { minLength: 1, maxLength: 4 }), {
  maxLength: 12,
})

test('an evaluation that goes on from the one before is the same as one that looks at everything', () => {
  fc.assert(
    fc.property(fc.uniqueArray(anyObject, { selector: labelOf, maxLength: 20 }), histories, (first, steps) => {
      let objects: readonly RawObject[] = first
      let evaluation = evaluate(objects, undefined)
      for (const step of steps) {
        for (const [change, isLast] of step) objects = changed(objects, change, isLast)
        const whole: Evaluation = evaluate(objects, { ...evaluation })
        const next = evaluate(objects, evaluation)
        assert.deepEqual(next, whole)
        evaluation = next
      }
    }),
    { numRuns: 300 },
  )
})

test('objects are placed from what changed as they are placed from all, or not at all', () => {
  const some = fc.array(fc.oneof({ weight: 5, arbitrary: anyObject }, { weight: 1, arbitrary: oddObject }), {
    maxLength: 12,
  })
  let taken = 0
  fc.assert(
    fc.property(some, some, fc.array(fc.nat(20), { maxLength: 20 }), (first, more, picks) => {
      const all = [...first, ...more]
      const second = picks.flatMap((pick) => all[pick % Math.max(all.length, 1)] ?? [])
      const before = place(first, undefined, () => undefined)
      const now = placeChanged(listDifference(first, second), before)
      if (now === undefined) return
      taken += 1
      const whole = place(second, before, () => undefined)
      // Findings are sorted later.
      const inAnyOrder = (parses: typeof now.faulty): ReadonlySet<unknown> => new Set(parses)
      assert.deepEqual(now.byKind, whole.byKind)
      assert.deepEqual(inAnyOrder(now.strays), inAnyOrder(whole.strays))
      assert.deepEqual(inAnyOrder(now.faulty), inAnyOrder(whole.faulty))
      assert.ok(whole.isPlain)
    }),
    { numRuns: 1000 },
  )
  assert.ok(taken > 50, String(taken))
})

test("the caller's list may change later: the next evaluation sees it", () => {
  const objects = [service('a', {}), service('b', {})]
  const first = evaluate(objects, undefined)
  objects.pop()
  const second = evaluate(objects, first)
  assert.deepEqual([...second.model.services.keys()].length, 1)
  assert.equal(evaluate(objects, second), second)
})
