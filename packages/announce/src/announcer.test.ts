import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatPrefix } from '@holdfast/ip'
import type { BGPAdvertisement, BGPPeer, EndpointSlice, LabelSelector, Node } from '@holdfast/model'
import fc from 'fast-check'
import { createAnnouncer, planNode } from './announcer.ts'
import { carriesFamily } from './peers.ts'
import type { Parts } from './testing/build.ts'
import {
  advertisement,
  allocated,
  endpoint,
  inputOf,
  labelled,
  large,
  node,
  peer,
  pool,
  service,
  slice,
  standard,
} from './testing/build.ts'
import { naivePlan, planText } from './testing/naive-plan.ts'
import type { AllocatedService, AnnounceInput, NodePlan } from './types.ts'

const excludeLabel = 'node.kubernetes.io/exclude-from-external-load-balancers'
const pools = [
  pool('blue', ['192.0.2.0/24', '2001:db8:1::/64'], { tier: 'gold' }),
  pool('green', ['198.51.100.0/24', '2001:db8:2::/64'], { tier: 'tin' }),
]
/** Some are in a common /24 or /64, one is in no pool, one comes under the name of another pool. */
const addresses4 = ['192.0.2.1 blue', '192.0.2.2 blue', '198.51.100.1 green', '198.51.100.2 blue', '203.0.113.1 blue']
const addresses6 = ['2001:db8:1::1 blue', '2001:db8:1::2 blue', '2001:db8:2::1 green']

const often = <T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(usual, ...others) })
const none: readonly LabelSelector[] = []
const gold = labelled({ tier: 'gold' })

const someAdvertisement = fc.record({
  aggregationLength: often(32, 24),
  aggregationLengthV6: often(128, 64),
  localPref: often<number | undefined>(undefined, 0, 50, 100, 300),
  communities: fc.subarray([standard(1, 1), standard(2, 2), standard(3, 3), large(4, 4, 4)]),
  ipAddressPools: often<readonly string[]>([], ['blue'], ['green', 'gone'], ['gone']),
  ipAddressPoolSelectors: often(none, [gold], [gold, labelled({ tier: 'tin' })]),
  nodeSelectors: often(none, [labelled({ zone: 'a' })], [labelled({ zone: 'b' })]),
  peers: often<readonly string[]>([], ['r4'], ['r6', 'dual'], ['gone']),
  serviceSelectors: often(none, [labelled({ app: 'web' })], [labelled({ app: 'api' })]),
}) satisfies fc.Arbitrary<Partial<BGPAdvertisement>>

const somePeers: fc.Arbitrary<BGPPeer[]> = fc.subarray([
  peer('r4', '203.0.113.1'),
  peer('far', '203.0.113.2', { nodeSelectors: [labelled({ zone: 'b' })] }),
  peer('r6', '2001:db8:f::1'),
  peer('dual', '203.0.113.3', { dualStackAddressFamily: true }),
  peer('unnumbered', undefined, { nodeSelectors: [labelled({ zone: 'a' })] }),
])

const someNode: fc.Arbitrary<Node> = often(
  node('node-a', { zone: 'a' }),
  node('node-a'),
  node('node-a', { zone: 'b' }),
  node('node-a', { [excludeLabel]: '' }),
  node('node-a', { zone: 'a' }, true),
  node('node-x', { zone: 'a' }),
)

const someService = (name: string): fc.Arbitrary<AllocatedService> =>
  fc
    .record({
      type: often('LoadBalancer', 'ClusterIP'),
      externalTrafficPolicy: fc.constantFrom('Cluster' as const, 'Local' as const),
      labels: fc.constantFrom({}, { app: 'web' }, { app: 'api' }),
      held4: fc.option(fc.constantFrom(...addresses4), { nil: undefined }),
      held6: fc.option(fc.constantFrom(...addresses6), { nil: undefined }),
    })
    .map(({ held4, held6, ...fields }) =>
      allocated(service(name, fields), ...[held4, held6].filter((held) => held !== undefined)),
    )

