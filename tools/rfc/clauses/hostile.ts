import type { Clause } from '../clause.ts'

/** What lab/hostile and lab/load prove over TCP against the running program. */
export const clauses: readonly Clause[] = [
  {
    id: 'rfc4271-4.4-no-keepalive-over-tcp',
    level: 'MUST NOT',
    text: 'Sends no periodic KEEPALIVE and closes nothing for silence where the negotiated hold time is zero.',
  },
  {
    id: 'rfc4271-5-unrecognized-optional-over-tcp',
    level: 'MUST',
    text: 'Goes on with an UPDATE that has optional attributes that it does not know, transitive or not.',
  },
  {
    id: 'rfc4271-6.1-marker-over-tcp',
    level: 'MUST',
    text: 'Ends a connection whose message has another marker than all ones with NOTIFICATION 1/1.',
  },
  {
    id: 'rfc4271-6.1-length-over-tcp',
    level: 'MUST',
    text: 'Ends a connection whose message has a length that is impossible, or impossible for its type, with NOTIFICATION 1/2 and that length as the data.',
  },
  {
    id: 'rfc4271-6.1-type-over-tcp',
    level: 'MUST',
    text: 'Ends a connection with a message of unknown type with NOTIFICATION 1/3 and that type as the data.',
  },
  {
    id: 'rfc4271-6.2-version-over-tcp',
    level: 'MUST',
    text: 'Refuses an OPEN of another version with NOTIFICATION 2/1, the data being version 4 in two octets.',
  },
  {
    id: 'rfc4271-6.2-peer-as-over-tcp',
    level: 'MUST',
    text: 'Refuses an OPEN from another AS than the configured one with NOTIFICATION 2/2.',
  },
  {
    id: 'rfc4271-6.2-hold-time-over-tcp',
    level: 'MUST',
    text: 'Refuses an OPEN with a hold time of one or two seconds with NOTIFICATION 2/6.',
  },
  {
    id: 'rfc4271-6.2-optional-parameter-over-tcp',
    level: 'MUST',
    text: 'Refuses an OPEN with an optional parameter that it does not know with NOTIFICATION 2/4.',
  },
  {
    id: 'rfc4271-6.2-malformed-parameters-over-tcp',
    level: 'MUST',
    text: 'Refuses an OPEN whose known optional parameters are malformed with NOTIFICATION 2/0.',
  },
  {
    id: 'rfc4271-6.3-unrecognized-well-known-over-tcp',
    level: 'MUST',
    text: 'Ends a session whose UPDATE has an unknown attribute that is marked as well-known with NOTIFICATION 3/2, the data being that attribute.',
  },
  {
    id: 'rfc4271-6.4-notification-error-over-tcp',
    level: 'MUST NOT',
    text: 'Answers no NOTIFICATION, whatever is wrong with it, by another one.',
  },
  {
    id: 'rfc4271-6.5-hold-timer-over-tcp',
    level: 'MUST',
    text: 'Ends a connection on which no whole message came within the hold time with NOTIFICATION 4/0, however many octets came.',
  },
  {
    id: 'rfc4271-6.5-hold-under-load-over-tcp',
    level: 'MUST',
    text: 'Ends the session of a silent peer when the hold time is over also while all processors are busy.',
  },
  {
    id: 'rfc2918-4-not-negotiated-over-tcp',
    level: 'SHOULD',
    text: 'Ignores a ROUTE-REFRESH for an address family that was not negotiated.',
  },
  {
    id: 'rfc4486-4-maximum-prefixes-over-tcp',
    level: 'MUST',
    text: 'Ends the session of a peer that announces more prefixes than it may with Cease 6/1.',
  },
  {
    id: 'rfc4760-7-not-negotiated-over-tcp',
    level: 'SHOULD',
    text: 'Passes over routes of an address family that was not negotiated.',
  },
  {
    id: 'rfc5065-5-confed-segment-over-tcp',
    level: 'MUST',
    text: 'Does not use a path with a confederation segment from a peer that is in no confederation of its own.',
  },
  {
    id: 'rfc5492-3-unknown-capability-over-tcp',
    level: 'MUST',
    text: 'Brings a session up however many capabilities it does not know stand in the OPEN of the peer.',
  },
  {
    id: 'rfc5492-3-retry-without-capabilities-over-tcp',
    level: 'SHOULD',
    text: 'Dials a peer that refused its capabilities again with fewer of them.',
  },
  {
    id: 'rfc6286-2.2-zero-identifier-over-tcp',
    level: 'MUST',
    text: 'Refuses an OPEN with a BGP Identifier of zero with NOTIFICATION 2/3.',
  },
  {
    id: 'rfc6286-2.2-same-identifier-over-tcp',
    level: 'MUST',
    text: 'Refuses its own BGP Identifier within its AS with NOTIFICATION 2/3, and accepts it from another AS.',
  },
  {
    id: 'rfc6608-3-open-sent-over-tcp',
    level: 'MUST',
    text: 'Answers a message other than an OPEN where that is awaited with NOTIFICATION 5/1.',
  },
  {
    id: 'rfc6608-3-open-confirm-over-tcp',
    level: 'MUST',
    text: 'Answers a message that has no place in OpenConfirm with NOTIFICATION 5/2.',
  },
  {
    id: 'rfc6608-3-established-over-tcp',
    level: 'MUST',
    text: 'Answers a second OPEN in Established with NOTIFICATION 5/3.',
  },
  {
    id: 'rfc6608-4-data-over-tcp',
    level: 'MUST',
    text: 'Names the type of the message that had no place in the data of that NOTIFICATION.',
  },
  {
    id: 'rfc6793-4.1-as4-path-from-new-over-tcp',
    level: 'MUST',
    text: 'Discards AS4_PATH from a peer with four-octet AS numbers and goes on.',
  },
  {
    id: 'rfc6793-6-malformed-as4-path-over-tcp',
    level: 'MUST',
    text: 'Discards a malformed AS4_PATH, also where it comes before AS_PATH, and goes on.',
  },
  {
    id: 'rfc7313-5-marker-length-over-tcp',
    level: 'MUST',
    text: 'Answers a BoRR or EoRR of wrong length with NOTIFICATION 7/1, the data being the whole message.',
  },
  {
    id: 'rfc7313-5-unknown-subtype-over-tcp',
    level: 'MUST',
    text: 'Ignores a ROUTE-REFRESH of a subtype that it does not know.',
  },
  ...updateClauses(),
  {
    id: 'rfc7607-2-as-zero-open-over-tcp',
    level: 'MUST',
    text: 'Refuses an OPEN with AS 0, in the field or in the capability, with NOTIFICATION 2/2.',
  },
  {
    id: 'rfc7607-2-as-zero-path-over-tcp',
    level: 'MUST',
    text: 'Treats routes with AS 0 in AS_PATH as withdrawn and keeps the session.',
  },
  {
    id: 'rfc7607-2-as-zero-aggregator-over-tcp',
    level: 'MUST',
    text: 'Discards an AGGREGATOR with AS 0 and keeps the session.',
  },
  {
    id: 'rfc7911-4-unknown-send-receive-over-tcp',
    level: 'SHOULD',
    text: 'Ignores an add-path tuple whose Send/Receive field is none of the three that are defined.',
  },
  {
    id: 'rfc8092-6-large-community-length-over-tcp',
    level: 'MUST',
    text: 'Treats routes with LARGE_COMMUNITY of another length than a multiple of twelve as withdrawn and keeps the session.',
  },
  {
    id: 'rfc8654-4-not-advertised-over-tcp',
    level: 'MUST',
    text: 'Answers a message of more than 4,096 octets with NOTIFICATION 1/2 where it did not offer extended messages.',
  },
  {
    id: 'rfc8654-4-open-keepalive-length-over-tcp',
    level: 'MUST NOT',
    text: 'Takes no OPEN and no KEEPALIVE that is longer than 4,096 octets, also with extended messages.',
  },
  {
    id: 'rfc8654-4-receive-65535-over-tcp',
    level: 'MUST',
    text: 'Reads messages of up to 65,535 octets where it offered extended messages.',
  },
  {
    id: 'rfc9003-2-malformed-text-over-tcp',
    level: 'SHOULD',
    text: 'Takes the shutdown of a peer whose text is malformed, cut off or not UTF-8 as any other one.',
  },
  {
    id: 'rfc9003-6-sanitised-over-tcp',
    level: 'SHOULD',
    text: 'Lets no control character of a text from a peer through to a log or a screen.',
  },
  {
    id: 'rfc9072-2-lengths-over-tcp',
    level: 'MUST',
    text: 'Refuses an OPEN in the extended form whose lengths do not fit the message with NOTIFICATION 2/0.',
  },
  {
    id: 'rfc9072-2-extended-form-over-tcp',
    level: 'MUST',
    text: 'Reads optional parameters in the extended form, whatever the one-octet length says.',
  },
  {
    id: 'rfc9687-3-send-hold-over-tcp',
    level: 'MUST',
    text: 'Ends the TCP connection of a peer that takes nothing when the send hold time is over.',
  },
  {
    id: 'rfc9774-3-as-set-over-tcp',
    level: 'MUST',
    text: 'Treats routes with AS_SET or AS_CONFED_SET in AS_PATH as withdrawn and keeps the session.',
  },
]

