import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatAddress } from '@holdfast/ip'
import { evaluate } from './evaluate.ts'
import { sessionObstacles } from './kinds/peer.ts'
import { object } from './testing/manifests.ts'
import { peer, peerV1beta1, rawPeer } from './testing/objects.ts'
import type { BGPPeer, RawObject } from './types.ts'

const evaluatePeer = (raw: RawObject) => {
  const { model, faults, notInForce } = evaluate([raw], undefined)
  const [found] = model.peers.values()
  return { found, faults: faults.map(({ code, path }) => `${path} ${code}`), notes: notInForce.map(({ path }) => path) }
}

function valid(raw: RawObject): BGPPeer {
  const { found, faults } = evaluatePeer(raw)
  assert.deepEqual(faults, [])
  return found!
}

const faultsOf = (spec: Readonly<Record<string, unknown>>) => evaluatePeer(peer('tor', spec)).faults

test('a peer with the required fields alone has the defaults of v1beta2', () => {
  const found = valid(peer('tor'))
  assert.equal(formatAddress(found.peerAddress!), '192.0.2.254')
  const { peerPort, holdTimeMs, keepaliveTimeMs, connectTimeMs, routerID, dualStackAddressFamily, password } = found
  assert.deepEqual(
    { peerPort, holdTimeMs, keepaliveTimeMs, connectTimeMs, routerID, dualStackAddressFamily, password },
    {
      peerPort: 179,
      holdTimeMs: undefined,
      keepaliveTimeMs: undefined,
      connectTimeMs: undefined,
      routerID: undefined,
      dualStackAddressFamily: false,
      password: undefined,
    },
  )
})

test('an IPv4-mapped peer is an IPv4 peer, so that what protects it is what protects IPv4', () => {
  const found = valid(peer('tor', { peerAddress: '::ffff:192.0.2.254', sourceAddress: '::ffff:192.0.2.1' }))
  assert.deepEqual([found.peerAddress?.family, found.sourceAddress?.family], ['ipv4', 'ipv4'])
  assert.equal(formatAddress(found.peerAddress!), '192.0.2.254')
})

test('texts that are empty and numbers that are 0 count as unset, and so does null', () => {
  const texts = { interface: '', sourceAddress: '', routerID: '', bfdProfile: '', vrf: '', password: '' }
  const others = { dynamicASN: null, holdTime: null, passwordSecret: { name: '' } }
  assert.deepEqual(valid(peer('tor', { ...texts, ...others })), valid(peer('tor')))
  assert.equal(valid(peer('tor', { peerASN: 0, dynamicASN: 'external' })).peerASN, undefined)
})

test('timers are durations as Go writes them', () => {
  const found = valid(peer('tor', { holdTime: '1m30s', keepaliveTime: '.5m', connectTime: '10s' }))
  assert.deepEqual([found.holdTimeMs, found.keepaliveTimeMs, found.connectTimeMs], [90_000, 30_000, 10_000])
  assert.equal(valid(peer('tor', { holdTime: '0' })).holdTimeMs, 0)
})

test('hold time is 0 or 3 to 65535 s, also where it follows from the keepalive time [rfc4271-4.2-hold-time-configured]', () => {
  const bad = ['spec.holdTime invalid-hold-time']
  assert.deepEqual(faultsOf({ holdTime: '0s' }), [])
  assert.deepEqual(faultsOf({ holdTime: '3s' }), [])
  assert.deepEqual(faultsOf({ holdTime: '65535s' }), [])
  assert.deepEqual(faultsOf({ holdTime: '2999ms' }), bad)
  assert.deepEqual(faultsOf({ holdTime: '-3s' }), bad)
  assert.deepEqual(faultsOf({ holdTime: '65536s' }), bad)
  assert.deepEqual(faultsOf({ keepaliveTime: '1s' }), [])
  assert.deepEqual(faultsOf({ keepaliveTime: '900ms' }), ['spec.keepaliveTime invalid-hold-time'])
  assert.deepEqual(faultsOf({ holdTime: '9s', keepaliveTime: '9s' }), [])
  assert.deepEqual(faultsOf({ holdTime: '0s', keepaliveTime: '1s' }), ['spec.keepaliveTime keepalive-above-hold-time'])
})

