import type { Reason, ReasonCode } from '@holdfast/bgp'

/** Who brought a session to its end, as far as can be told from here. */
export type Cause = 'us' | 'peer' | 'network'

/** The reasons that a session can end for; others are steps of its way up. */
const causes: Readonly<Record<ReasonCode, Cause>> = {
  started: 'us',
  listening: 'us',
  retrying: 'us',
  connectTimeout: 'network',
  connectFailed: 'network',
  tcpConnected: 'us',
  openAccepted: 'us',
  established: 'us',
  connectionLost: 'network',
  holdTimerExpired: 'network',
  sendHoldTimerExpired: 'peer',
  bfdDown: 'network',
  roleMismatch: 'peer',
  prefixLimitReached: 'peer',
  sessionReplaced: 'peer',
  restart: 'us',
  messageHeaderError: 'peer',
  unsupportedVersion: 'peer',
  badPeerAs: 'peer',
  badBgpIdentifier: 'peer',
  unacceptableHoldTime: 'peer',
  openMessageError: 'peer',
  noCommonFamily: 'peer',
  updateMessageError: 'peer',
  routeRefreshError: 'peer',
  unexpectedMessage: 'peer',
  unexpectedEvent: 'us',
  notificationReceived: 'peer',
  capabilitiesRefused: 'peer',
  collision: 'us',
  otherConnection: 'us',
  connectionRejected: 'us',
  administrativeShutdown: 'us',
  peerDeconfigured: 'us',
  administrativeReset: 'us',
  configurationChange: 'us',
}

/** A connection that ended without a word may have been ended by either: the sentence knows. */
export const causeOf = ({ code, message }: Reason): Cause =>
  code === 'connectionLost' && message.startsWith('the peer closed') ? 'peer' : causes[code]
