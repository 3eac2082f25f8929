import type { Message, UpdateMessage } from './messages.ts'
import { describeReduction } from './negotiate-offer.ts'
import { emptyAdjRibOut } from './outbound.ts'
import type { PeerOutput, TimerName } from './peer.ts'
import { countUpdate, noPrefixes } from './prefix-count.ts'
import { reasonOf } from './reasons.ts'
import type { Established, OpenConfirm, Outcome } from './session.ts'
import type { End } from './session-faults.ts'
import { isSilentClose, lostReason, onFault, onNotification } from './session-faults.ts'
import type { Step } from './session-moves.ts'
import { fsmError, move, onHoldTimer, restartHold, restartKeepalive, send, stay, toIdle } from './session-moves.ts'
import { noRefresh, onRefresh, onRefreshTimer } from './session-routes.ts'
import { dump, onBfdDown, onPrefixLimit, onSendHoldTimer, stop } from './session-stop.ts'

export function inOpenConfirm(step: Step<OpenConfirm>): Outcome {
  const { event } = step
  if (event.kind !== 'received') return afterOpen(step, event)
  const { message } = event
  if (message.kind === 'notification') return onNotification(step, message)
  return message.kind === 'keepalive' ? toEstablished(step) : fsmError(step)
}

/** Event 26. */
function toEstablished(step: Step<OpenConfirm>): Outcome {
  const { from, around } = step
  const { negotiated, offer } = from
  const omitted = describeReduction(offer.reduction)
  const reason = reasonOf(
    'established',
    omitted === undefined
      ? undefined
      : `The session is up, without ${omitted}: the peer did not take our OPEN with it.`,
  )
  const established: Established = {
    state: 'established',
    since: around.now,
    negotiated,
    adjRibOut: emptyAdjRibOut,
    refresh: noRefresh,
    received: around.config.prefixLimit === undefined ? undefined : noPrefixes,
  }
  const outcome = move(step, established, { reason, outputs: restartHold(around, negotiated) })
  return { ...outcome, outputs: [...outcome.outputs, { kind: 'established', role: around.role, negotiated }] }
}

export function inEstablished(step: Step<Established>): Outcome {
  const { event } = step
  if (event.kind === 'received') return onMessage(step, event.message)
  if (event.kind === 'timer' && event.timer === 'refresh') return onRefreshTimer(step)
  return afterOpen(step, event)
}

/** Events 25, 26 and 27; a second OPEN is the only message that must not come. */
function onMessage(step: Step<Established>, message: Message): Outcome {
  const { from, around } = step
  switch (message.kind) {
    case 'keepalive':
      return stay(from, restartHold(around, from.negotiated))
    case 'update':
      return onUpdate(step, message)
    case 'routeRefresh':
      return onRefresh(step, message)
    case 'notification':
      return onNotification(step, message)
    case 'open':
      return fsmError(step)
  }
}

/** Event 27. Prefixes are counted where they are limited, and only then remembered. */
function onUpdate(step: Step<Established>, update: UpdateMessage): Outcome {
  const { from, around } = step
  const outputs: readonly PeerOutput[] = [{ kind: 'learned', update }, ...restartHold(around, from.negotiated)]
  const limit = around.config.prefixLimit
  if (limit === undefined || from.received === undefined) return stay(from, outputs)
  const counted = countUpdate(from.received, update, limit)
  if (!counted.ok) return onPrefixLimit(step, counted.family, limit)
  return stay(counted.count === from.received ? from : { ...from, received: counted.count }, outputs)
}

type Unspoken = Exclude<Step['event'], { readonly kind: 'received' }>

/** What OpenConfirm and Established have in common. */
function afterOpen(step: Step<OpenConfirm | Established>, event: Unspoken): Outcome {
  switch (event.kind) {
    case 'start':
    case 'connected':
      return stay(step.from)
    case 'stop':
      return stop(step, event)
    case 'dump':
      return dump(step, event)
    case 'bfdDown':
      return onBfdDown(step, event.message)
    case 'disconnected':
      return onEnd(step, event)
    case 'faulted':
      return onFault(step, event.fault)
    case 'timer':
      return onSessionTimer(step, event.timer)
  }
}

/** Event 18. */
function onEnd(step: Step<OpenConfirm | Established>, end: End): Outcome {
  const outcome = toIdle(step, lostReason(step.from, end))
  return step.from.state === 'established' ? outcome : { ...outcome, isSilentClose: isSilentClose(end) }
}

/** Events 10, 11 and 29; all other timers have no place here. */
function onSessionTimer(step: Step<OpenConfirm | Established>, timer: TimerName): Outcome {
  const { from, around } = step
  const { negotiated } = from
  switch (timer) {
    case 'hold':
      return onHoldTimer(step, `nothing came from the peer for ${negotiated.holdTimeSeconds} s`)
    case 'keepalive':
      return stay(from, [send(around, { kind: 'keepalive' }), ...restartKeepalive(around, negotiated)])
    case 'sendHold':
      return onSendHoldTimer(step, negotiated)
    default:
      return fsmError(step)
  }
}
