import { errorCode, fsmSubcode, messageType } from './iana.ts'
import type { Message, NotificationMessage, OpenMessage } from './messages.ts'
import { contextOf, negotiate } from './negotiate.ts'
import type { OpenRefusal } from './negotiate-checks.ts'
import { describeReduction, openMessage } from './negotiate-offer.ts'
import type { Millis, Negotiated, PeerOutput, StateName, TimerName } from './peer.ts'
import type { Reason } from './reasons.ts'
import { reasonOf } from './reasons.ts'
import type { Connection, ConnectionEvent, Link, Offer, Outcome, Surroundings } from './session.ts'
import { timersOf } from './session.ts'

/** One event that meets a connection. */
export interface Step<C extends Connection = Connection> {
  readonly from: C
  readonly event: ConnectionEvent
  readonly around: Surroundings
}

interface Change {
  readonly reason: Reason
  readonly outputs?: readonly PeerOutput[]
  readonly isFailure?: boolean
}

/** RFC 4271 section 8.2.2 suggests it: the hold time until the peer's OPEN is there. */
const openHoldMs: Millis = 240_000

/** A peer that restarted has its OPEN ready; and while its new connection is silent, no better one can come. */
const successorHoldMs: Millis = 30_000

/** A dial is given this long at least, however short the back-off: time for a lost SYN to be repeated twice. */
const shortestDialMs: Millis = 5000

/** No change of state. */
export const stay = (connection: Connection, outputs: readonly PeerOutput[] = []): Outcome => ({
  connection,
  outputs,
  isFailure: false,
})

/** To another state. */
export function move(step: Step, to: Connection, change: Change): Outcome {
  const { from, around } = step
  const outputs: PeerOutput[] = [
    ...(change.outputs ?? []),
    ...disarmed(step, to),
    { kind: 'changed', role: around.role, from: from.state, to: to.state, reason: change.reason },
  ]
  return { connection: to, outputs, isFailure: change.isFailure ?? false }
}

/** Timers that do not exist in the new state are disarmed, except the one that has just rung. */
export function disarmed({ from, event, around: { role } }: Step, to: Connection): readonly PeerOutput[] {
  const kept = timersOf(to, role)
  const rung = event.kind === 'timer' ? event.timer : undefined
  const gone = timersOf(from, role).filter((timer) => !kept.includes(timer) && timer !== rung)
  return gone.map((timer) => ({ kind: 'disarm', role, timer }))
}

/** How a connection is closed. */
export interface Farewell {
  /** undefined: without a word. */
  readonly say: NotificationMessage | undefined
  readonly isAbrupt?: boolean
}

/** To Idle: says why where there is a connection to say it on, closes it, forgets everything. */
export function toIdle(step: Step, reason: Reason, farewell: Farewell = { say: undefined }): Outcome {
  const { from, event, around } = step
  const { role } = around
  const outputs: PeerOutput[] = []
  if (farewell.say !== undefined && hasLink(from)) outputs.push(send(around, farewell.say))
  if (event.kind !== 'disconnected' && isOpen(from)) {
    outputs.push(farewell.isAbrupt === true ? { kind: 'hangUp', role, isAbrupt: true } : { kind: 'hangUp', role })
  }
  const idle: Connection = { state: 'idle', since: around.now, isHeld: false, reason }
  const outcome = move(step, idle, { reason, outputs, isFailure: true })
  if (from.state !== 'established') return outcome
  return { ...outcome, outputs: [...outcome.outputs, { kind: 'lost', reason }] }
}

/** TCP is up. */
export const hasLink = (connection: Connection): boolean => {
  if (connection.state === 'idle') return false
  return (connection.state !== 'connect' && connection.state !== 'active') || connection.delayed !== undefined
}

/** TCP is up, or a dial is under way. */
export const isOpen = (connection: Connection): boolean => connection.state === 'connect' || hasLink(connection)

export const send = ({ role }: Surroundings, message: Message): PeerOutput => ({ kind: 'send', role, message })

const noData = new Uint8Array(0)

export const notification = (code: number, subcode: number, data: Uint8Array = noData): NotificationMessage => ({
  kind: 'notification',
  code,
  subcode,
  data,
})

/** Event 10. */
export const onHoldTimer = (step: Step, message: string): Outcome =>
  toIdle(step, reasonOf('holdTimerExpired', message), { say: notification(errorCode.holdTimerExpired, 0) })

const fsmSubcodes: Readonly<Record<StateName, number>> = {
  idle: fsmSubcode.unspecified,
  connect: fsmSubcode.unspecified,
  active: fsmSubcode.unspecified,
  openSent: fsmSubcode.unexpectedMessageInOpenSent,
  openConfirm: fsmSubcode.unexpectedMessageInOpenConfirm,
  established: fsmSubcode.unexpectedMessageInEstablished,
}

