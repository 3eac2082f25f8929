import type { PathAttributes } from '@holdfast/bgp'
import { formatAddress, formatPrefix, ipv4, parsePrefix } from '@holdfast/ip'
import type { Prefix } from '@holdfast/ip'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Rib } from './rib.ts'

const prefix = (text: string): Prefix => {
  const parsed = parsePrefix(text)
  assert.ok(parsed.ok)
  return parsed.value
}
const vip = prefix('192.0.2.1/32')
const plainAttributes: PathAttributes = {
  origin: 'igp',
  asPath: [{ kind: 'sequence', asns: [64_512] }],
  localPref: undefined,
  med: undefined,
  communities: [],
  largeCommunities: [],
  extendedCommunities: [],
  onlyToCustomer: undefined,
  others: [],
}

function announce(rib: Rib, neighbor: number, change: Partial<PathAttributes> = {}, isInternal = false): void {
  rib.update(
    { neighbor: `n${neighbor}`, neighborRouterId: neighbor, isInternal },
    {
      kind: 'update',
      withdrawn: [],
      announced: {
        attributes: { ...plainAttributes, ...change },
        reach: [{ nextHop: ipv4(0x0a00_0000 + neighbor), prefixes: [vip] }],
      },
      endOfRib: undefined,
      faults: [],
    },
  )
}
const nextHops = (rib: Rib): readonly string[] => rib.lookup(vip).nextHops.map(formatAddress)

test('equally good paths of all neighbours make one set, each next hop once, in address order', () => {
  const rib = new Rib(64_500)
  for (const neighbor of [3, 1, 2]) announce(rib, neighbor)
  assert.deepEqual(nextHops(rib), ['10.0.0.1', '10.0.0.2', '10.0.0.3'])
})

const worse: readonly (readonly [string, Partial<PathAttributes>, Partial<PathAttributes>])[] = [
  ['a lower LOCAL_PREF', { localPref: 200 }, { localPref: 199 }],
  ['a longer AS_PATH', {}, { asPath: [{ kind: 'sequence', asns: [64_512, 64_512] }] }],
  ['a worse ORIGIN', {}, { origin: 'incomplete' }],
  ['a higher MED from the same AS', { med: 5 }, { med: 6 }],
  ['a MED where the other has none', {}, { med: 1 }],
]
for (const [name, good, bad] of worse) {
  test(`a path with ${name} is left out`, () => {
    const rib = new Rib(64_500)
    announce(rib, 1, bad)
    announce(rib, 2, good)
    assert.deepEqual(nextHops(rib), ['10.0.0.2'])
  })
}

test('MED of different ASes does not count, and a set in a path counts as one', () => {
  const rib = new Rib(64_500)
  announce(rib, 1, { med: 5 })
  announce(rib, 2, { med: 50, asPath: [{ kind: 'set', asns: [1, 2, 3] }] })
  assert.deepEqual(nextHops(rib), ['10.0.0.1', '10.0.0.2'])
})

test('an external path beats an internal one that is as good', () => {
  const rib = new Rib(64_500)
  announce(rib, 1, {}, true)
  announce(rib, 2)
  assert.deepEqual(nextHops(rib), ['10.0.0.2'])
})

test('an announcement replaces the neighbour’s earlier one, a withdrawal or a lost session removes it', () => {
  const rib = new Rib(64_500)
  announce(rib, 1)
  announce(rib, 2)
  rib.takeChanges()
  rib.update(
    { neighbor: 'n1', neighborRouterId: 1, isInternal: false },
    { kind: 'update', withdrawn: [vip], announced: undefined, endOfRib: undefined, faults: [] },
  )
  assert.deepEqual(nextHops(rib), ['10.0.0.2'])
  rib.forget('n2')
  assert.equal(rib.size, 0)
  const changes = rib.takeChanges()
  assert.deepEqual(
    changes.map((set) => [formatPrefix(set.prefix), set.nextHops]),
    [['192.0.2.1/32', []]],
  )
  assert.deepEqual(rib.takeChanges(), [], 'changes are told once')
})

test('a path through the collector’s own AS is a loop, and replaces nothing but the neighbour’s own path', () => {
  const rib = new Rib(64_500)
  announce(rib, 1)
  announce(rib, 2)
  announce(rib, 2, { asPath: [{ kind: 'sequence', asns: [64_512, 64_500] }] })
  assert.deepEqual(nextHops(rib), ['10.0.0.1'])
})
