import { noReduction } from './negotiate-offer.ts'
import type { Millis, Role } from './peer.ts'
import type { ReasonCode } from './reasons.ts'
import type { Connection, Outcome, Pause } from './session.ts'
import type { Peer } from './step.ts'

/** The first wait; it doubles with every failure in a row, up to the peer's ConnectRetryTime. */
const firstRetryMs: Millis = 1000

/** A session that was up for so long is no oscillation: the wait begins at the first again. */
const stableMs: Millis = 30_000

/** A neighbour whose fault ended a connection may open the next one after this at the latest. */
const longestRefusalMs: Millis = 5000

/** A peer after what happened to one of its connections. */
export function afterOutcome(peer: Peer, role: Role, outcome: Outcome, now: Millis): Peer {
  const { connection, pause } = outcome
  const connections = { ...peer.connections, [role]: connection }
  // What becomes of a second connection says nothing about a peer with which there is a session.
  if (other(peer, role).state === 'established') return { ...peer, connections }
  return {
    ...peer,
    connections,
    isRestarting: peer.isRestarting && connection.state !== 'established',
    failures: outcome.isFailure ? failuresAfter(peer, role, now) : peer.failures,
    notBefore: pause === undefined ? peer.notBefore : pausedUntil(peer, pause, now),
    silentCloses: silentClosesAfter(peer, role, outcome),
    reduction: reductionAfter(peer, role, outcome),
  }
}

const other = ({ connections }: Peer, role: Role): Connection => connections[role === 'active' ? 'passive' : 'active']

function failuresAfter({ connections, failures }: Peer, role: Role, now: Millis): Peer['failures'] {
  const { state, since } = connections[role]
  const isStable = state === 'established' && now - since >= stableMs
  return isStable ? { active: 0, passive: 0, [role]: 1 } : { ...failures, [role]: failures[role] + 1 }
}

/** What a peer asked for is not waited out longer than the ConnectRetryTime; what it did to us is. */
function pausedUntil({ config, notBefore }: Peer, { ms, isForBoth }: Pause, now: Millis): Peer['notBefore'] {
  if (isForBoth) return { active: now + ms, passive: now + ms }
  return { ...notBefore, active: now + Math.min(ms, config.connectRetrySeconds * 1000) }
}

/** Only of connections that we want, so that nobody else's can talk us out of what we are able to do. */
function silentClosesAfter(peer: Peer, role: Role, { isSilentClose, isFailure, connection }: Outcome): number {
  if (connection.state === 'established') return 0
  if (role === 'passive' && !peer.config.isPassive) return peer.silentCloses
  if (isSilentClose === true)
    return other(peer, role).state === 'openConfirm' ? peer.silentCloses : peer.silentCloses + 1
  return isFailure ? 0 : peer.silentCloses
}

/** After a session everything is offered again. */
function reductionAfter(peer: Peer, role: Role, { reduction, connection }: Outcome): Peer['reduction'] {
  const isOver = peer.connections[role].state === 'established' && connection.state !== 'established'
  return isOver ? noReduction : (reduction ?? peer.reduction)
}

/** RFC 4271 section 8.1.1: the wait that oscillations are damped with, without jitter. */
export const backOffMs = ({ config }: Peer, failures: number): Millis =>
  Math.min(config.connectRetrySeconds * 1000, firstRetryMs * 2 ** (Math.max(failures, 1) - 1))

/** What ends a connection of the neighbour's without a fault of its own: the next one is welcome at once. */
const welcomeAfter: readonly (ReasonCode | undefined)[] = [
  undefined,
  'connectionLost',
  'notificationReceived',
  'capabilitiesRefused',
  'collision',
  'otherConnection',
  'sessionReplaced',
  'bfdDown',
  'administrativeShutdown',
  'peerDeconfigured',
  'administrativeReset',
  'configurationChange',
  'restart',
]

/** How long an idle connection waits before it is begun; 0: not at all. */
export function idleHoldMs(
  peer: Peer,
  role: Role,
  { now, jitter }: { readonly now: Millis; readonly jitter: number },
): Millis {
  return Math.max(0, backOffOf(peer, role) * jitter, peer.notBefore[role] - now)
}

function backOffOf(peer: Peer, role: Role): Millis {
  const connection = peer.connections[role]
  const waitMs = backOffMs(peer, peer.failures[role])
  if (role === 'active') return waitMs
  const reason = connection.state === 'idle' ? connection.reason?.code : undefined
  return welcomeAfter.includes(reason) ? 0 : Math.min(waitMs, longestRefusalMs)
}
