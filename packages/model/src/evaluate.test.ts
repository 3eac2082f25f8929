import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatRange } from '@holdfast/ip'
import { evaluate } from './evaluate.ts'
import { parse } from './parse.ts'
import { load, object } from './testing/manifests.ts'
import { advertisement, bfdProfile, community, node, peer, pool, service } from './testing/objects.ts'
import type { Evaluation, IPAddressPool } from './types.ts'

const key = (name: string): string => `metallb-system/${name}`
const poolOf = ({ model }: Evaluation, name: string): IPAddressPool | undefined => model.pools.get(key(name))
const rangesOf = (evaluation: Evaluation, name: string): readonly string[] | undefined =>
  poolOf(evaluation, name)?.ranges.map(formatRange)
const codes = ({ faults }: Evaluation): readonly string[] => faults.map(({ code, object }) => `${object.name} ${code}`)

const entry = (...addresses: string[]) => ({ addresses })

test('a broken object is reported and does not hide the other ones', () => {
  const pools = [pool('a', entry('nonsense')), pool('b', entry('192.0.2.0/24'))]
  const evaluation = evaluate([...pools, service('web')], undefined)
  assert.deepEqual(codes(evaluation), ['a invalid-pool-entry'])
  assert.deepEqual([...evaluation.model.pools.keys()], [key('b')])
  assert.deepEqual([...evaluation.model.services.keys()], ['shop/web'])
})

test('the last valid version of a broken object stays in force, stale, until it is corrected or removed', () => {
  const other = service('web')
  const first = evaluate([pool('a', entry('192.0.2.0/24')), other], undefined)
  const second = evaluate([pool('a', entry('nonsense')), other], first)
  assert.deepEqual(rangesOf(second, 'a'), ['192.0.2.0-192.0.2.255'])
  assert.equal(poolOf(second, 'a')?.meta.isStale, true)
  assert.equal(second.model.services, first.model.services)

  const third = evaluate([pool('a', entry('still nonsense')), other], second)
  assert.equal(poolOf(third, 'a'), poolOf(second, 'a'))

  const corrected = evaluate([pool('a', entry('198.51.100.0/24')), other], third)
  assert.deepEqual(rangesOf(corrected, 'a'), ['198.51.100.0-198.51.100.255'])
  assert.equal(poolOf(corrected, 'a')?.meta.isStale, false)
  assert.deepEqual(corrected.faults, [])

  assert.equal(evaluate([other], third).model.pools.size, 0)
})

test('a broken Service keeps its last valid version too', () => {
  const first = evaluate([service('web', { type: 'LoadBalancer' })], undefined)
  const second = evaluate([service('web', { type: 'LoadBalancer', ports: [{ port: 0 }] })], first)
  assert.deepEqual(codes(second), ['web out-of-range'])
  assert.equal(second.model.services.get('shop/web')?.meta.isStale, true)
})

test('of two objects that conflict without history, the one earlier by name wins', () => {
  const objects = [pool('b', entry('192.0.2.0/24')), pool('a', entry('192.0.2.128/25'))]
  for (const order of [objects, [...objects].reverse()]) {
    const evaluation = evaluate(order, undefined)
    assert.deepEqual(codes(evaluation), ['b overlapping-addresses'])
    assert.match(evaluation.faults[0]!.message, /IPAddressPool "metallb-system\/a"/)
  }
})

const made = (minute: string) => ({ creationTimestamp: `2026-01-01T00:${minute}:00Z` })

