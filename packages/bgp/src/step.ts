import { collide, preferredRole } from './collision.ts'
import { drawJitter } from './jitter.ts'
import type { Millis, PeerConfig, PeerInput, PeerOutput, Role } from './peer.ts'
import type { Reason, ReasonCode } from './reasons.ts'
import { reasonOf } from './reasons.ts'
import type { Route } from './routes.ts'
import type { Connection, ConnectionEvent, Idle, Outcome, Surroundings } from './session.ts'
import { hasLink } from './session-moves.ts'
import { stepConnection } from './session-step.ts'
import { desire } from './session-up.ts'

/**
 * One BGP neighbour: the connection that we open and the one that the neighbour opens (RFC 4271 section 8.2.1), of
 * which at most one is ever Established. Immutable; `step` makes the next one.
 */
export interface Peer {
  readonly config: PeerConfig
  /** Between `start` and `stop`: connections that end are begun anew. */
  readonly isStarted: boolean
  readonly connections: Readonly<Record<Role, Connection>>
  /** Of the next OPEN (RFC 5492 section 3). */
  readonly hasCapabilities: boolean
  /** In a row (RFC 4271's ConnectRetryCounter): each doubles that connection's wait. */
  readonly failures: Readonly<Record<Role, number>>
  /** State of the sequence that jitter is drawn from. */
  readonly random: number
  /** The last `desire`; undefined: there was none. */
  readonly desired: readonly Route[] | undefined
}

const noFailures = { active: 0, passive: 0 }

/** A peer that waits for its `start`. */
export function createPeer(config: PeerConfig, now: Millis): Peer {
  const idle: Idle = { state: 'idle', since: now, isHeld: false, reason: undefined }
  return {
    config,
    isStarted: false,
    connections: { active: idle, passive: idle },
    hasCapabilities: true,
    failures: noFailures,
    random: config.seed >>> 0,
    desired: undefined,
  }
}

/** The first wait; it doubles with every failure in a row, up to the peer's ConnectRetryTime. */
const firstRetryMs: Millis = 1000

/** A session that was up for so long is no oscillation: the wait begins at the first again. */
const stableMs: Millis = 30_000

/** A neighbour whose fault ended a connection may open the next one after this at the latest. */
const longestRefusalMs: Millis = 5000

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
 * Why a connection that the neighbour opens now would have to be turned away (with Cease 6/5, RFC 4486); undefined: it
 * is welcome. At most one that says nothing is kept, however many come.
 */
export function refusal({ connections: { active, passive } }: Peer): Reason | undefined {
  if (active.state === 'established') return reasonOf('connectionRejected', 'the session is up on another connection')
  if (passive.state === 'idle') return reasonOf('connectionRejected', 'no connection of the peer is wanted now')
  return passive.state === 'active' && passive.delayed === undefined
    ? undefined
    : reasonOf('connectionRejected', 'another connection of the peer is open')
}

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
      turn.peer = { ...turn.peer, isStarted: false, failures: noFailures, hasCapabilities: true }
      run(turn, 'active', input)
      run(turn, 'passive', input)
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
  turn.peer = { ...turn.peer, isStarted: true, failures: noFailures }
  for (const role of roles) if (isNeeded(turn.peer, role)) run(turn, role, { kind: 'start' })
}

function run(turn: Turn, role: Role, event: ConnectionEvent): void {
  const before = turn.peer.connections[role]
  const outcome = stepConnection(before, event, surroundings(turn, role))
  if (outcome.connection.state === 'openConfirm' && before.state !== 'openConfirm') {
    resolve(turn, role, outcome, preferredRole(turn.peer.config, outcome.connection.negotiated))
    return
  }
  commit(turn, role, outcome)
  if (outcome.connection.state === 'established' && before.state !== 'established') {
    giveUp(turn, otherRole(role))
    advertiseOn(turn, role)
  }
}

/** RFC 4271 section 6.8: nothing that the accepted OPEN led to happens where its connection has to go. */
function resolve(turn: Turn, role: Role, outcome: Outcome, preferred: Role): void {
  const verdict = collide(role, turn.peer.connections[otherRole(role)], preferred)
  if (verdict === 'dumpThis') {
    giveUp(turn, role)
    return
  }
  if (verdict === 'dumpOther') giveUp(turn, otherRole(role))
  commit(turn, role, outcome)
}

