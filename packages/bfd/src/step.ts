import { diagnostics } from './iana.ts'
import {
  advertised,
  clampConfig,
  detectionTime,
  inForceAfter,
  peerDetectionTime,
  transmitInterval,
} from './intervals.ts'
import { drawJitter } from './jitter.ts'
import type { ControlPacket, DropCause } from './packet.ts'
import { isDemandActive, refusal, remoteOf, stateAfter } from './receive.ts'
import type { ChangeReason, Intervals, Millis, Session, SessionInput, SessionOutput, TimerName } from './session.ts'
import type { BfdConfig, BfdState } from './types.ts'

/** What a session cannot choose itself: both are drawn by the driver. */
export interface Draws {
  /** RFC 5880 section 6.3: unique on this system, not 0, and random, so that nobody can guess it. */
  readonly discriminator: number
  /** Start of this session's own sequence of jitter, so that a run can be repeated. */
  readonly seed: number
}

/** A session that waits for its `start`. */
export function createSession(config: BfdConfig, { discriminator, seed }: Draws, now: Millis): Session {
  const clamped = clampConfig(config)
  return {
    config: clamped,
    phase: 'new',
    state: 'down',
    sinceMs: now,
    localDiscriminator: discriminator,
    localDiagnostic: diagnostics.none,
    remote: undefined,
    lastRemote: undefined,
    poll: { phase: 'idle', isWanted: false },
    inForce: advertised({ config: clamped, state: 'down' }),
    receivedMs: Number.NEGATIVE_INFINITY,
    sentMs: Number.NEGATIVE_INFINITY,
    armed: { transmit: undefined, detect: undefined },
    random: seed >>> 0,
    counters: { sent: 0, received: 0, dropped: {}, upCount: 0, downCount: 0 },
  }
}

/** Everything that one input leads to. `now` never runs backwards. */
export function step(
  session: Session,
  input: SessionInput,
  now: Millis,
): { readonly session: Session; readonly outputs: readonly SessionOutput[] } {
  const turn: Turn = { session, outputs: [], now, hasReceived: false, hasSent: false }
  if (session.phase !== 'ended') {
    handle(turn, input)
    tendTransmission(turn)
    tendDetection(turn)
  }
  return { session: turn.session, outputs: turn.outputs }
}

/** The work on one input: `step` alone sees it change. */
interface Turn {
  session: Session
  readonly outputs: SessionOutput[]
  readonly now: Millis
  hasReceived: boolean
  hasSent: boolean
}

function handle(turn: Turn, input: SessionInput): void {
  switch (input.kind) {
    case 'start':
      if (turn.session.phase === 'new') update(turn, { phase: 'running' })
      break
    case 'stop':
      stop(turn)
      break
    case 'configure':
      configure(turn, clampConfig(input.config))
      break
    case 'received':
      receive(turn, input.packet)
      break
    case 'refused':
      drop(turn, input.cause)
      break
    case 'timer':
      ring(turn, input.timer)
      break
  }
}

const update = (turn: Turn, change: Partial<Session>): void => {
  turn.session = { ...turn.session, ...change }
}

function ring(turn: Turn, timer: TimerName): void {
  const { armed } = turn.session
  switch (timer) {
    case 'transmit':
      update(turn, { armed: { ...armed, transmit: undefined } })
      if (periodicInterval(turn.session) !== undefined) send(turn, 'periodic')
      break
    case 'detect':
      update(turn, { armed: { ...armed, detect: undefined } })
      expire(turn)
      break
    case 'linger':
      end(turn)
      break
  }
}

/** RFC 5880 section 6.8.4, and section 6.8.1 for what is forgotten (bfd.RemoteDiscr, and by 6.8.18 the peer's intervals). */
function expire(turn: Turn): void {
  const { state, sinceMs } = turn.session
  const withinMs = detectionTime(turn.session) ?? turn.now - sinceMs
  update(turn, { remote: undefined, poll: { phase: 'idle', isWanted: false } })
  if (state === 'init' || state === 'up') {
    move(turn, 'down', { kind: 'detectionTimeExpired', withinMs }, diagnostics.detectionTimeExpired)
    announce(turn)
  }
}

/** RFC 5880 section 6.8.16. The peer is polled, so that its Final shows that it knows. */
function stop(turn: Turn): void {
  const { session } = turn
  if (session.state === 'adminDown') return
  if (session.phase === 'new' || session.remote === undefined) {
    move(turn, 'adminDown', { kind: 'stopped' }, diagnostics.administrativelyDown)
    end(turn)
    return
  }
  const lingerMs = Math.max(peerDetectionTime(session), leastLingerMs)
  move(turn, 'adminDown', { kind: 'stopped' }, diagnostics.administrativelyDown)
  turn.outputs.push({ kind: 'arm', timer: 'linger', ms: Math.min(lingerMs, longestLingerMs) })
  announce(turn)
}