test('without history the older of two wins, of whatever kind; those without a time come last', () => {
  const older = pool('z', entry('192.0.2.0/24'), made('01'))
  const [younger, timeless] = [made('02'), { creationTimestamp: null }].map((metadata) =>
    pool('a', entry('192.0.2.128/25'), metadata),
  )
  for (const other of [younger!, timeless!]) {
    for (const order of [
      [older, other],
      [other, older],
    ]) {
      assert.deepEqual(codes(evaluate(order, undefined)), ['a overlapping-addresses'])
    }
  }
  const peers = [peer('aa', {}, made('02')), peer('router-a', {}, made('01'))]
  assert.deepEqual(codes(evaluate(peers, undefined)), ['aa duplicate-session'])
  // As it was before the restart: the pool came to an advertisement that does not suit it.
  const aggregate = advertisement('x', { aggregationLength: 24 }, made('02'))
  const small = pool('a', entry('198.51.100.0/28'), made('03'))
  assert.deepEqual(codes(evaluate([small, older, aggregate], undefined)), ['a aggregation-wider-than-pool'])
  const aliases = (name: string, minute: string) =>
    community(name, { communities: [{ name: 'gold', value: '1:1' }] }, made(minute))
  assert.deepEqual(codes(evaluate([aliases('a', '02'), aliases('b', '01')], undefined)), [
    'a duplicate-community-alias',
  ])
  const elsewhere = pool('z', entry('203.0.113.0/24'), { namespace: 'a', ...made('02') })
  assert.deepEqual(codes(evaluate([elsewhere, older], undefined)), ['z same-name-in-other-namespace'])
})

test('an older object does not displace one that is in force', () => {
  const younger = pool('a', entry('192.0.2.0/25'), made('02'))
  const first = evaluate([younger], undefined)
  const second = evaluate([pool('z', entry('192.0.2.0/24'), made('01')), younger], first)
  assert.deepEqual(codes(second), ['z overlapping-addresses'])
})

test('a newcomer never displaces an object that is in force, whatever its name', () => {
  const old = pool('z', entry('192.0.2.0/24'))
  const first = evaluate([old], undefined)
  const second = evaluate([pool('a', entry('192.0.2.0/25')), old], first)
  assert.deepEqual(codes(second), ['a overlapping-addresses'])
  assert.equal(second.model.pools, first.model.pools)
})

test('a changed object gives way to an unchanged one and keeps its version before', () => {
  const unchanged = pool('z', entry('192.0.2.0/24'))
  const first = evaluate([pool('a', entry('198.51.100.0/24')), unchanged], undefined)
  const second = evaluate([pool('a', entry('192.0.0.0/16')), unchanged], first)
  assert.deepEqual(codes(second), ['a overlapping-addresses'])
  assert.deepEqual(rangesOf(second, 'a'), ['198.51.100.0-198.51.100.255'])
  assert.equal(poolOf(second, 'a')?.meta.isStale, true)
})

test('two pools can swap their addresses in one step', () => {
  const first = evaluate([pool('a', entry('192.0.2.0/24')), pool('b', entry('198.51.100.0/24'))], undefined)
  const second = evaluate([pool('a', entry('198.51.100.0/24')), pool('b', entry('192.0.2.0/24'))], first)
  assert.deepEqual(second.faults, [])
  assert.deepEqual(rangesOf(second, 'a'), ['198.51.100.0-198.51.100.255'])
})

test('a pool that must return to its version before takes its addresses back from a changed pool', () => {
  const fixed = pool('c', entry('203.0.113.0/24'))
  const first = evaluate([pool('a', entry('192.0.2.0/24')), pool('b', entry('198.51.100.0/24')), fixed], undefined)
  // b wants what c has, and a wants what b would have left.
  const second = evaluate([pool('a', entry('198.51.100.0/24')), pool('b', entry('203.0.113.0/24')), fixed], first)
  assert.deepEqual(codes(second), ['a overlapping-addresses', 'b overlapping-addresses'])
  assert.deepEqual(rangesOf(second, 'a'), ['192.0.2.0-192.0.2.255'])
  assert.deepEqual(rangesOf(second, 'b'), ['198.51.100.0-198.51.100.255'])
})

test('a stale pool keeps its addresses from a pool that changed to them', () => {
  const first = evaluate([pool('a', entry('192.0.2.0/24')), pool('b', entry('198.51.100.0/24'))], undefined)
  const second = evaluate([pool('a', entry('198.51.100.0/24')), pool('b', entry('nonsense'))], first)
  assert.deepEqual(codes(second), ['a overlapping-addresses', 'b invalid-pool-entry'])
  assert.deepEqual(rangesOf(second, 'a'), ['192.0.2.0-192.0.2.255'])
  assert.deepEqual(rangesOf(second, 'b'), ['198.51.100.0-198.51.100.255'])
})

