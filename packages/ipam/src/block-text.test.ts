import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addressFromBigInt, formatAddress } from '@holdfast/ip'
import type { AddressBlockSpec, ReservedAddress } from './address-block.ts'
import { addressBlockCidr, addressBlockName } from './address-block.ts'
import type { StoredBlockSpec } from './block-text.ts'
import { decodeBlock, encodeBlock } from './block-text.ts'

const time = '2026-01-01T00:00:00.000001Z'

/** Written by hand: what stands in clusters has to be read by every version to come. */
const golden: readonly (readonly [string, AddressBlockSpec, StoredBlockSpec])[] = [
  [
    'ipv4-192.0.2.0',
    {
      cidr: '192.0.2.0/26',
      inUse: 3,
      addresses: [
        {
          address: '192.0.2.2',
          pool: 'public',
          holders: [
            { namespace: 'shop', name: 'api', uid: 'u-1', terms: '["k",""] TCP/80' },
            { namespace: 'shop', name: 'web', uid: 'u-2', terms: '["k",""] TCP/443' },
          ],
        },
        { address: '192.0.2.10', pool: '', holders: [{ namespace: 'shop', name: 'old', uid: 'u-3' }] },
        { address: '192.0.2.11', pool: 'public', holders: [{ namespace: 'a', name: 'b', uid: 'u-4', terms: '' }] },
      ],
      released: [{ address: '192.0.2.3', service: 'shop/gone', time }],
    },
    {
      cidr: '192.0.2.0/26',
      inUse: 3,
      addresses: {
        '192.0.2.2': String.raw`{"pool":"public","holders":[{"namespace":"shop","name":"api","uid":"u-1","terms":"[\"k\",\"\"] TCP/80"},{"namespace":"shop","name":"web","uid":"u-2","terms":"[\"k\",\"\"] TCP/443"}]}`,
        '192.0.2.10': '{"pool":"","holders":[{"namespace":"shop","name":"old","uid":"u-3"}]}',
        '192.0.2.11': '{"pool":"public","holders":[{"namespace":"a","name":"b","uid":"u-4","terms":""}]}',
      },
      released: { '192.0.2.3': '{"service":"shop/gone","time":"2026-01-01T00:00:00.000001Z"}' },
    },
  ],
  [
    'ipv6-2001-db8-0-0-0-0-0-0',
    {
      cidr: '2001:db8::/122',
      inUse: 0,
      addresses: [],
      released: [{ address: '2001:db8::f', service: 'shop/web', time }],
    },
    {
      cidr: '2001:db8::/122',
      inUse: 0,
      addresses: {},
      released: { '2001:db8::f': '{"service":"shop/web","time":"2026-01-01T00:00:00.000001Z"}' },
    },
  ],
]

test('blocks are stored and read as written here', () => {
  for (const [name, spec, stored] of golden) {
    assert.equal(JSON.stringify(encodeBlock(spec)), JSON.stringify(stored))
    assert.deepEqual(decodeBlock(name, stored), { kind: 'read', spec, reserved: [] })
  }
})

test('addresses that are set aside stand beside what is granted, whether or not that speaks of them', () => {
  const [[name, spec, stored] = assert.fail()] = golden
  const reserved: readonly ReservedAddress[] = [
    { address: '192.0.2.2', leadership: '18446744073709551615' },
    { address: '192.0.2.3', leadership: '7' },
    { address: '192.0.2.12', leadership: '4711' },
  ]
  const marked = {
    ...stored,
    reserved: { '192.0.2.2': '18446744073709551615', '192.0.2.3': '7', '192.0.2.12': '4711' },
  }
  assert.equal(JSON.stringify(encodeBlock(spec, reserved)), JSON.stringify(marked))
  const backwards = Object.fromEntries(Object.entries(marked.reserved).reverse())
  assert.deepEqual(decodeBlock(name, { ...marked, reserved: backwards }), { kind: 'read', spec, reserved })
})

