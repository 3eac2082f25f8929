import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { effectivePolicy } from './effective-policy.ts'
import { evaluate } from './evaluate.ts'
import { sessionObstacles } from './kinds/peer.ts'
import { object } from './testing/manifests.ts'
import { node, peer, policy, secret } from './testing/objects.ts'
import type { Evaluation, RawObject } from './types.ts'

const key = (name: string, id = 1) => ({
  sendID: id,
  receiveID: id,
  algorithm: 'HMAC-SHA-1-96',
  secret: { name },
})
const locked = peer('tor', { passwordSecret: { name: 'tor' } })
const peerOf = ({ model }: Evaluation) => model.peers.get('metallb-system/tor')!
const policyOf = ({ model }: Evaluation) => model.peerPolicies.get('metallb-system/ao')!
const keysOf = (evaluation: Evaluation) => policyOf(evaluation).settings.tcpAo?.map((one) => one.secret?.reveal())
const codesOf = ({ faults }: Evaluation) => faults.map(({ code, path }) => `${path} ${code}`)

function obstaclesOf(evaluation: Evaluation): readonly string[] {
  const [one] = evaluation.model.nodes.values()
  const effective = effectivePolicy(evaluation.model, peerOf(evaluation), one!)
  return sessionObstacles(peerOf(evaluation), effective).map(({ path, reason }) => `${path}: ${reason}`)
}

const unusable: readonly (readonly [string, readonly RawObject[], string])[] = [
  [
    'that does not exist',
    [],
    'There is no Secret "tor" of type kubernetes.io/basic-auth in namespace "metallb-system"',
  ],
  [
    'of another type',
    [secret('tor', 'x', { type: 'Opaque' })],
    'The Secret "tor" cannot be used: its type is "Opaque"',
  ],
  ['that is empty', [secret('tor', '')], 'The Secret "tor" cannot be used: it has no value under the key password'],
  [
    'of 81 octets',
    [secret('tor', 'x'.repeat(81))],
    'The Secret "tor" cannot be used: its password has 81 octets, and 80 are allowed',
  ],
]
for (const [what, secrets, why] of unusable) {
  test(`a peer with a Secret ${what} is there with its reason, and gets no session`, () => {
    const evaluation = evaluate([locked, node('a'), ...secrets], undefined)
    assert.equal(peerOf(evaluation).password, undefined)
    assert.equal(evaluation.faults.length, 1)
    assert.deepEqual(obstaclesOf(evaluation), [`spec.passwordSecret: ${why}: no session is opened without it`])
  })

  test(`a policy with a TCP-AO Secret ${what} is there, and its peers get no session`, () => {
    const evaluation = evaluate(
      [peer('tor'), policy('ao', { tcpAO: { keys: [key('tor')] } }), node('a'), ...secrets],
      undefined,
    )
    assert.deepEqual(keysOf(evaluation), [undefined])
    assert.equal(evaluation.faults.length, 1)
    assert.match(obstaclesOf(evaluation).join(), /^spec\.tcpAO: the Secret of the TCP-AO key with sendID 1 /)
  })
}

test('a Secret that changes alone makes its peer and its policy other objects, and no other one', () => {
  const rest = [
    locked,
    peer('spine', { peerAddress: '192.0.2.253' }),
    policy('ao', { peers: ['spine'], tcpAO: { keys: [key('ao')] } }),
  ]
  const first = evaluate([...rest, secret('tor', 'one'), secret('ao', 'uno')], undefined)
  const second = evaluate([...rest, secret('tor', 'two'), secret('ao', 'uno')], first)
  assert.deepEqual([peerOf(first).password?.reveal(), peerOf(second).password?.reveal()], ['one', 'two'])
  assert.equal(peerOf(second).meta.isStale, false)
  assert.equal(policyOf(second), policyOf(first))
  assert.equal(second.model.peers.get('metallb-system/spine'), first.model.peers.get('metallb-system/spine'))
  const third = evaluate([...rest, secret('tor', 'two'), secret('ao', 'due')], second)
  assert.deepEqual(keysOf(third), ['due'])
  assert.equal(third.model.peers, second.model.peers)
  assert.equal(evaluate([...rest, secret('tor', 'two'), secret('ao', 'due')], third), third)
})

test('a peer keeps its password when the Secret goes, and takes the new one when it is back', () => {
  const first = evaluate([locked, node('a'), secret('tor', 'one')], undefined)
  const second = evaluate([locked, node('a')], first)
  assert.deepEqual(codesOf(second), ['spec.passwordSecret unknown-secret'])
  assert.equal(peerOf(second).password?.reveal(), 'one')
  assert.equal(peerOf(second).meta.isStale, true)
  assert.deepEqual(obstaclesOf(second), [])
  const third = evaluate([locked, node('a'), secret('tor', 'two')], second)
  assert.equal(peerOf(third).password?.reveal(), 'two')
  assert.equal(peerOf(third).meta.isStale, false)
})

