import type { Address, Family, Range } from '@holdfast/ip'

/** A pool as the planner needs it. Names are unique, the ranges of all pools are disjoint. */
export interface Pool {
  readonly name: string
  /** In spec order: the first range with a usable address serves first. */
  readonly ranges: readonly Range[]
  /** Ranges besides `ranges`, whose addresses stay with those who hold them, and are given to nobody else. */
  readonly kept?: readonly Range[]
  /** Further ones of which the same is true for a while: a controller that led before can have given them away, and nobody knows it yet. */
  readonly reserved?: readonly Range[]
  readonly autoAssign: boolean
  /** Leaves out IPv4 addresses that end in .0 or .255. */
  readonly avoidBuggyIPs: boolean
  /** True where the pool has a serviceAllocation: then it serves only Services that list it in `pinnedPools`. */
  readonly isRestricted: boolean
  /** True for a pool that is there and has no version in force: it has what it gave, at most, and gives nothing. */
  readonly isRefused?: boolean
}

/** One Service of type LoadBalancer that is ours to serve. */
export interface ServiceRequest {
  /** `namespace/name`. */
  readonly key: string
  /**
   * metadata.uid: with another one it is another Service, and what its namesake held is given back. Left out where Services have
   * none, in manifests: then a Service is what its key names.
   */
  readonly uid?: string
  readonly families: FamilyRequest
  /** From metallb.io/loadBalancerIPs or spec.loadBalancerIP; empty: any address will do. */
  readonly requestedAddresses: readonly Address[]
  /**
   * Why the addresses asked for cannot be read (both sources set, no address, too many). The Service keeps what it
   * holds and is told; to leave such a Service out of the input instead would release its addresses.
   */
  readonly requestFault?: string
  /** From metallb.io/address-pool; the empty string counts as not set, as for MetalLB. */
  readonly requestedPool: string | undefined
  /** undefined: shares with nobody. `backend` is '' for policy Cluster, the selector for Local. */
  readonly sharing: { readonly key: string; readonly backend: string } | undefined
  readonly ports: readonly { readonly protocol: string; readonly port: number }[]
  /** Pools whose serviceAllocation matches the Service, most preferred first, those with autoAssign false included. */
  readonly pinnedPools: readonly string[]
}

/** Which families the Service needs, by its ipFamilyPolicy and its cluster IPs. */
export type FamilyRequest =
  /** No cluster IP yet: nothing is allocated, asked again when it has one. */
  | { readonly kind: 'unknown' }
  /** RequireDualStack with fewer than two cluster IPs. */
  | { readonly kind: 'notEnoughClusterIPs' }
  | { readonly kind: 'single'; readonly family: Family }
  | { readonly kind: 'requireDual' }
  /** `available` are the families of the cluster IPs: one or two. */
  | { readonly kind: 'preferDual'; readonly first: Family; readonly available: readonly Family[] }

/** An address and the pool that it lies in. */
export interface Placed {
  readonly address: Address
  readonly pool: string
}

/** What a Service holds: one address, or one of each family out of one pool; IPv4 first. */
export interface Assignment {
  readonly service: string
  /** As in ServiceRequest, of the Service that the addresses were granted to; left out where it is not known. Not encoded. */
  readonly uid?: string
  readonly addresses: readonly Placed[]
  /**
   * The sharing key, backend and ports under which the addresses were granted, '' for a Service that shares with
   * nobody, as in `keptTerms`. They tell who changed when two Services can no longer share. undefined: a claim of somebody else's, such
   * as a Service's status.
   */
  readonly terms: string | undefined
}

/** An address that was given back, and by whom. */
export interface Released {
  readonly address: Address
  readonly service: string
}

/** What is remembered of free addresses, so that the one in use most recently is handed out last. */
export interface History {
  /** In the order of release, the longest unused first; also of addresses that no pool has any more, for the time when one does. */
  readonly released: readonly Released[]
  /** Used once, too long ago to know by whom: longer unused than all of `released`. */
  readonly longAgo: readonly Range[]
}

/** Everything that a plan needs to know of the past. Keep it and give it to the next plan; see `encodeState`. */
export interface AllocationState {
  /** By Service key. */
  readonly assignments: ReadonlyMap<string, Assignment>
  readonly history: History
}

/** Why a Service has no address, or not the one it asks for. */
export type RefusalReason =
  /** The Service has no cluster IP yet, so its family is not known. */
  | 'noClusterIP'
  /** RequireDualStack, but fewer than two cluster IPs. */
  | 'notEnoughClusterIPs'
  /** The requested addresses cannot be read. */
  | 'invalidRequest'
  /** The requested addresses are not exactly one of each family of the Service. */
  | 'requestedFamilyMismatch'
  /** A requested address is in no pool. */
  | 'notAllowed'
  /** A requested address ends in .0 or .255, which its pool avoids. */
  | 'buggyAddress'
  /** The two requested addresses are in different pools. */
  | 'requestedPoolsDiffer'
  /** The requested addresses are not in the requested pool. */
  | 'requestedPoolMismatch'
  /** The pool's serviceAllocation does not match the Service. */
  | 'poolNotCompatible'
  /** The requested pool does not exist. */
  | 'unknownPool'
  /** The pool that is requested is there and not in force: its own object is refused. */
  | 'poolRefused'
  /** No pool assigns addresses to this Service on its own. */
  | 'noPoolForService'
  /** None of the pools has a range of the family, or both families, that the Service needs. */
  | 'poolLacksFamily'
  /** The pools have what is needed, but it is all in use. */
  | 'noAvailableIPs'
  /** The requested address was set aside by a controller that led before, and may be somebody's without anybody knowing. */
  | 'addressReserved'
  /** The requested address has a holder, and one of the two does not share. */
  | 'addressInUse'
  /** The holder shares under another key. */
  | 'sharingKeyMismatch'
  /** The holder has the same key, but another externalTrafficPolicy or, with Local, other pods. */
  | 'backendMismatch'
  /** A Service that shares the address has the same protocol and port. */
  | 'portInUse'
  /** As many Services share addresses of its AddressBlock as fit in there. */
  | 'tooManySharers'
  /** The sharing key is longer than 253 characters. */
  | 'sharingKeyTooLong'
  /** PreferDualStack: the pool of the first address has none left of the second family. */
  | 'noAdditionalIP'

