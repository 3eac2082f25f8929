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
  service,
  statusWriter,
  suiteNamespaces,
  suiteTypes,
  unknownType,
  writer,
  type Stage,
} from './kube-api-stage.ts'

const { ConfigMap, NodeState, Service } = suiteTypes
const [namespace, otherNamespace] = suiteNamespaces

export function describeWrites(stage: Stage): void {
  describeCreate(stage)
  describeReplace(stage)
  describeStatus(stage)
}

function describeCreate(stage: Stage): void {
  it('creates, and returns the object as it is then', async () => {
    const created = ok(await stage.api.create(ConfigMap, configMap('one', { a: '1' }), writer))
    assert.deepEqual([created.apiVersion, created.kind, created['data']], ['v1', 'ConfigMap', { a: '1' }])
    assert.ok(created.metadata.uid !== undefined && created.metadata.resourceVersion !== undefined)
    assert.match(String(created.metadata['creationTimestamp']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    assert.deepEqual(created, ok(await stage.api.get(ConfigMap, keyOf('one'))))
  })

  it('says alreadyExists to the second who creates, and changes nothing', async () => {
    const created = ok(await stage.api.create(ConfigMap, configMap('one', { a: '1' }), writer))
    const fault = faultOf(await stage.api.create(ConfigMap, configMap('one', { a: '2' }), writer), 'alreadyExists')
    assert.equal(fault.status, 409)
    assert.deepEqual(ok(await stage.api.get(ConfigMap, keyOf('one'))), created)
    ok(await stage.api.create(ConfigMap, configMap('one', {}, { namespace: otherNamespace }), writer))
  })

  it('lets exactly one of many who create at once succeed', async () => {
    const attempts = Array.from({ length: 10 }, async (_, index) =>
      stage.api.create(NodeState, nodeState('one', { spec: { by: index } }), writer),
    )
    const results = await Promise.all(attempts)
    assert.equal(results.filter(({ kind }) => kind === 'ok').length, 1)
    for (const result of results) if (result.kind === 'fault') faultOf(result, 'alreadyExists')
  })

  it('gives an object made anew under the same name another uid', async () => {
    const first = ok(await stage.api.create(ConfigMap, configMap('one'), writer))
    ok(await stage.api.remove(ConfigMap, keyOf('one')))
    const second = ok(await stage.api.create(ConfigMap, configMap('one'), writer))
    assert.notEqual(second.metadata.uid, first.metadata.uid)
  })

  it('says notFound of a kind that the server does not know', async () => {
    const phantom = { apiVersion: 'unknown.holdfast.dev/v1', kind: 'Phantom', metadata: { name: 'one', namespace } }
    faultOf(await stage.api.create(unknownType, phantom, writer), 'notFound')
    faultOf(await stage.api.apply(unknownType, phantom, writer), 'notFound')
  })

  it('refuses a name that is none', async () => {
    faultOf(await stage.api.create(ConfigMap, configMap('Not A Name'), writer), 'invalid')
  })
}

function describeReplace(stage: Stage): void {
  it('replaces the whole object where the version is the current one', async () => {
    const created = ok(await stage.api.create(ConfigMap, configMap('one', { a: '1', b: '1' }), writer))
    const replaced = ok(await stage.api.replace(ConfigMap, { ...created, data: { a: '2' } }, writer))
    assert.deepEqual(replaced['data'], { a: '2' })
    assert.notEqual(replaced.metadata.resourceVersion, created.metadata.resourceVersion)
    assert.equal(replaced.metadata.uid, created.metadata.uid)
  })

  it('says conflict where another one was first, and changes nothing', async () => {
    const created = ok(await stage.api.create(ConfigMap, configMap('one', { a: '1' }), writer))
    const first = ok(await stage.api.replace(ConfigMap, { ...created, data: { a: '2' } }, writer))
    const fault = faultOf(await stage.api.replace(ConfigMap, { ...created, data: { a: '3' } }, writer), 'conflict')
    assert.equal(fault.status, 409)
    assert.deepEqual(ok(await stage.api.get(ConfigMap, keyOf('one'))), first)
  })

  it('lets exactly one of many who replace the same version succeed', async () => {
    const created = ok(await stage.api.create(NodeState, nodeState('one', { spec: { by: -1 } }), writer))
    const attempts = Array.from({ length: 10 }, async (_, index) =>
      stage.api.replace(NodeState, { ...created, spec: { by: index } }, writer),
    )
    const results = await Promise.all(attempts)
    assert.equal(results.filter(({ kind }) => kind === 'ok').length, 1)
    for (const result of results) if (result.kind === 'fault') faultOf(result, 'conflict')
  })

  it('says conflict where the uid is that of an object before', async () => {
    const first = ok(await stage.api.create(ConfigMap, configMap('one'), writer))
    ok(await stage.api.remove(ConfigMap, keyOf('one')))
    ok(await stage.api.create(ConfigMap, configMap('one'), writer))
    const { uid } = first.metadata
    faultOf(await stage.api.replace(ConfigMap, configMap('one', { a: '1' }, { uid: uid! }), writer), 'conflict')
    faultOf(await stage.api.replace(ConfigMap, { ...first, data: { a: '1' } }, writer), 'conflict')
  })

  const replaceable = [
    ['ConfigMap', ConfigMap, configMap('one')],
    ['NodeState', NodeState, nodeState('one')],
    ['Service', Service, service('one', 'LoadBalancer')],
  ] as const
  for (const [name, type, object] of replaceable) {
    it(`makes no ${name} where there is none to replace: conflict`, async () => {
      const created = ok(await stage.api.create(type, object, writer))
      ok(await stage.api.remove(type, keyOf('one')))
      faultOf(await stage.api.replace(type, created, writer), 'conflict')
      const { resourceVersion } = created.metadata
      const versioned = { ...object, metadata: { ...object.metadata, resourceVersion: resourceVersion! } }
      faultOf(await stage.api.replace(type, versioned, writer), 'conflict')
      assert.deepEqual(await stage.listAll(type, { namespace }), [])
    })
  }

  it('says notFound where there is nothing to replace, and no version is asked for', async () => {
    faultOf(await stage.api.replace(ConfigMap, configMap('one'), writer), 'notFound')
    faultOf(await stage.api.replace(Service, service('one', 'LoadBalancer'), writer), 'notFound')
    assert.deepEqual(await stage.listAll(Service, { namespace }), [])
  })
}

function describeStatus(stage: Stage): void {
  const replaceStatus = async (object: KubeObject, status: unknown): Promise<KubeObject> =>
    ok(await stage.api.replace(NodeState, { ...object, status }, statusWriter))

  it('takes no status with the object, and no spec with the status', async () => {
    const given = nodeState('one', { spec: { a: 1 }, status: { routes: 9 } })
    const created = ok(await stage.api.create(NodeState, given, writer))
    assert.deepEqual([created['spec'], created['status']], [{ a: 1 }, undefined])
    const withStatus = await replaceStatus({ ...created, spec: { a: 2 } }, { routes: 5 })
    assert.deepEqual([withStatus['spec'], withStatus['status']], [{ a: 1 }, { routes: 5 }])
    const changed = { ...withStatus, spec: { a: 3 }, status: { routes: 6 } }
    const replaced = ok(await stage.api.replace(NodeState, changed, writer))
    assert.deepEqual([replaced['spec'], replaced['status']], [{ a: 3 }, { routes: 5 }])
    assert.deepEqual(ok(await stage.api.get(NodeState, keyOf('one'))), replaced)
  })

  it('counts generations of the spec, not of status, labels and annotations', async () => {
    const created = ok(await stage.api.create(NodeState, nodeState('one', { spec: { a: 1 } }), writer))
    assert.equal(created.metadata.generation, 1)
    const withStatus = await replaceStatus(created, { routes: 5 })
    assert.equal(withStatus.metadata.generation, 1)
    const metadata = { ...withStatus.metadata, labels: { a: 'b' }, annotations: { c: 'd' } }
    const labelled = ok(await stage.api.replace(NodeState, { ...withStatus, metadata }, writer))
    assert.equal(labelled.metadata.generation, 1)
    const changed = ok(await stage.api.replace(NodeState, { ...labelled, spec: { a: 2 } }, writer))
    assert.equal(changed.metadata.generation, 2)
  })

  it('takes no labels and annotations of a custom resource with its status', async () => {
    const created = ok(await stage.api.create(NodeState, nodeState('one'), writer))
    const metadata = { ...created.metadata, annotations: { a: 'b' }, labels: { a: 'b' } }
    const object = { ...created, metadata, status: { routes: 1 } }
    const replaced = ok(await stage.api.replace(NodeState, object, statusWriter))
    assert.deepEqual([replaced.metadata.annotations, replaced.metadata.labels], [undefined, undefined])
    assert.deepEqual(replaced['status'], { routes: 1 })
  })

  it('takes annotations of a Service with its status, but no spec', async () => {
    ok(await stage.api.create(Service, service('one', 'LoadBalancer', { annotations: { user: 'x' } }), writer))
    const written = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'one', namespace, annotations: { 'metallb.io/ip-allocated-from-pool': 'pool' } },
      status: { loadBalancer: { ingress: [{ ip: '192.0.2.1', ipMode: 'VIP' }] } },
    }
    const applied = ok(await stage.api.apply(Service, written, statusWriter))
    assert.deepEqual(at(applied, 'status.loadBalancer.ingress.0.ip'), '192.0.2.1')
    const both = { 'metallb.io/ip-allocated-from-pool': 'pool', user: 'x' }
    assert.deepEqual(applied.metadata.annotations, both)
    const withoutPool = { metadata: { annotations: { 'metallb.io/ip-allocated-from-pool': null } } }
    const patch = { ...withoutPool, status: { loadBalancer: null }, spec: { type: 'ClusterIP' } }
    const merged = ok(await stage.api.merge(Service, keyOf('one'), patch, statusWriter))
    assert.deepEqual(merged.metadata.annotations, { user: 'x' })
    assert.equal(at(merged, 'status.loadBalancer.ingress'), undefined)
    assert.equal(at(merged, 'spec.type'), 'LoadBalancer')
  })

  it('takes no status of a Service with the Service', async () => {
    const ingress = [{ ip: '192.0.2.9' }]
    const given = { ...service('one', 'LoadBalancer'), status: { loadBalancer: { ingress } } }
    const created = ok(await stage.api.create(Service, given, writer))
    assert.equal(at(created, 'status.loadBalancer.ingress'), undefined)
    const merged = ok(await stage.api.merge(Service, keyOf('one'), { status: given.status }, writer))
    assert.equal(at(merged, 'status.loadBalancer.ingress'), undefined)
  })
}
