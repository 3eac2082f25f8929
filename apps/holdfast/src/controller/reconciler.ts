import type { ApiFault, KubeObject, Snapshot } from '@holdfast/cluster'
import { createBackOff } from '@holdfast/cluster'
import type { BlockFault } from '@holdfast/ipam'
import { createRetryTimes } from './retry-times.ts'
import { blockSteps, departuresOf, writeBlocks } from './block-phase.ts'
import { giveSetAside } from './giving.ts'
import { seeOffMissing } from './departure-phase.ts'
import { createKnownBlocks } from './known-blocks.ts'
import { createKnownServices } from './known-services.ts'
import { createLearning } from './learning.ts'
import { bindingMarks, createBoundAddresses, grantedSpecs } from './marks.ts'
import type { Planned } from './planner.ts'
import { createPlanner } from './planner.ts'
import { giveBack, reclaim, reclaimInMs } from './reclaiming.ts'
import type { Memory, ReconcilerOptions, Round } from './round.ts'
import { isCut, noResult, subjectOf } from './round.ts'
import type { ServiceView } from './service-object.ts'
import { announcedCondition, assignedCondition, conditionOf, ingressOf, poolAnnotation } from './service-object.ts'
import { writeServices } from './service-phase.ts'
import { createSetAside } from './set-aside.ts'
import type { Wish } from './wanted-status.ts'

/** What is followed, at one moment. */
export interface Followed {
  readonly snapshot: Snapshot
  /** Objects as last seen: newer than those of the snapshot where only their version is another. */
  readonly services: readonly KubeObject[]
  /** By name. */
  readonly blocks: ReadonlyMap<string, KubeObject>
  readonly pools: readonly KubeObject[]
}

/** What a round came to. */
export type Outcome =
  /** Everything says what it is to say; the next change will tell. */
  | { readonly kind: 'settled' }
  /** There is more to do that the round made possible. */
  | { readonly kind: 'again' }
  /** With a reason the round was cut short: none is to begin earlier, whatever changes. */
  | { readonly kind: 'retryIn'; readonly ms: number; readonly reason: ApiFault | undefined }

export interface RoundOutcome {
  readonly outcome: Outcome
  /** undefined: it could not get that far. */
  readonly planned: Planned | undefined
  /** Keys of Services that came, went or changed since the last round that got so far. */
  readonly changed: ReadonlySet<string>
  /** How many Services were given an address. */
  readonly granted: number
}

/** Brings blocks and Services in line with what is followed: docs/adr/0009. */
export interface Reconciler {
  /** One round over a snapshot. Never rejects but for a defect. */
  readonly round: (followed: Followed) => Promise<RoundOutcome>
  /** Whether this version of a block (empty: that it is not there) is the one that is known, or an older one: no news. */
  readonly isKnownBlock: (block: string, version: string) => boolean
  /** Forgets what was known before the next round begins: another one may have led meanwhile. A round under way writes nothing any more. */
  readonly forget: () => void
  /**
   * Takes what was set aside from the blocks, before the lead is given back. Nothing else is written from now on, until another
   * leadership begins. Never rejects.
   */
  readonly giveBack: () => Promise<void>
}

/** How soon to look again for what nobody tells of. */
const waitingMs = 500
/** After a round that was cut short: it doubles as long as not even one Service can be written. */
const cutMs = { first: 1000, most: 5000 } as const
/** A block has up to 64 addresses that can be wrong. */
const mostFaultsTold = 8
/** After another one wrote where we wanted to: up to this, by chance, so that two do not go on in step. */
const contendedMs = 200

