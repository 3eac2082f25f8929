import { adopt } from './adoption.ts'
import { added, assigned, cleared, refused } from './changes.ts'
import type { Difference } from './intake.ts'
import { inOrderOfService, Intake } from './intake.ts'
import { Ledger, placedAt } from './ledger.ts'
import { otherShelf } from './needs.ts'
import type { Spot } from './pool-table.ts'
import { PoolTable, samePools } from './pool-table.ts'
import { Queues } from './queues.ts'
import { sameRefusal } from './refusal.ts'
import type { Drop } from './retention.ts'
import { chooseSpot, chooseSpots, requestedSpots } from './selection.ts'
import { ShardedMap } from './shards.ts'
import type {
  AllocationState,
  Assignment,
  Change,
  Decision,
  Plan,
  Pool,
  Refusal,
  ServiceRequest,
  WorldChange,
} from './types.ts'
import type { Want } from './want.ts'
import { asksForAddresses } from './want.ts'

/**
 * The indices behind a plan. They change in place from pass to pass, so that a pass costs what has changed and not
 * what there is; `plan` and `replan` make values of it. A pass runs in this order:
 *
 * 1. adopt: holders keep what they may, those who are as they were before those who changed; the others are cleared;
 * 2. wishes: holders who asked for other addresses, or may have a second one, get them where that is possible;
 * 3. displaced: Services that lost their addresses in step 1 get others;
 * 4. waiting: Services without addresses get some.
 *
 * Only 1 and 2 free addresses, so at the end nobody waits for something that is free.
 */
export class Allocator {
  readonly #pools: readonly Pool[]
  readonly #ledger: Ledger
  readonly #queues: Queues
  readonly #intake = new Intake()
  #assignments: ReadonlyMap<string, Assignment>
  #decisions: ReadonlyMap<string, Decision>
  #isFirst = true

  // What the pass under way has done so far.
  #changes: Change[] = []
  /** Services whose decision has to be made again. */
  #unsettled = new Set<string>()

  /** `decided` are the decisions of the plan before, whose refusals are not reported again. */
  constructor(pools: readonly Pool[], state: AllocationState, decided: ReadonlyMap<string, Decision>) {
    this.#pools = pools
    this.#ledger = new Ledger(new PoolTable(pools), state.history)
    this.#queues = new Queues(this.#ledger)
    this.#assignments = state.assignments
    this.#decisions = decided
  }

  /** True where the allocator was built for equal pools. */
  serves(pools: readonly Pool[]): boolean {
    return samePools(this.#pools, pools)
  }

  /** One pass: the plan for these Services. */
  pass(services: readonly ServiceRequest[]): Plan {
    // Before the first pass, Services are known only by what the state says that they hold.
    const known = this.#isFirst ? this.#assignments.keys() : []
    return this.#run(this.#intake.compare(services, known))
  }

  /** One pass after the first: the plan for the Services of the last one with some changes. */
  passChanged(change: WorldChange): Plan {
    return this.#run(this.#intake.change(change))
  }

  #run(difference: Difference): Plan {
    const displaced = this.#begin(difference)
    const lost = new Set(displaced)
    for (const want of difference.changed) this.#enqueue(want, lost)
    this.#queues.runWishes((want) => this.#fulfil(want))
    for (const want of displaced.sort(inOrderOfService)) if (!this.#serve(want)) this.#queues.wait(want)
    this.#queues.runWaiting((want) => this.#serve(want))
    // Backwards, as `changed` is: the queues take them up in this order without moving what they hold.
    for (const key of [...this.#unsettled].reverse()) this.#wish(key)
    const result = this.#conclude()
    this.#isFirst = false
    return result
  }

  /** Step 1. Returns those who lost all that they held. */
  #begin(difference: Difference): Want[] {
    const { changed, gone, former } = difference
    for (const want of former) this.#queues.remove(want)
    this.#unsettled = new Set([...changed.map(({ key }) => key), ...gone])
    const { changes, displaced } = adopt(difference, {
      ledger: this.#ledger,
      queues: this.#queues,
      assignments: this.#assignments,
      wantOf: (service) => this.#intake.wantOf(service),
    })
    this.#changes = changes
    return displaced
  }

  #enqueue(want: Want, displaced: ReadonlySet<Want>): void {
    if (this.#ledger.spotsOf(want.key) !== undefined) this.#queues.wish(want)
    else if (!displaced.has(want)) this.#queues.wait(want)
  }

  /** Step 2, one holder: what it asks for instead of what it holds, or a second address. */
  #fulfil(want: Want): boolean {
    const held = this.#ledger.spotsOf(want.key) ?? []
    return asksForAddresses(want.request) ? this.#move(want, held) : this.#complete(want, held)
  }

  #move(want: Want, held: readonly Spot[]): boolean {
    const spots = requestedSpots(this.#ledger, want)
    if (spots === undefined) return false
    const dropped = held.filter((old) => !spots.some((spot) => isSameSpot(spot, old)))
    this.#ledger.letGo(want.key)
    this.#ledger.hold(want, spots)
    const drop: Drop = {
      addresses: dropped.map(placedAt),
      reason: 'requestedAddressesChanged',
      message: 'other addresses are requested',
    }
    if (dropped.length > 0) this.#changes.push(cleared(want.key, drop))
    for (const spot of dropped) this.#queues.leave(spot, want.key)
    this.#settleHolder(want)
    this.#changes.push(assigned(want.key, this.#ledger.placedBy(want.key)))
    return true
  }

  #complete(want: Want, held: readonly Spot[]): boolean {
    const [only] = held
    const shelf = only === undefined ? undefined : otherShelf(this.#ledger.pools, only)
    const spot = shelf === undefined ? undefined : chooseSpot(shelf, want, this.#ledger.lastUsedBy(want.key))
    if (spot === undefined) return false
    this.#ledger.hold(want, [spot])
    this.#settleHolder(want)
    this.#changes.push(added(want.key, placedAt(spot)))
    return true
  }

  /** Steps 3 and 4, one Service. */
  #serve(want: Want): boolean {
    const spots = chooseSpots(this.#ledger, want)
    if (spots === undefined) return false
    this.#ledger.hold(want, spots)
    this.#settleHolder(want)
    this.#changes.push(assigned(want.key, this.#ledger.placedBy(want.key)))
    return true
  }

  #settleHolder(want: Want): void {
    this.#unsettled.add(want.key)
    this.#queues.wakeAtAddresses(this.#ledger.spotsOf(want.key) ?? [])
  }

  /** Notes what a holder would rather have, if anything. */
  #wish(service: string): void {
    const want = this.#intake.wantOf(service)
    if (want !== undefined) this.#queues.wish(want)
  }

