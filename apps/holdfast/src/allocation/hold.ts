import type { AllocatedService } from '@holdfast/announce'
import type { Address } from '@holdfast/ip'
import { equalAddresses, formatAddress, rangesContain } from '@holdfast/ip'
import type { Assignment, Placed } from '@holdfast/ipam'
import { isOfNamesake, requestedPoolOf, wantedFamilies } from '@holdfast/ipam'
import type { Model, Service } from '@holdfast/model'
import { rangesOf, standIn, withHeldRanges, withoutAddresses } from './held-ranges.ts'
import { toRequest } from './requests.ts'

/** Names the address that a person lets go (see `heldOver`). */
export const releaseAnnotation = 'holdfast.dev/release-address'

/** An address that stays with its Service although no pool in force gives it so, until a person releases it. */
export interface HeldOver {
  readonly service: string
  readonly placed: Placed
  /** True: its pool is there, but what is said of it is refused. */
  readonly isPoolRefused: boolean
  /** The pool that has the address by now, from which the Service cannot have it; undefined: none has, or its own is refused. */
  readonly otherPool: string | undefined
}

export interface HoldTerms {
  /** Names of pools that are there and have no version in force: what they gave stays, as of their last good version. */
  readonly refused: ReadonlySet<string>
  /** Whether addresses of pools that are gone, or have shrunk, stay too (the setting `Hold`). */
  readonly holdsAll: boolean
}

const holdAll: HoldTerms = { refused: new Set(), holdsAll: true }

/**
 * Which addresses are to stay although pools do not give them so any more: those that Services hold, except where a Service asks for
 * something else, or names its address in the annotation holdfast.dev/release-address.
 *
 * An address that another pool has by now needs no holding as a rule: the Service has it from there. It does where that would cost the
 * Service its address: both of a pair come from one pool, and who asks for a pool by name is served by no other. What was given by a
 * pool that is refused is always held: another one has it only by the mistake for which that one is refused.
 */
export function heldOver(
  model: Model,
  assignments: Iterable<Assignment>,
  terms: HoldTerms = holdAll,
): readonly HeldOver[] {
  const poolOf = poolFinder(model)
  const rules = { ...terms, stale: stalePools(model) }
  const held: HeldOver[] = []
  for (const assignment of assignments) {
    const service = model.services.get(assignment.service)
    if (service !== undefined && !isAnother(assignment, service))
      held.push(...heldOf(assignment, service, rules, poolOf))
  }
  return held
}

/**
 * Names of pools of which an earlier version is in force, because they are refused as they are now. It may be older than the one that
 * gave an address: what was heard of the pool may have come late.
 */
export const stalePools = ({ pools }: Pick<Model, 'pools'>): ReadonlySet<string> =>
  new Set([...pools.values()].flatMap(({ meta }) => (meta.isStale ? [meta.ref.name] : [])))

/** The name of the pool in force that has an address. */
type PoolOf = (address: Address) => string | undefined

function poolFinder(model: Model): PoolOf {
  const pools = [...model.pools.values()]
  return (address) => pools.find(({ ranges }) => rangesContain(ranges, address))?.meta.ref.name
}

function heldOf(
  { service: key, addresses }: Assignment,
  service: Service,
  { refused, holdsAll, stale }: HoldTerms & { readonly stale: ReadonlySet<string> },
  poolOf: PoolOf,
): readonly HeldOver[] {
  const { isAsked, isForPool } = asksOf(key, service)
  const places = addresses.map((placed): Place => {
    const isPoolRefused = refused.has(placed.pool)
    const isOurs = (holdsAll || stale.has(placed.pool)) && placed.pool !== '' && isAsked(placed)
    return { placed, isPoolRefused, isOurs, pool: isPoolRefused ? undefined : poolOf(placed.address) }
  })
  const homes = new Set(places.flatMap(({ placed, isOurs, pool }) => (isOurs ? [pool ?? placed.pool] : [])))
  const areReleased = addresses.some(({ address }) => isReleased(service, address))
  const isBound = !areReleased && (homes.size > 1 || isForPool)
  return places
    .filter((place) => isHeld(place, isBound) && !isReleased(service, place.placed.address))
    .map(({ placed, isPoolRefused, pool }) => ({ service: key, placed, isPoolRefused, otherPool: pool }))
}

/** Where an address of a Service is by now. */
interface Place {
  readonly placed: Placed
  readonly isPoolRefused: boolean
  /** True: it is to stay whatever becomes of its pool. */
  readonly isOurs: boolean
  /** undefined: no pool in force has it. */
  readonly pool: string | undefined
}

