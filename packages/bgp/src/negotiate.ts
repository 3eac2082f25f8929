import type { Family } from '@holdfast/ip'
import { afi, maxExtendedMessageLength, maxMessageLength, safi } from './iana.ts'
import type { AfiSafi, Capability, CodecContext, GracefulRestartCapability, OpenMessage } from './messages.ts'
import type { OpenRefusal } from './negotiate-checks.ts'
import { asRefusal, asnOf, familyRefusal, identifierRefusal, rolesOf } from './negotiate-checks.ts'
import type { Negotiated, PeerConfig } from './peer.ts'
import type { Link } from './session.ts'

export type Agreement =
  { readonly ok: true; readonly negotiated: Negotiated } | { readonly ok: false; readonly refusal: OpenRefusal }

/** Two OPENs. */
export interface Opens {
  readonly ours: OpenMessage
  readonly theirs: OpenMessage
}

/**
 * What our OPEN and the peer's make of the session, or why nothing. The checks of RFC 4271 section 6.2 that need our
 * configuration; those that the message alone decides were made when it was read.
 */
export function negotiate(config: PeerConfig, link: Link, opens: Opens): Agreement {
  const { theirs } = opens
  const families = commonFamilies(config, opens)
  const { roles, refusal: roleRefusal } = rolesOf(config, theirs)
  const refusal =
    asRefusal(config, theirs) ??
    identifierRefusal(config, theirs) ??
    roleRefusal ??
    familyRefusal(config, families, theirs)
  if (refusal !== undefined) return { ok: false, refusal }
  const remoteAsn = asnOf(theirs)
  const holdTimeSeconds = Math.min(config.holdTimeSeconds, theirs.holdTimeSeconds)
  const negotiated: Negotiated = {
    localAsn: config.localAsn,
    remoteAsn,
    remoteRouterId: theirs.routerId,
    isInternal: remoteAsn === config.localAsn,
    holdTimeSeconds,
    keepaliveSeconds: keepaliveSeconds(config, holdTimeSeconds),
    families,
    isFourOctetAs: bothOffer(opens, 'fourOctetAs'),
    hasRouteRefresh: bothOffer(opens, 'routeRefresh'),
    hasEnhancedRefresh: bothOffer(opens, 'routeRefresh') && bothOffer(opens, 'enhancedRouteRefresh'),
    maxReceivedLength: offers(opens.ours, 'extendedMessage') ? maxExtendedMessageLength : maxMessageLength,
    maxSentLength: bothOffer(opens, 'extendedMessage') ? maxExtendedMessageLength : maxMessageLength,
    addPath: addPathFamilies(opens, families),
    extendedNextHop: extendedNextHopFamilies(opens, families),
    gracefulRestart: gracefulRestart(opens, families),
    role: roles,
    sendHoldSeconds: sendHoldSeconds(config, holdTimeSeconds),
    globalAsn: config.globalAsn,
    localAddress: link.local,
    remoteAddress: link.remote,
  }
  return { ok: true, negotiated }
}

/** RFC 9687 section 6: the greater of 8 minutes and twice the hold time. */
const suggestedSendHoldSeconds = 480

/** 0 is off. It has to be longer than the hold time (RFC 9687 section 4.4), and is off where that is (section 4.3). */
function sendHoldSeconds({ sendHoldSeconds: configured }: PeerConfig, holdTimeSeconds: number): number {
  if (holdTimeSeconds === 0 || configured === 0) return 0
  if (configured === undefined) return Math.max(suggestedSendHoldSeconds, 2 * holdTimeSeconds)
  return Math.max(configured, holdTimeSeconds + 1)
}

type Kind = Capability['kind']

const offers = (open: OpenMessage, kind: Kind): boolean =>
  open.capabilities.some((capability) => capability.kind === kind)

/** A capability that only one side has is not used (RFC 5492 section 3). */
const bothOffer = ({ ours, theirs }: Opens, kind: Kind): boolean => offers(ours, kind) && offers(theirs, kind)

const isUnicast = (family: Family, entry: AfiSafi): boolean => entry.afi === afi[family] && entry.safi === safi.unicast

const commonFamilies = (config: PeerConfig, { ours, theirs }: Opens): readonly Family[] =>
  config.families.filter((family) => offersFamily(ours, family) && offersFamily(theirs, family))

