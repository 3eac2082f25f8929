import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAddress } from '@holdfast/ip'
import { z } from 'zod'
import { evaluate } from './evaluate.ts'
import { holdfastDefinitions } from './kinds/holdfast.ts'
import { object } from './testing/manifests.ts'
import { advertisement, bfdProfile, peer, policy, pool, secret } from './testing/objects.ts'
import type { PeerPolicy, PeerPolicySettings } from './peer-policy.ts'
import type { RawObject } from './types.ts'

type Spec = Readonly<Record<string, unknown>>

const evaluated = (spec: Spec, others: readonly RawObject[] = []) =>
  evaluate([policy('edge', spec), ...others], undefined)
const faultsOf = (spec: Spec) => evaluated(spec).faults.map(({ code, path }) => `${path} ${code}`)

function valid(spec: Spec, others: readonly RawObject[] = []): PeerPolicy {
  const { model, faults } = evaluated(spec, others)
  assert.deepEqual(faults, [])
  return model.peerPolicies.get('metallb-system/edge')!
}

const address = (text: string) => {
  const parsed = parseAddress(text)
  assert.ok(parsed.ok)
  return parsed.value
}

const silent: PeerPolicySettings = {
  gtsmHops: undefined,
  ttl: undefined,
  hasGracefulRestart: undefined,
  restartTimeSeconds: undefined,
  longLivedStaleSeconds: undefined,
  gracefulShutdownMs: undefined,
  asPathPrepend: undefined,
  med: undefined,
  linkBandwidthBytesPerSecond: undefined,
  nextHops: {},
  extendedCommunities: [],
  hasAddPath: undefined,
  hasExtendedNextHop: undefined,
  prefixLimit: undefined,
  role: undefined,
  isRoleStrict: undefined,
  isAsReplaced: undefined,
  sendHoldSeconds: undefined,
  isPassive: undefined,
  delayOpenSeconds: undefined,
  withheldCapabilities: [],
  tcpAo: undefined,
}

test('a policy without spec says nothing, and so do null and empty lists', () => {
  const bare = { apiVersion: 'holdfast.dev/v1alpha1', kind: 'PeerPolicy', metadata: { name: 'edge', namespace: 'x' } }
  const { model, faults } = evaluate([object(bare)], undefined)
  assert.deepEqual(faults, [])
  assert.deepEqual(model.peerPolicies.get('x/edge')?.settings, silent)
  const nothing = {
    peers: [],
    peerSelectors: null,
    ttlSecurity: null,
    extendedCommunities: [],
    gracefulRestart: {},
    nextHop: {},
  }
  assert.deepEqual(valid(nothing).settings, silent)
})

test('every field is read', () => {
  const found = valid(
    {
      peers: ['tor'],
      peerSelectors: [{ matchLabels: { row: 'a' } }],
      nodeSelectors: [{ matchLabels: { rack: '1' } }],
      ttlSecurity: { hops: 1 },
      gracefulRestart: { mode: 'Auto', restartTime: '120s', longLivedStaleTime: '1h' },
      gracefulShutdown: { wait: '1500ms' },
      asPathPrepend: 2,
      med: 50,
      linkBandwidthMbps: 10_000,
      nextHop: { ipv4: '192.0.2.1', ipv6: '2001:db8::1' },
      extendedCommunities: ['rt:65000:100'],
      addPath: 'Send',
      extendedNextHop: 'Enabled',
      prefixLimit: 100,
      role: 'Customer',
      roleStrict: true,
      localAS: { replaceAS: false },
      sendHoldTime: '8m',
      connectionMode: 'Passive',
      delayOpenTime: '5s',
      withheldCapabilities: ['ExtendedMessage', 'FourOctetAS'],
      tcpAO: {
        keys: [{ sendID: 1, receiveID: 2, algorithm: 'AES-128-CMAC-96', secret: { name: 's', namespace: 'vault' } }],
      },
    },
    [secret('s', 'x'), peer('tor')],
  )
  assert.deepEqual(found.peers, ['tor'])
  assert.deepEqual(found.peerSelectors, [{ matchLabels: { row: 'a' }, matchExpressions: [] }])
  assert.deepEqual(found.nodeSelectors, [{ matchLabels: { rack: '1' }, matchExpressions: [] }])
  assert.deepEqual(found.tcpAoSecrets, [{ name: 's', namespace: 'vault' }])
  const { tcpAo, ...settings } = found.settings
  assert.deepEqual(
    tcpAo?.map((key) => ({ ...key, secret: key.secret?.reveal() })),
    [{ sendId: 1, receiveId: 2, algorithm: 'aes-128-cmac-96', secret: 'x' }],
  )
  assert.deepEqual(settings, {
    gtsmHops: 1,
    ttl: undefined,
    hasGracefulRestart: true,
    restartTimeSeconds: 120,
    longLivedStaleSeconds: 3600,
    gracefulShutdownMs: 1500,
    asPathPrepend: 2,
    med: 50,
    linkBandwidthBytesPerSecond: 1_250_000_000,
    nextHops: { ipv4: address('192.0.2.1'), ipv6: address('2001:db8::1') },
    extendedCommunities: [{ high: 0x0002fde8, low: 100 }],
    hasAddPath: true,
    hasExtendedNextHop: true,
    prefixLimit: 100,
    role: 'Customer',
    isRoleStrict: true,
    isAsReplaced: false,
    sendHoldSeconds: 480,
    isPassive: true,
    delayOpenSeconds: 5,
    withheldCapabilities: ['ExtendedMessage', 'FourOctetAS'],
  })
})

