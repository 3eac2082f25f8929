import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatRange, rangesOverlap } from '@holdfast/ip'
import fc from 'fast-check'
import { effectivePolicy } from './effective-policy.ts'
import { evaluate } from './evaluate.ts'
import { sessionObstacles } from './kinds/peer.ts'
import { object } from './testing/manifests.ts'
import { advertisement, bfdProfile, community, node, peer, policy, pool, secret, service } from './testing/objects.ts'
import { mapOfKind } from './versions.ts'
import type { Evaluation, Fault, RawObject, Resource } from './types.ts'

const nodes = [node('node-l', { rack: 'l' }), node('node-r', { rack: 'r' })]
const rack = fc
  .constantFrom<object>({}, { rack: 'l' }, { rack: 'r' })
  .map((matchLabels) => ({ nodeSelectors: [{ matchLabels }] }))
const name = fc.constantFrom('a', 'b', 'c', 'd')

const blocks = (first: number, more: number): string => `192.0.2.${first}-192.0.2.${first + more}`

/** Blocks of a small network, so that pools often overlap; now and then IPv6 or nonsense. */
const address = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.nat(15), fc.nat(40)).map(([block, more]) => blocks(block * 8, more)) },
  { weight: 1, arbitrary: fc.nat(3).map((block) => `2001:db8:${block}::/64`) },
  { weight: 1, arbitrary: fc.constant('nonsense') },
)

const anyPool = fc
  .tuple(name, fc.array(address, { minLength: 1, maxLength: 2 }))
  .map(([n, addresses]) => pool(n, { addresses }))

const anyAdvertisement = fc
  .tuple(
    name,
    fc.record(
      {
        ipAddressPools: fc.uniqueArray(name, { maxLength: 2 }),
        aggregationLength: fc.constantFrom(32, 30, 28, 33),
        localPref: fc.constantFrom(100, 200),
        communities: fc.uniqueArray(fc.constantFrom('1:2', 'gold', 'silver'), { maxLength: 2 }),
      },
      { requiredKeys: [] },
    ),
    rack,
  )
  .map(([n, spec, where]) => advertisement(n, { ...spec, ...where }))

const anyPeer = fc
  .tuple(
    name,
    fc.record(
      {
        peerAddress: fc.constantFrom('192.0.2.254', '192.0.2.253', '192.0.2'),
        sourceAddress: fc.constantFrom('10.0.0.1', '10.0.0.2'),
        bfdProfile: fc.constantFrom('fast', 'slow'),
        passwordSecret: fc.constantFrom({ name: 'a' }, { name: 'b' }),
      },
      { requiredKeys: [] },
    ),
    rack,
  )
  .map(([n, spec, where]) => peer(n, { ...spec, ...where }))

const anyCommunity = fc
  .tuple(
    name,
    fc.uniqueArray(fc.constantFrom('gold', 'silver'), { maxLength: 2 }),
    fc.constantFrom('1:1', '2:2', '99999:1'),
  )
  .map(([n, aliases, value]) => community(n, { communities: aliases.map((alias) => ({ name: alias, value })) }))

const anyProfile = fc
  .tuple(fc.constantFrom('fast', 'slow'), fc.boolean())
  .map(([n, echoMode]) => bfdProfile(n, { echoMode }))
const key = { sendID: 1, receiveID: 1, algorithm: 'HMAC-SHA-1-96' }
const anyPolicy = fc
  .tuple(
    name,
    fc.record(
      {
        peers: fc.uniqueArray(name, { maxLength: 2 }),
        med: fc.constantFrom(1, 2, -1),
        ttl: fc.constantFrom(1, 64),
        tcpAO: fc.constantFrom('a', 'b').map((of) => ({ keys: [{ ...key, secret: { name: of } }] })),
      },
      { requiredKeys: [] },
    ),
    rack,
  )
  .map(([n, spec, where]) => policy(n, { ...spec, ...where }))
const anySecret = fc.tuple(name, fc.constantFrom('one', 'two', '')).map(([n, password]) => secret(n, password))
const anyService = fc
  .tuple(name, fc.constantFrom(80, 443, 70_000))
  .map(([n, port]) => service(n, { ports: [{ port }] }))

const anyObject = fc.oneof(
  { weight: 4, arbitrary: anyPool },
  { weight: 3, arbitrary: anyAdvertisement },
  { weight: 3, arbitrary: anyPeer },
  { weight: 1, arbitrary: anyCommunity },
  { weight: 1, arbitrary: anyProfile },
  { weight: 1, arbitrary: anyService },
  { weight: 2, arbitrary: anyPolicy },
  { weight: 1, arbitrary: anySecret },
)

const labelOf = ({ value }: RawObject): string => {
  const { kind, metadata } = value as { readonly kind: string; readonly metadata: { readonly name: string } }
  return `${kind}/${metadata.name}`
}

const manyObjects = fc.uniqueArray(anyObject, { selector: labelOf, maxLength: 16 }).map((some) => [...nodes, ...some])

const resourcesOf = ({ model }: Evaluation): readonly Resource[] =>
  Object.values(mapOfKind).flatMap((name): readonly Resource[] => [...model[name].values()])
const byLabel = (evaluation: Evaluation): ReadonlyMap<string, Resource> =>
  new Map(resourcesOf(evaluation).map((resource) => [`${resource.kind}/${resource.meta.ref.name}`, resource]))

const shuffled = (objects: readonly RawObject[], seed: number): readonly RawObject[] =>
  objects
    .map((raw, index) => ({ raw, turn: Math.imul(index + 1, seed | 1) >>> 0 }))
    .sort((a, b) => a.turn - b.turn)
    .map(({ raw }) => raw)

