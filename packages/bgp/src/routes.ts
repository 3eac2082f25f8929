import type { Address, Prefix } from '@holdfast/ip'

/** RFC 4271 section 5.1.1. */
export type PathOrigin = 'igp' | 'egp' | 'incomplete'

/** RFC 8092: three unsigned 32-bit numbers. */
export interface LargeCommunity {
  readonly globalAdmin: number
  readonly data1: number
  readonly data2: number
}

/** RFC 4360: the eight octets as two unsigned 32-bit numbers; the first octet is the high type octet. */
export interface ExtendedCommunity {
  readonly high: number
  readonly low: number
}

/**
 * What the caller says of a route. NEXT_HOP, the local AS in AS_PATH, and whether LOCAL_PREF goes out at all follow
 * from the session (RFC 4271 sections 5.1.2, 5.1.3, 5.1.5). Routes that share one object of this type are packed
 * together at no cost; equal objects are found to be equal as well.
 */
export interface RouteAttributes {
  readonly origin: PathOrigin
  /** undefined: 100 goes out on iBGP, nothing on eBGP. */
  readonly localPref: number | undefined
  readonly med: number | undefined
  /** RFC 1997, unsigned 32-bit each: ascending, no duplicates. */
  readonly communities: readonly number[]
  /** Ascending, no duplicates. */
  readonly largeCommunities: readonly LargeCommunity[]
  /** Ascending, no duplicates. Non-transitive ones do not leave our AS (RFC 4360 section 6). */
  readonly extendedCommunities: readonly ExtendedCommunity[]
  /** How many times more the local AS stands in AS_PATH on eBGP: 0 is the usual single time. */
  readonly prepend: number
  /** undefined: the session's local address. */
  readonly nextHop: Address | undefined
}

export interface Route {
  readonly prefix: Prefix
  readonly attributes: RouteAttributes
}