test('a pool that no longer suits an advertisement is refused, and its routes stay', () => {
  const aggregate = advertisement('public', { aggregationLength: 26 })
  const first = evaluate([pool('a', entry('192.0.2.0/24')), aggregate], undefined)
  const second = evaluate([pool('a', entry('192.0.2.0/28')), aggregate], first)
  assert.deepEqual(codes(second), ['a aggregation-wider-than-pool'])
  assert.equal(second.model.advertisements, first.model.advertisements)
  assert.equal(poolOf(second, 'a')?.meta.isStale, true)
})

test('without history what refers gives way to what is referred to, whatever the names', () => {
  const pools = [pool('z', entry('192.0.2.0/28', '2001:db8::/64'))]
  assert.deepEqual(codes(evaluate([advertisement('a', { aggregationLength: 26 }), ...pools], undefined)), [
    'a aggregation-wider-than-pool',
  ])
  const profile = bfdProfile('zz', { echoMode: true })
  const others = [peer('a', { bfdProfile: 'zz' }), advertisement('y', {}), ...pools, profile]
  assert.deepEqual(codes(evaluate(others, undefined)), ['a bfd-echo-with-ipv6'])
})

test('a range may be aggregated up to the largest prefix in it', () => {
  const range = pool('a', entry('192.0.2.5-192.0.2.200'))
  const length = (aggregationLength: number) =>
    codes(evaluate([range, advertisement('x', { aggregationLength })], undefined))
  assert.deepEqual(length(26), [])
  assert.deepEqual(length(25), ['x aggregation-wider-than-pool'])
})

test('an advertisement takes the communities that its aliases mean now', () => {
  const routes = advertisement('public', { communities: ['customers', '64500:7', 'large:1:2:3'] })
  const names = (value: string) => community('names', { communities: [{ name: 'customers', value }] })
  const first = evaluate([names('64500:100'), routes], undefined)
  const again = evaluate([names('64500:200'), routes], first)
  const communitiesIn = ({ model }: Evaluation) => model.advertisements.get(key('public'))?.communities
  assert.deepEqual(communitiesIn(first), [
    { kind: 'large', globalAdmin: 1, data1: 2, data2: 3 },
    { kind: 'standard', high: 64500, low: 7 },
    { kind: 'standard', high: 64500, low: 100 },
  ])
  assert.deepEqual(communitiesIn(again)?.at(-1), { kind: 'standard', high: 64500, low: 200 })
  assert.equal(again.model.advertisements.get(key('public'))?.meta.isStale, false)
})

const faultsOf = (evaluation: Evaluation, name: string) =>
  evaluation.faults.filter(({ object: ref }) => ref.name === name).map(({ message, remedy }) => [message, remedy])

test('an alias of a Community that is refused, and a BFDProfile that is, are not said not to be there', () => {
  const routes = advertisement('public', { communities: ['gold', 'iron'] })
  const names = (...communities: readonly object[]) => community('names', { communities })
  const gold = { name: 'gold', value: '1:1' }
  const unknown = [
    'No Community object defines the alias "iron".',
    'Define the alias in a Community object, or write the community itself, such as 65000:100.',
  ]
  const first = evaluate([names(gold, { name: 'silver', value: 'x:y' }), routes], undefined)
  assert.deepEqual(faultsOf(first, 'public'), [
    [
      'Community "metallb-system/names" defines the alias "gold", and is refused itself.',
      'Correct Community "metallb-system/names": its own faults say what is wrong with it.',
    ],
    unknown,
  ])
  assert.deepEqual(faultsOf(evaluate([names(gold), routes], undefined), 'public'), [unknown])
  for (const communities of ['nonsense', [null, 'gold', { name: 7 }], undefined]) {
    assert.equal(faultsOf(evaluate([community('names', { communities }), routes], undefined), 'public').length, 2)
  }
  const uplink = peer('tor', { bfdProfile: 'fast' })
  assert.deepEqual(faultsOf(evaluate([bfdProfile('fast', { minimumTtl: 'x' }), uplink], undefined), 'tor'), [
    ['BFDProfile "fast" is refused itself.', 'Correct BFDProfile "fast": its own faults say what is wrong with it.'],
  ])
})

