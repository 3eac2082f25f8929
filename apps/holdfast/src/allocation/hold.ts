import type { AllocatedService } from '@holdfast/announce'
import type { Address, Range } from '@holdfast/ip'
import { equalAddresses, formatAddress, rangeContains } from '@holdfast/ip'
import type { Assignment, Placed } from '@holdfast/ipam'
import type { IPAddressPool, Model, Service } from '@holdfast/model'

/** Names the address that a person lets go (see `heldOver`). */
export const releaseAnnotation = 'holdfast.dev/release-address'

/** An address that is in no pool any more and stays with its Service until a person releases it. */
export interface HeldOver {
  readonly service: string
  readonly placed: Placed
}

/**
 * Which addresses are to stay although no pool has them any more (the setting `Hold`): those that Services hold, except where a
 * Service names its address in the annotation holdfast.dev/release-address. An address that a pool has again needs no holding.
 */
export function heldOver(model: Model, assignments: Iterable<Assignment>): readonly HeldOver[] {
  const ranges = [...model.pools.values()].flatMap((pool) => pool.ranges)
  const held: HeldOver[] = []
  for (const { service, addresses } of assignments) {
    for (const placed of addresses) {
      if (placed.pool === '' || isInRanges(ranges, placed.address)) continue
      if (!isReleased(model.services.get(service), placed.address)) held.push({ service, placed })
    }
  }
  return held
}

/** The model with pools that have the held addresses too: the pool that each came from, or one in its place that gives nothing. */
export function withHeldOver(model: Model, held: readonly HeldOver[]): Model {
  if (held.length === 0) return model
  const pools = new Map(model.pools)
  const keys = new Map([...model.pools].map(([key, pool]) => [pool.meta.ref.name, key]))
  for (const { placed } of held) {
    const key = keys.get(placed.pool) ?? `held-over/${placed.pool}`
    keys.set(placed.pool, key)
    const pool = pools.get(key) ?? standIn(placed.pool)
    const isThere = pool.ranges.some((range) => rangeContains(range, placed.address))
    if (!isThere) pools.set(key, { ...pool, ranges: [...pool.ranges, { first: placed.address, last: placed.address }] })
  }
  return { ...model, pools }
}

/** A pool that exists no more, as far as its addresses are still in use: no Service gets a new address from it. */
const standIn = (name: string): IPAddressPool => ({
  kind: 'IPAddressPool',
  meta: { ref: { kind: 'IPAddressPool', namespace: '', name }, labels: {}, annotations: {}, uid: '', isStale: true },
  ranges: [],
  autoAssign: false,
  avoidBuggyIPs: false,
  // A name that no Namespace can have: the pool serves nobody.
  serviceAllocation: { priority: 0, namespaces: [''], namespaceSelectors: [], serviceSelectors: [] },
})

const isInRanges = (ranges: readonly Range[], address: Address): boolean =>
  ranges.some((range) => rangeContains(range, address))

function isReleased(service: Service | undefined, address: Address): boolean {
  const wish = service?.meta.annotations[releaseAnnotation]
  return wish?.split(',').some((part) => part.trim() === formatAddress(address)) === true
}

/**
 * For a speaker: the model with the addresses that the controller holds over, which no pool of it has. The same pools as before as
 * long as these and what is held are the same.
 */
export function createHoldings(): (model: Model, services: readonly AllocatedService[]) => Model {
  let last:
    { readonly pools: Model['pools']; readonly held: readonly HeldOver[]; readonly made: Model['pools'] } | undefined
  return (model, services) => {
    const assignments = services
      .filter(({ service }) => service.isHeldOver)
      .map(({ service: { meta }, addresses }) => ({
        service: `${meta.ref.namespace}/${meta.ref.name}`,
        addresses,
        terms: undefined,
      }))
    const held = assignments.length === 0 ? [] : heldOver(model, assignments)
    if (held.length === 0) return model
    const isSame = last?.pools === model.pools && isSameHold(last.held, held)
    const made = isSame && last !== undefined ? last.made : withHeldOver(model, held).pools
    last = { pools: model.pools, held, made }
    return { ...model, pools: made }
  }
}

/** Whether two lists hold over the same addresses. */
export const isSameHold = (a: readonly HeldOver[], b: readonly HeldOver[]): boolean =>
  a.length === b.length &&
  a.every(({ service, placed }, index) => {
    const other = b[index]
    return (
      other?.service === service &&
      other.placed.pool === placed.pool &&
      equalAddresses(other.placed.address, placed.address)
    )
  })
