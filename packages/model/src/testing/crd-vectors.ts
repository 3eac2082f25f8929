/*
 * Objects that the API server is to accept or to refuse by our CRDs. They are given to the schemas that we read by as well, so that
 * the two cannot come apart unseen.
 */

type Fields = Readonly<Record<string, unknown>>

export interface CrdVector {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly spec: Fields | undefined
  /** Written once the object is there, as a status is; undefined: none is. */
  readonly status: Fields | undefined
  /** A spec that replaces the first one, which is accepted; undefined: there is no change. */
  readonly change: Fields | undefined
  /** Whether the API server accepts it. */
  readonly accepted: boolean
  /** Whether our reader does: it refuses more of MetalLB's kinds, whose schemas are MetalLB's. undefined: not asked. */
  readonly readable: boolean | undefined
  /** Why it is accepted or not, in a few words. */
  readonly why: string
}

interface More {
  readonly name?: string
  readonly status?: Fields
  readonly change?: Fields
  readonly readable?: boolean | undefined
}

const vectorsOf = (apiVersion: string, kind: string) => {
  const vector =
    (accepted: boolean) =>
    (why: string, spec: Fields | undefined, more: More = {}): CrdVector => ({
      apiVersion,
      kind,
      name: 'vector',
      spec,
      status: undefined,
      change: undefined,
      accepted,
      readable: accepted,
      why,
      ...more,
    })
  return { good: vector(true), bad: vector(false) }
}

const policies = vectorsOf('holdfast.dev/v1alpha1', 'PeerPolicy')
const { good, bad } = policies

const key = (sendID: number, receiveID: number, more: Fields = {}): Fields => ({
  sendID,
  receiveID,
  algorithm: 'HMAC-SHA-1-96',
  secret: { name: 'tor' },
  ...more,
})

const inSelector = (matchExpression: Fields): Fields => ({ peerSelectors: [{ matchExpressions: [matchExpression] }] })

