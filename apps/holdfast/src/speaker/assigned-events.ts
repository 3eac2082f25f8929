import { createHash } from 'node:crypto'
import type { KubeApi, KubeObject } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import { formatAddress } from '@holdfast/ip'
import type { Model, Service } from '@holdfast/model'
import type { PeersByService } from './service-statuses.ts'
import type { Outcome } from './written.ts'
import { done, fieldManager, outcomeOf } from './written.ts'

export interface AssignedEventsOptions {
  readonly api: Pick<KubeApi, 'create'>
  readonly node: string
  readonly pod: string | undefined
  /** The wall clock, RFC 3339. */
  readonly now: () => string
  /** What an earlier life has told, by Service key. */
  readonly told: ReadonlyMap<string, string>
}

/**
 * MetalLB's event `nodeAssigned`: once for each Service and set of addresses that this node announces, where MetalLB repeats it. What
 * was told is kept with the last known state; without that a name that follows from what is told keeps the API server from taking it twice.
 */
export class AssignedEvents {
  readonly #options: AssignedEventsOptions
  readonly #told: Map<string, string>
  #waiting = new Map<string, Service>()

  constructor(options: AssignedEventsOptions) {
    this.#options = options
    this.#told = new Map(options.told)
  }

  /** By Service key, what was told of it: to be kept for the next life. */
  get told(): ReadonlyMap<string, string> {
    return this.#told
  }

  /** Takes in what is announced; returns the keys of Services that are to be told of. */
  want(announced: PeersByService, { services }: Model): readonly string[] {
    for (const key of this.#told.keys()) if (!services.has(key)) this.#told.delete(key)
    const waiting = new Map<string, Service>()
    for (const key of announced.keys()) {
      const service = services.get(key)
      if (service !== undefined && this.#told.get(key) !== subjectOf(service)) waiting.set(key, service)
    }
    this.#waiting = waiting
    return [...waiting.keys()]
  }

  /** Tells of one Service, where that is still to be done. Never rejects. */
  async reconcile(key: string): Promise<Outcome> {
    const service = this.#waiting.get(key)
    if (service === undefined) return done
    const result = await this.#options.api.create(resourceTypes.Event, this.#event(service), { fieldManager })
    if (result.kind === 'fault' && result.code !== 'alreadyExists') return outcomeOf(result)
    this.#told.set(key, subjectOf(service))
    return done
  }

  #event({ meta: { ref, uid }, ingress }: Service): KubeObject {
    const { node, pod, now } = this.#options
    const time = now().replace(/\.\d+Z$/, 'Z')
    const hash = createHash('sha256')
      .update(`${node} ${uid} ${textOf(ingress)}`)
      .digest('hex')
      .slice(0, 16)
    return {
      apiVersion: 'v1',
      kind: 'Event',
      // The name of an Event is a DNS subdomain: a long one of the Service is cut.
      metadata: { name: `${ref.name.slice(0, 200)}.${hash}`, namespace: ref.namespace },
      involvedObject: { apiVersion: 'v1', kind: 'Service', namespace: ref.namespace, name: ref.name, uid },
      type: 'Normal',
      reason: 'nodeAssigned',
      message: `announcing from node "${node}" with protocol "bgp"`,
      source: { component: 'metallb-speaker', host: node },
      reportingComponent: 'holdfast.dev/speaker',
      reportingInstance: pod ?? node,
      firstTimestamp: time,
      lastTimestamp: time,
      count: 1,
    }
  }
}

const textOf = (addresses: Service['ingress']): string => addresses.map(formatAddress).join()

const subjectOf = ({ meta: { uid }, ingress }: Service): string => `${uid} ${textOf(ingress)}`
