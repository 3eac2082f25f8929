import type { Message } from './messages.ts'
import type { TimerName } from './peer.ts'
import { reasonOf } from './reasons.ts'
import type { Active, Connect, Link, OpenSent, Outcome } from './session.ts'
import type { End } from './session-faults.ts'
import { isSilentClose, lostReason, onDialFailed, onFault, onNotification } from './session-faults.ts'
import type { Step } from './session-moves.ts'
import {
  armConnectRetry,
  dial,
  disarmed,
  fsmError,
  isOpen,
  move,
  onHoldTimer,
  onOpen,
  stay,
  toIdle,
  toOpenSent,
} from './session-moves.ts'
import { dump, onBfdDown, stop } from './session-stop.ts'

/** Connect and Active differ in what the ConnectRetry timer and the end of TCP lead to. */
export function beforeOpen(step: Step<Connect | Active>): Outcome {
  const { from, event } = step
  switch (event.kind) {
    // There is nothing yet that BFD could end.
    case 'start':
    case 'bfdDown':
      return stay(from)
    case 'stop':
      return stop(step, event)
    case 'dump':
      return dump(step, event)
    case 'connected':
      return onConnected(step, event)
    case 'disconnected':
      return onEarlyEnd(step, event)
    case 'timer':
      return onEarlyTimer(step, event.timer)
    case 'faulted':
      return onFault(step, event.fault)
    case 'received':
      return onEarlyMessage(step, event.message)
  }
}

/** Events 16 and 17. */
function onConnected(step: Step<Connect | Active>, { local, remote }: Link): Outcome {
  const { from, around } = step
  if (from.delayed !== undefined) return stay(from)
  const link = { local, remote }
  const ms = around.config.delayOpenSeconds * 1000
  if (ms === 0) return toOpenSent(step, link)
  const to = { ...from, delayed: link }
  return stay(to, [{ kind: 'arm', role: around.role, timer: 'delayOpen', ms }, ...disarmed(step, to)])
}

/** Event 18. */
function onEarlyEnd(step: Step<Connect | Active>, end: End): Outcome {
  const { from } = step
  if (from.delayed === undefined) return onDialFailed(step, end)
  return from.state === 'connect' ? backToActive(step, end) : toIdle(step, lostReason(from, end))
}

/** TCP ended before the peer's OPEN: the next dial has to wait, the peer's own is welcome. */
function backToActive(step: Step, end: End): Outcome {
  const { from, around } = step
  const outputs = around.role === 'active' ? [armConnectRetry(around)] : []
  return move(
    step,
    { state: 'active', since: around.now, delayed: undefined },
    { reason: lostReason(from, end), outputs, isFailure: true },
  )
}

/** Events 9 and 12; all other timers have no place here. */
function onEarlyTimer(step: Step<Connect | Active>, timer: TimerName): Outcome {
  const { from, around } = step
  if (timer === 'delayOpen' && from.delayed !== undefined) return toOpenSent(step, from.delayed)
  if (timer !== 'connectRetry' || around.role === 'passive') return fsmError(step)
  const isTimeout = from.state === 'connect'
  return move(
    step,
    { state: 'connect', since: around.now, delayed: undefined },
    {
      reason: reasonOf(isTimeout ? 'connectTimeout' : 'retrying'),
      outputs: [...(isOpen(from) ? [{ kind: 'hangUp' as const, role: around.role }] : []), ...dial(around)],
      isFailure: isTimeout,
    },
  )
}

/** Events 20, 24 and 25; without the DelayOpen timer there is nobody to receive from. */
function onEarlyMessage(step: Step<Connect | Active>, message: Message): Outcome {
  if (step.from.delayed === undefined) return fsmError(step)
  if (message.kind === 'open') return onOpen(step, step.from.delayed, message)
  return message.kind === 'notification' ? onNotification(step, message) : fsmError(step)
}

export function inOpenSent(step: Step<OpenSent>): Outcome {
  const { from, event } = step
  switch (event.kind) {
    case 'start':
    case 'connected':
      return stay(from)
    case 'stop':
      return stop(step, event)
    case 'dump':
      return dump(step, event)
    case 'bfdDown':
      return onBfdDown(step, event.message)
    case 'disconnected':
      return onEndInOpenSent(step, event)
    case 'timer':
      return event.timer === 'hold' ? onHoldTimer(step, `no OPEN came from the peer ${waited(step)}`) : fsmError(step)
    case 'faulted':
      return onFault(step, event.fault)
    case 'received':
      return onFirstMessage(step, event.message)
  }
}

const waited = ({ from, around }: Step<OpenSent>): string => `for ${Math.round((around.now - from.since) / 1000)} s`

/** A successor that comes to nothing leaves no wish for another connection. */
function onEndInOpenSent(step: Step<OpenSent>, end: End): Outcome {
  const outcome = step.around.isSuccessor ? toIdle(step, lostReason(step.from, end)) : backToActive(step, end)
  return { ...outcome, isSilentClose: isSilentClose(end) }
}

function onFirstMessage(step: Step<OpenSent>, message: Message): Outcome {
  if (message.kind === 'open') return onOpen(step, step.from.link, message)
  return message.kind === 'notification' ? onNotification(step, message) : fsmError(step)
}
