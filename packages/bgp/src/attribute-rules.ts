import type { Address } from '@holdfast/ip'
import { equalAddresses, ipv4, isLoopback, isMulticast, isUnspecified } from '@holdfast/ip'
import { readAsPath, withoutConfeds } from './as-path.ts'
import { attributeCode, attributeFlag, originValue, updateSubcode } from './iana.ts'
import type { AsPathSegment, CodecContext } from './messages.ts'
import { Reader } from './reader.ts'
import type { ExtendedCommunity, LargeCommunity, PathOrigin } from './routes.ts'

/** The attributes of one UPDATE while they are read, in whatever order they come. */
export interface AttributeDraft {
  origin: PathOrigin | undefined
  asPath: readonly AsPathSegment[] | undefined
  as4Path: readonly AsPathSegment[] | undefined
  /** Of AGGREGATOR, as received: it decides whether AS4_PATH counts (RFC 6793 section 4.2.3). */
  aggregatorAsn: number | undefined
  nextHop: Address | undefined
  med: number | undefined
  localPref: number | undefined
  communities: readonly number[]
  largeCommunities: readonly LargeCommunity[]
  extendedCommunities: readonly ExtendedCommunity[]
  onlyToCustomer: number | undefined
  readonly others: number[]
}

export const emptyDraft = (): AttributeDraft => ({
  origin: undefined,
  asPath: undefined,
  as4Path: undefined,
  aggregatorAsn: undefined,
  nextHop: undefined,
  med: undefined,
  localPref: undefined,
  communities: [],
  largeCommunities: [],
  extendedCommunities: [],
  onlyToCustomer: undefined,
  others: [],
})

/** What is wrong with a value; the attribute's rule has the remedy unless the mistake brings a stronger one. */
export interface Mistake {
  readonly subcode: number
  readonly message: string
  readonly remedy?: Remedy
}

export type Remedy = 'treatAsWithdraw' | 'attributeDiscard'

/** How one attribute is read, and what a malformed one costs (RFC 7606 section 7). */
export interface AttributeRule {
  readonly name: string
  /** The Optional and Transitive bits that it must have. */
  readonly flags: number
  readonly remedy: Remedy
  /**
   * For Optional and Transitive bits in conflict: treat-as-withdraw unless its own RFC says else (RFC 7606 section 3
   * c).
   */
  readonly flagsRemedy: Remedy
  /** Why it does not count in a session like this, whatever it contains. */
  readonly unwanted?: (context: CodecContext) => string | undefined
  readonly read: (value: Uint8Array, draft: AttributeDraft, context: CodecContext) => Mistake | undefined
}

const wellKnown = attributeFlag.transitive
const optionalTransitive = attributeFlag.optional | attributeFlag.transitive
const optionalNonTransitive = attributeFlag.optional

const treatAsWithdraw = { remedy: 'treatAsWithdraw', flagsRemedy: 'treatAsWithdraw' } as const
/** RFC 7606 sections 7.6 and 7.7. */
const discard = { remedy: 'attributeDiscard', flagsRemedy: 'treatAsWithdraw' } as const
/** RFC 6793 section 6: a malformed one is discarded, the UPDATE goes on. */
const discardAlways = { remedy: 'attributeDiscard', flagsRemedy: 'attributeDiscard' } as const

const unwantedFromExternal = (context: CodecContext): string | undefined =>
  context.isInternal ? undefined : 'does not count from an external peer'

/** RFC 6793 section 4.1: only speakers of two-octet AS numbers send AS4_PATH and AS4_AGGREGATOR. */
const unwantedFromNew = (context: CodecContext): string | undefined =>
  context.isFourOctetAs ? 'does not count from a peer with four-octet AS numbers' : undefined

