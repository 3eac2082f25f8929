import type { Address, Family, Prefix } from '@holdfast/ip'
import type { UpdateFault } from './fault.ts'
import type { ExtendedCommunity, LargeCommunity, PathOrigin } from './routes.ts'

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
  | ({ readonly kind: 'multiprotocol' } & AfiSafi)
  | { readonly kind: 'routeRefresh' }
  | { readonly kind: 'fourOctetAs'; readonly asn: number }
  /** RFC 8654. */
  | { readonly kind: 'extendedMessage' }
  /** RFC 7313. */
  | { readonly kind: 'enhancedRouteRefresh' }
  /** RFC 8950: routes of this AFI/SAFI may have a next hop of another AFI. */
  | { readonly kind: 'extendedNextHop'; readonly entries: readonly (AfiSafi & { readonly nextHopAfi: number })[] }
  | GracefulRestartCapability
  /** RFC 9494. */
  | {
      readonly kind: 'longLivedGracefulRestart'
      readonly families: readonly (AfiSafi & { readonly isForwarding: boolean; readonly staleTimeSeconds: number })[]
    }
  /** RFC 7911, from the point of view of whoever sends the capability. */
  | {
      readonly kind: 'addPath'
      readonly families: readonly (AfiSafi & { readonly direction: 'receive' | 'send' | 'both' })[]
    }
  /** RFC 9234 section 4.1: the number as received, 0 to 4 are known. */
  | { readonly kind: 'role'; readonly value: number }
  /** draft-walton-bgp-hostname-capability: for people; any text, see `describeText` before showing it. */
  | { readonly kind: 'fqdn'; readonly hostName: string; readonly domainName: string }
  /** draft-ietf-idr-bgp-soft-version: for people; any text. */
  | { readonly kind: 'softwareVersion'; readonly version: string }
  /** Everything else, and known ones that are malformed but must not cost the session; kept so that it can be shown. */
  | { readonly kind: 'unknown'; readonly code: number; readonly value: Uint8Array }

/** An address family as its two registry numbers. */
export interface AfiSafi {
  readonly afi: number
  readonly safi: number
}

/** RFC 4724 section 3 with the N bit of RFC 8538 section 2. */
export interface GracefulRestartCapability {
  readonly kind: 'gracefulRestart'
  /** The R bit: the sender has restarted. */
  readonly isRestarting: boolean
  /** The N bit: routes are kept also after a NOTIFICATION other than a Hard Reset. */
  readonly hasNotification: boolean
  /** 0 to 4095. */
  readonly restartTimeSeconds: number
  /** `isForwarding`: the F bit. */
  readonly families: readonly (AfiSafi & { readonly isForwarding: boolean })[]
}

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
  /** RFC 4360, in the order received. */
  readonly extendedCommunities: readonly ExtendedCommunity[]
  /** RFC 9234 section 5: the AS number of OTC. */
  readonly onlyToCustomer: number | undefined
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
  /** 4096, or 65535 where we offered RFC 8654; OPEN and KEEPALIVE stay at 4096. */
  readonly maxReceivedLength: number
  /** 4096, or 65535 where the peer offered RFC 8654. */
  readonly maxSentLength: number
  /** RFC 7911: families whose prefixes carry a path identifier, in each direction. */
  readonly addPath: { readonly send: readonly Family[]; readonly receive: readonly Family[] }
  /** RFC 8950: families whose routes may have a next hop of the other family. */
  readonly extendedNextHop: readonly Family[]
}

/** Before the OPENs are exchanged nothing is agreed: two-octet AS numbers, no family (RFC 6793, RFC 4760). */
export const initialContext: CodecContext = {
  isFourOctetAs: false,
  isInternal: false,
  localAddress: undefined,
  families: [],
  maxReceivedLength: 4096,
  maxSentLength: 4096,
  addPath: { send: [], receive: [] },
  extendedNextHop: [],
}
