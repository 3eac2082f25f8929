import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Address } from '@holdfast/ip'
import { formatAddress } from '@holdfast/ip'
import fc from 'fast-check'
import type { AddressBlockSpec } from './address-block.ts'
import { addressBlockCidr, addressBlockName, addressesOfBlock } from './address-block.ts'
import { withoutOldStrays } from './block-age.ts'
import { givenLast, stateOf } from './block-state.ts'
import { decodeBlock, encodeBlock } from './block-text.ts'
import type { Blocks } from './blocks.ts'
import { nextBlocks, noBlocks } from './blocks.ts'
import { plan, replan } from './plan.ts'
import { emptyState, encodeState } from './state.ts'
import { asking, ip, pool, requireDual, service, sharing } from './testing/worlds.ts'
import type { AllocationState, Plan, ServiceRequest } from './types.ts'

const start = Date.UTC(2026, 0, 1)
const uidOf = (key: string): string => `uid of ${key}`
const context = (nowMs: number = start) => ({ uidOf, nowMs })

/** Blocks as another process reads them back. */
const readBack = (blocks: Blocks) =>
  stateOf(new Map([...blocks.specs].map(([name, spec]) => [name, storedAndRead(name, spec)])), () => [])

function storedAndRead(name: string, spec: AddressBlockSpec): AddressBlockSpec {
  const reading = decodeBlock(name, JSON.parse(JSON.stringify(encodeBlock(spec))))
  assert.ok(reading.kind === 'read', JSON.stringify(reading))
  assert.deepEqual(reading.spec, spec)
  return reading.spec
}

test('a block is named by its first address, and holds 64', () => {
  for (const [address, name, cidr] of [
    ['192.0.2.0', 'ipv4-192.0.2.0', '192.0.2.0/26'],
    ['192.0.2.63', 'ipv4-192.0.2.0', '192.0.2.0/26'],
    ['192.0.2.64', 'ipv4-192.0.2.64', '192.0.2.64/26'],
    ['255.255.255.255', 'ipv4-255.255.255.192', '255.255.255.192/26'],
    ['2001:db8::3f', 'ipv6-2001-db8-0-0-0-0-0-0', '2001:db8::/122'],
    ['2001:db8::1:40', 'ipv6-2001-db8-0-0-0-0-1-40', '2001:db8::1:40/122'],
    ['::ffff:192.0.2.1', 'ipv6-0-0-0-0-0-ffff-c000-200', '::ffff:192.0.2.0/122'],
  ] as const) {
    assert.deepEqual([addressBlockName(ip(address)), addressBlockCidr(ip(address))], [name, cidr])
    assert.match(name, /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/)
    const all = addressesOfBlock(name)
    assert.equal(new Set(all.map(formatAddress)).size, 64)
    assert.ok(all.every((one) => addressBlockName(one) === name))
  }
  for (const name of ['', 'b', 'ipv4-192.0.2.1', 'ipv6-2001-db8-0-0-0-0-0-1', 'ipv4-2001-db8-0-0-0-0-0-0']) {
    assert.deepEqual(addressesOfBlock(name), [], name)
  }
})

test('a block says who holds an address, under which terms, and who held it last', () => {
  const pools = [pool('p', '192.0.2.1-192.0.2.3'), pool('q', '2001:db8::/120')]
  const both = [service('n/a'), service('n/b', sharing('k', 80)), service('n/c', sharing('k', 81))]
  const first = plan({ pools, services: both, state: emptyState })
  const blocks = nextBlocks(noBlocks, first.state, context())
  const second = replan(first, { pools, services: both.slice(1, 2) })
  const later = nextBlocks(blocks, second.state, context(start + 5000))
  assert.deepEqual(
    [...later.specs],
    [
      [
        'ipv4-192.0.2.0',
        {
          cidr: '192.0.2.0/26',
          inUse: 1,
          addresses: [
            {
              address: '192.0.2.2',
              pool: 'p',
              holders: [
                { namespace: 'n', name: 'b', uid: 'uid of n/b', terms: second.state.assignments.get('n/b')?.terms },
              ],
            },
          ],
          released: [{ address: '192.0.2.1', service: 'n/a', time: '2026-01-01T00:00:05.000000Z' }],
        },
      ],
    ],
  )
  assert.equal(blocks.specs.get('ipv4-192.0.2.0')?.addresses[1]?.holders.length, 2)
})

