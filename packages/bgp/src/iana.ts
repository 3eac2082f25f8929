/** RFC 4271 section 4.2. */
export const bgpVersion = 4

/** RFC 4271 section 4.1: marker, length and type. */
export const headerLength = 19

/** RFC 4271 section 4. For OPEN and KEEPALIVE always; for the others unless RFC 8654 allows more. */
export const maxMessageLength = 4096

/** RFC 8654 section 3: all that the length field can say. */
export const maxExtendedMessageLength = 65535

/** https://www.iana.org/assignments/bgp-parameters, "BGP Message Types". */
export const messageType = {
  /** RFC 4271 section 4.2 */
  open: 1,
  /** RFC 4271 section 4.3 */
  update: 2,
  /** RFC 4271 section 4.5 */
  notification: 3,
  /** RFC 4271 section 4.4 */
  keepalive: 4,
  /** RFC 2918 section 3 */
  routeRefresh: 5,
} as const

/** https://www.iana.org/assignments/bgp-parameters, "BGP Error (Notification) Codes". */
export const errorCode = {
  /** RFC 4271 section 6.1 */
  messageHeader: 1,
  /** RFC 4271 section 6.2 */
  openMessage: 2,
  /** RFC 4271 section 6.3 */
  updateMessage: 3,
  /** RFC 4271 section 6.5 */
  holdTimerExpired: 4,
  /** RFC 4271 section 6.6 */
  finiteStateMachine: 5,
  /** RFC 4271 section 6.7 */
  cease: 6,
  /** RFC 7313 section 5 */
  routeRefresh: 7,
  /** RFC 9687 section 3 */
  sendHoldTimerExpired: 8,
} as const

/** https://www.iana.org/assignments/bgp-parameters, "Message Header Error subcodes"; RFC 4271 section 6.1. */
export const headerSubcode = {
  connectionNotSynchronized: 1,
  badMessageLength: 2,
  badMessageType: 3,
} as const

/** https://www.iana.org/assignments/bgp-parameters, "OPEN Message Error subcodes"; RFC 4271 section 6.2. */
export const openSubcode = {
  unspecific: 0,
  unsupportedVersionNumber: 1,
  badPeerAs: 2,
  badBgpIdentifier: 3,
  unsupportedOptionalParameter: 4,
  unacceptableHoldTime: 6,
  /** RFC 5492 section 5 */
  unsupportedCapability: 7,
  /** RFC 9234 section 4.2 */
  roleMismatch: 11,
} as const

/** https://www.iana.org/assignments/bgp-parameters, "UPDATE Message Error subcodes"; RFC 4271 section 6.3. */
export const updateSubcode = {
  malformedAttributeList: 1,
  unrecognizedWellKnownAttribute: 2,
  missingWellKnownAttribute: 3,
  attributeFlagsError: 4,
  attributeLengthError: 5,
  invalidOrigin: 6,
  invalidNextHop: 8,
  optionalAttributeError: 9,
  invalidNetworkField: 10,
  malformedAsPath: 11,
} as const

/** https://www.iana.org/assignments/bgp-parameters, "BGP Finite State Machine Error Subcodes"; RFC 6608 section 3. */
export const fsmSubcode = {
  unspecified: 0,
  unexpectedMessageInOpenSent: 1,
  unexpectedMessageInOpenConfirm: 2,
  unexpectedMessageInEstablished: 3,
} as const

/** https://www.iana.org/assignments/bgp-parameters, "BGP Cease NOTIFICATION message subcodes"; RFC 4486 section 3. */
export const ceaseSubcode = {
  maximumNumberOfPrefixesReached: 1,
  administrativeShutdown: 2,
  peerDeconfigured: 3,
  administrativeReset: 4,
  connectionRejected: 5,
  otherConfigurationChange: 6,
  connectionCollisionResolution: 7,
  outOfResources: 8,
  /** RFC 8538 section 3.1 */
  hardReset: 9,
  /** RFC 9384 section 3 */
  bfdDown: 10,
} as const

/** https://www.iana.org/assignments/bgp-parameters, "BGP ROUTE-REFRESH Message Error subcodes"; RFC 7313 section 5. */
export const routeRefreshSubcode = {
  invalidMessageLength: 1,
} as const

/** https://www.iana.org/assignments/bgp-parameters, "BGP OPEN Optional Parameter Types". */
export const optionalParameter = {
  /** RFC 5492 section 4 */
  capabilities: 2,
  /** RFC 9072 section 2 */
  extendedLength: 255,
} as const

/** https://www.iana.org/assignments/capability-codes, "Capability Codes". */
export const capabilityCode = {
  /** RFC 4760 section 8 */
  multiprotocol: 1,
  /** RFC 2918 section 2 */
  routeRefresh: 2,
  /** RFC 8950 section 4 */
  extendedNextHop: 5,
  /** RFC 8654 section 3 */
  extendedMessage: 6,
  /** RFC 9234 section 4.1 */
  role: 9,
  /** RFC 4724 section 3 */
  gracefulRestart: 64,
  /** RFC 6793 section 3 */
  fourOctetAs: 65,
  /** RFC 7911 section 4 */
  addPath: 69,
  /** RFC 7313 section 3.1 */
  enhancedRouteRefresh: 70,
  /** RFC 9494 section 3.1 */
  longLivedGracefulRestart: 71,
  /** draft-walton-bgp-hostname-capability */
  fqdn: 73,
  /** draft-ietf-idr-bgp-soft-version */
  softwareVersion: 75,
} as const