  #conclude(): Plan {
    for (const key of this.#queues.explain()) this.#unsettled.add(key)
    if (this.#unsettled.size > 0 || this.#isFirst) this.#decide()
    return {
      state: { assignments: this.#assignments, history: this.#ledger.history() },
      changes: this.#changes,
      decisions: this.#decisions,
      pools: this.#ledger.pools.counts(),
      next: this.#ledger.pools.next(),
    }
  }

  #decide(): void {
    const decisions: [string, Decision | undefined][] = []
    const assignments: [string, Assignment | undefined][] = []
    for (const key of [...this.#unsettled].sort()) {
      const want = this.#intake.wantOf(key)
      const decision = want === undefined ? undefined : this.#decisionFor(want)
      this.#report(key, decision)
      decisions.push([key, decision])
      const assignment: Assignment | undefined =
        want === undefined || decision?.kind !== 'assigned'
          ? undefined
          : { service: key, ...uidIn(want.request), addresses: decision.addresses, terms: want.terms }
      assignments.push([key, assignment])
    }
    this.#decisions = this.#updated(this.#decisions, decisions)
    this.#assignments = this.#updated(this.#assignments, assignments)
  }

  /** The first pass decides everything anew. */
  #updated<V>(
    map: ReadonlyMap<string, V>,
    entries: Iterable<readonly [string, V | undefined]>,
  ): ReadonlyMap<string, V> {
    const base = map instanceof ShardedMap && !this.#isFirst ? (map as ShardedMap<V>) : ShardedMap.of<V>([])
    return base.with(entries)
  }

  #decisionFor(want: Want): Decision {
    const spots = this.#ledger.spotsOf(want.key)
    if (spots !== undefined) {
      const notice = this.#queues.wishRefusalOf(want.key)
      return { kind: 'assigned', addresses: spots.map(placedAt), notice }
    }
    const refusal = this.#queues.waitingRefusalOf(want.key)
    if (refusal === undefined) throw new Error(`Service ${want.key} has neither an address nor a reason`)
    return { kind: 'refused', ...refusal }
  }

  #report(key: string, decision: Decision | undefined): void {
    const refusal = refusalIn(decision)
    if (refusal === undefined || sameRefusal(refusal, refusalIn(this.#decisions.get(key)))) return
    this.#changes.push(refused(key, { reason: refusal.reason, message: refusal.message }))
  }
}

const refusalIn = (decision: Decision | undefined): Refusal | undefined =>
  decision?.kind === 'assigned' ? decision.notice : decision

const uidIn = ({ uid }: ServiceRequest): Pick<Assignment, 'uid'> => (uid === undefined ? {} : { uid })

const isSameSpot = (a: Spot, b: Spot): boolean => a.shelf === b.shelf && a.value === b.value