/** RFC 7606: most of the rows about UPDATE. */
function updateClauses(): readonly Clause[] {
  return [
    clause('3-withdrawn-length', 'Ends a session with NOTIFICATION 3/1 where Withdrawn Routes exceed the UPDATE.'),
    clause('3-attributes-length', 'Ends a session with NOTIFICATION 3/1 where the path attributes exceed the UPDATE.'),
    clause(
      '3-flags',
      'Treats routes as withdrawn whose attribute has the Optional or Transitive bit in conflict with its kind.',
    ),
    clause('3-missing-attribute', 'Treats routes without a mandatory attribute as withdrawn.'),
    clause('3-duplicate', 'Uses the first of an attribute that occurs more than once and goes on.'),
    clause(
      '3-duplicate-mp',
      'Ends a session with NOTIFICATION 3/1 where MP_REACH_NLRI or MP_UNREACH_NLRI occurs twice.',
    ),
    clause(
      '4-total-length',
      'Finds the routes by the total length where the last attribute exceeds it, and treats them as withdrawn.',
    ),
    clause('4-remainder', 'Treats routes as withdrawn where fewer octets are left in the attributes than one needs.'),
    clause(
      '5.2-no-routes',
      'Ends a session for an attribute that is malformed where no reachable route is found in the UPDATE.',
    ),
    clause(
      '5.3-nlri',
      'Ends a session with NOTIFICATION 3/10 where a route in NLRI or Withdrawn Routes cannot be read.',
    ),
    clause('5.3-mp-nlri', 'Ends a session where a route in MP_REACH_NLRI or MP_UNREACH_NLRI cannot be read.'),
    clause('7.1-origin', 'Treats routes with a malformed ORIGIN as withdrawn.'),
    clause('7.2-as-path', 'Treats routes with a malformed AS_PATH as withdrawn.'),
    clause('7.3-next-hop', 'Treats routes with a NEXT_HOP of another length than four as withdrawn.'),
    clause('7.4-med', 'Treats routes with a MULTI_EXIT_DISC of another length than four as withdrawn.'),
    clause(
      '7.5-local-pref',
      'Treats routes with a LOCAL_PREF of another length than four from its own AS as withdrawn.',
    ),
    clause('7.5-local-pref-external', 'Discards LOCAL_PREF from another AS and goes on.'),
    clause('7.6-atomic-aggregate', 'Discards an ATOMIC_AGGREGATE that is not empty and goes on.'),
    clause('7.7-aggregator', 'Discards an AGGREGATOR of wrong length and goes on.'),
    clause('7.8-community', 'Treats routes with COMMUNITIES of another length than a multiple of four as withdrawn.'),
    clause(
      '7.9-originator-id',
      'Keeps the session for a malformed ORIGINATOR_ID: discarded from another AS, else the routes count as withdrawn.',
    ),
    clause(
      '7.10-cluster-list',
      'Keeps the session for a malformed CLUSTER_LIST: discarded from another AS, else the routes count as withdrawn.',
    ),
    clause(
      '7.11-next-hop-length',
      'Ends a session where the next hop in MP_REACH_NLRI has a length that no route can have.',
    ),
    clause(
      '7.14-extended-community',
      'Treats routes with extended communities of another length than a multiple of eight as withdrawn.',
    ),
  ]
}

function clause(words: string, text: string): Clause {
  return { id: `rfc7606-${words}-over-tcp`, level: 'MUST', text }
}