const peerPolicies: readonly CrdVector[] = [
  good('nothing said', {}),
  good('all selections', {
    peers: ['a', 'b'],
    peerSelectors: [{ matchLabels: { 'example.com/row': 'a', empty: '' } }],
    nodeSelectors: [{ matchExpressions: [{ key: 'rack', operator: 'In', values: ['r1', 'r2'] }] }, {}],
  }),
  bad('a peer twice', { peers: ['a', 'a'] }),
  bad('a selector twice', { peerSelectors: [{ matchLabels: { a: 'b' } }, { matchLabels: { a: 'b' } }] }),
  bad('an unknown operator', inSelector({ key: 'a', operator: 'Is', values: ['b'] })),
  bad('In without values', inSelector({ key: 'a', operator: 'In' })),
  bad('NotIn with an empty list', inSelector({ key: 'a', operator: 'NotIn', values: [] })),
  bad('Exists with values', inSelector({ key: 'a', operator: 'Exists', values: ['b'] })),
  good('Exists without values', inSelector({ key: 'example.com/a_b.c', operator: 'Exists' })),
  good('DoesNotExist with an empty list', inSelector({ key: 'a', operator: 'DoesNotExist', values: [] })),
  bad('a value twice', inSelector({ key: 'a', operator: 'In', values: ['b', 'b'] })),
  bad('an empty key', inSelector({ key: '', operator: 'Exists' })),
  bad('a key that is none', inSelector({ key: '-a', operator: 'Exists' })),
  bad('a value that is none', inSelector({ key: 'a', operator: 'In', values: ['b c'] })),
  bad('a label key that is none', { nodeSelectors: [{ matchLabels: { 'a b': 'c' } }] }),
  bad('a label value that is none', { nodeSelectors: [{ matchLabels: { a: '/' } }] }),
  bad('a selector without a key', inSelector({ operator: 'Exists' })),
  good('GTSM over one hop', { ttlSecurity: { hops: 1 } }),
  bad('no hops', { ttlSecurity: { hops: 0 } }),
  bad('255 hops', { ttlSecurity: { hops: 255 } }),
  bad('ttlSecurity without hops', { ttlSecurity: {} }),
  good('a TTL', { ttl: 255 }),
  bad('TTL 0', { ttl: 0 }),
  bad('TTL and GTSM', { ttl: 2, ttlSecurity: { hops: 1 } }),
  good('graceful restart', { gracefulRestart: { mode: 'Auto', restartTime: '4095s', longLivedStaleTime: '1h' } }),
  good('compound and fractional durations', { gracefulRestart: { restartTime: '1m30s', longLivedStaleTime: '1.5h' } }),
  bad('an unknown mode', { gracefulRestart: { mode: 'On' } }),
  bad('a restart time of 0s', { gracefulRestart: { restartTime: '0s' } }),
  bad('a restart time of 4096s', { gracefulRestart: { restartTime: '4096s' } }),
  bad('a restart time that is no number of seconds', { gracefulRestart: { restartTime: '1500ms' } }),
  bad('a restart time with a part of a millisecond', { gracefulRestart: { restartTime: '1s1us' } }),
  bad('a number for a duration', { gracefulRestart: { restartTime: 120 } }),
  bad('a duration without a unit', { gracefulRestart: { restartTime: '120' } }),
  good('no long-lived routes', { gracefulRestart: { longLivedStaleTime: '0' } }),
  bad('long-lived routes for too long', { gracefulRestart: { longLivedStaleTime: '16777216s' } }),
  good('a graceful shutdown of part of a second', { gracefulShutdown: { wait: '500ms' } }),
  good('no wait', { gracefulShutdown: { wait: '0s' } }),
  bad('a wait before the beginning', { gracefulShutdown: { wait: '-1s' } }),
  bad('a wait of more than an hour', { gracefulShutdown: { wait: '1h1s' } }),
  bad('a graceful shutdown without a wait', { gracefulShutdown: {} }),
  good('attributes', { asPathPrepend: 16, med: 4294967295, linkBandwidthMbps: 100000000 }),
  bad('too many prepended', { asPathPrepend: 17 }),
  bad('a MED of 33 bits', { med: 4294967296 }),
  bad('a negative MED', { med: -1 }),
  bad('no bandwidth', { linkBandwidthMbps: 0 }),
  bad('a MED that is not whole', { med: 1.5 }),
  good('next hops', { nextHop: { ipv4: '192.0.2.1', ipv6: '2001:db8::1' } }),
  good('a link-local next hop', { nextHop: { ipv6: 'fe80::1' } }),
  bad('a next hop of the other family', { nextHop: { ipv4: '2001:db8::1' } }),
  bad('an IPv4 next hop of IPv6 routes', { nextHop: { ipv6: '192.0.2.1' } }),
  bad('the unspecified address as next hop', { nextHop: { ipv4: '0.0.0.0' } }),
  bad('a multicast next hop', { nextHop: { ipv4: '224.0.0.1' } }),
  bad('an IPv6 multicast next hop', { nextHop: { ipv6: 'ff02::1' } }),
  bad('a next hop with a zone', { nextHop: { ipv6: 'fe80::1%eth0' } }),
  bad('a next hop with a leading zero', { nextHop: { ipv4: '192.0.2.01' } }),
  bad('a CIDR as next hop', { nextHop: { ipv4: '192.0.2.0/24' } }),
  good('extended communities', {
    extendedCommunities: ['rt:65000:4294967295', 'soo:192.0.2.1:65535', 'rt:4294967295:1', '0x4004fde848bebc20'],
  }),
  bad('a number behind a long AS number that has 17 bits', { extendedCommunities: ['rt:65536:65536'] }),
  bad('a number behind a short AS number that has 33 bits', { extendedCommunities: ['rt:65000:4294967296'] }),
  bad('a number behind an address that has 17 bits', { extendedCommunities: ['rt:192.0.2.1:65536'] }),
  bad('an AS number of 33 bits', { extendedCommunities: ['rt:4294967296:1'] }),
  bad('an address that is none', { extendedCommunities: ['rt:192.0.2.300:1'] }),
  bad('an unknown type', { extendedCommunities: ['color:1:2'] }),
  bad('15 hexadecimal digits', { extendedCommunities: ['0x4004fde848bebc2'] }),
  bad('a community of two parts', { extendedCommunities: ['65000:100'] }),
  good('words', { addPath: 'Send', extendedNextHop: 'Disabled', connectionMode: 'Passive', role: 'RouteServerClient' }),
  bad('an unknown word', { addPath: 'Both' }),
  bad('an unknown role', { role: 'customer' }),
  good('limits and flags', { prefixLimit: 4294967295, roleStrict: true, localAS: { replaceAS: false } }),
  bad('a prefix limit of 0', { prefixLimit: 0 }),
  bad('a text for a boolean', { roleStrict: 'true' }),
  bad('localAS without replaceAS', { localAS: {} }),
  good('times of the session', { sendHoldTime: '8m', delayOpenTime: '240s' }),
  bad('a send hold time of 2s', { sendHoldTime: '2s' }),
  bad('a delay of more than four minutes', { delayOpenTime: '241s' }),
  good('withheld capabilities', { withheldCapabilities: ['RouteRefresh', 'FourOctetAS'] }),
  bad('a capability twice', { withheldCapabilities: ['RouteRefresh', 'RouteRefresh'] }),
  bad('an unknown capability', { withheldCapabilities: ['MultiProtocol'] }),
  good('TCP-AO', {
    tcpAO: { keys: [key(1, 2), key(2, 1, { algorithm: 'AES-128-CMAC-96', secret: { name: 'b.c', namespace: 'd' } })] },
  }),
  bad('TCP-AO without keys', { tcpAO: { keys: [] } }),
  bad('a sendID twice', { tcpAO: { keys: [key(1, 2), key(1, 3)] } }),
  bad('a receiveID twice', { tcpAO: { keys: [key(1, 2), key(2, 2)] } }),
  bad('a KeyID of nine bits', { tcpAO: { keys: [key(256, 2)] } }),
  bad('an unknown algorithm', { tcpAO: { keys: [key(1, 2, { algorithm: 'MD5' })] } }),
  bad('a name that no Secret has', { tcpAO: { keys: [key(1, 2, { secret: { name: 'Tor' } })] } }),
  bad('a key without a Secret', { tcpAO: { keys: [{ sendID: 1, receiveID: 1, algorithm: 'HMAC-SHA-1-96' }] } }),
]

