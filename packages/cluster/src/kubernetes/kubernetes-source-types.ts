import type { Clock } from '@holdfast/runtime'
import type { RawObject } from '@holdfast/model'
import type { Snapshot, Source } from '../source.ts'
import type { ApiFault, KubeApi, KubeObject, ObjectKey, ResourceType, Selection } from './api.ts'

/** One kind to follow. */
export interface Followed {
  readonly type: ResourceType
  readonly selection: Selection
  /** What is kept of an object: the less, the less memory. Must keep `metadata`'s name, namespace and uid. */
  readonly keep: (object: KubeObject) => KubeObject
  /** True: `keep` reads no metadata.managedFields, which need not be made objects then. */
  readonly isWithoutManagedFields?: boolean
  /**
   * True: where the API server does not know the kind (404), it counts as a kind without objects, and is asked for again
   * every now and then: a cluster without MetalLB's or our CRDs.
   */
  readonly isOptional: boolean
}

/** How a followed kind stands. */
export interface FollowedState {
  readonly type: ResourceType
  /** True once a whole list has been had. */
  readonly isSynced: boolean
  /** The last sign of life: a list, an event, a bookmark. By the clock; undefined: none yet. */
  readonly lastContactMs: number | undefined
  /** What is wrong now; undefined: nothing. What was known stays in force meanwhile. */
  readonly fault: ApiFault | undefined
}

export interface KubernetesSourceOptions {
  readonly api: KubeApi
  readonly clock: Clock
  readonly followed: readonly Followed[]
  /** 0 to below 1: spreads retries and time-outs of many clients. */
  readonly random: () => number
  /** Told whenever a kind's fault comes, changes or goes. */
  readonly observe: (state: FollowedState) => void
}

/** Follows kinds of an API server by list and watch. What was known is never cleared because of a fault. */
export interface KubernetesSource extends Source {
  /**
   * Before the start: takes in what an earlier life knew, and gives as much of it as is followed. What the first lists say again keeps
   * its identity, so that it costs no more; what they do not say is gone.
   */
  readonly remember: (objects: readonly unknown[]) => Snapshot
  /** Lists every kind again, or one: what is known stays until the new list is whole. Resolves when the lists are there. */
  readonly relist: (type?: ResourceType) => Promise<void>
  readonly states: () => readonly FollowedState[]
  /**
   * When the API server had accepted the watch of a kind that is under way, by `clock.now()`: it began that watch earlier. What is known of the kind
   * came by this watch, or by lists and watches before it; so ask after having read what is known. Of several watches of a kind: the latest.
   * undefined: none is under way (while listing, between two watches, or not answered yet), or it is older than it was asked to become.
   */
  readonly watchedSinceMs: (type: ResourceType) => number | undefined
  /** The object as last seen, trimmed by `keep`; undefined: not there. */
  readonly object: (type: ResourceType, key: ObjectKey) => KubeObject | undefined
  /** The newest version of an object of a snapshot that says the same as there: only its resourceVersion can be another. */
  readonly newest: (object: RawObject) => KubeObject
  /** All objects of a kind as last seen. */
  readonly objects: (type: ResourceType) => Iterable<KubeObject>
}
