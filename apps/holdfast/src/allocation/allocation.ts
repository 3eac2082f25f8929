import type { AllocatedService } from '@holdfast/announce'
import type { Address } from '@holdfast/ip'
import type { AllocationState, Placed, Plan, Pool, ServiceRequest, World } from '@holdfast/ipam'
import { plan, replan, withClaims } from '@holdfast/ipam'
import type { IPAddressPool, Model, Namespace, Service } from '@holdfast/model'
import { toPoolsMatching } from '@holdfast/model'
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
  #requests: ReadonlyMap<string, Requested> = new Map()
  #world: World = { pools: [], services: [] }
  #last: (Allocated & { readonly model: Model }) | undefined

  /** `state` is what was kept of earlier passes, or an empty one. */
  constructor(state: AllocationState, rules: RequestRules) {
    this.#restored = state
    this.#rules = rules
  }

  run(model: Model): Allocated {
    const requests = this.#toRequests(model)
    const allocation = this.#allocate(model, requests)
    this.#last = {
      model,
      plan: allocation,
      services: this.#toAllocated(model, allocation),
      oldPrefix: requests === this.#requests && this.#last !== undefined ? this.#last.oldPrefix : oldPrefixOf(requests),
    }
    this.#requests = requests
    return this.#last
  }

  /**
   * A Service that is new to us and comes with addresses in its status has them from an earlier owner, MetalLB say: they
   * are claims, which count after our own assignments.
   */
  #allocate(model: Model, requests: ReadonlyMap<string, Requested>): Plan {
    const before = this.#last
    if (before !== undefined && requests === this.#requests && before.model.pools === model.pools) {
      return replan(before.plan, this.#world)
    }
    this.#world = {
      pools: [...model.pools.values()].map((pool) => this.#toPool(pool)),
      services: [...requests.values()].map(({ request }) => request),
    }
    const state = before?.plan.state ?? this.#restored
    const claims = this.#newClaims(requests, state)
    if (before !== undefined && claims.length === 0) return replan(before.plan, this.#world)
    return plan({ ...this.#world, state: withClaims(state, claims) })
  }

  #newClaims(requests: ReadonlyMap<string, Requested>, { assignments }: AllocationState): readonly Claim[] {
    const claims: Claim[] = []
    for (const [key, { service }] of requests) {
      if (service.ingress.length === 0 || this.#requests.has(key) || assignments.has(key)) continue
      claims.push({ service: key, addresses: service.ingress })
    }
    return claims
  }

  #toPool(pool: IPAddressPool): Pool {
    const known = this.#pools.get(pool)
    if (known !== undefined) return known
    const made: Pool = {
      name: pool.meta.ref.name,
      ranges: pool.ranges,
      autoAssign: pool.autoAssign,
      avoidBuggyIPs: pool.avoidBuggyIPs,
      isRestricted: pool.serviceAllocation !== undefined,
    }
    this.#pools.set(pool, made)
    return made
  }

  /** The same map where nothing changed that requests are made from: an endpoint that comes or goes, say. */
  #toRequests(model: Model): ReadonlyMap<string, Requested> {
    const before = this.#last?.model
    const arePoolsSame = before !== undefined && hasSamePools(before, model)
    if (arePoolsSame && before.services === model.services) return this.#requests
    const requests = new Map<string, Requested>()
    for (const [key, service] of model.services) {
      const known = this.#requests.get(key)
      const requested = arePoolsSame && known?.service === service ? known : this.#requested(key, service, model, known)
      if (requested !== undefined) requests.set(key, requested)
    }
    return requests
  }

  /** Keeps the request that it knows where only pools changed that do not concern the Service. */
  #requested(key: string, service: Service, model: Model, known: Requested | undefined): Requested | undefined {
    const pinnedPools = toPoolsMatching(model, service)
    if (known?.service === service && isSameList(known.request.pinnedPools, pinnedPools)) return known
    const result = toRequest(key, service, pinnedPools, this.#rules)
    return result.kind === 'request'
      ? { service, request: result.request, usesOldPrefix: result.usesOldPrefix }
      : undefined
  }

  #toAllocated(model: Model, { decisions }: Plan): ReadonlyMap<string, AllocatedService> {
    const before = this.#last
    if (before?.plan.decisions === decisions && before.model.services === model.services) return before.services
    const allocated = new Map<string, AllocatedService>()
    for (const [key, decision] of decisions) {
      const service = model.services.get(key)
      if (service === undefined || decision.kind !== 'assigned') continue
      allocated.set(key, toAllocatedService(before?.services.get(key), service, decision.addresses))
    }
    return allocated
  }
}

const toAllocatedService = (
  known: AllocatedService | undefined,
  service: Service,
  addresses: readonly Placed[],
): AllocatedService => (known?.service === service && known.addresses === addresses ? known : { service, addresses })

interface Claim {
  readonly service: string
  readonly addresses: readonly Address[]
}

interface Requested {
  readonly service: Service
  readonly request: ServiceRequest
  readonly usesOldPrefix: boolean
}

const oldPrefixOf = (requests: ReadonlyMap<string, Requested>): ReadonlySet<string> =>
  new Set([...requests].filter(([, { usesOldPrefix }]) => usesOldPrefix).map(([key]) => key))

/** Which pools match a Service depends on pools and namespaces. */
const hasSamePools = (a: Model, b: Model): boolean =>
  isSameMap(a.pools, b.pools) && isSameMap(a.namespaces, b.namespaces)

const isSameMap = (
  a: ReadonlyMap<string, IPAddressPool | Namespace>,
  b: ReadonlyMap<string, IPAddressPool | Namespace>,
): boolean => a === b || (a.size === b.size && [...a].every(([key, value]) => b.get(key) === value))

const isSameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((one, index) => one === b[index])