const blocks = vectorsOf('holdfast.dev/v1alpha1', 'AddressBlock')

const held = (...services: readonly string[]): string =>
  JSON.stringify({ pool: 'p', holders: services.map((name) => ({ namespace: 'shop', name, uid: 'u', terms: '' })) })

const free = '{"service":"shop/web","time":"2026-01-01T00:00:00.000001Z"}'

const v4 = { name: 'ipv4-192.0.2.0' }
const v6 = { name: 'ipv6-2001-db8-0-0-0-0-0-40' }

const block = (addresses: Fields, released: Fields = {}, more: Fields = {}): Fields => ({
  cidr: '192.0.2.0/26',
  inUse: Object.keys(addresses).length,
  addresses,
  released,
  ...more,
})

const full = (text: string, count = 64): Fields =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`192.0.2.${index}`, text]))

/** Our schema is of types alone; the package ipam reads what is in it. */
const unread = { readable: undefined }

const addressBlocks: readonly CrdVector[] = [
  blocks.good('addresses in use and released', block({ '192.0.2.1': held('web') }, { '192.0.2.2': free }), v4),
  blocks.good('an address that is shared', block({ '192.0.2.1': held('a', 'b') }), v4),
  blocks.good('an address with as many holders as fit', block({ '192.0.2.1': 'x'.repeat(1 << 20) }), v4),
  blocks.good('a block that is full', block(full(held('web'))), v4),
  blocks.good('a block of free addresses', block({}, full(free)), v4),
  blocks.good('IPv6', block({ '2001:db8::7f': held('web') }, {}, { cidr: '2001:db8::40/122' }), v6),
  blocks.good(
    'addresses set aside, free and in use',
    block({ '192.0.2.1': held('web') }, { '192.0.2.2': free }, { reserved: full('18446744073709551615') }),
    v4,
  ),
  blocks.good('nothing set aside', block({}, {}, { reserved: {} }), v4),
  blocks.good('no maps', { cidr: '192.0.2.0/26', inUse: 0 }, v4),
  blocks.good('a change of holders', block({ '192.0.2.1': held('a') }), {
    ...v4,
    change: block({ '192.0.2.1': held('b') }),
  }),
  blocks.good('an address of another block, which the reader finds', block({ '192.0.2.64': held('web') }), v4),
  blocks.good(
    'an address in use and released, which it finds too',
    block({ '192.0.2.1': held('web') }, full(free)),
    v4,
  ),
  blocks.good('a text that says nothing, as well', block({ '192.0.2.1': '' }), v4),
  blocks.bad('a change of the CIDR', block({}), {
    ...v4,
    ...unread,
    change: block({}, {}, { cidr: '192.0.2.64/26' }),
  }),
  blocks.bad('another name', block({}), { name: 'ipv4-192.0.2.64', ...unread }),
  blocks.bad(
    'a name with leading zeros',
    { cidr: '2001:db8::40/122', inUse: 0 },
    { name: 'ipv6-2001-0db8-0-0-0-0-0-40', ...unread },
  ),
  blocks.bad(
    'a name of seven groups',
    { cidr: '2001:db8::40/122', inUse: 0 },
    { name: 'ipv6-2001-db8--0-0-0-0-40', ...unread },
  ),
  blocks.bad('another length', block({}, {}, { cidr: '192.0.2.0/24' }), { ...v4, ...unread }),
  blocks.bad('host bits', block({}, {}, { cidr: '192.0.2.1/26' }), { name: 'ipv4-192.0.2.1', ...unread }),
  blocks.bad('a CIDR that is none', block({}, {}, { cidr: '192.0.2.0' }), { ...v4, ...unread }),
  blocks.bad('65 addresses', block(full(held('web'), 65)), { ...v4, ...unread }),
  blocks.bad('65 free addresses', block({}, full(free, 65)), { ...v4, ...unread }),
  blocks.bad(
    'an address that says what it is to say in fields',
    block({ '192.0.2.1': { pool: 'p', holders: [] } }),
    v4,
  ),
  blocks.bad(
    'a list of addresses, as of an earlier version',
    block({}, {}, { addresses: [{ address: '192.0.2.1' }] }),
    v4,
  ),
  blocks.bad('an empty list, as of an earlier version', block({}, {}, { released: [] }), v4),
  blocks.bad('a text that is too long for one address', block({ '192.0.2.1': 'x'.repeat((1 << 20) + 1) }), {
    ...v4,
    ...unread,
  }),
  blocks.bad('a text that is too long for a free address', block({}, { '192.0.2.1': 'x'.repeat(513) }), {
    ...v4,
    ...unread,
  }),
  blocks.bad(
    'an address set aside under a number that is no text',
    block({}, {}, { reserved: { '192.0.2.1': 7 } }),
    v4,
  ),
  blocks.bad('an address set aside under more than a number', block({}, {}, { reserved: { '192.0.2.1': free } }), {
    ...v4,
    ...unread,
  }),
  blocks.bad('a wrong count', block({ '192.0.2.1': held('web') }, {}, { inUse: 2 }), { ...v4, ...unread }),
]

