import type { Negotiated, PeerConfig, Role } from './peer.ts'
import type { Connection } from './session.ts'
import { hasLink } from './session-moves.ts'

/** What happens when the OPEN of one connection was accepted while there is another. */
export type Verdict = 'keepBoth' | 'dumpThis' | 'dumpOther'

/**
 * Of two connections the one survives that was opened by the side with the higher BGP Identifier, as an unsigned number
 * (RFC 4271 section 6.8), or by the higher AS number where these are equal (RFC 6286 section 2.3).
 */
export function preferredRole(config: PeerConfig, { remoteRouterId, remoteAsn }: Negotiated): Role {
  const isOurs = config.routerId === remoteRouterId ? config.localAsn > remoteAsn : config.routerId > remoteRouterId
  return isOurs ? 'active' : 'passive'
}

/**
 * `role` has just got an acceptable OPEN, so that OpenConfirm is next for it; `other` is the peer's other connection.
 *
 * RFC 4271 section 6.8 judges where the other is in OpenConfirm, and lets one judge in OpenSent too when the identifier
 * is known: it is, from this OPEN. The side that wins must: it has sent no KEEPALIVE on the connection that loses, so
 * the peer cannot have it Established, which would make both sides dump a different one. The side that loses must not
 * yet, where its preferred connection is in OpenSent only: the peer may have given that one up in the meantime.
 */
export function collide(role: Role, negotiated: Negotiated, other: Connection, preferred: Role): Verdict {
  switch (other.state) {
    case 'idle':
      return 'keepBoth'
    case 'connect':
    case 'active':
      // We have said nothing there: a dial of ours is given up, the peer's connection only where it is sure to lose.
      return role === 'passive' || (preferred === 'active' && hasLink(other)) ? 'dumpOther' : 'keepBoth'
    case 'openSent':
      if (role === preferred) return 'dumpOther'
      return preferred === 'active' ? 'dumpThis' : 'keepBoth'
    case 'openConfirm':
      return role === preferred ? 'dumpOther' : 'dumpThis'
    case 'established':
      return isSuccessor(negotiated, other.negotiated) ? 'keepBoth' : 'dumpThis'
  }
}

/**
 * RFC 4724 section 4.2: a peer that restarts comes back before we notice that it was away, and its new connection replaces
 * the session. It does so when its KEEPALIVE shows that it wants to, not before: whoever can open a connection in its
 * name and send an OPEN has done no harm yet. It has to be the same speaker, and as able to restart as before.
 */
const isSuccessor = (successor: Negotiated, session: Negotiated): boolean =>
  session.gracefulRestart !== undefined &&
  successor.gracefulRestart !== undefined &&
  successor.remoteAsn === session.remoteAsn &&
  successor.remoteRouterId === session.remoteRouterId
