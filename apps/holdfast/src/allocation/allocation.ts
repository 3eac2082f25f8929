import type { AllocatedService } from '@holdfast/announce'
import type { AllocationState, Claim, Decision, Plan, Pool, ServiceRequest, World, WorldChange } from '@holdfast/ipam'
import {
  differingKeys,
  isOfNamesake,
  plan,
  replan,
  replanChanged,
  sameRequest,
  ShardedMap,
  withClaims,
} from '@holdfast/ipam'
import type { IPAddressPool, Model, Namespace, Service } from '@holdfast/model'
import { mapDifference, toPoolsMatching } from '@holdfast/model'
import { rangesIn } from './held-ranges.ts'
import type { RequestRules } from './requests.ts'
import { toRequest } from './requests.ts'

/** Who holds which address at one moment. A value: it is never changed later. */
export interface Allocated {
  readonly plan: Plan
  /** Services that hold an address, by key. */
  readonly services: ReadonlyMap<string, AllocatedService>
  /** Services that use the old annotation prefix. */
  readonly oldPrefix: ReadonlySet<string>
}

/**
 * The phase that gives Services their addresses, without any I/O. It keeps what it made of each object by that object's
 * identity, so that a pass costs little more than what changed.
 */
export class Allocation {
  readonly #restored: AllocationState
  readonly #rules: RequestRules
  readonly #pools = new WeakMap<IPAddressPool, Pool>()
  readonly #requests = new Map<string, Requested>()
  #last: Last | undefined

  /** `state` is what was kept of earlier passes, or an empty one. */
  constructor(state: AllocationState, rules: RequestRules) {
    this.#restored = state
    this.#rules = rules
  }

