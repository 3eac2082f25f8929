import { equalDeep } from './compare.ts'
import type { MapChange } from './sorted-map.ts'
import { SortedMap } from './sorted-map.ts'
import type { Kind, Model, Resource } from './types.ts'

export type ResourceOf<K extends Kind> = Extract<Resource, { readonly kind: K }>

/** Where the objects of each kind lie in a Model. */
export const mapOfKind = {
  IPAddressPool: 'pools',
  BGPAdvertisement: 'advertisements',
  BGPPeer: 'peers',
  BFDProfile: 'bfdProfiles',
  Community: 'communities',
  PeerPolicy: 'peerPolicies',
  Service: 'services',
  EndpointSlice: 'endpointSlices',
  Node: 'nodes',
  Namespace: 'namespaces',
  Secret: 'secrets',
} as const satisfies Record<Kind, keyof Model>

export const isOfKind = <K extends Kind>(resource: Resource, kind: K): resource is ResourceOf<K> =>
  resource.kind === kind

export const resourceIn = (model: Model | undefined, kind: Kind, key: string): Resource | undefined =>
  model?.[mapOfKind[kind]].get(key)

/** For a version that was parsed anew, the equal one that stands for it. */
const standIns = new WeakMap<Resource, Resource>()

/** The previous version where the new one says the same, so that its identity lasts as long as nothing changes. */
export function sameOr<R extends Resource>(fresh: R, previous: R | undefined): R {
  if (previous === undefined || fresh === previous || standIns.get(fresh) === previous) return previous ?? fresh
  if (!equalDeep(fresh, previous)) return fresh
  standIns.set(fresh, previous)
  return previous
}

/** The version marked as outlived by a newer, broken one. */
export const staleOf = <R extends Resource>(resource: R): R =>
  resource.meta.isStale ? resource : { ...resource, meta: { ...resource.meta, isStale: true } }

/** A map in the order of its keys; the previous one itself where nothing in it changed. */
export function mapOf<K extends Kind>(
  kind: K,
  versions: readonly (readonly [key: string, resource: Resource])[],
  previous: ReadonlyMap<string, ResourceOf<K>> | undefined,
): ReadonlyMap<string, ResourceOf<K>> {
  const map = new Map<string, ResourceOf<K>>()
  let isChanged = versions.length !== previous?.size
  for (const [key, resource] of versions) {
    if (!isOfKind(resource, kind)) throw new Error(`${resource.kind} among the objects of kind ${kind}`)
    map.set(key, resource)
    isChanged ||= previous?.get(key) !== resource
  }
  return isChanged || previous === undefined ? map : previous
}

/** A map with some of its resources replaced, added or (undefined) removed; the map itself where they are the same. */
export function changedMap<K extends Kind>(
  kind: K,
  map: ReadonlyMap<string, ResourceOf<K>> | undefined,
  changes: readonly (readonly [key: string, resource: Resource | undefined])[],
): ReadonlyMap<string, ResourceOf<K>> {
  const typed = changes.map(([key, resource]): MapChange<ResourceOf<K>> => {
    if (resource === undefined || isOfKind(resource, kind)) return [key, resource]
    throw new Error(`${resource.kind} among the objects of kind ${kind}`)
  })
  // Every evaluation makes its maps here: none is of another sort.
  const known = map instanceof SortedMap ? (map as SortedMap<ResourceOf<K>>) : SortedMap.empty<ResourceOf<K>>()
  return known.with(typed)
}