test('an entry of a pool that is no address at all is not told to lack a prefix length', () => {
  const whyOf = (text: string) => faultsOf(evaluate([pool('a', entry(text))], undefined), 'a').at(0)?.[0]
  assert.equal(whyOf('hello'), '"hello" is not an IP address.')
  assert.match(whyOf('192.0.2.1') ?? '', /has no prefix length/)
})

test('a peer whose BFDProfile was deleted keeps its session and is reported', () => {
  const uplink = peer('tor', { bfdProfile: 'fast' })
  const first = evaluate([bfdProfile('fast', {}), uplink], undefined)
  const second = evaluate([uplink], first)
  assert.deepEqual(codes(second), ['tor unknown-bfd-profile'])
  assert.equal(second.model.peers.get(key('tor'))?.meta.isStale, true)
  const third = evaluate([bfdProfile('fast', {}), uplink], second)
  assert.deepEqual(third.faults, [])
  assert.equal(third.model.peers.get(key('tor'))?.meta.isStale, false)
})

test('switching on echo mode is refused on the profile when a peer of it is announced IPv6', () => {
  const others = [pool('a', entry('2001:db8::/64')), advertisement('x', {}), peer('tor', { bfdProfile: 'fast' })]
  const first = evaluate([bfdProfile('fast', {}), ...others], undefined)
  const second = evaluate([bfdProfile('fast', { echoMode: true }), ...others], first)
  assert.deepEqual(codes(second), ['fast bfd-echo-with-ipv6'])
  assert.equal(second.model.bfdProfiles.get(key('fast'))?.echoMode, false)
  assert.equal(second.model.peers, first.model.peers)
  const limited = others.with(1, advertisement('x', { peers: ['other'] }))
  assert.deepEqual(codes(evaluate([bfdProfile('fast', { echoMode: true }), ...limited], undefined)), [])
})

test('different local preferences on one pool are refused, but for what MetalLB excepts', () => {
  const nodes = [node('left', { rack: 'left' }), node('right', { rack: 'right' })]
  const pools = [pool('a', entry('192.0.2.0/24')), pool('b', entry('198.51.100.0/24', '2001:db8::/64'))]
  const conflicts = (a: object, b: object): readonly string[] =>
    codes(evaluate([...nodes, ...pools, advertisement('x', { ...a }), advertisement('y', { ...b })], undefined))
  const refused = ['y conflicting-local-pref']
  const onA = { ipAddressPools: ['a'] }
  assert.deepEqual(conflicts({ ...onA, localPref: 100 }, { ...onA, localPref: 200 }), refused)
  assert.deepEqual(conflicts({ ...onA, localPref: 100 }, onA), refused)
  assert.deepEqual(conflicts({ ...onA, localPref: 0 }, onA), [])
  assert.deepEqual(conflicts({ ...onA, localPref: 100 }, { ipAddressPools: ['b'] }), [])
  assert.deepEqual(conflicts({ ...onA, localPref: 100, aggregationLength: 24 }, onA), [])
  // Pool b has both families, and only one length differs.
  const onB = { ipAddressPools: ['b'] }
  assert.deepEqual(conflicts({ ...onB, localPref: 100, aggregationLength: 24 }, onB), refused)
  assert.deepEqual(conflicts({ ...onB, localPref: 100, aggregationLength: 24, aggregationLengthV6: 64 }, onB), [])
  assert.deepEqual(conflicts({ ...onA, localPref: 100, peers: ['p'] }, { ...onA, peers: ['q'] }), [])
  assert.deepEqual(conflicts({ ...onA, localPref: 100, peers: ['p'] }, onA), refused)
  assert.deepEqual(conflicts({ ...onA, localPref: 100 }, { ...onA, peers: ['p'] }), refused)
  const rack = (name: string) => ({ nodeSelectors: [{ matchLabels: { rack: name } }] })
  assert.deepEqual(conflicts({ ...onA, localPref: 100, ...rack('left') }, { ...onA, ...rack('right') }), [])
  assert.deepEqual(conflicts({ ...onA, localPref: 100, ...rack('left') }, onA), refused)
  const selected = { serviceSelectors: [{ matchLabels: { app: 'web' } }] }
  assert.deepEqual(conflicts({ ...onA, localPref: 100, ...selected }, onA), [])
})

