import type { Plan, Pool, ServiceRequest, World } from '@holdfast/ipam'
import { emptyState, plan, replan } from '@holdfast/ipam'
import type { Range } from '@holdfast/ip'
import { addressFromBigInt, parseAddress } from '@holdfast/ip'

/** One measured case: the median of the repetitions. */
export interface Timing {
  readonly name: string
  readonly medianMs: number
  readonly repetitions: number
}

const POOLS = 10

/** Ten open pools, each large enough for its tenth of the Services and one more, so that all but the last run full. */
export function poolsFor(services: number, family: 'ipv4' | 'ipv6' = 'ipv4'): readonly Pool[] {
  const size = BigInt(Math.ceil(services / POOLS) + 1)
  const base = parseAddress(family === 'ipv4' ? '10.0.0.0' : '2001:db8::')
  if (!base.ok) throw new Error(base.fault.message)
  return Array.from({ length: POOLS }, (_, index) => {
    const first = BigInt(base.value.value) + BigInt(index) * 2n ** 18n
    const ranges: Range[] = [
      { first: addressFromBigInt(family, first), last: addressFromBigInt(family, first + size - 1n) },
    ]
    return { name: `pool-${index}`, ranges, autoAssign: true, avoidBuggyIPs: false, isRestricted: false }
  })
}

/** `count` Services that each need one address of the family. */
export const servicesFor = (count: number, family: 'ipv4' | 'ipv6' = 'ipv4'): readonly ServiceRequest[] =>
  Array.from({ length: count }, (_, index) => ({
    key: `namespace-${index % 100}/service-${index}`,
    families: { kind: 'single', family },
    requestedAddresses: [],
    requestedPool: undefined,
    sharing: undefined,
    ports: [{ protocol: 'TCP', port: 443 }],
    pinnedPools: [],
  }))

/** Plans `count` new Services over ten pools. */
export function timeNewServices(count: number, repetitions = 7): Timing {
  const world = { pools: poolsFor(count), services: servicesFor(count) }
  return measure(`plan ${count} new Services`, repetitions, () => plan({ ...world, state: emptyState }))
}

/** Plans `count` Services that all hold an address already, as after a restart. */
export function timeRestart(count: number, repetitions = 7): Timing {
  const world = { pools: poolsFor(count), services: servicesFor(count) }
  const { state } = plan({ ...world, state: emptyState })
  return measure(`plan ${count} Services after a restart`, repetitions, () => plan({ ...world, state }))
}

/** Adds a Service to `count` others and takes it away again, alternately; identity of the others is kept. */
export function timeOneChange(count: number, repetitions = 101): Timing {
  const world: World = { pools: poolsFor(count), services: servicesFor(count) }
  const more: World = { ...world, services: [...world.services, { ...servicesFor(1)[0]!, key: 'new/service' }] }
  let last: Plan = plan({ ...world, state: emptyState })
  let isMore = false
  return measure(`one change among ${count}`, repetitions, () => {
    isMore = !isMore
    last = replan(last, isMore ? more : world)
  })
}

/** As `timeOneChange`, but every request is a new object, so that all have to be compared in full. */
export function timeOneChangeWithoutIdentity(count: number, repetitions = 51): Timing {
  const pools = poolsFor(count)
  const worlds = Array.from({ length: repetitions + 2 }, (_, index) => ({
    pools,
    services: servicesFor(count + (index % 2)),
  }))
  let last: Plan = plan({ pools, services: servicesFor(count), state: emptyState })
  let index = 0
  return measure(`one change among ${count}, all objects new`, repetitions, () => {
    index += 1
    last = replan(last, worlds[index]!)
  })
}

/** Full pools, as many Services waiting as holding; one address is freed, and taken by one that waits. */
export function timeReleaseToWaiting(count: number, repetitions = 101): Timing {
  const pools = poolsFor(count).map((pool) => ({ ...pool, ranges: pool.ranges.map((range) => ({ ...range })) }))
  const services = servicesFor(2 * count)
  let last: Plan = plan({ pools, services, state: emptyState })
  let left = services
  return measure(`one release, ${count} wait for it`, repetitions, () => {
    const [holder] = last.state.assignments.keys()
    left = left.filter(({ key }) => key !== holder)
    last = replan(last, { pools, services: left })
  })
}

/** One Service in a pool of each size: what the pool's size costs. */
export function timePoolSizes(repetitions = 1001): readonly Timing[] {
  const last = {
    '/126': '2001:db8::3',
    '/64': '2001:db8::ffff:ffff:ffff:ffff',
    '/32': '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff',
  }
  return Object.entries(last).map(([name, text]) => {
    const first = parseAddress('2001:db8::')
    const end = parseAddress(text)
    if (!first.ok || !end.ok) throw new Error(text)
    const pools = [{ ...poolsFor(1)[0]!, ranges: [{ first: first.value, last: end.value }] }]
    const services = servicesFor(3, 'ipv6')
    return measure(`plan 3 Services in a ${name}`, repetitions, () => plan({ pools, services, state: emptyState }))
  })
}

function measure(name: string, repetitions: number, run: () => unknown): Timing {
  run()
  const times = Array.from({ length: repetitions }, () => {
    const start = performance.now()
    run()
    return performance.now() - start
  }).sort((a, b) => a - b)
  return { name, medianMs: times[Math.floor(times.length / 2)]!, repetitions }
}

/** Everything, in the order of the table. */
export const timeAll = (): readonly Timing[] => [
  ...[10, 1_000, 10_000, 100_000].map((count) => timeNewServices(count)),
  ...[10_000, 100_000].map((count) => timeRestart(count)),
  ...[10, 1_000, 10_000, 100_000].map((count) => timeOneChange(count)),
  timeOneChangeWithoutIdentity(10_000),
  timeReleaseToWaiting(10_000),
  ...timePoolSizes(),
]

if (import.meta.main) {
  for (const { name, medianMs, repetitions } of timeAll()) {
    console.log(`${name.padEnd(48)} ${medianMs.toFixed(3).padStart(10)} ms   (median of ${repetitions})`)
  }
}
