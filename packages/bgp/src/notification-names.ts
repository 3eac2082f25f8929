import { describeText } from './describe-text.ts'
import {
  ceaseSubcode,
  errorCode,
  fsmSubcode,
  headerSubcode,
  openSubcode,
  routeRefreshSubcode,
  updateSubcode,
} from './iana.ts'
import type { NotificationMessage } from './messages.ts'
import { readCommunication, unwrapHardReset } from './notification-data.ts'

type Names = Readonly<Record<number, string>>

/** As the registry writes them (https://www.iana.org/assignments/bgp-parameters). */
const codeNames: Names = {
  [errorCode.messageHeader]: 'Message Header Error',
  [errorCode.openMessage]: 'OPEN Message Error',
  [errorCode.updateMessage]: 'UPDATE Message Error',
  [errorCode.holdTimerExpired]: 'Hold Timer Expired',
  [errorCode.finiteStateMachine]: 'Finite State Machine Error',
  [errorCode.cease]: 'Cease',
  [errorCode.routeRefresh]: 'ROUTE-REFRESH Message Error',
  [errorCode.sendHoldTimerExpired]: 'Send Hold Timer Expired',
}

const subcodeNames: Readonly<Record<number, Names>> = {
  [errorCode.messageHeader]: {
    [headerSubcode.connectionNotSynchronized]: 'Connection Not Synchronized',
    [headerSubcode.badMessageLength]: 'Bad Message Length',
    [headerSubcode.badMessageType]: 'Bad Message Type',
  },
  [errorCode.openMessage]: {
    [openSubcode.unsupportedVersionNumber]: 'Unsupported Version Number',
    [openSubcode.badPeerAs]: 'Bad Peer AS',
    [openSubcode.badBgpIdentifier]: 'Bad BGP Identifier',
    [openSubcode.unsupportedOptionalParameter]: 'Unsupported Optional Parameter',
    // Deprecated by RFC 4271 appendix A, as 3/7 below; old speakers still send them.
    5: 'Authentication Failure',
    [openSubcode.unacceptableHoldTime]: 'Unacceptable Hold Time',
    [openSubcode.unsupportedCapability]: 'Unsupported Capability',
    [openSubcode.roleMismatch]: 'Role Mismatch',
  },
  [errorCode.updateMessage]: {
    [updateSubcode.malformedAttributeList]: 'Malformed Attribute List',
    [updateSubcode.unrecognizedWellKnownAttribute]: 'Unrecognized Well-known Attribute',
    [updateSubcode.missingWellKnownAttribute]: 'Missing Well-known Attribute',
    [updateSubcode.attributeFlagsError]: 'Attribute Flags Error',
    [updateSubcode.attributeLengthError]: 'Attribute Length Error',
    [updateSubcode.invalidOrigin]: 'Invalid ORIGIN Attribute',
    7: 'AS Routing Loop',
    [updateSubcode.invalidNextHop]: 'Invalid NEXT_HOP Attribute',
    [updateSubcode.optionalAttributeError]: 'Optional Attribute Error',
    [updateSubcode.invalidNetworkField]: 'Invalid Network Field',
    [updateSubcode.malformedAsPath]: 'Malformed AS_PATH',
  },
  [errorCode.finiteStateMachine]: {
    [fsmSubcode.unexpectedMessageInOpenSent]: 'Receive Unexpected Message in OpenSent State',
    [fsmSubcode.unexpectedMessageInOpenConfirm]: 'Receive Unexpected Message in OpenConfirm State',
    [fsmSubcode.unexpectedMessageInEstablished]: 'Receive Unexpected Message in Established State',
  },
  [errorCode.cease]: {
    [ceaseSubcode.maximumNumberOfPrefixesReached]: 'Maximum Number of Prefixes Reached',
    [ceaseSubcode.administrativeShutdown]: 'Administrative Shutdown',
    [ceaseSubcode.peerDeconfigured]: 'Peer De-configured',
    [ceaseSubcode.administrativeReset]: 'Administrative Reset',
    [ceaseSubcode.connectionRejected]: 'Connection Rejected',
    [ceaseSubcode.otherConfigurationChange]: 'Other Configuration Change',
    [ceaseSubcode.connectionCollisionResolution]: 'Connection Collision Resolution',
    [ceaseSubcode.outOfResources]: 'Out of Resources',
    [ceaseSubcode.hardReset]: 'Hard Reset',
    [ceaseSubcode.bfdDown]: 'BFD Down',
  },
  [errorCode.routeRefresh]: {
    [routeRefreshSubcode.invalidMessageLength]: 'Invalid Message Length',
  },
}

/**
 * A NOTIFICATION's code and subcode for a person, in the registry's words: "OPEN Message Error / Bad Peer AS". Subcode
 * 0 says nothing more than the code (RFC 4271 section 4.5), and what the registry does not name stays a number.
 */
export function describeNotification(code: number, subcode: number): string {
  const name = codeNames[code] ?? `error code ${code}`
  if (subcode === 0) return name
  return `${name} / ${subcodeNames[code]?.[subcode] ?? `subcode ${subcode}`}`
}

/**
 * The same with what the data tells: what a Hard Reset has inside (RFC 8538 section 3.1), and the words of the peer's
 * operator (RFC 9003), made safe to be shown: `Cease / Hard Reset (Cease / Administrative Shutdown): "rack 7"`.
 */
export function describeWholeNotification(notification: NotificationMessage): string {
  const name = describeNotification(notification.code, notification.subcode)
  const inner = unwrapHardReset(notification)
  const communication = readCommunication(notification)
  return [
    name,
    inner === undefined ? '' : ` (${describeNotification(inner.code, inner.subcode)})`,
    communication === undefined ? '' : `: "${describeText(communication)}"`,
  ].join('')
}
