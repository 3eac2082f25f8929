import type { KubeObject, Snapshot } from '@holdfast/cluster'
import type { Address } from '@holdfast/ip'
import { rangesContain } from '@holdfast/ip'
import type { AddressBlockSpec, AllocationState, Blocks, Decision, Plan, PlanEvent } from '@holdfast/ipam'
import { differingKeys, givenLast, nextBlocks, stateOf, withClaims, withoutOldStrays } from '@holdfast/ipam'
import type { Evaluation, Model } from '@holdfast/model'
import { evaluate } from '@holdfast/model'
import { Allocation } from '../allocation/allocation.ts'
import { withReserved } from '../allocation/held-ranges.ts'
import type { ControllerCommand } from '../kubernetes/command.ts'
import type { Held, HeldNow } from './held-addresses.ts'
import { createHeldAddresses } from './held-addresses.ts'
import type { HolderNames } from './holder-names.ts'
import { createHolderNames } from './holder-names.ts'
import { asPromised, claimsIn, holdersByGrant, preferredOf } from './promised.ts'
import type { ServiceView } from './service-object.ts'
import type { Wish } from './wanted-status.ts'
import { wishOf } from './wanted-status.ts'

export type PlannerRules = Pick<ControllerCommand, 'loadBalancerClass' | 'onPoolLoss'>

/** What is to be, of one moment. */
export interface Planned {
  readonly evaluation: Evaluation
  readonly plan: Plan
  /** What the blocks are to say in the end. */
  readonly target: Blocks
  /** What a Service is to have; undefined: it is not served. */
  readonly wishOf: (service: string) => Wish | undefined
  /** What its wish was made from: the same object as long as the wish says the same. */
  readonly basisOf: (service: string) => object | undefined
  /** Keys of Services whose wish can be another than after the pass before. */
  readonly changed: ReadonlySet<string>
  /** Why addresses were taken from a Service, as last told by a plan. */
  readonly cleared: ReadonlyMap<string, string>
  /** The event of the last refusal of a Service, whether or not it still stands. */
  readonly refusals: ReadonlyMap<string, PlanEvent>
  readonly usesOldPrefix: (service: string) => boolean
  /**
   * No pool has been here as long as this planner has run, and no block: the addresses that Services have are somebody else's. They were
   * taken away in seconds by a controller that was started in a namespace other than that of the pools.
   */
  readonly isBarren: boolean
}

export interface PlannerInput {
  readonly snapshot: Snapshot
  readonly services: ReadonlyMap<string, ServiceView>
  /** Keys of Services among which are all that have another view than in the pass before. */
  readonly changed: ReadonlySet<string>
  /** Pools that are there, in force or not. */
  readonly pools: readonly KubeObject[]
  /** Addresses that stay with who has them, and are to be given to nobody else: the same list as long as they are the same. */
  readonly reserved: readonly Address[]
  /** Time of day. */
  readonly nowMs: number
}

/** From objects to what is to be: evaluate, hold over, allocate, cut into blocks. No I/O. */
export interface Planner {
  /** Begins anew from what blocks say. `unreadable` are names of blocks that nothing is known of. */
  readonly seed: (
    specs: ReadonlyMap<string, AddressBlockSpec>,
    services: ReadonlyMap<string, ServiceView>,
    unreadable?: readonly string[],
  ) => void
  /** Throws where it was not seeded. */
  readonly run: (input: PlannerInput) => Planned
}

