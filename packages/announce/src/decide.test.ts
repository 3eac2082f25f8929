import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatAddress } from '@holdfast/ip'
import { planNode } from './announcer.ts'
import type { WithholdReason } from './reasons.ts'
import type { Parts } from './testing/build.ts'
import {
  advertisement,
  allocated,
  endpoint,
  inputOf,
  labelled,
  node,
  peer,
  pool,
  service,
  slice,
} from './testing/build.ts'
import { planText } from './testing/naive-plan.ts'
import type { Decision } from './types.ts'

const excludeLabel = 'node.kubernetes.io/exclude-from-external-load-balancers'

/** One Service that is announced from node-a; every test takes something away. */
const sound = {
  pools: [pool('blue', ['192.0.2.0/24'])],
  advertisements: [advertisement('all')],
  peers: [peer('router', '198.51.100.1')],
  nodes: [node('node-a', { zone: 'a' })],
  slices: [slice('web-1', 'web', [endpoint('node-a')])],
  services: [allocated(service('web'), '192.0.2.1 blue')],
} satisfies Parts

function decisionOf(parts: Parts, nodeName = 'node-a'): Decision {
  const decision = planNode(inputOf(nodeName, { ...sound, ...parts })).decisions.get('default/web')
  assert.ok(decision)
  return decision
}

function assertWithheld(parts: Parts, reason: WithholdReason, message: string): void {
  const decision = decisionOf(parts)
  assert.equal(decision.kind, 'withheld')
  assert.deepEqual({ reason: decision.reason, message: decision.message }, { reason, message })
  const { routes } = planText(planNode(inputOf('node-a', { ...sound, ...parts })))
  for (const list of Object.values(routes)) assert.deepEqual(list, [])
}

const assertAnnounced = (parts: Parts): void => {
  const decision = decisionOf(parts)
  assert.deepEqual(decision.kind === 'announced' ? decision.withheld : decision, [])
}

test('a Service with everything in place is announced to the peer', () => {
  assertAnnounced({})
  assert.deepEqual(planText(planNode(inputOf('node-a', sound))), {
    routes: { router: ['192.0.2.1/32 -'] },
    decisions: { 'default/web': 'announced' },
  })
})

test('notLoadBalancer: a Service of another type is not announced, whatever it holds', () => {
  assertWithheld(
    { services: [allocated(service('web', { type: 'NodePort' }), '192.0.2.1 blue')] },
    'notLoadBalancer',
    'Service default/web has type NodePort: only type LoadBalancer is announced',
  )
})

test('noIPAllocated: a Service without address has nothing to announce', () => {
  assertWithheld({ services: [allocated(service('web'))] }, 'noIPAllocated', 'Service default/web holds no address')
})

test('nodeUnknown: a node that is not in the model announces nothing and has no peers', () => {
  assertWithheld({ nodes: [node('node-b')] }, 'nodeUnknown', 'there is no valid Node node-a')
  assert.equal(planNode(inputOf('node-a', { ...sound, nodes: [] })).routes.size, 0)
})

test('ipNotAllowed: an address must be in a pool', () => {
  assertWithheld(
    { services: [allocated(service('web'), '203.0.113.1 blue')] },
    'ipNotAllowed',
    '203.0.113.1, held by Service default/web, is in no IPAddressPool',
  )
  assertWithheld({ pools: [] }, 'ipNotAllowed', '192.0.2.1, held by Service default/web, is in no IPAddressPool')
})

test('a pool that was renamed or split keeps its addresses announced', () => {
  const pools = [pool('green', ['192.0.2.128/25']), pool('cyan', ['192.0.2.0/25'])]
  assertAnnounced({ pools, advertisements: [advertisement('cyan', { ipAddressPools: ['cyan'] })] })
})

test('noAdvertisement: a pool that no advertisement includes is not announced', () => {
  const message = 'no BGPAdvertisement includes IPAddressPool blue'
  assertWithheld({ advertisements: [] }, 'noAdvertisement', message)
  assertWithheld({ advertisements: [advertisement('a', { ipAddressPools: ['green'] })] }, 'noAdvertisement', message)
  const byLabel = advertisement('a', { ipAddressPoolSelectors: [labelled({ tier: 'gold' })] })
  assertWithheld({ advertisements: [byLabel] }, 'noAdvertisement', message)
})