const someSlice = (name: string, of: string): fc.Arbitrary<EndpointSlice> =>
  fc
    .array(
      fc.record({
        nodeName: often<string | undefined>('node-a', 'node-b', undefined),
        isHealthy: often(true, false),
        addresses: often<readonly string[]>(['10.0.0.1'], []),
      }),
      { maxLength: 3 },
    )
    .map((endpoints) =>
      slice(
        name,
        of,
        endpoints.map((fields) => endpoint(fields.nodeName, fields)),
      ),
    )

const names = ['s0', 's1', 's2', 's3', 's4', 's5']

const someParts: fc.Arbitrary<Parts> = fc.record({
  pools: fc.constant(pools),
  advertisements: fc
    .array(someAdvertisement, { maxLength: 4 })
    .map((list) => list.map((fields, index) => advertisement(`adv-${index}`, fields))),
  peers: somePeers,
  nodes: someNode.map((one) => [one, node('node-b', { zone: 'b' })]),
  services: fc.tuple(...names.map(someService)).chain((all) => fc.subarray(all)),
  slices: fc
    .tuple(...names.flatMap((name) => [someSlice(`${name}-1`, name), someSlice(`${name}-2`, name)]))
    .chain((all) => fc.subarray(all)),
  ignoreExcludeLB: often(false, true),
})

test('a plan is what the plain model of the rules says', () => {
  fc.assert(
    fc.property(someParts, (parts) => {
      const input = inputOf('node-a', parts)
      assert.deepEqual(planText(planNode(input)), naivePlan(input))
    }),
    { numRuns: 1000 },
  )
})

test('a plan does not depend on the order of its inputs', () => {
  const reverse = (part: unknown): unknown => (Array.isArray(part) ? part.toReversed() : part)
  const reversed = (parts: Parts): Parts =>
    Object.fromEntries(Object.entries(parts).map(([key, part]) => [key, reverse(part)]))
  fc.assert(
    fc.property(someParts, (parts) => {
      const plan = planNode(inputOf('node-a', parts))
      const other = planNode(inputOf('node-a', reversed(parts)))
      assert.deepEqual(other, plan)
      assert.deepEqual([...other.routes.keys()], [...plan.routes.keys()])
    }),
  )
})

const someDice = fc.array(fc.nat({ max: 3 }), { minLength: 24, maxLength: 24 })

/** Parts that come after others: each is either kept, as the same object, or replaced. */
const someHistory: fc.Arbitrary<readonly Parts[]> = fc
  .tuple(someParts, fc.array(fc.record({ next: someParts, dice: someDice }), { maxLength: 6 }))
  .map(([start, changes]) => {
    const history = [start]
    for (const { next, dice } of changes) history.push(mixed(history.at(-1) ?? start, next, dice))
    return history
  })

function mixed(before: Parts, next: Parts, dice: readonly number[]): Parts {
  let thrown = 0
  const isReplaced = (): boolean => dice[thrown++ % dice.length] === 0
  const mix = <T>(old: readonly T[] = [], fresh: readonly T[] = [], keyOf: (one: T) => string): readonly T[] => {
    const freshByKey = new Map(fresh.map((one) => [keyOf(one), one]))
    const kept = old.flatMap((one) => {
      if (!isReplaced()) return [one]
      const other = freshByKey.get(keyOf(one))
      return other === undefined ? [] : [other]
    })
    const oldKeys = new Set(old.map(keyOf))
    return [...kept, ...fresh.filter((one) => !oldKeys.has(keyOf(one)) && isReplaced())]
  }
  const byName = (one: { readonly meta: { readonly ref: { readonly name: string } } }): string => one.meta.ref.name
  // Mostly only Services and endpoints change, which is what an announcer remembers across.
  const settings = isReplaced() && isReplaced() ? next : before
  return {
    pools,
    advertisements: mix(before.advertisements, settings.advertisements, byName),
    peers: settings.peers ?? [],
    nodes: settings.nodes ?? [],
    ignoreExcludeLB: settings.ignoreExcludeLB ?? false,
    services: mix(before.services, next.services, (one) => byName(one.service)),
    slices: mix(before.slices, next.slices, byName),
  }
}