/** Every attribute that we look into, by type code. Others are passed over if they are optional. */
export const attributeRules: ReadonlyMap<number, AttributeRule> = new Map<number, AttributeRule>([
  [attributeCode.origin, { name: 'ORIGIN', flags: wellKnown, ...treatAsWithdraw, read: readOrigin }],
  [attributeCode.asPath, { name: 'AS_PATH', flags: wellKnown, ...treatAsWithdraw, read: readPath }],
  [attributeCode.nextHop, { name: 'NEXT_HOP', flags: wellKnown, ...treatAsWithdraw, read: readNextHop }],
  [
    attributeCode.multiExitDisc,
    { name: 'MULTI_EXIT_DISC', flags: optionalNonTransitive, ...treatAsWithdraw, read: readMed },
  ],
  [
    attributeCode.localPref,
    {
      name: 'LOCAL_PREF',
      flags: wellKnown,
      ...treatAsWithdraw,
      unwanted: unwantedFromExternal,
      read: readLocalPref,
    },
  ],
  [
    attributeCode.atomicAggregate,
    {
      name: 'ATOMIC_AGGREGATE',
      flags: wellKnown,
      ...discard,
      read: passOver(attributeCode.atomicAggregate, exactly(0)),
    },
  ],
  [attributeCode.aggregator, { name: 'AGGREGATOR', flags: optionalTransitive, ...discard, read: readAggregator }],
  [
    attributeCode.communities,
    { name: 'COMMUNITIES', flags: optionalTransitive, ...treatAsWithdraw, read: readCommunities },
  ],
  [
    attributeCode.originatorId,
    {
      name: 'ORIGINATOR_ID',
      flags: optionalNonTransitive,
      ...treatAsWithdraw,
      unwanted: unwantedFromExternal,
      read: passOver(attributeCode.originatorId, exactly(4)),
    },
  ],
  [
    attributeCode.clusterList,
    {
      name: 'CLUSTER_LIST',
      flags: optionalNonTransitive,
      ...treatAsWithdraw,
      unwanted: unwantedFromExternal,
      read: passOver(attributeCode.clusterList, multipleOf(4)),
    },
  ],
  [
    attributeCode.extendedCommunities,
    {
      name: 'EXTENDED COMMUNITIES',
      flags: optionalTransitive,
      ...treatAsWithdraw,
      read: readExtendedCommunities,
    },
  ],
  [
    attributeCode.as4Path,
    { name: 'AS4_PATH', flags: optionalTransitive, ...discardAlways, unwanted: unwantedFromNew, read: readAs4Path },
  ],
  [
    attributeCode.as4Aggregator,
    {
      name: 'AS4_AGGREGATOR',
      flags: optionalTransitive,
      ...discardAlways,
      unwanted: unwantedFromNew,
      read: readAs4Aggregator,
    },
  ],
  [
    attributeCode.ipv6ExtendedCommunities,
    {
      name: 'IPv6 EXTENDED COMMUNITIES',
      flags: optionalTransitive,
      ...treatAsWithdraw,
      read: passOver(attributeCode.ipv6ExtendedCommunities, multipleOf(20)),
    },
  ],
  [
    attributeCode.largeCommunities,
    { name: 'LARGE_COMMUNITY', flags: optionalTransitive, ...treatAsWithdraw, read: readLargeCommunities },
  ],
  // RFC 9234 section 5: a malformed one is treated as withdrawn.
  [
    attributeCode.onlyToCustomer,
    { name: 'OTC', flags: optionalTransitive, ...treatAsWithdraw, read: readOnlyToCustomer },
  ],
])

/** Says what is wrong with a length, if anything is. */
type LengthCheck = (length: number) => Mistake | undefined

const lengthMistake = (length: number, expected: string): Mistake => ({
  subcode: updateSubcode.attributeLengthError,
  message: `has ${length} octets instead of ${expected}`,
})

function exactly(expected: number): LengthCheck {
  return (length) => (length === expected ? undefined : lengthMistake(length, `${expected}`))
}

function multipleOf(size: number): LengthCheck {
  return (length) =>
    length > 0 && length % size === 0 ? undefined : lengthMistake(length, `a multiple of ${size} that is not 0`)
}

/** An attribute whose form is checked and whose content nobody needs. */
function passOver(code: number, check: LengthCheck): AttributeRule['read'] {
  return (value, draft) => {
    const mistake = check(value.length)
    if (mistake === undefined) draft.others.push(code)
    return mistake
  }
}

const origins: Readonly<Record<number, PathOrigin>> = {
  [originValue.igp]: 'igp',
  [originValue.egp]: 'egp',
  [originValue.incomplete]: 'incomplete',
}

function readOrigin(value: Uint8Array, draft: AttributeDraft): Mistake | undefined {
  const [code = 0] = value
  draft.origin = origins[code]
  if (value.length !== 1) return lengthMistake(value.length, '1')
  return draft.origin === undefined ? { subcode: updateSubcode.invalidOrigin, message: `is ${code}` } : undefined
}

function readPath(value: Uint8Array, draft: AttributeDraft, context: CodecContext): Mistake | undefined {
  const path = readAsPath(value, context.isFourOctetAs)
  if (!path.ok) return pathMistake(path.message)
  draft.asPath = path.segments
  return segmentsMistake(path.segments)
}

const pathMistake = (message: string): Mistake => ({ subcode: updateSubcode.malformedAsPath, message })

/** What RFC 9774 (sets), RFC 5065 section 5 (confederations; we are in none) and RFC 7607 (AS 0) forbid in a path. */
function segmentsMistake(segments: readonly AsPathSegment[]): Mistake | undefined {
  for (const { kind, asns } of segments) {
    if (kind !== 'sequence') return pathMistake(`has a segment of type ${segmentNames[kind]}`)
    if (asns.includes(0)) return pathMistake('has the AS number 0')
  }
  return undefined
}

const segmentNames: Readonly<Record<AsPathSegment['kind'], string>> = {
  set: 'AS_SET',
  sequence: 'AS_SEQUENCE',
  confedSequence: 'AS_CONFED_SEQUENCE',
  confedSet: 'AS_CONFED_SET',
}

