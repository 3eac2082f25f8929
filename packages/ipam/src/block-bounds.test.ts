import { formatAddress } from '@holdfast/ip'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AddressBlockSpec } from './address-block.ts'
import { mostSharers } from './block-room.ts'
import { stateOf } from './block-state.ts'
import { encodeBlock } from './block-text.ts'
import type { Blocks } from './blocks.ts'
import { nextBlocks, noBlocks } from './blocks.ts'
import { plan, replan } from './plan.ts'
import { decodeState, emptyState, encodeState } from './state.ts'
import { asking, pool, service, sharing } from './testing/worlds.ts'
import type { Plan, ServiceRequest } from './types.ts'
import { toWant } from './want.ts'

const context = { uidOf: (key: string): string => `uid of ${key}`, nowMs: Date.UTC(2026, 0, 1) }

const held = ({ decisions }: Plan, key: string): string | undefined => {
  const decision = decisions.get(key)
  return decision?.kind === 'assigned'
    ? decision.addresses.map(({ address }) => formatAddress(address)).join()
    : undefined
}

const reasonOf = ({ decisions }: Plan, key: string): string | undefined => {
  const decision = decisions.get(key)
  return decision?.kind === 'refused' ? decision.reason : undefined
}

const longSelector = Array.from({ length: 400 }, (_, index) => `label-${index}=${'v'.repeat(60)}`).join()
const behind = (key: string, port: number): Pick<ServiceRequest, 'sharing' | 'ports'> => ({
  sharing: { key, backend: longSelector },
  ports: [{ protocol: 'TCP', port }],
})

test('what blocks keep of sharing key, selector and ports is short, however long these are', () => {
  const pools = [pool('p', '192.0.2.0/26')]
  const manyPorts = Array.from({ length: 5000 }, (_, index) => index + 1)
  const services = [
    service('n/selector', behind('k', 80)),
    service('n/ports', sharing('k', ...manyPorts)),
    service('n/short', sharing('k', 80)),
  ]
  const { specs } = nextBlocks(noBlocks, plan({ pools, services, state: emptyState }).state, context)
  const terms = [...specs.values()]
    .flatMap(({ addresses }) => addresses.flatMap(({ holders }) => holders))
    .map((holder) => holder.terms)
  assert.equal(terms.length, 3)
  assert.ok(terms.includes('["k",""] TCP/80'), 'a short text stays one')
  for (const text of terms) assert.ok(text !== undefined && text.length <= 71, text)
})

test('other keys, selectors and ports are other terms', () => {
  const texts = [behind('k', 80), behind('k', 81), behind('l', 80)].map((one) => toWant(service('n/a', one)).terms)
  assert.equal(new Set(texts).size, 3)
  assert.equal(toWant(service('n/b', behind('k', 80))).terms, texts[0])
})

/** What the version before wrote: the whole text. */
const withWholeTerms = (blocks: Blocks, wholeOf: (name: string) => string): ReadonlyMap<string, AddressBlockSpec> =>
  new Map(
    [...blocks.specs].map(([name, spec]) => [
      name,
      {
        ...spec,
        addresses: spec.addresses.map((entry) => ({
          ...entry,
          holders: entry.holders.map((holder) => ({ ...holder, terms: wholeOf(holder.name) })),
        })),
      },
    ]),
  )

const wholeTerms = (key: string, port: number): string => `${JSON.stringify([key, longSelector])} TCP/${port}`

test('blocks with whole terms move nobody: who shares stays, who changed is told from who did not, and they are written shorter', () => {
  const pools = [pool('p', '192.0.2.0/26')]
  const services = [service('n/a', behind('k', 80)), service('n/b', behind('k', 81))]
  const first = plan({ pools, services, state: emptyState })
  const old = withWholeTerms(nextBlocks(noBlocks, first.state, context), (name) =>
    wholeTerms('k', name === 'a' ? 80 : 81),
  )
  const { blocks, state } = stateOf(old, () => [])
  const same = plan({ pools, services, state })
  assert.deepEqual(same.changes, [])
  assert.deepEqual([held(same, 'n/a'), held(same, 'n/b')], ['192.0.2.0', '192.0.2.0'])
  const written = nextBlocks(blocks, same.state, context)
  const entries = [...written.specs.values()].flatMap(({ addresses }) => addresses)
  assert.deepEqual(
    entries.map(({ holders }) => holders.map(({ name, terms = '' }) => [name, terms.slice(0, 7), terms.length])),
    [
      [
        ['a', 'sha256:', 71],
        ['b', 'sha256:', 71],
      ],
    ],
  )
  // "a" has another key by now, and stands before "b": the one that changed has to go all the same.
  const changed = [service('n/a', behind('other', 80)), service('n/b', behind('k', 81))]
  const next = plan({ pools, services: changed, state })
  assert.deepEqual([held(next, 'n/a'), held(next, 'n/b')], ['192.0.2.1', '192.0.2.0'])
})

test('a state file with whole terms is read as the same', () => {
  const pools = [pool('p', '192.0.2.0/26')]
  const { state } = plan({ pools, services: [service('n/a', behind('k', 80))], state: emptyState })
  const encoded = encodeState(state)
  const old = { ...encoded, assignments: encoded.assignments.map((one) => ({ ...one, terms: wholeTerms('k', 80) })) }
  assert.deepEqual(decodeState(old).state.assignments.get('n/a'), state.assignments.get('n/a'))
})

