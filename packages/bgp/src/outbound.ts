import type { Family, Prefix } from '@holdfast/ip'
import { equalPrefixes, prefixKey } from '@holdfast/ip'
import type { UpdateMessage } from './messages.ts'
import { contextOf } from './negotiate.ts'
import { areLarge, capacityOf, equalAttributes, nextHopOf } from './outbound-attributes.ts'
import { endOfRib, packAnnouncements, packWithdrawals } from './outbound-pack.ts'
import type { Negotiated, UnsentRoute } from './peer.ts'
import type { Route } from './routes.ts'
import { nlriLength, pathIdentifierLength } from './update-size.ts'

/** What a session was given to announce and what the peer has of it (RFC 4271 section 3.2); the caller's own lists. */
export interface AdjRibOut {
  /** The last full set; undefined: there was none in this session yet. */
  readonly desired: readonly Route[] | undefined
  readonly sent: readonly Route[]
  readonly unsent: readonly UnsentRoute[]
}

export const emptyAdjRibOut: AdjRibOut = { desired: undefined, sent: [], unsent: [] }

/** What a new full set makes necessary. */
export interface Advertisement {
  readonly adjRibOut: AdjRibOut
  readonly messages: readonly UpdateMessage[]
  readonly hasUnsentChanged: boolean
}

/**
 * UPDATEs that make the peer's routes those of the set. Announcements come before withdrawals, so that a client whose
 * route moves to another prefix never has none; a prefix in both sets is replaced by its announcement (RFC 4271 section
 * 3.1). The first set of a session ends with the End-of-RIB markers (RFC 4724 section 2), also when it is empty.
 */
export function advertise(before: AdjRibOut, session: Negotiated, routes: readonly Route[]): Advertisement {
  if (before.desired === routes) return { adjRibOut: before, messages: [], hasUnsentChanged: false }
  const { sent, unsent } = sift(before, routes, session)
  const { announced, withdrawn } = difference(before.sent, sent, session)
  const isFirst = before.desired === undefined
  const messages = [
    ...packAnnouncements(announced, session),
    ...packWithdrawals(withdrawn, session),
    ...(isFirst ? session.families.map(endOfRib) : []),
  ]
  return {
    adjRibOut: { desired: routes, sent, unsent },
    messages,
    hasUnsentChanged: !equalUnsent(before.unsent, unsent),
  }
}

/** All routes of a family again, for a ROUTE-REFRESH (RFC 2918 section 4). */
export const readvertise = ({ sent }: AdjRibOut, session: Negotiated, family: Family): readonly UpdateMessage[] =>
  packAnnouncements(
    sent.filter(({ prefix }) => prefix.address.family === family),
    session,
  )

/**
 * Parts the routes that the session can carry from those that it cannot; mostly these are none, and the list stays. Those that it
 * carries already are passed over.
 */
function sift(
  { sent }: AdjRibOut,
  routes: readonly Route[],
  session: Negotiated,
): { readonly sent: readonly Route[]; readonly unsent: readonly UnsentRoute[] } {
  const { head, tail } = commonEnds(sent, routes, Object.is)
  const unsent: UnsentRoute[] = []
  for (const route of routes.slice(head, routes.length - tail)) {
    const cause = unsentCause(route, session)
    if (cause !== undefined) unsent.push({ route, cause })
  }
  if (unsent.length === 0) return { sent: routes, unsent }
  const excluded = new Set(unsent.map(({ route }) => route))
  return { sent: routes.filter((route) => !excluded.has(route)), unsent }
}

function unsentCause(route: Route, session: Negotiated): UnsentRoute['cause'] | undefined {
  const { prefix, attributes } = route
  const { family } = prefix.address
  if (!session.families.includes(family)) return 'familyNotNegotiated'
  if (!canHaveNextHop(family, nextHopOf(attributes, session).family, session)) return 'noNextHop'
  return areLarge(attributes) && lengthOf(prefix, session) > capacityOf(attributes, family, session)
    ? 'attributesTooLarge'
    : undefined
}

/** Another family's next hop needs RFC 8950. */
const canHaveNextHop = (family: Family, nextHopFamily: Family, { extendedNextHop }: Negotiated): boolean =>
  family === nextHopFamily || extendedNextHop.includes(family)

const lengthOf = (prefix: Prefix, session: Negotiated): number =>
  nlriLength(prefix, pathIdentifierLength(prefix.address.family, contextOf(session)))

/** Equal heads and tails are passed over, so that one change among many routes costs no map of all of them. */
function difference(
  before: readonly Route[],
  after: readonly Route[],
  session: Negotiated,
): { readonly announced: readonly Route[]; readonly withdrawn: readonly Prefix[] } {
  if (before.length === 0) return { announced: after, withdrawn: [] }
  const isSame = (a: Route | undefined, b: Route | undefined): boolean =>
    a === b || (a !== undefined && b !== undefined && equalRoutes(a, b, session))
  const { head, tail } = commonEnds(before, after, isSame)
  return differenceByKey(before.slice(head, before.length - tail), after.slice(head, after.length - tail), session)
}

/** How many routes are the same at the beginning of two sets, and how many of the others at their end. */
function commonEnds(
  before: readonly Route[],
  after: readonly Route[],
  isSame: (a: Route | undefined, b: Route | undefined) => boolean,
): { readonly head: number; readonly tail: number } {
  const shorter = Math.min(before.length, after.length)
  let head = 0
  while (head < shorter && isSame(before[head], after[head])) head += 1
  let tail = 0
  while (tail < shorter - head && isSame(before.at(-1 - tail), after.at(-1 - tail))) tail += 1
  return { head, tail }
}

function differenceByKey(
  before: readonly Route[],
  after: readonly Route[],
  session: Negotiated,
): { readonly announced: readonly Route[]; readonly withdrawn: readonly Prefix[] } {
  const gone = new Map(before.map((route) => [prefixKey(route.prefix), route]))
  const announced: Route[] = []
  for (const route of after) {
    const key = prefixKey(route.prefix)
    const old = gone.get(key)
    gone.delete(key)
    if (old === undefined || !equalAttributes(old.attributes, route.attributes, session)) announced.push(route)
  }
  return { announced, withdrawn: Array.from(gone.values(), ({ prefix }) => prefix) }
}

const equalRoutes = (a: Route, b: Route, session: Negotiated): boolean =>
  equalPrefixes(a.prefix, b.prefix) && equalAttributes(a.attributes, b.attributes, session)

const equalUnsent = (a: readonly UnsentRoute[], b: readonly UnsentRoute[]): boolean =>
  a.length === b.length && a.every((entry, index) => isSameUnsent(entry, b[index]))

const isSameUnsent = (a: UnsentRoute, b: UnsentRoute | undefined): boolean =>
  a.cause === b?.cause && equalPrefixes(a.route.prefix, b.route.prefix)
