import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { KubeObject } from '../kubernetes/api.ts'
import {
  at,
  configMap,
  faultOf,
  keyOf,
  nodeState,
  ok,
  otherWriter,
  service,
  statusWriter,
  suiteNamespaces,
  suiteTypes,
  writer,
  type Stage,
} from './kube-api-stage.ts'

const { ConfigMap, NodeState, Service } = suiteTypes
const [namespace] = suiteNamespaces

export function describePatches(stage: Stage): void {
  it('merges, and removes with null whatever the owner', async () => {
    ok(await stage.api.apply(ConfigMap, configMap('one', { a: '1', b: '1', c: '1' }), otherWriter))
    const patch = { data: { a: '2', b: null }, metadata: { labels: { x: 'y' } } }
    const merged = ok(await stage.api.merge(ConfigMap, keyOf('one'), patch, writer))
    assert.deepEqual([merged['data'], merged.metadata.labels], [{ a: '2', c: '1' }, { x: 'y' }])
  })

  it('merges deep objects, and replaces lists', async () => {
    const spec = { drain: { by: 'x', reason: 'y' }, list: [1, 2] }
    ok(await stage.api.create(NodeState, nodeState('one', { spec }), writer))
    const patch = { spec: { drain: { reason: null }, list: [3] } }
    const merged = ok(await stage.api.merge(NodeState, keyOf('one'), patch, writer))
    assert.deepEqual(merged['spec'], { drain: { by: 'x' }, list: [3] })
    const status = { routes: 1 }
    const both = ok(await stage.api.merge(NodeState, keyOf('one'), { status, spec: { list: [4] } }, statusWriter))
    assert.deepEqual([at(both, 'spec.list'), both['status']], [[3], status])
  })

  it('says notFound where there is nothing to patch or remove, and makes nothing', async () => {
    faultOf(await stage.api.merge(ConfigMap, keyOf('one'), { data: { a: '1' } }, writer), 'notFound')
    faultOf(await stage.api.remove(ConfigMap, keyOf('one')), 'notFound')
    assert.deepEqual(await stage.listAll(ConfigMap, { namespace }), [])
  })

  it('removes', async () => {
    ok(await stage.api.create(ConfigMap, configMap('one'), writer))
    assert.deepEqual(await stage.api.remove(ConfigMap, keyOf('one')), { kind: 'ok', value: undefined })
    faultOf(await stage.api.get(ConfigMap, keyOf('one')), 'notFound')
  })
}

interface Preconditions {
  readonly uid?: string
  readonly resourceVersion?: string
}

