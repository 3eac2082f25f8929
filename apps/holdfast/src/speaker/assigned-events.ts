import { createHash } from 'node:crypto'
import type { KubeApi, KubeObject } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import { formatAddress } from '@holdfast/ip'
import type { Model, Service } from '@holdfast/model'
import { mapDifference, SortedMap } from '@holdfast/model'
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
  readonly #options: Omit<AssignedEventsOptions, 'told'>
  #told: SortedMap<string>
  #seen: { readonly announced: PeersByService; readonly services: Model['services'] } | undefined
  readonly #waiting = new Map<string, Service>()

  constructor({ told, ...options }: AssignedEventsOptions) {
    this.#options = options
    this.#told = SortedMap.of([...told])
  }

  /** By Service key, what was told of it: to be kept for the next life. Never changed: another one takes its place. */
  get told(): ReadonlyMap<string, string> {
    return this.#told
  }

  /** Takes in what is announced; returns the keys of Services that came to be told of since the last time. */
  want(announced: PeersByService, { services }: Model): readonly string[] {
    const before = this.#seen ?? {
      announced: SortedMap.empty<readonly string[]>(),
      services: SortedMap.empty<Service>(),
    }
    if (this.#seen === undefined) this.#told = knownOf(services, this.#told)
    const changed = new Set([
      ...mapDifference(before.announced, announced).map(({ key }) => key),
      ...mapDifference(before.services, services).map(({ key }) => key),
    ])
    this.#seen = { announced, services }
    this.#told = this.#told.with([...changed].filter((key) => !services.has(key)).map((key) => [key, undefined]))
    return [...changed].filter((key) => this.#waits(key, announced.has(key) ? services.get(key) : undefined))
  }

  /** Notes whether a Service that is announced (undefined: none) is to be told of. */
  #waits(key: string, service: Service | undefined): boolean {
    const isWaiting = service !== undefined && this.#told.get(key) !== subjectOf(service)
    if (isWaiting) this.#waiting.set(key, service)
    else this.#waiting.delete(key)
    return isWaiting
  }

  /** Tells of one Service, where that is still to be done. Never rejects. */
  async reconcile(key: string): Promise<Outcome> {
    const service = this.#waiting.get(key)
    if (service === undefined) return done
    const result = await this.#options.api.create(resourceTypes.Event, this.#event(service), { fieldManager })
    if (result.kind === 'fault' && result.code !== 'alreadyExists') return outcomeOf(result)
    this.#told = this.#told.with([[key, subjectOf(service)]])
    if (this.#waiting.get(key) === service) this.#waiting.delete(key)
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

/** What an earlier life has told may be of Services that are gone; of the other ones the key that is there already is enough. */
const knownOf = (services: Model['services'], told: ReadonlyMap<string, string>): SortedMap<string> =>
  SortedMap.of(
    [...services.keys()].flatMap((key) => {
      const subject = told.get(key)
      return subject === undefined ? [] : [[key, subject] as const]
    }),
  )

const textOf = (addresses: Service['ingress']): string => addresses.map(formatAddress).join()

// Joined, it is one text; a template would keep its parts as well, for each of thousands.
const subjectOf = ({ meta: { uid }, ingress }: Service): string => [uid, textOf(ingress)].join(' ')