/** Creates a planner. Each pass costs what changed, except after `seed`. */
export function createPlanner(rules: PlannerRules): Planner {
  let evaluation: Evaluation | undefined
  let seeded: Seeded | undefined
  let isBarren = true
  let weededMs = -Infinity
  const cleared = new Map<string, string>()
  const refusals = new Map<string, PlanEvent>()
  const wishesOf = createWishes()
  const hold = createHeldAddresses(rules.onPoolLoss === 'Hold')
  const reserve = createReserving()

  function forgetGone(keys: Iterable<string>, { decisions }: Plan): void {
    for (const key of keys) {
      if (decisions.has(key)) continue
      cleared.delete(key)
      refusals.delete(key)
    }
  }

  /** Releases grow old in days: to look at all of them now and then is enough. */
  function weeded(blocks: Blocks, model: Model, nowMs: number): Blocks {
    if (Math.abs(nowMs - weededMs) < weedingMs) return blocks
    weededMs = nowMs
    const ranges = [...model.pools.values()].flatMap((pool) => pool.ranges)
    return withoutOldStrays(blocks, (address) => rangesContain(ranges, address), nowMs)
  }

  return {
    seed: (specs, services, unreadable = []) => {
      const holders = holdersByGrant(specs)
      const { blocks, state } = stateOf(specs, (service) => preferredOf(services.get(service), holders))
      const recorded = asPromised(givenLast(state, unreadable), { specs, holders }, services)
      const promised = withClaims(recorded, claimsIn(services, rules.loadBalancerClass))
      const allocation = new Allocation(promised, { loadBalancerClass: rules.loadBalancerClass, source: 'apiServer' })
      const { decisions = noDecisions } = seeded ?? {}
      weededMs = -Infinity
      const names = createHolderNames(specs)
      seeded = { allocation, blocks, names, assignments: promised.assignments, decisions }
    },
    run: ({ snapshot, services, changed, pools, reserved, nowMs }) => {
      if (seeded === undefined) throw new Error('A planner is seeded before it runs')
      const { allocation, blocks: before, names, assignments } = seeded
      evaluation = evaluate(snapshot.objects, evaluation)
      const { model } = evaluation
      const held = hold(model, assignments, pools)
      const { plan, oldPrefix } = allocation.run(reserve(held.model, reserved), held.refused)
      noteChanges(plan, cleared, refusals)
      const different = new Set(differingKeys(plan.decisions, seeded.decisions))
      forgetGone(different, plan)
      const renewed = names.update(plan.state.assignments, changed, services)
      const next = nextBlocks(before, plan.state, { uidOf: names.uidOf, nowMs, renewed })
      const blocks = weeded(next, held.model, nowMs)
      for (const key of held.changed) different.add(key)
      const wasBarren = isBarren
      isBarren &&= pools.length === 0 && before.specs.size === 0
      if (wasBarren && !isBarren) for (const key of plan.decisions.keys()) different.add(key)
      seeded = { allocation, blocks, names, assignments: blocks.state.assignments, decisions: plan.decisions }
      return {
        evaluation,
        plan,
        target: blocks,
        ...wishesOf(plan.decisions, held.held),
        changed: different,
        cleared,
        refusals,
        usesOldPrefix: (key) => oldPrefix.has(key),
        isBarren,
      }
    },
  }
}

/** The model in which some addresses are for nobody who has not got them; the same pools for the same ones. */
function createReserving(): (model: Model, reserved: readonly Address[]) => Model {
  let last: { readonly pools: Model['pools']; readonly reserved: readonly Address[]; readonly made: Model['pools'] }
  last = { pools: new Map(), reserved: [], made: new Map() }
  return (model, reserved) => {
    if (reserved.length === 0) return model
    if (last.pools !== model.pools || last.reserved !== reserved) {
      last = { pools: model.pools, reserved, made: withReserved(model.pools, reserved) }
    }
    return { ...model, pools: last.made }
  }
}

/** What a planner goes on from. */
interface Seeded {
  readonly allocation: Allocation
  readonly blocks: Blocks
  readonly names: HolderNames
  /** Who has what by right: after `seed` without what blocks grant besides. */
  readonly assignments: AllocationState['assignments']
  /** Of the pass before, also where that was before the last `seed`. */
  readonly decisions: Plan['decisions']
}

const weedingMs = 3_600_000

const noDecisions: Plan['decisions'] = new Map()

function noteChanges(plan: Plan, cleared: Map<string, string>, refusals: Map<string, PlanEvent>): void {
  for (const change of plan.changes) {
    if (change.kind === 'cleared') cleared.set(change.service, change.event.message)
    if (change.kind === 'refused' && change.event !== undefined) refusals.set(change.service, change.event)
  }
}

/**
 * Wishes of one pass after another. They are few, of Services that are looked at, and made when they are asked for; whoever says already
 * what it is to say needs none to be kept.
 */
function createWishes() {
  /** Where something is held besides what was decided, the wish is its own basis. */
  const ofHolders = new WeakMap<Decision, { readonly held: string; readonly wish: Wish }>()

  function holdersWish(decision: Decision, held: Held): Wish {
    const text = JSON.stringify(held)
    const before = ofHolders.get(decision)
    if (before?.held === text) return before.wish
    const wish = wishOf(decision, held)
    ofHolders.set(decision, { held: text, wish })
    return wish
  }

  return (decisions: Plan['decisions'], held: HeldNow['held']): Pick<Planned, 'wishOf' | 'basisOf'> => {
    const made = new Map<Decision, Wish>()
    return {
      wishOf: (key) => {
        const [decision, holds] = [decisions.get(key), held.get(key)]
        if (decision === undefined) return undefined
        const wish =
          made.get(decision) ?? (holds === undefined ? wishOf(decision, undefined) : holdersWish(decision, holds))
        made.set(decision, wish)
        return wish
      },
      basisOf: (key) => {
        const [decision, holds] = [decisions.get(key), held.get(key)]
        return decision === undefined || holds === undefined ? decision : holdersWish(decision, holds)
      },
    }
  }
}
