import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseManifest } from '@holdfast/cluster/manifests'
import { formatAddress, formatRange } from '@holdfast/ip'
import type { AllocationState } from '@holdfast/ipam'
import { emptyState } from '@holdfast/ipam'
import { evaluate } from '@holdfast/model'
import { Allocation } from './allocation.ts'
import { heldOver, withHeldOver } from './hold.ts'

interface Settings {
  readonly annotations?: Readonly<Record<string, string>>
  readonly spec?: string
  readonly port?: number
  readonly type?: string
}

const both = 'clusterIPs: [10.96.0.1, "fd00:96::1"], ipFamilyPolicy: RequireDualStack'
const release = 'holdfast.dev/release-address'

const service = (
  name: string,
  { annotations = {}, spec = 'clusterIPs: [10.96.0.1]', port = 80, type = 'LoadBalancer' }: Settings = {},
): string =>
  `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop, uid: ${name}, annotations: ${JSON.stringify(annotations)} }
spec: { type: ${type}, ports: [{ port: ${port} }], ${spec} }`

const pool = (name: string, ...addresses: readonly string[]): string =>
  `apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: ${name}, namespace: metallb-system }
spec: { addresses: ${JSON.stringify(addresses)} }`

/** A controller with Hold: returns what each Service has, as `ADDRESS@POOL`, and what of it is held. */
function createHolder(state: AllocationState = emptyState) {
  let assignments = state.assignments
  const allocation = new Allocation(state, { loadBalancerClass: undefined, source: 'apiServer' })
  return (...documents: readonly string[]) => {
    const manifest = parseManifest('test.yaml', documents.join('\n---\n'))
    const { model, faults } = evaluate(manifest.objects, undefined)
    assert.deepEqual([...manifest.faults, ...faults], [])
    const held = heldOver(model, assignments.values())
    const { plan } = allocation.run(withHeldOver(model, held))
    const ranges = (name: string): readonly string[] =>
      [...withHeldOver(model, held).pools.values()]
        .filter(({ meta }) => meta.ref.name === name)
        .flatMap((one) => one.ranges.map(formatRange))
    ;({ assignments } = plan.state)
    const of = (name: string): string =>
      (assignments.get(`shop/${name}`)?.addresses ?? [])
        .map(({ address, pool: from }) => `${formatAddress(address)}@${from}`)
        .join(' ')
    return {
      of,
      held: held.map(({ placed }) => formatAddress(placed.address)),
      plan,
      ranges,
      otherPool: held[0]?.otherPool,
    }
  }
}

const [v4, v6] = ['192.0.2.0/31', '2001:db8::/127']
const whole = pool('a', v4, v6)
const [have4, have6] = ['192.0.2.0', '2001:db8::']
const pair = `${have4}@a ${have6}@a`

const splits: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['the IPv6 range goes to another pool', [pool('a', v4), pool('b', v6)], [have6]],
  ['the IPv4 range goes to another pool', [pool('a', v6), pool('b', v4)], [have4]],
  ['both go, to two', [pool('b', v4), pool('c', v6)], [have4, have6]],
  ['the pool keeps IPv4 only', [pool('a', v4)], [have6]],
  ['one goes to another pool, the other to none', [pool('b', v4)], [have4, have6]],
]
for (const [name, split, held] of splits) {
  for (const policy of ['RequireDualStack', 'PreferDualStack']) {
    test(`a pair (${policy}) stays together in the pool that gave it: ${name}`, () => {
      const run = createHolder()
      const web = service('web', { spec: both.replace('RequireDualStack', policy) })
      assert.equal(run(web, whole).of('web'), pair)
      for (const now of [run(web, ...split), run(web, ...split)]) {
        assert.equal(now.of('web'), pair)
        assert.deepEqual(now.held, held)
        assert.deepEqual(
          now.plan.changes.filter(({ kind }) => kind === 'cleared'),
          [],
        )
      }
      const again = run(web, whole)
      assert.deepEqual([again.of('web'), again.held], [pair, []])
    })
  }
}

test('what is held of a pair is named with the pool that has it, and that one gives it to nobody', () => {
  const run = createHolder()
  const web = service('web', { spec: both })
  const six = service('six', { spec: 'clusterIPs: ["fd00:96::2"]' })
  run(web, whole)
  const now = run(web, six, pool('a', v4), pool('b', '2001:db8::/128'))
  assert.equal(now.otherPool, 'b')
  assert.equal(now.of('six'), '')
  assert.equal(now.plan.pools.get('b')?.availableIPv6, 0n)
})

test('a pair that is in one pool again, another one, is of that one', () => {
  const run = createHolder()
  const web = service('web', { spec: both })
  run(web, whole)
  run(web, pool('a', v4), pool('b', v6))
  const now = run(web, pool('b', v4, v6))
  assert.deepEqual([now.of('web'), now.held], [`${have4}@b ${have6}@b`, []])
})

test('a pair that is released goes, whichever of the two is named', () => {
  for (const address of [have4, have6]) {
    const run = createHolder()
    run(service('web', { spec: both }), whole)
    const split = [pool('a', v4), pool('b', v6)]
    run(service('web', { spec: both }), ...split)
    const now = run(
      service('web', { spec: both, annotations: { [release]: address } }),
      ...split,
      pool('c', '198.51.100.0/31', '2001:db8:1::/127'),
    )
    assert.deepEqual([now.of('web'), now.held], ['198.51.100.0@c 2001:db8:1::@c', []])
  }
})

