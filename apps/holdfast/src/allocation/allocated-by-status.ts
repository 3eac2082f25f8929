import type { AllocatedService } from '@holdfast/announce'
import type { Service } from '@holdfast/model'
import { annotationOf } from '@holdfast/model'

/**
 * Status.loadBalancer.ingress with the pool that the annotation names. Where that pool no longer has the address, or the annotation
 * is missing, the planner looks for one that has.
 */
export function allocatedByStatus(service: Service): AllocatedService {
  const pool = annotationOf(service, 'ip-allocated-from-pool')?.value ?? ''
  return { service, addresses: service.ingress.map((address) => ({ address, pool })) }
}
