import { reasonOf } from './reasons.ts'
import type { Connection, ConnectionEvent, Idle, Outcome, Surroundings } from './session.ts'
import type { Step } from './session-moves.ts'
import { dial, move, stay, toOpenSent } from './session-moves.ts'
import { beforeOpen, inOpenSent } from './session-opening.ts'
import { inEstablished, inOpenConfirm } from './session-up.ts'

/** One event of RFC 4271 section 8.1 (see `ConnectionEvent`) and what section 8.2.2 makes of it. */
export function stepConnection(from: Connection, event: ConnectionEvent, around: Surroundings): Outcome {
  switch (from.state) {
    case 'idle':
      return inIdle({ from, event, around })
    case 'connect':
    case 'active':
      return beforeOpen({ from, event, around })
    case 'openSent':
      return inOpenSent({ from, event, around })
    case 'openConfirm':
      return inOpenConfirm({ from, event, around })
    case 'established':
      return inEstablished({ from, event, around })
  }
}

/**
 * Everything but a start is ignored, and TCP of a peer that restarts. The passive connection only listens, the active one
 * dials.
 */
function inIdle(step: Step<Idle>): Outcome {
  const { from, event, around } = step
  if (event.kind === 'connected' && around.isSuccessor) {
    return toOpenSent(step, { local: event.local, remote: event.remote })
  }
  const isRung = event.kind === 'timer' && event.timer === 'idleHold' && from.isHeld
  if (event.kind !== 'start' && !isRung) return stay(from)
  const since = around.now
  if (around.role === 'passive') {
    return move(step, { state: 'active', since, delayed: undefined }, { reason: reasonOf('listening') })
  }
  const reason = reasonOf(event.kind === 'start' ? 'started' : 'retrying')
  return move(step, { state: 'connect', since, delayed: undefined }, { reason, outputs: dial(around) })
}