test('releases keep their order where the time of day goes backwards', () => {
  const pools = [pool('p', '192.0.2.1-192.0.2.9')]
  const all = ['n/a', 'n/b', 'n/c'].map((key) => service(key))
  let last = plan({ pools, services: all, state: emptyState })
  let blocks = nextBlocks(noBlocks, last.state, context())
  for (const [count, nowMs] of [
    [2, start],
    [1, start - 60_000],
    [0, start],
  ] as const) {
    last = replan(last, { pools, services: all.slice(0, count) })
    blocks = nextBlocks(blocks, last.state, context(nowMs))
  }
  const { blocks: read } = readBack(blocks)
  assert.deepEqual(
    read.state.history.released.map(({ service: key }) => key),
    ['n/c', 'n/b', 'n/a'],
  )
  assert.equal(read.latestTime, '2026-01-01T00:00:00.000002Z')
})

test('a Service that was made anew under its name is named with its new uid', () => {
  const state = plan({ pools: [pool('p', '192.0.2.0/24')], services: [service('n/a')], state: emptyState }).state
  const blocks = nextBlocks(noBlocks, state, context())
  const renewed = nextBlocks(blocks, state, { nowMs: start, uidOf: () => 'new', renewed: ['n/a', 'n/unknown'] })
  assert.equal(renewed.specs.get('ipv4-192.0.2.0')?.addresses[0]?.holders[0]?.uid, 'new')
  assert.equal(
    nextBlocks(blocks, state, { ...context(), renewed: ['n/a'] }).specs.get('ipv4-192.0.2.0'),
    blocks.specs.get('ipv4-192.0.2.0'),
  )
})

// Each Service is absent (0) or asks for one of these.
const wishes: readonly ((index: number) => Partial<ServiceRequest>)[] = [
  () => ({}),
  (index) => sharing('k', 8000 + index),
  () => requireDual,
  (index) => asking(`192.0.2.${60 + (index % 9)}`),
]
const pools = [pool('p', '192.0.2.59-192.0.2.70, 2001:db8::3c-2001:db8::44')]
const worlds = fc.array(fc.array(fc.nat(wishes.length), { minLength: 14, maxLength: 14 }), {
  minLength: 1,
  maxLength: 8,
})
const servicesOf = (world: readonly number[]): readonly ServiceRequest[] =>
  world.flatMap((wish, index) => (wish === 0 ? [] : [service(`n/s${index}`, wishes[wish - 1]?.(index) ?? {})]))

test('blocks read back give the state that they were made of, after any history', () => {
  fc.assert(
    fc.property(worlds, (history) => {
      let last: Plan | undefined
      let blocks = noBlocks
      for (const [step, world] of history.entries()) {
        const services = servicesOf(world)
        last = last === undefined ? plan({ pools, services, state: emptyState }) : replan(last, { pools, services })
        blocks = nextBlocks(blocks, last.state, context(start + step))
        const read = readBack(blocks)
        assert.deepEqual(encodeState(read.state), encodeState(last.state))
        assert.deepEqual(
          plan({ pools, services, state: read.state }).changes.filter(({ kind }) => kind !== 'refused'),
          [],
        )
      }
    }),
    { numRuns: 300 },
  )
})

/** The blocks of a state, the obvious way: every address on its own, sorted into its block. Without the times of releases. */
function plainBlocks({ assignments, history }: AllocationState): unknown {
  const lines = new Map<string, string[]>()
  const add = (address: Address, line: string): void => {
    const cidr = addressBlockCidr(address)
    lines.set(cidr, [...(lines.get(cidr) ?? []), `${formatAddress(address)} ${line}`])
  }
  for (const { service: key, addresses, terms } of assignments.values()) {
    for (const { address, pool: name } of addresses)
      add(address, `in ${name} held by ${key}, ${uidOf(key)}: ${String(terms)}`)
  }
  for (const { address, service: key } of history.released) add(address, `released by ${key}`)
  return new Map([...lines].sort().map(([cidr, list]) => [cidr, list.sort()]))
}