/** A clone has no methods: decisions are compared as a list. */
const listed = ({ routes, decisions }: NodePlan): object => ({ routes, decisions: [...decisions] })

test('an announcer that remembers gives what a fresh one would, and old plans stay as they were', () => {
  fc.assert(
    fc.property(someHistory, (history) => {
      const announce = createAnnouncer()
      const given = history.map((parts) => {
        const plan = announce(inputOf('node-a', parts))
        return { plan, before: structuredClone(listed(plan)), pure: planNode(inputOf('node-a', parts)) }
      })
      for (const { plan, before, pure } of given) {
        assert.deepEqual(plan, pure)
        assert.deepEqual(listed(plan), before)
      }
    }),
    { numRuns: 400 },
  )
})

test('a peer gets only routes of families that it carries, from advertisements that name it', () => {
  fc.assert(
    fc.property(someParts, (parts) => {
      for (const [name, routes] of planNode(inputOf('node-a', parts)).routes) {
        const to = parts.peers?.find((one) => one.meta.ref.name === name)
        assert.ok(to)
        const lengths = (parts.advertisements ?? [])
          .filter((one) => one.peers.length === 0 || one.peers.includes(name))
          .flatMap((one) => [`ipv4/${one.aggregationLength}`, `ipv6/${one.aggregationLengthV6}`])
        for (const { prefix } of routes) {
          assert.ok(carriesFamily(to, prefix.address.family))
          assert.ok(lengths.includes(`${prefix.address.family}/${prefix.length}`))
        }
      }
    }),
  )
})

test('an announced Service is in the routes of exactly the peers that its decision names', () => {
  fc.assert(
    fc.property(someParts, (parts) => {
      const { routes, decisions } = planNode(inputOf('node-a', parts))
      const claimed = [...decisions.values()].flatMap((decision) =>
        decision.kind === 'announced'
          ? decision.routes.flatMap(({ prefix, peers }) => peers.map((name) => `${name} ${formatPrefix(prefix)}`))
          : [],
      )
      const offered = [...routes].flatMap(([name, list]) => list.map(({ prefix }) => `${name} ${formatPrefix(prefix)}`))
      assert.deepEqual([...new Set(claimed)].sort(), offered.sort())
    }),
  )
})

const fleet = (count: number): Parts => ({
  pools,
  advertisements: [advertisement('all')],
  peers: [peer('r4', '203.0.113.1'), peer('r6', '2001:db8:f::1')],
  nodes: [node('node-a')],
  services: Array.from({ length: count }, (_, index) => allocated(service(`s${index}`), `192.0.2.${index} blue`)),
  slices: Array.from({ length: count }, (_, index) => slice(`e${index}`, `s${index}`, [endpoint('node-a')])),
})

test('removing the last endpoint removes exactly the prefixes of that Service', () => {
  const parts = fleet(20)
  const announce = createAnnouncer()
  const before = announce(inputOf('node-a', parts))
  for (let gone = 0; gone < 20; gone += 1) {
    const slices = parts.slices?.filter((_, index) => index !== gone) ?? []
    const after = announce(inputOf('node-a', { ...parts, slices }))
    assert.deepEqual(
      after.routes.get('r4'),
      before.routes.get('r4')?.filter((_, index) => index !== gone),
    )
    const changed = [...after.decisions].filter(([key, decision]) => before.decisions.get(key)?.kind !== decision.kind)
    assert.deepEqual(
      changed.map(([key]) => key),
      [`default/s${gone}`],
    )
  }
})