/** RFC 4724 section 3, with the N bit of RFC 8538 section 2: the high four bits of the capability's first octet. */
export const restartFlag = { isRestarting: 0x8, hasNotification: 0x4 } as const

/** RFC 4724 section 3 and RFC 9494 section 3.1: the F bit of a family's flags. */
export const forwardingFlag = 0x80

/** RFC 7911 section 4. */
export const addPathDirection = { receive: 1, send: 2, both: 3 } as const

/**
 * https://www.iana.org/assignments/bgp-parameters, "BGP Path Attributes": those that have rules in
 * attribute-rules.ts.
 */
export const attributeCode = {
  /** RFC 4271 section 5.1.1 */
  origin: 1,
  /** RFC 4271 section 5.1.2 */
  asPath: 2,
  /** RFC 4271 section 5.1.3 */
  nextHop: 3,
  /** RFC 4271 section 5.1.4 */
  multiExitDisc: 4,
  /** RFC 4271 section 5.1.5 */
  localPref: 5,
  /** RFC 4271 section 5.1.6 */
  atomicAggregate: 6,
  /** RFC 4271 section 5.1.7 */
  aggregator: 7,
  /** RFC 1997 */
  communities: 8,
  /** RFC 4456 section 8 */
  originatorId: 9,
  /** RFC 4456 section 8 */
  clusterList: 10,
  /** RFC 4760 section 3 */
  mpReachNlri: 14,
  /** RFC 4760 section 4 */
  mpUnreachNlri: 15,
  /** RFC 4360 section 2 */
  extendedCommunities: 16,
  /** RFC 6793 section 3 */
  as4Path: 17,
  /** RFC 6793 section 3 */
  as4Aggregator: 18,
  /** RFC 5701 section 2 */
  ipv6ExtendedCommunities: 25,
  /** RFC 8092 section 3 */
  largeCommunities: 32,
  /** RFC 9234 section 5 */
  onlyToCustomer: 35,
} as const

/**
 * Attributes of the same registry that are optional and that we do not look into. What they carry never matters; this
 * list keeps one whose Optional bit was lost on the way from being taken for a well-known one.
 */
export const optionalAttributes: ReadonlySet<number> = new Set([
  /** PMSI_TUNNEL: RFC 6514 section 5 */ 22, /** Tunnel Encapsulation: RFC 9012 section 2 */ 23,
  /** Traffic Engineering: RFC 5543 section 3 */ 24, /** AIGP: RFC 7311 section 3 */ 26,
  /** PE Distinguisher Labels: RFC 6514 section 8 */ 27,
  /** Entropy Label: RFC 6790 section 5.1, deprecated by RFC 7447 */ 28, /** BGP-LS: RFC 9552 section 5.3 */ 29,
  /** BGPsec_Path: RFC 8205 section 3 */ 33, /** BGP Domain Path: draft-ietf-bess-evpn-ipvpn-interworking */ 36,
  /** SFP: RFC 9015 section 3.2 */ 37, /** BFD Discriminator: RFC 9026 section 3.1.6 */ 38,
  /** BGP Router Capabilities: draft-ietf-idr-next-hop-capability */ 39, /** BGP Prefix-SID: RFC 8669 section 3 */ 40,
  /** ATTR_SET: RFC 6368 section 5 */ 128,
])

/** https://www.iana.org/assignments/bgp-extended-communities: the high octet of a type has these two flags. */
export const extendedCommunityFlag = {
  /** RFC 4360 section 2: the T bit */
  nonTransitive: 0x40,
} as const

/** https://www.iana.org/assignments/bgp-extended-communities, "Two-Octet AS-Specific": sub-types. */
export const extendedCommunitySubtype = {
  /** draft-ietf-idr-link-bandwidth section 2 */
  linkBandwidth: 4,
} as const

/** RFC 4271 section 4.3: the high bits of the attribute flags octet; the low four are ignored. */
export const attributeFlag = {
  optional: 0x80,
  transitive: 0x40,
  partial: 0x20,
  extendedLength: 0x10,
} as const

/** RFC 4271 section 5.1.1. */
export const originValue = { igp: 0, egp: 1, incomplete: 2 } as const

/** https://www.iana.org/assignments/bgp-parameters, "BGP AS_PATH Segment Types". */
export const segmentType = {
  /** RFC 4271 section 4.3 */
  set: 1,
  /** RFC 4271 section 4.3 */
  sequence: 2,
  /** RFC 5065 section 3 */
  confedSequence: 3,
  /** RFC 5065 section 3 */
  confedSet: 4,
} as const

/** https://www.iana.org/assignments/address-family-numbers; RFC 4760 section 3. */
export const afi = { ipv4: 1, ipv6: 2 } as const

/** https://www.iana.org/assignments/safi-namespace; RFC 4760 section 6. */
export const safi = { unicast: 1 } as const

/**
 * https://www.iana.org/assignments/as-numbers: stands for an AS number that two octets cannot hold (RFC 6793 section
 * 9).
 */
export const asTrans = 23456

/** The largest AS number of two octets (RFC 6793 section 1). */
export const maxTwoOctetAsn = 65535

/** https://www.iana.org/assignments/bgp-parameters, "BGP Role Value"; RFC 9234 section 4.1. */
export const peerRoleValue = { provider: 0, routeServer: 1, routeServerClient: 2, customer: 3, peer: 4 } as const

/** https://www.iana.org/assignments/bgp-parameters, "BGP Route Refresh Subcodes"; RFC 7313 section 3.2. */
export const refreshSubtype = { request: 0, beginning: 1, end: 2 } as const
