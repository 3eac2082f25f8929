import type { EndpointSlice } from '@holdfast/model'
import { mapDifference, SortedMap } from '@holdfast/model'

/** Where a Service has healthy endpoints, seen from one node. */
export type EndpointPlace = 'none' | 'elsewhere' | 'here'

type Endpoint = EndpointSlice['endpoints'][number]

/** Ready or serving, and with an address to send to: MetalLB's rule. */
const counts = (endpoint: Endpoint): boolean => endpoint.isHealthy && endpoint.addresses.length > 0

/** The EndpointSlices of each Service. It follows the model from pass to pass, at the cost of the slices that changed. */
export class EndpointIndex {
  readonly #node: string
  #slices: ReadonlyMap<string, EndpointSlice> = SortedMap.empty()
  readonly #byService = new Map<string, readonly EndpointSlice[]>()

  constructor(node: string) {
    this.#node = node
  }

  /** Takes over the slices of a model, and returns the keys `namespace/name` of the Services whose slices changed. */
  update(slices: ReadonlyMap<string, EndpointSlice>): ReadonlySet<string> {
    const touched = new Set<string>()
    for (const { before, after } of mapDifference(this.#slices, slices)) {
      if (before !== undefined) touched.add(this.#drop(before))
      if (after !== undefined) touched.add(this.#add(after))
    }
    this.#slices = slices
    return touched
  }

  /** An endpoint without `nodeName` is never here, whichever address family its slice has. */
  placeOf(service: string): EndpointPlace {
    let place: EndpointPlace = 'none'
    for (const { endpoints } of this.#byService.get(service) ?? []) {
      for (const endpoint of endpoints) {
        if (!counts(endpoint)) continue
        if (endpoint.nodeName === this.#node) return 'here'
        place = 'elsewhere'
      }
    }
    return place
  }

  #add(slice: EndpointSlice): string {
    const service = serviceOf(slice)
    this.#byService.set(service, [...(this.#byService.get(service) ?? []), slice])
    return service
  }

  #drop(slice: EndpointSlice): string {
    const service = serviceOf(slice)
    const others = (this.#byService.get(service) ?? []).filter((one) => one !== slice)
    if (others.length === 0) this.#byService.delete(service)
    else this.#byService.set(service, others)
    return service
  }
}

/** The Service that a slice belongs to: same namespace, named by its label kubernetes.io/service-name. */
const serviceOf = (slice: EndpointSlice): string => [slice.meta.ref.namespace, slice.serviceName].join('/')
