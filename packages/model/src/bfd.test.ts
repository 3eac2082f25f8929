import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bfdConfigOf, bfdProfileOf, isBfdMultihop } from './bfd.ts'
import { evaluate } from './evaluate.ts'
import { bfdProfile, peer } from './testing/objects.ts'

type Spec = Readonly<Record<string, unknown>>

function profileOf(spec: Spec) {
  const { model, faults, notInForce } = evaluate([bfdProfile('fast', spec)], undefined)
  assert.deepEqual([faults, notInForce], [[], []])
  return model.bfdProfiles.get('metallb-system/fast')!
}

test("a profile that says nothing has FRR's defaults", () => {
  assert.deepEqual(bfdConfigOf(profileOf({}), false), {
    transmitIntervalMs: 300,
    receiveIntervalMs: 300,
    detectMultiplier: 3,
    isPassive: false,
    echoReceiveIntervalMs: undefined,
    isMultihop: false,
    minimumTtl: 255,
  })
})

test('every field of a profile is in force', () => {
  const spec = {
    receiveInterval: 100,
    transmitInterval: 50,
    detectMultiplier: 5,
    echoMode: true,
    echoInterval: 20,
    passiveMode: true,
    minimumTtl: 250,
  }
  const common = { transmitIntervalMs: 50, receiveIntervalMs: 100, detectMultiplier: 5, isPassive: true }
  const single = { ...common, echoReceiveIntervalMs: 20, isMultihop: false, minimumTtl: 255 }
  assert.deepEqual(bfdConfigOf(profileOf(spec), false), single)
  const multi = { ...common, echoReceiveIntervalMs: undefined, isMultihop: true, minimumTtl: 250 }
  assert.deepEqual(bfdConfigOf(profileOf(spec), true), multi)
})

test('echo mode without an interval takes 50 ms', () => {
  assert.equal(bfdConfigOf(profileOf({ echoMode: true }), false).echoReceiveIntervalMs, 50)
})

test('over several hops packets may have passed one router, unless the profile allows more', () => {
  assert.equal(bfdConfigOf(profileOf({}), true).minimumTtl, 254)
  assert.equal(bfdConfigOf(profileOf({ minimumTtl: 1 }), true).minimumTtl, 1)
})

test('no echo packets are offered over several hops', () => {
  assert.equal(bfdConfigOf(profileOf({ echoMode: true }), true).echoReceiveIntervalMs, undefined)
})

test("several hops are for eBGP with ebgpMultiHop and for iBGP beyond the node's own networks", () => {
  const isMultihop = (spec: Spec, isOnSharedNetwork: boolean): boolean => {
    const { model, faults } = evaluate([peer('tor', spec)], undefined)
    assert.deepEqual(faults, [])
    return isBfdMultihop([...model.peers.values()][0]!, isOnSharedNetwork)
  }
  const cases: readonly (readonly [Spec, onLink: boolean, beyond: boolean])[] = [
    [{}, false, false],
    [{ ebgpMultiHop: true }, true, true],
    [{ peerASN: 64512 }, false, true],
    [{ peerASN: 0, dynamicASN: 'internal' }, false, true],
    [{ peerASN: 0, dynamicASN: 'external' }, false, false],
    [{ localASN: 64500 }, false, true],
    [{ peerASN: 64512, localASN: 64999 }, false, false],
    [{ peerAddress: '', interface: 'eth1', peerASN: 64512 }, false, false],
    [{ peerAddress: '', interface: 'eth1', ebgpMultiHop: true }, false, false],
  ]
  for (const [spec, onLink, beyond] of cases) {
    assert.deepEqual([isMultihop(spec, true), isMultihop(spec, false)], [onLink, beyond], JSON.stringify(spec))
  }
})

test('a profile is found by its name, in whatever namespace it is', () => {
  const elsewhere = bfdProfile('fast', {}, { namespace: 'shop' })
  const { model } = evaluate(
    [peer('tor', { bfdProfile: 'fast' }), peer('spine', { peerAddress: '192.0.2.253' }), elsewhere],
    undefined,
  )
  assert.equal(bfdProfileOf(model, model.peers.get('metallb-system/tor')!)?.meta.ref.namespace, 'shop')
  assert.equal(bfdProfileOf(model, model.peers.get('metallb-system/spine')!), undefined)
})

test('echo mode of a peer beyond other routers is listed as without effect', () => {
  const objects = [
    bfdProfile('echo', { echoMode: true }),
    peer('tor', { bfdProfile: 'echo' }),
    peer('far', { bfdProfile: 'echo', ebgpMultiHop: true, peerAddress: '192.0.2.253' }),
  ]
  assert.deepEqual(
    evaluate(objects, undefined).notInForce.map(({ object: ref, path, reason }) => `${ref.name} ${path}: ${reason}`),
    ['far spec.bfdProfile: echoMode of the profile has no effect over several hops'],
  )
})
