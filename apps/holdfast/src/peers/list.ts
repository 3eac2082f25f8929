import { age, paint, table } from '../output/text.ts'
import type { PeersAnswer, PeerView } from './view.ts'

/** All sessions, a line each. */
export function listLines({ peers }: PeersAnswer, columns: number): readonly string[] {
  if (peers.length === 0) return ['No sessions: no BGPPeer selects a node of this process.']
  const head = ['NODE', 'PEER', 'ROUTER', 'AS', 'STATE', 'SINCE', 'HOLD', 'ROUTES', 'BFD', '']
  return table(head, peers.map(row), columns)
}

const row = (view: PeerView): readonly string[] => [
  view.node,
  view.peer,
  view.remote,
  view.neighbor === null ? paint('dim', view.expectedAsn) : String(view.neighbor.asn),
  stateText(view),
  view.seconds === null ? '-' : age(view.seconds * 1000),
  view.negotiated === null ? '-' : `${view.negotiated.holdTime}s`,
  isUp(view) ? String(view.routes.sent) : '-',
  bfdText(view),
  isUp(view) ? '' : (view.lastError?.message ?? view.reason ?? ''),
]

const isUp = ({ state }: PeerView): boolean => state === 'Established'

/** The state with a lamp. */
export const stateText = (view: PeerView): string =>
  `${isUp(view) ? paint('green', '●') : paint('yellow', '○')} ${view.state}`

function bfdText({ bfd }: PeerView): string {
  if (bfd === null) return '-'
  if (bfd.obstacle !== null) return paint('yellow', '○ cannot run')
  return `${bfd.state === 'up' ? paint('green', '●') : paint('yellow', '○')} ${bfd.state}`
}
