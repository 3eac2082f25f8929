import { collide, preferredRole } from './collision.ts'
import { drawJitter } from './jitter.ts'
import type { Reduction } from './negotiate-offer.ts'
import { noReduction } from './negotiate-offer.ts'
import type { Millis, PeerConfig, PeerInput, PeerOutput, Role } from './peer.ts'
import type { Reason } from './reasons.ts'
import { reasonOf } from './reasons.ts'
import type { Route } from './routes.ts'
import type { Connection, ConnectionEvent, Established, Idle, Outcome, Surroundings } from './session.ts'
import { reductionAfterCloses } from './session-capabilities.ts'
import { hasLink } from './session-moves.ts'
import { desire } from './session-routes.ts'
import { stepConnection } from './session-step.ts'
import { afterOutcome, backOffMs, idleHoldMs } from './step-after.ts'

/**
 * One BGP neighbour: the connection that we open and the one that the neighbour opens (RFC 4271 section 8.2.1), of
 * which at most one is ever Established. Immutable; `step` makes the next one.
 */
export interface Peer {
  readonly config: PeerConfig
  /** Between `start` and `stop`: connections that end are begun anew. */
  readonly isStarted: boolean
  readonly connections: Readonly<Record<Role, Connection>>
  /** Until the first session after a restart of ours (the R bit of RFC 4724 section 3). */
  readonly isRestarting: boolean
  /** What the peer refused in an OPEN, of the next one. */
  readonly reduction: Reduction
  /** How often in a row the peer closed TCP on our OPEN without a word. */
  readonly silentCloses: number
  /** In a row (RFC 4271's ConnectRetryCounter): each doubles that connection's wait. */
  readonly failures: Readonly<Record<Role, number>>
  /** When the next connection may begin at the earliest (RFC 4486 section 4). */
  readonly notBefore: Readonly<Record<Role, Millis>>
  /** State of the sequence that jitter is drawn from. */
  readonly random: number
  /** The last `desire`; undefined: there was none. */
  readonly desired: readonly Route[] | undefined
}

/** What is so whenever a peer begins anew. */
const fresh = {
  reduction: noReduction,
  silentCloses: 0,
  failures: { active: 0, passive: 0 },
  notBefore: { active: -Infinity, passive: -Infinity },
} as const

/**
 * A peer that waits for its `start`. `isRestarting`: the peer may know us from an earlier life of this process, so that its
 * first session says that we restarted.
 */
export function createPeer(
  config: PeerConfig,
  now: Millis,
  options: { readonly isRestarting: boolean } = { isRestarting: false },
): Peer {
  const idle: Idle = { state: 'idle', since: now, isHeld: false, reason: undefined }
  return {
    ...fresh,
    config,
    isStarted: false,
    connections: { active: idle, passive: idle },
    isRestarting: options.isRestarting,
    random: config.seed >>> 0,
    desired: undefined,
  }
}

/** Everything that one input leads to. `now` never runs backwards. */
export function step(
  peer: Peer,
  input: PeerInput,
  now: Millis,
): { readonly peer: Peer; readonly outputs: readonly PeerOutput[] } {
  const { factor, state } = drawJitter(peer.random)
  const turn: Turn = { peer: { ...peer, random: state }, outputs: [], now, jitter: factor }
  handle(turn, input)
  tend(turn, 'active')
  tend(turn, 'passive')
  return { peer: turn.peer, outputs: turn.outputs }
}

/**
 * As which of the two a connection is to be fed that the neighbour opens now: as the passive one, except where that is the
 * session which it may replace (RFC 4724 section 4.2).
 */
export const inboundRole = ({ connections: { passive } }: Peer): Role =>
  passive.state === 'established' && passive.negotiated.gracefulRestart !== undefined ? 'active' : 'passive'

/**
 * Why a connection that the neighbour opens now would have to be turned away (with Cease 6/5, RFC 4486); undefined: it
 * is welcome, as `inboundRole` says. At most one that says nothing is kept, however many come.
 */
export function refusal(peer: Peer): Reason | undefined {
  const role = inboundRole(peer)
  const connection = peer.connections[role]
  const session = peer.connections[otherRole(role)]
  if (session.state === 'established') {
    if (!isReplaceable(session)) return reasonOf('connectionRejected', 'the session is up on another connection')
    if (connection.state === 'idle') return undefined
  } else if (connection.state === 'idle') {
    return reasonOf('connectionRejected', 'no connection of the peer is wanted now')
  }
  return connection.state === 'active' && connection.delayed === undefined
    ? undefined
    : reasonOf('connectionRejected', 'another connection of the peer is open')
}

/** What the session of a peer has exchanged; `receivedPrefixes` is undefined without a prefix limit or a session. */
export function routeCounts({ connections: { active, passive } }: Peer): {
  readonly sentPrefixes: number
  readonly receivedPrefixes: number | undefined
} {
  const session = active.state === 'established' ? active : passive
  if (session.state !== 'established') return { sentPrefixes: 0, receivedPrefixes: undefined }
  return { sentPrefixes: session.adjRibOut.sent.length, receivedPrefixes: session.received?.prefixes.size }
}

const isReplaceable = ({ negotiated }: Established): boolean => negotiated.gracefulRestart !== undefined

/** The work on one input: `step` alone sees it change. */
interface Turn {
  peer: Peer
  readonly outputs: PeerOutput[]
  readonly now: Millis
  readonly jitter: number
}

