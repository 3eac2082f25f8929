import type { Snapshot } from '@holdfast/cluster'
import { equalAddresses, formatAddress, parseAddress } from '@holdfast/ip'
import type {
  AddressBlockSpec,
  AllocationState,
  Assignment,
  BlockFault,
  Blocks,
  Decision,
  Placed,
  Plan,
  PlanEvent,
} from '@holdfast/ipam'
import { nextBlocks, stateOf } from '@holdfast/ipam'
import type { Evaluation, Model } from '@holdfast/model'
import { evaluate } from '@holdfast/model'
import { Allocation } from '../allocation/allocation.ts'
import type { ControllerCommand } from '../kubernetes/command.ts'
import type { HeldOver } from '../allocation/hold.ts'
import { heldOver, isSameHold, withHeldOver } from '../allocation/hold.ts'
import type { ServiceView } from './service-object.ts'
import { ingressOf } from './service-object.ts'
import type { Wish } from './wanted-status.ts'
import { wishOf } from './wanted-status.ts'

export type PlannerRules = Pick<ControllerCommand, 'loadBalancerClass' | 'onPoolLoss'>

/** What is to be, of one moment. */
export interface Planned {
  readonly evaluation: Evaluation
  readonly plan: Plan
  /** What the blocks are to say in the end. */
  readonly target: Blocks
  /** What a Service is to have; undefined: it is not served. The same object as long as it says the same. */
  readonly wishOf: (service: string) => Wish | undefined
  /** Why addresses were taken from a Service, as last told by a plan. */
  readonly cleared: ReadonlyMap<string, string>
  /** The event of the last refusal of a Service, whether or not it still stands. */
  readonly refusals: ReadonlyMap<string, PlanEvent>
  readonly usesOldPrefix: (service: string) => boolean
}

export interface PlannerInput {
  readonly snapshot: Snapshot
  readonly services: ReadonlyMap<string, ServiceView>
  /** Time of day. */
  readonly nowMs: number
}

/** From objects to what is to be: evaluate, hold over, allocate, cut into blocks. No I/O. */
export interface Planner {
  /** Begins anew from what blocks say. Returns what of them cannot be. */
  readonly seed: (
    specs: ReadonlyMap<string, AddressBlockSpec>,
    services: ReadonlyMap<string, ServiceView>,
  ) => readonly BlockFault[]
  /** Throws where it was not seeded. */
  readonly run: (input: PlannerInput) => Planned
}

/** Creates a planner. Each pass costs what changed, except after `seed`. */
export function createPlanner(rules: PlannerRules): Planner {
  let evaluation: Evaluation | undefined
  let seeded: { readonly allocation: Allocation; blocks: Blocks } | undefined
  /** By key: how the blocks name a Service; in several ways where it changed, or was made anew, between two writes. */
  const names = new Map<string, ReadonlySet<string>>()
  const cleared = new Map<string, string>()
  const refusals = new Map<string, PlanEvent>()
  const wishes = createWishes()
  const hold = createHold()

  return {
    seed: (specs, services) => {
      const { blocks, state, faults } = stateOf(specs, (service) => addressesOf(services.get(service)))
      const promised = asPromised(state, specs, services)
      const allocation = new Allocation(promised, { loadBalancerClass: rules.loadBalancerClass, source: 'apiServer' })
      seeded = { allocation, blocks }
      names.clear()
      for (const spec of specs.values()) for (const one of spec.addresses) noteHolders(names, one.holders)
      return faults
    },
    run: ({ snapshot, services, nowMs }) => {
      if (seeded === undefined) throw new Error('A planner is seeded before it runs')
      evaluation = evaluate(snapshot.objects, evaluation)
      const { model } = evaluation
      const held = rules.onPoolLoss === 'Hold' ? hold.now(model, seeded.blocks) : noHold
      const { plan, oldPrefix } = seeded.allocation.run(hold.model(model, held))
      noteChanges(plan, cleared, refusals)
      const uidOf = (key: string): string => services.get(key)?.uid ?? uidIn(names.get(key))
      const renewed: string[] = []
      for (const [key, { terms }] of plan.state.assignments) {
        const name = nameOf(uidOf(key), terms)
        if (isOnly(names.get(key), name)) continue
        if (names.has(key)) renewed.push(key)
        names.set(key, new Set([name]))
      }
      seeded.blocks = nextBlocks(seeded.blocks, plan.state, { uidOf, nowMs, renewed })
      const heldBy = groupByService(held)
      return {
        evaluation,
        plan,
        target: seeded.blocks,
        wishOf: (key) => wishes.of(plan.decisions.get(key), heldBy.get(key) ?? noTexts),
        cleared,
        refusals,
        usesOldPrefix: (key) => oldPrefix.has(key),
      }
    },
  }
}

const noTexts: readonly string[] = []
const noHold: readonly HeldOver[] = []

/**
 * What a status names is what a Service was promised. Where it names some of what blocks grant, the rest is what was cut short on
 * its way in or out, perhaps of a pool that is gone, and must not cost the Service what it has. The terms are those of what is
 * promised: they tell which of several sharers has changed.
 */