/** A "no", with a sentence for a person that names the holder, pool and address. */
export interface Refusal {
  readonly reason: RefusalReason
  readonly message: string
}

/** Why a Service must leave an address. */
export type ClearReason =
  | 'noClusterIP'
  | 'notEnoughClusterIPs'
  /** The address is in no pool any more. */
  | 'notInAnyPool'
  /** The pool began to avoid addresses that end in .0 or .255. */
  | 'buggyAddress'
  /** The two addresses are in different pools by now. */
  | 'poolSplit'
  /** The Service needs other families. */
  | 'familyChanged'
  | 'requestedPoolChanged'
  | 'requestedAddressesChanged'
  /** Another Service holds the address and the two cannot share it. */
  | 'addressConflict'

/** The reasons of Kubernetes events, in MetalLB's words. */
export type EventReason =
  | 'IPAllocated'
  | 'ClearAssignment'
  | 'AdditionalAssignFailed'
  | 'AllocationFailed'
  | 'LoadBalancerFailed'
  | 'not enough clusterips'

export interface PlanEvent {
  readonly type: 'Normal' | 'Warning'
  readonly reason: EventReason
  readonly message: string
}

/**
 * One step of a plan. The order matters: what a Service must leave stands before what it gets, so that it can be
 * reported before it is acted upon.
 */
export type Change =
  /** The Service is gone, or no longer ours. */
  | { readonly kind: 'released'; readonly service: string; readonly addresses: readonly Placed[] }
  /** The addresses are not allowed any more. Their pools are those they were granted from. */
  | {
      readonly kind: 'cleared'
      readonly service: string
      readonly addresses: readonly Placed[]
      readonly reason: ClearReason
      readonly message: string
      readonly event: PlanEvent
    }
  | {
      readonly kind: 'assigned'
      readonly service: string
      readonly addresses: readonly Placed[]
      readonly event: PlanEvent
    }
  /** A PreferDualStack Service gained its second address. */
  | { readonly kind: 'added'; readonly service: string; readonly address: Placed; readonly event: PlanEvent }
  /** The addresses stay, their pool has another name, or was not known of a claim. `addresses` is all that is held. */
  | { readonly kind: 'relabelled'; readonly service: string; readonly addresses: readonly Placed[] }
  /** A refusal that the previous plan did not have; the Service keeps what it holds, if anything. */
  | {
      readonly kind: 'refused'
      readonly service: string
      readonly refusal: Refusal
      /** undefined while the Service waits for its cluster IP: that is no news to anybody. */
      readonly event: PlanEvent | undefined
    }

/** What the plan means for one Service. */
export type Decision =
  /** `notice`: what it asked for besides and did not get. */
  | { readonly kind: 'assigned'; readonly addresses: readonly Placed[]; readonly notice: Refusal | undefined }
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly message: string }

/** For IPAddressPool.status. What is available saturates at 2^63 - 1, the largest int64. */
export interface PoolCounts {
  /** Addresses with at least one holder. */
  readonly assignedIPv4: bigint
  readonly assignedIPv6: bigint
  readonly availableIPv4: bigint
  readonly availableIPv6: bigint
}

/** What there is: every pool, every Service that is ours. The order of neither matters, names and keys are unique. */
export interface World {
  readonly pools: readonly Pool[]
  readonly services: readonly ServiceRequest[]
}

/** How a world differs from that of the plan before. Each key once. */
export interface WorldChange {
  /** Services that came, or ask for something else. */
  readonly changed: readonly ServiceRequest[]
  /** Keys of those that are not there any more. */
  readonly gone: readonly string[]
}

export interface PlanInput extends World {
  readonly state: AllocationState
}

/** A planner's answer, a value: never changed later. */
export interface Plan {
  readonly state: AllocationState
  readonly changes: readonly Change[]
  /** By Service key, for every Service of the input. */
  readonly decisions: ReadonlyMap<string, Decision>
  /** By pool name. */
  readonly pools: ReadonlyMap<string, PoolCounts>
  /**
   * By pool name, the addresses that Services get from it which come next, one by one, with no other wish: at most four of each family,
   * IPv4 first, in the order in which they are given. None of a family of which it has fewer than 16 left; a pool without any is left out.
   */
  readonly next: ReadonlyMap<string, readonly Address[]>
}
