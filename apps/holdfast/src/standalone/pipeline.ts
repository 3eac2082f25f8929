import type { AllocatedService, NodePlan } from '@holdfast/announce'
import { createAnnouncer } from '@holdfast/announce'
import type { Snapshot } from '@holdfast/cluster'
import type { AllocationState, Plan } from '@holdfast/ipam'
import type { Evaluation } from '@holdfast/model'
import { evaluate } from '@holdfast/model'
import type { Allocated } from '../allocation/allocation.ts'
import { Allocation } from '../allocation/allocation.ts'
import { refusedPools } from '../allocation/refused-pools.ts'

/** Everything that follows from one snapshot of the manifests. A value: it is never changed later. */
export interface Pass {
  readonly evaluation: Evaluation
  readonly plan: Plan
  /** Of the nodes that this process speaks for. */
  readonly nodePlans: ReadonlyMap<string, NodePlan>
  /** Services that use the old annotation prefix. */
  readonly oldPrefix: ReadonlySet<string>
}

/** The phases from manifests to plans, without any I/O: evaluate, allocate, announce. Each remembers what did not change. */
export class Pipeline {
  readonly #announcers: ReadonlyMap<string, ReturnType<typeof createAnnouncer>>
  readonly #allocation: Allocation
  #evaluation: Evaluation | undefined
  #allocated: Allocated['services'] | undefined
  #services: readonly AllocatedService[] = []

  /** `state` is what an earlier run kept, or an empty one. */
  constructor(nodes: readonly string[], state: AllocationState) {
    this.#announcers = new Map(nodes.map((node) => [node, createAnnouncer()]))
    this.#allocation = new Allocation(state, { loadBalancerClass: undefined, source: 'manifests' })
  }

  run(snapshot: Snapshot): Pass {
    const evaluation = evaluate(snapshot.objects, this.#evaluation ?? earlier(snapshot))
    this.#evaluation = evaluation
    const { model } = evaluation
    const { plan, services: allocated, oldPrefix } = this.#allocation.run(model, refusedPools(model, snapshot.objects))
    if (allocated !== this.#allocated) this.#services = [...allocated.values()]
    this.#allocated = allocated
    const services = this.#services
    const nodePlans = [...this.#announcers].map(
      ([node, announce]) => [node, announce({ node, model, services, ignoreExcludeLB: false })] as const,
    )
    return { evaluation, plan, nodePlans: new Map(nodePlans), oldPrefix }
  }
}

/** What was in force when an earlier run ended: what is broken or contradicts it now falls back on that. */
const earlier = ({ lastGood }: Snapshot): Evaluation | undefined =>
  lastGood === undefined ? undefined : evaluate(lastGood, undefined)
