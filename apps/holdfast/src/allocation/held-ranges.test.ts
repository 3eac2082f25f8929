import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseManifest } from '@holdfast/cluster/manifests'
import type { Address } from '@holdfast/ip'
import { formatAddress, formatRange, parseAddress } from '@holdfast/ip'
import type { Plan } from '@holdfast/ipam'
import { emptyState } from '@holdfast/ipam'
import type { Model } from '@holdfast/model'
import { evaluate } from '@holdfast/model'
import { Allocation } from './allocation.ts'
import { rangesIn, withReserved } from './held-ranges.ts'
import { heldOver, withHeldOver } from './hold.ts'

function ip(text: string): Address {
  const address = parseAddress(text)
  assert.ok(address.ok)
  return address.value
}

const pool = (name: string, ...addresses: readonly string[]): string =>
  `apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: ${name}, namespace: metallb-system }
spec: { addresses: ${JSON.stringify(addresses)} }`

const service = (name: string, annotations: Readonly<Record<string, string>> = {}, ingress = ''): string =>
  `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop, uid: ${name}, annotations: ${JSON.stringify(annotations)} }
spec: { type: LoadBalancer, ports: [{ port: 80 }], clusterIPs: [10.96.0.1] }
status: { loadBalancer: { ingress: [${ingress === '' ? '' : `{ ip: ${ingress} }`}] } }`

function modelOf(...documents: readonly string[]): Model {
  const manifest = parseManifest('test.yaml', documents.join('\n---\n'))
  const { model, faults } = evaluate(manifest.objects, undefined)
  assert.deepEqual([...manifest.faults, ...faults], [])
  return model
}

const createAllocation = (state = emptyState) =>
  new Allocation(state, { loadBalancerClass: undefined, source: 'apiServer' })

const addressOf = ({ state }: Plan, name: string): string =>
  (state.assignments.get(`shop/${name}`)?.addresses ?? []).map(({ address }) => formatAddress(address)).join()

const partsOf = (pools: Model['pools'], key: string): readonly string[] => {
  const { given, held, reserved } = rangesIn(pools.get(`metallb-system/${key}`) ?? assert.fail())
  return [given, held, reserved].map((ranges) => ranges.map(formatRange).join())
}

test('pools without an address that is set aside are the same ones', () => {
  const { pools } = modelOf(pool('a', '192.0.2.0/28'), pool('b', '198.51.100.0/28', '2001:db8::/64'))
  assert.equal(withReserved(pools, []), pools)
  assert.equal(withReserved(pools, [ip('192.0.2.16')]), pools)
  const made = withReserved(pools, [ip('2001:db8::2'), ip('198.51.100.1'), ip('2001:db8::1'), ip('198.51.100.15')])
  assert.equal(made.get('metallb-system/a'), pools.get('metallb-system/a'))
  assert.deepEqual(partsOf(made, 'b'), [
    '198.51.100.0-198.51.100.0,198.51.100.2-198.51.100.14,2001:db8::-2001:db8::,2001:db8::3-2001:db8::ffff:ffff:ffff:ffff',
    '',
    '198.51.100.1-198.51.100.1,198.51.100.15-198.51.100.15,2001:db8::1-2001:db8::2',
  ])
  const more = withReserved(made, [ip('198.51.100.1'), ip('198.51.100.0')])
  assert.equal(partsOf(more, 'b')[2], `${partsOf(made, 'b')[2]},198.51.100.0-198.51.100.0`)
  assert.equal(withReserved(more, [ip('198.51.100.0')]), more)
})

test('an address that is set aside stays with who says that it has it, and is for nobody else', () => {
  const asks = (address: string) => ({ 'metallb.io/loadBalancerIPs': address })
  const documents = [
    service('has', {}, '192.0.2.1'),
    service('new'),
    service('asks', asks('192.0.2.0')),
    service('sharer', { 'metallb.io/allow-shared-ip': 'k', ...asks('192.0.2.1') }),
  ]
  const model = modelOf(pool('gold', '192.0.2.0/28'), ...documents)
  const pools = withReserved(model.pools, [ip('192.0.2.0'), ip('192.0.2.1')])
  const allocation = createAllocation()
  const { plan } = allocation.run({ ...model, pools })
  assert.deepEqual(
    ['has', 'new', 'asks', 'sharer'].map((name) => addressOf(plan, name)),
    ['192.0.2.1', '192.0.2.2', '', ''],
  )
  assert.deepEqual(plan.decisions.get('shop/asks'), {
    kind: 'refused',
    reason: 'addressReserved',
    message:
      '192.0.2.0 of pool "gold" is set aside by a controller that led before: it is free again within 20 minutes',
  })
  const { plan: then } = allocation.run(model)
  assert.deepEqual(
    ['has', 'new', 'asks'].map((name) => addressOf(then, name)),
    ['192.0.2.1', '192.0.2.2', '192.0.2.0'],
  )
})

test('what is held over stays so where it is set aside as well', () => {
  const first = modelOf(pool('gold', '192.0.2.0/28'), service('web'))
  const { plan } = createAllocation().run(first)
  const shrunk = modelOf(pool('gold', '192.0.2.8/29'), service('web'), service('new'))
  const held = withHeldOver(shrunk, heldOver(shrunk, plan.state.assignments.values()))
  const pools = withReserved(held.pools, [ip('192.0.2.0'), ip('192.0.2.8')])
  assert.deepEqual(partsOf(pools, 'gold'), ['192.0.2.9-192.0.2.15', '192.0.2.0-192.0.2.0', '192.0.2.8-192.0.2.8'])
  // For whoever asks where an address is, all of them are the pool's.
  const all = pools.get('metallb-system/gold')?.ranges.map(formatRange).toSorted()
  assert.deepEqual(all, ['192.0.2.0-192.0.2.0', '192.0.2.8-192.0.2.8', '192.0.2.9-192.0.2.15'])
  const { plan: next } = createAllocation(plan.state).run({ ...held, pools })
  assert.deepEqual([addressOf(next, 'web'), addressOf(next, 'new')], ['192.0.2.0', '192.0.2.9'])
})