const plain = ({ specs }: Blocks): unknown =>
  new Map(
    [...specs.values()]
      .map(({ cidr, addresses, released }): readonly [string, readonly string[]] => [
        cidr,
        [
          ...addresses.flatMap(({ address, pool: name, holders }) =>
            holders.map(
              (one) => `${address} in ${name} held by ${one.namespace}/${one.name}, ${one.uid}: ${String(one.terms)}`,
            ),
          ),
          ...released.map(({ address, service: key }) => `${address} released by ${key}`),
        ].sort(),
      ])
      .sort(),
  )

test('blocks made step by step are those that the state asks for, and only those that differ are made anew', () => {
  fc.assert(
    fc.property(worlds, (history) => {
      let last = plan({ pools, services: [], state: emptyState })
      let blocks = noBlocks
      for (const world of history) {
        last = replan(last, { pools, services: servicesOf(world) })
        const next = nextBlocks(blocks, last.state, context())
        for (const [name, spec] of next.specs) {
          const before = blocks.specs.get(name)
          if (before !== spec) assert.notDeepEqual(before, spec)
          assert.equal(spec.inUse, spec.addresses.length)
        }
        blocks = next
        assert.deepEqual(plain(blocks), plainBlocks(last.state))
      }
    }),
    { numRuns: 300 },
  )
})

const blockOf = (address: string, ...holders: readonly string[]): AddressBlockSpec => ({
  cidr: addressBlockCidr(ip(address)),
  inUse: 1,
  addresses: [
    {
      address,
      pool: 'p',
      holders: holders.map((name) => ({ namespace: 'n', name: name.slice(0, 1), uid: name, terms: '' })),
    },
  ],
  released: [],
})

test('of two addresses of a move that was cut short, the one in the status counts, and the next blocks drop the other', () => {
  const [old, fresh] = ['192.0.2.1', '192.0.2.70'] as const
  const specs = new Map([old, fresh].map((address) => [addressBlockName(ip(address)), blockOf(address, 'a')]))
  for (const [status, kept] of [
    [[fresh], fresh],
    [[old], old],
    [[], old],
  ] as const) {
    const { blocks, state } = stateOf(specs, () => status.map(ip))
    assert.deepEqual(
      state.assignments.get('n/a')?.addresses.map(({ address }) => formatAddress(address)),
      [kept],
    )
    const next = nextBlocks(blocks, state, context())
    assert.deepEqual(
      [...next.specs.values()].flatMap(({ addresses }) => addresses.map(({ address }) => address)),
      [kept],
    )
  }
})

test('an assignment has the uid that the block names', () => {
  const specs = new Map([['ipv4-192.0.2.0', blockOf('192.0.2.1', 'a1', 'b2')]])
  const { state } = stateOf(specs, () => [])
  assert.deepEqual(
    [...state.assignments.values()].map(({ service, uid }) => [service, uid]),
    [
      ['n/a', 'a1'],
      ['n/b', 'b2'],
    ],
  )
})

test('addresses of a block that cannot be read are given last, and whoever has one keeps it', () => {
  const two = [pool('p', '192.0.2.62-192.0.2.66')]
  const first = plan({ pools: two, services: [service('n/a', asking('192.0.2.63'))], state: emptyState })
  const services = ['n/a', 'n/b', 'n/c', 'n/d', 'n/e'].map((key) => service(key))
  const { decisions } = plan({ pools: two, services, state: givenLast(first.state, ['ipv4-192.0.2.0', 'other']) })
  assert.deepEqual(
    services.map(({ key }) => {
      const decision = decisions.get(key)
      return decision?.kind === 'assigned' ? decision.addresses.map(({ address }) => formatAddress(address)).join() : ''
    }),
    ['192.0.2.63', '192.0.2.64', '192.0.2.65', '192.0.2.66', '192.0.2.62'],
  )
  assert.equal(givenLast(first.state, []), first.state)
})