function asPromised(
  state: AllocationState,
  specs: ReadonlyMap<string, AddressBlockSpec>,
  services: ReadonlyMap<string, ServiceView>,
): AllocationState {
  const granted = termsByGrant(specs)
  const changed: [string, Assignment][] = []
  for (const [key, assignment] of state.assignments) {
    const addresses = promisedOf(assignment.addresses, services.get(key))
    const found = new Set(addresses.map(({ address }) => granted.get(grantKey(formatAddress(address), key))))
    const [only] = found
    const terms = found.size === 1 ? only : mixedTerms
    const isSame = addresses.length === assignment.addresses.length && terms === assignment.terms
    if (!isSame) changed.push([key, { ...assignment, addresses, terms }])
  }
  return changed.length === 0 ? state : { ...state, assignments: new Map([...state.assignments, ...changed]) }
}

/** Equal to no terms. */
const mixedTerms = ' '

const grantKey = (address: string, service: string): string => `${address} ${service}`

function termsByGrant(specs: ReadonlyMap<string, AddressBlockSpec>): ReadonlyMap<string, string | undefined> {
  const granted = new Map<string, string | undefined>()
  for (const spec of specs.values()) {
    for (const { address, holders } of spec.addresses) {
      for (const { namespace, name, terms } of holders) granted.set(grantKey(address, `${namespace}/${name}`), terms)
    }
  }
  return granted
}

function promisedOf(addresses: readonly Placed[], view: ServiceView | undefined): readonly Placed[] {
  const [first, second] = addresses
  if (first === undefined || second === undefined) return addresses
  const named = addressesOf(view)
  const promised = addresses.filter(({ address }) => named.some((one) => equalAddresses(one, address)))
  return promised.length > 0 ? promised : addresses.filter(({ pool }) => pool === first.pool)
}

/** What a block says of a holder besides its key. */
const nameOf = (uid: string, terms: string | undefined): string => `${uid} ${terms ?? ''}`

const uidIn = (names: ReadonlySet<string> | undefined): string => [...(names ?? [])][0]?.split(' ')[0] ?? ''

const isOnly = (names: ReadonlySet<string> | undefined, name: string): boolean => names?.size === 1 && names.has(name)

const addressesOf = (view: ServiceView | undefined) =>
  (view === undefined ? [] : ingressOf(view.object)).flatMap((text) => {
    const address = parseAddress(text)
    return address.ok ? [address.value] : []
  })

function noteHolders(
  names: Map<string, ReadonlySet<string>>,
  holders: AddressBlockSpec['addresses'][number]['holders'],
): void {
  for (const { namespace, name, uid, terms } of holders) {
    const key = `${namespace}/${name}`
    names.set(key, new Set([...(names.get(key) ?? []), nameOf(uid, terms)]))
  }
}

function noteChanges(plan: Plan, cleared: Map<string, string>, refusals: Map<string, PlanEvent>): void {
  for (const change of plan.changes) {
    if (change.kind === 'cleared') cleared.set(change.service, change.event.message)
    if (change.kind === 'refused' && change.event !== undefined) refusals.set(change.service, change.event)
  }
}

/** Which addresses are held over: looked for when pools change or Services give them up, not in every pass. */
function createHold() {
  let known: { readonly model: Model; readonly held: readonly HeldOver[]; readonly blocks: Blocks } | undefined
  let patched: { readonly from: Model; readonly held: readonly HeldOver[]; readonly model: Model } | undefined
  return {
    now: (model: Model, blocks: Blocks): readonly HeldOver[] => {
      const isSame =
        known?.model.pools === model.pools && known.model.services === model.services && known.blocks === blocks
      if (known !== undefined && isSame) return known.held
      const fresh = heldOver(model, blocks.state.assignments.values())
      const held = known !== undefined && isSameHold(known.held, fresh) ? known.held : fresh
      known = { model, held, blocks }
      return held
    },
    /** The pools are the same map as before where they and what is held are. */
    model: (model: Model, held: readonly HeldOver[]): Model => {
      if (held.length === 0) return model
      const isSame = patched?.from.pools === model.pools && patched.held === held
      const pools = patched !== undefined && isSame ? patched.model.pools : withHeldOver(model, held).pools
      patched = { from: model, held, model: { ...model, pools } }
      return patched.model
    },
  }
}

/** Wishes keep their identity as long as decision and held addresses are the same. */
function createWishes() {
  const known = new WeakMap<Decision, { readonly held: string; readonly wish: Wish }>()
  return {
    of: (decision: Decision | undefined, held: readonly string[]): Wish | undefined => {
      if (decision === undefined) return undefined
      const before = known.get(decision)
      if (before?.held === held.join()) return before.wish
      const wish = wishOf(decision, held)
      known.set(decision, { held: held.join(), wish })
      return wish
    },
  }
}

function groupByService(held: readonly HeldOver[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>()
  for (const { service, placed } of held) {
    groups.set(service, [...(groups.get(service) ?? []), formatAddress(placed.address)])
  }
  return groups
}
