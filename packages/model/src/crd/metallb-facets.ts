import type { Facet, Facets } from './structural.ts'

/*
 * MetalLB's schemas where they say more or less than the schemas that we read by, so that the API server accepts and stores a user's
 * objects as it did: what is checked beyond that is checked when the object is read.
 */

const atomic = { 'x-kubernetes-list-type': 'atomic' }

/** A list of metav1.LabelSelector. */
const selectors = (path: string, description: string): Facets => ({
  [path]: description,
  [`${path}[]`]: {
    description: 'A label selector: all of it must match. An empty one matches everything.',
    'x-kubernetes-map-type': 'atomic',
  },
  [`${path}[].matchLabels`]: 'Labels with the values that they must have.',
  [`${path}[].matchExpressions`]: { description: 'Conditions on labels, all of which must hold.', ...atomic },
  [`${path}[].matchExpressions[]`]: 'A condition on one label.',
  [`${path}[].matchExpressions[].key`]: 'The key of the label.',
  [`${path}[].matchExpressions[].operator`]: 'In, NotIn, Exists or DoesNotExist.',
  [`${path}[].matchExpressions[].values`]: {
    description: 'The values for In and NotIn; none for the other operators.',
    ...atomic,
  },
})

const int32 = { format: 'int32' }
const int64 = { format: 'int64' }

/** AS numbers; 0 passes the schema and is refused when the object is read. */
const asn = { ...int64, minimum: 0, maximum: 0xffffffff }

const immutable = (description: string): Facet => ({
  description,
  'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'the field cannot be changed' }],
})

export const poolFacets: Facets = {
  '': 'The addresses of the pool, and which Services may have them.',
  addresses:
    'CIDRs such as 192.0.2.0/24 and ranges such as 192.0.2.10-192.0.2.20, of both families; served in this order.',
  autoAssign: 'Whether Services get addresses of the pool without asking for it by name or address.',
  avoidBuggyIPs: 'Whether IPv4 addresses that end in .0 or .255 are left out.',
  serviceAllocation: 'Which Services may have addresses of the pool; without it all of them.',
  'serviceAllocation.priority': 'Pools that a Service may use are tried from the lowest to the highest; 0 comes last.',
  'serviceAllocation.namespaces': 'Namespaces, by name, whose Services may use the pool.',
  ...selectors('serviceAllocation.namespaceSelectors', 'Namespaces, by label, whose Services may use the pool.'),
  ...selectors('serviceAllocation.serviceSelectors', 'Services, by label, that may use the pool.'),
}

export const poolStatusFacets: Facets = {
  '': 'How much of the pool is in use. Written by the controller.',
  assignedIPv4: { description: 'IPv4 addresses in use.', ...int64 },
  assignedIPv6: { description: 'IPv6 addresses in use.', ...int64 },
  availableIPv4: { description: 'IPv4 addresses that are free.', ...int64 },
  availableIPv6: { description: 'IPv6 addresses that are free, up to the largest 64-bit number.', ...int64 },
}

export const advertisementFacets: Facets = {
  '': {
    description: 'Which pools are announced to which peers, from which nodes, and with which attributes.',
    'x-kubernetes-validations': [
      {
        rule:
          '!has(self.serviceSelectors) || self.serviceSelectors.size() == 0 || ' +
          '((!has(self.aggregationLength) || self.aggregationLength == 32) && ' +
          '(!has(self.aggregationLengthV6) || self.aggregationLengthV6 == 128))',
        message: 'serviceSelectors can be used only with aggregationLength 32 and aggregationLengthV6 128',
      },
    ],
  },
  aggregationLength: { description: 'Length of the IPv4 prefixes that are announced.', ...int32, maximum: undefined },
  aggregationLengthV6: {
    description: 'Length of the IPv6 prefixes that are announced.',
    ...int32,
    minimum: undefined,
    maximum: undefined,
  },
  localPref: {
    description: 'LOCAL_PREF of the routes on iBGP sessions; the highest is preferred.',
    ...int32,
    minimum: undefined,
    maximum: undefined,
  },
  communities: 'Communities of the routes: 65000:100, large:65000:1:2, or an alias of a Community object.',
  ipAddressPools: 'Pools, by name. With neither names nor selectors all pools are announced.',
  ...selectors('ipAddressPoolSelectors', 'Pools, by label.'),
  ...selectors('nodeSelectors', 'Nodes that announce; without it all of them.'),
  peers: 'BGPPeers, by name, that are told; without it all of them.',
  ...selectors('serviceSelectors', 'Services whose addresses are announced; without it all of the pools.'),
}