test('notOwner: advertisements of the pool select other nodes', () => {
  assertWithheld(
    {
      advertisements: [
        advertisement('east', { nodeSelectors: [labelled({ zone: 'b' }), labelled({ zone: 'c', rack: '1' })] }),
        advertisement('odd', {
          nodeSelectors: [
            {
              matchLabels: {},
              matchExpressions: [
                { key: 'zone', operator: 'NotIn', values: ['a', 'd'] },
                { key: 'gpu', operator: 'Exists', values: [] },
                { key: 'old', operator: 'DoesNotExist', values: [] },
                { key: 'arch', operator: 'In', values: ['arm64'] },
              ],
            },
          ],
        }),
      ],
    },
    'notOwner',
    'none of the BGPAdvertisements of IPAddressPool blue selects Node node-a: east wants zone=b or rack=1,zone=c, ' +
      'odd wants zone notin (a,d),gpu,!old,arch in (arm64)',
  )
})

test('a long list of advertisements is cut short in the message', () => {
  const advertisements = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) =>
    advertisement(name, { nodeSelectors: [labelled({ zone: name + name })] }),
  )
  assertWithheld(
    { advertisements },
    'notOwner',
    'none of the BGPAdvertisements of IPAddressPool blue selects Node node-a: ' +
      'a wants zone=aa, b wants zone=bb, c wants zone=cc, d wants zone=dd and 2 more',
  )
})

test('noMatchingAdvertisement: serviceSelectors exclude the Service', () => {
  const advertisements = [advertisement('gold', { serviceSelectors: [labelled({ tier: 'gold' })] })]
  assertWithheld(
    {
      advertisements,
      services: [allocated(service('web', { labels: { tier: 'tin', app: 'web' } }), '192.0.2.1 blue')],
    },
    'noMatchingAdvertisement',
    'Service default/web has labels app=web, tier=tin, which none of the BGPAdvertisements selects: ' +
      'gold wants tier=gold',
  )
  assertWithheld(
    { advertisements },
    'noMatchingAdvertisement',
    'Service default/web has no labels, which none of the BGPAdvertisements selects: gold wants tier=gold',
  )
  assertAnnounced({
    advertisements,
    services: [allocated(service('web', { labels: { tier: 'gold' } }), '192.0.2.1 blue')],
  })
})

const preferred = advertisement('a-high', { localPref: 200, serviceSelectors: [labelled({ app: 'web' })] })
const webService = service('web', { labels: { app: 'web' } })
const inConflict = {
  advertisements: [preferred, advertisement('b-none')],
  services: [allocated(webService, '192.0.2.1 blue')],
} satisfies Parts

test('conflictingAdvertisements: one prefix cannot have two localPrefs towards one peer', () => {
  assertWithheld(
    inConflict,
    'conflictingAdvertisements',
    'BGPAdvertisements a-high (localPref 200) and b-none (localPref not set) ' +
      'would announce the same /32 prefix to every BGPPeer',
  )
  assertWithheld(
    {
      ...inConflict,
      advertisements: [
        advertisement('a', { localPref: 200, peers: ['router', 'x'] }),
        advertisement('b', { localPref: 50, peers: ['y', 'router'] }),
      ],
    },
    'conflictingAdvertisements',
    'BGPAdvertisements a (localPref 200) and b (localPref 50) would announce the same /32 prefix to BGPPeer router',
  )
})

test('no conflict where the localPrefs are equal, none counting as 0', () => {
  assertAnnounced({ ...inConflict, advertisements: [preferred, advertisement('b', { localPref: 200 })] })
  assertAnnounced({ ...inConflict, advertisements: [advertisement('a', { localPref: 0 }), advertisement('b')] })
})

test('no conflict where the aggregation lengths differ', () => {
  assertAnnounced({ ...inConflict, advertisements: [preferred, advertisement('b', { aggregationLength: 24 })] })
})

test('no conflict where both list peers and the lists are disjoint', () => {
  const named = { ...preferred, peers: ['router'] }
  assertAnnounced({ ...inConflict, advertisements: [named, advertisement('b', { peers: ['other'] })] })
  const decision = decisionOf({ ...inConflict, advertisements: [named, advertisement('b')] })
  assert.equal(decision.kind === 'withheld' && decision.reason, 'conflictingAdvertisements')
})

test('no conflict where one of the two does not select this node', () => {
  const elsewhere = advertisement('b', { nodeSelectors: [labelled({ zone: 'b' })] })
  assertAnnounced({ ...inConflict, advertisements: [preferred, elsewhere] })
})

test('no conflict for a Service that only one of the two selects', () => {
  assertAnnounced({ ...inConflict, services: [allocated(service('web'), '192.0.2.1 blue')] })
})

