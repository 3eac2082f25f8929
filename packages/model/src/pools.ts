import { compareText } from './compare.ts'
import { namespaceNameLabel } from './kinds/core.ts'
import { selects, selectsAny } from './selector.ts'
import type { BGPAdvertisement, IPAddressPool, Model, Service } from './types.ts'

/** Names of the pools whose serviceAllocation matches a Service: by priority, where 0 is last, then by name. */
export function toPoolsMatching(model: Model, service: Service): string[] {
  const matching = [...model.pools.values()].filter((pool) => isPinnedTo(pool, service, model))
  matching.sort((a, b) => priorityOf(a) - priorityOf(b) || compareText(a.meta.ref.name, b.meta.ref.name))
  return matching.map(({ meta }) => meta.ref.name)
}

/** 0 and unset come last. */
function priorityOf({ serviceAllocation }: IPAddressPool): number {
  const priority = serviceAllocation?.priority ?? 0
  return priority === 0 ? Number.MAX_SAFE_INTEGER : priority
}

/** The namespace part (names or selectors) and the Service part must both match; an empty part matches everything. */
function isPinnedTo(pool: IPAddressPool, service: Service, model: Model): boolean {
  const allocation = pool.serviceAllocation
  if (allocation === undefined) return false
  if (!selectsAny(allocation.serviceSelectors, service.meta.labels)) return false
  const { namespaces, namespaceSelectors } = allocation
  if (namespaces.length + namespaceSelectors.length === 0) return true
  const namespace = service.meta.ref.namespace
  const labels = model.namespaces.get(namespace)?.meta.labels ?? { [namespaceNameLabel]: namespace }
  return namespaces.includes(namespace) || namespaceSelectors.some((selector) => selects(selector, labels))
}

/** Whether an advertisement announces a pool: by name or by selector; with neither it announces every pool. */
export function announcesPool(advertisement: BGPAdvertisement, pool: IPAddressPool): boolean {
  const { ipAddressPools, ipAddressPoolSelectors } = advertisement
  if (ipAddressPools.length + ipAddressPoolSelectors.length === 0) return true
  return (
    ipAddressPools.includes(pool.meta.ref.name) ||
    ipAddressPoolSelectors.some((selector) => selects(selector, pool.meta.labels))
  )
}