test('the oldest of too many releases are forgotten, and blocks of which nothing is left', () => {
  const free = (address: string, second: number) => ({
    address,
    service: 'n/x',
    time: `2026-01-01T00:00:0${second}.000000Z`,
  })
  const specs = new Map([
    ['ipv4-192.0.2.0', { cidr: '192.0.2.0/26', inUse: 0, addresses: [], released: [free('192.0.2.1', 1)] }],
    ['ipv4-192.0.2.64', { ...blockOf('192.0.2.64', 'a'), released: [free('192.0.2.65', 3), free('192.0.2.66', 2)] }],
  ])
  const { blocks, state } = stateOf(specs, () => [], 1)
  assert.deepEqual(
    [...blocks.specs.values()].map(({ inUse, released }) => [inUse, released.map(({ address }) => address)]),
    [[1, ['192.0.2.65']]],
  )
  assert.deepEqual(encodeState(state).released, [{ address: '192.0.2.65', service: 'n/x' }])
  assert.deepEqual(new Map(stateOf(specs, () => [], 3).blocks.specs), specs)
  const empty = { cidr: '192.0.2.0/26', inUse: 0, addresses: [], released: [] }
  assert.equal(stateOf(new Map([['ipv4-192.0.2.0', empty]]), () => []).blocks.specs.size, 0)
})

test('what Services of a pool had that is gone stays in its blocks for a week, and then the blocks go', () => {
  const week = 7 * 24 * 3_600_000
  const pools = [pool('p', '192.0.2.0/25')]
  const services = [service('n/a'), service('n/b', asking('192.0.2.100'))]
  const first = plan({ pools, services, state: emptyState })
  const blocks = nextBlocks(noBlocks, first.state, context())
  const without = replan(first, { pools: [], services })
  const kept = nextBlocks(blocks, without.state, context())
  assert.deepEqual(
    [...kept.specs].sort().map(([name, { inUse, released }]) => [name, inUse, released.map((one) => one.service)]),
    [
      ['ipv4-192.0.2.0', 0, ['n/a']],
      ['ipv4-192.0.2.64', 0, ['n/b']],
    ],
  )
  const isLow = (address: Address): boolean => formatAddress(address) === '192.0.2.0'
  assert.equal(
    withoutOldStrays(kept, () => false, start + week),
    kept,
  )
  const later = withoutOldStrays(kept, isLow, start + week + 1000)
  assert.deepEqual([...later.specs], [['ipv4-192.0.2.0', kept.specs.get('ipv4-192.0.2.0')]])
  assert.equal(later.state, kept.state)
  // Whoever holds an address has it however old the block is.
  assert.equal(
    withoutOldStrays(blocks, () => false, start + 100 * week),
    blocks,
  )
})

test('one change among 10,000 Services costs what one change costs', () => {
  const many = [pool('p', '10.0.0.0/16')]
  const services = Array.from({ length: 10_000 }, (_, index) => service(`n/s${index}`))
  let last = plan({ pools: many, services, state: emptyState })
  let blocks = nextBlocks(noBlocks, last.state, context())
  let encoded = 0
  const state = (next: AllocationState): void => {
    const after = nextBlocks(blocks, next, context())
    for (const [name, spec] of after.specs) if (blocks.specs.get(name) !== spec) encoded += 1
    blocks = after
  }
  const began = performance.now()
  for (let index = 0; index < 100; index += 1) {
    last = replan(last, { pools: many, services: services.filter((_, other) => other !== index) })
    state(last.state)
  }
  const perChange = (performance.now() - began) / 100
  // Each step gives one Service back and takes one away: two blocks at most.
  assert.ok(encoded <= 200, `${encoded} blocks`)
  assert.ok(perChange < 20, `${perChange.toFixed(1)} ms for a change`)
})