test('a block is read in the order of addresses, in which an API server does not keep them', () => {
  const [[name, spec, stored] = assert.fail()] = golden
  const sorted = Object.fromEntries(Object.entries(stored.addresses).sort(([a], [b]) => (a < b ? -1 : 1)))
  assert.notDeepEqual(Object.keys(sorted), Object.keys(stored.addresses))
  assert.deepEqual(decodeBlock(name, { ...stored, addresses: sorted }), { kind: 'read', spec, reserved: [] })
})

test('maps that are left out are empty', () => {
  const spec = { cidr: '192.0.2.0/26', inUse: 0, addresses: [], released: [] }
  for (const stored of [{}, { addresses: null, released: null, reserved: null }, { reserved: {} }]) {
    const reading = decodeBlock('ipv4-192.0.2.0', { cidr: '192.0.2.0/26', inUse: 0, ...stored })
    assert.deepEqual(reading, { kind: 'read', spec, reserved: [] })
  }
})

const name = fc.string({ minLength: 1, unit: 'binary' })
const holder = fc.record(
  { namespace: name, name, uid: name, terms: fc.string({ unit: 'binary' }) },
  { requiredKeys: ['namespace', 'name', 'uid'], noNullPrototype: true },
)
const entry = fc.oneof(
  fc.record(
    { pool: fc.string({ unit: 'binary' }), holders: fc.array(holder, { minLength: 1, maxLength: 4 }) },
    { noNullPrototype: true },
  ),
  fc.record({ service: name }, { noNullPrototype: true }),
)
const leadership = fc.bigInt({ min: 1n, max: (1n << 64n) - 1n }).map(String)

/** Any block of either family, with any of its 64 addresses in use or released, and any of them set aside besides. */
const blocks = fc
  .record({
    isV4: fc.boolean(),
    first: fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
    entries: fc.array(fc.option(entry), { minLength: 64, maxLength: 64 }),
    marks: fc.array(fc.option(leadership), { minLength: 64, maxLength: 64 }),
  })
  .map(({ isV4, first: any, entries, marks }) => {
    const first = ((isV4 ? any & 0xffffffffn : any) >> 6n) << 6n
    const addressAt = (index: number) => addressFromBigInt(isV4 ? 'ipv4' : 'ipv6', first + BigInt(index))
    const spec: AddressBlockSpec = {
      cidr: addressBlockCidr(addressAt(0)),
      inUse: entries.filter((one) => one !== null && 'pool' in one).length,
      addresses: entries.flatMap((one, index) =>
        one !== null && 'pool' in one ? [{ address: formatAddress(addressAt(index)), ...one }] : [],
      ),
      released: entries.flatMap((one, index) =>
        one !== null && 'service' in one ? [{ address: formatAddress(addressAt(index)), ...one, time }] : [],
      ),
    }
    const reserved: readonly ReservedAddress[] = marks.flatMap((one, index) =>
      one === null ? [] : [{ address: formatAddress(addressAt(index)), leadership: one }],
    )
    return [addressBlockName(addressAt(0)), spec, reserved] as const
  })

test('whatever a block says is read as it was written, whoever keeps it in between', () => {
  fc.assert(
    fc.property(blocks, ([block, spec, reserved]) => {
      const stored: unknown = JSON.parse(JSON.stringify(encodeBlock(spec, reserved)))
      assert.deepEqual(decodeBlock(block, stored), { kind: 'read', spec, reserved })
    }),
    { numRuns: 200 },
  )
})