export function createReconciler(given: ReconcilerOptions): Reconciler {
  let mustForget = true
  let isOver = false
  // A round of a leadership that ended does not go on in the next one.
  const options: ReconcilerOptions = { ...given, mayWrite: () => given.mayWrite() && !mustForget && !isOver }
  const planner = createPlanner(options.rules)
  const memory: Memory = {
    blocks: createKnownBlocks(),
    services: createKnownServices(),
    aside: createSetAside(),
    retries: createRetryTimes(options.random),
    gone: new Set(),
    seenOff: new Map(),
    faulty: new Set(),
    left: new Map(),
    unanswered: new Map(),
    told: new Map(),
  }
  let settled: Round['settled'] = new WeakMap()
  /** Whose view or wish has changed since they were found to be settled, or not served. */
  const pending: Round['pending'] = new Set()
  /** By key: what is served, as far as there is something of ours on it. */
  const served = new Map<string, KubeObject>()
  /** Keys of Services that have changed and that no round has told of. */
  let untold = new Set<string>()
  let isBarrenTold = false
  const learning = createLearning(options, memory)
  const boundAddresses = createBoundAddresses()
  const cutBackOff = createBackOff({ firstMs: cutMs.first, mostMs: cutMs.most, random: options.random })

  function seed(services: ReadonlyMap<string, ServiceView>): void {
    if (!memory.blocks.isForeign()) return
    const known = [...memory.blocks.all()]
    const unreadable = known.filter(({ faults }) => faults.length > 0).map(({ name }) => name)
    planner.seed(grantedSpecs(memory, services), services, unreadable)
    memory.blocks.reseeded()
    const before = new Set(memory.faulty)
    memory.faulty.clear()
    for (const { name, faults } of known) {
      if (faults.length === 0) continue
      memory.faulty.add(name)
      if (!before.has(name)) tellFaulty(name, faults)
    }
  }

  function tellFaulty(block: string, faults: readonly BlockFault[]): void {
    const message = 'an AddressBlock cannot be read and is left as it is: correct or delete it'
    const details = faults
      .slice(0, mostFaultsTold)
      .map(({ path, message: flaw }) => `AddressBlock ${block}: ${path} ${flaw}`)
    options.log.log('error', 'faultyBlock', message, { block, faults: faults.length, details })
  }

  /** Returns the Services whose statuses name what the plan takes from them. */
  function noteServed(planned: Planned, services: ReadonlyMap<string, ServiceView>): Set<string> {
    const dropping = new Set<string>()
    for (const key of pending) {
      const object = planned.wishOf(key) === undefined ? undefined : services.get(key)?.object
      noteLeft(key, object)
      if (object === undefined) continue
      if (planned.isBarren && ingressOf(object).length > 0) leaveAlone(key)
      else if (settled.get(object) !== planned.basisOf(key) && losesAddress(object, planned.wishOf(key)))
        dropping.add(key)
    }
    return dropping
  }

  /** What a Service has is not ours to take. */
  function leaveAlone(key: string): void {
    pending.delete(key)
    // The first pool finds what Services have as if this one had only begun.
    memory.blocks.distrust()
    if (isBarrenTold) return
    isBarrenTold = true
    const { namespace } = options.rules
    const message = `there is no IPAddressPool in namespace ${namespace} and never was one, yet Services have addresses: they are left as they are. Was this controller meant for the namespace of the pools?`
    options.log.log('warn', 'noPools', message, { namespace })
  }

  /** Services that were served and are not any more: what is ours of them is to be taken back. */
  function noteLeft(key: string, now: KubeObject | undefined): void {
    const before = served.get(key)
    if (now === undefined) served.delete(key)
    else {
      served.set(key, now)
      memory.left.delete(now.metadata.uid ?? '')
    }
    const uid = before?.metadata.uid ?? ''
    if (before !== undefined && now?.metadata.uid !== uid && isMarked(before)) memory.left.set(uid, before)
  }

  async function write(round: Round): Promise<void> {
    await giveSetAside(round)
    if (!isCut(round)) await writeRecorded(round)
    await reclaim(round)
  }

  async function writeRecorded(round: Round): Promise<void> {
    const steps = blockSteps(round)
    const departures = departuresOf(steps)
    await seeOffMissing(round, departures)
    // Whoever was seen off by now need not be waited for.
    if (!isCut(round)) await writeBlocks(round, departures.length === 0 ? steps : blockSteps(round))
    const left = blockSteps(round)
    round.result.isUnrecorded = [...left].some(([name, { spec }]) => spec !== memory.blocks.get(name).spec)
    if (!isCut(round)) await writeServices(round, departuresOf(left))
  }

  /**
   * What the plan takes from somebody who still has it may turn out to stay: the next plan begins from what is. Else that somebody
   * was planned for whose Service had not been heard of, or had been changed and changed back. So it does after a block that could not be
   * written: what was planned and not recorded is to have no rank before what was.
   */
  function conclude(round: Round): void {
    const steps = blockSteps(round)
    const isDone = departuresOf(steps).length === 0 && round.dropping.size === 0
    if (!isDone || round.result.isUnrecorded) memory.blocks.distrust()
    if (steps.size > 0) return
    memory.gone.clear()
    memory.seenOff.clear()
  }

  /** Between two rounds. */
  function forgetAll(): void {
    mustForget = isOver = false
    memory.aside.begin(options.leadership(), options.clock.now())
    memory.blocks.forget()
    memory.services.forget()
    memory.retries.forget()
    for (const known of [memory.gone, memory.seenOff, memory.faulty, memory.left, memory.unanswered]) known.clear()
    learning.forget()
    // The same objects can come again, beside blocks that are older than those by which they were found to be settled.
    settled = new WeakMap()
    served.clear()
    // All Services come anew.
    pending.clear()
    untold.clear()
  }

  /** A server that is not there is looked for every second, which costs it nothing; one that refuses is left in peace for longer. */
  function cutOutcome(cut: ApiFault, hasWritten: boolean): Outcome {
    if (hasWritten) cutBackOff.reset()
    const isAway = cut.code === 'unreachable' || cut.code === 'timeout'
    const ms = isAway ? Math.max(cutMs.first, cut.retryAfterMs ?? 0) : cutBackOff.next(cut.retryAfterMs)
    return { kind: 'retryIn', ms, reason: cut }
  }

  function outcomeOf({ result }: Pick<Round, 'result'>): Outcome {
    const { cut } = result
    if (cut !== undefined) return cutOutcome(cut, result.hasWritten)
    cutBackOff.reset()
    if (result.isContended) return { kind: 'retryIn', ms: options.random() * contendedMs, reason: undefined }
    if (result.isProgress) return { kind: 'again' }
    if (result.isWaiting) return { kind: 'retryIn', ms: waitingMs, reason: undefined }
    const reclaimMs = reclaimInMs({ memory, options })
    const ms = soonest(
      memory.retries.nextMs(options.clock.now()),
      reclaimMs === undefined ? undefined : Math.max(reclaimMs, waitingMs),
    )
    return ms === undefined ? { kind: 'settled' } : { kind: 'retryIn', ms, reason: undefined }
  }

  return {
    round: async (followed) => {
      const { snapshot, pools } = followed
      if (mustForget) forgetAll()
      const { services, changed } = memory.services.take(followed.services)
      for (const key of changed) {
        pending.add(key)
        untold.add(key)
        const view = services.get(key)
        if (view !== undefined) memory.retries.changed(subjectOf(view).key)
      }
      const fault = await learning.learn({ blocks: followed.blocks, services, pending, settled })
      if (fault !== undefined) {
        return {
          outcome: outcomeOf({ result: { ...noResult(), cut: fault } }),
          planned: undefined,
          changed: new Set(),
          granted: 0,
        }
      }
      seed(services)
      const reserved = boundAddresses(bindingMarks(memory))
      const planned = planner.run({ snapshot, services, changed: pending, pools, reserved, nowMs: options.nowMs() })
      for (const key of planned.changed) pending.add(key)
      const round: Round = {
        options,
        memory,
        services,
        pending,
        pools,
        planned,
        confirmed: new Set(),
        given: new Set(),
        dropping: noteServed(planned, services),
        settled,
        result: noResult(),
      }
      await write(round)
      conclude(round)
      const told = untold
      untold = new Set()
      return { outcome: outcomeOf(round), planned, changed: told, granted: round.result.granted }
    },
    isKnownBlock: memory.blocks.isKnown,
    forget: () => {
      mustForget = true
    },
    giveBack: async () => {
      isOver = true
      if (!mustForget) await giveBack(options, memory)
    },
  }
}

const soonest = (...times: readonly (number | undefined)[]): number | undefined => {
  const known = times.filter((ms) => ms !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}

const losesAddress = (object: KubeObject, wish: Wish | undefined): boolean =>
  ingressOf(object).some((address) => wish?.addresses.includes(address) === false)

const isMarked = (object: KubeObject): boolean =>
  object.metadata.annotations?.[poolAnnotation] !== undefined ||
  [assignedCondition, announcedCondition].some((type) => conditionOf(object, type) !== undefined)
