import type { Family } from '@holdfast/ip'
import { afi, refreshSubtype, safi } from './iana.ts'
import type { Message, RouteRefreshMessage } from './messages.ts'
import { familyOf } from './multiprotocol.ts'
import { advertise, readvertise } from './outbound.ts'
import type { Millis, Negotiated, PeerOutput } from './peer.ts'
import { beginRefresh, endRefresh } from './prefix-count.ts'
import type { Route } from './routes.ts'
import type { Established, Outcome, Refresh, Surroundings } from './session.ts'
import type { Step } from './session-moves.ts'
import { restartKeepalive, send, stay } from './session-moves.ts'

/** A family's ROUTE-REFRESH that comes sooner after the last one than this waits, and all that wait become one. */
const refreshMs: Millis = 1000

export const noRefresh: Refresh = { answered: [], waiting: [] }

/** RFC 2918 section 4 ignores a family that is not negotiated, RFC 7313 section 5 an unknown subtype. */
export function onRefresh(step: Step<Established>, message: RouteRefreshMessage): Outcome {
  const { from } = step
  const family = familyOf(message.afi, message.safi)
  if (family === undefined || !from.negotiated.families.includes(family)) return stay(from)
  return message.subtype === refreshSubtype.request
    ? onRequest(step, family)
    : onBoundary(from, family, message.subtype)
}

/**
 * A request before our first full set waits for that: RFC 7313 section 4 has the End-of-RIB before any BoRR, and the routes
 * are on their way anyhow.
 */
function onRequest({ from, around }: Step<Established>, family: Family): Outcome {
  const { answered, waiting } = from.refresh
  if (from.adjRibOut.desired !== undefined && !answered.includes(family)) return resend(from, around, [family])
  if (waiting.includes(family)) return stay(from)
  return stay({ ...from, refresh: { answered, waiting: [...waiting, family] } })
}

/**
 * BoRR and EoRR around the peer's own routes. We keep none, so that they matter to their count alone; a BoRR before the
 * End-of-RIB is ignored where graceful restart is negotiated (RFC 7313 section 4).
 */
function onBoundary(from: Established, family: Family, subtype: number): Outcome {
  const { received, negotiated } = from
  if (received === undefined || !negotiated.hasEnhancedRefresh) return stay(from)
  const isEarly = negotiated.gracefulRestart !== undefined && !received.ended.includes(family)
  if (subtype === refreshSubtype.beginning && !isEarly) {
    return stay({ ...from, received: beginRefresh(received, family) })
  }
  return subtype === refreshSubtype.end ? stay({ ...from, received: endRefresh(received, family) }) : stay(from)
}

export function onRefreshTimer({ from, around }: Step<Established>): Outcome {
  const settled = { ...from, refresh: noRefresh }
  return from.refresh.waiting.length === 0 ? stay(settled) : resend(settled, around, from.refresh.waiting)
}

/** The whole Adj-RIB-Out of some families; further requests for these wait. */
function resend(from: Established, around: Surroundings, families: readonly Family[]): Outcome {
  const messages = families.flatMap((family) => wholeFamily(from, family))
  const refresh = {
    answered: [...from.refresh.answered, ...families],
    waiting: from.refresh.waiting.filter((family) => !families.includes(family)),
  }
  return stay({ ...from, refresh }, [
    ...sent(around, from.negotiated, messages),
    { kind: 'arm', role: around.role, timer: 'refresh', ms: refreshMs },
  ])
}

/** RFC 7313 section 4: between BoRR and EoRR where both sides know these. */
function wholeFamily({ adjRibOut, negotiated }: Established, family: Family): readonly Message[] {
  const routes = readvertise(adjRibOut, negotiated, family)
  if (!negotiated.hasEnhancedRefresh) return routes
  return [boundary(family, refreshSubtype.beginning), ...routes, boundary(family, refreshSubtype.end)]
}

const boundary = (family: Family, subtype: number): RouteRefreshMessage => ({
  kind: 'routeRefresh',
  afi: afi[family],
  subtype,
  safi: safi.unicast,
})

/** The routes of the peer as they should be now; only what differs goes out. */
export function desire(from: Established, around: Surroundings, routes: readonly Route[]): Outcome {
  const { adjRibOut, messages, hasUnsentChanged } = advertise(from.adjRibOut, from.negotiated, routes)
  if (adjRibOut === from.adjRibOut) return stay(from)
  const outputs = sent(around, from.negotiated, messages)
  if (hasUnsentChanged) outputs.push({ kind: 'unsent', routes: adjRibOut.unsent })
  const next = { ...from, adjRibOut }
  const isAwaited = from.adjRibOut.desired === undefined && from.refresh.waiting.length > 0
  if (!isAwaited) return stay(next, outputs)
  const answer = resend(next, around, from.refresh.waiting)
  return { ...answer, outputs: [...outputs, ...answer.outputs] }
}

/** An UPDATE says as much as a KEEPALIVE (RFC 4271 section 4.4), so the next one of these has time. */
function sent(around: Surroundings, negotiated: Negotiated, messages: readonly Message[]): PeerOutput[] {
  if (messages.length === 0) return []
  return [...messages.map((message) => send(around, message)), ...restartKeepalive(around, negotiated)]
}