test('what cannot be in a block makes all of it unreadable, and is told with its place', () => {
  const web = '{"pool":"p","holders":[{"namespace":"n","name":"s","uid":"u","terms":""}]}'
  const free = `{"service":"n/s","time":"${time}"}`
  const cidr = '192.0.2.0/26'
  const told = (spec: unknown, block = 'ipv4-192.0.2.0'): readonly string[] => {
    const reading = decodeBlock(block, spec)
    assert.ok(reading.kind === 'unreadable')
    assert.ok(reading.faults.every((fault) => fault.block === block))
    return reading.faults.map(({ path, message }) => `${path} ${message}`)
  }
  const toldOf = (addresses: Readonly<Record<string, unknown>>, released: Readonly<Record<string, unknown>> = {}) =>
    told({ cidr, inUse: 1, addresses, released })
  const at = (address: string): string => `spec.addresses["${address}"]`

  assert.deepEqual(told(undefined), ['spec.cidr is missing: a text is needed'])
  assert.deepEqual(told({ cidr: 7 }), ['spec.cidr is not a text'])
  assert.deepEqual(told({ cidr, addresses: 'x', released: 1 }), [
    'spec.addresses is not a mapping',
    'spec.released is not a mapping',
  ])
  assert.deepEqual(toldOf({ '192.0.2.64': web }), [`${at('192.0.2.64')} is not of this block, but of 192.0.2.64/26`])
  assert.deepEqual(toldOf({ '192.0.2.1': web }, { '192.0.2.1': free }), [
    'spec.released["192.0.2.1"] is both in use and released',
  ])
  assert.match(toldOf({ '192.0.2.300': web }).join(), /^spec\.addresses\["192\.0\.2\.300"\] ./)
  assert.deepEqual(told({ cidr, addresses: { '2001:DB8::1': web } }, 'ipv6-2001-db8-0-0-0-0-0-0'), [
    `${at('2001:DB8::1')} has to be written 2001:db8::1`,
  ])
  for (const [text, flaw] of [
    [7, 'is not a text'],
    ['', 'is not JSON'],
    [web.slice(1), 'is not JSON'],
    ['null', 'has no "pool"'],
    ['{"holders":[]}', 'has no "pool"'],
    ['{"pool":"p"}', 'has no "holders"'],
    ['{"pool":"p","holders":[]}', 'has no "holders"'],
    ['{"pool":"p","holders":[{"namespace":"n","name":"s"}]}', 'has a holder without namespace, name or uid'],
    [web.replace('"u"', '""'), 'has a holder without namespace, name or uid'],
  ] as const) {
    assert.deepEqual(toldOf({ '192.0.2.1': text, '192.0.2.2': web }), [`${at('192.0.2.1')} ${flaw}`])
  }
  for (const [text, flaw] of [
    ['[]', 'has no "service"'],
    [`{"service":"","time":"${time}"}`, 'has no "service"'],
    ['{"service":"n/s"}', 'has no "time" in UTC with microseconds'],
    [free.replace('.000001', ''), 'has no "time" in UTC with microseconds'],
    [free.replace('-01-', '-13-'), 'has no "time" in UTC with microseconds'],
  ] as const) {
    assert.deepEqual(toldOf({}, { '192.0.2.9': text }), [`spec.released["192.0.2.9"] ${flaw}`])
  }
  const toldOfMarks = (reserved: unknown) => told({ cidr, inUse: 0, addresses: {}, released: {}, reserved })
  for (const reserved of ['x', 7, []]) assert.deepEqual(toldOfMarks(reserved), ['spec.reserved is not a mapping'])
  const notNumber = 'is not the number of a leadership, in decimal digits'
  for (const [address, text, flaw] of [
    ['192.0.2.64', '7', 'is not of this block, but of 192.0.2.64/26'],
    ['192.0.2.9', 7, 'is not a text'],
    ['192.0.2.9', '', notNumber],
    ['192.0.2.9', '0', notNumber],
    ['192.0.2.9', '07', notNumber],
    ['192.0.2.9', '-7', notNumber],
    ['192.0.2.9', '7\n', notNumber],
    ['192.0.2.9', '1e3', notNumber],
    ['192.0.2.9', '9'.repeat(21), notNumber],
  ] as const) {
    assert.deepEqual(toldOfMarks({ '192.0.2.8': '7', [address]: text }), [`spec.reserved["${address}"] ${flaw}`])
  }
  assert.match(toldOfMarks({ '192.0.2.09': '7' }).join(), /^spec\.reserved\["192\.0\.2\.09"\] ./)
})

test('lists are what an earlier version wrote: they say nothing, and nothing is wrong with them', () => {
  const spec = { cidr: '192.0.2.0/26', inUse: 0, addresses: [], released: [] }
  for (const items of [[], [{}, {}], [{ address: '192.0.2.1', pool: 'p', holders: [] }]]) {
    const stored = { cidr: '192.0.2.0/26', inUse: items.length, addresses: items, released: items }
    assert.deepEqual(decodeBlock('ipv4-192.0.2.0', stored), { kind: 'read', spec, reserved: [] })
  }
})
