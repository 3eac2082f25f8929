import assert from 'node:assert/strict'
import { test } from 'node:test'
import { effectivePolicy } from './effective-policy.ts'
import { evaluate } from './evaluate.ts'
import { node, peer, policy, secret } from './testing/objects.ts'
import type { Evaluation, RawObject } from './types.ts'

type Spec = Readonly<Record<string, unknown>>

const left = node('left', { rack: 'l' })
const right = node('right', { rack: 'r' })
const ofRack = (rack: string) => [{ matchLabels: { rack } }]

function effective(objects: readonly RawObject[], nodeName = 'left', peerName = 'tor') {
  const evaluation = evaluate([left, right, ...objects], undefined)
  return of(evaluation, nodeName, peerName)
}

const of = ({ model }: Evaluation, nodeName = 'left', peerName = 'tor') =>
  effectivePolicy(model, model.peers.get(`metallb-system/${peerName}`)!, model.nodes.get(nodeName)!)

const tor = peer('tor', {}, { labels: { row: 'a' } })

test('without policies the defaults are in force', () => {
  assert.deepEqual(effective([tor]), {
    policies: [],
    gtsmHops: undefined,
    ttl: undefined,
    hasGracefulRestart: true,
    restartTimeSeconds: 120,
    longLivedStaleSeconds: undefined,
    gracefulShutdownMs: 2000,
    asPathPrepend: 0,
    med: undefined,
    linkBandwidthBytesPerSecond: undefined,
    nextHops: {},
    extendedCommunities: [],
    hasAddPath: false,
    hasExtendedNextHop: false,
    prefixLimit: undefined,
    role: undefined,
    isRoleStrict: false,
    isAsReplaced: true,
    sendHoldSeconds: undefined,
    isPassive: false,
    delayOpenSeconds: 0,
    withheldCapabilities: [],
    tcpAo: undefined,
  })
})

test("MetalLB's false for enableGracefulRestart is its default, and does not switch graceful restart off", () => {
  assert.equal(effective([peer('tor', { enableGracefulRestart: false })]).hasGracefulRestart, true)
  const disabled = policy('a', { gracefulRestart: { mode: 'Disabled' } })
  assert.equal(effective([peer('tor', { enableGracefulRestart: true }), disabled]).hasGracefulRestart, false)
})

test('extended next hops come by themselves where IPv4 goes over IPv6, unless said otherwise', () => {
  const over6 = { peerAddress: '2001:db8::1' }
  const cases: readonly (readonly [Spec, boolean])[] = [
    [{}, false],
    [{ dualStackAddressFamily: true }, false],
    [over6, false],
    [{ ...over6, dualStackAddressFamily: true }, true],
    [{ peerAddress: '', interface: 'eth1' }, true],
  ]
  for (const [spec, expected] of cases) {
    assert.equal(effective([peer('tor', spec)]).hasExtendedNextHop, expected, JSON.stringify(spec))
    const said = (word: string) =>
      effective([peer('tor', spec), policy('a', { extendedNextHop: word })]).hasExtendedNextHop
    assert.deepEqual([said('Enabled'), said('Disabled')], [true, false])
  }
})

test('peers are selected by name or by labels, all of them by neither, and nodes by labels', () => {
  const spine = peer('spine', { peerAddress: '192.0.2.253' }, { labels: { row: 'b' } })
  const policies = [
    policy('all', {}),
    policy('by-label', { peerSelectors: [{ matchLabels: { row: 'a' } }] }),
    policy('by-name', { peers: ['spine'] }),
    policy('either', { peers: ['spine'], peerSelectors: [{ matchLabels: { row: 'a' } }] }),
    policy('left', { nodeSelectors: ofRack('l') }),
    policy('nowhere', { nodeSelectors: ofRack('x') }),
    policy('right', { nodeSelectors: [...ofRack('x'), ...ofRack('r')] }),
  ]
  const names = (nodeName: string, peerName: string) =>
    effective([tor, spine, ...policies], nodeName, peerName).policies
  assert.deepEqual(names('left', 'tor'), ['all', 'by-label', 'either', 'left'])
  assert.deepEqual(names('right', 'tor'), ['all', 'by-label', 'either', 'right'])
  assert.deepEqual(names('left', 'spine'), ['all', 'by-name', 'either', 'left'])
})

