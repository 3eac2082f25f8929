import type { KubeObject, MemoryApi } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import type { AddressBlockSpec } from '@holdfast/ipam'
import { Allocation } from '../../allocation/allocation.ts'
import { evaluate } from '@holdfast/model'
import { decodeBlock, stateOf } from '@holdfast/ipam'
import { parseAddress } from '@holdfast/ip'
import assert from 'node:assert/strict'
import type { Wish } from '../wanted-status.ts'
import { wishOf } from '../wanted-status.ts'
import { ingressOf, viewOf } from '../service-object.ts'

const origin = { file: 'simulated', lineOf: () => undefined }

export const servicesOf = (server: MemoryApi): readonly KubeObject[] => server.readAll(resourceTypes.Service)

/** What an AddressBlock says, which can be read. */
export function specOf(block: KubeObject | undefined): AddressBlockSpec {
  assert.ok(block !== undefined)
  const reading = decodeBlock(block.metadata.name, block['spec'])
  assert.ok(reading.kind === 'read', `block ${block.metadata.name} cannot be read`)
  return reading.spec
}

function blockSpecs(server: MemoryApi): ReadonlyMap<string, AddressBlockSpec> {
  const specs = new Map<string, AddressBlockSpec>()
  for (const object of server.readAll(resourceTypes.AddressBlock)) {
    specs.set(object.metadata.name, specOf(object))
  }
  return specs
}

/**
 * What a planner that knows everything at this moment would have each Service hold: from what blocks grant, or only from what
 * statuses name of it.
 */
export function perfectWishes(server: MemoryApi, from: 'grants' | 'statuses' = 'grants'): ReadonlyMap<string, Wish> {
  const kinds = [resourceTypes.Service, resourceTypes.Namespace, resourceTypes.IPAddressPool]
  const objects = kinds.flatMap(({ group, version, kind, ...type }) =>
    server.readAll({ group, version, kind, ...type }).map((object) => ({
      value: { ...object, kind, apiVersion: group === '' ? version : `${group}/${version}` },
      origin,
    })),
  )
  const { model } = evaluate(objects, undefined)
  const statuses = new Map(servicesOf(server).map((object) => [viewOf(object)?.key ?? '', ingressOf(object)]))
  const specs = from === 'grants' ? blockSpecs(server) : namedSpecs(server)
  const { state } = stateOf(specs, (key) =>
    (statuses.get(key) ?? []).flatMap((text) => {
      const address = parseAddress(text)
      return address.ok ? [address.value] : []
    }),
  )
  const { plan } = new Allocation(state, { loadBalancerClass: undefined, source: 'apiServer' }).run(model)
  return new Map([...plan.decisions].map(([key, decision]) => [key, wishOf(decision, undefined)]))
}

/** The blocks without grants that no status names yet. */
function namedSpecs(server: MemoryApi): ReadonlyMap<string, AddressBlockSpec> {
  const named = new Set(
    servicesOf(server).flatMap((object) =>
      ingressOf(object).map((address) => `${address} ${object.metadata.uid ?? ''}`),
    ),
  )
  const isNamed = (address: string, uid: string): boolean => named.has(`${address} ${uid}`)
  return new Map(
    [...blockSpecs(server)].map(([name, spec]) => {
      const addresses = spec.addresses
        .map((entry) => ({ ...entry, holders: entry.holders.filter(({ uid }) => isNamed(entry.address, uid)) }))
        .filter(({ holders }) => holders.length > 0)
      return [name, { ...spec, addresses, inUse: addresses.length }]
    }),
  )
}

/**
 * No address in two statuses but where the blocks let its holders share it; and no status that names what no block grants its
 * Service.
 */
export function assertExclusive(server: MemoryApi): void {
  const specs = blockSpecs(server)
  const terms = new Map<string, string | undefined>()
  for (const spec of specs.values()) {
    for (const { address, holders } of spec.addresses) {
      for (const { uid, terms: granted } of holders) terms.set(`${address} ${uid}`, granted)
    }
  }
  const named = new Map<string, { readonly key: string; readonly terms: string | undefined }[]>()
  for (const object of servicesOf(server)) {
    const view = viewOf(object)
    if (view === undefined) continue
    for (const address of ingressOf(object)) {
      const grant = `${address} ${view.uid}`
      assert.ok(terms.has(grant), `${view.key} names ${address}, which no block grants it`)
      const mine = { key: view.key, terms: terms.get(grant) }
      const others = named.get(address) ?? []
      for (const other of others) assertShared(address, mine, other)
      named.set(address, [...others, mine])
    }
  }
}

interface Named {
  readonly key: string
  readonly terms: string | undefined
}

/** Terms are a group, empty for those who share with nobody, and ports. */
function assertShared(address: string, a: Named, b: Named): void {
  const [mine, theirs] = [termsOf(a.terms), termsOf(b.terms)]
  const isShared = mine !== undefined && mine.group === theirs?.group
  const common = mine?.ports.filter((port) => theirs?.ports.includes(port) === true) ?? []
  assert.ok(
    isShared && common.length === 0,
    `${address} is in the status of ${a.key} (${a.terms ?? ''}) and of ${b.key} (${b.terms ?? ''})`,
  )
}

function termsOf(text: string | undefined): { readonly group: string; readonly ports: readonly string[] } | undefined {
  const [, group, ports] = /^(.+) (\S*)$/.exec(text ?? '') ?? []
  return group === undefined || ports === undefined ? undefined : { group, ports: ports.split(',') }
}

/** Everything is as it is to be: statuses what the planner would have, blocks what statuses say. */
export function assertSettled(server: MemoryApi): void {
  const wishes = perfectWishes(server)
  const held = new Map<string, string[]>()
  for (const spec of blockSpecs(server).values()) {
    for (const { address, holders } of spec.addresses) {
      for (const { uid } of holders) held.set(uid, [...(held.get(uid) ?? []), address])
    }
  }
  for (const object of servicesOf(server)) {
    const view = viewOf(object)
    if (view === undefined) continue
    const wanted = wishes.get(view.key)?.addresses ?? []
    assert.deepEqual([...ingressOf(object)].sort(), [...wanted].sort(), `the status of ${view.key}`)
    assert.deepEqual([...(held.get(view.uid) ?? [])].sort(), [...wanted].sort(), `what blocks grant ${view.key}`)
    held.delete(view.uid)
  }
  assert.deepEqual([...held], [], 'blocks name Services that are gone')
}