/** Time for one more packet, in case the first is lost. */
const leastLingerMs: Millis = 1200

const longestLingerMs: Millis = 10_000

function end(turn: Turn): void {
  for (const timer of ['transmit', 'detect', 'linger'] as const) turn.outputs.push({ kind: 'disarm', timer })
  turn.outputs.push({ kind: 'ended' })
  update(turn, { phase: 'ended', armed: { transmit: undefined, detect: undefined } })
}

function configure(turn: Turn, config: BfdConfig): void {
  const before = turn.session
  const wanted = advertised({ config, state: before.state })
  update(turn, { config, inForce: inForceAfter(before.inForce, wanted, before.state === 'up') })
  // RFC 5880 section 6.6: under Demand mode the peer hears of any change by a Poll Sequence only.
  const isOtherwiseOther =
    isDemandActive(before) &&
    (config.detectMultiplier !== before.config.detectMultiplier ||
      config.echoReceiveIntervalMs !== before.config.echoReceiveIntervalMs)
  if (isOtherwiseOther || differ(wanted, advertised(before))) poll(turn)
}

const differ = (one: Intervals, other: Intervals): boolean =>
  one.transmitMs !== other.transmitMs || one.receiveMs !== other.receiveMs

/** Begins a Poll Sequence, or asks for another one after that which runs. To nobody, there is none to begin. */
function poll(turn: Turn): void {
  const { poll, remote } = turn.session
  if (remote === undefined) return
  update(turn, { poll: poll.phase === 'idle' ? { phase: 'running', isWanted: false } : { ...poll, isWanted: true } })
}

function receive(turn: Turn, packet: ControlPacket): void {
  if (turn.session.phase !== 'running') return
  const cause = refusal(turn.session, packet)
  if (cause === undefined) accept(turn, packet)
  else drop(turn, cause)
}

function drop(turn: Turn, cause: DropCause): void {
  const { counters } = turn.session
  const dropped = { ...counters.dropped, [cause]: (counters.dropped[cause] ?? 0) + 1 }
  update(turn, { counters: { ...counters, dropped } })
  turn.outputs.push({ kind: 'dropped', cause })
}

/** The second half of RFC 5880 section 6.8.6, in its order. */
function accept(turn: Turn, packet: ControlPacket): void {
  const remote = remoteOf(packet)
  const { counters } = turn.session
  turn.hasReceived = true
  update(turn, {
    remote,
    lastRemote: remote,
    receivedMs: turn.now,
    counters: { ...counters, received: counters.received + 1 },
  })
  advancePoll(turn, packet)
  const hasMoved = follow(turn, packet)
  if (packet.isPoll) send(turn, 'final')
  else if (hasMoved) announce(turn)
  if (turn.session.state === 'adminDown' && packet.isFinal && packet.state !== 'up') end(turn)
}

function advancePoll(turn: Turn, { isFinal }: ControlPacket): void {
  const { poll } = turn.session
  if (isFinal && poll.phase === 'running') {
    update(turn, { poll: { ...poll, phase: 'settling' } })
    if (!poll.isWanted) update(turn, { inForce: advertised(turn.session) })
  } else if (!isFinal && poll.phase === 'settling') {
    update(turn, { poll: { phase: poll.isWanted ? 'running' : 'idle', isWanted: false } })
  }
}

/** The state machine of RFC 5880 section 6.8.6; whether the state is another one now. */
function follow(turn: Turn, packet: ControlPacket): boolean {
  const before = turn.session.state
  const to = stateAfter(before, packet.state)
  if (to === before) return false
  if (to === 'init') move(turn, to, { kind: 'neighborHeard' })
  else if (to === 'up') move(turn, to, { kind: 'neighborHearsUs' })
  else {
    const kind = packet.state === 'adminDown' ? 'neighborAdminDown' : 'neighborSignaledDown'
    move(turn, to, { kind, remoteDiagnostic: packet.diagnostic }, diagnostics.neighborSignaledDown)
  }
  return true
}