const states = vectorsOf('holdfast.dev/v1alpha1', 'NodeState')
const since = '2026-01-01T00:00:00Z'

const sessionUp: Fields = {
  peer: 'router-a',
  address: '192.0.2.254',
  state: 'Established',
  since,
  negotiated: {
    remoteASN: 4294967295,
    remoteRouterID: '192.0.2.254',
    holdTimeSeconds: 90,
    keepaliveTimeSeconds: 30,
    families: ['IPv4', 'IPv6'],
    internal: false,
    routeRefresh: 'Enhanced',
  },
  bfd: 'Up',
  routes: 10000,
}

const sessionDown: Fields = { peer: 'router-b', state: 'Active', lastError: 'refused', lastErrorTime: since }

const condition = (type: string, status: string): Fields => ({
  type,
  status,
  reason: 'Because',
  message: '',
  lastTransitionTime: since,
})

const nodeStates: readonly CrdVector[] = [
  states.good('nothing asked', {}),
  states.good('no spec', undefined),
  states.good('a drain', { drain: { requestedAt: since, requestedBy: 'ann', reason: 'kernel' } }),
  states.bad('a drain without a time', { drain: {} }),
  states.bad('a drain at no time', { drain: { requestedAt: 'now' } }, unread),
  states.good(
    'a status',
    {},
    {
      status: {
        version: '0.1.0',
        sessionsReady: '1/2',
        sessions: [sessionUp, sessionDown],
        routes: 10000,
        drain: {
          phase: 'HeldBack',
          since,
          cause: 'requested',
          message: 'a drain was asked for',
          remainingConnections: 7,
          silentConnections: 3,
          requestedAt: since,
          heldBack: [
            { prefix: '192.0.2.1/32', reason: 'lastAnnouncer' },
            { prefix: '192.0.2.2/32', reason: 'noAnswer', node: 'node-b' },
          ],
        },
        answer: '2026-01-01T00:00:00Z 7f',
        conditions: [condition('Announcing', 'True'), condition('SafeToReboot', 'False')],
      },
    },
  ),
  states.bad('a question of nobody', { question: { id: 'x', askedAt: since } }),
  states.bad('a session twice', {}, { status: { sessions: [sessionDown, sessionDown] }, ...unread }),
  states.bad('an unknown state of a session', {}, { status: { sessions: [{ peer: 'a', state: 'Up' }] } }),
  states.bad('an unknown phase', {}, { status: { drain: { phase: 'Draining', since } } }),
  states.bad(
    'a condition twice',
    {},
    { status: { conditions: [condition('A', 'True'), condition('A', 'False')] }, ...unread },
  ),
  states.bad('a condition with a status in small letters', {}, { status: { conditions: [condition('A', 'true')] } }),
]

