import type { Address, Family, Range } from '@holdfast/ip'
import type { PeerPolicy } from './peer-policy.ts'
import type { SecretText } from './secret-text.ts'

/** The kinds that Holdfast reads, by their Kubernetes names. */
export type Kind =
  | 'IPAddressPool'
  | 'BGPAdvertisement'
  | 'BGPPeer'
  | 'BFDProfile'
  | 'Community'
  | 'PeerPolicy'
  | 'Service'
  | 'EndpointSlice'
  | 'Node'
  | 'Namespace'
  | 'Secret'

/** Which object: what a person needs to find it again. `namespace` is empty for Node and Namespace. */
export interface ObjectRef {
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** One object as its source delivered it: not yet checked, and not changed for as long as its identity stays. */
export interface RawObject {
  readonly value: unknown
  readonly origin: Origin
}

/** Where an object came from. `lineOf` gives the line (from 1) of the field at `path`, or of its nearest parent. */
export interface Origin {
  readonly file: string
  readonly lineOf: (path: FieldPath) => number | undefined
}

export type FieldPath = readonly (string | number)[]

/** Something that is wrong with an object: what, where, with which value, why, and what to do about it. */
export interface Fault {
  /** Stable code, one per rule, kebab-case: listed in docs/reference/faults.md. */
  readonly code: string
  readonly object: ObjectRef
  /** As a person writes it: `spec.addresses[0]`; empty for the object as a whole. */
  readonly path: string
  /**
   * The value found, as JSON, at most 200 characters; undefined where the field is missing and for the object as a
   * whole. A secret is never shown.
   */
  readonly value: string | undefined
  readonly message: string
  readonly remedy: string
  readonly file: string
  readonly line: number | undefined
}

/** A field that is valid but has no effect yet, so that nothing is ignored in silence. */
export interface NotInForce {
  readonly object: ObjectRef
  readonly path: string
  readonly value: string
  readonly reason: string
}

/** What every object has. */
export interface Meta {
  readonly ref: ObjectRef
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** Empty where the source has none. */
  readonly uid: string
  /** True where the newest version of the object is broken and this is the last one that was valid. */
  readonly isStale: boolean
}

/** Kubernetes LabelSelector, parsed; matches with `selects`. */
export interface LabelSelector {
  readonly matchLabels: Readonly<Record<string, string>>
  readonly matchExpressions: readonly {
    readonly key: string
    readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'
    readonly values: readonly string[]
  }[]
}

/** Where a password lies. */
export interface SecretReference {
  readonly name: string
  readonly namespace: string
}

/** metallb.io/v1beta1 IPAddressPool. */
export interface IPAddressPool {
  readonly kind: 'IPAddressPool'
  readonly meta: Meta
  /** In the order of spec.addresses. */
  readonly ranges: readonly Range[]
  readonly autoAssign: boolean
  readonly avoidBuggyIPs: boolean
  /** undefined: open to every Service. */
  readonly serviceAllocation:
    | {
        /** Lower is preferred; 0 is last. */
        readonly priority: number
        readonly namespaces: readonly string[]
        readonly namespaceSelectors: readonly LabelSelector[]
        readonly serviceSelectors: readonly LabelSelector[]
      }
    | undefined
}

export type Community =
  | { readonly kind: 'standard'; readonly high: number; readonly low: number }
  | { readonly kind: 'large'; readonly globalAdmin: number; readonly data1: number; readonly data2: number }

/** metallb.io/v1beta1 BGPAdvertisement, its community aliases resolved. */
export interface BGPAdvertisement {
  readonly kind: 'BGPAdvertisement'
  readonly meta: Meta
  readonly aggregationLength: number
  readonly aggregationLengthV6: number
  /** undefined: not set. */
  readonly localPref: number | undefined
  readonly communities: readonly Community[]
  readonly ipAddressPools: readonly string[]
  readonly ipAddressPoolSelectors: readonly LabelSelector[]
  readonly nodeSelectors: readonly LabelSelector[]
  readonly peers: readonly string[]
  readonly serviceSelectors: readonly LabelSelector[]
}

/** metallb.io/v1beta2 BGPPeer (v1beta1 is converted to this). Durations in milliseconds. */
export interface BGPPeer {
  readonly kind: 'BGPPeer'
  readonly meta: Meta
  readonly myASN: number
  /** Exactly one of the two is set (checked). */
  readonly peerASN: number | undefined
  readonly dynamicASN: 'internal' | 'external' | undefined
  /** undefined where `interface` is set. */
  readonly peerAddress: Address | undefined
  readonly interface: string | undefined
  readonly sourceAddress: Address | undefined
  readonly peerPort: number
  readonly holdTimeMs: number | undefined
  readonly keepaliveTimeMs: number | undefined
  readonly connectTimeMs: number | undefined
  /** An IPv4 address as its unsigned 32-bit value. */
  readonly routerID: number | undefined
  readonly nodeSelectors: readonly LabelSelector[]
  readonly localASN: number | undefined
  readonly ebgpMultiHop: boolean
  readonly dualStackAddressFamily: boolean
  /** TCP MD5 (RFC 2385), of spec.password or the Secret, 1 to 80 octets of UTF-8; undefined: none asked for, or none there. */
  readonly password: SecretText | undefined
  /** Why the password that is asked for is not there: such a peer gets no session. */
  readonly passwordObstacle: string | undefined
  /** The Secret that holds the password; undefined where there is none or spec.password holds it. */
  readonly passwordSecret: SecretReference | undefined
  readonly bfdProfile: string | undefined
  readonly enableGracefulRestart: boolean
  readonly vrf: string | undefined
}

/** metallb.io/v1beta1 BFDProfile. */
export interface BFDProfile {
  readonly kind: 'BFDProfile'
  readonly meta: Meta
  readonly receiveIntervalMs: number | undefined
  readonly transmitIntervalMs: number | undefined
  readonly echoIntervalMs: number | undefined
  readonly detectMultiplier: number | undefined
  readonly echoMode: boolean
  readonly passiveMode: boolean
  readonly minimumTtl: number | undefined
}

/** metallb.io/v1beta1 Community. */
export interface CommunityAliases {
  readonly kind: 'Community'
  readonly meta: Meta
  readonly communities: readonly { readonly name: string; readonly value: Community }[]
}

export type Protocol = 'TCP' | 'UDP' | 'SCTP'

/** What we read of a v1 Service. */
export interface Service {
  readonly kind: 'Service'
  readonly meta: Meta
  readonly type: string
  readonly loadBalancerClass: string | undefined
  readonly loadBalancerIP: string | undefined
  readonly externalTrafficPolicy: 'Cluster' | 'Local'
  /** spec.clusterIPs, or clusterIP alone; "None" and empty ones left out. */
  readonly clusterIPs: readonly Address[]
  readonly ipFamilies: readonly Family[]
  readonly ipFamilyPolicy: 'SingleStack' | 'PreferDualStack' | 'RequireDualStack'
  readonly ports: readonly { readonly name: string; readonly protocol: Protocol; readonly port: number }[]
  /** Sorted `key=value` pairs joined by commas, the exact rendering that sharing compares. */
  readonly selector: string
  /** status.loadBalancer.ingress[].ip as the source had it. */
  readonly ingress: readonly Address[]
  /** The controller holds its addresses over although no pool has them any more (condition holdfast.dev/AddressAssigned). */
  readonly isHeldOver: boolean
}

/** What we read of a discovery.k8s.io/v1 EndpointSlice. */
export interface EndpointSlice {
  readonly kind: 'EndpointSlice'
  readonly meta: Meta
  /** The label kubernetes.io/service-name. */
  readonly serviceName: string
  readonly endpoints: readonly {
    readonly addresses: readonly string[]
    readonly nodeName: string | undefined
    /** Has an address, and conditions.ready is nil or true, or conditions.serving is true. */
    readonly isHealthy: boolean
  }[]
}

/** What we read of a v1 Node. */
export interface Node {
  readonly kind: 'Node'
  readonly meta: Meta
  /** Condition NetworkUnavailable is True. */
  readonly isNetworkUnavailable: boolean
  /** status.addresses of type InternalIP. */
  readonly internalIPs: readonly Address[]
}

export interface Namespace {
  readonly kind: 'Namespace'
  readonly meta: Meta
}

/** What we read of a v1 Secret: the password of one of type kubernetes.io/basic-auth. */
export interface Secret {
  readonly kind: 'Secret'
  readonly meta: Meta
  /** 1 to 80 octets of UTF-8 on one line, or why the Secret cannot serve as a password: `its type is "Opaque"`. */
  readonly password: SecretText | { readonly obstacle: string }
}

export type Resource =
  | IPAddressPool
  | BGPAdvertisement
  | BGPPeer
  | BFDProfile
  | CommunityAliases
  | PeerPolicy
  | Service
  | EndpointSlice
  | Node
  | Namespace
  | Secret

/** Every valid object, keyed by `namespace/name` (`name` alone for Node and Namespace). Never mutated. */
export interface Model {
  readonly pools: ReadonlyMap<string, IPAddressPool>
  readonly advertisements: ReadonlyMap<string, BGPAdvertisement>
  readonly peers: ReadonlyMap<string, BGPPeer>
  readonly bfdProfiles: ReadonlyMap<string, BFDProfile>
  readonly communities: ReadonlyMap<string, CommunityAliases>
  readonly peerPolicies: ReadonlyMap<string, PeerPolicy>
  readonly services: ReadonlyMap<string, Service>
  readonly endpointSlices: ReadonlyMap<string, EndpointSlice>
  readonly nodes: ReadonlyMap<string, Node>
  readonly namespaces: ReadonlyMap<string, Namespace>
  readonly secrets: ReadonlyMap<string, Secret>
}

/** The answer of `evaluate`: what is in force, what is wrong, what has no effect yet. */
export interface Evaluation {
  readonly model: Model
  readonly faults: readonly Fault[]
  readonly notInForce: readonly NotInForce[]
}