test('connect time is whole seconds from 1 to 65535', () => {
  assert.deepEqual(faultsOf({ connectTime: '1s' }), [])
  assert.deepEqual(faultsOf({ connectTime: '65535s' }), [])
  for (const connectTime of ['0s', '500ms', '1.5s', '65536s', '-1s']) {
    assert.deepEqual(faultsOf({ connectTime }), ['spec.connectTime invalid-connect-time'], connectTime)
  }
})

test('AS numbers have 32 bits, and ports 16', () => {
  assert.deepEqual(faultsOf({ myASN: 4294967295, peerASN: 4294967294, peerPort: 65535 }), [])
  assert.deepEqual(faultsOf({ myASN: 4294967296, peerASN: -1, peerPort: 1.5 }), [
    'spec.myASN out-of-range',
    'spec.peerASN out-of-range',
    'spec.peerPort wrong-type',
  ])
})

test('a broken field of a pair counts as set, so that the other one is not asked for', () => {
  assert.deepEqual(faultsOf({ peerASN: 'x' }), ['spec.peerASN wrong-type'])
  assert.deepEqual(faultsOf({ peerAddress: 'x' }), ['spec.peerAddress invalid-address'])
  assert.deepEqual(evaluatePeer(rawPeer('tor', {})).faults, [
    'spec.myASN missing-field',
    'spec.peerASN missing-one-of',
    'spec.peerAddress missing-one-of',
  ])
})

test('ebgpMultiHop is refused on iBGP and accepted on eBGP and with dynamicASN', () => {
  assert.deepEqual(faultsOf({ peerASN: 64512, ebgpMultiHop: true }), ['spec.ebgpMultiHop multihop-on-ibgp'])
  assert.deepEqual(faultsOf({ ebgpMultiHop: true }), [])
  assert.deepEqual(faultsOf({ peerASN: 0, dynamicASN: 'internal', ebgpMultiHop: true }), [])
})

test('a router ID is kept as its 32-bit value', () => {
  assert.equal(valid(peer('tor', { routerID: '192.0.2.1' })).routerID, 0xc0000201)
  assert.deepEqual(faultsOf({ routerID: '0.0.0.0' }), ['spec.routerID invalid-router-id'])
})

test('a v1beta1 peer becomes a v1beta2 peer', () => {
  const spec = {
    myASN: 64512,
    peerASN: 64500,
    peerAddress: '192.0.2.254',
    peerPort: 0,
    holdTime: '0s',
    keepaliveTime: '0s',
    nodeSelectors: [
      { matchLabels: { rack: 'left' }, matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] },
    ],
  }
  const old = valid(peerV1beta1('tor', spec))
  // In v1beta1 the durations cannot be unset: 0s is what unset looks like.
  const same = valid(rawPeer('tor', { ...spec, peerPort: 179, holdTime: null, keepaliveTime: null }))
  assert.deepEqual(old, same)
  assert.equal(old.holdTimeMs, undefined)
  assert.deepEqual(evaluatePeer(peerV1beta1('tor', { ...spec, vrf: 'red', holdTime: '1s' })).faults, [
    'spec.holdTime invalid-hold-time',
    'spec.vrf unknown-field',
  ])
  assert.deepEqual(evaluatePeer(peerV1beta1('tor', { myASN: 64512 })).faults, [
    'spec.peerASN missing-field',
    'spec.peerAddress missing-field',
  ])
})