test('words that switch something off say so, and are not the same as silence', () => {
  const { settings } = valid({
    gracefulRestart: { mode: 'Disabled' },
    addPath: 'Disabled',
    extendedNextHop: 'Disabled',
    connectionMode: 'Active',
    roleStrict: false,
  })
  const { hasGracefulRestart, hasAddPath, hasExtendedNextHop, isPassive, isRoleStrict } = settings
  assert.deepEqual([hasGracefulRestart, hasAddPath, hasExtendedNextHop, isPassive, isRoleStrict], Array(5).fill(false))
})

/** The octets of RFC 4360 sections 3 to 5 and RFC 5668 section 2, written out by hand. */
const communities: readonly (readonly [string, string])[] = [
  ['rt:65000:100', '0002fde800000064'],
  ['rt:0:0', '0002000000000000'],
  ['soo:65535:4294967295', '0003ffffffffffff'],
  ['rt:65536:1', '0202000100000001'],
  ['soo:4294967295:65535', '0203ffffffffffff'],
  ['rt:192.0.2.1:7', '0102c00002010007'],
  ['soo:255.255.255.255:65535', '0103ffffffffffff'],
  ['0x4004FDE84cbebc20', '4004fde84cbebc20'],
  ['0x0000000000000000', '0000000000000000'],
]
for (const [text, octets] of communities) {
  test(`the extended community ${text} is ${octets}`, () => {
    const [found] = valid({ extendedCommunities: [text] }).settings.extendedCommunities
    const hex = [found!.high, found!.low].map((word) => word.toString(16).padStart(8, '0')).join('')
    assert.equal(hex, octets)
  })
}

test('what only looks like an extended community is refused', () => {
  const bad = [
    '',
    'rt',
    'rt:1',
    'rt:1:2:3',
    'rt::1',
    'rt:1:',
    'rt:-1:1',
    'rt:4294967296:1',
    'rt:65536:65536',
    'rt:1:4294967296',
    'rt:192.0.2.1:65536',
    'rt:192.0.2:1',
    'rt:2001:db8::1:1',
    'RT:1:1',
    'constructor:1:1',
    '1:2',
    '0x',
    '0x123',
    '4004fde84cbebc20',
    '0x4004fde84cbebc2g',
    '0x4004fde84cbebc200',
    'rt:1e3:1',
    ' rt:1:1',
  ]
  for (const text of bad) {
    assert.deepEqual(
      faultsOf({ extendedCommunities: [text] }),
      ['spec.extendedCommunities[0] invalid-extended-community'],
      text,
    )
  }
})

test('extended communities are in ascending order, each once', () => {
  const { extendedCommunities } = valid({
    extendedCommunities: ['soo:1:1', 'rt:2:1', '0x0002000100000001', 'rt:1:1'],
  }).settings
  assert.deepEqual(extendedCommunities, [
    { high: 0x00020001, low: 1 },
    { high: 0x00020002, low: 1 },
    { high: 0x00030001, low: 1 },
  ])
})

