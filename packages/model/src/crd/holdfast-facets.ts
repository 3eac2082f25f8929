import { conditionFacets } from './metallb-facets.ts'
import type { CelRule } from './definition.ts'
import type { Facet, Facets } from './structural.ts'

/*
 * What the API server checks of our own kinds beside types and bounds: the rules of the zod schemas once more, in CEL and regular
 * expressions. The vectors in ../testing/crd-vectors.ts hold the two together: each is given to both.
 */

const rules = (...validations: readonly CelRule[]) => ({ 'x-kubernetes-validations': validations })

const set = { 'x-kubernetes-list-type': 'set' }
const atomic = { 'x-kubernetes-list-type': 'atomic' }
const keyedBy = (...keys: readonly string[]) => ({
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': keys,
})

const int64 = { format: 'int64' }

/** RFC 1123's subdomain, as Kubernetes names most objects. */
const objectName = { maxLength: 253, pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$' }
const namespaceName = { maxLength: 63 }

const qualified = '[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?'
const labelKey = `^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?${qualified}$`
const labelValue = `^(${qualified})?$`

/** Label selectors, each at most once, that can match. */
const selectors = (path: string, description: string): Facets => ({
  [path]: { description, maxItems: 32, ...set },
  [`${path}[]`]: {
    description: 'A label selector: all of it must match. An empty one matches everything.',
    'x-kubernetes-map-type': 'atomic',
  },
  [`${path}[].matchLabels`]: {
    description: 'Labels with the values that they must have.',
    maxProperties: 32,
    additionalProperties: { type: 'string', maxLength: 63, pattern: labelValue },
    ...rules({
      rule: `self.all(key, size(key) <= 317 && key.matches('${labelKey}'))`,
      message: 'a key is not a label key',
    }),
  },
  [`${path}[].matchExpressions`]: {
    description: 'Conditions on labels, all of which must hold.',
    maxItems: 32,
    ...set,
  },
  [`${path}[].matchExpressions[]`]: {
    description: 'A condition on one label.',
    'x-kubernetes-map-type': 'atomic',
    ...rules({
      rule:
        "self.operator in ['In', 'NotIn'] ? has(self.values) && self.values.size() > 0 : " +
        '!has(self.values) || self.values.size() == 0',
      message: 'In and NotIn need values; Exists and DoesNotExist take none',
    }),
  },
  [`${path}[].matchExpressions[].key`]: { description: 'The key of the label.', maxLength: 317, pattern: labelKey },
  [`${path}[].matchExpressions[].operator`]: {
    description: 'How the label is compared.',
    enum: ['In', 'NotIn', 'Exists', 'DoesNotExist'],
  },
  [`${path}[].matchExpressions[].values`]: {
    description: 'The values for In and NotIn; none for the other operators.',
    maxItems: 64,
    ...set,
  },
  [`${path}[].matchExpressions[].values[]`]: { description: 'A value.', maxLength: 63, pattern: labelValue },
})

/** A duration as Go writes it, from `from` to `to`, which are such texts too. */
const span = (description: string, from: string, to: string): Facet => ({
  description,
  maxLength: 32,
  ...rules({
    rule: `duration(self) >= duration('${from}') && duration(self) <= duration('${to}')`,
    message: `the time must be from ${from} to ${to}`,
  }),
})

/** Nothing shorter than a millisecond, which CEL could not see. */
const wholeSeconds = (description: string, from: string, to: string): Facet => ({
  description,
  maxLength: 32,
  pattern: '^(0|([0-9]+ms|[0-9]*(\\.[0-9]{0,3})?[smh])+)$',
  ...rules({
    rule:
      `duration(self) >= duration('${from}') && duration(self) <= duration('${to}') && ` +
      'duration(self).getMilliseconds() % 1000 == 0',
    message: `the time must be whole seconds from ${from} to ${to}`,
  }),
})

const nextHop = (description: string, family: 4 | 6, multicast: string): Facet => ({
  description,
  maxLength: 45,
  ...rules({
    rule:
      `isIP(self) && ip(self).family() == ${family} && !ip(self).isUnspecified() && ` +
      `!cidr('${multicast}').containsIP(ip(self))`,
    message: `the next hop must be the IPv${family} address of a host`,
  }),
})

const extendedCommunity: Facet = {
  description: 'One community.',
  maxLength: 40,
  pattern: '^(0x[0-9A-Fa-f]{16}|(rt|soo):([0-9]{1,10}|[0-9]{1,3}(\\.[0-9]{1,3}){3}):[0-9]{1,10})$',
  ...rules({
    // Behind an AS number of two octets there is room for four, else for two (RFC 4360 section 3, RFC 5668).
    rule:
      "self.startsWith('0x') || (" +
      "isIP(self.split(':')[1]) ? int(self.split(':')[2]) <= 65535 : " +
      "!self.split(':')[1].contains('.') && int(self.split(':')[1]) <= 4294967295 && " +
      "int(self.split(':')[2]) <= (int(self.split(':')[1]) <= 65535 ? 4294967295 : 65535))",
    message: 'a number of the community is too large, or its address is none',
  }),
}

export const peerPolicyFacets: Facets = {
  '': {
    description: 'What is said of sessions, and of which. Everything may be left out.',
    ...rules({
      rule: '!(has(self.ttl) && has(self.ttlSecurity))',
      message: 'only one of ttl and ttlSecurity can be set',
    }),
  },
  peers: { description: 'Names of BGPPeers. With neither peers nor peerSelectors every peer is selected.', ...set },
  ...selectors('peerSelectors', 'BGPPeers, by label.'),
  ...selectors('nodeSelectors', 'Nodes on which the policy is in force; without it all of them.'),
  ttlSecurity: 'GTSM (RFC 5082): drops packets that come from farther away.',
  'ttlSecurity.hops': 'How many hops the router is away at most; 1 is a router on the same network.',
  ttl: 'TTL or hop limit of what is sent.',
  gracefulRestart: 'Graceful restart (RFC 4724).',
  'gracefulRestart.mode': 'Auto offers it to every router, Disabled to none. Auto unless set.',
  'gracefulRestart.restartTime': wholeSeconds(
    'How long the router is asked to keep our routes; 120s unless set.',
    '1s',
    '4095s',
  ),
  'gracefulRestart.longLivedStaleTime': wholeSeconds(
    'For how long routes are kept after that as a last resort (RFC 9494); 0s is off.',
    '0s',
    '16777215s',
  ),
  gracefulShutdown: 'Graceful shutdown (RFC 8326) of a node that leaves.',
  'gracefulShutdown.wait': span('How long routes are marked before they are withdrawn; 2s unless set.', '0s', '1h'),
  asPathPrepend: 'How many more times our AS number stands in AS_PATH on eBGP.',
  med: { description: 'MULTI_EXIT_DISC of all routes.', ...int64 },
  linkBandwidthMbps: { description: 'Link bandwidth community of all routes, in megabits a second.', ...int64 },
  nextHop: 'Next hops in place of the local address of the session.',
  'nextHop.ipv4': nextHop('Next hop of IPv4 routes.', 4, '224.0.0.0/4'),
  'nextHop.ipv6': nextHop('Next hop of IPv6 routes.', 6, 'ff00::/8'),
  extendedCommunities: {
    description: 'Extended communities of all routes: rt:65000:100, soo:192.0.2.1:7, or 0x and 16 hexadecimal digits.',
    maxItems: 256,
    ...atomic,
  },
  'extendedCommunities[]': extendedCommunity,
  addPath: 'Whether routes are offered with path identifiers (RFC 7911). Disabled unless set.',
  extendedNextHop: 'Whether IPv4 routes may have IPv6 next hops (RFC 8950).',
  prefixLimit: { description: 'How many prefixes the router may announce before the session is ended.', ...int64 },
  role: 'Our role in the relation of the two AS (RFC 9234).',
  roleStrict: 'Whether a router that tells no role is refused.',
  localAS: 'How localASN of the BGPPeer is shown.',
  'localAS.replaceAS': 'Whether the router sees that AS alone, or myASN behind it.',
  sendHoldTime: wholeSeconds('How long the router may take nothing of what is sent (RFC 9687).', '3s', '65535s'),
  connectionMode: 'Whether we connect to the router (Active) or wait for it (Passive). Active unless set.',
  delayOpenTime: wholeSeconds('How long the OPEN waits for that of the router; 0s is off.', '0s', '240s'),
  withheldCapabilities: { description: 'Capabilities that are not offered to the router.', ...set },
  'withheldCapabilities[]': 'One capability.',
  tcpAO: 'TCP-AO (RFC 5925).',
  'tcpAO.keys': {
    description: 'The keys: the first one is sent with, every one is accepted.',
    minItems: 1,
    maxItems: 64,
    ...atomic,
    ...rules(
      { rule: 'self.all(a, self.exists_one(b, b.sendID == a.sendID))', message: 'two keys have the same sendID' },
      {
        rule: 'self.all(a, self.exists_one(b, b.receiveID == a.receiveID))',
        message: 'two keys have the same receiveID',
      },
    ),
  },
  'tcpAO.keys[]': 'One key.',
  'tcpAO.keys[].sendID': 'KeyID in what we send.',
  'tcpAO.keys[].receiveID': 'KeyID in what the router sends.',
  'tcpAO.keys[].algorithm': 'One of the algorithms of RFC 5926.',
  'tcpAO.keys[].secret': 'The Secret of type kubernetes.io/basic-auth whose key password is the key.',
  'tcpAO.keys[].secret.name': { description: 'Name of the Secret.', ...objectName },
  'tcpAO.keys[].secret.namespace': {
    description: 'Namespace of the Secret; that of the policy unless set.',
    ...namespaceName,
  },
}

export const peerPolicyStatusFacets: Facets = {
  '': 'What became of the policy. Written by the controller.',
  conditions: { description: 'Conditions of the policy.', ...keyedBy('type') },
  ...conditionFacets('conditions[]'),
}

/**
 * By address. One writer owns a map as a whole, and nothing but its size is checked by a rule: the API server noted who owns which item of
 * a list, and that and rules over items took it twice as long as all else of a write.
 */
const byAddress = (description: string, maxLength: number): Facet => ({
  description,
  maxProperties: 64,
  additionalProperties: { type: 'string', maxLength },
  'x-kubernetes-map-type': 'atomic',
})

/** Two blocks can hold no address in common: a block is named by its first address, and each name is there once. */
export const addressBlockValidations: readonly CelRule[] = [
  {
    rule:
      "self.metadata.name.matches('^(ipv4-[0-9.]+|ipv6(-(0|[1-9a-f][0-9a-f]{0,3})){8})$') && " +
      "ip(self.metadata.name.substring(5).replace('-', ':')) == cidr(self.spec.cidr).ip()",
    message: 'the name must be ipv4- or ipv6- and the first address of spec.cidr',
  },
]

export const addressBlockFacets: Facets = {
  '': {
    description: 'Who holds which address of the block, and who held those that are free. Written by the controller.',
    ...rules({ rule: 'self.inUse == self.addresses.size()', message: 'inUse must be the number of addresses' }),
  },
  cidr: {
    description: 'The block: 64 addresses.',
    maxLength: 49,
    ...rules(
      {
        rule:
          'isCIDR(self) && cidr(self) == cidr(self).masked() && string(cidr(self)) == self && ' +
          'cidr(self).prefixLength() == (cidr(self).ip().family() == 4 ? 26 : 122)',
        message: 'the CIDR must be a /26 of IPv4 or a /122 of IPv6 in canonical form',
      },
      { rule: 'self == oldSelf', message: 'the field cannot be changed' },
    ),
  },
  inUse: { description: 'How many addresses are in use.', format: 'int32', minimum: 0, maximum: 64 },
  addresses: byAddress(
    'Addresses in use, in their canonical form. Each says in JSON the name of the IPAddressPool that it was granted from (`pool`; empty: ' +
      'not known) and the Services that hold it, several where they share it (`holders`): their `namespace`, `name` and `uid`, and the ' +
      '`terms` under which they were given it (sharing key and ports, or their SHA-256 where they are long; left out where somebody ' +
      'else granted it).',
    1 << 20,
  ),
  released: byAddress(
    'Free addresses that were in use, in their canonical form. Each says in JSON which Service held it last (`service`, as ' +
      'namespace/name) and when it was released (`time`, in UTC with microseconds): the longest unused address is handed out first.',
    512,
  ),
  reserved: byAddress(
    'Addresses, in their canonical form, that a leading controller has set aside for the Services that come next, each with the number of ' +
      'its leadership (the `resourceVersion` of the Lease as it was acquired): nobody else gives them away, and a Service can name one a ' +
      'moment before it stands under `addresses`. They can be in use or released besides.',
    20,
  ),
}

export const nodeStateSpecFacets: Facets = {
  '': 'What is asked of the node.',
  drain: 'Asks the node to leave: its routes are marked, then withdrawn. Left out: the node announces.',
  'drain.requestedAt': 'When it was asked for.',
  'drain.requestedBy': { description: 'Who asked for it.', maxLength: 253 },
  'drain.reason': { description: 'Why, for other people.', maxLength: 1024 },
  question:
    'Whether the speaker is alive and has seen what stands beside it: written by the speaker of a node that leaves and relies on this one, ' +
    'and by commands that people give. The last one stays.',
  'question.id': { description: 'What status.answer is to say.', maxLength: 64 },
  'question.askedBy': { description: 'Who asks: a node that leaves, or a person.', maxLength: 253 },
  'question.askedAt': 'When it asked.',
}

export const nodeStateStatusFacets: Facets = {
  '': 'What the speaker of the node says of it.',
  version: { description: 'Version of the speaker.', maxLength: 64 },
  sessionsReady: {
    description: 'Established sessions and all sessions: 2/3.',
    pattern: '^[0-9]+/[0-9]+$',
    maxLength: 21,
  },
  sessions: { description: 'The BGP sessions of the node, those that cannot be opened included.', ...keyedBy('peer') },
  'sessions[]': 'A session.',
  'sessions[].peer': { description: 'Name of the BGPPeer.', maxLength: 253 },
  'sessions[].address': 'Address of the router, or the interface of an unnumbered session.',
  'sessions[].vrf': 'The VRF that the session lives in; left out: the default one.',
  'sessions[].state': 'State of RFC 4271 section 8.2.2, or NotOpened.',
  'sessions[].since': 'Since when it is in this state.',
  'sessions[].reason': 'Why it is in this state, in a sentence.',
  'sessions[].lastError': 'What ended it last, in a sentence.',
  'sessions[].lastErrorTime': 'When that was.',
  'sessions[].negotiated': 'What both sides agreed on, while the session is established.',
  'sessions[].negotiated.remoteASN': { description: 'AS number of the router.', ...int64 },
  'sessions[].negotiated.remoteRouterID': 'BGP identifier of the router.',
  'sessions[].negotiated.remoteSoftware': 'What the router says that it runs.',
  'sessions[].negotiated.holdTimeSeconds': { description: 'Hold time; 0 is off.', ...int64 },
  'sessions[].negotiated.keepaliveTimeSeconds': { description: 'How often keepalives are sent.', ...int64 },
  'sessions[].negotiated.families': { description: 'Address families.', ...atomic },
  'sessions[].negotiated.families[]': 'A family.',
  'sessions[].negotiated.internal': 'Whether both are in one AS.',
  'sessions[].negotiated.fourOctetASN': 'Whether AS numbers have four octets (RFC 6793).',
  'sessions[].negotiated.routeRefresh': 'Route refresh (RFC 2918), or enhanced (RFC 7313).',
  'sessions[].negotiated.addPath': { description: 'Families with path identifiers (RFC 7911).', ...atomic },
  'sessions[].negotiated.addPath[]': 'A family.',
  'sessions[].negotiated.extendedNextHop': {
    description: 'Families with next hops of the other one (RFC 8950).',
    ...atomic,
  },
  'sessions[].negotiated.extendedNextHop[]': 'A family.',
  'sessions[].negotiated.role': 'Our role (RFC 9234).',
  'sessions[].negotiated.restartTimeSeconds': {
    description: 'How long the router keeps our routes; left out: no graceful restart.',
    ...int64,
  },
  'sessions[].negotiated.peerRestartTimeSeconds': { description: 'The restart time that the router tells.', ...int64 },
  'sessions[].negotiated.longLivedStaleTimeSeconds': {
    description: 'For how long routes are kept after that (RFC 9494).',
    ...int64,
  },
  'sessions[].bfd': 'State of the BFD session (RFC 5880) that watches over it; left out: there is none.',
  'sessions[].routes': { description: 'Prefixes that were sent to the router.', ...int64 },
  routes: { description: 'Prefixes that the node announces to at least one peer.', ...int64 },
  serviceStatuses: {
    description:
      'Whether a ServiceBGPStatus tells of each Service that the node announces. Left out: All. None: they are switched off.',
  },
  drain: 'How far the node has left. Left out, or Active: it announces.',
  'drain.phase': 'GracefulShutdown: routes are marked. HeldBack: some stay. Withdrawn: none is left.',
  'drain.since': 'Since when.',
  'drain.cause': { description: 'What the node leaves for, in one word.', maxLength: 64 },
  'drain.message': 'The same in a sentence.',
  'drain.requestedAt': 'spec.drain.requestedAt of the request that all of this is said of. Left out: nobody asked.',
  'drain.remainingConnections': { description: 'Connections through the node that have not ended.', ...int64 },
  'drain.silentConnections': {
    description: 'Those of remainingConnections that no packet has passed for longer than --connection-silence.',
    ...int64,
  },
  'drain.heldBack': { description: 'Prefixes that stay, though the node is to leave.', ...keyedBy('prefix') },
  'drain.heldBack[]': 'A prefix.',
  'drain.heldBack[].prefix': { description: 'The prefix.', maxLength: 49 },
  'drain.heldBack[].reason':
    'Why it stays. lastAnnouncer: no other node announces it. noAnswer: one does, but its speaker does not answer. othersUnknown: it ' +
    'could not be found out.',
  'drain.heldBack[].node': { description: 'The node whose speaker does not answer.', maxLength: 253 },
  answer: { description: 'Id of the last spec.question that the speaker has seen: it was alive then.', maxLength: 64 },
  conditions: {
    description: 'Conditions of the node: Announcing, SafeToReboot, ConfigurationValid.',
    ...keyedBy('type'),
  },
  ...conditionFacets('conditions[]'),
}