test('what MetalLB leaves out in one of its modes is in force: only a source of another family is in the way', () => {
  const obstacles = (spec: Readonly<Record<string, unknown>>) =>
    sessionObstacles(valid(peer('tor', spec)), undefined).map(({ path }) => path)
  assert.deepEqual(obstacles({}), [])
  assert.deepEqual(obstacles({ password: 'x' }), [])
  assert.deepEqual(obstacles({ peerAddress: '', interface: 'eth1' }), [])
  assert.deepEqual(obstacles({ vrf: 'red' }), [])
  assert.deepEqual(obstacles({ localASN: 64999 }), [])
  assert.deepEqual(obstacles({ dualStackAddressFamily: true, ebgpMultiHop: true, sourceAddress: '10.0.0.1' }), [])
  assert.deepEqual(obstacles({ sourceAddress: '2001:db8::1' }), ['spec.sourceAddress'])
})

test('every field without effect is listed, and no other one', () => {
  const others = { password: 'hunter2', vrf: 'red', enableGracefulRestart: true, localASN: 64999, connectTime: '1s' }
  const { notInForce } = evaluate(
    [peer('tor', { ...others, disableMP: true, sourceAddress: '2001:db8::1' })],
    undefined,
  )
  assert.deepEqual(
    notInForce.map(({ path, value }) => `${path} ${value}`),
    ['spec.disableMP true', 'spec.sourceAddress 2001:db8::1'],
  )
})

test('a password has at most 80 octets of UTF-8 [rfc2385-4.5-key-of-80-octets]', () => {
  assert.equal(valid(peer('tor', { password: 'é'.repeat(40) })).password?.reveal(), 'é'.repeat(40))
  assert.deepEqual(faultsOf({ password: `${'é'.repeat(40)}x` }), ['spec.password password-too-long'])
})

test('a password Secret is found in its own namespace and in that of the peer', () => {
  const secret = (namespace: string, more: object) =>
    object({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'tor', namespace },
      type: 'kubernetes.io/basic-auth',
      ...more,
    })
  const given = (reference: object, ...secrets: readonly RawObject[]) =>
    evaluate([peer('tor', { passwordSecret: reference }), ...secrets], undefined)
  const password = { data: { password: 'aHVudGVyMg==' } }
  assert.deepEqual(given({ name: 'tor' }, secret('metallb-system', password)).faults, [])
  assert.deepEqual(given({ name: 'tor', namespace: 'vault' }, secret('vault', password)).faults, [])
  assert.deepEqual(given({ name: 'tor', namespace: 'vault' }, secret('metallb-system', password)).faults, [])
  const [elsewhere] = given({ name: 'tor' }, secret('shop', password)).faults
  assert.equal(elsewhere?.code, 'unknown-secret')
  const [empty] = given({ name: 'tor' }, secret('metallb-system', {})).faults
  assert.equal(empty?.code, 'unusable-secret')
  const { model } = given({ name: 'tor' }, secret('metallb-system', password))
  assert.deepEqual(
    [...model.peers.values()].map(({ password, passwordSecret }) => [password?.reveal(), passwordSecret]),
    [['hunter2', { name: 'tor', namespace: 'metallb-system' }]],
  )
})

test('a password in the wrong place is not shown', () => {
  const places = [
    { passwordSecret: 'hunter2' },
    { password: { value: 'hunter2' } },
    { pass: 'hunter2' },
    { nodeSelectors: { password: 'hunter2' } },
  ]
  for (const spec of places) {
    const { faults } = evaluate([peer('tor', spec)], undefined)
    assert.notEqual(faults.length, 0)
    assert.ok(!JSON.stringify(faults).includes('hunter2'), JSON.stringify(faults))
  }
  const metadata = { name: 'tor' }
  const spec = 'password: hunter2'
  const odd = object({ apiVersion: 'metallb.io/v1beta2', kind: 'BGPPeer', metadata, spec })
  const secret = object({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data: { password: ['hunter2'] } })
  assert.ok(!JSON.stringify(evaluate([odd, secret], undefined).faults).includes('hunter2'))
})
