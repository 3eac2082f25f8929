import type { KubeObject, MemoryApi } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import type { AddressBlockSpec } from '@holdfast/ipam'
import { Allocation } from '../../allocation/allocation.ts'
import { evaluate } from '@holdfast/model'
import { addressBlockName, decodeBlock, stateOf } from '@holdfast/ipam'
import { parseAddress } from '@holdfast/ip'
import assert from 'node:assert/strict'
import type { Wish } from '../wanted-status.ts'
import { wishOf } from '../wanted-status.ts'
import { ingressOf, poolAnnotation, viewOf } from '../service-object.ts'

const origin = { file: 'simulated', lineOf: () => undefined }

export const servicesOf = (server: MemoryApi): readonly KubeObject[] => server.readAll(resourceTypes.Service)

/** What an AddressBlock says, which can be read. */
export function specOf(block: KubeObject | undefined): AddressBlockSpec {
  assert.ok(block !== undefined)
  const reading = decodeBlock(block.metadata.name, block['spec'])
  assert.ok(reading.kind === 'read', `block ${block.metadata.name} cannot be read`)
  return reading.spec
}

/** Of the blocks that can be read. */
function blockSpecs(server: MemoryApi): ReadonlyMap<string, AddressBlockSpec> {
  const specs = new Map<string, AddressBlockSpec>()
  for (const { metadata, ...object } of server.readAll(resourceTypes.AddressBlock)) {
    const reading = decodeBlock(metadata.name, object['spec'])
    if (reading.kind === 'read') specs.set(metadata.name, reading.spec)
  }
  return specs
}

/** By address: the number of the leadership for which a block that can be read has set it aside. */
export function reservedIn(server: MemoryApi): ReadonlyMap<string, string> {
  return new Map(blocksThatReserve(server).flatMap(({ reserved }) => [...reserved]))
}

/** Blocks that have set something aside, and when they were last written. */
const blocksThatReserve = (
  server: MemoryApi,
): readonly { readonly name: string; readonly version: number; readonly reserved: ReadonlyMap<string, string> }[] =>
  server.readAll(resourceTypes.AddressBlock).flatMap(({ metadata, ...object }) => {
    const reading = decodeBlock(metadata.name, object['spec'])
    const { reserved = {} } = object['spec'] as { readonly reserved?: Readonly<Record<string, string>> }
    if (reading.kind !== 'read' || Object.keys(reserved).length === 0) return []
    const version = Number(metadata.resourceVersion)
    return [{ name: metadata.name, version, reserved: new Map(Object.entries(reserved)) }]
  })

/** The blocks, and in them who has by its status what is set aside: it was given that, and its block is told later. */
function promisedSpecs(server: MemoryApi): ReadonlyMap<string, AddressBlockSpec> {
  const specs = new Map(blockSpecs(server))
  const grants = grantsOf(server)
  for (const [address, object] of namedOf(server, reservedIn(server))) {
    const parsed = parseAddress(address)
    const name = parsed.ok ? addressBlockName(parsed.value) : ''
    const spec = specs.get(name)
    const isGranted = grants.has(`${address} ${object.metadata.uid ?? ''}`)
    if (spec !== undefined && !isGranted) specs.set(name, promised(spec, address, object))
  }
  return specs
}

/** Who has by its status one of these addresses. */
const namedOf = (
  server: MemoryApi,
  addresses: ReadonlyMap<string, unknown>,
): readonly (readonly [address: string, object: KubeObject])[] =>
  servicesOf(server).flatMap((object) =>
    ingressOf(object)
      .filter((address) => addresses.has(address))
      .map((address) => [address, object] as const),
  )

function promised(spec: AddressBlockSpec, address: string, object: KubeObject): AddressBlockSpec {
  const { namespace = '', name, uid = '', annotations } = object.metadata
  const terms = actualTerms(object)
  const holder = { namespace, name, uid, ...(terms === '' ? {} : { terms }) }
  const known = spec.addresses.find((entry) => entry.address === address)
  const entry = {
    address,
    pool: known?.pool ?? annotations?.[poolAnnotation] ?? '',
    holders: [...(known?.holders ?? []), holder],
  }
  const addresses = [...spec.addresses.filter((other) => other.address !== address), entry]
  const released = spec.released.filter((other) => other.address !== address)
  return { ...spec, inUse: addresses.length, addresses, released }
}

/**
 * What a planner that knows everything at this moment would have each Service hold: from what blocks grant and statuses name of what
 * is set aside, or only from what statuses name of both. What is set aside is in nobody's way.
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
  const specs = from === 'grants' ? promisedSpecs(server) : namedSpecs(server)
  const { state } = stateOf(specs, (key) =>
    (statuses.get(key) ?? []).flatMap((text) => {
      const address = parseAddress(text)
      return address.ok ? [address.value] : []
    }),
  )
  const { plan } = new Allocation(state, { loadBalancerClass: undefined, source: 'apiServer' }).run(model)
  return new Map([...plan.decisions].map(([key, decision]) => [key, wishOf(decision, undefined)]))
}

/** The same without grants that no status names yet. */
function namedSpecs(server: MemoryApi): ReadonlyMap<string, AddressBlockSpec> {
  const named = new Set(
    servicesOf(server).flatMap((object) =>
      ingressOf(object).map((address) => `${address} ${object.metadata.uid ?? ''}`),
    ),
  )
  const isNamed = (address: string, uid: string): boolean => named.has(`${address} ${uid}`)
  return new Map(
    [...promisedSpecs(server)].map(([name, spec]) => {
      const addresses = spec.addresses
        .map((entry) => ({ ...entry, holders: entry.holders.filter(({ uid }) => isNamed(entry.address, uid)) }))
        .filter(({ holders }) => holders.length > 0)
      return [name, { ...spec, addresses, inUse: addresses.length }]
    }),
  )
}