/** `isBound`: the Service can have its addresses only from the pool that gave them. */
function isHeld({ placed, isPoolRefused, isOurs, pool }: Place, isBound: boolean): boolean {
  if (isPoolRefused) return true
  return isOurs && (pool === undefined || (isBound && pool !== placed.pool))
}

/** What a Service says of what it holds: whether it still asks for the family and the pool of it, and whether for a pool at all. */
function asksOf(
  key: string,
  service: Service,
): { readonly isAsked: (placed: Placed) => boolean; readonly isForPool: boolean } {
  const { loadBalancerClass } = service
  const asked = toRequest(key, service, [], { loadBalancerClass, source: 'apiServer' })
  if (asked.kind === 'notOurs') return { isAsked: () => false, isForPool: false }
  const families = wantedFamilies(asked.request.families)
  const pool = requestedPoolOf(asked.request)
  return {
    isAsked: (placed) => families.includes(placed.address.family) && (pool === undefined || pool === placed.pool),
    isForPool: pool !== undefined,
  }
}

/**
 * The model with pools that have the held addresses too: the pool that each came from, or one in its place that gives nothing. No
 * other pool has them then, and nobody else is given them.
 */
export function withHeldOver(model: Model, held: readonly HeldOver[]): Model {
  if (held.length === 0) return model
  const pools = withoutAddresses(
    model.pools,
    held.flatMap(({ placed, isPoolRefused, otherPool }) =>
      isPoolRefused || otherPool !== undefined ? [placed.address] : [],
    ),
  )
  const keys = new Map([...model.pools].map(([key, pool]) => [pool.meta.ref.name, key]))
  for (const [name, ofPool] of Map.groupBy(held, ({ placed }) => placed.pool)) {
    const key = keys.get(name) ?? `held-over/${name}`
    const pool = pools.get(key) ?? standIn(name)
    const missing = ofPool.map(({ placed }) => placed.address).filter((address) => !rangesContain(pool.ranges, address))
    if (missing.length > 0) pools.set(key, withHeldRanges(pool, rangesOf(missing)))
  }
  return { ...model, pools }
}

/** Whoever has the name of another Service that is gone comes new. */
const isAnother = (assignment: Assignment, service: Service): boolean => isOfNamesake(assignment, service.meta.uid)

function isReleased(service: Service, address: Address): boolean {
  const wish = service.meta.annotations[releaseAnnotation]
  return wish?.split(',').some((part) => part.trim() === formatAddress(address)) === true
}

/**
 * For whoever goes by what the controller says, a speaker: the model in which each address that it holds over is in the pool that its
 * Service names, whichever has it by now. The same pools as before as long as these and what is held are the same.
 */
export function createHoldings(): (model: Model, services: readonly AllocatedService[]) => Model {
  let last:
    { readonly pools: Model['pools']; readonly held: readonly HeldOver[]; readonly made: Model['pools'] } | undefined
  return (model, services) => {
    const held = heldAsNamed(model, services)
    if (held.length === 0) return model
    const isSame = last?.pools === model.pools && isSameHold(last.held, held)
    const made = isSame && last !== undefined ? last.made : withHeldOver(model, held).pools
    last = { pools: model.pools, held, made }
    return { ...model, pools: made }
  }
}

/** What of Services that are held is not in the pool that they name. */
function heldAsNamed(model: Model, services: readonly AllocatedService[]): readonly HeldOver[] {
  const held = services.filter(({ service }) => service.isHeldOver)
  if (held.length === 0) return []
  const poolOf = poolFinder(model)
  return held.flatMap(({ service, addresses }) => {
    const { namespace, name } = service.meta.ref
    return addresses
      .map((placed) => ({ placed, otherPool: poolOf(placed.address) }))
      .filter(
        ({ placed: { address, pool }, otherPool }) => !['', otherPool].includes(pool) && !isReleased(service, address),
      )
      .map((one) => ({ ...one, service: `${namespace}/${name}`, isPoolRefused: false }))
  })
}

/** Whether two lists hold over the same addresses in the same pools. */
const isSameHold = (a: readonly HeldOver[], b: readonly HeldOver[]): boolean =>
  a.length === b.length &&
  a.every(({ service, placed }, index) => {
    const other = b[index]
    return (
      other?.service === service &&
      other.placed.pool === placed.pool &&
      equalAddresses(other.placed.address, placed.address)
    )
  })