test('a pair is held by the next controller too', () => {
  const first = createHolder()
  const web = service('web', { spec: both })
  first(web, whole)
  const split = [pool('a', v4), pool('b', v6)]
  const { plan } = first(web, ...split)
  assert.equal(createHolder(plan.state)(web, ...split).of('web'), pair)
})

test('who asks for the pool by name that gave its address stays with it, though another pool has the address by now', () => {
  const run = createHolder()
  const web = service('web', { annotations: { 'metallb.io/address-pool': 'a' } })
  run(web, pool('a', '192.0.2.0/31'))
  const moved = [pool('a', '198.51.100.0/31'), pool('b', '192.0.2.0/31')]
  const now = run(web, ...moved)
  assert.deepEqual([now.of('web'), now.held], ['192.0.2.0@a', ['192.0.2.0']])
  const asksOther = service('web', { annotations: { 'metallb.io/address-pool': 'b' } })
  const then = run(asksOther, ...moved)
  assert.deepEqual([then.of('web'), then.held], ['192.0.2.0@b', []])
})

test('who asks for nothing keeps its address from the pool that has it by now, without being held', () => {
  const run = createHolder()
  run(service('web'), whole)
  const now = run(service('web'), pool('b', v4))
  assert.deepEqual([now.of('web'), now.held], ['192.0.2.0@b', []])
})

test('an address that is held is given to nobody else when its holder goes, or asks for something else', () => {
  const leavings: Readonly<Record<string, readonly string[]>> = {
    gone: [],
    'of another type': [service('web', { type: 'ClusterIP' })],
    'asks for another pool': [service('web', { annotations: { 'metallb.io/address-pool': 'b' } })],
  }
  for (const [name, left] of Object.entries(leavings)) {
    const run = createHolder()
    const waiting = service('xyz')
    const small = [pool('a', '192.0.2.8/32')]
    run(service('web'), pool('a', '192.0.2.0/32'))
    const before = run(service('web'), service('abc'), waiting, ...small)
    assert.deepEqual([before.of('web'), before.of('abc'), before.of('xyz')], ['192.0.2.0@a', '192.0.2.8@a', ''], name)
    const now = run(...left, service('abc'), waiting, ...small)
    assert.equal(now.of('xyz'), '', name)
  }
})

test('an address that is held is given to nobody else while it is held, nor when its holder moves on', () => {
  const sharing = { 'metallb.io/allow-shared-ip': 'key' }
  const newcomers: Readonly<Record<string, Settings>> = {
    'asks for it': { annotations: { 'metallb.io/loadBalancerIPs': '192.0.2.0' } },
    'would share it': { annotations: sharing, port: 81 },
    'asks for it, to share it': {
      annotations: { ...sharing, 'metallb.io/loadBalancerIPs': '192.0.2.0' },
      port: 81,
    },
    'takes what there is': {},
  }
  for (const [name, settings] of Object.entries(newcomers)) {
    const run = createHolder()
    const small = pool('a', '192.0.2.8/32')
    const others = [service('abc'), service('xyz', settings)]
    const moving = { ...sharing, 'metallb.io/loadBalancerIPs': '192.0.2.9' }
    run(service('web', { annotations: sharing }), pool('a', '192.0.2.0/32'))
    const held = run(service('web', { annotations: sharing }), ...others, small)
    assert.deepEqual([held.of('web'), held.of('abc'), held.of('xyz')], ['192.0.2.0@a', '192.0.2.8@a', ''], name)
    assert.deepEqual(
      [held.plan.pools.get('a')?.assignedIPv4, held.plan.pools.get('a')?.availableIPv4],
      [2n, 0n],
      'the pool says so',
    )
    const moved = run(service('web', { annotations: moving }), ...others, pool('a', '192.0.2.8/31'))
    assert.equal(moved.of('web'), '192.0.2.9@a', name)
    assert.notEqual(moved.of('xyz'), '192.0.2.0@a', name)
  }
})

test('who left a held address has it back where the pool does', () => {
  const run = createHolder()
  const [large, small] = [pool('a', '192.0.2.0/31'), pool('a', '192.0.2.1/32')]
  run(service('abc'), large)
  run(service('abc'), small)
  run(small)
  assert.equal(run(service('abc'), pool('a', '192.0.2.0/31')).of('abc'), '192.0.2.0@a')
})

test('held addresses that stand side by side make one range: looking one up costs as many steps as there are ranges', () => {
  const run = createHolder()
  const services = ['a', 'b', 'c', 'd', 'e'].map((name) => service(name))
  run(...services, pool('a', '192.0.2.0-192.0.2.2', '192.0.2.7-192.0.2.8'))
  const now = run(...services, pool('a', '192.0.2.1/32'))
  assert.deepEqual(now.ranges('a'), [
    '192.0.2.1-192.0.2.1',
    '192.0.2.0-192.0.2.0',
    '192.0.2.2-192.0.2.2',
    '192.0.2.7-192.0.2.8',
  ])
})