/** RFC 6793 section 6 discards what is malformed; RFC 9774 section 3 withdraws for a set here as well. */
function readAs4Path(value: Uint8Array, draft: AttributeDraft): Mistake | undefined {
  const path = readAsPath(value, true)
  if (!path.ok) return pathMistake(path.message)
  const segments = withoutConfeds(path.segments)
  if (segments.some((segment) => segment.asns.includes(0))) return pathMistake('has the AS number 0')
  if (segments.some((segment) => segment.kind === 'set')) {
    return { ...pathMistake('has a segment of type AS_SET'), remedy: 'treatAsWithdraw' }
  }
  draft.as4Path = segments
  return undefined
}

function readNextHop(value: Uint8Array, draft: AttributeDraft): Mistake | undefined {
  const address = new Reader(value).uint32()
  if (address === undefined || value.length !== 4) return lengthMistake(value.length, '4')
  draft.nextHop = ipv4(address)
  return undefined
}

/**
 * RFC 4271 section 6.3: such a route is ignored and the session stays. Routers send back what they have from us where several of
 * their neighbours share what they are sent, as FRR does: nothing is wrong then.
 */
const ownAddress =
  'is our own address, as in a route of ours that the router sends back: it is ignored, and the session is well'

/**
 * Why an address cannot be a next hop (RFC 4271 section 6.3). A loopback address can be one where the session itself
 * runs over loopback: then both ends are on one host.
 */
export function nextHopMistake(address: Address, context: CodecContext): Mistake | undefined {
  const { localAddress } = context
  const invalid = (message: string): Mistake => ({ subcode: updateSubcode.invalidNextHop, message })
  if (isUnspecified(address)) return invalid('is the unspecified address')
  if (isMulticast(address)) return invalid('is a multicast address')
  if (localAddress !== undefined && equalAddresses(address, localAddress)) return invalid(ownAddress)
  if (isLoopback(address) && (localAddress === undefined || !isLoopback(localAddress))) {
    return invalid('is a loopback address')
  }
  return undefined
}

function readMed(value: Uint8Array, draft: AttributeDraft): Mistake | undefined {
  draft.med = new Reader(value).uint32()
  return exactly(4)(value.length)
}

function readLocalPref(value: Uint8Array, draft: AttributeDraft): Mistake | undefined {
  draft.localPref = new Reader(value).uint32()
  return exactly(4)(value.length)
}

/** RFC 7606 section 7.7; AS 0: RFC 7607. */
function readAggregator(value: Uint8Array, draft: AttributeDraft, context: CodecContext): Mistake | undefined {
  const reader = new Reader(value)
  const mistake = exactly(context.isFourOctetAs ? 8 : 6)(value.length)
  if (mistake !== undefined) return mistake
  const asn = context.isFourOctetAs ? reader.uint32() : reader.uint16()
  if (asn === 0) return aggregatorMistake
  draft.aggregatorAsn = asn
  draft.others.push(attributeCode.aggregator)
  return undefined
}

const aggregatorMistake: Mistake = { subcode: updateSubcode.optionalAttributeError, message: 'has the AS number 0' }

function readAs4Aggregator(value: Uint8Array, draft: AttributeDraft): Mistake | undefined {
  const mistake = exactly(8)(value.length)
  if (mistake !== undefined) return mistake
  if (new Reader(value).uint32() === 0) return aggregatorMistake
  draft.others.push(attributeCode.as4Aggregator)
  return undefined
}

function readCommunities(value: Uint8Array, draft: AttributeDraft): Mistake | undefined {
  const mistake = multipleOf(4)(value.length)
  if (mistake !== undefined) return mistake
  const reader = new Reader(value)
  const communities: number[] = []
  for (let next = reader.uint32(); next !== undefined; next = reader.uint32()) communities.push(next)
  draft.communities = communities
  return undefined
}

/** RFC 8092 section 3: what occurs again is removed. */
function readLargeCommunities(value: Uint8Array, draft: AttributeDraft): Mistake | undefined {
  const mistake = multipleOf(12)(value.length)
  if (mistake !== undefined) return mistake
  const reader = new Reader(value)
  const communities = new Map<string, LargeCommunity>()
  while (reader.remaining > 0) {
    const [globalAdmin = 0, data1 = 0, data2 = 0] = [reader.uint32(), reader.uint32(), reader.uint32()]
    const key = `${globalAdmin}:${data1}:${data2}`
    if (!communities.has(key)) communities.set(key, { globalAdmin, data1, data2 })
  }
  draft.largeCommunities = [...communities.values()]
  return undefined
}

function readExtendedCommunities(value: Uint8Array, draft: AttributeDraft): Mistake | undefined {
  const mistake = multipleOf(8)(value.length)
  if (mistake !== undefined) return mistake
  const reader = new Reader(value)
  const communities: ExtendedCommunity[] = []
  while (reader.remaining > 0) {
    const [high = 0, low = 0] = [reader.uint32(), reader.uint32()]
    communities.push({ high, low })
  }
  draft.extendedCommunities = communities
  return undefined
}

function readOnlyToCustomer(value: Uint8Array, draft: AttributeDraft): Mistake | undefined {
  const mistake = exactly(4)(value.length)
  if (mistake === undefined) draft.onlyToCustomer = new Reader(value).uint32()
  return mistake
}
