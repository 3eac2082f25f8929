import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { entryName } from './entry-name.ts'
import { evaluate } from './evaluate.ts'
import { object } from './testing/manifests.ts'
import { advertisement, bfdProfile, community, node, peer, pool } from './testing/objects.ts'
import type { Evaluation, RawObject } from './types.ts'

// Few names and few addresses, so that nearly every step makes objects get in each other's way.

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const rack = fc.constantFrom<object>({}, { rack: 'l' }, { rack: 'r' })
const where = rack.map((matchLabels) => ({ nodeSelectors: [{ matchLabels }] }))

const address = fc.oneof(
  { weight: 12, arbitrary: fc.tuple(fc.nat(15), fc.nat(3)).map(([at, more]) => `192.0.2.${at}-192.0.2.${at + more}`) },
  { weight: 2, arbitrary: fc.constant('2001:db8::/64') },
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
        ipAddressPools: fc.uniqueArray(name, { minLength: 1, maxLength: 2 }),
        aggregationLength: fc.constantFrom(32, 31),
        localPref: fc.constantFrom(100, 200),
        communities: fc.constant(['gold']),
      },
      { requiredKeys: [] },
    ),
    where,
  )
  .map(([n, spec, nodes]) => advertisement(n, { ...spec, ...nodes }))
const anyPeer = fc
  .tuple(
    name,
    fc.record(
      { peerAddress: fc.constantFrom('10.0.0.1', '10.0.0.2'), bfdProfile: fc.constant('fast') },
      { requiredKeys: ['peerAddress'] },
    ),
    where,
  )
  .map(([n, spec, nodes]) => peer(n, { ...spec, ...nodes }))
const anyProfile = fc.boolean().map((echoMode) => bfdProfile('fast', { echoMode }))
const anyCommunity = fc
  .tuple(name, fc.constantFrom('1:1', '2:2'))
  .map(([n, value]) => community(n, { communities: [{ name: 'gold', value }] }))
const anyNode = fc.tuple(fc.constantFrom('node-1', 'node-2'), rack).map(([n, labels]) => node(n, { ...labels }))

const anyObject = fc.oneof(
  { weight: 6, arbitrary: anyPool },
  { weight: 3, arbitrary: anyAdvertisement },
  { weight: 3, arbitrary: anyPeer },
  { weight: 1, arbitrary: anyProfile },
  { weight: 1, arbitrary: anyCommunity },
  { weight: 1, arbitrary: anyNode },
)

const labelOf = ({ value }: RawObject): string => {
  const { kind, metadata } = value as { readonly kind: string; readonly metadata: { readonly name: string } }
  return `${kind}/${metadata.name}`
}
const objects = fc.uniqueArray(anyObject, { selector: labelOf, maxLength: 18 })
const history = fc.array(objects, { minLength: 2, maxLength: 4 })
const pools = fc.uniqueArray(anyPool, { selector: labelOf, maxLength: 5 })
const historyOfPools = fc.array(pools, { minLength: 2, maxLength: 4 })

/** The same objects as if read anew: nothing that is remembered by identity helps. */
const readAnew = (all: readonly RawObject[]): readonly RawObject[] =>
  all.map(({ value }) => object(structuredClone(value)))

const runs = { numRuns: 300 }

test("objects that are in each other's way settle at once: read again, they come to the same", () => {
  fc.assert(
    fc.property(history, (steps) => {
      let evaluation: Evaluation | undefined
      for (const step of steps) {
        evaluation = evaluate(step, evaluation)
        assert.deepEqual(evaluate(readAnew(step), evaluation), evaluation)
      }
    }),
    runs,
  )
})

test('an overlap is reported only with addresses that are in force', () => {
  fc.assert(
    fc.property(historyOfPools, (steps) => {
      let evaluation: Evaluation | undefined
      for (const step of steps) {
        evaluation = evaluate(step, evaluation)
        const inForce = [...evaluation.model.pools.values()].flatMap(({ meta, ranges }) =>
          ranges.map(
            (range, index) =>
              ` overlaps ${entryName(range)} of IPAddressPool "metallb-system/${meta.ref.name}", addresses[${index}].`,
          ),
        )
        for (const { code, message } of evaluation.faults) {
          if (code !== 'overlapping-addresses' || !message.includes('IPAddressPool')) continue
          assert.ok(
            inForce.some((end) => message.endsWith(end)),
            message,
          )
        }
      }
    }),
    runs,
  )
})
