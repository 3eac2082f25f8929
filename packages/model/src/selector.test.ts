import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluate } from './evaluate.ts'
import { selects, selectsAny } from './selector.ts'
import { advertisement } from './testing/objects.ts'
import type { LabelSelector } from './types.ts'

const labels = { app: 'web', tier: 'front', empty: '' }

type Expression = LabelSelector['matchExpressions'][number]

const selector = (...matchExpressions: readonly Expression[]): LabelSelector => ({ matchLabels: {}, matchExpressions })
const expression = (key: string, operator: Expression['operator'], ...values: string[]): Expression => ({
  key,
  operator,
  values,
})

test('expressions match as in Kubernetes', () => {
  const cases = [
    [expression('app', 'In', 'db', 'web'), true],
    [expression('app', 'In', 'db'), false],
    [expression('zone', 'In', 'a'), false],
    [expression('app', 'NotIn', 'db'), true],
    [expression('app', 'NotIn', 'web'), false],
    [expression('zone', 'NotIn', 'a'), true],
    [expression('empty', 'Exists'), true],
    [expression('zone', 'Exists'), false],
    [expression('zone', 'DoesNotExist'), true],
    [expression('app', 'DoesNotExist'), false],
    [expression('toString', 'Exists'), false],
  ] as const
  for (const [one, expected] of cases) assert.equal(selects(selector(one), labels), expected, JSON.stringify(one))
})

test('labels and expressions must all match, and an empty selector matches everything', () => {
  const web = { app: 'web' }
  assert.equal(selects({ matchLabels: web, matchExpressions: [expression('tier', 'Exists')] }, labels), true)
  assert.equal(selects({ matchLabels: web, matchExpressions: [expression('zone', 'Exists')] }, labels), false)
  assert.equal(selects({ matchLabels: { app: 'web', zone: 'a' }, matchExpressions: [] }, labels), false)
  assert.equal(selects(selector(), {}), true)
})

test('one of several selectors is enough, and none at all matches everything', () => {
  const [web, db] = [selector(expression('app', 'In', 'web')), selector(expression('app', 'In', 'db'))]
  assert.equal(selectsAny([db, web], labels), true)
  assert.equal(selectsAny([db], labels), false)
  assert.equal(selectsAny([], labels), true)
})

test('malformed selectors are faults at the field that is wrong, all of them', () => {
  const faultsOf = (nodeSelectors: unknown) =>
    evaluate([advertisement('x', { nodeSelectors })], undefined).faults.map(
      ({ path, code }) => `${path.slice('spec.nodeSelectors'.length)} ${code}`,
    )
  const expressions = (...matchExpressions: readonly object[]) => faultsOf([{ matchExpressions }])
  assert.deepEqual(expressions({ key: 'a' }), ['[0].matchExpressions[0].operator missing-field'])
  assert.deepEqual(expressions({ key: '-a', operator: 'NotIn', values: [] }), [
    '[0].matchExpressions[0].key invalid-selector',
    '[0].matchExpressions[0].values invalid-selector',
  ])
  assert.deepEqual(expressions({ key: 'a', operator: 'In', values: ['x', 'x', 'not valid'] }), [
    '[0].matchExpressions[0].values[1] duplicate-entry',
  ])
  assert.deepEqual(expressions({ key: 'a', operator: 'In', values: ['not valid'] }), [
    '[0].matchExpressions[0].values[0] invalid-selector',
  ])
  assert.deepEqual(expressions({ key: 'a', operator: 'Exists' }, { key: 'a', operator: 'Exists', values: [] }), [
    '[0].matchExpressions[1] duplicate-selector',
  ])
  assert.deepEqual(faultsOf([{ matchLabels: { 'a/b/c': 'x', a: 'not valid' } }]), [
    '[0].matchLabels.a invalid-selector',
    '[0].matchLabels["a/b/c"] invalid-selector',
  ])
  assert.deepEqual(faultsOf([{ matchLabel: { a: 'x' } }]), ['[0].matchLabel unknown-field'])
  assert.deepEqual(faultsOf([{ matchLabels: { a: '', 'example.com/b': 'C_d.e' } }, {}]), [])
})
