import type { Message } from './messages.ts'
import type { PeerOutput, TimerName } from './peer.ts'
import { reasonOf } from './reasons.ts'
import type { Active, Connect, Link, OpenSent, Outcome } from './session.ts'
import { onFault, onNotification } from './session-faults.ts'
import type { Step } from './session-moves.ts'
import {
  armConnectRetry,
  dial,
  disarmed,
  dump,
  fsmError,
  isOpen,
  lostReason,
  move,
  onHoldTimer,
  onOpen,
  stay,
  stop,
  toIdle,
  toOpenSent,
} from './session-moves.ts'

/** Connect and Active differ in what the ConnectRetry timer and the end of TCP lead to. */
export function beforeOpen(step: Step<Connect | Active>): Outcome {
  const { from, event } = step
  switch (event.kind) {
    case 'start':
      return stay(from)
    case 'stop':
      return stop(step, event.reason)
    case 'dump':
      return dump(step, event.reason)
    case 'connected':
      return onConnected(step, event)
    case 'disconnected':
      return onEarlyEnd(step, event.message)
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
function onEarlyEnd(step: Step<Connect | Active>, message: string): Outcome {
  const { from } = step
  if (from.delayed === undefined) {
    return toIdle(step, reasonOf('connectFailed', `TCP could not be connected: ${message}`))
  }
  return from.state === 'connect' ? backToActive(step, message) : toIdle(step, lostReason(message))
}

/** TCP ended before the peer's OPEN: the next dial has to wait, the peer's own is welcome. */
function backToActive(step: Step, message: string): Outcome {
  const { around } = step
  const outputs = around.role === 'active' ? [armConnectRetry(around)] : []
  return move(
    step,
    { state: 'active', since: around.now, delayed: undefined },
    { reason: lostReason(message), outputs, isFailure: true },
  )
}

/** Events 9 and 12; all other timers have no place here. */
function onEarlyTimer(step: Step<Connect | Active>, timer: TimerName): Outcome {
  const { from, around } = step
  if (timer === 'delayOpen' && from.delayed !== undefined) return toOpenSent(step, from.delayed)
  if (timer !== 'connectRetry' || around.role === 'passive') return fsmError(step)
  const closing: readonly PeerOutput[] = isOpen(from) ? [{ kind: 'hangUp', role: around.role }] : []
  const isTimeout = from.state === 'connect'
  return move(
    step,
    { state: 'connect', since: around.now, delayed: undefined },
    {
      reason: reasonOf(isTimeout ? 'connectTimeout' : 'retrying'),
      outputs: [...closing, ...dial(around)],
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
      return stop(step, event.reason)
    case 'dump':
      return dump(step, event.reason)
    case 'disconnected':
      return backToActive(step, event.message)
    case 'timer':
      return event.timer === 'hold' ? onHoldTimer(step, 'no OPEN came from the peer for 4 minutes') : fsmError(step)
    case 'faulted':
      return onFault(step, event.fault)
    case 'received':
      return onFirstMessage(step, event.message)
  }
}

function onFirstMessage(step: Step<OpenSent>, message: Message): Outcome {
  if (message.kind === 'open') return onOpen(step, step.from.link, message)
  return message.kind === 'notification' ? onNotification(step, message) : fsmError(step)
}
