import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatPrefix } from '@holdfast/ip'
import { planNode } from './announcer.ts'
import type { Parts } from './testing/build.ts'
import {
  advertisement,
  allocated,
  endpoint,
  inputOf,
  labelled,
  large,
  node,
  peer,
  pool,
  service,
  slice,
  standard,
} from './testing/build.ts'
import { planText } from './testing/naive-plan.ts'

const base = {
  pools: [pool('blue', ['192.0.2.0/24', '2001:db8::/64'], { tier: 'gold' }), pool('green', ['198.51.100.0/24'])],
  peers: [peer('r1', '203.0.113.1'), peer('r2', '203.0.113.2'), peer('r6', '2001:db8:f::1')],
  nodes: [node('node-a')],
  slices: [slice('web-1', 'web', [endpoint('node-a')]), slice('api-1', 'api', [endpoint('node-a')])],
  services: [allocated(service('web'), '192.0.2.130 blue')],
} satisfies Parts

const routesOf = (parts: Parts): Readonly<Record<string, readonly string[]>> =>
  planText(planNode(inputOf('node-a', { ...base, ...parts }))).routes

const both = [allocated(service('web'), '192.0.2.130 blue'), allocated(service('api'), '192.0.2.129 blue')]

test('the prefix is the address masked with the aggregation length of its family', () => {
  const services = [allocated(service('web'), '192.0.2.130 blue', '2001:db8::abcd:1 blue')]
  const lengths = { aggregationLength: 25, aggregationLengthV6: 112 }
  assert.deepEqual(routesOf({ services, advertisements: [advertisement('a', lengths)] }), {
    r1: ['192.0.2.128/25 -'],
    r2: ['192.0.2.128/25 -'],
    r6: ['2001:db8::abcd:0/112 -'],
  })
})

test('localPref goes out as set, 0 included', () => {
  for (const localPref of [0, 100, 4294967295]) {
    const [route] = routesOf({ advertisements: [advertisement('a', { localPref })] })['r1'] ?? []
    assert.equal(route, `192.0.2.130/32 ${localPref}`)
  }
})

test('communities come sorted by number, standard before large, without duplicates', () => {
  const twice = standard(64512, 9)
  const communities = [large(1, 2, 3), twice, standard(64512, 10), standard(7, 7), twice, large(1, 1, 9)]
  assert.deepEqual(routesOf({ advertisements: [advertisement('a', { communities })] })['r1'], [
    '192.0.2.130/32 - 7:7 64512:9 64512:10 large:1:1:9 large:1:2:3',
  ])
})

test('peers lists names; empty means all', () => {
  const advertisements = [advertisement('a', { peers: ['r2', 'gone'] })]
  assert.deepEqual(routesOf({ advertisements }), { r1: [], r2: ['192.0.2.130/32 -'], r6: [] })
})

test('a peer that does not select the node is not in the plan', () => {
  const peers = [peer('r1', '203.0.113.1'), peer('far', '203.0.113.9', { nodeSelectors: [labelled({ zone: 'b' })] })]
  assert.deepEqual(routesOf({ peers, advertisements: [advertisement('a')] }), { r1: ['192.0.2.130/32 -'] })
})

test('pools are included by name or by label, and neither means all of them', () => {
  const services = [allocated(service('web'), '192.0.2.1 blue'), allocated(service('api'), '198.51.100.1 green')]
  const routes = (fields: Parameters<typeof advertisement>[1]): readonly string[] | undefined =>
    routesOf({ services, advertisements: [advertisement('a', fields)] })['r1']
  const blue = '192.0.2.1/32 -'
  const green = '198.51.100.1/32 -'
  assert.deepEqual(routes({}), [blue, green])
  assert.deepEqual(routes({ ipAddressPools: ['green'] }), [green])
  assert.deepEqual(routes({ ipAddressPools: ['gone'] }), [])
  const ipAddressPoolSelectors = [labelled({ tier: 'gold' })]
  assert.deepEqual(routes({ ipAddressPoolSelectors }), [blue])
  assert.deepEqual(routes({ ipAddressPools: ['green'], ipAddressPoolSelectors }), [blue, green])
})

