import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatAddress } from '@holdfast/ip'
import fc from 'fast-check'
import { plan, replan, replanChanged } from './plan.ts'
import { decodeState, emptyState, encodeState } from './state.ts'
import type { ModelState } from './testing/model.ts'
import { emptyModelState, modelPlan } from './testing/model.ts'
import { asking, pool, preferDual, requireDual, service, sharing } from './testing/worlds.ts'
import type { Change, Plan, Pool, ServiceRequest, World } from './types.ts'

// Small and crowded, so that conflicts, sharing, exhaustion and re-use all happen within a few steps.
const poolSets: readonly (readonly Pool[])[] = [
  [pool('a', '10.0.0.0-10.0.0.3,fd00::-fd00::1'), pool('b', '10.0.1.2-10.0.1.3')],
  [pool('a', '10.0.0.2-10.0.0.3,10.0.0.0-10.0.0.1'), pool('b', '10.0.1.2-10.0.1.3,fd00::-fd00::1')],
  [pool('a', '10.0.0.0-10.0.0.3,fd00::-fd00::1', { avoidBuggyIPs: true }), pool('c', '10.0.1.2-10.0.1.2')],
  [
    pool('a', '10.0.0.0-10.0.0.3,fd00::-fd00::1', { isRestricted: true }),
    pool('b', '10.0.1.2-10.0.1.3,fd00::2-fd00::3'),
  ],
  [pool('renamed', '10.0.0.0-10.0.0.3,fd00::-fd00::1'), pool('b', '10.0.1.2-10.0.1.3', { autoAssign: false })],
  [pool('a', '10.0.0.0-10.0.0.1,fd00::1/128')],
  [pool('a', '10.0.0.1/32'), pool('b', '10.0.1.2/32')],
  [],
]

const varied: fc.Arbitrary<Partial<ServiceRequest>> = fc
  .tuple(
    fc.constantFrom<Partial<ServiceRequest>>(
      {},
      {},
      { families: { kind: 'single', family: 'ipv6' } },
      requireDual,
      preferDual(),
      preferDual('ipv6'),
      { families: { kind: 'preferDual', first: 'ipv6', available: ['ipv4'] } },
      { families: { kind: 'unknown' } },
      { families: { kind: 'notEnoughClusterIPs' } },
    ),
    fc.constantFrom<Partial<ServiceRequest>>(
      {},
      {},
      {},
      asking('10.0.0.1'),
      asking('10.0.1.2'),
      asking('fd00::1'),
      asking('10.0.0.2', 'fd00::'),
      asking('10.0.0.0'),
      { requestFault: 'the requested address "x" is not an IP address' },
    ),
    fc.constantFrom<Partial<ServiceRequest>>(
      {},
      {},
      sharing('k', 80),
      sharing('k', 443),
      sharing('k', 80, 443),
      sharing('l', 80),
      { sharing: { key: 'k', backend: 'app=x' }, ports: [{ protocol: 'UDP', port: 53 }] },
    ),
    fc.constantFrom<Partial<ServiceRequest>>({}, {}, {}, { requestedPool: 'a' }, { requestedPool: 'b' }),
    fc.constantFrom<Partial<ServiceRequest>>({}, { pinnedPools: ['a'] }, { pinnedPools: ['c', 'a'] }),
  )
  .map((parts) => Object.assign({}, ...parts) as Partial<ServiceRequest>)

// Plain ones often: many Services that want the same are what makes them wait.
const settings = fc.oneof(
  { weight: 1, arbitrary: varied },
  { weight: 1, arbitrary: fc.constantFrom<Partial<ServiceRequest>>({}, {}, preferDual(), sharing('k', 80)) },
)

const keys = ['n/a', 'n/b', 'n/c', 'n/d', 'n/e', 'n/f', 'n/g']

/** What happens to the world in one step: some Services appear, change or go; now and then the pools change. */
interface Step {
  readonly edits: readonly { readonly key: string; readonly to: Partial<ServiceRequest> | undefined }[]
  readonly pools: number | undefined
}

const edits = fc.array(
  fc.record({
    key: fc.constantFrom(...keys),
    to: fc.oneof({ weight: 1, arbitrary: fc.constant(undefined) }, { weight: 2, arbitrary: settings }),
  }),
  { minLength: 0, maxLength: 4 },
)

