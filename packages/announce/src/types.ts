import type { Address, Prefix } from '@holdfast/ip'
import type { Community, Model, Service } from '@holdfast/model'
import type { WithholdReason } from './reasons.ts'

/** A Service with the addresses that it holds, each with the pool that it came from. */
export interface AllocatedService {
  readonly service: Service
  readonly addresses: readonly AllocatedAddress[]
}

export interface AllocatedAddress {
  readonly address: Address
  /** Name of the IPAddressPool. Where that one no longer has the address, the one that has it counts. */
  readonly pool: string
}

/** What one node should offer; all of it values, so that the same inputs give the same plan anywhere. */
export interface AnnounceInput {
  /** Name of the Node object. */
  readonly node: string
  readonly model: Model
  /** Each Service once, in any order. */
  readonly services: readonly AllocatedService[]
  /** Announce also from nodes labelled node.kubernetes.io/exclude-from-external-load-balancers. */
  readonly ignoreExcludeLB: boolean
}

/** One route to offer to one peer. Routes of the same advertisements share one `communities` array. */
export interface PeerRoute {
  readonly prefix: Prefix
  /** undefined: not set by any advertisement. */
  readonly localPref: number | undefined
  /** Sorted, without duplicates: standard before large, then by number. */
  readonly communities: readonly Community[]
}

/** An address that the node does not announce: the reason, and a sentence for a person that names the objects. */
export interface WithheldAddress {
  readonly address: Address
  readonly reason: WithholdReason
  readonly message: string
}

/** A prefix that the node announces for a Service, with the sorted names of the BGPPeers that it is offered to. */
export interface AnnouncedRoute {
  readonly prefix: Prefix
  readonly peers: readonly string[]
}

export type Decision =
  /** At least one address is announced. `withheld` has those that are not: empty unless partly announced. */
  | {
      readonly kind: 'announced'
      readonly routes: readonly AnnouncedRoute[]
      readonly withheld: readonly WithheldAddress[]
    }
  /** None is. `reason` and `message` are those of the first address; `withheld` is empty where there is no address. */
  | {
      readonly kind: 'withheld'
      readonly reason: WithholdReason
      readonly message: string
      readonly withheld: readonly WithheldAddress[]
    }

export interface NodePlan {
  /** By BGPPeer name, for every peer that selects this node, also those with nothing to offer. Sorted by prefix. */
  readonly routes: ReadonlyMap<string, readonly PeerRoute[]>
  /** By Service key `namespace/name`; differences from another plan are told by `mapDifference`. */
  readonly decisions: ReadonlyMap<string, Decision>
}