const peers = vectorsOf('metallb.io/v1beta2', 'BGPPeer')
const oldPeers = vectorsOf('metallb.io/v1beta1', 'BGPPeer')
const pools = vectorsOf('metallb.io/v1beta1', 'IPAddressPool')
const advertisements = vectorsOf('metallb.io/v1beta1', 'BGPAdvertisement')
const profiles = vectorsOf('metallb.io/v1beta1', 'BFDProfile')
const communities = vectorsOf('metallb.io/v1beta1', 'Community')
const layer2 = vectorsOf('metallb.io/v1beta1', 'L2Advertisement')

const router: Fields = { myASN: 64512, peerASN: 64500, peerAddress: '192.0.2.254' }

/** Accepted, since MetalLB's schema accepts it; a fault when it is read. */
const refusedLater = { readable: false }

const metallb: readonly CrdVector[] = [
  peers.good('a peer', router),
  peers.good('a peer with everything', {
    ...router,
    localASN: 65001,
    sourceAddress: '192.0.2.1',
    peerPort: 1790,
    holdTime: '90s',
    keepaliveTime: '30s',
    connectTime: '5s',
    routerID: '192.0.2.1',
    nodeSelectors: [{ matchLabels: { rack: 'r1' } }],
    passwordSecret: { name: 'tor' },
    ebgpMultiHop: true,
    enableGracefulRestart: true,
    vrf: 'red',
    disableMP: false,
    dualStackAddressFamily: true,
  }),
  peers.bad('no myASN', { peerASN: 64500, peerAddress: '192.0.2.254' }),
  peers.bad('an AS number of 33 bits', { ...router, peerASN: 4294967296 }),
  peers.good('myASN 0', { ...router, myASN: 0 }, refusedLater),
  peers.good('an address that is none', { ...router, peerAddress: 'router' }, refusedLater),
  peers.bad('a connect time of no seconds', { ...router, connectTime: '0s' }),
  peers.bad('a connect time with a part of a second', { ...router, connectTime: '1500ms' }),
  peers.bad('a port that MetalLB refuses', { ...router, peerPort: 16385 }, { readable: true }),
  peers.bad('an unknown dynamicASN', { myASN: 1, dynamicASN: 'any', peerAddress: '192.0.2.254' }),
  peers.bad(
    'a change of enableGracefulRestart',
    { ...router, enableGracefulRestart: true },
    {
      ...unread,
      change: { ...router, enableGracefulRestart: false },
    },
  ),
  oldPeers.good('a peer of v1beta1', { ...router, holdTime: '90s', nodeSelectors: [{ matchLabels: { rack: 'r1' } }] }),
  oldPeers.good('an unset port of v1beta1', { ...router, peerPort: 0 }),
  oldPeers.bad('no peerASN', { myASN: 64512, peerAddress: '192.0.2.254' }),
  oldPeers.bad(
    'Exists in a selector of v1beta1',
    {
      ...router,
      nodeSelectors: [{ matchExpressions: [{ key: 'a', operator: 'Exists' }] }],
    },
    { readable: true },
  ),
  pools.good('a pool', { addresses: ['192.0.2.0/24', '2001:db8::1-2001:db8::9'], autoAssign: false }),
  pools.good('a range that is none', { addresses: ['192.0.2.9-192.0.2.1'] }, refusedLater),
  pools.bad('no addresses', { autoAssign: true }),
  pools.bad('no spec', undefined),
  pools.good(
    'counts',
    { addresses: ['192.0.2.0/24'] },
    {
      status: { assignedIPv4: 1, assignedIPv6: 0, availableIPv4: 255, availableIPv6: 9007199254740991 },
    },
  ),
  pools.bad('counts of one family', { addresses: ['192.0.2.0/24'] }, { status: { assignedIPv4: 1 }, ...unread }),
  advertisements.good('everything by default', undefined),
  advertisements.good('selectors of Services', {
    serviceSelectors: [{ matchLabels: { a: 'b' } }],
    aggregationLength: 32,
  }),
  advertisements.bad('selectors of Services and aggregation', {
    serviceSelectors: [{ matchLabels: { a: 'b' } }],
    aggregationLength: 24,
  }),
  advertisements.good(
    'a selector without a key',
    {
      nodeSelectors: [{ matchExpressions: [{ key: '', operator: 'Exists' }] }],
    },
    refusedLater,
  ),
  profiles.good('a profile', { receiveInterval: 10, detectMultiplier: 255, echoMode: true, minimumTtl: 254 }),
  profiles.bad('too short an interval', { receiveInterval: 9 }),
  communities.good('an alias', { communities: [{ name: 'a', value: '65000:1' }] }),
  communities.good('an alias without a value', { communities: [{ name: 'a' }] }, refusedLater),
  layer2.good('an object that is not obeyed', { ipAddressPools: ['p'], interfaces: ['eth0'] }),
]

/** Of every kind of both groups that a person or a program of ours writes. */
export const crdVectors: readonly CrdVector[] = [...peerPolicies, ...addressBlocks, ...nodeStates, ...metallb]
