import type { BfdState } from '@holdfast/bfd'
import type { StateName } from '@holdfast/bgp'
import type { ClearReason, RefusalReason } from '@holdfast/ipam'
import type { WithholdReason } from '@holdfast/announce'

/**
 * Everything that the program tells its user, as values: one line of `--json` output each, and what the plain and the
 * live output are made from. docs/reference/output.md describes every one. Addresses and prefixes are canonical text.
 */
export type Event =
  | StartedEvent
  | ListeningEvent
  | SessionEvent
  | RekeyedEvent
  | BfdChangeEvent
  | NeighborEvent
  | ServiceEvent
  | AnnouncedEvent
  | WithheldEvent
  | UnsentEvent
  | RouteEvent
  | FaultEvent
  | FaultClearedEvent
  | NotInForceEvent
  | InForceEvent
  | StateEvent
  | RefusedConnectionEvent
  | DefectEvent
  | NoticeEvent
  | StoppingEvent
  | StoppedEvent

export interface StartedEvent {
  readonly event: 'started'
  readonly mode: 'standalone' | 'router'
  readonly version: string
  readonly pid: number
  /** standalone only. */
  readonly directory?: string
  readonly nodes?: readonly string[]
}

/** A socket that accepts BGP connections; `outcome` says why it does not where it does not. */
export interface ListeningEvent {
  readonly event: 'listening'
  /** `api`: the socket that `holdfast peers` asks. */
  readonly purpose: 'speaker' | 'router' | 'api'
  readonly address: string
  readonly outcome: 'listening' | 'failed'
  /** Of a router: its AS. */
  readonly asn?: number
  readonly message?: string
}

/** A BGP session of one of our nodes changed its state, or is not opened at all. */
export interface SessionEvent {
  readonly event: 'session'
  readonly node: string
  readonly peer: string
  /** `address:port` of the peer. */
  readonly remote: string
  readonly state: StateName
  readonly reason: string
  readonly message: string
  readonly negotiated?: SessionTerms
}

/** The keys of an open session changed, or its router answers with the new ones. No key is in it. */
export interface RekeyedEvent {
  readonly event: 'rekeyed'
  readonly node: string
  readonly peer: string
  readonly message: string
}

/** The BFD session beside a BGP session changed its state (RFC 5880 section 6.2). */
export interface BfdChangeEvent {
  readonly event: 'bfd'
  readonly node: string
  readonly peer: string
  readonly remote: string
  readonly from: BfdState
  readonly to: BfdState
  /** The path failed, so that the BGP session ends (RFC 5882 section 3.2). */
  readonly isFailure: boolean
  readonly message: string
}

/** What both sides agreed on. */
export interface SessionTerms {
  readonly localAsn: number
  readonly remoteAsn: number
  readonly remoteRouterId: string
  readonly holdTimeSeconds: number
  readonly keepaliveSeconds: number
  readonly families: readonly string[]
  readonly localAddress: string
}

/** A BGP session of the embedded or stand-alone router with a neighbour. */
export interface NeighborEvent {
  readonly event: 'neighbor'
  readonly remote: string
  readonly state: StateName
  readonly reason: string
  readonly message: string
  readonly remoteAsn?: number
}

/** A change of what a Service holds, or a refusal; `reason` and `type` are those of the Kubernetes event. */
export interface ServiceEvent {
  readonly event: 'service'
  readonly service: string
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  /** Why exactly, where an address was refused or taken away: docs/reference/allocation-reasons.md. */
  readonly code?: ClearReason | RefusalReason
  readonly message: string
  /** What the Service holds now. */
  readonly addresses: readonly string[]
}

/** A node offers these routes for a Service now (the whole list, not the difference). */
export interface AnnouncedEvent {
  readonly event: 'announced'
  readonly node: string
  readonly service: string
  readonly routes: readonly { readonly prefix: string; readonly peers: readonly string[] }[]
}

/** A node does not announce an address of a Service, or none of it where `address` is absent. */
export interface WithheldEvent {
  readonly event: 'withheld'
  readonly node: string
  readonly service: string
  readonly address?: string
  readonly reason: WithholdReason
  readonly message: string
}

/** A route that a session cannot carry. */
export interface UnsentEvent {
  readonly event: 'unsent'
  readonly node: string
  readonly peer: string
  readonly message: string
}

/** The router's next hops for a prefix changed; an empty list: it has no route any more. */
export interface RouteEvent {
  readonly event: 'route'
  readonly prefix: string
  readonly nextHops: readonly string[]
  readonly localPref?: number
  readonly asPath: readonly number[]
  readonly communities: readonly string[]
}

/** Something is wrong with a file or an object. What was valid before stays in force. */
export interface FaultEvent {
  readonly event: 'fault'
  readonly code: string
  readonly file: string
  readonly line?: number
  readonly column?: number
  /** `Kind namespace/name`; absent where the file as a whole cannot be read. */
  readonly object?: string
  readonly path?: string
  readonly value?: string
  readonly message: string
  readonly remedy: string
}

/** A fault reported before does not stand any more. */
export interface FaultClearedEvent {
  readonly event: 'faultCleared'
  readonly code: string
  readonly file: string
  readonly object?: string
  readonly path?: string
}

/** A valid field that has no effect in this version. */
export interface NotInForceEvent {
  readonly event: 'notInForce'
  readonly object: string
  readonly path: string
  readonly value: string
  readonly reason: string
}

/** A field told of before as not in force is not there any more. */
export interface InForceEvent {
  readonly event: 'notInForceCleared'
  readonly object: string
  readonly path: string
}

/** The state directory: what was taken up from it, or why it cannot be written. */
export interface StateEvent {
  readonly event: 'state'
  readonly outcome: 'restored' | 'empty' | 'failed'
  readonly message: string
}

/** A connection that belongs to no configured peer was closed. */
export interface RefusedConnectionEvent {
  readonly event: 'refusedConnection'
  readonly remote: string
  readonly message: string
}

/** Something that the user should know and that is nobody's mistake. */
export interface NoticeEvent {
  readonly event: 'notice'
  readonly code: 'severalHosts' | 'recording'
  readonly message: string
}

/** A defect of Holdfast itself, which kept a change of the manifests from taking effect. */
export interface DefectEvent {
  readonly event: 'defect'
  readonly message: string
}

export interface StoppingEvent {
  readonly event: 'stopping'
  readonly message: string
}

export interface StoppedEvent {
  readonly event: 'stopped'
  readonly exitCode: number
}

/** Where events go: the log lines, the live view. */
export type Report = (event: Event) => void