/** The same objects as if read anew: nothing that is remembered by identity helps. */
const readAnew = (objects: readonly RawObject[]): readonly RawObject[] =>
  objects.map(({ value }) => object(structuredClone(value)))

const runs = { numRuns: 150 }

test('the outcome does not depend on the order of the objects', () => {
  fc.assert(
    fc.property(manyObjects, manyObjects, fc.integer(), (before, after, seed) => {
      const first = evaluate(before, undefined)
      const second = evaluate(after, first)
      const otherFirst = evaluate(shuffled(readAnew(before), seed), undefined)
      assert.deepEqual(otherFirst, first)
      const otherSecond = evaluate(shuffled(readAnew(after), seed), otherFirst)
      assert.deepEqual(otherSecond, second)
      // deepEqual does not look at the order of a Map.
      assert.deepEqual([...byLabel(otherSecond).keys()], [...byLabel(second).keys()])
    }),
    runs,
  )
})

test('reading the same objects again changes nothing', () => {
  fc.assert(
    fc.property(manyObjects, manyObjects, (before, after) => {
      const second = evaluate(after, evaluate(before, undefined))
      assert.deepEqual(evaluate(readAnew(after), second), second)
    }),
    runs,
  )
})

test('adding an object that is broken by itself changes no other one', () => {
  const broken = fc.constantFrom(
    pool('0', { addresses: ['nonsense'] }),
    policy('0', { med: 'nonsense' }),
    advertisement('0', { communities: ['1:2:3'] }),
    peer('0', { myASN: 0 }),
    community('0', { communities: [{ name: 'gold', value: 'nonsense' }] }),
    service('0', { ports: 'none' }),
  )
  fc.assert(
    fc.property(manyObjects, broken, (objects, added) => {
      const without = evaluate(objects, undefined)
      const withIt = evaluate([added, ...objects], undefined)
      assert.deepEqual(withIt.model, without.model)
      // Only the words differ: an alias may be one that the broken object would define.
      const found = (faults: readonly Fault[]) => faults.map((fault) => ({ ...fault, message: '', remedy: '' }))
      assert.deepEqual(found(withIt.faults.filter(({ object: ref }) => ref.name !== '0')), found(without.faults))
      assert.ok(withIt.faults.some(({ object: ref }) => ref.name === '0'))
    }),
    runs,
  )
})

test('a newcomer, valid or not, changes no object that is in force', () => {
  const newcomer = fc.oneof(anyPool, anyAdvertisement, anyPeer).map(({ value }) => {
    const { metadata, ...rest } = value as { readonly metadata: object }
    return object({ ...rest, metadata: { ...metadata, name: '0' } })
  })
  fc.assert(
    fc.property(manyObjects, newcomer, (objects, added) => {
      const first = evaluate(objects, undefined)
      const after = byLabel(evaluate([added, ...objects], first))
      // A newcomer can only add to what is in force: objects that were waiting keep waiting or come in.
      for (const [label, resource] of byLabel(first)) assert.equal(after.get(label), resource)
    }),
    runs,
  )
})

test('an object that was in force and is still there is never lost, whatever the objects change to', () => {
  fc.assert(
    fc.property(manyObjects, manyObjects, manyObjects, (first, second, third) => {
      let evaluation = evaluate(first, undefined)
      for (const objects of [second, third]) {
        const next = evaluate(objects, evaluation)
        const [present, inForce] = [new Set(objects.map(labelOf)), byLabel(next)]
        for (const label of byLabel(evaluation).keys()) if (present.has(label)) assert.ok(inForce.has(label), label)
        evaluation = next
      }
    }),
    runs,
  )
})

/** Faults of objects that are in force all the same: what they say of sessions is safe. */
const admitted: ReadonlySet<string> = new Set([
  'unknown-secret',
  'unusable-secret',
  'conflicting-policies',
  'tcp-ao-with-password',
])

test('a session is opened with every secret that its newest valid versions ask for, or not at all', () => {
  fc.assert(
    fc.property(manyObjects, manyObjects, (before, after) => {
      const { model } = evaluate(after, evaluate(before, undefined))
      for (const one of model.peers.values()) {
        for (const where of model.nodes.values()) {
          const effective = effectivePolicy(model, one, where)
          if (sessionObstacles(one, effective).length > 0) continue
          const keys = effective.tcpAo ?? []
          assert.equal(one.password === undefined, one.passwordSecret === undefined)
          assert.ok(keys.every((used) => used.secret !== undefined))
          assert.ok(keys.length === 0 || one.password === undefined)
        }
      }
    }),
    runs,
  )
})

test('pools in force are disjoint, and an object is stale or left out only with a fault', () => {
  fc.assert(
    fc.property(manyObjects, manyObjects, (before, after) => {
      const evaluation = evaluate(after, evaluate(before, undefined))
      const ranges = [...evaluation.model.pools.values()].flatMap((one) => one.ranges)
      for (const [index, a] of ranges.entries()) {
        for (const b of ranges.slice(index + 1)) assert.ok(!rangesOverlap(a, b), `${formatRange(a)} ${formatRange(b)}`)
      }
      const codes = Map.groupBy(evaluation.faults, ({ object: ref }) => `${ref.kind}/${ref.name}`)
      const inForce = byLabel(evaluation)
      for (const label of after.map(labelOf)) {
        const faults = codes.get(label) ?? []
        const isOut = inForce.get(label)?.meta.isStale ?? true
        if (isOut) assert.notDeepEqual(faults, [], label)
        else
          assert.deepEqual(
            faults.filter(({ code }) => !admitted.has(code)),
            [],
            label,
          )
      }
    }),
    runs,
  )
})
