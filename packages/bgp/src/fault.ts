/**
 * Something that a peer did wrong. A fault knows its remedy (RFC 7606 section 2): only `sessionReset` costs the
 * session. `code` and `subcode` are those of RFC 4271 section 4.5; `data` is what section 6 wants in the NOTIFICATION.
 */
export type Fault = SessionReset | UpdateFault

/** What can be wrong in an UPDATE that is still usable. */
export type UpdateFault = TreatAsWithdraw | AttributeDiscard | FamilyIgnored

/** What every fault says of itself. */
export interface Diagnosis {
  readonly code: number
  readonly subcode: number
  readonly data: Uint8Array
  /** For a person: constant text plus the numbers found, never text from the peer. */
  readonly message: string
}

export interface SessionReset extends Diagnosis {
  readonly remedy: 'sessionReset'
  /** Close without a NOTIFICATION: an error in a NOTIFICATION is never answered by one (RFC 4271 section 6.4). */
  readonly isSilent: boolean
}

/** The routes that the UPDATE announces count as withdrawn. `attribute` is its type code. */
export interface TreatAsWithdraw extends Diagnosis {
  readonly remedy: 'treatAsWithdraw'
  readonly attribute: number
}

/** The attribute counts as absent. */
export interface AttributeDiscard extends Diagnosis {
  readonly remedy: 'attributeDiscard'
  readonly attribute: number
}

/**
 * Routes of a family that the session did not negotiate are passed over (RFC 4760 section 7); not an error of ours to
 * answer.
 */
export interface FamilyIgnored {
  readonly remedy: 'familyIgnored'
  readonly afi: number
  readonly safi: number
  readonly message: string
}

const noData: Uint8Array = new Uint8Array(0)

/** A fault that ends the session with the given NOTIFICATION. */
export const sessionReset = (code: number, subcode: number, message: string, data = noData): SessionReset => ({
  remedy: 'sessionReset',
  code,
  subcode,
  data,
  message,
  isSilent: false,
})
