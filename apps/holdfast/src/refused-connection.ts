import type { ListenerEvent } from '@holdfast/net'
import { formatEndpoint } from '@holdfast/net'
import type { RefusedConnectionEvent } from './events.ts'

/** Tells what a listener did with a connection that nobody here wanted. */
export function refusedConnection(event: ListenerEvent): RefusedConnectionEvent {
  if (event.kind === 'faulted') return { event: 'refusedConnection', remote: '', message: event.fault.message }
  const more = event.suppressed > 0 ? ` (and ${event.suppressed} more since the last time)` : ''
  const detail = event.detail === undefined ? '' : `: ${event.detail}`
  const message = `${causes[event.cause]}${detail}${more}`
  return { event: 'refusedConnection', remote: formatEndpoint(event.remote), message }
}

const causes: Readonly<Record<Extract<ListenerEvent, { kind: 'refused' }>['cause'], string>> = {
  unknownPeer: 'no session that is wanted here has this address',
  tooManyHalfOpen: 'too many connections of it are waiting without an OPEN',
  tooManyConnections: 'it connects too often',
  unprotected: 'it cannot be protected as the BGPPeer or its PeerPolicy asks',
}
