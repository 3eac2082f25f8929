import { addressKey, equalAddresses } from '@holdfast/ip'
import type { Queue } from './backlog.ts'
import { Backlog, isServedBefore } from './backlog.ts'
import { added, assigned, cleared, refused, relabelled, released } from './changes.ts'
import { differingStretch } from './difference.ts'
import { Ledger, placedAt } from './ledger.ts'
import { otherShelf, waitingNeed, wishNeed } from './needs.ts'
import type { Spot } from './pool-table.ts'
import { PoolTable, samePools } from './pool-table.ts'
import { sameRefusal } from './refusal.ts'
import type { Drop } from './retention.ts'
import { judgeRetention } from './retention.ts'
import { additionalRefusal, chooseSpot, chooseSpots, refusalOf, requestedSpots } from './selection.ts'
import { ShardedMap } from './shards.ts'
import type {
  AllocationState,
  Assignment,
  Change,
  Decision,
  Placed,
  Plan,
  Pool,
  Refusal,
  ServiceRequest,
  WorldChange,
} from './types.ts'
import type { Want } from './want.ts'
import { asksForAddresses, Commonplaces, isOfNamesake, sameRequest, toWant } from './want.ts'

/** What a Service held when the pass began; it has to be judged again. */
interface Lifted {
  readonly assignment: Assignment
  /** undefined: the Service is gone, whether or not there is another one of its name. */
  readonly want: Want | undefined
}