function handle(turn: Turn, input: PeerInput): void {
  switch (input.kind) {
    case 'start':
      start(turn)
      break
    case 'stop':
      turn.peer = { ...turn.peer, ...fresh, isStarted: false }
      for (const role of roles) run(turn, role, input)
      break
    case 'bfdDown':
      for (const role of roles) run(turn, role, input)
      break
    case 'desire':
      turn.peer = { ...turn.peer, desired: input.routes }
      for (const role of roles) advertiseOn(turn, role)
      break
    case 'received':
    case 'connected':
    case 'disconnected':
    case 'faulted':
    case 'timer':
      run(turn, input.role, input)
      break
  }
}

const roles: readonly Role[] = ['active', 'passive']

const otherRole = (role: Role): Role => (role === 'active' ? 'passive' : 'active')

/** A start by hand does not wait for the back-off (RFC 4271 section 8.1.2). */
function start(turn: Turn): void {
  const { failures, notBefore } = fresh
  turn.peer = { ...turn.peer, isStarted: true, failures, notBefore }
  for (const role of roles) if (isNeeded(turn.peer, role)) run(turn, role, { kind: 'start' })
}

function run(turn: Turn, role: Role, event: ConnectionEvent): void {
  const before = turn.peer.connections[role]
  const outcome = stepConnection(before, event, surroundings(turn, role))
  const { connection } = outcome
  if (connection.state === 'openConfirm' && before.state !== 'openConfirm') {
    const preferred = preferredRole(turn.peer.config, connection.negotiated)
    resolve(
      turn,
      role,
      outcome,
      collide(role, connection.negotiated, turn.peer.connections[otherRole(role)], preferred),
    )
  } else if (connection.state === 'established' && before.state !== 'established') {
    establish(turn, role, outcome)
  } else {
    commit(turn, role, outcome)
  }
}

/** RFC 4271 section 6.8: nothing that the accepted OPEN led to happens where its connection has to go. */
function resolve(turn: Turn, role: Role, outcome: Outcome, verdict: ReturnType<typeof collide>): void {
  if (verdict === 'dumpThis') {
    giveUp(turn, role)
    return
  }
  if (verdict === 'dumpOther') giveUp(turn, otherRole(role))
  commit(turn, role, outcome)
}

function establish(turn: Turn, role: Role, outcome: Outcome): void {
  const other = otherRole(role)
  // The peer has forgotten that session: its TCP is closed, and no NOTIFICATION sent (RFC 4724 section 4.2).
  if (turn.peer.connections[other].state === 'established') {
    const reason = reasonOf('sessionReplaced')
    apply(turn, other, { kind: 'dump', reason, isSilent: true })
  }
  commit(turn, role, outcome)
  giveUp(turn, other)
  advertiseOn(turn, role)
}

/** Event 23, also for a connection that is not one yet. */
function giveUp(turn: Turn, role: Role): void {
  apply(turn, role, {
    kind: 'dump',
    reason: reasonOf(hasLink(turn.peer.connections[role]) ? 'collision' : 'otherConnection'),
  })
}

const apply = (turn: Turn, role: Role, event: ConnectionEvent): void =>
  commit(turn, role, stepConnection(turn.peer.connections[role], event, surroundings(turn, role)))

function advertiseOn(turn: Turn, role: Role): void {
  const connection = turn.peer.connections[role]
  if (connection.state !== 'established' || turn.peer.desired === undefined) return
  commit(turn, role, desire(connection, surroundings(turn, role), turn.peer.desired))
}

function surroundings({ peer, now, jitter }: Turn, role: Role): Surroundings {
  const { config, reduction, isRestarting } = peer
  const other = peer.connections[otherRole(role)]
  return {
    config,
    role,
    now,
    jitter,
    retryMs: backOffMs(peer, peer.failures[role] + 1),
    circumstances: {
      isRestarting,
      reduction: reduction.kind === 'nothing' ? reductionAfterCloses(config, peer.silentCloses) : reduction,
    },
    isSuccessor: other.state === 'established' && isReplaceable(other),
  }
}

function commit(turn: Turn, role: Role, outcome: Outcome): void {
  for (const output of outcome.outputs) turn.outputs.push(output)
  turn.peer = afterOutcome(turn.peer, role, outcome, turn.now)
}

/** Automatic starts (RFC 4271 events 3 to 7): an idle connection that is needed is begun, at once or after a wait. */
function tend(turn: Turn, role: Role): void {
  const connection = turn.peer.connections[role]
  if (connection.state !== 'idle' || connection.isHeld === isNeeded(turn.peer, role)) return
  if (connection.isHeld) {
    hold(turn, role, connection, [{ kind: 'disarm', role, timer: 'idleHold' }])
    return
  }
  const ms = idleHoldMs(turn.peer, role, turn)
  if (ms === 0) run(turn, role, { kind: 'start' })
  else hold(turn, role, connection, [{ kind: 'arm', role, timer: 'idleHold', ms }])
}

const hold = (turn: Turn, role: Role, connection: Idle, outputs: readonly PeerOutput[]): void =>
  commit(turn, role, { connection: { ...connection, isHeld: !connection.isHeld }, outputs, isFailure: false })

/** We dial while the neighbour's own connection is not sure to become the session, and listen while ours is not it. */
const isNeeded = ({ config, isStarted, connections: { active, passive } }: Peer, role: Role): boolean =>
  isStarted &&
  (role === 'passive'
    ? active.state !== 'established'
    : !config.isPassive && passive.state !== 'openConfirm' && passive.state !== 'established')
