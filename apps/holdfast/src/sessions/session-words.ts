import type { Reason, StateName, StopReason, UnsentRoute } from '@holdfast/bgp'
import { protectedReasons, protectionRemedy } from '@holdfast/bgp'
import { formatAddress, formatPrefix, ipv4 } from '@holdfast/ip'
import type { PeerEvent } from '@holdfast/net'
import type { SessionEvent, SessionTerms } from '../events.ts'
import type { SessionSettings } from './session-settings.ts'
import type { WantedSession } from './wanted-sessions.ts'

/** The event that tells of a session's state. */
export function sessionEvent(
  wanted: WantedSession,
  state: StateName,
  reason: { readonly code: string; readonly message: string },
): SessionEvent {
  return {
    event: 'session',
    node: wanted.node,
    peer: wanted.peer,
    remote: wanted.remoteText,
    state,
    reason: reason.code,
    message: 'obstacle' in wanted.terms ? reason.message : eventMessage(reason, wanted.terms),
  }
}

function eventMessage(reason: { readonly code: string; readonly message: string }, settings: SessionSettings): string {
  const message = inFields(reason.message, settings)
  const hint = protectionHint(reason.code, settings)
  return hint === undefined ? message : `${message.replace(/\.$/, '')}; ${hint}`
}

/** The core knows our AS number, and not which field of the BGPPeer it comes from. */
export const inFields = (message: string, { hasLocalAsn = false }: SessionSettings): string =>
  hasLocalAsn ? message.replace('correct spec.myASN', 'correct spec.localASN') : message

/** What to look at first where a session is protected and nothing comes back; undefined: it is not, or this is no such reason. */
export function protectionHint(code: string, { socket }: SessionSettings): string | undefined {
  if (socket === undefined || !protectedReasons.some((one) => one === code)) return undefined
  const kinds = [
    ...(socket.md5Password === undefined ? [] : ['TCP MD5']),
    ...(socket.tcpAo === undefined ? [] : ['TCP-AO']),
  ]
  const hints = [
    ...kinds.map((kind) => `${kind}: ${protectionRemedy.key}`),
    ...(socket.minimumTtl === undefined ? [] : [`GTSM: ${gtsmRemedy(socket.minimumTtl)}`]),
  ]
  return hints.length === 0 ? undefined : hints.join('; ')
}

const gtsmRemedy = (minimumTtl: number): string => protectionRemedy.gtsm.replace('255', String(minimumTtl))

/** What both sides agreed on, for `SessionEvent.negotiated`. */
export function sessionTerms(negotiated: Extract<PeerEvent, { kind: 'established' }>['negotiated']): SessionTerms {
  const { localAsn, remoteAsn, remoteRouterId, holdTimeSeconds, keepaliveSeconds, families, localAddress } = negotiated
  return {
    localAsn,
    remoteAsn,
    remoteRouterId: formatAddress(ipv4(remoteRouterId)),
    holdTimeSeconds,
    keepaliveSeconds,
    families: families.map((family) => (family === 'ipv4' ? 'IPv4' : 'IPv6')),
    localAddress: formatAddress(localAddress),
  }
}

/** TCP is up, and the router says nothing. */
export const silent: Pick<Reason, 'message'> & { readonly code: string } = {
  code: 'tcpConnected',
  message: 'TCP is connected, but the router sends no OPEN: does it know us as a neighbour?',
}

/** What is told of a session that we close. */
export const closeMessages: Readonly<Record<StopReason, string>> = {
  administrativeShutdown: 'closed: Holdfast is shutting down',
  peerDeconfigured: 'the BGPPeer is gone or does not select this node any more',
  administrativeReset: 'closed: reset',
  configurationChange: 'closed: its settings changed, opening anew',
  restart: 'closed for a restart: a router with graceful restart keeps the routes',
}

/** One sentence for each cause that keeps routes from a session, with the first of the prefixes. */
export function unsentSentences(routes: readonly UnsentRoute[]): readonly string[] {
  return [...unsentMessages].flatMap(([cause, message]) => {
    const prefixes = routes.filter((route) => route.cause === cause).map(({ route }) => formatPrefix(route.prefix))
    if (prefixes.length === 0) return []
    const shown =
      prefixes.length > 3 ? `${prefixes.slice(0, 3).join(', ')} and ${prefixes.length - 3} more` : prefixes.join(', ')
    return [`${shown}: ${message}`]
  })
}

const unsentMessages: ReadonlyMap<UnsentRoute['cause'], string> = new Map([
  ['familyNotNegotiated', 'the router does not exchange this address family on the session'],
  [
    'noNextHop',
    'the session runs over the other address family, the Node has no InternalIP of this one to be the next hop, and ' +
      'the router does not take a next hop of the other family (RFC 8950)',
  ],
  ['attributesTooLarge', 'its communities do not fit into one BGP message: use fewer'],
])

/** An exception, for a person. */
export const describeError = (error: unknown): string => (error instanceof Error ? error.message : String(error))