/** Event 23, also for a connection that is not one yet. */
function giveUp(turn: Turn, role: Role): void {
  const reason = reasonOf(hasLink(turn.peer.connections[role]) ? 'collision' : 'otherConnection')
  commit(turn, role, stepConnection(turn.peer.connections[role], { kind: 'dump', reason }, surroundings(turn, role)))
}

function advertiseOn(turn: Turn, role: Role): void {
  const connection = turn.peer.connections[role]
  if (connection.state !== 'established' || turn.peer.desired === undefined) return
  commit(turn, role, desire(connection, surroundings(turn, role), turn.peer.desired))
}

const surroundings = ({ peer, now, jitter }: Turn, role: Role): Surroundings => ({
  config: peer.config,
  role,
  now,
  jitter,
  retryMs: backOffMs(peer, peer.failures[role] + 1),
  hasCapabilities: peer.hasCapabilities,
})

const backOffMs = ({ config }: Peer, failures: number): Millis =>
  Math.min(config.connectRetrySeconds * 1000, firstRetryMs * 2 ** (Math.max(failures, 1) - 1))

function commit(turn: Turn, role: Role, { connection, outputs, isFailure }: Outcome): void {
  const { peer, now } = turn
  const before = peer.connections[role]
  for (const output of outputs) turn.outputs.push(output)
  turn.peer = {
    ...peer,
    connections: { ...peer.connections, [role]: connection },
    failures: isFailure ? failuresAfter(peer, role, now) : peer.failures,
    hasCapabilities: capabilitiesAfter(peer, before, connection),
  }
}

function failuresAfter({ connections, failures }: Peer, role: Role, now: Millis): Peer['failures'] {
  const { state, since } = connections[role]
  const isStable = state === 'established' && now - since >= stableMs
  return isStable ? { ...noFailures, [role]: 1 } : { ...failures, [role]: failures[role] + 1 }
}

/**
 * RFC 5492 section 3: a peer that refused our capabilities is tried without, then with them again. Without them there
 * is IPv4 unicast only, so a peer that is to have IPv6 alone is spared that.
 */
function capabilitiesAfter({ config, hasCapabilities }: Peer, before: Connection, after: Connection): boolean {
  if (after.state !== 'idle' || before.state === 'idle') return hasCapabilities
  if (before.state === 'established') return true
  const isRefused = after.reason?.code === 'capabilitiesRefused' && 'hasCapabilities' in before
  return isRefused ? !before.hasCapabilities || !config.families.includes('ipv4') : hasCapabilities
}

/** Automatic starts (RFC 4271 events 3 to 7): an idle connection that is needed is begun, at once or after a wait. */
function tend(turn: Turn, role: Role): void {
  const connection = turn.peer.connections[role]
  if (connection.state !== 'idle' || connection.isHeld === isNeeded(turn.peer, role)) return
  if (connection.isHeld) {
    hold(turn, role, connection, [{ kind: 'disarm', role, timer: 'idleHold' }])
    return
  }
  const waitMs = idleHoldMs(turn.peer, role, connection)
  if (waitMs === 0) run(turn, role, { kind: 'start' })
  else hold(turn, role, connection, [{ kind: 'arm', role, timer: 'idleHold', ms: waitMs * turn.jitter }])
}

const hold = (turn: Turn, role: Role, connection: Idle, outputs: readonly PeerOutput[]): void =>
  commit(turn, role, { connection: { ...connection, isHeld: !connection.isHeld }, outputs, isFailure: false })

/** We dial while the neighbour's own connection is not sure to become the session, and listen while ours is not it. */
const isNeeded = ({ config, isStarted, connections: { active, passive } }: Peer, role: Role): boolean =>
  isStarted &&
  (role === 'passive'
    ? active.state !== 'established'
    : !config.isPassive && passive.state !== 'openConfirm' && passive.state !== 'established')

/** What ends a connection of the neighbour's without a fault of its own: the next one is welcome at once. */
const welcomeAfter: readonly (ReasonCode | undefined)[] = [
  undefined,
  'connectionLost',
  'notificationReceived',
  'capabilitiesRefused',
  'collision',
  'otherConnection',
  'administrativeShutdown',
  'peerDeconfigured',
  'administrativeReset',
  'configurationChange',
]

function idleHoldMs(peer: Peer, role: Role, { reason }: Idle): Millis {
  const waitMs = backOffMs(peer, peer.failures[role])
  if (role === 'active') return waitMs
  return welcomeAfter.includes(reason?.code) ? 0 : Math.min(waitMs, longestRefusalMs)
}