test('nodeSelectors and serviceSelectors restrict an advertisement', () => {
  const advertisements = [
    advertisement('a', { nodeSelectors: [labelled({ zone: 'a' })], aggregationLength: 24 }),
    advertisement('b', { serviceSelectors: [labelled({ app: 'web' })] }),
  ]
  const web = [allocated(service('web', { labels: { app: 'web' } }), '192.0.2.130 blue')]
  assert.deepEqual(routesOf({ advertisements, services: web })['r1'], ['192.0.2.130/32 -'])
  const nodes = [node('node-a', { zone: 'a' })]
  assert.deepEqual(routesOf({ advertisements, nodes, services: web })['r1'], ['192.0.2.0/24 -', '192.0.2.130/32 -'])
  assert.deepEqual(routesOf({ advertisements, nodes })['r1'], ['192.0.2.0/24 -'])
})

test('every matching advertisement makes its route, to its own peers', () => {
  const advertisements = [
    advertisement('a', { aggregationLength: 24, peers: ['r1'], localPref: 50 }),
    advertisement('b', { peers: ['r1', 'r2'], localPref: 200 }),
  ]
  assert.deepEqual(routesOf({ advertisements }), {
    r1: ['192.0.2.0/24 50', '192.0.2.130/32 200'],
    r2: ['192.0.2.130/32 200'],
    r6: [],
  })
  const decision = planNode(inputOf('node-a', { ...base, advertisements })).decisions.get('default/web')
  assert.deepEqual(
    decision?.kind === 'announced' && decision.routes.map(({ prefix, peers }) => [formatPrefix(prefix), ...peers]),
    [
      ['192.0.2.0/24', 'r1'],
      ['192.0.2.130/32', 'r1', 'r2'],
    ],
  )
})

test('the same prefix from several advertisements has the communities of all that reach the peer', () => {
  const advertisements = [
    advertisement('a', { communities: [standard(1, 1), standard(3, 3)] }),
    advertisement('b', { communities: [standard(2, 2), standard(3, 3)], peers: ['r2'] }),
  ]
  assert.deepEqual(routesOf({ advertisements }), {
    r1: ['192.0.2.130/32 - 1:1 3:3'],
    r2: ['192.0.2.130/32 - 1:1 2:2 3:3'],
    r6: [],
  })
  const decision = planNode(inputOf('node-a', { ...base, advertisements })).decisions.get('default/web')
  assert.deepEqual(decision?.kind === 'announced' && decision.routes.map(({ peers }) => peers), [['r1', 'r2']])
})

test('duplicates from several Services collapse', () => {
  const wide = [advertisement('a', { aggregationLength: 24 })]
  assert.deepEqual(routesOf({ services: both, advertisements: wide })['r1'], ['192.0.2.0/24 -'])
  const shared = [allocated(service('web'), '192.0.2.1 blue'), allocated(service('api'), '192.0.2.1 blue')]
  assert.deepEqual(routesOf({ services: shared, advertisements: [advertisement('a')] })['r1'], ['192.0.2.1/32 -'])
})

test('an aggregate stays while any Service in it is announced, and goes with the last', () => {
  const advertisements = [advertisement('a', { aggregationLength: 24 })]
  const [web, api] = base.slices
  assert.deepEqual(routesOf({ services: both, advertisements, slices: [api!] })['r1'], ['192.0.2.0/24 -'])
  assert.deepEqual(routesOf({ services: both, advertisements, slices: [web!] })['r1'], ['192.0.2.0/24 -'])
  assert.deepEqual(routesOf({ services: both, advertisements, slices: [] })['r1'], [])
})

test('Services that share a prefix with different localPrefs send the highest, none counting as 100', () => {
  const prefOf = (webPref: number | undefined, apiPref: number | undefined): readonly string[] | undefined =>
    routesOf({
      services: [
        allocated(service('web', { labels: { app: 'web' } }), '192.0.2.1 blue'),
        allocated(service('api', { labels: { app: 'api' } }), '192.0.2.1 blue'),
      ],
      advertisements: [
        advertisement('a', { localPref: webPref, serviceSelectors: [labelled({ app: 'web' })] }),
        advertisement('b', { localPref: apiPref, serviceSelectors: [labelled({ app: 'api' })] }),
      ],
    })['r1']
  assert.deepEqual(prefOf(200, 300), ['192.0.2.1/32 300'])
  assert.deepEqual(prefOf(300, 200), ['192.0.2.1/32 300'])
  assert.deepEqual(prefOf(50, undefined), ['192.0.2.1/32 -'])
  assert.deepEqual(prefOf(undefined, 150), ['192.0.2.1/32 150'])
  assert.deepEqual(prefOf(undefined, 100), ['192.0.2.1/32 100'])
})

