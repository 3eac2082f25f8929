import type { Family } from '@holdfast/ip'
import type { Message, RouteRefreshMessage, UpdateMessage } from './messages.ts'
import { familyOf } from './multiprotocol.ts'
import { advertise, emptyAdjRibOut, readvertise } from './outbound.ts'
import type { Millis, Negotiated, PeerOutput, TimerName } from './peer.ts'
import { reasonOf } from './reasons.ts'
import type { Route } from './routes.ts'
import type { Established, OpenConfirm, Outcome, Surroundings } from './session.ts'
import { onFault, onNotification } from './session-faults.ts'
import type { Step } from './session-moves.ts'
import {
  dump,
  fsmError,
  lostReason,
  move,
  onHoldTimer,
  restartHold,
  restartKeepalive,
  send,
  stay,
  stop,
  toIdle,
} from './session-moves.ts'

/** A family's ROUTE-REFRESH that comes sooner after the last one than this waits, and all that wait become one. */
const refreshMs: Millis = 1000

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
  const { negotiated } = from
  const refresh = { answered: [], waiting: [] }
  const outcome = move(
    step,
    { state: 'established', since: around.now, negotiated, adjRibOut: emptyAdjRibOut, refresh },
    { reason: reasonOf('established'), outputs: restartHold(around, negotiated) },
  )
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
      return stay(from, [{ kind: 'learned', update: message }, ...restartHold(around, from.negotiated)])
    case 'routeRefresh':
      return onRefresh(step, message)
    case 'notification':
      return onNotification(step, message)
    case 'open':
      return fsmError(step)
  }
}

type Unspoken = Exclude<Step['event'], { readonly kind: 'received' }>

/** What OpenConfirm and Established have in common. */
function afterOpen(step: Step<OpenConfirm | Established>, event: Unspoken): Outcome {
  switch (event.kind) {
    case 'start':
    case 'connected':
      return stay(step.from)
    case 'stop':
      return stop(step, event.reason)
    case 'dump':
      return dump(step, event.reason)
    case 'disconnected':
      return toIdle(step, lostReason(event.message))
    case 'faulted':
      return onFault(step, event.fault)
    case 'timer':
      return onSessionTimer(step, event.timer)
  }
}

/** Events 10 and 11; all other timers have no place here. */
function onSessionTimer(step: Step<OpenConfirm | Established>, timer: TimerName): Outcome {
  const { from, around } = step
  const { negotiated } = from
  if (timer === 'hold') return onHoldTimer(step, `nothing came from the peer for ${negotiated.holdTimeSeconds} s`)
  if (timer !== 'keepalive') return fsmError(step)
  return stay(from, [send(around, { kind: 'keepalive' }), ...restartKeepalive(around, negotiated)])
}

/** RFC 2918 section 4 ignores a family that is not negotiated; so are RFC 7313's subtypes, which we do not offer. */
function onRefresh(step: Step<Established>, { afi, safi, subtype }: RouteRefreshMessage): Outcome {
  const { from, around } = step
  const family = familyOf(afi, safi)
  if (family === undefined || subtype !== 0 || !from.negotiated.families.includes(family)) return stay(from)
  const { answered, waiting } = from.refresh
  if (!answered.includes(family)) return resend(from, around, [family])
  if (waiting.includes(family)) return stay(from)
  return stay({ ...from, refresh: { answered, waiting: [...waiting, family] } })
}

function onRefreshTimer({ from, around }: Step<Established>): Outcome {
  const settled = { ...from, refresh: { answered: [], waiting: [] } }
  return from.refresh.waiting.length === 0 ? stay(settled) : resend(settled, around, from.refresh.waiting)
}

/** The whole Adj-RIB-Out of some families; further requests for these wait. */
function resend(from: Established, around: Surroundings, families: readonly Family[]): Outcome {
  const messages = families.flatMap((family) => readvertise(from.adjRibOut, from.negotiated, family))
  const refresh = { ...from.refresh, answered: [...from.refresh.answered, ...families] }
  return stay({ ...from, refresh }, [
    ...updates(around, from.negotiated, messages),
    { kind: 'arm', role: around.role, timer: 'refresh', ms: refreshMs },
  ])
}

/** The routes of the peer as they should be now; only what differs goes out. */
export function desire(from: Established, around: Surroundings, routes: readonly Route[]): Outcome {
  const { adjRibOut, messages, hasUnsentChanged } = advertise(from.adjRibOut, from.negotiated, routes)
  if (adjRibOut === from.adjRibOut) return stay(from)
  const outputs = updates(around, from.negotiated, messages)
  if (hasUnsentChanged) outputs.push({ kind: 'unsent', routes: adjRibOut.unsent })
  return stay({ ...from, adjRibOut }, outputs)
}

/** An UPDATE says as much as a KEEPALIVE (RFC 4271 section 4.4), so the next one of these has time. */
function updates(around: Surroundings, negotiated: Negotiated, messages: readonly UpdateMessage[]): PeerOutput[] {
  if (messages.length === 0) return []
  return [...messages.map((message) => send(around, message)), ...restartKeepalive(around, negotiated)]
}
