import type { NodePlan } from '@holdfast/announce'
import { createAnnouncer } from '@holdfast/announce'
import type { Evaluation, RawObject } from '@holdfast/model'
import { evaluate } from '@holdfast/model'
import { createHoldings } from '../allocation/hold.ts'
import { createServiceReader } from './services.ts'

/** Everything that follows from what the API server says. A value: it is never changed later. */
export interface SpeakerPass {
  readonly evaluation: Evaluation
  readonly plan: NodePlan
}

export interface PipelineOptions {
  /** Name of the own Node. */
  readonly node: string
  readonly loadBalancerClass: string | undefined
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

  constructor({ node, loadBalancerClass }: PipelineOptions) {
    this.#node = node
    this.#readServices = createServiceReader(loadBalancerClass)
  }

  /** What is broken in `objects` falls back on what was in force in the run before. */
  run(objects: readonly RawObject[], ignoreExcludeLB: boolean): SpeakerPass {
    const evaluation = evaluate(objects, this.#evaluation)
    this.#evaluation = evaluation
    const { model } = evaluation
    const services = this.#readServices(model)
    const announced = this.#withHoldings(model, services.heldOver)
    const input = { node: this.#node, model: announced, services: services.all, ignoreExcludeLB }
    return { evaluation, plan: this.#announce(input) }
  }
}
