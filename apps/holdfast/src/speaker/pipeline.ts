import type { NodePlan } from '@holdfast/announce'
import { createAnnouncer } from '@holdfast/announce'
import type { Evaluation, RawObject } from '@holdfast/model'
import { evaluate } from '@holdfast/model'
import { createHoldings } from '../allocation/hold.ts'
import type { EarlierVersions } from './earlier-versions.ts'
import { createEarlierVersions, evaluationBefore } from './earlier-versions.ts'
import { createServiceReader } from './services.ts'

/** Everything that follows from what the API server says. A value: it is never changed later. */
export interface SpeakerPass {
  readonly evaluation: Evaluation
  /** What is in force of the objects that are refused. */
  readonly earlier: EarlierVersions
  readonly plan: NodePlan
}

export interface PipelineOptions {
  /** Name of the own Node. */
  readonly node: string
  readonly loadBalancerClass: string | undefined
  /** What was in force of the objects that were refused when an earlier life ended, whose objects are the first ones. */
  readonly earlier?: EarlierVersions | undefined
}

/**
 * The phases from objects to the plan of the own node, without any I/O. Only that Node is in the model, so that what other nodes
 * are configured to do, right or wrong, cannot concern this one.
 */
export class SpeakerPipeline {
  readonly #node: string
  readonly #readServices: ReturnType<typeof createServiceReader>
  readonly #withHoldings = createHoldings()
  readonly #announce = createAnnouncer()
  #evaluation: Evaluation | undefined
  #earlier: EarlierVersions
  #earlierOf: ReturnType<typeof createEarlierVersions> | undefined

  constructor({ node, loadBalancerClass, earlier = new Map() }: PipelineOptions) {
    this.#node = node
    this.#earlier = earlier
    this.#readServices = createServiceReader(loadBalancerClass)
  }

  /** What is broken in `objects` falls back on what was in force in the run before, the first one on the earlier life. */
  run(objects: readonly RawObject[], ignoreExcludeLB: boolean): SpeakerPass {
    const earlierOf = (this.#earlierOf ??= this.#begin(objects))
    const evaluation = evaluate(objects, this.#evaluation)
    this.#evaluation = evaluation
    const earlier = earlierOf(objects, evaluation)
    const { model } = evaluation
    const services = this.#readServices(model)
    const announced = this.#withHoldings(model, services.heldOver)
    const input = { node: this.#node, model: announced, services: services.all, ignoreExcludeLB }
    return { evaluation, earlier, plan: this.#announce(input) }
  }

  /** Brings back what was in force when an earlier life ended: where nothing was refused, the objects say it themselves. */
  #begin(objects: readonly RawObject[]): ReturnType<typeof createEarlierVersions> {
    const versions = this.#earlier
    this.#earlier = new Map()
    if (versions.size === 0) return createEarlierVersions({ objects: [], versions })
    const before = evaluationBefore(objects, versions)
    this.#evaluation = before.evaluation
    return createEarlierVersions({ objects: before.objects, versions })
  }
}
