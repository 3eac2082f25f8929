import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Address, Family } from '@holdfast/ip'
import { addressFromBigInt, addressToBigInt, formatAddress } from '@holdfast/ip'
import fc from 'fast-check'
import { plan, replan, replanChanged } from './plan.ts'
import { emptyState } from './state.ts'
import { asking, ip, pool, preferDual, service, sharing } from './testing/worlds.ts'
import type { AllocationState, Plan, Pool, ServiceRequest, World } from './types.ts'

const nextOf = (result: Plan, name: string): readonly string[] => (result.next.get(name) ?? []).map(formatAddress)

const start = (pools: readonly Pool[], ...services: readonly ServiceRequest[]): Plan =>
  plan({ pools, services, state: emptyState })

test('four addresses of each family are known ahead, IPv4 first, in the order in which the pool gives them', () => {
  const result = start(
    [pool('p', '192.0.2.252-192.0.3.1,192.0.2.8-192.0.2.40,2001:db8::/64', { avoidBuggyIPs: true, autoAssign: false })],
    service('n/a', asking('192.0.2.253')),
  )
  assert.deepEqual(nextOf(result, 'p'), [
    ...['192.0.2.252', '192.0.2.254', '192.0.3.1', '192.0.2.8'],
    ...['2001:db8::', '2001:db8::1', '2001:db8::2', '2001:db8::3'],
  ])
})