test('a sharing key of more than 253 characters is refused, and costs nobody the address that it has', () => {
  const pools = [pool('p', '192.0.2.0/26')]
  const long = service('n/long', sharing('k'.repeat(254), 80))
  const first = plan({ pools, services: [long, service('n/most', sharing('k'.repeat(253), 80))], state: emptyState })
  assert.deepEqual([reasonOf(first, 'n/long'), held(first, 'n/most')], ['sharingKeyTooLong', '192.0.2.0'])
  const decision = first.decisions.get('n/long')
  assert.ok(decision?.kind === 'refused' && decision.message.includes('254') && decision.message.length < 100)
  const asked = plan({ pools, services: [{ ...long, ...asking('192.0.2.9') }], state: emptyState })
  assert.equal(reasonOf(asked, 'n/long'), 'sharingKeyTooLong')
  const before = plan({ pools, services: [service('n/long', sharing('k', 80))], state: emptyState })
  assert.equal(held(replan(before, { pools, services: [long] }), 'n/long'), '192.0.2.0')
  const corrected = replan(first, { pools, services: [service('n/long', sharing('k', 80))] })
  assert.equal(held(corrected, 'n/long'), '192.0.2.1')
})

/** The first holder of an address and as many sharers as fit, each with a port of its own. */
const crowd = (count: number, settings: Partial<ServiceRequest> = {}): readonly ServiceRequest[] =>
  Array.from({ length: count }, (_, index) =>
    service(`n/s-${String(index).padStart(4, '0')}`, { ...sharing('k', index + 1), ...settings }),
  )

/** As an API server stores it: its JSON writes what HTML reserves as \u003c. */
const storedBytes = (spec: AddressBlockSpec): number =>
  Buffer.byteLength(JSON.stringify(encodeBlock(spec)).replaceAll(/[<>&]/g, '\\u003c'))

test('an AddressBlock stays below 1.35 MB whoever shares in it, and whoever comes too late has another address', () => {
  const pools = [pool('p', '192.0.2.0/25')]
  const name = (index: number): string => `${'n'.repeat(63)}/${String(index).padStart(63, 's')}`
  for (const character of ['\u4e00', '"', '\\', '<', '\u0001', '\u{1f600}']) {
    // Terms about as long as they stay texts.
    const key = character.repeat(Math.floor(48 / (JSON.stringify(character).length - 2)))
    const services = Array.from({ length: mostSharers + 300 }, (_, index) =>
      service(name(index), { ...sharing(key, index + 1) }),
    )
    const result = plan({ pools, services, state: emptyState })
    assert.ok(services.every((one) => held(result, one.key) !== undefined))
    const { specs } = nextBlocks(noBlocks, result.state, { ...context, uidOf: () => 'u'.repeat(36) })
    const holders = [...specs.values()].flatMap(({ addresses }) => addresses.flatMap((entry) => entry.holders))
    assert.ok(
      holders.every(({ terms = '' }) => terms.length > 55 && !terms.startsWith('sha256')),
      holders[0]?.terms,
    )
    const sizes = [...specs].map(([block, spec]) => [block, storedBytes(spec)] as const)
    assert.ok(
      sizes.every(([, bytes]) => bytes < 1_350_000),
      JSON.stringify([character, sizes]),
    )
    const longest = [...specs.values()].flatMap((spec) => Object.values(encodeBlock(spec).addresses))
    assert.ok(
      longest.every((text) => text.length < 1 << 20),
      character,
    )
    const sharers = [...specs.values()].map(({ addresses }) =>
      addresses.reduce((sum, entry) => sum + entry.holders.length - 1, 0),
    )
    assert.ok(Math.max(...sharers) === mostSharers, JSON.stringify(sharers))
  }
})

test('whoever asks for an address of a full block is told, and has it when anybody leaves the block', () => {
  const pools = [pool('p', '192.0.2.0/26')]
  const all = crowd(mostSharers + 1)
  // Of another address of the same block.
  const host = service('n/host', { ...sharing('l', 1), ...asking('192.0.2.9') })
  const late = service('n/late', { ...sharing('l', 2), ...asking('192.0.2.9') })
  const full = plan({ pools, services: [...all, host, late], state: emptyState })
  // Whoever asks is served first: one of the crowd has an address of its own.
  assert.equal(held(full, 'n/late'), '192.0.2.9')
  assert.equal(held(full, all.at(-1)?.key ?? ''), '192.0.2.1')
  const another = service('n/z-later', { ...sharing('l', 3), ...asking('192.0.2.9') })
  const second = replan(full, { pools, services: [...all, host, late, another] })
  assert.equal(reasonOf(second, another.key), 'tooManySharers')
  const third = replan(second, { pools, services: [...all.slice(1), host, late, another] })
  assert.equal(held(third, another.key), '192.0.2.9')
})

test('nobody loses an address for the bound: what another program gave is kept', () => {
  const pools = [pool('p', '192.0.2.0/26')]
  const all = crowd(mostSharers + 50)
  const assignments = new Map(
    all.map(({ key }) => {
      const { requestedAddresses } = service('n/x', asking('192.0.2.5'))
      const addresses = requestedAddresses.map((address) => ({ address, pool: '' }))
      return [key, { service: key, addresses, terms: undefined }] as const
    }),
  )
  const result = plan({ pools, services: all, state: { ...emptyState, assignments } })
  assert.ok(all.every(({ key }) => held(result, key) === '192.0.2.5'))
})
