import type { AllocatedService } from '@holdfast/announce'
import type { Model, Service } from '@holdfast/model'
import { annotationOf } from '@holdfast/model'
import { isOurs } from '../allocation/requests.ts'

/**
 * The Services to decide about, with the addresses that their status says: a speaker allocates nothing. Those of another class are
 * left out, as MetalLB does. An unchanged Service gives the same value again, and unchanged Services the same list.
 */
export function createServiceReader(
  loadBalancerClass: string | undefined,
): (model: Model) => readonly AllocatedService[] {
  const known = new WeakMap<Service, AllocatedService>()
  let last: { readonly services: Model['services']; readonly read: readonly AllocatedService[] } | undefined
  const readOne = (service: Service): AllocatedService => {
    const before = known.get(service)
    if (before !== undefined) return before
    const made = allocatedOf(service)
    known.set(service, made)
    return made
  }
  return ({ services }) => {
    if (last?.services === services) return last.read
    const read = [...services.values()].filter((service) => isOurs(service, loadBalancerClass)).map(readOne)
    last = { services, read }
    return read
  }
}

/**
 * Status.loadBalancer.ingress with the pool that the annotation names. Where that pool no longer has the address, or the annotation
 * is missing, the planner looks for one that has.
 */
function allocatedOf(service: Service): AllocatedService {
  const pool = annotationOf(service, 'ip-allocated-from-pool')?.value ?? ''
  return { service, addresses: service.ingress.map((address) => ({ address, pool })) }
}
