import type { SessionReset } from './fault.ts'
import { ceaseSubcode, errorCode, openSubcode } from './iana.ts'
import type { NotificationMessage } from './messages.ts'
import { describeNotification } from './notification-names.ts'
import type { StateName } from './peer.ts'
import type { Reason, ReasonCode } from './reasons.ts'
import { reasonOf } from './reasons.ts'
import type { Connection, Outcome } from './session.ts'
import type { Step } from './session-moves.ts'
import { fsmError, notification, toIdle } from './session-moves.ts'

/**
 * Which of a reader's faults a state answers as they are; all others are messages that had no business to come. RFC
 * 4271 section 8.2.2 would answer event 21 in Established as an FSM error too; section 6.1 and every speaker name the fault.
 */
const answeredAsIs: Readonly<Record<StateName, readonly number[]>> = {
  idle: [],
  connect: [errorCode.messageHeader, errorCode.openMessage],
  active: [errorCode.messageHeader, errorCode.openMessage],
  openSent: [errorCode.messageHeader, errorCode.openMessage],
  openConfirm: [errorCode.messageHeader, errorCode.openMessage],
  established: [errorCode.messageHeader, errorCode.updateMessage, errorCode.routeRefresh],
}

/** Events 21, 22 and 28. A broken NOTIFICATION is not answered (RFC 4271 section 6.4). */
export function onFault(step: Step, fault: SessionReset): Outcome {
  if (fault.isSilent) return toIdle(step, reasonOf('notificationReceived', `the peer closed: ${fault.message}`))
  if (!answeredAsIs[step.from.state].includes(fault.code)) return fsmError(step)
  return toIdle(step, faultReason(fault), notification(fault.code, fault.subcode, fault.data))
}

const openReasons: Readonly<Record<number, ReasonCode>> = {
  [openSubcode.unsupportedVersionNumber]: 'unsupportedVersion',
  [openSubcode.badPeerAs]: 'badPeerAs',
  [openSubcode.badBgpIdentifier]: 'badBgpIdentifier',
  [openSubcode.unacceptableHoldTime]: 'unacceptableHoldTime',
}

function faultReason({ code, subcode, message }: SessionReset): Reason {
  if (code === errorCode.openMessage) {
    return reasonOf(openReasons[subcode] ?? 'openMessageError', `the peer's OPEN is refused: ${message}`)
  }
  if (code === errorCode.updateMessage) return reasonOf('updateMessageError', `an UPDATE cannot be read: ${message}`)
  return code === errorCode.routeRefresh
    ? reasonOf('routeRefreshError', `a ROUTE-REFRESH cannot be read: ${message}`)
    : reasonOf('messageHeaderError', `what the peer sends cannot be read: ${message}`)
}

/**
 * Events 24 and 25. RFC 4271 section 8.2.2 answers event 25 in OpenSent with an FSM error; no state here answers a
 * NOTIFICATION, as section 6.4 has it, since the peer has closed.
 */
export function onNotification(step: Step, { code, subcode }: NotificationMessage): Outcome {
  const words = `${describeNotification(code, subcode)} (${code}/${subcode})`
  if (isCollision(code, subcode)) {
    return { ...toIdle(step, reasonOf('collision', `the peer gave this connection up: ${words}`)), isFailure: false }
  }
  if (isCapabilityRefusal(code, subcode) && isOpening(step.from)) {
    return toIdle(step, reasonOf('capabilitiesRefused', `the peer refused our OPEN: ${words}`))
  }
  const hint = isBadPeerAs(code, subcode)
    ? `: it does not expect AS ${step.around.config.localAsn}, correct spec.myASN or the router`
    : ''
  return toIdle(step, reasonOf('notificationReceived', `the peer closed the session: ${words}${hint}`))
}

const isBadPeerAs = (code: number, subcode: number): boolean =>
  code === errorCode.openMessage && subcode === openSubcode.badPeerAs

const isCollision = (code: number, subcode: number): boolean =>
  code === errorCode.cease && subcode === ceaseSubcode.connectionCollisionResolution

/** RFC 5492 section 3: a speaker that does not know capabilities answers so. */
const isCapabilityRefusal = (code: number, subcode: number): boolean =>
  code === errorCode.openMessage &&
  (subcode === openSubcode.unsupportedOptionalParameter || subcode === openSubcode.unsupportedCapability)

const isOpening = ({ state }: Connection): boolean => state === 'openSent' || state === 'openConfirm'