test('one session of a node belongs to one peer', () => {
  const nodes = [node('left', { rack: 'left' }), node('right', { rack: 'right' })]
  const rack = (name: string) => ({ nodeSelectors: [{ matchLabels: { rack: name } }] })
  const refused = ['b duplicate-session']
  const check = (a: object, b: object) =>
    codes(evaluate([...nodes, peer('a', { ...a }), peer('b', { ...b })], undefined))
  assert.deepEqual(check({}, { holdTime: '30s' }), refused)
  assert.deepEqual(check(rack('left'), rack('right')), [])
  assert.deepEqual(check(rack('left'), {}), refused)
  assert.deepEqual(check({}, { peerPort: 1179 }), [])
  assert.deepEqual(check({ sourceAddress: '10.0.0.1' }, { sourceAddress: '10.0.0.2' }), [])
  assert.deepEqual(check({}, { vrf: 'red' }), [])
  assert.deepEqual(check({ routerID: '10.0.0.1' }, { peerPort: 1179, routerID: '10.0.0.2', myASN: 64513 }), [])
  // Without Node objects nobody knows that the racks have different nodes.
  assert.deepEqual(codes(evaluate([peer('a', rack('left')), peer('b', rack('right'))], undefined)), refused)
})

test('the second definition of an object is refused, and the one in force stays', () => {
  const head = 'apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: a, namespace: metallb-system}\n'
  const text = (address: string) => `${head}spec: {addresses: [${address}]}\n`
  const [old] = load(text('192.0.2.0/24'), 'b.yaml')
  const [copy] = load(text('198.51.100.0/24'), 'a.yaml')
  const first = evaluate([old!], undefined)
  const second = evaluate([copy!, old!], first)
  assert.deepEqual(
    second.faults.map(({ file, code, message }) => [file, code, message]),
    [
      [
        'a.yaml',
        'duplicate-object',
        'The object is also defined in b.yaml, line 1, and that definition is the one in force.',
      ],
    ],
  )
  assert.equal(second.model.pools, first.model.pools)
  // Without history it is the first by file.
  assert.deepEqual(rangesOf(evaluate([old!, copy!], undefined), 'a'), ['198.51.100.0-198.51.100.255'])
  // Once the other one is gone, the copy counts.
  assert.deepEqual(rangesOf(evaluate([copy!], second), 'a'), ['198.51.100.0-198.51.100.255'])
})

test('of two definitions of an advertisement with communities the one in force stays too', () => {
  const text = (communities: string) =>
    `apiVersion: metallb.io/v1beta1\nkind: BGPAdvertisement\nmetadata: {name: x}\nspec: {communities: [${communities}]}\n`
  const [old] = load(text("'1:1'"), 'b.yaml')
  const [copy] = load(text("'2:2'"), 'a.yaml')
  const second = evaluate([copy!, old!], evaluate([old!], undefined))
  assert.deepEqual(second.model.advertisements.get('default/x')?.communities, [{ kind: 'standard', high: 1, low: 1 }])
})

test('a second definition does not take over when the file in force is read anew or changed', () => {
  const text = (value: string) =>
    `apiVersion: metallb.io/v1beta1\nkind: BGPAdvertisement\nmetadata: {name: x}\nspec: {communities: ['${value}']}\n`
  const copy = load(text('2:2'), 'a.yaml')
  const high = ({ model }: Evaluation) => {
    const [first] = model.advertisements.get('default/x')?.communities ?? []
    return first?.kind === 'standard' ? first.high : undefined
  }
  const first = evaluate(load(text('1:1'), 'b.yaml'), undefined)
  const anew = evaluate([...copy, ...load(text('1:1'), 'b.yaml')], first)
  assert.deepEqual([high(anew), anew.faults.map(({ file }) => file)], [1, ['a.yaml']])
  const changed = evaluate([...copy, ...load(text('3:3'), 'b.yaml')], anew)
  assert.deepEqual([high(changed), changed.faults.map(({ file }) => file)], [3, ['a.yaml']])
})

