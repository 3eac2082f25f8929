import type { ApiResult, KubeObject, MemoryApi } from '@holdfast/cluster'
import { createMemoryApi } from '@holdfast/cluster'
import { createVirtualClock } from '@holdfast/runtime'
import type { VirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { ingressOf, poolAnnotation, viewOf } from '../service-object.ts'
import type { Random } from './random.ts'
import { createRandom } from './random.ts'
import type { CarriedOut, SimulatedController } from './simulated-controller.ts'
import { createSimulatedController } from './simulated-controller.ts'
import type { SimulatedLease } from './simulated-lease.ts'
import { createSimulatedLease } from './simulated-lease.ts'
import type { Troubles } from './troubles.ts'
import { createTroubles } from './troubles.ts'
import {
  assertExclusive,
  assertReclaimed,
  assertSettled,
  assertTermsKept,
  grantsOf,
  perfectWishes,
  reservedIn,
  servicesOf,
} from './truth.ts'
import type { Workload } from './workload.ts'
import { createWorkload } from './workload.ts'

export interface HistoryResult {
  /** Writes that were carried out and changed something. */
  readonly writes: number
  readonly conflicts: number
  /** Statuses that lost an address. */
  readonly moves: number
  /** Addresses that statuses were given before a block granted them: by being set aside. */
  readonly given: number
}

/**
 * One history: two or three controllers over one API server, each with its own clock, late views, pauses and crashes, while people
 * change Services and pools. After every write: no address twice, none that no block grants or has set aside, none moved that its
 * Service and pool allow. In the end, when nothing goes wrong any more, all is as a planner that knows everything would have it. In a
 * share of the histories addresses of lost pools are held; in another one people and MetalLB write what is not theirs: then only the
 * end counts.
 */
export async function runHistory(seed: number): Promise<HistoryResult> {
  const history = new History(seed)
  try {
    await history.run()
  } catch (error) {
    const lines = history.lines.slice(-80).join('\n')
    throw new Error(`history ${seed}: ${error instanceof Error ? error.message : String(error)}\n${lines}`, {
      cause: error,
    })
  } finally {
    history.end()
  }
  return history.result
}

type Wishes = ReturnType<typeof perfectWishes>

interface Before {
  readonly services: readonly KubeObject[]
  readonly grants: ReturnType<typeof grantsOf>
  readonly reserved: ReturnType<typeof reservedIn>
  /** undefined: what is written is no status, or was sent long ago. */
  readonly wishes: readonly Wishes[] | undefined
}

class History {
  readonly lines: string[] = []
  readonly result = { writes: 0, conflicts: 0, moves: 0, given: 0 }
  readonly #clock: VirtualClock = createVirtualClock()
  readonly #server: MemoryApi = createMemoryApi({ clock: this.#clock })
  readonly #random: Random
  readonly #isRoomy: boolean
  readonly #workload: Workload
  readonly #lease: SimulatedLease
  readonly #longestWatchMs: number
  readonly #controllers: SimulatedController[] = []
  readonly #onPoolLoss: 'Reassign' | 'Hold'
  readonly #troubles: Troubles
  #failure: Error | undefined
  #made = 0
  #isCalm = false
  /** Where pools and Services stood when a controller last asked for pools, and when it last asked for a Service. */
  readonly #asked = new Map<string, number>()
  readonly #named = new Map<string, string>()

  constructor(seed: number) {
    this.#random = createRandom(seed)
    this.#onPoolLoss = this.#random.chance(0.25) ? 'Hold' : 'Reassign'
    const common = { server: this.#server, clock: this.#clock, random: this.#random }
    this.#isRoomy = this.#random.chance(0.6)
    this.#workload = createWorkload({ ...common, isRoomy: this.#isRoomy })
    this.#lease = createSimulatedLease(common)
    this.#longestWatchMs = this.#random.pick([1000, 3000])
    this.#troubles = createTroubles({
      ...common,
      serviceNames: this.#workload.names,
      controllers: this.#controllers,
      replace: (controller) => this.#replace(controller),
      hasSabotage: this.#random.chance(0.25),
      tell: (line) => this.#tell(line),
    })
  }

  async run(): Promise<void> {
    const random = this.#random
    const count = 2 + random.below(2)
    for (let index = 0; index < count; index += 1) this.#start()
    const acts = 10 + random.below(30)
    for (let act = 0; act < acts; act += 1) {
      await this.#pass(random.chance(0.5) ? random.next() * 20 : random.next() * 1500)
      this.#troubles.act()
      this.#tell(`people: ${this.#workload.act()}`)
    }
    await this.#pass(random.next() * 3000)
    await this.#settle()
  }

  end(): void {
    for (const controller of this.#controllers) controller.crash()
  }

  #start(): void {
    const random = this.#random
    this.#made += 1
    const controller = createSimulatedController({
      name: `c${this.#made}`,
      server: this.#server,
      clock: this.#clock,
      random,
      lease: this.#lease,
      longestWatchMs: this.#longestWatchMs,
      rate: random.pick([0.5, 1, 1, 2]),
      nowMs: () => Date.UTC(2026, 0, 1) + this.#clock.now(),
      onPoolLoss: this.#onPoolLoss,
      perform: (write, run) => this.#perform(write, run),
      refusalOf: (object) => this.#troubles.refusalOf(object),
      asked: (by, service) => void this.#asked.set(askedKey(by, service), this.#acts()),
      observe: (line) => this.#tell(line),
    })
    // Most of the time one leads; often two believe that they do.
    controller.lead(random.chance(0.6))
    if (this.#isCalm) controller.calm()
    this.#controllers.push(controller)
    this.#tell(`${controller.name} starts`)
  }

  #replace(controller: SimulatedController): void {
    const index = this.#controllers.indexOf(controller)
    if (index < 0) return
    controller.crash()
    this.#controllers.splice(index, 1)
    this.#tell(`${controller.name} is gone`)
    this.#start()
  }

  async #settle(): Promise<void> {
    this.#tell('calm')
    this.#isCalm = true
    this.#troubles.calm()
    for (const controller of this.#controllers) controller.calm()
    await this.#until(() => !this.#controllers.some((controller) => controller.isStopping()), 60_000)
    this.#decideWhoLeads()
    await this.#rest(40_000)
    assertSettled(this.#server, this.#onPoolLoss)
    // What is set aside for nobody that there is has been reclaimed by now: what is written from here on is without it.
    const version = this.#server.resourceVersion()
    for (let acts = 0; acts < 3; acts += 1) this.#tell(`people: ${this.#workload.act()}`)
    await this.#rest(10_000)
    assertSettled(this.#server, this.#onPoolLoss)
    const leaderships = this.#controllers.flatMap((controller) => controller.leadership()?.number ?? [])
    // Of two, the one that writes may be the one that cannot reclaim what came after it.
    if (leaderships.length === 1) assertReclaimed(this.#server, version, new Set(leaderships))
  }

  /**
   * A failed over standby, or several leaders for ever: both must come to rest. Of several, one leads by the Lease too. Where something
   * may be set aside one leads alone, as in truth all but one learn in the end that they do not: what is set aside by a later
   * leadership an earlier one can never reclaim, so that the two would say different things of it for ever.
   */
  #decideWhoLeads(): void {
    const [first, ...others] = this.#controllers
    assert.ok(first !== undefined)
    if (this.#isRoomy || this.#random.chance(0.7)) for (const other of others) other.lead(false)
    first.lead(true)
    if (this.#controllers.some((controller) => controller.isNewestLeader())) return
    first.lead(false)
    first.lead(true)
  }

  /** After so long a time all come to rest, and stay at rest. */
  async #rest(ms: number): Promise<void> {
    const isAtRest = (): boolean => this.#controllers.every((controller) => controller.isIdle())
    await this.#pass(ms)
    await this.#until(isAtRest, 600_000)
    const before = this.result.writes
    await this.#pass(5_000)
    await this.#until(isAtRest, 600_000)
    assert.equal(this.result.writes, before, 'something is written although nothing changes')
  }

  async #perform<T>(write: CarriedOut, run: () => Promise<ApiResult<T>>): Promise<ApiResult<T>> {
    const isStatus = write.what.startsWith('merge Service')
    const before = this.#before(isStatus && !write.isLate)
    const version = this.#server.resourceVersion()
    const answer = await run()
    const isChange = this.#server.resourceVersion() !== version
    this.#tell(carriedOutText(write, answer, isChange))
    if (answer.kind === 'fault') this.result.conflicts += 1
    if (!isChange) return answer
    this.result.writes += 1
    if (isStatus) this.#countGiven(before)
    try {
      if (!this.#troubles.isSabotaged()) this.#assertRight(before, write)
    } catch (error) {
      this.#failure ??= error instanceof Error ? error : new Error(String(error))
    }
    return answer
  }

  #before(hasWishes: boolean): Before {
    const server = this.#server
    return {
      services: servicesOf(server),
      grants: grantsOf(server),
      reserved: reservedIn(server),
      wishes: hasWishes ? [perfectWishes(server), perfectWishes(server, 'statuses')] : undefined,
    }
  }

  /** After a write, by what was before it. What was sent long ago is not judged by what its sender has asked for since. */
  #assertRight({ services, grants, wishes }: Before, { by, isLate }: CarriedOut): void {
    assertExclusive(this.#server)
    assertTermsKept(this.#server, grants, (service) => !isLate && this.#knows(by, service))
    if (wishes !== undefined) this.#assertNotMoved(services, wishes, by)
    this.#noteNamed()
  }

  #countGiven({ services, grants, reserved }: Before): void {
    const known = new Map(services.map((object) => [object.metadata.uid, ingressOf(object)]))
    for (const object of servicesOf(this.#server)) {
      const { uid = '' } = object.metadata
      const isAside = (address: string): boolean => reserved.has(address) && !grants.has(`${address} ${uid}`)
      const added = ingressOf(object).filter((address) => known.get(uid)?.includes(address) === false)
      this.result.given += added.filter(isAside).length
    }
  }

  /** What a status lost, no planner that knew everything would have left there. */
  #assertNotMoved(before: readonly KubeObject[], wishes: readonly Wishes[], by: string): void {
    const now = new Map(servicesOf(this.#server).map((object) => [viewOf(object)?.key, object]))
    for (const object of before) {
      const view = viewOf(object)
      const after = now.get(view?.key)
      if (view === undefined || after?.metadata.uid !== view.uid) continue
      const lost = ingressOf(object).filter((address) => !ingressOf(after).includes(address))
      if (lost.length === 0) continue
      this.result.moves += 1
      // Both of a pair come from one pool: where one has to go, what becomes of the other is open.
      const mayStay = wishes.every((all) =>
        ingressOf(object).every((address) => all.get(view.key)?.addresses.includes(address) === true),
      )
      const kept = mayStay ? lost : []
      // What people did since the controller asked for the pools it cannot know.
      const isRace = this.#asked.get(by) !== this.#acts()
      const asBefore = kept.filter((address) => this.#named.get(`${view.uid} ${address}`) === wishText(object))
      assert.ok(asBefore.length === 0 || isRace, `${by} took ${asBefore.join()} from ${view.key}, which may keep it`)
    }
  }

  /** What Services asked for when their statuses began to name an address. */
  #noteNamed(): void {
    const known = new Map(this.#named)
    this.#named.clear()
    for (const object of servicesOf(this.#server)) {
      for (const address of ingressOf(object)) {
        const key = `${object.metadata.uid ?? ''} ${address}`
        this.#named.set(key, known.get(key) ?? wishText(object))
      }
    }
  }

  /** Whether nobody has done anything since a controller asked for a Service; it need not ask for one that it has seen as it is. */
  #knows(by: string, service: string): boolean {
    const asked = this.#asked.get(askedKey(by, service))
    return asked === undefined || asked === this.#acts()
  }

  #acts(): number {
    return this.#workload.poolActs() + this.#workload.serviceActs()
  }

  #tell(line: string): void {
    this.lines.push(`${Math.round(this.#clock.now())} ${line}`)
  }

  async #pass(ms: number): Promise<void> {
    const end = this.#clock.now() + ms
    await this.#until(() => this.#clock.now() >= end, ms)
  }

  async #until(condition: () => boolean, limitMs: number): Promise<void> {
    const end = this.#clock.now() + limitMs
    // Time passes also where nothing else is due.
    this.#clock.after(limitMs, () => undefined)
    while (!condition()) {
      await setImmediate()
      if (this.#failure !== undefined) throw this.#failure
      if (condition()) return
      assert.ok(this.#clock.now() <= end, `not within ${limitMs} ms`)
      this.#clock.advanceToNext()
    }
  }
}

function carriedOutText({ by, what, isLate }: CarriedOut, answer: ApiResult<unknown>, isChange: boolean): string {
  const outcome = answer.kind === 'fault' ? answer.code : isChange ? 'done' : 'no change'
  return `${by} ${what}: ${outcome}${isLate ? ', late' : ''}`
}

const askedKey = (by: string, service: string | undefined): string => (service === undefined ? by : `${by} ${service}`)

/** What people said of a Service. */
function wishText({ spec, metadata }: KubeObject): string {
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([name]) => name !== poolAnnotation)
  return JSON.stringify([spec, annotations.sort()])
}