  /** `refused` are names of pools that are there and have no version in force. */
  run(model: Model, refused: ReadonlySet<string> = noNames): Allocated {
    const before = this.#last
    const arePoolsSame = before !== undefined && hasSamePools(before.model, model) && isSameSet(before.refused, refused)
    const touched = arePoolsSame ? differingServices(before.model, model) : this.#allKeys(model)
    const changed = this.#update(touched, model, arePoolsSame)
    const allocation = this.#allocate({ model, refused }, changed, arePoolsSame)
    this.#last = {
      model,
      refused,
      plan: allocation,
      services: this.#toAllocated(model, allocation, touched),
      oldPrefix: this.#toOldPrefix(before?.oldPrefix ?? new Set(), touched),
    }
    return this.#last
  }

  /**
   * A Service that is new to us and comes with addresses in its status has them from an earlier owner, MetalLB say: they
   * are claims, which count after our own assignments. One of the name of another that is gone is new too.
   */
  #allocate(basis: Basis, { change, claimants }: Updated, arePoolsSame: boolean): Plan {
    const before = this.#last?.plan
    const state = before?.state ?? this.#restored
    const claims = claimants.filter(({ service, uid }) => {
      const known = state.assignments.get(service)
      return known === undefined || isOfNamesake(known, uid)
    })
    if (before === undefined || claims.length > 0)
      return plan({ ...this.#world(basis), state: withClaims(state, claims) })
    return (arePoolsSame ? replanChanged(before, change) : undefined) ?? replan(before, this.#world(basis))
  }

  #world({ model, refused }: Basis): World {
    const pools = Array.from(model.pools.values(), (pool) => this.#toPool(pool))
    const names = new Set(pools.map(({ name }) => name))
    const withoutAny = [...refused].filter((name) => !names.has(name)).map(refusedPool)
    return {
      pools: [...pools.map((pool) => (refused.has(pool.name) ? { ...pool, isRefused: true } : pool)), ...withoutAny],
      services: Array.from(this.#requests.values(), ({ request }) => request),
    }
  }

  #toPool(pool: IPAddressPool): Pool {
    const known = this.#pools.get(pool)
    if (known !== undefined) return known
    const { given, held, reserved } = rangesIn(pool)
    const made: Pool = {
      name: pool.meta.ref.name,
      ranges: given,
      ...(held.length === 0 ? {} : { kept: held }),
      ...(reserved.length === 0 ? {} : { reserved }),
      autoAssign: pool.autoAssign,
      avoidBuggyIPs: pool.avoidBuggyIPs,
      isRestricted: pool.serviceAllocation !== undefined,
    }
    this.#pools.set(pool, made)
    return made
  }

  #allKeys(model: Model): Iterable<string> {
    return new Set([...this.#requests.keys(), ...model.services.keys()])
  }

  /** Brings requests in line with the Services of these keys. */
  #update(keys: Iterable<string>, model: Model, arePoolsSame: boolean): Updated {
    const changed: ServiceRequest[] = []
    const gone: string[] = []
    const claimants: Claim[] = []
    for (const key of keys) {
      const service = model.services.get(key)
      const known = this.#requests.get(key)
      if (arePoolsSame && known !== undefined && known.service === service) continue
      const now = service === undefined ? undefined : this.#requested(key, service, model, known)
      if (now === known) continue
      if (now === undefined) {
        this.#requests.delete(key)
        gone.push(key)
        continue
      }
      this.#requests.set(key, now)
      changed.push(now.request)
      const isNew = known === undefined || isOfNamesake(known.request, now.request.uid)
      if (isNew) claimants.push(...claimsOf(now))
    }
    return { change: { changed, gone }, claimants }
  }

  /** Keeps the request that it knows where only pools changed that do not concern the Service. */
  #requested(key: string, service: Service, model: Model, known: Requested | undefined): Requested | undefined {
    const pinnedPools = toPoolsMatching(model, service)
    if (known?.service === service && isSameList(known.request.pinnedPools, pinnedPools)) return known
    const result = toRequest(key, service, pinnedPools, this.#rules)
    if (result.kind !== 'request') return undefined
    const { request, usesOldPrefix } = result
    // Of a Service that only got its address, or a label, the planner has the same request still: it is kept once.
    const isSame = known !== undefined && sameRequest(known.request, request)
    return { service, request: isSame ? known.request : request, usesOldPrefix }
  }

  /** The same map where nothing changed that it is made from: an endpoint that comes or goes, say. */
  #toAllocated(model: Model, { decisions }: Plan, touched: Iterable<string>): ShardedMap<AllocatedService> {
    const before = this.#last?.services ?? ShardedMap.of<AllocatedService>([])
    const keys = new Set([...touched, ...differingKeys(decisions, this.#last?.plan.decisions ?? noDecisions)])
    const changes: [string, AllocatedService | undefined][] = []
    for (const key of keys) {
      const known = before.get(key)
      const now = toAllocatedService(known, model.services.get(key), decisions.get(key))
      if (now !== known) changes.push([key, now])
    }
    return changes.length === 0 ? before : before.with(changes)
  }

  /** The same set where it has the same Services. */
  #toOldPrefix(before: ReadonlySet<string>, touched: Iterable<string>): ReadonlySet<string> {
    const usesIt = (key: string): boolean => this.#requests.get(key)?.usesOldPrefix === true
    const different = [...touched].filter((key) => usesIt(key) !== before.has(key))
    if (different.length === 0) return before
    const now = new Set(before)
    for (const key of different) if (!now.delete(key)) now.add(key)
    return now
  }
}

function toAllocatedService(
  known: AllocatedService | undefined,
  service: Service | undefined,
  decision: Decision | undefined,
): AllocatedService | undefined {
  if (service === undefined || decision?.kind !== 'assigned') return undefined
  const { addresses } = decision
  return known?.service === service && known.addresses === addresses ? known : { service, addresses }
}

function claimsOf({ request: { key, uid }, service: { ingress } }: Requested): readonly Claim[] {
  if (ingress.length === 0) return []
  return [{ service: key, ...(uid === undefined ? {} : { uid }), addresses: ingress }]
}

/** What a pass is made from. */
interface Basis {
  readonly model: Model
  readonly refused: ReadonlySet<string>
}

/** What a pass began from. */
interface Last extends Allocated, Basis {
  readonly services: ShardedMap<AllocatedService>
}

/** What became of the requests. */
interface Updated {
  readonly change: WorldChange
  /** What Services that are new to us have in their statuses. */
  readonly claimants: readonly Claim[]
}

interface Requested {
  readonly service: Service
  readonly request: ServiceRequest
  readonly usesOldPrefix: boolean
}

const noNames: ReadonlySet<string> = new Set()

/** A refused pool of which nobody holds anything. */
const refusedPool = (name: string): Pool => ({
  name,
  ranges: [],
  autoAssign: false,
  avoidBuggyIPs: false,
  isRestricted: true,
  isRefused: true,
})

const isSameSet = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a === b || (a.size === b.size && [...a].every((one) => b.has(one)))

const noDecisions: Plan['decisions'] = ShardedMap.of<Decision>([])

const differingServices = (before: Model, now: Model): readonly string[] =>
  mapDifference(before.services, now.services).map(({ key }) => key)

/** Which pools match a Service depends on pools and namespaces. */
const hasSamePools = (a: Model, b: Model): boolean =>
  isSameMap(a.pools, b.pools) && isSameMap(a.namespaces, b.namespaces)

const isSameMap = (
  a: ReadonlyMap<string, IPAddressPool | Namespace>,
  b: ReadonlyMap<string, IPAddressPool | Namespace>,
): boolean => a === b || (a.size === b.size && [...a].every(([key, value]) => b.get(key) === value))

const isSameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((one, index) => one === b[index])
