import type { Address, Family, Prefix } from '@holdfast/ip'
import type { UpdateFault } from './fault.ts'
import type { LargeCommunity, PathOrigin } from './routes.ts'

/** The five messages of RFC 4271 section 4 and RFC 2918. */
export type Message = OpenMessage | UpdateMessage | NotificationMessage | KeepaliveMessage | RouteRefreshMessage

export interface OpenMessage {
  readonly kind: 'open'
  readonly version: number
  /** The two-octet field; AS_TRANS (23456) where the AS needs four (RFC 6793). */
  readonly asn: number
  readonly holdTimeSeconds: number
  /** Unsigned 32-bit. */
  readonly routerId: number
  readonly capabilities: readonly Capability[]
}

export type Capability =
  /** RFC 4760: AFI/SAFI as numbers, since a peer may offer ones that we do not know. */
  | { readonly kind: 'multiprotocol'; readonly afi: number; readonly safi: number }
  | { readonly kind: 'routeRefresh' }
  | { readonly kind: 'fourOctetAs'; readonly asn: number }
  /** Everything else, kept so that it can be shown. */
  | { readonly kind: 'unknown'; readonly code: number; readonly value: Uint8Array }

/** RFC 4271 section 4.3 with RFC 4760's two attributes folded in: IPv4 and IPv6 unicast alike. */
export interface UpdateMessage {
  readonly kind: 'update'
  readonly withdrawn: readonly Prefix[]
  /** undefined: nothing is announced. */
  readonly announced: Announcement | undefined
  /** Set where the message is an End-of-RIB marker (RFC 4724 section 2). */
  readonly endOfRib: Family | undefined
  /** What was wrong but did not cost the session (RFC 7606), strongest first. Empty in what we send. */
  readonly faults: readonly UpdateFault[]
}

/**
 * Prefixes with one set of attributes. An UPDATE from elsewhere can carry both families, each with its own next hop.
 */
export interface Announcement {
  readonly attributes: PathAttributes
  readonly reach: readonly { readonly nextHop: Address; readonly prefixes: readonly Prefix[] }[]
}

export interface PathAttributes {
  readonly origin: PathOrigin
  readonly asPath: readonly AsPathSegment[]
  readonly localPref: number | undefined
  readonly med: number | undefined
  /** Unsigned 32-bit each, in the order received. */
  readonly communities: readonly number[]
  readonly largeCommunities: readonly LargeCommunity[]
  /** Codes of further attributes that were present and passed over. */
  readonly others: readonly number[]
}

export interface AsPathSegment {
  readonly kind: 'set' | 'sequence' | 'confedSequence' | 'confedSet'
  readonly asns: readonly number[]
}

export interface NotificationMessage {
  readonly kind: 'notification'
  readonly code: number
  readonly subcode: number
  readonly data: Uint8Array
}

export interface KeepaliveMessage {
  readonly kind: 'keepalive'
}

export interface RouteRefreshMessage {
  readonly kind: 'routeRefresh'
  readonly afi: number
  readonly subtype: number
  readonly safi: number
}

/** What the session negotiated that changes how bytes are read and written. Before OPEN: `initialContext`. */
export interface CodecContext {
  readonly isFourOctetAs: boolean
  readonly isInternal: boolean
  /** Ours on this connection: a NEXT_HOP must not be it (RFC 4271 section 6.3). undefined: not checked. */
  readonly localAddress: Address | undefined
  readonly families: readonly Family[]
}

/** Before the OPENs are exchanged nothing is agreed: two-octet AS numbers, no family (RFC 6793, RFC 4760). */
export const initialContext: CodecContext = {
  isFourOctetAs: false,
  isInternal: false,
  localAddress: undefined,
  families: [],
}
