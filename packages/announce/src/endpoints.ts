import type { EndpointSlice } from '@holdfast/model'

/** Where a Service has healthy endpoints, seen from one node. */
export type EndpointPlace = 'none' | 'elsewhere' | 'here'

type Endpoint = EndpointSlice['endpoints'][number]

/** Ready or serving, and with an address to send to: MetalLB's rule. */
const counts = (endpoint: Endpoint): boolean => endpoint.isHealthy && endpoint.addresses.length > 0

/**
 * The EndpointSlices of each Service. It follows the model from pass to pass, so that a pass costs one comparison for
 * each slice that stayed the same.
 */
export class EndpointIndex {
  readonly #node: string
  /** The slices of the last pass, in the order of the model's map: most keep their place from pass to pass. */
  #order: readonly EndpointSlice[] = []
  readonly #byService = new Map<string, EndpointSlice[]>()

  constructor(node: string) {
    this.#node = node
  }

  /** Takes over the slices of a model, and returns the keys `namespace/name` of the Services whose slices changed. */
  update(slices: ReadonlyMap<string, EndpointSlice>): ReadonlySet<string> {
    const before = this.#order
    const after = [...slices.values()]
    const gone = new Set<EndpointSlice>()
    const fresh = new Set<EndpointSlice>()
    for (let place = 0; place < Math.max(before.length, after.length); place += 1) {
      const old = before[place]
      const slice = after[place]
      if (old === slice) continue
      if (old !== undefined) gone.add(old)
      if (slice !== undefined) fresh.add(slice)
    }
    const touched = new Set<string>()
    for (const slice of gone) if (!fresh.has(slice)) touched.add(this.#drop(slice))
    for (const slice of fresh) if (!gone.has(slice)) touched.add(this.#add(slice))
    this.#order = after
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
    const siblings = this.#byService.get(service)
    if (siblings === undefined) this.#byService.set(service, [slice])
    else siblings.push(slice)
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
const serviceOf = (slice: EndpointSlice): string => `${slice.meta.ref.namespace}/${slice.serviceName}`