/** Services whose request is new or not what it was, and keys of those that are gone. */
interface Difference {
  readonly changed: readonly Want[]
  readonly gone: readonly string[]
}

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
  readonly #wants = new Map<string, Want>()
  readonly #common = new Commonplaces()
  /** Holders who could do better. */
  readonly #wishes = new Backlog()
  /** Services that hold nothing. */
  readonly #waiting = new Backlog()
  #assignments: ReadonlyMap<string, Assignment>
  #decisions: ReadonlyMap<string, Decision>
  /** As of the last pass; undefined where that was told only what changed. */
  #services: readonly ServiceRequest[] | undefined = []
  #isFirst = true

  // What the pass under way has done so far.
  #changes: Change[] = []
  /** Services whose decision has to be made again. */
  #unsettled = new Set<string>()

  /** `decided` are the decisions of the plan before, whose refusals are not reported again. */
  constructor(pools: readonly Pool[], state: AllocationState, decided: ReadonlyMap<string, Decision>) {
    this.#pools = pools
    this.#ledger = new Ledger(new PoolTable(pools), state.history)
    this.#assignments = state.assignments
    this.#decisions = decided
  }

  /** True where the allocator was built for equal pools. */
  serves(pools: readonly Pool[]): boolean {
    return samePools(this.#pools, pools)
  }

  /** One pass: the plan for these Services. */
  pass(services: readonly ServiceRequest[]): Plan {
    return this.#run(this.#compare(services))
  }

  /** One pass after the first: the plan for the Services of the last one with some changes. */
  passChanged({ changed, gone }: WorldChange): Plan {
    this.#services = undefined
    const taken = changed.flatMap((request) => this.#take(request, true) ?? [])
    const left = gone.filter((key) => this.#wants.has(key))
    return this.#run(this.#differenceOf(taken, left))
  }

  #run(difference: Difference): Plan {
    this.#changes = []
    this.#unsettled = new Set()
    const displaced = this.#adopt(difference)
    const lost = new Set(displaced)
    for (const want of difference.changed) this.#enqueue(want, lost)
    this.#wishes.run((want) => this.#fulfil(want))
    for (const want of displaced.sort(inOrderOfService)) if (!this.#serve(want)) this.#wait(want)
    this.#waiting.run((want) => this.#serve(want))
    // Backwards, for the same reason as in #compare.
    for (const key of [...this.#unsettled].reverse()) this.#wish(key)
    const result = this.#conclude()
    this.#isFirst = false
    return result
  }

  /** Finds what changed since the last pass. Equal requests that are other objects are taken over without a word. */
  #compare(services: readonly ServiceRequest[]): Difference {
    const before = this.#services ?? Array.from(this.#wants.values(), ({ request }) => request)
    const stretch = differingStretch(before, services)
    // A copy, in case the caller goes on with the same list.
    this.#services = [...services]
    const gone = new Set(stretch.before.map(({ key }) => key))
    // Before the first pass, Services are known only by what the state says that they hold.
    if (this.#isFirst) for (const key of this.#assignments.keys()) gone.add(key)
    const changed = stretch.now.flatMap((request) => this.#take(request, gone.delete(request.key)) ?? [])
    return this.#differenceOf(changed, [...gone])
  }

  #differenceOf(changed: readonly Want[], gone: readonly string[]): Difference {
    for (const key of gone) this.#forget(key)
    // The first to be served last: the queues take them up in this order without moving what they hold.
    return { changed: changed.toSorted((a, b) => inOrderOfService(b, a)), gone: gone.toSorted() }
  }

  /** Takes a request in. Returns what it is now if it was not that before. */
  #take(request: ServiceRequest, wasThere: boolean): Want | undefined {
    const before = this.#wants.get(request.key)
    if (before !== undefined && !wasThere) throw new Error(`Service ${request.key} is given twice`)
    if (before !== undefined && sameRequest(before.request, request)) return undefined
    this.#forget(request.key)
    const want = toWant(request, this.#common)
    this.#wants.set(want.key, want)
    return want
  }

  #forget(key: string): void {
    const want = this.#wants.get(key)
    if (want === undefined) return
    this.#wishes.remove(want)
    this.#waiting.remove(want)
    this.#wants.delete(key)
  }

  /** Step 1. Returns those who lost all that they held. */
  #adopt({ changed, gone }: Difference): Want[] {
    const lifted = [...changed.map(({ key }) => key), ...gone].flatMap((key) => this.#lift(key))
    const displaced: Want[] = []
    const renamed: Want[] = []
    const left: Pick<Assignment, 'service' | 'addresses'>[] = []
    for (const { assignment, want } of lifted.sort(inOrderOfAdoption)) {
      if (want === undefined) {
        left.push(assignment)
        this.#changes.push(released(assignment.service, assignment.addresses))
        continue
      }
      const drop = this.#judge(want, assignment)
      if (isRelabelled(assignment, this.#ledger.spotsOf(want.key) ?? [])) renamed.push(want)
      if (drop === undefined) continue
      left.push({ service: want.key, addresses: drop.addresses })
      this.#changes.push(cleared(want.key, drop))
      if (this.#ledger.spotsOf(want.key) === undefined) displaced.push(want)
    }
    for (const { key } of renamed) this.#changes.push(relabelled(key, this.#placedBy(key)))
    for (const { service, addresses } of left) this.#leaveAll(service, addresses)
    return displaced
  }

  #lift(key: string): readonly Lifted[] {
    this.#unsettled.add(key)
    const assignment = this.#assignments.get(key)
    if (assignment === undefined) return []
    this.#ledger.letGo(key)
    const want = this.#wants.get(key)
    return [{ assignment, want: isOfNamesake(assignment, want?.request.uid) ? undefined : want }]
  }

  /** Lets a Service keep what it may. Returns what it must leave. */
  #judge(want: Want, assignment: Assignment): Drop | undefined {
    const { keep, drop } = judgeRetention(this.#ledger.pools, want.request, assignment.addresses)
    for (const spot of keep) {
      const conflict = this.#ledger.conflictAt(spot, want)
      if (conflict !== undefined) {
        return { addresses: assignment.addresses, reason: 'addressConflict', message: conflict.message }
      }
    }
    if (keep.length === 0) return drop
    this.#ledger.hold(want, keep)
    const hasNewTerms = assignment.terms !== want.terms
    if (hasNewTerms) for (const spot of keep) this.#wakeFor(spot)
    return drop
  }

  #enqueue(want: Want, displaced: ReadonlySet<Want>): void {
    if (this.#ledger.spotsOf(want.key) !== undefined) this.#wish(want.key)
    else if (!displaced.has(want)) this.#wait(want)
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
    for (const spot of dropped) this.#leave(spot, want.key)
    this.#settleHolder(want)
    this.#changes.push(assigned(want.key, this.#placedBy(want.key)))
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
    this.#changes.push(assigned(want.key, this.#placedBy(want.key)))
    return true
  }

  #placedBy(service: string): readonly Placed[] {
    return (this.#ledger.spotsOf(service) ?? []).map(placedAt)
  }

  #settleHolder(want: Want): void {
    this.#unsettled.add(want.key)
    for (const spot of this.#ledger.spotsOf(want.key) ?? []) {
      const key = addressKey(placedAt(spot).address)
      this.#wishes.wakeForAddress(key)
      this.#waiting.wakeForAddress(key)
    }
  }

  #leaveAll(service: string, addresses: readonly Placed[]): void {
    for (const { address } of addresses) {
      const spot = this.#ledger.rememberAddress(address, service)
      if (spot !== undefined) this.#wakeFor(spot)
    }
  }

  /** A Service left an address: it is remembered, and whoever waits for it is tried again. */
  #leave(spot: Spot, service: string): void {
    this.#ledger.remember(spot, service)
    this.#wakeFor(spot)
  }

  #wakeFor(spot: Spot): void {
    this.#wakeAt(spot)
    for (const beside of this.#ledger.pools.takeReopened()) this.#wakeAt(beside)
  }

  #wakeAt(spot: Spot): void {
    const key = addressKey(placedAt(spot).address)
    for (const backlog of [this.#wishes, this.#waiting]) {
      backlog.wakeForAddress(key)
      backlog.wakeForPool(spot.shelf.pool.name)
    }
  }

  #wait(want: Want): void {
    this.#waiting.add(want, waitingNeed(this.#ledger.pools, want))
  }

  /** Notes what a holder would rather have, if anything. */
  #wish(service: string): void {
    const want = this.#wants.get(service)
    const held = this.#ledger.spotsOf(service)
    if (want === undefined || held === undefined || this.#wishes.queueOf(service) !== undefined) return
    const need = wishNeed(this.#ledger.pools, want, held)
    if (need !== undefined) this.#wishes.add(want, need)
  }

  #conclude(): Plan {
    this.#explain(this.#wishes, (want) => this.#wishRefusal(want))
    this.#explain(this.#waiting, (want) => refusalOf(this.#ledger, want))
    if (this.#unsettled.size > 0 || this.#isFirst) this.#decide()
    return {
      state: { assignments: this.#assignments, history: this.#ledger.history() },
      changes: this.#changes,
      decisions: this.#decisions,
      pools: this.#ledger.pools.counts(),
    }
  }

  #wishRefusal(want: Want): Refusal {
    const [only] = this.#ledger.spotsOf(want.key) ?? []
    if (asksForAddresses(want.request) || only === undefined) return refusalOf(this.#ledger, want)
    return additionalRefusal(only)
  }

  /** Refusals are worded when all is done, so that they name who holds what in the end. */
  #explain(backlog: Backlog, refusalFor: (want: Want) => Refusal): void {
    for (const queue of backlog.takeTouched()) {
      const [want] = queue.members
      if (want !== undefined) this.#explainQueue(queue, refusalFor(want))
    }
  }

  #explainQueue(queue: Queue, refusal: Refusal): void {
    if (sameRefusal(queue.refusal, refusal)) return
    queue.refusal = refusal
    for (const { key } of queue.members) this.#unsettled.add(key)
  }

  #decide(): void {
    const decisions: [string, Decision | undefined][] = []
    const assignments: [string, Assignment | undefined][] = []
    for (const key of [...this.#unsettled].sort()) {
      const want = this.#wants.get(key)
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
      const notice = this.#wishes.queueOf(want.key)?.refusal
      return { kind: 'assigned', addresses: spots.map(placedAt), notice }
    }
    const refusal = this.#waiting.queueOf(want.key)?.refusal
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

const inOrderOfService = (a: Want, b: Want): number => (isServedBefore(a, b) ? -1 : 1)

/** Those who are gone; then holders who are as they were; then those who changed; then claims. Each by key. */
function inOrderOfAdoption(a: Lifted, b: Lifted): number {
  const difference = adoptionRank(a) - adoptionRank(b)
  return difference === 0 ? (a.assignment.service < b.assignment.service ? -1 : 1) : difference
}

function adoptionRank({ assignment, want }: Lifted): number {
  if (want === undefined) return 0
  if (assignment.terms === undefined) return 3
  return assignment.terms === want.terms ? 1 : 2
}

/** True where an address that stays is in a pool of another name than it was granted from. */
const isRelabelled = (before: Assignment, spots: readonly Spot[]): boolean =>
  spots.some((spot) => {
    const placed = placedAt(spot)
    const old = before.addresses.find(({ address }) => equalAddresses(address, placed.address))
    return old !== undefined && old.pool !== placed.pool
  })

const isSameSpot = (a: Spot, b: Spot): boolean => a.shelf === b.shelf && a.value === b.value