test('IPv4 routes go to IPv4 sessions, IPv6 to IPv6 ones, both to dual-stack and unnumbered ones', () => {
  const services = [allocated(service('web'), '192.0.2.1 blue', '2001:db8::1 blue')]
  const peers = [
    ...base.peers,
    peer('dual', '203.0.113.4', { dualStackAddressFamily: true }),
    peer('unnumbered', undefined),
  ]
  assert.deepEqual(routesOf({ services, peers, advertisements: [advertisement('a')] }), {
    dual: ['192.0.2.1/32 -', '2001:db8::1/128 -'],
    r1: ['192.0.2.1/32 -'],
    r2: ['192.0.2.1/32 -'],
    r6: ['2001:db8::1/128 -'],
    unnumbered: ['192.0.2.1/32 -', '2001:db8::1/128 -'],
  })
})

test('peers come sorted by name and routes by prefix', () => {
  const services = ['192.0.2.200 blue', '192.0.2.3 blue', '198.51.100.7 green', '192.0.2.40 blue'].map((held, index) =>
    allocated(service(`web-${index}`), held),
  )
  const slices = services.map((_, index) => slice(`s-${index}`, `web-${index}`, [endpoint('node-a')]))
  const plan = planNode(inputOf('node-a', { ...base, services, slices, advertisements: [advertisement('a')] }))
  assert.deepEqual([...plan.routes.keys()], ['r1', 'r2', 'r6'])
  assert.deepEqual(
    plan.routes.get('r1')?.map(({ prefix }) => formatPrefix(prefix)),
    ['192.0.2.3/32', '192.0.2.40/32', '192.0.2.200/32', '198.51.100.7/32'],
  )
})

test('routes with the same attributes share one array of communities, however they came together', () => {
  const web = labelled({ web: '' })
  const api = labelled({ api: '' })
  const advertisements = [
    advertisement('a', { communities: [standard(1, 1)], serviceSelectors: [web] }),
    advertisement('b', { communities: [standard(2, 2)], serviceSelectors: [api] }),
  ]
  const services = [
    allocated(service('api', { labels: { api: '' } }), '192.0.2.1 blue'),
    allocated(service('web', { labels: { web: '' } }), '192.0.2.1 blue'),
    allocated(service('both', { labels: { web: '', api: '' } }), '192.0.2.2 blue'),
  ]
  const slices = [...base.slices, slice('both-1', 'both', [endpoint('node-a')])]
  const plan = planNode(inputOf('node-a', { ...base, services, slices, advertisements }))
  const routes = ['r1', 'r2'].flatMap((name) => plan.routes.get(name) ?? [])
  assert.deepEqual(
    routes.map((route) => route.communities),
    Array(4).fill([standard(1, 1), standard(2, 2)]),
  )
  assert.equal(new Set(routes.map((route) => route.communities)).size, 1)
})

test('sets of advertisements are not mixed up, however many there are', () => {
  const count = 13
  const advertisements = Array.from({ length: count }, (_, index) =>
    advertisement(`adv-${String(index).padStart(2, '0')}`, {
      communities: [standard(1, index)],
      serviceSelectors: [labelled({ [`adv-${index}`]: '' })],
    }),
  )
  const labelsOf = (...indexes: readonly number[]): Record<string, string> =>
    Object.fromEntries(indexes.map((index) => [`adv-${index}`, '']))
  const services = [
    allocated(service('web', { labels: labelsOf(0, 1, 2) }), '192.0.2.1 blue'),
    allocated(service('api', { labels: labelsOf(0, 12) }), '192.0.2.2 blue'),
  ]
  assert.deepEqual(routesOf({ services, advertisements })['r1'], [
    '192.0.2.1/32 - 1:0 1:1 1:2',
    '192.0.2.2/32 - 1:0 1:12',
  ])
})

test('the routes of a decision come sorted by prefix, whatever the order of addresses and advertisements', () => {
  const decision = planNode(
    inputOf('node-a', {
      ...base,
      peers: [peer('dual', '203.0.113.4', { dualStackAddressFamily: true })],
      services: [allocated(service('web'), '2001:db8::1 blue', '192.0.2.1 blue')],
      advertisements: [advertisement('a'), advertisement('b', { aggregationLength: 24, aggregationLengthV6: 64 })],
    }),
  ).decisions.get('default/web')
  assert.deepEqual(decision?.kind === 'announced' && decision.routes.map(({ prefix }) => formatPrefix(prefix)), [
    '192.0.2.0/24',
    '192.0.2.1/32',
    '2001:db8::/64',
    '2001:db8::1/128',
  ])
})