/** Who offers no family means IPv4 unicast, the only one that RFC 4271 knows (RFC 4760 section 8). */
function offersFamily(open: OpenMessage, family: Family): boolean {
  const offered = open.capabilities.filter((capability) => capability.kind === 'multiprotocol')
  return offered.length === 0 ? family === 'ipv4' : offered.some((capability) => isUnicast(family, capability))
}

/** RFC 4271 section 4.4: a third of the hold time is reasonable, and more than one a second is forbidden. */
function keepaliveSeconds(config: PeerConfig, holdTimeSeconds: number): number {
  if (holdTimeSeconds === 0) return 0
  const third = Math.max(1, Math.floor(holdTimeSeconds / 3))
  return Math.max(1, Math.min(third, config.keepaliveSeconds ?? third))
}

/** RFC 7911 section 4: the last entry of a family counts, and each side's word on its own direction. */
function addPathFamilies({ ours, theirs }: Opens, families: readonly Family[]): readonly Family[] {
  const directionOf = (open: OpenMessage, family: Family): string | undefined =>
    open.capabilities
      .flatMap((capability) => (capability.kind === 'addPath' ? capability.families : []))
      .findLast((entry) => isUnicast(family, entry))?.direction
  return families.filter((family) => {
    const receives = directionOf(theirs, family)
    return directionOf(ours, family) === 'send' && (receives === 'receive' || receives === 'both')
  })
}

/** RFC 8950 section 4: both sides have to name IPv4 unicast with next hops of AFI 2. */
function extendedNextHopFamilies({ ours, theirs }: Opens, families: readonly Family[]): readonly Family[] {
  const isOffered = (open: OpenMessage, family: Family): boolean =>
    open.capabilities
      .flatMap((capability) => (capability.kind === 'extendedNextHop' ? capability.entries : []))
      .some((entry) => isUnicast(family, entry) && entry.nextHopAfi === afi.ipv6)
  return families.filter((family) => family === 'ipv4' && isOffered(ours, family) && isOffered(theirs, family))
}

/** RFC 4724 section 3: of several, the last one counts. */
const restartOf = (open: OpenMessage): GracefulRestartCapability | undefined =>
  open.capabilities.findLast((capability) => capability.kind === 'gracefulRestart')

/**
 * Which routes the peer keeps while we restart follows from the families that we name (RFC 4724 section 4.2): a peer that
 * names none, since it cannot restart without loss itself, helps us all the same (section 3).
 */
function gracefulRestart(opens: Opens, families: readonly Family[]): Negotiated['gracefulRestart'] {
  const [ours, theirs] = [restartOf(opens.ours), restartOf(opens.theirs)]
  if (ours === undefined || theirs === undefined) return undefined
  return {
    restartTimeSeconds: ours.restartTimeSeconds,
    peerRestartTimeSeconds: theirs.restartTimeSeconds,
    isPeerRestarting: theirs.isRestarting,
    hasNotification: ours.hasNotification && theirs.hasNotification,
    families: families.filter((family) => ours.families.some((entry) => isUnicast(family, entry))),
    longLived: longLived(opens, families),
  }
}

type LongLived = NonNullable<Negotiated['gracefulRestart']>['longLived']

/** RFC 9494 section 4.2: what we name, where the peer has the capability at all. */
function longLived({ ours, theirs }: Opens, families: readonly Family[]): LongLived {
  if (!offers(theirs, 'longLivedGracefulRestart')) return []
  const named = ours.capabilities.flatMap((each) => (each.kind === 'longLivedGracefulRestart' ? each.families : []))
  return families.flatMap((family) => {
    const entry = named.findLast((each) => isUnicast(family, each))
    return entry === undefined ? [] : [{ family, staleTimeSeconds: entry.staleTimeSeconds }]
  })
}

/** How the session's bytes are read and written. */
export const contextOf = (negotiated: Negotiated): CodecContext => ({
  isFourOctetAs: negotiated.isFourOctetAs,
  isInternal: negotiated.isInternal,
  families: negotiated.families,
  localAddress: negotiated.localAddress,
  maxReceivedLength: negotiated.maxReceivedLength,
  maxSentLength: negotiated.maxSentLength,
  addPath: { send: negotiated.addPath, receive: [] },
  extendedNextHop: negotiated.extendedNextHop,
})