test('a conflict in one family withdraws both addresses that come from the pool', () => {
  const decision = decisionOf({
    pools: [pool('dual', ['192.0.2.0/24', '2001:db8::/64'])],
    peers: [peer('router', '198.51.100.1', { dualStackAddressFamily: true })],
    advertisements: [preferred, advertisement('b', { aggregationLength: 24 })],
    services: [allocated(webService, '192.0.2.1 dual', '2001:db8::1 dual')],
  })
  const reasons = decision.withheld.map(({ reason }) => reason)
  assert.deepEqual(reasons, ['conflictingAdvertisements', 'conflictingAdvertisements'])
  assert.match(decision.withheld[0]?.message ?? '', /same \/128 prefix/)
})

test('nodeNetworkUnavailable: the condition withdraws all Services of the node', () => {
  assertWithheld(
    { nodes: [node('node-a', {}, true)] },
    'nodeNetworkUnavailable',
    'Node node-a has condition NetworkUnavailable=True',
  )
})

test('nodeLabeledExcludeBalancers: the label counts with any value, unless it is to be ignored', () => {
  for (const value of ['', 'true', 'false']) {
    const nodes = [node('node-a', { [excludeLabel]: value })]
    assertWithheld({ nodes }, 'nodeLabeledExcludeBalancers', `Node node-a has the label ${excludeLabel}`)
    assertAnnounced({ nodes, ignoreExcludeLB: true })
  }
})

const localServices = [allocated(service('web', { externalTrafficPolicy: 'Local' }), '192.0.2.1 blue')]
const noLocalMessage = 'Service default/web has externalTrafficPolicy Local and no healthy endpoint on Node node-a'

test('noLocalEndpoints: policy Local needs a healthy endpoint on this node', () => {
  for (const nodeName of ['node-b', undefined]) {
    const slices = [slice('web-1', 'web', [endpoint(nodeName)])]
    assertWithheld({ services: localServices, slices }, 'noLocalEndpoints', noLocalMessage)
    assertAnnounced({ slices })
  }
  const unhealthy = [slice('web-1', 'web', [endpoint('node-a', { isHealthy: false }), endpoint('node-b')])]
  assertWithheld({ services: localServices, slices: unhealthy }, 'noLocalEndpoints', noLocalMessage)
  assertAnnounced({ services: localServices })
})

test('noEndpoints: both policies need a healthy endpoint somewhere', () => {
  const none = 'Service default/web has no healthy endpoint'
  assertWithheld({ slices: [] }, 'noEndpoints', none)
  assertWithheld({ slices: [slice('web-1', 'web', [])] }, 'noEndpoints', none)
  assertWithheld({ slices: [slice('web-1', 'web', [endpoint('node-a', { isHealthy: false })])] }, 'noEndpoints', none)
})

test('an endpoint without address does not count', () => {
  const slices = [slice('web-1', 'web', [endpoint('node-a', { addresses: [] })])]
  assertWithheld({ slices }, 'noEndpoints', 'Service default/web has no healthy endpoint')
  assertWithheld({ slices, services: localServices }, 'noLocalEndpoints', noLocalMessage)
})

test('endpoints of another Service or namespace do not count, those of several slices do', () => {
  const foreign = [slice('x', 'api', [endpoint('node-a')]), slice('y', 'web', [endpoint('node-a')], 'other')]
  assertWithheld({ slices: foreign }, 'noEndpoints', 'Service default/web has no healthy endpoint')
  const own = [slice('web-4', 'web', []), slice('web-6', 'web', [endpoint('node-a', { addresses: ['2001:db8::1'] })])]
  assertAnnounced({ slices: [...foreign, ...own], services: localServices })
})

test('noMatchingPeer: an advertisement that names peers needs one that selects this node', () => {
  const far = peer('far', '198.51.100.2', { nodeSelectors: [labelled({ zone: 'b' })] })
  const peers = [peer('router', '198.51.100.1'), far]
  assertWithheld(
    { peers, advertisements: [advertisement('a', { peers: ['far', 'gone'] })] },
    'noMatchingPeer',
    'no BGPPeer that selects Node node-a is named by the BGPAdvertisements: a names far, gone',
  )
  assertWithheld({ peers: [] }, 'noMatchingPeer', 'no BGPPeer selects Node node-a')
})

test('familyNotCarried: an IPv6 address needs a session that carries IPv6', () => {
  const parts = { pools: [pool('blue', ['2001:db8::/64'])], services: [allocated(service('web'), '2001:db8::1 blue')] }
  assertWithheld(parts, 'familyNotCarried', '2001:db8::1 is IPv6, which no session with these BGPPeers carries: router')
  assertAnnounced({ ...parts, peers: [peer('router', '2001:db8:1::1')] })
  assertAnnounced({ ...parts, peers: [peer('router', '198.51.100.1', { dualStackAddressFamily: true })] })
  assertAnnounced({ ...parts, peers: [peer('router', undefined)] })
})