test('the maps of the model are in the order of their keys, also after objects were added and changed', () => {
  const names = ({ model }: Evaluation) => [...model.services.values()].map(({ meta }) => meta.ref.name)
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => service(name))
  const first = evaluate([d!, b!], undefined)
  const second = evaluate([d!, c!, b!, a!], first)
  assert.deepEqual(
    [names(first), names(second)],
    [
      ['b', 'd'],
      ['a', 'b', 'c', 'd'],
    ],
  )
  const third = evaluate([service('c', { type: 'LoadBalancer' }), d!, a!, b!], second)
  assert.deepEqual(names(third), ['a', 'b', 'c', 'd'])
  assert.equal(third.model.services.get('shop/c')?.type, 'LoadBalancer')
  assert.deepEqual(names(evaluate([a!, d!], third)), ['a', 'd'])
})

test('of a Service that comes anew and says the same, one of the two is kept', () => {
  const [before, after] = [service('web'), { ...service('web') }]
  const first = evaluate([before], undefined)
  const second = evaluate([after], first)
  assert.equal(parse(after)[0]?.built?.resource, first.model.services.get('shop/web'))
  assert.equal(second.model.services, first.model.services)
})

test('resources, maps and the evaluation keep their identity as long as nothing changes', () => {
  const make = () => [
    pool('a', entry('192.0.2.0/24')),
    advertisement('x', { communities: ['1:2'] }),
    peer('tor'),
    service('web'),
  ]
  const first = evaluate(make(), undefined)
  assert.equal(evaluate(make(), first), first)
  const second = evaluate([...make().slice(0, 3), service('web', { type: 'LoadBalancer' })], first)
  assert.notEqual(second.model.services, first.model.services)
  assert.equal(second.model.pools, first.model.pools)
  assert.equal(second.model.advertisements, first.model.advertisements)
  assert.equal(second.model.peers, first.model.peers)
})

test('identical advertisements are accepted under two names, and the second is listed as without effect', () => {
  const { faults, notInForce } = evaluate([advertisement('x', {}), advertisement('y', {})], undefined)
  assert.deepEqual(faults, [])
  assert.deepEqual(
    notInForce.map(({ object, reason }) => [object.name, reason]),
    [['y', 'says the same as BGPAdvertisement "metallb-system/x"']],
  )
})

test('the items of a List count one by one', () => {
  const list = (address: string) =>
    object({ apiVersion: 'v1', kind: 'List', items: [pool('a', entry(address)).value, service('web').value] })
  const first = evaluate([list('192.0.2.0/24')], undefined)
  assert.deepEqual([...first.model.pools.keys(), ...first.model.services.keys()], [key('a'), 'shop/web'])
  assert.equal(evaluate([list('192.0.2.0/240')], first).faults[0]?.path, 'spec.addresses[0]')
})

test('kinds that are not ours are ignored, also under names like ours', () => {
  const kinds = [
    ['apps/v1', 'Deployment'],
    ['projectcalico.org/v3', 'BGPPeer'],
    ['serving.knative.dev/v1', 'Service'],
    ['metallb.io/v1beta1', 'ServiceBGPStatus'],
    ['metallb.io/v1beta1', 'ConfigurationState'],
  ]
  const objects = kinds.map(([apiVersion, kind]) => object({ apiVersion, kind, metadata: { name: 'x' } }))
  const { faults, notInForce } = evaluate(objects, undefined)
  assert.deepEqual([faults, notInForce], [[], []])
})

test('an L2Advertisement is listed as not obeyed', () => {
  const l2 = object({ apiVersion: 'metallb.io/v1beta1', kind: 'L2Advertisement', metadata: { name: 'lan' } })
  const { faults, notInForce } = evaluate([l2], undefined)
  assert.deepEqual(faults, [])
  assert.deepEqual(
    notInForce.map(({ object: ref }) => `${ref.kind}/${ref.name}`),
    ['L2Advertisement/lan'],
  )
})

test('what is no object at all is a fault', () => {
  const { faults } = evaluate([object(null), object('text'), object({ kind: 'Service' })], undefined)
  assert.deepEqual(
    faults.map(({ code }) => code),
    ['not-an-object', 'not-an-object', 'not-an-object'],
  )
})
