import type { Address, Prefix } from '@holdfast/ip'

/** RFC 4271 section 5.1.1. */
export type PathOrigin = 'igp' | 'egp' | 'incomplete'

/** RFC 8092: three unsigned 32-bit numbers. */
export interface LargeCommunity {
  readonly globalAdmin: number
  readonly data1: number
  readonly data2: number
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
  /** undefined: the session's local address. */
  readonly nextHop: Address | undefined
}

export interface Route {
  readonly prefix: Prefix
  readonly attributes: RouteAttributes
}