const limits: readonly (readonly [
  path: string,
  spec: (value: unknown) => Spec,
  good: readonly unknown[],
  bad: readonly unknown[],
])[] = [
  ['spec.ttlSecurity.hops', (hops) => ({ ttlSecurity: { hops } }), [1, 254], [0, 255, 1.5, null]],
  ['spec.ttl', (ttl) => ({ ttl }), [1, 255], [0, 256]],
  ['spec.asPathPrepend', (asPathPrepend) => ({ asPathPrepend }), [0, 16], [-1, 17]],
  ['spec.med', (med) => ({ med }), [0, 4294967295], [-1, 4294967296]],
  ['spec.linkBandwidthMbps', (linkBandwidthMbps) => ({ linkBandwidthMbps }), [1, 100_000_000], [0, 100_000_001]],
  ['spec.prefixLimit', (prefixLimit) => ({ prefixLimit }), [1, 4294967295], [0, 4294967296]],
  [
    'spec.gracefulRestart.restartTime',
    (restartTime) => ({ gracefulRestart: { restartTime } }),
    ['1s', '4095s', '1h8m15s'],
    ['0s', '4096s', '1500ms', '-1s'],
  ],
  [
    'spec.gracefulRestart.longLivedStaleTime',
    (longLivedStaleTime) => ({ gracefulRestart: { longLivedStaleTime } }),
    ['0', '16777215s'],
    ['16777216s', '1ms'],
  ],
  ['spec.gracefulShutdown.wait', (wait) => ({ gracefulShutdown: { wait } }), ['0s', '1ms', '1h'], ['-1s', '60m1s']],
  ['spec.sendHoldTime', (sendHoldTime) => ({ sendHoldTime }), ['3s', '65535s'], ['2s', '65536s', '3.5s']],
  ['spec.delayOpenTime', (delayOpenTime) => ({ delayOpenTime }), ['0s', '4m'], ['241s', '100ms']],
]
for (const [path, spec, good, bad] of limits) {
  test(`${path} takes ${good.join(', ')} and refuses ${bad.join(', ')}`, () => {
    for (const value of good) assert.deepEqual(faultsOf(spec(value)), [], String(value))
    for (const value of bad) assert.match(faultsOf(spec(value)).join(), new RegExp(`^${path} [a-z-]+$`), String(value))
  })
}

test('a next hop is a host of the family that its field says', () => {
  assert.deepEqual(valid({ nextHop: { ipv6: '2001:db8::1' } }).settings.nextHops, { ipv6: address('2001:db8::1') })
  for (const ipv4 of ['2001:db8::1', '0.0.0.0', '224.0.0.1']) {
    assert.deepEqual(faultsOf({ nextHop: { ipv4 } }), ['spec.nextHop.ipv4 invalid-next-hop'])
  }
  for (const ipv6 of ['192.0.2.1', '::', 'ff02::1']) {
    assert.deepEqual(faultsOf({ nextHop: { ipv6 } }), ['spec.nextHop.ipv6 invalid-next-hop'])
  }
})

test('ttl and ttlSecurity exclude each other, also where one of them is broken', () => {
  assert.deepEqual(faultsOf({ ttl: 64, ttlSecurity: { hops: 1 } }), ['spec.ttl only-one-of'])
  assert.deepEqual(faultsOf({ ttl: 64, ttlSecurity: { hops: 0 } }), [
    'spec.ttl only-one-of',
    'spec.ttlSecurity.hops out-of-range',
  ])
})

test('no two TCP-AO keys have an ID in common, and there is at least one key', () => {
  const key = (sendID: number, receiveID: number) => ({
    sendID,
    receiveID,
    algorithm: 'HMAC-SHA-1-96',
    secret: { name: 's' },
  })
  const faultsOfKeys = (...keys: readonly object[]) =>
    evaluated({ tcpAO: { keys } }, [secret('s', 'x')]).faults.map(({ code, path }) => `${path} ${code}`)
  assert.deepEqual(faultsOfKeys(key(0, 255), key(255, 0)), [])
  assert.deepEqual(faultsOfKeys(key(1, 1), key(2, 1), key(1, 2)), [
    'spec.tcpAO.keys[1].receiveID duplicate-entry',
    'spec.tcpAO.keys[2].sendID duplicate-entry',
  ])
  assert.deepEqual(faultsOfKeys(key(256, -1)), [
    'spec.tcpAO.keys[0].receiveID out-of-range',
    'spec.tcpAO.keys[0].sendID out-of-range',
  ])
  assert.deepEqual(faultsOfKeys(), ['spec.tcpAO.keys no-keys'])
  assert.deepEqual(faultsOfKeys({ ...key(1, 1), secret: { name: '' } }), [
    'spec.tcpAO.keys[0].secret.name invalid-name',
  ])
})

test('times of a restart that the policy itself disables are listed as without effect', () => {
  const { notInForce, faults } = evaluated({
    gracefulRestart: { mode: 'Disabled', restartTime: '60s', longLivedStaleTime: '1h' },
  })
  assert.deepEqual(faults, [])
  assert.deepEqual(
    notInForce.map(({ path, value, reason }) => `${path} ${value}: ${reason}`),
    [
      'spec.gracefulRestart.longLivedStaleTime 3600s: the same policy disables graceful restart',
      'spec.gracefulRestart.restartTime 60s: the same policy disables graceful restart',
    ],
  )
})

