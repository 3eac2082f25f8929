import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plan, replan } from './plan.ts'
import { ShardedMap } from './shards.ts'
import { decodeState, emptyState, encodeState, withClaims } from './state.ts'
import { ip, pool, preferDual, service, sharing } from './testing/worlds.ts'

test('a state survives JSON', () => {
  const pools = [pool('p', '192.0.2.1-192.0.2.9,2001:db8::/64')]
  const first = plan({
    pools,
    services: [service('n/b', preferDual()), service('n/a', sharing('k', 443, 80)), service('n/c')],
    state: emptyState,
  })
  const { state } = replan(first, {
    pools,
    services: [service('n/b', preferDual()), service('n/a', sharing('k', 443, 80))],
  })
  const encoded = encodeState(state)
  assert.deepEqual(encoded, {
    version: 1,
    assignments: [
      { service: 'n/a', addresses: [{ address: '192.0.2.1', pool: 'p' }], terms: '["k",""] TCP/443,TCP/80' },
      {
        service: 'n/b',
        addresses: [
          { address: '192.0.2.2', pool: 'p' },
          { address: '2001:db8::', pool: 'p' },
        ],
        terms: '',
      },
    ],
    released: [{ address: '192.0.2.3', service: 'n/c' }],
    longAgo: [],
  })
  const decoded = decodeState(JSON.parse(JSON.stringify(encoded)))
  assert.deepEqual(decoded.faults, [])
  assert.deepEqual(encodeState(decoded.state), encoded)
  const claimed = encodeState(withClaims(emptyState, [{ service: 'n/a', addresses: [ip('192.0.2.1')] }]))
  assert.deepEqual(encodeState(decodeState(JSON.parse(JSON.stringify(claimed))).state), claimed)
})

test('every entry that cannot be read is reported, the others are kept', () => {
  const { state, faults } = decodeState({
    version: 1,
    assignments: [
      {
        service: 'n/a',
        addresses: [
          { address: '192.0.2.1', pool: 'p' },
          { address: '192.0.2.999', pool: 'p' },
        ],
        terms: '',
      },
      { service: 'n/a', addresses: [{ address: '192.0.2.2', pool: 'p' }] },
      { service: 7, addresses: [{ address: '192.0.2.3', pool: null }] },
      'n/b',
    ],
    released: [{ address: '192.0.2.4' }, { address: '192.0.2.5', service: 'n/c' }],
    longAgo: ['192.0.2.6', '192.0.2.7-192.0.2.8'],
  })
  assert.deepEqual(faults, [
    { path: 'assignments[0].addresses[1].address', message: '"192.0.2.999" is not an IP address' },
    { path: 'assignments[1]', message: 'is the second entry for Service n/a' },
    { path: 'assignments[2].service', message: 'is a value of type number: a text is needed' },
    { path: 'assignments[2].addresses[0].pool', message: 'is null: a text is needed' },
    { path: 'assignments[3]', message: 'is a value of type string: an object is needed' },
    { path: 'released[0].service', message: 'is missing: a text is needed' },
    { path: 'longAgo[0]', message: '"192.0.2.6" is not a range: write "first-last"' },
  ])
  assert.deepEqual(encodeState(state), {
    version: 1,
    assignments: [{ service: 'n/a', addresses: [{ address: '192.0.2.1', pool: 'p' }], terms: '' }],
    released: [{ address: '192.0.2.5', service: 'n/c' }],
    longAgo: ['192.0.2.7-192.0.2.8'],
  })
})

test('what is no state at all is reported and gives the empty state', () => {
  for (const value of [
    undefined,
    null,
    'x',
    5,
    [],
    {},
    { version: 2 },
    { version: 1 },
    { version: 1, assignments: {} },
  ]) {
    const { state, faults } = decodeState(value)
    assert.notEqual(faults.length, 0)
    assert.deepEqual(encodeState(state), encodeState(emptyState))
  }
})

test('an assignment without any address that can be read is reported', () => {
  const { faults } = decodeState({
    version: 1,
    assignments: [{ service: 'n/a', addresses: [] }],
    released: [],
    longAgo: [],
  })
  assert.deepEqual(faults, [{ path: 'assignments[0].addresses', message: 'holds no address' }])
})

test('a state with contradictions gives a plan without any', () => {
  const placed = (address: string) => ({ address: ip(address), pool: 'p' })
  const state = {
    assignments: new Map([
      ['n/b', { service: 'n/b', addresses: [placed('192.0.2.1'), placed('192.0.2.2')], terms: '' }],
      ['n/a', { service: 'n/a', addresses: [placed('192.0.2.1')], terms: '' }],
    ]),
    history: {
      released: [
        { address: ip('192.0.2.1'), service: 'n/c' },
        { address: ip('192.0.2.3'), service: 'n/c' },
        { address: ip('192.0.2.3'), service: 'n/d' },
      ],
      longAgo: [{ first: ip('192.0.2.1'), last: ip('192.0.2.4') }],
    },
  }
  const result = plan({ pools: [pool('p', '192.0.2.1-192.0.2.5')], services: [service('n/a'), service('n/b')], state })
  assert.deepEqual(encodeState(result.state), {
    version: 1,
    assignments: [
      { service: 'n/a', addresses: [{ address: '192.0.2.1', pool: 'p' }], terms: '' },
      { service: 'n/b', addresses: [{ address: '192.0.2.2', pool: 'p' }], terms: '' },
    ],
    released: [{ address: '192.0.2.3', service: 'n/d' }],
    longAgo: ['192.0.2.4-192.0.2.4'],
  })
})

test('a sharded map answers like a Map, and copies leave it as it was', () => {
  const entries = Array.from({ length: 1_000 }, (_, index) => [`n/s${index}`, index] as const)
  const map = ShardedMap.of(entries)
  const changed = map.with([
    ['n/s1', undefined],
    ['n/s2', 0],
    ['new', 1],
    ['nobody', undefined],
  ])
  assert.deepEqual(new Map(map), new Map(entries))
  assert.equal(changed.size, 1_000)
  assert.deepEqual([changed.has('n/s1'), changed.get('n/s2'), changed.get('new'), map.get('n/s2')], [false, 0, 1, 2])
  assert.deepEqual(new Set(changed.keys()), new Set([...changed].map(([key]) => key)))
  const values: number[] = []
  changed.forEach((value) => values.push(value))
  assert.deepEqual(values, [...changed.values()])
})
