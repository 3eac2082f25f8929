import { describeText } from './describe-text.ts'
import type { SessionReset } from './fault.ts'
import { ceaseSubcode, errorCode, openSubcode } from './iana.ts'
import type { NotificationMessage } from './messages.ts'
import type { Reduction } from './negotiate-offer.ts'
import { capabilityName, describeReduction, namedCapabilities } from './negotiate-offer.ts'
import { readCommunication, unwrapHardReset } from './notification-data.ts'
import { describeNotification } from './notification-names.ts'
import type { Millis, StateName } from './peer.ts'
import type { Reason, ReasonCode } from './reasons.ts'
import { reasonOf } from './reasons.ts'
import type { Active, Connect, Connection, Offer, Outcome } from './session.ts'
import { reductionAfterRefusal } from './session-capabilities.ts'
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
  return toIdle(step, faultReason(fault), { say: notification(fault.code, fault.subcode, fault.data) })
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

/** How TCP ended, or why it did not begin. */
export interface End {
  readonly code: string
  readonly message: string
}

/** Which of these it is depends on chance: on what was under way when the peer closed. */
const closedByPeer: readonly string[] = ['EOF', 'ECONNRESET', 'EPIPE']

/** TCP that was up has ended: in the same words for the same cause. */
export function lostReason({ state }: Connection, { code, message }: End): Reason {
  if (!closedByPeer.includes(code)) return reasonOf('connectionLost', `the TCP connection ended: ${message}`)
  const when =
    state === 'established'
      ? ''
      : state === 'openSent' || state === 'openConfirm'
        ? ' after our OPEN'
        : ' before our OPEN'
  return reasonOf('connectionLost', `the peer closed the TCP connection${when} without a NOTIFICATION`)
}

/** The peer may have been unable to say what displeases it about our OPEN. */
export const isSilentClose = ({ code }: End): boolean => closedByPeer.includes(code)

/** A dial ends in the same words whether the system's patience or ours was over first. */
export function onDialFailed(step: Step<Connect | Active>, { code, message }: End): Outcome {
  const reason =
    code === 'ETIMEDOUT'
      ? reasonOf('connectTimeout')
      : reasonOf('connectFailed', `TCP could not be connected: ${message}`)
  return toIdle(step, reason)
}

/**
 * Events 24 and 25. RFC 4271 section 8.2.2 answers event 25 in OpenSent with an FSM error; no state here answers a
 * NOTIFICATION, as section 6.4 has it, since the peer has closed.
 */
export function onNotification(step: Step, message: NotificationMessage): Outcome {
  const inner = unwrapHardReset(message)
  const { code, subcode } = inner ?? message
  const words = describe(message)
  if (isCollision(message)) {
    return { ...toIdle(step, reasonOf('collision', `the peer gave this connection up: ${words}`)), isFailure: false }
  }
  const { from } = step
  if (isCapabilityRefusal(message) && (from.state === 'openSent' || from.state === 'openConfirm')) {
    return onCapabilityRefusal(step, from.offer, message)
  }
  const hint = hintOf(step, code, subcode)
  const outcome = toIdle(step, reasonOf('notificationReceived', `the peer closed the session: ${words}${hint}`))
  const ms = code === errorCode.cease ? pausesMs[subcode] : undefined
  return ms === undefined ? outcome : { ...outcome, pause: { ms, isForBoth: false } }
}

/** In the registry's words, with what a Hard Reset contains, and with the operator's own text. */
function describe(message: NotificationMessage): string {
  const inner = unwrapHardReset(message)
  const communication = readCommunication(message)
  const text = communication === undefined ? '' : `: "${describeText(communication)}"`
  return `${named(message)}${inner === undefined ? '' : ` with ${named(inner)}`}${text}`
}

const named = ({ code, subcode }: NotificationMessage): string =>
  `${describeNotification(code, subcode)} (${code}/${subcode})`

function hintOf({ around }: Step, code: number, subcode: number): string {
  if (code === errorCode.openMessage && subcode === openSubcode.badPeerAs) {
    return `: it does not expect AS ${around.config.localAsn}, correct spec.myASN or the router`
  }
  return code === errorCode.openMessage && subcode === openSubcode.roleMismatch
    ? `: our role is ${around.config.role ?? 'not configured'}, correct spec.role of the PeerPolicy or the router`
    : ''
}

/**
 * After these the next dial waits for so long at least (RFC 4486 section 4), up to the ConnectRetryTime: the peer would
 * only say the same again. A rejection is often over soon, as when the peer has not noticed yet that the last session died.
 */
const pausesMs: Readonly<Record<number, Millis>> = {
  [ceaseSubcode.maximumNumberOfPrefixesReached]: 60_000,
  [ceaseSubcode.connectionRejected]: 2000,
  [ceaseSubcode.outOfResources]: 30_000,
}

const isCollision = ({ code, subcode }: NotificationMessage): boolean =>
  code === errorCode.cease && subcode === ceaseSubcode.connectionCollisionResolution

/** RFC 5492 sections 3 and 5: a speaker that does not know capabilities, or one of ours, answers so. */
const isCapabilityRefusal = ({ code, subcode }: NotificationMessage): boolean =>
  code === errorCode.openMessage &&
  (subcode === openSubcode.unsupportedOptionalParameter || subcode === openSubcode.unsupportedCapability)

function onCapabilityRefusal(step: Step, offer: Offer, message: NotificationMessage): Outcome {
  const data = message.subcode === openSubcode.unsupportedCapability ? message.data : new Uint8Array(0)
  const { ours, others } = namedCapabilities(data, offer.open)
  const reduction = reductionAfterRefusal(step.around.config, offer.reduction, ours)
  const missed = others.length === 0 ? '' : `, and misses ${listed(others.map(capabilityName))}`
  const reason = reasonOf(
    'capabilitiesRefused',
    `the peer refused our OPEN: ${describe(message)}${missed}; ${next(reduction)}`,
  )
  return { ...toIdle(step, reason), reduction }
}

/** The peer decides how many there are. */
const mostListed = 8

const listed = (names: readonly string[]): string =>
  names.length <= mostListed ? names.join(', ') : `${names.slice(0, mostListed).join(', ')} and more`

function next(reduction: Reduction): string {
  const omitted = describeReduction(reduction)
  return omitted === undefined ? 'the next one offers everything again' : `the next one is sent without ${omitted}`
}