test('familyNotCarried: nor does an IPv4 route go out on an IPv6 session', () => {
  assertWithheld(
    { peers: [peer('router', '2001:db8:1::1')] },
    'familyNotCarried',
    '192.0.2.1 is IPv4, which no session with these BGPPeers carries: router',
  )
})

test('a dual-stack Service is decided address by address, and says which one is withheld', () => {
  const decision = decisionOf({
    pools: [pool('four', ['192.0.2.0/24']), pool('six', ['2001:db8::/64'])],
    peers: [peer('router', '198.51.100.1', { dualStackAddressFamily: true })],
    advertisements: [advertisement('four', { ipAddressPools: ['four'] })],
    services: [allocated(service('web'), '192.0.2.1 four', '2001:db8::1 six')],
  })
  assert.equal(decision.kind, 'announced')
  assert.deepEqual(
    decision.routes.map(({ peers }) => peers),
    [['router']],
  )
  assert.deepEqual(
    decision.withheld.map(({ address, ...rest }) => ({ address: formatAddress(address), ...rest })),
    [
      {
        address: '2001:db8::1',
        reason: 'noAdvertisement',
        message: 'no BGPAdvertisement includes IPAddressPool six',
      },
    ],
  )
})

test('a conflict in one pool leaves the address from another pool announced', () => {
  const decision = decisionOf({
    pools: [pool('four', ['192.0.2.0/24']), pool('six', ['2001:db8::/64'])],
    peers: [peer('router', '198.51.100.1', { dualStackAddressFamily: true })],
    advertisements: [
      advertisement('a', { ipAddressPools: ['six'], localPref: 10 }),
      advertisement('b', { ipAddressPools: ['six'], localPref: 20 }),
      advertisement('c', { ipAddressPools: ['four'] }),
    ],
    services: [allocated(service('web'), '192.0.2.1 four', '2001:db8::1 six')],
  })
  assert.equal(decision.kind, 'announced')
  assert.deepEqual(
    decision.withheld.map(({ reason }) => reason),
    ['conflictingAdvertisements'],
  )
})

const localService = service('web', { externalTrafficPolicy: 'Local' })
const otherNodes = { nodeSelectors: [labelled({ zone: 'x' })] }
const otherServices = { serviceSelectors: [labelled({ app: 'x' })] }

/** Each step with what makes it apply; all together, the first must win, then the second and so on. */
const steps: readonly (readonly [WithholdReason, Parts])[] = [
  ['notLoadBalancer', { services: [allocated(service('web', { type: 'ClusterIP' }))] }],
  ['noIPAllocated', { services: [allocated(localService)] }],
  ['nodeUnknown', { services: [allocated(localService, '203.0.113.1 x')], nodes: [] }],
  ['ipNotAllowed', { nodes: [node('node-a', { [excludeLabel]: '' }, true)], advertisements: [] }],
  ['noAdvertisement', { services: [allocated(localService, '192.0.2.1 blue')] }],
  ['notOwner', { advertisements: [advertisement('a', { ...otherNodes, ...otherServices })] }],
  ['noMatchingAdvertisement', { advertisements: [advertisement('a', otherServices)] }],
  ['conflictingAdvertisements', { advertisements: [advertisement('a', { localPref: 1 }), advertisement('b')] }],
  ['nodeNetworkUnavailable', { advertisements: [advertisement('a')] }],
  ['nodeLabeledExcludeBalancers', { nodes: [node('node-a', { [excludeLabel]: '' })] }],
  ['noLocalEndpoints', { nodes: [node('node-a')] }],
  ['noEndpoints', { services: [allocated(service('web'), '192.0.2.1 blue')] }],
  ['noMatchingPeer', { slices: [slice('web-1', 'web', [endpoint('node-a')])] }],
  ['familyNotCarried', { peers: [peer('router', '2001:db8::1')] }],
]

test('the reasons are tried in the order of the table', () => {
  let parts: Parts = { pools: [pool('blue', ['192.0.2.0/24'])] }
  const found: string[] = []
  for (const [, change] of steps) {
    parts = { ...parts, ...change }
    const decision = planNode(inputOf('node-a', parts)).decisions.get('default/web')
    found.push(decision?.kind === 'withheld' ? decision.reason : 'announced')
  }
  assert.deepEqual(
    found,
    steps.map(([reason]) => reason),
  )
})

test('neither readiness nor cordoning of the Node is looked at', () => {
  const cordoned = node('node-a', { 'node.kubernetes.io/unschedulable': '', 'node.kubernetes.io/not-ready': '' })
  assertAnnounced({ nodes: [cordoned] })
})