export function describePreconditions(stage: Stage): void {
  const states = [
    ['ConfigMap', ConfigMap, (extra: Preconditions) => configMap('one', { a: 'new' }, extra)],
    ['NodeState', NodeState, (extra: Preconditions) => nodeState('one', { spec: { a: 'new' } }, extra)],
    ['Service', Service, (extra: Preconditions) => service('one', 'LoadBalancer', extra)],
  ] as const

  const preconditionsOf = ({ metadata: { uid, resourceVersion } }: KubeObject) => ({
    uid: uid!,
    resourceVersion: resourceVersion!,
  })

  /** What stands for nothing that is there now: of an object of the same name before, or of an earlier version. */
  const staleOnes = (before: KubeObject, earlier: KubeObject): readonly Preconditions[] => {
    const [gone, old] = [preconditionsOf(before), preconditionsOf(earlier)]
    return [{ uid: gone.uid }, { resourceVersion: old.resourceVersion }, gone, old]
  }

  for (const [name, type, make] of states) {
    const setUp = async () => {
      const before = ok(await stage.api.create(type, make({}), writer))
      ok(await stage.api.remove(type, keyOf('one')))
      const earlier = ok(await stage.api.create(type, make({}), writer))
      const labels = { metadata: { labels: { now: 'yes' } } }
      const current = ok(await stage.api.merge(type, keyOf('one'), labels, otherWriter))
      return { current, stale: staleOnes(before, earlier) }
    }
    const patchOf = (preconditions: Preconditions) => ({ metadata: { ...preconditions, annotations: { a: 'new' } } })
    const assertUnchanged = async (current: KubeObject): Promise<void> =>
      assert.deepEqual(ok(await stage.api.get(type, keyOf('one'))), current)

    it(`says conflict to an apply, a merge and a removal of a ${name} with stale preconditions`, async () => {
      const { current, stale } = await setUp()
      for (const preconditions of stale) {
        faultOf(await stage.api.apply(type, make(preconditions), writer), 'conflict')
        faultOf(await stage.api.merge(type, keyOf('one'), patchOf(preconditions), writer), 'conflict')
        faultOf(await stage.api.remove(type, keyOf('one'), preconditions), 'conflict')
      }
      await assertUnchanged(current)
    })

    it(`applies, merges and removes a ${name} with the preconditions of what is there`, async () => {
      const { current } = await setUp()
      const merged = ok(await stage.api.merge(type, keyOf('one'), patchOf(preconditionsOf(current)), writer))
      assert.equal(at(merged, 'metadata.annotations.a'), 'new')
      const applied = ok(await stage.api.apply(type, make(preconditionsOf(merged)), writer))
      const { uid } = preconditionsOf(applied)
      ok(await stage.api.apply(type, make({ uid }), writer))
      ok(await stage.api.merge(type, keyOf('one'), patchOf({ uid }), writer))
      const last = ok(await stage.api.get(type, keyOf('one')))
      ok(await stage.api.remove(type, keyOf('one'), preconditionsOf(last)))
    })

    it(`makes no ${name} by an apply or a merge with preconditions where there is none: conflict`, async () => {
      const { current } = await setUp()
      ok(await stage.api.remove(type, keyOf('one')))
      const { uid, resourceVersion } = preconditionsOf(current)
      for (const preconditions of [{ uid }, { resourceVersion }, { uid, resourceVersion }]) {
        faultOf(await stage.api.apply(type, make(preconditions), writer), 'conflict')
        faultOf(await stage.api.merge(type, keyOf('one'), patchOf(preconditions), writer), 'conflict')
      }
      assert.deepEqual(await stage.listAll(type, { namespace }), [])
    })
  }

  const statuses = [
    ['NodeState', NodeState, (extra: Preconditions) => nodeState('one', {}, extra), { routes: 1 }],
    [
      'Service',
      Service,
      (extra: Preconditions) => service('one', 'LoadBalancer', extra),
      { loadBalancer: { ingress: [{ ip: '192.0.2.1', ipMode: 'VIP' }] } },
    ],
  ] as const

  for (const [name, type, make, status] of statuses) {
    const written = (extra: Preconditions): KubeObject => {
      const { apiVersion, kind, metadata } = make(extra)
      return { apiVersion: apiVersion!, kind: kind!, metadata, status }
    }

    it(`says conflict to a write of the status of a ${name} with stale preconditions, or of what is gone`, async () => {
      const before = ok(await stage.api.create(type, make({}), writer))
      ok(await stage.api.remove(type, keyOf('one')))
      const earlier = ok(await stage.api.create(type, make({}), writer))
      const labels = { metadata: { labels: { now: 'yes' } } }
      const current = ok(await stage.api.merge(type, keyOf('one'), labels, otherWriter))
      const attempt = async (preconditions: Preconditions): Promise<void> => {
        faultOf(await stage.api.apply(type, written(preconditions), statusWriter), 'conflict')
        const patch = { metadata: preconditions, status }
        faultOf(await stage.api.merge(type, keyOf('one'), patch, statusWriter), 'conflict')
      }
      for (const preconditions of staleOnes(before, earlier)) await attempt(preconditions)
      assert.deepEqual(ok(await stage.api.get(type, keyOf('one'))), current)
      const { uid, resourceVersion } = preconditionsOf(current)
      const applied = ok(await stage.api.apply(type, written({ uid, resourceVersion }), statusWriter))
      assert.deepEqual(applied['status'], status)
      ok(await stage.api.apply(type, written({ uid }), statusWriter))
      ok(await stage.api.remove(type, keyOf('one')))
      for (const preconditions of [{ uid }, { resourceVersion }, { uid, resourceVersion }]) {
        await attempt(preconditions)
        faultOf(await stage.api.replace(type, written(preconditions), statusWriter), 'conflict')
      }
      assert.deepEqual(await stage.listAll(type, { namespace }), [])
    })

    it(`makes no ${name} by a write of its status: notFound`, async () => {
      faultOf(await stage.api.apply(type, written({}), statusWriter), 'notFound')
      faultOf(await stage.api.merge(type, keyOf('one'), { status }, statusWriter), 'notFound')
      assert.deepEqual(await stage.listAll(type, { namespace }), [])
    })
  }
}