const peerFacets: Facets = {
  '': 'A BGP session with a router.',
  myASN: { description: 'Our AS number.', ...asn },
  sourceAddress: 'The local address of the session.',
  routerID: 'Our BGP identifier, written as an IPv4 address.',
  holdTime: 'The hold time (RFC 4271): 0s or at least 3s.',
  keepaliveTime: 'How often keepalives are sent; a third of the hold time unless set.',
  password: 'Key for TCP MD5 (RFC 2385).',
  bfdProfile: 'The BFDProfile of the BFD session that watches over this one; without it there is none.',
  ebgpMultiHop: 'Whether the router is more than one hop away.',
}

export const peerV1beta2Facets: Facets = {
  ...peerFacets,
  ...selectors('nodeSelectors', 'Nodes that have the session; without it all of them.'),
  peerASN: { description: 'AS number of the router. Either this or dynamicASN.', ...asn },
  dynamicASN: 'Takes any AS number of the router that is ours (internal) or is not ours (external).',
  localASN: { description: 'AS number that is told to the router in place of myASN.', ...int64 },
  peerAddress: 'Address of the router. Either this or interface.',
  interface: 'Network interface whose only router is the peer (unnumbered).',
  peerPort: { description: 'TCP port of the router.', minimum: 1, maximum: 16_384 },
  connectTime: {
    description: 'How long to wait between attempts to connect, in whole seconds.',
    'x-kubernetes-validations': [
      {
        rule: 'duration(self).getSeconds() >= 1 && duration(self).getSeconds() <= 65535',
        message: 'the time must be from 1s to 65535s',
      },
      { rule: 'duration(self).getMilliseconds() % 1000 == 0', message: 'the time must be whole seconds' },
    ],
  },
  passwordSecret: {
    description: 'The Secret of type kubernetes.io/basic-auth whose key password is the key for TCP MD5.',
    'x-kubernetes-map-type': 'atomic',
  },
  'passwordSecret.name': 'Name of the Secret.',
  'passwordSecret.namespace': 'Namespace of the Secret.',
  enableGracefulRestart: {
    description: 'Asks for graceful restart (RFC 4724).',
    'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'the field cannot be changed' }],
  },
  vrf: 'The VRF that the session lives in.',
  disableMP: 'Deprecated, without effect.',
  dualStackAddressFamily: 'Whether routes of both families are exchanged, not only those of the family of the session.',
}

const oldSelector = 'nodeSelectors[].matchExpressions[]'

export const peerV1beta1Facets: Facets = {
  ...peerFacets,
  nodeSelectors: 'Nodes that have the session; without it all of them.',
  'nodeSelectors[]': 'A label selector: all of it must match.',
  'nodeSelectors[].matchLabels': 'Labels with the values that they must have.',
  'nodeSelectors[].matchExpressions': 'Conditions on labels, all of which must hold.',
  [oldSelector]: { description: 'A condition on one label.', required: ['key', 'operator', 'values'] },
  [`${oldSelector}.key`]: 'The key of the label.',
  [`${oldSelector}.operator`]: 'In, NotIn, Exists or DoesNotExist.',
  [`${oldSelector}.values`]: { description: 'The values for In and NotIn.', minItems: 1 },
  peerASN: { description: 'AS number of the router.', ...asn },
  peerAddress: 'Address of the router.',
  peerPort: { description: 'TCP port of the router; 0 stands for 179.', default: undefined, maximum: 16_384 },
}

