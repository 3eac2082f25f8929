import assert from 'node:assert/strict'
import { it } from 'node:test'
import {
  at,
  configMap,
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
const otherStatusWriter = { fieldManager: 'other', subresource: 'status' } as const

export function describeApply(stage: Stage): void {
  it('applies what is not there by making it', async () => {
    const applied = ok(await stage.api.apply(ConfigMap, configMap('one', { a: '1' }), writer))
    assert.deepEqual(applied['data'], { a: '1' })
    assert.deepEqual(applied, ok(await stage.api.get(ConfigMap, keyOf('one'))))
  })

  it('removes a field that we applied before and leave out now, and no field of others', async () => {
    ok(await stage.api.apply(ConfigMap, configMap('one', { theirs: 'x' }), otherWriter))
    const both = ok(await stage.api.apply(ConfigMap, configMap('one', { a: '1', b: '1' }), writer))
    assert.deepEqual(both['data'], { a: '1', b: '1', theirs: 'x' })
    const fewer = ok(await stage.api.apply(ConfigMap, configMap('one', { a: '1' }), writer))
    assert.deepEqual(fewer['data'], { a: '1', theirs: 'x' })
  })

  it('keeps a field that we leave out while another one owns it too', async () => {
    ok(await stage.api.apply(ConfigMap, configMap('one', { shared: 'x' }), otherWriter))
    ok(await stage.api.apply(ConfigMap, configMap('one', { shared: 'x', a: '1' }), writer))
    const left = ok(await stage.api.apply(ConfigMap, configMap('one', { a: '1' }), writer))
    assert.deepEqual(left['data'], { a: '1', shared: 'x' })
  })

  it('takes a field over that another one owns: it is forced', async () => {
    ok(await stage.api.apply(ConfigMap, configMap('one', { shared: 'theirs' }), otherWriter))
    const forced = ok(await stage.api.apply(ConfigMap, configMap('one', { shared: 'ours' }), writer))
    assert.deepEqual(forced['data'], { shared: 'ours' })
    const left = ok(await stage.api.apply(ConfigMap, configMap('one', { mine: 'x' }), otherWriter))
    assert.deepEqual(left['data'], { mine: 'x', shared: 'ours' })
  })

  it('owns what it created, and removes it by an apply without it only under apply', async () => {
    ok(await stage.api.create(ConfigMap, configMap('one', { a: '1' }), writer))
    const applied = ok(await stage.api.apply(ConfigMap, configMap('one', { b: '1' }), writer))
    // A manager's updates and its applies are two owners (metadata.managedFields[].operation).
    assert.deepEqual(applied['data'], { a: '1', b: '1' })
  })

  it('changes nothing where nothing is new: the same version', async () => {
    const applied = ok(await stage.api.apply(ConfigMap, configMap('one', { a: '1' }), writer))
    const again = ok(await stage.api.apply(ConfigMap, configMap('one', { a: '1' }), writer))
    assert.equal(again.metadata.resourceVersion, applied.metadata.resourceVersion)
  })

  it('applies a status apart from the object, each with its own ownership', async () => {
    ok(await stage.api.apply(NodeState, nodeState('one', { spec: { a: 1 } }), writer))
    const status = { routes: 5, version: 'x' }
    const applied = ok(await stage.api.apply(NodeState, nodeState('one', { status }), statusWriter))
    assert.deepEqual([applied['spec'], applied['status']], [{ a: 1 }, status])
    const fewer = ok(await stage.api.apply(NodeState, nodeState('one', { status: { routes: 6 } }), statusWriter))
    assert.deepEqual([fewer['spec'], fewer['status']], [{ a: 1 }, { routes: 6 }])
    assert.equal(fewer.metadata.generation, 1)
    const specAgain = ok(await stage.api.apply(NodeState, nodeState('one', { spec: { a: 2 } }), writer))
    assert.deepEqual([specAgain['spec'], specAgain['status']], [{ a: 2 }, { routes: 6 }])
  })

  it('applies conditions of a Service by their type, beside those of others', async () => {
    ok(await stage.api.create(Service, service('one', 'LoadBalancer'), writer))
    const condition = (type: string, reason: string) => {
      const rest = { status: 'True', lastTransitionTime: '2026-01-02T03:04:05Z', message: '' }
      return {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'one', namespace },
        status: { conditions: [{ type, reason, ...rest }] },
      }
    }
    const reasons = async () => {
      const conditions = at(ok(await stage.api.get(Service, keyOf('one'))), 'status.conditions')
      assert.ok(Array.isArray(conditions))
      return conditions
        .map((one: Readonly<Record<string, unknown>>) => `${String(one['type'])} ${String(one['reason'])}`)
        .sort()
    }
    ok(await stage.api.apply(Service, condition('example.com/Theirs', 'A'), otherStatusWriter))
    ok(await stage.api.apply(Service, condition('example.com/Ours', 'B'), statusWriter))
    assert.deepEqual(await reasons(), ['example.com/Ours B', 'example.com/Theirs A'])
    ok(await stage.api.apply(Service, condition('example.com/Ours', 'C'), statusWriter))
    assert.deepEqual(await reasons(), ['example.com/Ours C', 'example.com/Theirs A'])
    ok(await stage.api.apply(Service, { ...condition('x', 'x'), status: {} }, statusWriter))
    assert.deepEqual(await reasons(), ['example.com/Theirs A'])
  })

  it('replaces the addresses of a Service as one list', async () => {
    ok(await stage.api.create(Service, service('one', 'LoadBalancer'), writer))
    const withAddresses = (...ips: readonly string[]) => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'one', namespace },
      status: { loadBalancer: { ingress: ips.map((ip) => ({ ip, ipMode: 'VIP' })) } },
    })
    ok(await stage.api.apply(Service, withAddresses('192.0.2.1', '2001:db8::1'), statusWriter))
    const applied = ok(await stage.api.apply(Service, withAddresses('192.0.2.2'), statusWriter))
    assert.deepEqual(at(applied, 'status.loadBalancer.ingress'), [{ ip: '192.0.2.2', ipMode: 'VIP' }])
    const none = ok(await stage.api.apply(Service, { ...withAddresses(), status: {} }, statusWriter))
    assert.equal(at(none, 'status.loadBalancer.ingress'), undefined)
  })

  it('removes an annotation that we applied to a Service with its status, when left out', async () => {
    ok(await stage.api.create(Service, service('one', 'LoadBalancer', { annotations: { user: 'x' } }), writer))
    const annotated = (annotations: Readonly<Record<string, string>>) => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'one', namespace, annotations },
    })
    const first = ok(await stage.api.apply(Service, annotated({ pool: 'a' }), statusWriter))
    assert.deepEqual(first.metadata.annotations, { pool: 'a', user: 'x' })
    const second = ok(await stage.api.apply(Service, annotated({}), statusWriter))
    assert.deepEqual(second.metadata.annotations, { user: 'x' })
  })
}