test('a broken policy leaves its last valid version in force', () => {
  const first = evaluate([policy('edge', { med: 1 })], undefined)
  const second = evaluate([policy('edge', { med: 'high' })], first)
  const found = second.model.peerPolicies.get('metallb-system/edge')!
  assert.deepEqual([found.settings.med, found.meta.isStale], [1, true])
  const third = evaluate([], second)
  assert.equal(third.model.peerPolicies.size, 0)
})

for (const [apiVersion, kind, code] of [
  ['metallb.io/v1beta1', 'PeerPolicy', 'unknown-version'],
  ['holdfast.dev/v1', 'PeerPolicy', 'unknown-version'],
  ['holdfst.dev/v1alpha1', 'PeerPolicy', 'unknown-version'],
  ['v1alpha1', 'PeerPolicy', 'unknown-version'],
  ['holdfast.dev/v1alpha1', 'PeerPolcy', 'unknown-kind'],
] as const) {
  test(`a policy that becomes ${apiVersion} ${kind} is broken, not gone`, () => {
    const metadata = { name: 'edge', namespace: 'metallb-system' }
    const first = evaluate([policy('edge', { med: 1 })], undefined)
    const { model, faults } = evaluate([object({ apiVersion, kind, metadata, spec: { med: 1 } })], first)
    assert.deepEqual(
      faults.map((fault) => fault.code),
      [code],
    )
    assert.equal(model.peerPolicies.get('metallb-system/edge')?.meta.isStale, true)
  })
}

test('kinds of the two groups exchanged, and those of others, are told apart', () => {
  const codes = (apiVersion: string, kind: string) =>
    evaluate([object({ apiVersion, kind, metadata: { name: 'x' }, spec: {} })], undefined).faults.map(
      ({ message }) => message,
    )
  assert.deepEqual(codes('holdfast.dev/v1alpha1', 'BFDProfile'), [
    'BFDProfile is not read in version "holdfast.dev/v1alpha1".',
  ])
  assert.deepEqual(codes('holdfast.dev/v1alpha1', 'Policy'), ['The group holdfast.dev has no kind "Policy".'])
  assert.deepEqual(codes('policy.example.com/v1', 'PeerPolicy'), [])
})

test('names that lead nowhere are listed, with what was probably meant', () => {
  const others = [
    peer('router-a'),
    peer('router-b', { peerAddress: '192.0.2.2', holdTime: '1s' }),
    bfdProfile('router-c', {}),
  ]
  const { faults, notInForce } = evaluated({ peers: ['router-a', 'router-b', 'ruoter-a', 'spine'] }, others)
  assert.deepEqual(
    faults.map(({ code }) => code),
    ['invalid-hold-time'],
  )
  assert.deepEqual(
    notInForce.map(({ object: ref, path, value, reason }) => [`${ref.kind}/${ref.name}`, path, value, reason]),
    [
      ['PeerPolicy/edge', 'spec.peers[2]', 'ruoter-a', 'no BGPPeer of this name: did you mean "router-a"?'],
      ['PeerPolicy/edge', 'spec.peers[3]', 'spine', 'no BGPPeer of this name'],
    ],
  )
})

test('an advertisement of pools or to peers that do not exist is listed as well', () => {
  const objects = [
    pool('blue', { addresses: ['192.0.2.0/24'] }),
    peer('tor'),
    advertisement('all', {}),
    advertisement('some', { ipAddressPools: ['blue', 'bleu', 'green'], peers: ['tor', 'spine'] }),
  ]
  const { faults, notInForce } = evaluate(objects, undefined)
  assert.deepEqual(faults, [])
  assert.deepEqual(
    notInForce.map(({ object: ref, path, value, reason }) => `${ref.name} ${path} ${value}: ${reason}`),
    [
      'some spec.ipAddressPools[1] bleu: no IPAddressPool of this name: did you mean "blue"?',
      'some spec.ipAddressPools[2] green: no IPAddressPool of this name',
      'some spec.peers[1] spine: no BGPPeer of this name',
    ],
  )
})

test('the schema of a PeerPolicy can be written as JSON schema, every field with its type', () => {
  const [definition] = holdfastDefinitions
  const schema = z.toJSONSchema(definition!.schema.shape['spec'] as z.ZodType, { io: 'input' })
  assert.equal(schema.type, 'object')
  assert.equal(schema.additionalProperties, false)
  const untyped = Object.entries(schema.properties ?? {}).filter(
    ([, field]) => typeof field !== 'object' || field.type === undefined,
  )
  assert.deepEqual(
    untyped.map(([name]) => name),
    [],
  )
})