/** Enters a state: with it goes the transmit interval of RFC 5880 section 6.8.3, and the Poll Sequence that tells of it. */
function move(turn: Turn, to: BfdState, reason: ChangeReason, diagnostic?: number): void {
  const before = turn.session
  const { counters } = before
  update(turn, {
    state: to,
    sinceMs: turn.now,
    localDiagnostic: diagnostic ?? (to === 'up' ? diagnostics.none : before.localDiagnostic),
    counters: {
      ...counters,
      upCount: counters.upCount + (to === 'up' ? 1 : 0),
      downCount: counters.downCount + (before.state === 'up' ? 1 : 0),
    },
  })
  const wanted = advertised(turn.session)
  update(turn, { inForce: inForceAfter(before.inForce, wanted, before.state === 'up' && to === 'up') })
  if (to === 'adminDown' || isDemandActive(before) || differ(wanted, advertised(before))) poll(turn)
  turn.outputs.push({ kind: 'changed', from: before.state, to, reason })
}

/** RFC 5880 section 6.8.7: a change of state is told at once, and not only by the next periodic packet. */
function announce(turn: Turn): void {
  const { remote, config } = turn.session
  if (remote === undefined && config.isPassive) return
  if (remote?.requiredMinRxMs === 0) return
  send(turn, 'periodic')
}

/** The interval of periodic packets; undefined: there are none now (RFC 5880 section 6.8.7). */
function periodicInterval(session: Session): Millis | undefined {
  const { phase, remote, config } = session
  if (phase !== 'running') return undefined
  if (remote === undefined) return config.isPassive ? undefined : transmitInterval(session)
  if (remote.requiredMinRxMs === 0) return undefined
  if (isDemandActive(session) && session.poll.phase !== 'running') return undefined
  return transmitInterval(session)
}

function send(turn: Turn, kind: 'periodic' | 'final'): void {
  const { session } = turn
  const { config, counters, remote } = session
  const { transmitMs, receiveMs } = advertised(session)
  const packet: ControlPacket = {
    diagnostic: session.localDiagnostic,
    state: session.state,
    // RFC 5880 section 6.5: never both.
    isPoll: kind === 'periodic' && session.poll.phase === 'running',
    isFinal: kind === 'final',
    // RFC 5882 section 4.3.2: our BFD ends with the process that speaks BGP.
    isControlPlaneIndependent: false,
    isAuthenticated: false,
    isDemand: false,
    detectMultiplier: config.detectMultiplier,
    myDiscriminator: session.localDiscriminator,
    yourDiscriminator: remote?.discriminator ?? 0,
    desiredMinTxUs: Math.round(transmitMs * 1000),
    requiredMinRxUs: Math.round(receiveMs * 1000),
    requiredMinEchoRxUs: Math.round((config.echoReceiveIntervalMs ?? 0) * 1000),
  }
  turn.outputs.push({ kind: 'send', packet })
  // A Final is sent besides the periodic packets (section 6.5) and does not put the next one off.
  if (kind === 'periodic') {
    turn.hasSent = true
    update(turn, { sentMs: turn.now })
  }
  update(turn, { counters: { ...counters, sent: counters.sent + 1 } })
}

/** Arms the timer of periodic packets where their interval is another one, or one was sent. */
function tendTransmission(turn: Turn): void {
  const { session, now } = turn
  const { armed } = session
  const intervalMs = periodicInterval(session)
  if (intervalMs === armed.transmit && (intervalMs === undefined || !turn.hasSent)) return
  update(turn, { armed: { ...armed, transmit: intervalMs } })
  if (intervalMs === undefined) {
    if (session.phase !== 'ended') turn.outputs.push({ kind: 'disarm', timer: 'transmit' })
    return
  }
  const { factor, state } = drawJitter(session.random, session.config.detectMultiplier)
  update(turn, { random: state })
  // Section 6.8.3: a shorter interval counts from the last packet, a past one is due now.
  const dueMs = Math.max(0, session.sentMs + intervalMs * factor - now)
  turn.outputs.push({ kind: 'arm', timer: 'transmit', ms: dueMs })
}

/** Arms the detection timer where a packet came, or the Detection Time is another one. */
function tendDetection(turn: Turn): void {
  const { session, now } = turn
  const { armed } = session
  const withinMs = session.phase === 'running' ? detectionTime(session) : undefined
  if (withinMs === armed.detect && (withinMs === undefined || !turn.hasReceived)) return
  update(turn, { armed: { ...armed, detect: withinMs } })
  if (withinMs === undefined) {
    if (session.phase !== 'ended') turn.outputs.push({ kind: 'disarm', timer: 'detect' })
    return
  }
  turn.outputs.push({ kind: 'arm', timer: 'detect', ms: Math.max(0, session.receivedMs + withinMs - now) })
}