/** What a block says of a holder. */
export interface Grant {
  /** `namespace/name`. */
  readonly key: string
  readonly terms: string | undefined
}

/** What blocks grant, by address and uid, with a space between. */
export function grantsOf(server: MemoryApi): ReadonlyMap<string, Grant> {
  const grants = new Map<string, Grant>()
  for (const spec of blockSpecs(server).values()) {
    for (const { address, holders } of spec.addresses) {
      for (const { uid, namespace, name, terms } of holders) {
        grants.set(`${address} ${uid}`, { key: `${namespace}/${name}`, terms })
      }
    }
  }
  return grants
}

/**
 * Terms in a block that were those of the Service as it is are not replaced by older ones, by one who knows the Service. They were
 * what others could share the address by.
 */
export function assertTermsKept(
  server: MemoryApi,
  before: ReadonlyMap<string, Grant>,
  isKnown: (service: string) => boolean,
): void {
  const now = grantsOf(server)
  const actual = new Map(servicesOf(server).map((object) => [object.metadata.uid, actualTerms(object)]))
  for (const [grant, { key, terms = '' }] of before) {
    const after = now.get(grant)
    const right = actual.get(grant.slice(grant.indexOf(' ') + 1))
    if (after === undefined || terms !== right || !isKnown(key.slice(key.indexOf('/') + 1))) continue
    assert.equal(after.terms ?? '', right, `old terms of ${key} are recorded`)
  }
}

/** As a block records them; empty: of one who shares with nobody. */
function actualTerms({ metadata, ...object }: KubeObject): string {
  const group = metadata.annotations?.['metallb.io/allow-shared-ip']
  if (group === undefined) return ''
  const { ports = [] } = object['spec'] as { readonly ports?: readonly { port: number; protocol: string }[] }
  const list = new Set(ports.map(({ port, protocol }) => `${protocol}/${port}`))
  return `${JSON.stringify([group, ''])} ${[...list].sort().join()}`
}

/**
 * No address in two statuses but where the blocks let its holders share it; and no status that names what no block grants its
 * Service or has set aside, for whatever leadership. What is only set aside is shared with nobody.
 */
export function assertExclusive(server: MemoryApi): void {
  const grants = grantsOf(server)
  const reserved = reservedIn(server)
  const named = new Map<string, Grant[]>()
  for (const object of servicesOf(server)) {
    const view = viewOf(object)
    if (view === undefined) continue
    for (const address of ingressOf(object)) {
      const promised = reserved.has(address) ? { key: view.key, terms: undefined } : undefined
      const mine = grants.get(`${address} ${view.uid}`) ?? promised
      assert.ok(mine !== undefined, `${view.key} names ${address}, which no block grants it or has set aside`)
      const others = named.get(address) ?? []
      for (const other of others) assertShared(address, mine, other)
      named.set(address, [...others, mine])
    }
  }
}

/** Terms are a group, empty for those who share with nobody, and ports. */
function assertShared(address: string, a: Grant, b: Grant): void {
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

/** What blocks grant. */
function grantedByUid(server: MemoryApi): Map<string, string[]> {
  const held = new Map<string, string[]>()
  for (const grant of grantsOf(server).keys()) {
    const [address = '', uid = ''] = grant.split(' ')
    held.set(uid, [...(held.get(uid) ?? []), address])
  }
  return held
}

/**
 * Everything is as it is to be: no address twice, statuses what the planner would have, blocks what statuses say. Where addresses
 * of lost pools are held, what is to be depends on what was: only blocks and statuses are compared. Where there is neither pool nor
 * block, a controller may never have known of any: what Services have then is not its to take.
 */
export function assertSettled(server: MemoryApi, onPoolLoss: 'Reassign' | 'Hold'): void {
  const isBarren = [resourceTypes.IPAddressPool, resourceTypes.AddressBlock].every(
    (type) => server.readAll(type).length === 0,
  )
  if (isBarren) return
  assertExclusive(server)
  const wishes = perfectWishes(server)
  const held = grantedByUid(server)
  for (const object of servicesOf(server)) {
    const view = viewOf(object)
    if (view === undefined) continue
    const wanted = onPoolLoss === 'Hold' ? ingressOf(object) : (wishes.get(view.key)?.addresses ?? [])
    assert.deepEqual([...ingressOf(object)].sort(), [...wanted].sort(), `the status of ${view.key}`)
    assert.deepEqual((held.get(view.uid) ?? []).sort(), [...wanted].sort(), `what blocks grant ${view.key}`)
    held.delete(view.uid)
  }
  assert.deepEqual([...held], [], 'blocks name Services that are gone')
}

/** What blocks that were written after a version have set aside is for leaderships that there are: the rest went with that write. */
export function assertReclaimed(server: MemoryApi, since: string, leaderships: ReadonlySet<string>): void {
  for (const { name, version, reserved } of blocksThatReserve(server)) {
    if (version <= Number(since)) continue
    const left = [...reserved].filter(([, number]) => !leaderships.has(number))
    assert.deepEqual(left, [], `block ${name} was written and still sets aside what is nobody's`)
  }
}
