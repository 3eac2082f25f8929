import type { KubeObject } from '@holdfast/cluster'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { notToldYet } from './announced-claim.ts'
import { assignedCondition, poolAnnotation } from './service-object.ts'
import type { ServiceStatus } from './service-status.ts'
import { farewellPatch, statusPatch } from './service-status.ts'
import { stepTowards } from './wanted-status.ts'

const now = '2026-01-01T00:00:01Z'
const before = '2026-01-01T00:00:00Z'
const others = { type: 'example.com/Theirs', status: 'True', reason: 'X', message: '', lastTransitionTime: before }
const ours = { type: assignedCondition, status: 'True', reason: 'Assigned', message: 'm', lastTransitionTime: before }

/** What is said along with the first status: docs/reference/conditions-and-annotations.md. */
const untold = { ...notToldYet, lastTransitionTime: now }

const service = (ingress: readonly object[], conditions: readonly object[] = [], pool?: string): KubeObject => ({
  metadata: {
    name: 'web',
    namespace: 'shop',
    uid: 'u',
    resourceVersion: '7',
    ...(pool === undefined ? {} : { annotations: { [poolAnnotation]: pool } }),
  },
  spec: { type: 'LoadBalancer' },
  status: { loadBalancer: { ingress }, conditions },
})

const wanted = (...ingress: string[]): ServiceStatus => ({
  ingress,
  pool: 'gold',
  conditions: [{ type: assignedCondition, status: 'True', reason: 'Assigned', message: 'm' }],
})

test('the patch is for exactly this version of this Service', () => {
  const patch = statusPatch(service([]), wanted('192.0.2.1'), { now })
  assert.deepEqual(patch, {
    metadata: { uid: 'u', resourceVersion: '7', annotations: { [poolAnnotation]: 'gold' } },
    status: {
      loadBalancer: { ingress: [{ ip: '192.0.2.1' }] },
      conditions: [{ ...ours, lastTransitionTime: now }, untold],
    },
  })
})

test('what is said already is not written, whatever others add to it', () => {
  const ingress = [
    { ip: '2001:db8::1', ipMode: 'VIP' },
    { ip: '192.0.2.1', ports: [] },
  ]
  assert.equal(
    statusPatch(service(ingress, [others, ours], 'gold'), wanted('192.0.2.1', '2001:db8::1'), { now }),
    undefined,
  )
})

test("others' conditions stay, and a condition that is as it was keeps its time", () => {
  const status: ServiceStatus = {
    ...wanted('192.0.2.1'),
    conditions: [{ type: assignedCondition, status: 'True', reason: 'NoAdditionalIP', message: 'n' }],
  }
  const patch = statusPatch(service([{ ip: '192.0.2.1' }], [others, ours], 'gold'), status, { now })
  assert.deepEqual(patch?.['status'], {
    conditions: [others, { ...ours, reason: 'NoAdditionalIP', message: 'n' }, untold],
  })
})

test('to clear is to remove the field, also what is no address', () => {
  const none: ServiceStatus = { ...wanted(), pool: undefined }
  const patch = statusPatch(service([{ hostname: 'x.example.com' }], [ours], 'gold'), none, { now })
  assert.deepEqual(patch, {
    metadata: { uid: 'u', resourceVersion: '7', annotations: { [poolAnnotation]: null } },
    status: { loadBalancer: { ingress: null } },
  })
})

test('a forced patch changes something although nothing is to be said', () => {
  const object = service([{ ip: '192.0.2.1' }], [ours], 'gold')
  const patch = statusPatch(object, wanted('192.0.2.1'), { now, isForced: true })
  assert.deepEqual(patch?.['status'], { conditions: [{ ...ours, lastTransitionTime: now }, untold] })
})

test('a Service that leaves keeps what is not ours', () => {
  const object = service([{ ip: '192.0.2.1' }], [others, ours], 'gold')
  assert.deepEqual(farewellPatch(object, false, { now }), {
    metadata: { uid: 'u', resourceVersion: '7', annotations: { [poolAnnotation]: null } },
    status: { loadBalancer: { ingress: null }, conditions: [others] },
  })
  assert.deepEqual(farewellPatch(object, true, { now })?.['status'], { conditions: [others] })
  assert.equal(farewellPatch(service([], [others]), true, { now }), undefined)
  assert.notEqual(farewellPatch(service([], [others]), true, { now, isForced: true }), undefined)
})

const wish = (...addresses: string[]) => ({
  addresses,
  pool: 'gold',
  condition: { type: assignedCondition, status: 'True', reason: 'Assigned', message: 'm' } as const,
  isHeldOver: false,
})

test('a status names no address before a block grants it, and both of a pair or none', () => {
  assert.equal(
    stepTowards(wish('192.0.2.1', '2001:db8::1'), [], (address) => address === '192.0.2.1'),
    undefined,
  )
  assert.equal(stepTowards(wish('192.0.2.1'), [], () => true)?.isComplete, true)
})

test('what a Service is to leave goes from its status although what it gets instead is not there yet', () => {
  const step = stepTowards(wish('192.0.2.2'), ['192.0.2.1'], () => false)
  assert.deepEqual(step?.status.ingress, [])
  assert.equal(step.isComplete, false)
  assert.equal(step.status.conditions[0]?.reason, 'Moving')
})