test('a pool that is refused, or has fewer than 16 addresses left of a family, is left out', () => {
  const pools = [
    pool('few', '192.0.2.1-192.0.2.16,2001:db8::1-2001:db8::10'),
    pool('refused', '198.51.100.0/24', { isRefused: true }),
  ]
  const before = start(pools, service('n/a', { requestedPool: 'few', families: { kind: 'single', family: 'ipv6' } }))
  assert.deepEqual(nextOf(before, 'few'), ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'])
  const after = replan(before, { pools, services: [service('n/a', { requestedPool: 'few' })] })
  assert.deepEqual(nextOf(after, 'few'), ['2001:db8::2', '2001:db8::3', '2001:db8::4', '2001:db8::5'])
  assert.deepEqual(nextOf(before, 'few'), ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'], 'a plan is a value')
  assert.deepEqual([...after.next.keys()], ['few'])
})

test('behind a long run in use not much is looked for, and what is known is still what comes next', () => {
  const pools = [pool('p', '10.0.0.0/16')]
  const run = Array.from({ length: 99 }, (_, index) => service(`n/${index}`, asking(`10.0.0.${index + 1}`)))
  const before = start(pools, ...run, service('n/gone', asking('10.0.0.200')))
  assert.deepEqual(nextOf(replan(before, { pools, services: run }), 'p'), ['10.0.0.0'])
  const last = start(pools, ...run, service('n/x'))
  assert.deepEqual(nextOf(last, 'p'), ['10.0.0.100', '10.0.0.101', '10.0.0.102', '10.0.0.103'])
})

test('of a pool that is used up the longest unused come next', () => {
  const small = [pool('p', '192.0.2.1-192.0.2.20')]
  const all = Array.from({ length: 20 }, (_, index) => service(`n/${10 + index}`))
  let last = start(small, ...all)
  for (const gone of [[14], [11], [17, 18], [10, 12, 13, 15, 16, 19, 20, 21, 22, 23, 24, 25]]) {
    last = replanChanged(last, { changed: [], gone: gone.map((index) => `n/${index}`) }) ?? assert.fail()
  }
  assert.deepEqual(nextOf(last, 'p'), ['192.0.2.5', '192.0.2.2', '192.0.2.8', '192.0.2.9'])
})

const places = Array.from({ length: 40 }, (_, index) => index)

/** Some of the first addresses of each range, by place. */
const addressesOf = ({ ranges }: Pool, chosen: readonly number[]): readonly Address[] =>
  ranges.flatMap(({ first, last }) =>
    chosen
      .map((place) => addressToBigInt(first) + BigInt(place))
      .filter((value) => value <= addressToBigInt(last))
      .map((value) => addressFromBigInt(first.family, value)),
  )

const poolSets: readonly (readonly Pool[])[] = [
  [pool('a', '10.0.0.0-10.0.0.23,fd00::-fd00::11'), pool('b', '10.0.1.2-10.0.1.18', { autoAssign: false })],
  [pool('a', '10.0.0.245-10.0.1.9,10.0.0.230-10.0.0.239', { avoidBuggyIPs: true }), pool('b', 'fd00::/64')],
  [pool('a', '10.0.0.8-10.0.0.12,10.0.0.0-10.0.0.7,10.0.0.13-10.0.0.20', { isRestricted: true })],
  [pool('a', '10.0.0.0/26'), pool('b', '10.0.1.0-10.0.1.30', { isRefused: true })],
]

/** Which addresses were used before, in the order of release, and which long ago, by place. */
interface Past {
  readonly released: readonly number[]
  readonly longAgo: readonly number[]
}

const pasts: fc.Arbitrary<Past> = fc.record({
  released: fc.oneof(fc.shuffledSubarray(places), fc.shuffledSubarray(places, { minLength: places.length })),
  longAgo: fc.oneof(fc.constant<number[]>([]), fc.subarray(places)),
})

const settings = fc.oneof(
  fc.constantFrom<Partial<ServiceRequest>>(
    { pinnedPools: ['a'] },
    { pinnedPools: ['a'], ...sharing('k', 80) },
    { requestedPool: 'b' },
    preferDual(),
    { families: { kind: 'single', family: 'ipv6' } },
  ),
  fc.nat(30).map((place) => ({ ...asking(`10.0.0.${place}`), pinnedPools: ['a'] })),
)

const keys = Array.from({ length: 8 }, (_, index) => `n/${index}`)

/** What a Service is to be; undefined: it goes. */
type Edit = readonly [string, Partial<ServiceRequest> | undefined]

const edit: fc.Arbitrary<Edit> = fc.tuple(fc.constantFrom(...keys), fc.option(settings, { nil: undefined }))

const steps = fc.array(fc.array(edit, { maxLength: 4 }), { minLength: 1, maxLength: 10 })

const families: readonly Family[] = ['ipv4', 'ipv6']

/** What the planner itself gives to four Services that come one by one. */
function given(world: World, state: AllocationState, name: string, family: Family): readonly string[] {
  const services = [...world.services]
  let last = plan({ ...world, state })
  return [0, 1, 2, 3].flatMap((index) => {
    const key = `new/${index}`
    services.push(service(key, { families: { kind: 'single', family }, requestedPool: name, pinnedPools: [name] }))
    last = replan(last, { ...world, services })
    const decision = last.decisions.get(key)
    return decision?.kind === 'assigned' ? decision.addresses.map(({ address }) => formatAddress(address)) : []
  })
}

/** How often it was shown of four addresses, and of one that was used before. */
const shown = { four: 0, used: 0 }

function assertNext(world: World, result: Plan, { name, isRefused }: Pool, family: Family): void {
  const texts = (result.next.get(name) ?? []).filter((address) => address.family === family).map(formatAddress)
  const counts = result.pools.get(name) ?? assert.fail()
  if (isRefused === true || (family === 'ipv4' ? counts.availableIPv4 : counts.availableIPv6) < 16n) {
    assert.deepEqual(texts, [])
    return
  }
  const expected = given(world, result.state, name, family)
  assert.equal(expected.length, 4)
  assert.deepEqual(texts, expected.slice(0, texts.length))
  const { released, longAgo } = result.state.history
  assert.ok(texts.length === 4 || (texts.length > 0 && longAgo.length > 0))
  if (texts.length === 4) shown.four += 1
  if (released.some(({ address }) => texts.includes(formatAddress(address)))) shown.used += 1
}

const historyOf = (pools: readonly Pool[], { released, longAgo }: Past): AllocationState['history'] => ({
  released: pools
    .flatMap((one) => addressesOf(one, released))
    .map((address, index) => ({ address, service: `old/${index}` })),
  longAgo: pools.flatMap((one) => addressesOf(one, longAgo)).map((address) => ({ first: address, last: address })),
})

function edited(services: Map<string, ServiceRequest>, edits: readonly Edit[]): void {
  for (const [key, to] of edits) {
    if (to === undefined) services.delete(key)
    else services.set(key, service(key, to))
  }
}

test('what is known ahead is what Services get that come next, after any history', () => {
  fc.assert(
    fc.property(fc.constantFrom(...poolSets), pasts, steps, (pools, past, history) => {
      const services = new Map<string, ServiceRequest>()
      let last = plan({ pools, services: [], state: { ...emptyState, history: historyOf(pools, past) } })
      for (const edits of history) {
        edited(services, edits)
        const world = { pools, services: [...services.values()] }
        last = replan(last, world)
        assert.deepEqual(plan({ ...world, state: last.state }).next, last.next)
        for (const one of pools) for (const family of families) assertNext(world, last, one, family)
      }
    }),
    { numRuns: 150 },
  )
  assert.ok(shown.four > 100 && shown.used > 50, JSON.stringify(shown))
})

test('an address that is set aside stays with who has it, and is for nobody else', () => {
  const range = (address: string) => ({ first: ip(address), last: ip(address) })
  const whole = [pool('gold', '192.0.2.1-192.0.2.40')]
  const reserving = [
    pool('gold', '192.0.2.3-192.0.2.6,192.0.2.8-192.0.2.40', {
      reserved: ['192.0.2.1', '192.0.2.2', '192.0.2.7'].map(range),
    }),
  ]
  const [a, b] = [service('n/a'), service('n/b', asking('192.0.2.7'))]
  const sharer = service('n/s', { ...sharing('k', 443), ...asking('192.0.2.1') })
  const addressOf = (result: Plan, key: string): string | undefined => {
    const decision = result.decisions.get(key)
    return decision?.kind === 'assigned'
      ? decision.addresses.map((one) => formatAddress(one.address)).join()
      : undefined
  }
  const first = start(whole, service('n/a', sharing('k', 80)))
  const second = replan(first, { pools: reserving, services: [service('n/a', sharing('k', 80)), b, sharer] })
  assert.equal(addressOf(second, 'n/a'), '192.0.2.1')
  assert.deepEqual(
    ['n/b', 'n/s'].map((key) => second.decisions.get(key)),
    ['192.0.2.7', '192.0.2.1'].map((address) => ({
      kind: 'refused',
      reason: 'addressReserved',
      message: `${address} of pool "gold" is set aside by a controller that led before: it is free again within 20 minutes`,
    })),
  )
  assert.deepEqual(nextOf(second, 'gold'), ['192.0.2.3', '192.0.2.4', '192.0.2.5', '192.0.2.6'])
  assert.deepEqual(second.pools.get('gold')?.availableIPv4, 37n)
  const third = replan(second, { pools: reserving, services: [a, b, service('n/c'), service('n/d')] })
  assert.deepEqual(
    ['n/a', 'n/c', 'n/d'].map((key) => addressOf(third, key)),
    ['192.0.2.1', '192.0.2.3', '192.0.2.4'],
  )
  const gone = replan(third, { pools: reserving, services: [service('n/e'), b] })
  assert.equal(addressOf(gone, 'n/e'), '192.0.2.5')
  const free = replan(gone, { pools: whole, services: [service('n/e'), a, b] })
  assert.deepEqual(
    ['n/a', 'n/b', 'n/e'].map((key) => addressOf(free, key)),
    ['192.0.2.1', '192.0.2.7', '192.0.2.5'],
  )
  const avoiding = [pool('gold', '192.0.2.1/32', { avoidBuggyIPs: true, reserved: [range('192.0.2.0')] })]
  const buggy = start(avoiding, service('n/b', asking('192.0.2.0'))).decisions.get('n/b')
  assert.equal(buggy?.kind === 'refused' && buggy.reason, 'buggyAddress')
})