test('what did not change is the same object as before', () => {
  const parts = fleet(20)
  const announce = createAnnouncer()
  const first = announce(inputOf('node-a', parts))
  assert.equal(announce(inputOf('node-a', parts)), first, 'nothing changed')

  const [, ...others] = parts.slices ?? []
  const second = announce(inputOf('node-a', { ...parts, slices: others }))
  assert.equal(second.routes.get('r6'), first.routes.get('r6'))
  assert.notEqual(second.routes.get('r4'), first.routes.get('r4'))
  assert.equal(second.routes.get('r4')?.[5], first.routes.get('r4')?.[6])
  assert.equal(second.decisions.get('default/s7'), first.decisions.get('default/s7'))

  const third = announce(inputOf('node-a', { ...parts, slices: [...others, slice('e0', 's0', [endpoint('node-b')])] }))
  const fourth = announce(inputOf('node-a', { ...parts, slices: [...others, slice('e0', 's0', [endpoint('node-b')])] }))
  assert.equal(fourth, third, 'a new slice that says the same')
})

test('a change of the node, its peers, pools, advertisements or settings is followed, each alone', () => {
  const excluded = { ...fleet(3), nodes: [node('node-a', { [excludeLabel]: '' }), node('node-b')] }
  const announce = createAnnouncer()
  const all = ['192.0.2.0/32 -', '192.0.2.1/32 -', '192.0.2.2/32 -']
  const wide = advertisement('all', { aggregationLength: 24 })
  const usual = { ...inputOf('node-a', excluded), ignoreExcludeLB: true }
  const changes: readonly (readonly [Partial<AnnounceInput>, Parts, readonly string[] | undefined])[] = [
    [{ ignoreExcludeLB: false }, {}, []],
    [{ node: 'node-b', ignoreExcludeLB: true }, {}, all],
    [{ ignoreExcludeLB: true }, { nodes: [node('node-a', {}, true)] }, []],
    [{ ignoreExcludeLB: true }, { peers: [] }, undefined],
    [{ ignoreExcludeLB: true }, { peers: [peer('r4', '203.0.113.1'), peer('r5', '203.0.113.5')] }, all],
    [{ ignoreExcludeLB: true }, { pools: [] }, []],
    [{ ignoreExcludeLB: true }, { advertisements: [] }, []],
    [{ ignoreExcludeLB: true }, { advertisements: [wide] }, ['192.0.2.0/24 -']],
    [{ ignoreExcludeLB: true, services: [] }, {}, []],
  ]
  for (const [settings, parts, expected] of changes) {
    assert.deepEqual(planText(announce(usual)).routes['r4'], all)
    const changed = { ...inputOf('node-a', { ...excluded, ...parts }), ...settings }
    assert.deepEqual(planText(announce(changed)).routes['r4'], expected)
  }
})

test('a Local Service follows the node that the announcer is asked about', () => {
  const parts: Parts = {
    ...fleet(1),
    nodes: [node('node-a'), node('node-b')],
    services: [allocated(service('s0', { externalTrafficPolicy: 'Local' }), '192.0.2.1 blue')],
  }
  const announce = createAnnouncer()
  const { model, services } = inputOf('node-a', parts)
  const kinds = ['node-a', 'node-b', 'node-a'].map(
    (name) => announce({ node: name, model, services, ignoreExcludeLB: false }).decisions.get('default/s0')?.kind,
  )
  assert.deepEqual(kinds, ['announced', 'withheld', 'announced'])
})

test('addresses that come, go or change their pool are followed while the Service stays the same object', () => {
  const web = service('s0')
  // The same range twice, which the checks of the model refuse: only then does the name of the pool make a difference.
  const twice = [pool('blue', ['192.0.2.0/24']), pool('copy', ['192.0.2.0/24', '2001:db8::/64'])]
  const copied = advertisement('copy', { ipAddressPools: ['copy'], aggregationLength: 24 })
  const advertisements = [advertisement('all'), copied]
  const parts = { ...fleet(1), pools: twice, advertisements }
  const announce = createAnnouncer()
  const [blue, copy, six] = ['192.0.2.1 blue', '192.0.2.1 copy', '2001:db8::1 copy']
  for (const held of [[blue], [copy], [copy, six], [six], []]) {
    const input = inputOf('node-a', { ...parts, services: [allocated(web, ...held)] })
    assert.deepEqual(announce(input), planNode(input))
  }
})