const step: fc.Arbitrary<Step> = fc.record({
  edits,
  pools: fc.oneof(
    { weight: 6, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.nat(poolSets.length - 1) },
  ),
})

const history = fc.tuple(fc.nat(poolSets.length - 2), fc.array(step, { minLength: 1, maxLength: 16 }))

function worldsOf(firstPools: number, steps: readonly Step[]): World[] {
  let pools = poolSets[firstPools]!
  const services = new Map<string, ServiceRequest>()
  return steps.map((one) => {
    pools = one.pools === undefined ? pools : poolSets[one.pools]!
    for (const { key, to } of one.edits) {
      if (to === undefined) services.delete(key)
      else services.set(key, service(key, to))
    }
    return { pools, services: [...services.values()] }
  })
}

const holdings = (result: Plan): Record<string, readonly string[]> =>
  Object.fromEntries(
    [...result.state.assignments.values()]
      .map(({ service: key, addresses }) => [key, addresses.map(({ address }) => formatAddress(address))] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )

const released = (result: Plan): unknown => encodeState(result.state).released

const waiting = (result: Plan): string[] =>
  [...result.decisions]
    .filter(([, { kind }]) => kind === 'refused')
    .map(([key]) => key)
    .sort()

const noticed = (result: Plan): string[] =>
  [...result.decisions]
    .filter(([, one]) => one.kind === 'assigned' && one.notice !== undefined)
    .map(([key]) => key)
    .sort()

const asValue = ({ state, changes, decisions, pools }: Plan): Record<string, unknown> => ({
  state: encodeState(state),
  changes,
  decisions: new Map(decisions),
  pools,
})

const moves = (changes: readonly Change[]): readonly Change[] => changes.filter(({ kind }) => kind !== 'refused')

test('plans agree with the naive model, step after step', () => {
  fc.assert(
    fc.property(history, ([firstPools, steps]) => {
      let state = emptyState
      let model: ModelState = emptyModelState
      for (const world of worldsOf(firstPools, steps)) {
        const result = plan({ ...world, state })
        const expected = modelPlan(world, model)
        const held = [...expected.state.held].map(([key, { addresses }]) => [key, addresses] as const)
        assert.deepEqual(holdings(result), Object.fromEntries(held.sort(([a], [b]) => (a < b ? -1 : 1))))
        assert.deepEqual(released(result), expected.state.released)
        assert.deepEqual(waiting(result), expected.waiting)
        assert.deepEqual(noticed(result), expected.noticed)
        state = result.state
        model = expected.state
      }
    }),
    { numRuns: 250 },
  )
})

test('replanning from a plan equals planning from its stored state, and the old plan stays as it was', () => {
  fc.assert(
    fc.property(history, fc.infiniteStream(fc.constantFrom(...ways)), ([firstPools, steps], chosen) => {
      let lastWorld: World = { pools: [], services: [] }
      let last = plan({ ...lastWorld, state: emptyState })
      for (const world of worldsOf(firstPools, steps)) {
        const stored = decodeState(JSON.parse(JSON.stringify(encodeState(last.state))))
        assert.deepEqual(stored.faults, [])
        const before = JSON.stringify(encodeState(last.state))
        const decided = [...last.decisions]
        const next = goOn(last, lastWorld, world, chosen.next().value as (typeof ways)[number])
        lastWorld = world
        const full = plan({ ...structuredClone(world), state: stored.state })
        assert.equal(JSON.stringify(encodeState(last.state)), before)
        assert.deepEqual([...last.decisions], decided)
        assert.deepEqual(encodeState(next.state), encodeState(full.state))
        assert.deepEqual(new Map(next.decisions), new Map(full.decisions))
        assert.deepEqual(next.pools, full.pools)
        assert.deepEqual(moves(next.changes), moves(full.changes))
        const news = next.changes.filter(({ kind }) => kind === 'refused')
        const all = full.changes.filter(({ kind }) => kind === 'refused')
        assert.deepEqual(
          news,
          all.filter((change) => isNews(change, last)),
        )
        last = next
      }
    }),
    { numRuns: 250 },
  )
})

/** How the planner is told of the next world: as objects that it knows, as equal ones, or only of what changed. */
const ways = ['objects', 'copies', 'changes'] as const

function goOn(last: Plan, before: World, now: World, way: (typeof ways)[number]): Plan {
  if (way !== 'changes' || before.pools !== now.pools)
    return replan(last, way === 'copies' ? structuredClone(now) : now)
  const known = new Map(before.services.map((one) => [one.key, one]))
  const changed = now.services.filter((one) => known.get(one.key) !== one)
  for (const { key } of now.services) known.delete(key)
  const next = replanChanged(last, { changed, gone: [...known.keys()] })
  assert.ok(next !== undefined)
  assert.equal(replanChanged(last, { changed, gone: [] }), undefined, 'planned from twice')
  return next
}

function isNews(change: Change, last: Plan): boolean {
  const before = last.decisions.get(change.service)
  const refusal = before?.kind === 'assigned' ? before.notice : before
  return change.kind === 'refused' && refusal?.message !== change.refusal.message
}

test('the order of pools and Services makes no difference', () => {
  fc.assert(
    fc.property(history, fc.infiniteStream(fc.nat()), ([firstPools, steps], random) => {
      let state = emptyState
      const shuffled = <T>(items: readonly T[]): T[] =>
        items
          .map((item) => ({ item, rank: random.next().value as number }))
          .sort((a, b) => a.rank - b.rank)
          .map(({ item }) => item)
      for (const world of worldsOf(firstPools, steps)) {
        const result = plan({ ...world, state })
        const other = plan({
          pools: shuffled(world.pools),
          services: shuffled(world.services),
          state: { ...state, assignments: new Map(shuffled([...state.assignments])) },
        })
        assert.deepEqual(asValue(other), asValue(result))
        state = result.state
      }
    }),
    { numRuns: 100 },
  )
})

test('a world that stays as it is changes nothing', () => {
  fc.assert(
    fc.property(history, ([firstPools, steps]) => {
      const worlds = worldsOf(firstPools, steps)
      let last = plan({ ...worlds[0]!, state: emptyState })
      for (const world of worlds.slice(1)) last = replan(last, world)
      assert.deepEqual(encodeState(plan({ ...worlds.at(-1)!, state: last.state }).state), encodeState(last.state))
      assert.deepEqual(replan(last, structuredClone(worlds.at(-1)!)).changes, [])
    }),
    { numRuns: 100 },
  )
})

test('the changes turn the old assignments into the new ones, clearing first', () => {
  fc.assert(
    fc.property(history, ([firstPools, steps]) => {
      let last = plan({ pools: [], services: [], state: emptyState })
      const held = new Map<string, string[]>()
      for (const world of worldsOf(firstPools, steps)) {
        last = replan(last, world)
        for (const change of last.changes) apply(held, change)
        for (const [key, addresses] of held) if (addresses.length === 0) held.delete(key)
        const sorted = [...held].sort(([a], [b]) => (a < b ? -1 : 1))
        assert.deepEqual(
          Object.fromEntries(sorted.map(([key, list]) => [key, list.sort()])),
          sortedLists(holdings(last)),
        )
      }
    }),
    { numRuns: 100 },
  )
})

const sortedLists = (lists: Record<string, readonly string[]>): Record<string, readonly string[]> =>
  Object.fromEntries(Object.entries(lists).map(([key, list]) => [key, [...list].sort()]))

function apply(held: Map<string, string[]>, change: Change): void {
  const now = held.get(change.service) ?? []
  switch (change.kind) {
    case 'released':
    case 'cleared': {
      const left = change.addresses.map(({ address }) => formatAddress(address))
      for (const address of left)
        assert.ok(now.includes(address), `${change.service} leaves ${address} without holding it`)
      held.set(
        change.service,
        now.filter((address) => !left.includes(address)),
      )
      break
    }
    case 'assigned':
      held.set(
        change.service,
        change.addresses.map(({ address }) => formatAddress(address)),
      )
      for (const address of now) assert.ok(held.get(change.service)!.includes(address), 'moved without being cleared')
      break
    case 'added':
      held.set(change.service, [...now, formatAddress(change.address.address)])
      break
    case 'relabelled':
      assert.deepEqual(change.addresses.map(({ address }) => formatAddress(address)).sort(), [...now].sort())
      break
    case 'refused':
      break
  }
}
