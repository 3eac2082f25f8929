import type { AllocatedService, NodePlan } from '@holdfast/announce'
import { createAnnouncer } from '@holdfast/announce'
import type { Snapshot } from '@holdfast/cluster'
import type { Address } from '@holdfast/ip'
import type { AllocationState, Placed, Plan, Pool, ServiceRequest, World } from '@holdfast/ipam'
import { plan, replan, withClaims } from '@holdfast/ipam'
import type { Evaluation, IPAddressPool, Model, Namespace, Service } from '@holdfast/model'
import { evaluate, toPoolsMatching } from '@holdfast/model'
import { toRequest } from './requests.ts'

/** Everything that follows from one snapshot of the manifests. A value: it is never changed later. */
export interface Pass {
  readonly evaluation: Evaluation
  readonly plan: Plan
  /** Services that hold an address, by key. */
  readonly allocated: ReadonlyMap<string, AllocatedService>
  /** Of the nodes that this process speaks for. */
  readonly nodePlans: ReadonlyMap<string, NodePlan>
  /** Services that use the old annotation prefix. */
  readonly oldPrefix: ReadonlySet<string>
}

type Announcer = ReturnType<typeof createAnnouncer>

/**
 * The phases from manifests to plans, without any I/O: evaluate, allocate, announce. It keeps what it made of each object by that
 * object's identity, so that a pass costs little more than what changed.
 */
export class Pipeline {
  readonly #announcers: ReadonlyMap<string, Announcer>
  readonly #restored: AllocationState
  readonly #pools = new WeakMap<IPAddressPool, Pool>()
  #requests = new Map<string, Requested>()
  #allocated = new Map<string, AllocatedService>()
  #services: readonly AllocatedService[] = []
  #world: World = { pools: [], services: [] }
  #last: Pass | undefined

  /** `state` is what an earlier run kept, or an empty one. */
  constructor(nodes: readonly string[], state: AllocationState) {
    this.#announcers = new Map(nodes.map((node) => [node, createAnnouncer()]))
    this.#restored = state
  }

  run(snapshot: Snapshot): Pass {
    const evaluation = evaluate(snapshot.objects, this.#last?.evaluation ?? earlier(snapshot))
    const { model } = evaluation
    const requests = this.#toRequests(model)
    const allocation = this.#allocate(model, requests)
    this.#allocated = this.#toAllocated(model, allocation)
    const services = this.#allocated === this.#last?.allocated ? this.#services : [...this.#allocated.values()]
    const nodePlans = [...this.#announcers].map(
      ([node, announce]) => [node, announce({ node, model, services, ignoreExcludeLB: false })] as const,
    )
    this.#last = {
      evaluation,
      plan: allocation,
      allocated: this.#allocated,
      nodePlans: new Map(nodePlans),
      oldPrefix: requests === this.#requests && this.#last !== undefined ? this.#last.oldPrefix : oldPrefixOf(requests),
    }
    this.#requests = requests
    this.#services = services
    return this.#last
  }

  /**
   * A Service that is new to us and comes with addresses in its status has them from an earlier owner, MetalLB say: they
   * are claims, which count after our own assignments.
   */
  #allocate(model: Model, requests: ReadonlyMap<string, Requested>): Plan {
    const before = this.#last
    if (before !== undefined && requests === this.#requests && before.evaluation.model.pools === model.pools) {
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
  #toRequests(model: Model): Map<string, Requested> {
    const before = this.#last?.evaluation.model
    const arePoolsSame = before !== undefined && hasSamePools(before, model)
    if (arePoolsSame && before.services === model.services) return this.#requests
    const requests = new Map<string, Requested>()
    for (const [key, service] of model.services) {
      const known = this.#requests.get(key)
      const requested = arePoolsSame && known?.service === service ? known : newlyRequested(key, service, model, known)
      if (requested !== undefined) requests.set(key, requested)
    }
    return requests
  }

  #toAllocated(model: Model, { decisions }: Plan): Map<string, AllocatedService> {
    const before = this.#last
    if (before?.plan.decisions === decisions && before.evaluation.model.services === model.services)
      return this.#allocated
    const allocated = new Map<string, AllocatedService>()
    for (const [key, decision] of decisions) {
      const service = model.services.get(key)
      if (service === undefined || decision.kind !== 'assigned') continue
      allocated.set(key, this.#toAllocatedService(key, service, decision.addresses))
    }
    return allocated
  }

  #toAllocatedService(key: string, service: Service, addresses: readonly Placed[]): AllocatedService {
    const known = this.#allocated.get(key)
    return known?.service === service && known.addresses === addresses ? known : { service, addresses }
  }
}

/** What was in force when an earlier run ended: what is broken or contradicts it now falls back on that. */
const earlier = ({ lastGood }: Snapshot): Evaluation | undefined =>
  lastGood === undefined ? undefined : evaluate(lastGood, undefined)

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

/** Keeps the request that it knows where only pools changed that do not concern the Service. */
function newlyRequested(
  key: string,
  service: Service,
  model: Model,
  known: Requested | undefined,
): Requested | undefined {
  const pinnedPools = toPoolsMatching(model, service)
  if (known?.service === service && isSameList(known.request.pinnedPools, pinnedPools)) return known
  const result = toRequest(key, service, pinnedPools)
  return result.kind === 'request'
    ? { service, request: result.request, usesOldPrefix: result.usesOldPrefix }
    : undefined
}

/** Which pools match a Service depends on pools and namespaces. */
const hasSamePools = (a: Model, b: Model): boolean =>
  isSameMap(a.pools, b.pools) && isSameMap(a.namespaces, b.namespaces)

const isSameMap = (
  a: ReadonlyMap<string, IPAddressPool | Namespace>,
  b: ReadonlyMap<string, IPAddressPool | Namespace>,
): boolean => a === b || (a.size === b.size && [...a].every(([key, value]) => b.get(key) === value))

const isSameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((one, index) => one === b[index])