test('policies add up, and of two that differ the first by name counts', () => {
  const found = effective([
    tor,
    policy('b', {
      med: 2,
      asPathPrepend: 2,
      nextHop: { ipv4: '192.0.2.2', ipv6: '2001:db8::2' },
      extendedCommunities: ['rt:1:1'],
    }),
    policy('a', { med: 1, nextHop: { ipv4: '192.0.2.1' }, prefixLimit: 7 }),
    policy('c', { extendedCommunities: ['rt:2:2'], withheldCapabilities: ['FourOctetAS'] }),
  ])
  assert.deepEqual(found.policies, ['a', 'b', 'c'])
  assert.deepEqual([found.med, found.asPathPrepend, found.prefixLimit], [1, 2, 7])
  assert.deepEqual(Object.keys(found.nextHops).sort(), ['ipv4', 'ipv6'])
  assert.equal(found.nextHops.ipv4?.value, 0xc0000201)
  assert.deepEqual(found.extendedCommunities, [{ high: 0x00020001, low: 1 }])
  assert.deepEqual(found.withheldCapabilities, ['FourOctetAS'])
})

test('a TTL of one policy and TTL security of another are never mixed', () => {
  const found = effective([tor, policy('a', { ttl: 64 }), policy('b', { ttlSecurity: { hops: 1 } })])
  assert.deepEqual([found.ttl, found.gtsmHops], [64, undefined])
})

test('the same objects give the same answer, and a change of one policy, peer or node gives another', () => {
  const objects = [left, right, tor, policy('a', { med: 1 })]
  const first = evaluate(objects, undefined)
  assert.equal(of(first), of(first))
  const second = evaluate([...objects, peer('spine', { peerAddress: '192.0.2.253' })], first)
  assert.equal(of(second), of(first))
  const third = evaluate([left, right, tor, policy('a', { med: 2 })], second)
  assert.equal(of(third).med, 2)
  assert.equal(of(second).med, 1)
})

const conflictsOf = (objects: readonly RawObject[]) =>
  evaluate(objects, undefined)
    .faults.filter(({ code }) => code === 'conflicting-policies')
    .map(({ object, path }) => `${object.name} ${path}`)

test('two policies are at odds only where they meet: on one peer, on one node', () => {
  const spine = peer('spine', { peerAddress: '192.0.2.253', nodeSelectors: ofRack('r') })
  const all = [left, right, tor, spine]
  const one = policy('a', { med: 1 })
  assert.deepEqual(conflictsOf([...all, one, policy('b', { med: 2 })]), ['b spec.med'])
  assert.deepEqual(conflictsOf([...all, one, policy('b', { med: 1 })]), [])
  assert.deepEqual(conflictsOf([...all, one, policy('b', { ttl: 1 })]), [])
  assert.deepEqual(
    conflictsOf([...all, policy('a', { med: 1, peers: ['tor'] }), policy('b', { med: 2, peers: ['spine'] })]),
    [],
  )
  const racks = (a: string, b: string) => [
    policy('a', { med: 1, nodeSelectors: ofRack(a) }),
    policy('b', { med: 2, nodeSelectors: ofRack(b) }),
  ]
  assert.deepEqual(conflictsOf([...all, ...racks('l', 'r')]), [])
  assert.deepEqual(conflictsOf([...all, ...racks('l', 'l')]), ['b spec.med'])
  const onSpine = (rack: string) => policy('b', { med: 2, peers: ['spine'], nodeSelectors: ofRack(rack) })
  assert.deepEqual(conflictsOf([...all, one, onSpine('r')]), ['b spec.med'])
  assert.deepEqual(conflictsOf([...all, one, onSpine('l')]), [])
})

test('without nodes only policies for all of them are surely at odds; with nodes the rest is found', () => {
  const policies = [policy('a', { med: 1, nodeSelectors: ofRack('l') }), policy('b', { med: 2 })]
  assert.deepEqual(conflictsOf([tor, ...policies]), [])
  assert.deepEqual(conflictsOf([tor, ...policies, left]), ['b spec.med'])
  assert.deepEqual(conflictsOf([tor, policy('a', { med: 1 }), policy('b', { med: 2 })]), ['b spec.med'])
  assert.deepEqual(conflictsOf([policy('a', { med: 1 }), policy('b', { med: 2 }), left]), [])
})

