import type { KubeObject } from '@holdfast/cluster'
import type { AllocationState } from '@holdfast/ipam'
import { differingKeys } from '@holdfast/ipam'
import { formatAddress } from '@holdfast/ip'
import type { Model } from '@holdfast/model'
import type { HeldOver, HoldTerms } from '../allocation/hold.ts'
import { heldOver, stalePools, withHeldOver } from '../allocation/hold.ts'
import { notInForce } from '../allocation/refused-pools.ts'

/** What of a Service's addresses stays although no pool in force gives it so. */
export interface Held {
  /** In canonical form. */
  readonly addresses: readonly string[]
  /** True: their pool is there, but what is said of it is refused. */
  readonly isPoolRefused: boolean
  /** Names of pools that have some of them by now, from which the Service cannot have them. */
  readonly otherPools: readonly string[]
  /** True: no pool has some of them. */
  readonly isLost: boolean
}

export interface HeldNow {
  /** By Service. */
  readonly held: ReadonlyMap<string, Held>
  /** Names of pools that are there without being in force. */
  readonly refused: ReadonlySet<string>
  /** The model in which they are in a pool. */
  readonly model: Model
  /** Services of which something is held now, or was before, where that may have changed. */
  readonly changed: ReadonlySet<string>
}

/**
 * Follows which addresses are held over. `holdsAll` as in HoldTerms. A pass costs what changed: the pools, who holds what, and the
 * Services that are concerned.
 */
export function createHeldAddresses(
  holdsAll: boolean,
): (model: Model, assignments: AllocationState['assignments'], pools: readonly KubeObject[]) => HeldNow {
  let last: Last = nothing

  return (model, assignments, pools) => {
    const names = pools.map(({ metadata }) => metadata.name)
    const terms = { holdsAll, refused: notInForce(model, names) }
    const isSame = last.pools === model.pools && isSameSet(last.terms.refused, terms.refused)
    const now = { pools: model.pools, services: model.services, terms, assignments }
    const byService = updated(model, now, isSame ? last : nothing)
    const hasSameHeld = isSameHold(last.byService, byService)
    const held = hasSameHeld ? last.held : textsOf(byService)
    const patched = isSame && hasSameHeld ? last.patched : withHeldOver(model, inOrder(byService)).pools
    const changed = hasSameHeld ? none : new Set([...held.keys(), ...last.held.keys()])
    last = { ...now, byService: hasSameHeld ? last.byService : byService, held, patched }
    return { held, refused: terms.refused, model: byService.size === 0 ? model : { ...model, pools: patched }, changed }
  }
}

type ByService = ReadonlyMap<string, readonly HeldOver[]>

/** What a pass was made from. */
interface Basis extends Pick<Model, 'pools' | 'services'> {
  readonly terms: HoldTerms
  readonly assignments: AllocationState['assignments']
}

interface Last extends Basis {
  readonly byService: ByService
  readonly held: HeldNow['held']
  /** The pools with what is held. */
  readonly patched: Model['pools']
}

const none: ReadonlySet<string> = new Set()
const empty: ReadonlyMap<string, never> = new Map<string, never>()
const nothing: Last = {
  pools: empty,
  services: empty,
  terms: { holdsAll: false, refused: none },
  assignments: empty,
  byService: empty,
  held: empty,
  patched: empty,
}

/** What is held now. `before` is of the same pools; only what changed since is looked at. */
function updated(model: Model, { assignments, services, terms }: Basis, before: Last): ByService {
  if (!terms.holdsAll && terms.refused.size === 0 && stalePools(model).size === 0) return empty
  const keys = new Set(differingKeys(assignments, before.assignments))
  // Whoever is held may have been released by its annotation.
  if (before.services !== services) for (const key of before.byService.keys()) keys.add(key)
  if (keys.size === 0) return before.byService
  const ofKeys = [...keys].flatMap((key) => assignments.get(key) ?? [])
  const fresh = Map.groupBy(heldOver(model, ofKeys, terms), ({ service }) => service)
  const kept = [...before.byService].filter(([key]) => !keys.has(key))
  return new Map([...kept, ...fresh])
}

/** Whether two passes hold the same for the same Services. */
const isSameHold = (a: ByService, b: ByService): boolean =>
  a === b || (a.size === b.size && [...a].every(([key, held]) => isSameList(held, b.get(key))))

const isSameList = (a: readonly HeldOver[], b: readonly HeldOver[] = []): boolean =>
  a.length === b.length &&
  a.every((one, index) => {
    const other = b[index]
    return (
      one.placed === other?.placed && one.isPoolRefused === other.isPoolRefused && one.otherPool === other.otherPool
    )
  })

const inOrder = (byService: ByService): readonly HeldOver[] =>
  [...byService].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, held]) => held)

const textsOf = (byService: ByService): HeldNow['held'] =>
  new Map(
    [...byService].map(([key, held]) => [
      key,
      {
        addresses: held.map(({ placed }) => formatAddress(placed.address)),
        isPoolRefused: held.some(({ isPoolRefused }) => isPoolRefused),
        otherPools: [...new Set(held.flatMap(({ otherPool }) => otherPool ?? []))].sort(),
        isLost: held.some(({ otherPool }) => otherPool === undefined),
      },
    ]),
  )

const isSameSet = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && [...a].every((one) => b.has(one))
