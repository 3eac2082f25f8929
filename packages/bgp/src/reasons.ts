/** What a reason means and what helps: the one table that log, status, screen and the reference page share. */
export interface ReasonEntry {
  readonly meaning: string
  readonly remedy: string
}

const nothing = 'Nothing to do.'

/** Every reason that a session's state can change for. The page docs/reference/session-reasons.md lists the same. */
export const reasonTable = {
  started: { meaning: 'The peer was started; a connection is being opened.', remedy: nothing },
  listening: { meaning: 'A connection from the peer is awaited.', remedy: nothing },
  retrying: { meaning: 'The back-off after a failure is over; a connection is being opened again.', remedy: nothing },
  connectTimeout: {
    meaning: 'The peer did not answer the TCP connection in time; another attempt is being made.',
    remedy:
      'Check that the address is right, that the router is up, that no packet filter drops TCP port 179, and that the router wants no password (TCP MD5): one that does drops packets without it.',
  },
  connectFailed: {
    meaning: 'TCP could not be connected.',
    remedy: 'Check address and port, that BGP runs on the router, and that it knows us as a neighbour.',
  },
  tcpConnected: { meaning: 'TCP is connected; our OPEN went out.', remedy: nothing },
  openAccepted: { meaning: "The peer's OPEN is acceptable; its KEEPALIVE is awaited.", remedy: nothing },
  established: { meaning: 'The session is up.', remedy: nothing },
  connectionLost: {
    meaning: 'The TCP connection ended without a NOTIFICATION.',
    remedy: "Look into the router's log: it restarted, was reset, refuses us, or the network between broke.",
  },
  holdTimerExpired: {
    meaning: 'Nothing came from the peer for the whole hold time.',
    remedy: 'Check the path to the router and its load; a longer hold time hides short outages.',
  },
  sendHoldTimerExpired: {
    meaning: 'The peer took nothing of what we sent for the send hold time, although its connection stayed open.',
    remedy: 'Look at the load of the router and at the path to it; a path that loses large packets does this as well.',
  },
  bfdDown: {
    meaning: 'BFD found the peer unreachable.',
    remedy: 'Check the path to the router; if BFD alone fails, its intervals on both sides and the load.',
  },
  messageHeaderError: {
    meaning: 'What the peer sent is not framed as BGP.',
    remedy: 'Check that the port belongs to a BGP speaker; otherwise report it to the maker of the router.',
  },
  unsupportedVersion: {
    meaning: 'The peer speaks another version of BGP than 4.',
    remedy: 'Configure the router for BGP-4.',
  },
  badPeerAs: {
    meaning: "The peer's AS number is not the expected one.",
    remedy: 'Correct spec.peerASN of the BGPPeer, or the AS number on the router.',
  },
  badBgpIdentifier: {
    meaning: "The peer's BGP Identifier is 0, or ours within one AS.",
    remedy: 'Give the router and this speaker (spec.routerID of the BGPPeer) identifiers of their own.',
  },
  unacceptableHoldTime: {
    meaning: 'The peer proposed a hold time of 1 or 2 seconds.',
    remedy: 'Configure 0 or at least 3 seconds on the router.',
  },
  openMessageError: {
    meaning: "The peer's OPEN message is malformed or contradicts itself.",
    remedy: 'Report it to the maker of the router.',
  },
  noCommonFamily: {
    meaning: 'There is no address family that both sides want to exchange.',
    remedy: 'Enable IPv4 or IPv6 unicast for this neighbour on the router, or the family on our side.',
  },
  roleMismatch: {
    meaning: "The peer's BGP role does not fit ours, or it tells none and spec.roleStrict insists on one.",
    remedy: 'Correct spec.role of the PeerPolicy or the role on the router: provider and customer, or two peers.',
  },
  prefixLimitReached: {
    meaning: 'The peer announced more prefixes than spec.prefixLimit of the PeerPolicy allows.',
    remedy: 'Let the router announce less to this neighbour (nothing is imported), or raise the limit.',
  },
  updateMessageError: {
    meaning: 'An UPDATE of the peer could not be read far enough to know its routes.',
    remedy: 'Report it to the maker of the router.',
  },
  routeRefreshError: {
    meaning: 'A ROUTE-REFRESH of the peer is malformed.',
    remedy: 'Report it to the maker of the router.',
  },
  unexpectedMessage: {
    meaning: 'The peer sent a message that has no place in this state of the session.',
    remedy: 'Report it to the maker of the router.',
  },
  unexpectedEvent: {
    meaning: 'The session met an event that has no place in this state.',
    remedy: 'Report it to the makers of this program.',
  },
  notificationReceived: {
    meaning: 'The peer closed the session with a NOTIFICATION.',
    remedy: "Its words say why; the router's log says more.",
  },
  capabilitiesRefused: {
    meaning: 'The peer refused our OPEN because of its capabilities; the next one is sent without, or with them again.',
    remedy: 'Nothing, if the session comes up; otherwise update the router.',
  },
  collision: {
    meaning: 'Two connections with the peer existed at once; this one was given up for the other.',
    remedy: nothing,
  },
  otherConnection: {
    meaning: 'The session goes on over the other connection, so that none is needed here.',
    remedy: nothing,
  },
  sessionReplaced: {
    meaning: 'The peer restarted and opened a new connection, which replaces the session that it has forgotten.',
    remedy: nothing,
  },
  connectionRejected: {
    meaning: 'A connection of the peer came while none was wanted.',
    remedy: 'Nothing, unless it stays so: then the peer opens connections without using them.',
  },
  administrativeShutdown: { meaning: 'The peer was shut down on our side.', remedy: nothing },
  peerDeconfigured: { meaning: 'The peer was removed from our configuration.', remedy: nothing },
  administrativeReset: { meaning: 'The session was reset on our side.', remedy: nothing },
  restart: { meaning: 'This program is about to be replaced; the session will come back.', remedy: nothing },
  configurationChange: { meaning: 'Settings of the peer changed that need a new session.', remedy: nothing },
} as const satisfies Readonly<Record<string, ReasonEntry>>

/** Reasons that a key which differs, or GTSM on one side only, looks like: each drops packets without a word. */
export const protectedReasons: readonly ReasonCode[] = ['connectTimeout', 'connectFailed', 'holdTimerExpired']

/** What to look at first for these where the session is protected so. */
export const protectionRemedy = {
  key: 'check that the key (password) is the same on both sides: packets with another one, or with none, are dropped without a word',
  gtsm: 'packets with a TTL below 255 are dropped: set ttl-security on the router too',
} as const

/** The closed set of codes. */
export type ReasonCode = keyof typeof reasonTable

/** Why a state changed. `message` is a sentence for a person, with the values found. */
export interface Reason {
  readonly code: ReasonCode
  readonly message: string
}

/** A reason with its own sentence, or with the table's. */
export const reasonOf = (code: ReasonCode, message: string = reasonTable[code].meaning): Reason => ({ code, message })
