import type { AllocatedService } from '@holdfast/announce'
import type { Address, Range } from '@holdfast/ip'
import {
  addressFromBigInt,
  addressToBigInt,
  compareAddresses,
  equalAddresses,
  formatAddress,
  rangeContains,
} from '@holdfast/ip'
import type { Assignment, Placed } from '@holdfast/ipam'
import { isOfNamesake } from '@holdfast/ipam'
import type { IPAddressPool, Model, Service } from '@holdfast/model'

/** Names the address that a person lets go (see `heldOver`). */
export const releaseAnnotation = 'holdfast.dev/release-address'

/** An address that stays with its Service although no pool in force gives it, until a person releases it. */
export interface HeldOver {
  readonly service: string
  readonly placed: Placed
  /** True: its pool is there, but what is said of it is refused. */
  readonly isPoolRefused: boolean
}

export interface HoldTerms {
  /** Names of pools that are there and have no version in force: what they gave stays, as of their last good version. */
  readonly refused: ReadonlySet<string>
  /** Whether addresses of pools that are gone, or have shrunk, stay too (the setting `Hold`). */
  readonly holdsAll: boolean
}

const holdAll: HoldTerms = { refused: new Set(), holdsAll: true }

/**
 * Which addresses are to stay although no pool gives them any more: those that Services hold, except where a Service names its
 * address in the annotation holdfast.dev/release-address. An address that a pool has again needs no holding, unless it was given by
 * one that is refused: then another pool has it only by the mistake for which that one is refused.
 */
export function heldOver(
  model: Model,
  assignments: Iterable<Assignment>,
  { refused, holdsAll }: HoldTerms = holdAll,
): readonly HeldOver[] {
  const ranges = [...model.pools.values()].flatMap((pool) => pool.ranges)
  const held: HeldOver[] = []
  for (const assignment of assignments) {
    const service = model.services.get(assignment.service)
    if (isAnother(assignment, service)) continue
    for (const placed of assignment.addresses) {
      const isPoolRefused = refused.has(placed.pool)
      const isLost = holdsAll && placed.pool !== '' && !isInRanges(ranges, placed.address)
      const isHeld = (isPoolRefused || isLost) && !isReleased(service, placed.address)
      if (isHeld) held.push({ service: assignment.service, placed, isPoolRefused })
    }
  }
  return held
}

/**
 * The model with pools that have the held addresses too: the pool that each came from, or one in its place that gives nothing. No
 * other pool has them then.
 */
export function withHeldOver(model: Model, held: readonly HeldOver[]): Model {
  if (held.length === 0) return model
  const pools = withoutAddresses(
    model.pools,
    held.flatMap(({ placed, isPoolRefused }) => (isPoolRefused ? [placed.address] : [])),
  )
  const keys = new Map([...model.pools].map(([key, pool]) => [pool.meta.ref.name, key]))
  for (const { placed } of held) {
    const key = keys.get(placed.pool) ?? `held-over/${placed.pool}`
    keys.set(placed.pool, key)
    const pool = pools.get(key) ?? standIn(placed.pool)
    const isThere = isInRanges(pool.ranges, placed.address)
    if (!isThere) pools.set(key, { ...pool, ranges: [...pool.ranges, { first: placed.address, last: placed.address }] })
  }
  return { ...model, pools }
}

/** The pools, none of which has one of the addresses. */
function withoutAddresses(pools: Model['pools'], addresses: readonly Address[]): Map<string, IPAddressPool> {
  const sorted = addresses.toSorted(compareAddresses)
  return new Map(
    [...pools].map(([key, pool]) => {
      const isTouched = sorted.some((address) => isInRanges(pool.ranges, address))
      return [key, isTouched ? { ...pool, ranges: pool.ranges.flatMap((range) => piecesOf(range, sorted)) } : pool]
    }),
  )
}

/** What is left of a range without some addresses, given in their order. */
function piecesOf(range: Range, addresses: readonly Address[]): readonly Range[] {
  const { family } = range.first
  const pieces: Range[] = []
  const add = (first: bigint, last: bigint): void => {
    if (first > last) return
    pieces.push({ first: addressFromBigInt(family, first), last: addressFromBigInt(family, last) })
  }
  let first = addressToBigInt(range.first)
  for (const address of addresses) {
    if (!rangeContains(range, address)) continue
    const value = addressToBigInt(address)
    add(first, value - 1n)
    first = value + 1n
  }
  add(first, addressToBigInt(range.last))
  return pieces
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

/** Whoever has the name of another Service that is gone comes new. */
const isAnother = (assignment: Assignment, service: Service | undefined): boolean =>
  isOfNamesake(assignment, service?.meta.uid)

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
const isSameHold = (a: readonly HeldOver[], b: readonly HeldOver[]): boolean =>
  a.length === b.length &&
  a.every(({ service, placed, isPoolRefused }, index) => {
    const other = b[index]
    return (
      other?.service === service &&
      other.isPoolRefused === isPoolRefused &&
      other.placed.pool === placed.pool &&
      equalAddresses(other.placed.address, placed.address)
    )
  })