export const bfdFacets: Facets = {
  '': 'Settings of BFD sessions (RFC 5880). Intervals are milliseconds.',
  receiveInterval: { description: 'The shortest interval between received packets; 300 unless set.', ...int32 },
  transmitInterval: { description: 'The shortest interval between sent packets; 300 unless set.', ...int32 },
  echoInterval: { description: 'The shortest interval between received echo packets; 50 unless set.', ...int32 },
  detectMultiplier: { description: 'After so many missing packets the session is down.', ...int32 },
  echoMode: 'Whether echo packets are sent; not possible over several hops.',
  passiveMode: 'Whether to wait for the first packet of the router.',
  minimumTtl: { description: 'Over several hops, the least TTL that a packet may arrive with.', ...int32 },
}

export const communityFacets: Facets = {
  '': 'Names for communities.',
  communities: 'The aliases. Each name may be defined once in all objects of the kind.',
  'communities[]': { description: 'One alias.', required: undefined },
  'communities[].name': 'The name that advertisements use.',
  'communities[].value': 'The community: 65000:100 or large:65000:1:2.',
}

export const layer2Facets: Facets = {
  '': 'Which pools MetalLB announces on layer 2. Holdfast keeps the object, reports it, and does nothing with it.',
  ipAddressPools: 'Pools, by name.',
  ...selectors('ipAddressPoolSelectors', 'Pools, by label.'),
  ...selectors('nodeSelectors', 'Nodes that announce.'),
  ...selectors('serviceSelectors', 'Services whose addresses are announced.'),
  interfaces: 'Network interfaces that are announced on.',
  preferredNodeSelectors: 'Nodes that are preferred, by weight.',
  'preferredNodeSelectors[]': 'Nodes and how much they are preferred.',
  'preferredNodeSelectors[].weight': { description: 'How much: 1 to 100.', ...int32 },
  ...oneSelector('preferredNodeSelectors[].preference', 'The nodes.'),
}

/** The facets of one selector are those of an element of a list. */
function oneSelector(path: string, description: string): Facets {
  const entries = Object.entries(selectors('x', description)).filter(([key]) => key !== 'x')
  const facets = Object.fromEntries(entries.map(([key, facet]) => [key.replace('x[]', path), facet]))
  return { ...facets, [path]: { description, 'x-kubernetes-map-type': 'atomic' } }
}

export const layer2StatusFacets: Facets = {
  '': 'Which node announces a Service on layer 2. Written by MetalLB.',
  node: immutable('Name of the node.'),
  serviceName: immutable('Name of the Service.'),
  serviceNamespace: immutable('Namespace of the Service.'),
  interfaces: 'Where it is announced.',
  'interfaces[]': 'A network interface.',
  'interfaces[].name': 'Its name.',
}

export const bgpStatusFacets: Facets = {
  '': 'Which peers a node is to announce a Service to. Written by the speaker of the node.',
  node: immutable('Name of the node.'),
  serviceName: immutable('Name of the Service.'),
  serviceNamespace: immutable('Namespace of the Service.'),
  peers: 'Names of the BGPPeers. What their sessions do is in NodeState.',
}

export const configurationStatusFacets: Facets = {
  '': 'Whether the configuration is valid for one program.',
  result: 'Valid, Invalid or Unknown.',
  errorSummary: 'What is wrong; empty where the result is Valid.',
  conditions: {
    description: 'Conditions of the parts of the program.',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['type'],
  },
  ...conditionFacets('conditions[]'),
}

/** metav1.Condition, with the limits of Kubernetes. */
export function conditionFacets(path: string): Facets {
  return {
    [path]: 'One aspect of the state.',
    [`${path}.type`]: {
      description: 'Which aspect.',
      maxLength: 316,
      pattern:
        '^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$',
    },
    [`${path}.status`]: 'True, False or Unknown.',
    [`${path}.reason`]: {
      description: 'Why, in one word.',
      minLength: 1,
      maxLength: 1024,
      pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$',
    },
    [`${path}.message`]: { description: 'Why, in a sentence.', maxLength: 32_768 },
    [`${path}.lastTransitionTime`]: 'Since when the status is this one.',
    [`${path}.observedGeneration`]: { description: 'metadata.generation that the condition is of.', ...int64 },
  }
}
