import type { AllocatedService } from '@holdfast/announce'
import type { Model } from '@holdfast/model'
import { mapDifference, SortedMap } from '@holdfast/model'
import { allocatedByStatus } from '../allocation/allocated-by-status.ts'
import { isOurs } from '../allocation/requests.ts'

/** The Services of a model that a speaker decides about. */
export interface ServicesRead {
  readonly all: readonly AllocatedService[]
  /** Those of them whose addresses the controller holds over. */
  readonly heldOver: readonly AllocatedService[]
}

/**
 * The Services to decide about, with the addresses that their status says: a speaker allocates nothing. Those of another class are
 * left out, as MetalLB does. An unchanged Service gives the same value again, and unchanged Services the same lists.
 */
export function createServiceReader(loadBalancerClass: string | undefined): (model: Model) => ServicesRead {
  let seen: Model['services'] = SortedMap.empty()
  let ours = SortedMap.empty<AllocatedService>()
  let heldOver = SortedMap.empty<AllocatedService>()
  let read: ServicesRead = { all: [], heldOver: [] }
  return ({ services }) => {
    if (services === seen) return read
    const changes = mapDifference(seen, services).map(({ key, after }) => {
      const isRead = after !== undefined && isOurs(after, loadBalancerClass)
      return [key, isRead ? allocatedByStatus(after) : undefined] as const
    })
    seen = services
    ours = ours.with(changes)
    heldOver = heldOver.with(changes.map(([key, one]) => [key, one?.service.isHeldOver === true ? one : undefined]))
    read = { all: [...ours.values()], heldOver: [...heldOver.values()] }
    return read
  }
}
