import type { KubeObject } from '@holdfast/cluster'
import type { RawObject } from '@holdfast/model'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatAddress } from '@holdfast/ip'
import type { Assignment } from '@holdfast/ipam'
import type { HeldOver } from '../allocation/hold.ts'
import { heldOver } from '../allocation/hold.ts'
import type { Step } from '../allocation/testing/histories.ts'
import { poolSets, service, snapshotsOf, step } from '../allocation/testing/histories.ts'
import type { Planned, PlannerInput, PlannerRules } from './planner.ts'
import { createPlanner } from './planner.ts'
import type { ServiceView } from './service-object.ts'
import { viewOf } from './service-object.ts'

const objectsOf = (objects: readonly RawObject[], kind: string): readonly KubeObject[] =>
  objects.map(({ value }) => value as KubeObject).filter((object) => object.kind === kind)

/** The Services as they are once their statuses say what was last planned; those of which nothing was planned yet have none. */
function withStatuses(
  objects: readonly RawObject[],
  wishOf: Planned['wishOf'] = () => undefined,
  before: PlannerInput['services'] = new Map(),
): readonly RawObject[] {
  return objects.map((raw) => {
    const object = raw.value as KubeObject
    if (object.kind !== 'Service') return raw
    const { namespace = '', name } = object.metadata
    const key = `${namespace}/${name}`
    const isNew = before.get(key)?.uid !== object.metadata.uid
    const ingress = isNew ? [] : (wishOf(key)?.addresses.map((ip) => ({ ip })) ?? [])
    return ingress.length === 0 && object['status'] === undefined
      ? raw
      : { ...raw, value: { ...object, status: { loadBalancer: { ingress } } } }
  })
}

function viewsOf(objects: readonly RawObject[]): ReadonlyMap<string, ServiceView> {
  const views = objectsOf(objects, 'Service').flatMap(({ metadata, ...rest }) => {
    const view = viewOf({ ...rest, metadata: { resourceVersion: '1', ...metadata } })
    return view === undefined ? [] : [view]
  })
  return new Map(views.map((view) => [view.key, view]))
}

/** Without what others wrote into statuses: a planner that goes on knows that it is not theirs. */
const withoutStatuses = (objects: readonly RawObject[]): readonly RawObject[] => withStatuses(objects, () => undefined)

interface Turn {
  readonly input: PlannerInput
  readonly keys: readonly string[]
  readonly before: PlannerInput['services']
  readonly last: Planned | undefined
  readonly planned: Planned
}

/** Has one planner go through a history; `check` is called after each step. */
function follow(steps: readonly Step[], rules: PlannerRules, check: (turn: Turn) => void): void {
  const planner = createPlanner(rules)
  planner.seed(new Map(), new Map())
  let [before, last] = [new Map() as PlannerInput['services'], undefined as Planned | undefined]
  for (const [index, raw] of snapshotsOf(steps).entries()) {
    const objects = withoutStatuses(raw)
    const services = viewsOf(objects)
    const keys = [...new Set([...before.keys(), ...services.keys()])]
    const changed = new Set(keys.filter((key) => before.get(key)?.uid !== services.get(key)?.uid))
    const pools = objectsOf(objects, 'IPAddressPool')
    const input = { snapshot: { objects, faults: [] }, services, changed, pools, reserved: [], nowMs: index * 1000 }
    const wishes = new Map(keys.map((key) => [key, { wish: last?.wishOf(key), basis: last?.basisOf(key) }]))
    const planned = planner.run(input)
    for (const [key, { wish, basis }] of wishes) {
      if (basis !== planned.basisOf(key))
        assert.ok(planned.changed.has(key), `${key} has another wish, which is not told`)
      else assert.deepEqual(wish, planned.wishOf(key), `${key} has another wish of the same basis`)
    }
    check({ input, keys, before, last, planned })
    before = services
    last = planned
  }
}

test('a planner that goes on comes to what one does that begins from the blocks', () => {
  const rules = { loadBalancerClass: undefined, onPoolLoss: 'Reassign' } as const
  // Blocks remember also who held what was in no pool for a while: who comes new would get another address.
  const calm = step.map((one) => ({ ...one, pools: undefined }))
  fc.assert(
    fc.property(fc.array(calm, { minLength: 1, maxLength: 16 }), (steps) => {
      follow(steps, rules, ({ input, keys, before, last, planned }) => {
        const fresh = createPlanner(rules)
        fresh.seed(last?.target.specs ?? new Map(), viewsOf(withStatuses(input.snapshot.objects, last?.wishOf, before)))
        const whole = fresh.run({ ...input, changed: new Set(keys) })
        for (const key of keys) assert.deepEqual(planned.wishOf(key), whole.wishOf(key), key)
        assert.deepEqual(new Map(planned.target.specs), new Map(whole.target.specs))
      })
    }),
    { numRuns: 100 },
  )
})