test('a peer that was in force without a password does not stay so when a Secret is asked for', () => {
  const first = evaluate([peer('tor'), node('a')], undefined)
  const second = evaluate([locked, node('a')], first)
  assert.equal(peerOf(second).password, undefined)
  assert.equal(obstaclesOf(second).length, 1)
  const third = evaluate([locked, node('a'), secret('tor', 'one')], second)
  assert.deepEqual([obstaclesOf(third), peerOf(third).password?.reveal()], [[], 'one'])
})

test('a policy keeps its keys when a Secret goes, and gives none up that were there', () => {
  const spec = { tcpAO: { keys: [key('a', 1), key('b', 2)] } }
  const all = [peer('tor'), node('a'), policy('ao', spec), secret('a', 'one')]
  const first = evaluate([...all, secret('b', 'two')], undefined)
  assert.deepEqual(keysOf(first), ['one', 'two'])
  const second = evaluate(all, first)
  assert.deepEqual(keysOf(second), ['one', 'two'])
  assert.deepEqual(codesOf(second), ['spec.tcpAO.keys[1].secret unknown-secret'])
  assert.deepEqual(obstaclesOf(second), [])
})

test('a version kept because of a mistake still follows its Secret', () => {
  const broken = peer('tor', { passwordSecret: { name: 'tor' }, holdTime: '1s' })
  const first = evaluate([locked, node('a'), secret('tor', 'one')], undefined)
  const second = evaluate([broken, node('a'), secret('tor', 'two')], first)
  assert.deepEqual(codesOf(second), ['spec.holdTime invalid-hold-time'])
  assert.equal(peerOf(second).password?.reveal(), 'two')
})

test('TCP-AO keys and a password exclude each other: a fault on the policy, and no session', () => {
  const all = [
    peer('tor', { password: 'x' }),
    node('a'),
    policy('ao', { tcpAO: { keys: [key('ao')] } }),
    secret('ao', 'y'),
  ]
  const evaluation = evaluate(all, undefined)
  assert.deepEqual(codesOf(evaluation), ['spec.tcpAO tcp-ao-with-password'])
  assert.equal(obstaclesOf(evaluation).length, 1)
  const elsewhere = [
    ...all.slice(0, 2),
    policy('ao', { peers: ['spine'], tcpAO: { keys: [key('ao')] } }),
    secret('ao', 'y'),
  ]
  assert.deepEqual(codesOf(evaluate(elsewhere, undefined)), [])
})

test('no password shows in an evaluation, however it is printed', () => {
  const canary = 'hunter2'
  const hash = Buffer.from(canary).toString('base64')
  const applied = (text: string) => ({ annotations: { 'kubectl.kubernetes.io/last-applied-configuration': text } })
  const objects = [
    peer('tor', { password: canary }, applied(`{"spec":{"password":"${canary}"}}`)),
    peer('spine', { peerAddress: '192.0.2.253', passwordSecret: { name: 's' } }),
    peer('gone', { peerAddress: '192.0.2.252', passwordSecret: { name: 'gone' } }),
    policy('ao', { peers: ['leaf'], tcpAO: { keys: [key('s')] } }, applied(canary)),
    policy('inline', { tcpAO: { keys: [{ ...key('s'), secret: canary, password: canary }] } }),
    policy('text', { tcpAO: canary }),
    policy('list', { tcpAO: { keys: canary }, tcpAo: canary }),
    secret('s', canary, { metadata: { name: 's', namespace: 'metallb-system', ...applied(canary) } }),
    secret('opaque', canary, { type: 'Opaque' }),
    object({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'coded', namespace: 'metallb-system' },
      type: 'kubernetes.io/basic-auth',
      data: { password: hash },
    }),
    node('a'),
  ]
  const evaluation = evaluate(objects, undefined)
  assert.equal(peerOf(evaluation).password?.reveal(), canary)
  assert.deepEqual(keysOf(evaluation), [canary])
  const policies = [...evaluation.model.peers.values()].map((one) =>
    effectivePolicy(evaluation.model, one, evaluation.model.nodes.get('a')!),
  )
  const maps = Object.values(evaluation.model).map((map: ReadonlyMap<string, unknown>) => [...map])
  const secretText = peerOf(evaluation).password!
  const shown = [
    JSON.stringify([evaluation, maps, policies]),
    inspect([evaluation, policies], { depth: Infinity, showHidden: true, maxStringLength: Infinity }),
    String(secretText),
    ['', secretText].join(),
    JSON.stringify(structuredClone(secretText)),
  ].join('\n')
  assert.ok(!shown.includes(canary))
  assert.ok(!shown.includes(hash))
})
