import { emptyState, encodeState, plan, withClaims } from '@holdfast/ipam'
import type { AllocationState, Plan } from '@holdfast/ipam'
import { evaluate, toPoolsMatching } from '@holdfast/model'
import type { Evaluation, Model } from '@holdfast/model'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Allocation } from './allocation.ts'
import type { RequestRules } from './requests.ts'
import { formatAddress } from '@holdfast/ip'
import type { Settings } from './testing/histories.ts'
import { poolSets, service, snapshotsOf, step } from './testing/histories.ts'
import { toRequest } from './requests.ts'

const rules: RequestRules = { loadBalancerClass: undefined, source: 'apiServer' }
/** The same by looking at everything: what each Service asks for, what is claimed, and a plan of all of it. */
function wholePlan(
  model: Model,
  state: AllocationState,
  known: ReadonlySet<string>,
): Plan & { readonly known: Set<string>; readonly oldPrefix: Set<string> } {
  const results = [...model.services].map(([key, one]) => ({
    key,
    one,
    result: toRequest(key, one, toPoolsMatching(model, one), rules),
  }))
  const ours = results.flatMap(({ key, one, result }) => (result.kind === 'request' ? [{ key, one, ...result }] : []))
  const claims = ours.flatMap(({ key, one: { meta, ingress } }) =>
    known.has(`${key} ${meta.uid}`) ? [] : [{ service: key, uid: meta.uid, addresses: ingress }],
  )
  const pools = Array.from(model.pools.values(), (one) => ({
    name: one.meta.ref.name,
    ranges: one.ranges,
    autoAssign: one.autoAssign,
    avoidBuggyIPs: one.avoidBuggyIPs,
    isRestricted: one.serviceAllocation !== undefined,
  }))
  const made = plan({ pools, services: ours.map(({ request }) => request), state: withClaims(state, claims) })
  return {
    ...made,
    known: new Set(ours.map(({ key, one }) => `${key} ${one.meta.uid}`)),
    oldPrefix: new Set(ours.flatMap(({ key, usesOldPrefix }) => (usesOldPrefix ? [key] : []))),
  }
}

test('a pass that looks at what changed comes to what one that looks at everything does', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), (steps) => {
      const allocation = new Allocation(emptyState, rules)
      let evaluation: Evaluation | undefined
      let whole = { ...wholePlan(evaluate([], undefined).model, emptyState, new Set()) }
      for (const objects of snapshotsOf(steps)) {
        evaluation = evaluate(objects, evaluation)
        const { plan: quick, services, oldPrefix } = allocation.run(evaluation.model)
        const { model } = evaluate(objects, undefined)
        whole = wholePlan(model, whole.state, whole.known)
        assert.deepEqual(encodeState(quick.state), encodeState(whole.state))
        assert.deepEqual(new Map(quick.decisions), new Map(whole.decisions))
        assert.deepEqual(quick.pools, whole.pools)
        assert.deepEqual(new Set(oldPrefix), whole.oldPrefix)
        const allocated = [...whole.decisions].flatMap(([key, decision]) =>
          decision.kind === 'assigned'
            ? [[key, { service: model.services.get(key), addresses: decision.addresses }] as const]
            : [],
        )
        assert.deepEqual(new Map(services), new Map(allocated))
      }
    }),
    { numRuns: 300 },
  )
})

test('a Service made anew under its name has nothing of the one before, but gets its address where it asks for none', () => {
  const asking = { annotations: { 'metallb.io/loadBalancerIPs': '10.0.0.0' } }
  const naming = { status: { loadBalancer: { ingress: [{ ip: '10.0.0.3' }] } } }
  const allocation = new Allocation(emptyState, rules)
  let evaluation: Evaluation | undefined
  const run = (settings: Settings, uid: string, pools = poolSets[0] ?? []): readonly string[] => {
    evaluation = evaluate([service('a', asking), service('b', settings, uid), ...pools], evaluation)
    const decision = allocation.run(evaluation.model).plan.decisions.get('shop/b')
    return decision?.kind === 'assigned' ? decision.addresses.map(({ address }) => formatAddress(address)) : []
  }
  assert.deepEqual(run({}, '1'), ['10.0.0.1'])
  assert.deepEqual(run(asking, '1'), ['10.0.0.1'], 'the same Service keeps what it has')
  assert.deepEqual(run(asking, '2'), [])
  assert.deepEqual(run({}, '3'), ['10.0.0.1'], 'the last that one of the name had')
  assert.deepEqual(run({}, '4'), ['10.0.0.1'])
  assert.deepEqual(run(naming, '5'), ['10.0.0.3'], 'its status has it from somebody else')
  assert.deepEqual(run(asking, '6', poolSets[1]), [], 'where pools change at the same time')
})

test('in manifests a Service is what its name says', () => {
  const allocation = new Allocation(emptyState, { ...rules, source: 'manifests' })
  const addressAfter = (uid: string, ...settings: readonly Settings[]): unknown => {
    const objects = settings.map((one, index) => service(`s${index}`, one, `${uid} ${index}`))
    const { plan } = allocation.run(evaluate([...objects, ...(poolSets[0] ?? [])], undefined).model)
    return plan.state.assignments.get('shop/s1')?.addresses.map(({ address }) => formatAddress(address))
  }
  const asking = { annotations: { 'metallb.io/loadBalancerIPs': '10.0.0.0' } }
  assert.deepEqual(addressAfter('1', {}, {}), ['10.0.0.1'])
  assert.deepEqual(addressAfter('2', {}, asking), ['10.0.0.1'])
})

test('a pass without any change gives the same maps', () => {
  const allocation = new Allocation(emptyState, rules)
  const objects = [service('a', {}), service('b', {}), ...(poolSets[0] ?? [])]
  const first = evaluate(objects, undefined)
  const one = allocation.run(first.model)
  const other = allocation.run(evaluate([...objects], first).model)
  assert.equal(other.services, one.services)
  assert.equal(other.plan.decisions, one.plan.decisions)
  assert.equal(other.oldPrefix, one.oldPrefix)
})