test('policies at odds all stay in force, none of them stale', () => {
  const { model } = evaluate([tor, policy('a', { med: 1, ttl: 1 }), policy('b', { med: 2, prefixLimit: 9 })], undefined)
  assert.deepEqual(
    [...model.peerPolicies.values()].map(({ meta }) => meta.isStale),
    [false, false],
  )
})

test('every field can be at odds, and its fault names the field', () => {
  const aoKeys = (id: number) => ({
    keys: [{ sendID: id, receiveID: id, algorithm: 'HMAC-SHA-1-96', secret: { name: 's' } }],
  })
  const pairs: readonly (readonly [string, Spec, Spec])[] = [
    ['ttlSecurity.hops', { ttlSecurity: { hops: 1 } }, { ttlSecurity: { hops: 2 } }],
    ['ttlSecurity.hops', { ttl: 1 }, { ttlSecurity: { hops: 2 } }],
    ['ttl', { ttl: 1 }, { ttl: 2 }],
    ['ttl', { ttlSecurity: { hops: 2 } }, { ttl: 1 }],
    ['gracefulRestart.mode', { gracefulRestart: { mode: 'Auto' } }, { gracefulRestart: { mode: 'Disabled' } }],
    [
      'gracefulRestart.restartTime',
      { gracefulRestart: { restartTime: '1s' } },
      { gracefulRestart: { restartTime: '2s' } },
    ],
    [
      'gracefulRestart.longLivedStaleTime',
      { gracefulRestart: { longLivedStaleTime: '0' } },
      { gracefulRestart: { longLivedStaleTime: '2s' } },
    ],
    ['gracefulShutdown.wait', { gracefulShutdown: { wait: '1s' } }, { gracefulShutdown: { wait: '2s' } }],
    ['asPathPrepend', { asPathPrepend: 0 }, { asPathPrepend: 1 }],
    ['med', { med: 0 }, { med: 1 }],
    ['linkBandwidthMbps', { linkBandwidthMbps: 1 }, { linkBandwidthMbps: 2 }],
    ['nextHop.ipv4', { nextHop: { ipv4: '192.0.2.1' } }, { nextHop: { ipv4: '192.0.2.2' } }],
    ['nextHop.ipv6', { nextHop: { ipv6: '2001:db8::1' } }, { nextHop: { ipv6: '2001:db8::2' } }],
    ['extendedCommunities', { extendedCommunities: ['rt:1:1'] }, { extendedCommunities: ['rt:1:2'] }],
    ['addPath', { addPath: 'Send' }, { addPath: 'Disabled' }],
    ['extendedNextHop', { extendedNextHop: 'Enabled' }, { extendedNextHop: 'Disabled' }],
    ['prefixLimit', { prefixLimit: 1 }, { prefixLimit: 2 }],
    ['role', { role: 'Peer' }, { role: 'Customer' }],
    ['roleStrict', { roleStrict: true }, { roleStrict: false }],
    ['localAS.replaceAS', { localAS: { replaceAS: true } }, { localAS: { replaceAS: false } }],
    ['sendHoldTime', { sendHoldTime: '8m' }, { sendHoldTime: '9m' }],
    ['connectionMode', { connectionMode: 'Active' }, { connectionMode: 'Passive' }],
    ['delayOpenTime', { delayOpenTime: '0s' }, { delayOpenTime: '1s' }],
    ['withheldCapabilities', { withheldCapabilities: ['RouteRefresh'] }, { withheldCapabilities: ['FourOctetAS'] }],
    ['tcpAO', { tcpAO: aoKeys(1) }, { tcpAO: aoKeys(2) }],
  ]
  for (const [field, a, b] of pairs) {
    const all = [tor, left, secret('s', 'x')]
    assert.deepEqual(conflictsOf([...all, policy('a', a), policy('b', b)]), [`b spec.${field}`], field)
    assert.deepEqual(conflictsOf([...all, policy('a', b), policy('b', b)]), [], field)
    const [said, meant] = [
      effective([tor, policy('a', a), policy('b', b), secret('s', 'x')]),
      effective([tor, policy('a', a), secret('s', 'x')]),
    ]
    assert.deepEqual({ ...said, policies: [] }, { ...meant, policies: [] }, field)
  }
})