test('where blocks name two Services made one after the other under a name, what the later one holds counts', () => {
  const held = (address: string, uid: string) => ({
    address,
    pool: 'a',
    holders: [{ namespace: 'shop', name: 'web', uid, terms: '' }],
  })
  const released = { address: '10.0.0.3', service: 'shop/api', time: '2026-01-01T00:00:00.000000Z' }
  const spec = { cidr: '10.0.0.0/26', inUse: 2, released: [released] }
  for (const addresses of [
    [held('10.0.0.1', 'old'), held('10.0.0.2', 'new')],
    [held('10.0.0.1', 'new'), held('10.0.0.2', 'old')],
  ]) {
    const objects = [service('web', {}, 'new'), ...(poolSets[0] ?? [])]
    const services = viewsOf(objects)
    const planner = createPlanner({ loadBalancerClass: undefined, onPoolLoss: 'Reassign' })
    planner.seed(new Map([['ipv4-10.0.0.0', { ...spec, addresses }]]), services)
    const input = {
      snapshot: { objects, faults: [] },
      services,
      changed: new Set(services.keys()),
      reserved: [],
      nowMs: 0,
    }
    const { target, wishOf } = planner.run({ ...input, pools: objectsOf(objects, 'IPAddressPool') })
    const own = addresses.filter(({ holders }) => holders[0]?.uid === 'new')
    assert.deepEqual(target.specs.get('ipv4-10.0.0.0')?.addresses, own)
    assert.deepEqual(
      wishOf('shop/web')?.addresses,
      own.map(({ address }) => address),
    )
  }
})

test('a block of which only old releases of no pool are left goes, at the start and within an hour of being old', () => {
  const time = '2026-01-01T00:00:00.000000Z'
  const stray = {
    cidr: '10.9.0.0/26',
    inUse: 0,
    addresses: [],
    released: [{ address: '10.9.0.3', service: 'a/b', time }],
  }
  const pools = poolSets[0] ?? []
  const services = new Map<string, ServiceView>()
  const run = (planner: ReturnType<typeof createPlanner>, at: string): boolean => {
    const input = {
      snapshot: { objects: pools, faults: [] },
      services,
      changed: new Set<string>(),
      reserved: [],
      nowMs: Date.parse(at),
    }
    return planner.run({ ...input, pools: objectsOf(pools, 'IPAddressPool') }).target.specs.has('ipv4-10.9.0.0')
  }
  const seeded = () => {
    const planner = createPlanner({ loadBalancerClass: undefined, onPoolLoss: 'Reassign' })
    planner.seed(new Map([['ipv4-10.9.0.0', stray]]), services)
    return planner
  }
  assert.equal(run(seeded(), '2026-01-08T00:01:00Z'), false)
  const planner = seeded()
  const times = ['2026-01-07T23:59:00Z', '2026-01-08T00:58:00Z', '2026-01-08T00:59:00Z']
  assert.deepEqual(
    times.map((at) => run(planner, at)),
    [true, true, false],
  )
})

test('what is held over follows pools and Services', () => {
  const rules = { loadBalancerClass: undefined, onPoolLoss: 'Hold' } as const
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 16 }), (steps) => {
      follow(steps, rules, (turn) => {
        const { evaluation } = turn.planned
        const held = heldOver(evaluation.model, turn.last?.target.state.assignments.values() ?? [])
        for (const key of turn.keys) assertHolds(turn, key, held)
      })
    }),
    { numRuns: 100 },
  )
})

/** Whoever has an address and does not ask for something else keeps it; of what no pool gives it so, it is said. */
function assertHolds({ input, last, planned }: Turn, key: string, held: readonly HeldOver[]): void {
  const before = last?.target.state.assignments.get(key)
  const wish = planned.wishOf(key)
  const service = input.services.get(key)?.object
  if (before === undefined || wish === undefined || service === undefined) return
  if (before.uid !== service.metadata.uid) return
  if (asksForOthers(service, before)) return
  const mine = held.filter((one) => one.service === key).map(({ placed }) => formatAddress(placed.address))
  assert.equal(wish.isHeldOver, mine.length > 0, key)
  const missing = [...mine, ...keptOf(service, before)].filter((address) => !wish.addresses.includes(address))
  assert.deepEqual(missing, [], key)
}

const textsOf = ({ addresses }: Assignment): readonly string[] =>
  addresses.map(({ address }) => formatAddress(address)).sort()

function asksForOthers({ metadata }: KubeObject, before: Assignment): boolean {
  const requested = metadata.annotations?.['metallb.io/loadBalancerIPs']
  return requested !== undefined && requested.split(',').sort().join() !== textsOf(before).join()
}

/** What it may keep for as long as nobody releases it: of the families that it has, and of the pool that it asks for. */
function keptOf(service: KubeObject, before: Assignment): readonly string[] {
  const pool = service.metadata.annotations?.['metallb.universe.tf/address-pool']
  if (pool !== undefined && before.addresses.some((placed) => placed.pool !== pool)) return []
  const { clusterIPs } = service['spec'] as { readonly clusterIPs: readonly string[] }
  const families = new Set(clusterIPs.map((ip) => ip.includes(':')))
  return textsOf(before).filter((address) => families.has(address.includes(':')))
}