/** RFC 4271 section 6.6 with the subcodes of RFC 6608, whose section 4 wants the type of the message as the data. */
export function fsmError(step: Step): Outcome {
  const { from, event } = step
  const reason =
    event.kind === 'received' || event.kind === 'faulted'
      ? reasonOf('unexpectedMessage', `the peer sent ${nameOf(event)} in state ${from.state}`)
      : reasonOf('unexpectedEvent', `${nameOf(event)} in state ${from.state}`)
  const type = typeOf(event)
  const data = type === undefined ? undefined : Uint8Array.of(type)
  return toIdle(step, reason, { say: notification(errorCode.finiteStateMachine, fsmSubcodes[from.state], data) })
}

/** The type of the message that should not have come; a broken one is known by what it broke. */
function typeOf(event: ConnectionEvent): number | undefined {
  if (event.kind === 'received') return messageType[event.message.kind]
  return event.kind === 'faulted' ? brokenTypes[event.fault.code] : undefined
}

const brokenTypes: Readonly<Record<number, number>> = {
  [errorCode.openMessage]: messageType.open,
  [errorCode.updateMessage]: messageType.update,
  [errorCode.routeRefresh]: messageType.routeRefresh,
}

function nameOf(event: ConnectionEvent): string {
  if (event.kind === 'received') return messageNames[event.message.kind]
  if (event.kind === 'faulted') return 'a broken message'
  return event.kind === 'timer' ? `the timer ${event.timer} rang` : `the event ${event.kind} came`
}

const messageNames: Readonly<Record<Message['kind'], string>> = {
  open: 'an OPEN',
  update: 'an UPDATE',
  notification: 'a NOTIFICATION',
  keepalive: 'a KEEPALIVE',
  routeRefresh: 'a ROUTE-REFRESH',
}

/** RFC 4271 section 10: the back-off with jitter. */
export const armConnectRetry = (around: Surroundings): PeerOutput => ({
  kind: 'arm',
  role: around.role,
  timer: 'connectRetry',
  ms: around.retryMs * around.jitter,
})

/** Opens a connection; the ConnectRetry timer bounds how long we wait for it. */
export function dial({ role, config, retryMs, jitter }: Surroundings): readonly PeerOutput[] {
  const patience = Math.min(config.connectRetrySeconds * 1000, Math.max(shortestDialMs, retryMs))
  return [{ kind: 'dial' }, { kind: 'arm', role, timer: 'connectRetry', ms: patience * jitter }]
}

/** Our OPEN goes out. */
export function toOpenSent(step: Step, link: Link): Outcome {
  const { around } = step
  const offer = offerOf(around)
  const ms = around.isSuccessor ? successorHoldMs : openHoldMs
  const outputs: PeerOutput[] = [send(around, offer.open), { kind: 'arm', role: around.role, timer: 'hold', ms }]
  const omitted = describeReduction(offer.reduction)
  const reason = reasonOf(
    'tcpConnected',
    omitted === undefined ? undefined : `TCP is connected; our OPEN went out without ${omitted}`,
  )
  return move(step, { state: 'openSent', since: around.now, link, offer }, { reason, outputs })
}

const offerOf = ({ config, circumstances }: Surroundings): Offer => ({
  open: openMessage(config, circumstances),
  reduction: circumstances.reduction,
})

/** Events 19, 20 and 22: the peer's OPEN. Ours goes out first where the DelayOpen timer held it back. */
export function onOpen(step: Step, link: Link, open: OpenMessage): Outcome {
  const { from, around } = step
  const isSent = from.state === 'openSent'
  const offer = isSent ? from.offer : offerOf(around)
  const agreement = negotiate(around.config, link, { ours: offer.open, theirs: open })
  if (!agreement.ok) return refuseOpen(step, agreement.refusal)
  const { negotiated } = agreement
  const outputs: PeerOutput[] = [
    ...(isSent ? [] : [send(around, offer.open)]),
    { kind: 'codec', role: around.role, context: contextOf(negotiated) },
    send(around, { kind: 'keepalive' }),
    ...restartHold(around, negotiated),
    ...restartKeepalive(around, negotiated),
  ]
  return move(
    step,
    { state: 'openConfirm', since: around.now, negotiated, offer },
    { reason: reasonOf('openAccepted'), outputs },
  )
}

const refuseOpen = (step: Step, { subcode, data, reason }: OpenRefusal): Outcome =>
  toIdle(step, reason, { say: notification(errorCode.openMessage, subcode, data) })

/** A hold time of 0 means no timer at all (RFC 4271 section 4.2). */
const restart = (around: Surroundings, timer: TimerName, ms: Millis): readonly PeerOutput[] =>
  ms === 0 ? [] : [{ kind: 'arm', role: around.role, timer, ms }]

export const restartHold = (around: Surroundings, negotiated: Negotiated): readonly PeerOutput[] =>
  restart(around, 'hold', negotiated.holdTimeSeconds * 1000)

export const restartKeepalive = (around: Surroundings, negotiated: Negotiated): readonly PeerOutput[] =>
  restart(around, 'keepalive', negotiated.keepaliveSeconds * 1000 * around.jitter)
