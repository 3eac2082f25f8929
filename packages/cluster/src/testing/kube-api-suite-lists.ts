import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { KubeObject } from '../kubernetes/api.ts'
import { withoutFields } from '../kubernetes/plain-data.ts'
import { isOlder } from '../kubernetes/version-order.ts'
import {
  configMap,
  faultOf,
  keyOf,
  namesOf,
  nodeState,
  ok,
  service,
  suiteNamespaces,
  suiteTypes,
  unknownType,
  writer,
  type Stage,
} from './kube-api-stage.ts'

const { ConfigMap, NodeState, Secret, Service } = suiteTypes
const [namespace, otherNamespace] = suiteNamespaces

export function describeLists(stage: Stage): void {
  const create = async (...objects: readonly KubeObject[]): Promise<void> => {
    for (const object of objects) ok(await stage.api.create(ConfigMap, object, writer))
  }

  it('lists nothing as an empty page with a resourceVersion', async () => {
    const page = ok(await stage.api.list(ConfigMap, { namespace }))
    assert.deepEqual(page.items, [])
    assert.notEqual(page.resourceVersion, '')
    assert.equal(page.continue, undefined)
  })

  it('lists objects without managedFields, or with them, where nobody reads these', async () => {
    ok(await stage.api.create(Service, service('one', 'ClusterIP'), writer))
    const [whole] = await stage.listAll(Service, { namespace })
    const page = ok(await stage.api.list(Service, { namespace, isWithoutManagedFields: true }))
    assert.deepEqual(page.items.map(withoutManagedFields), [whole].map(withoutManagedFields))
  })

  it('lists whole objects, each with its apiVersion and kind', async () => {
    await create(configMap('one', { a: '1' }))
    ok(await stage.api.create(NodeState, nodeState('state', { spec: { a: 1 } }), writer))
    const [one] = await stage.listAll(ConfigMap, { namespace })
    assert.deepEqual([one?.apiVersion, one?.kind, one?.['data']], ['v1', 'ConfigMap', { a: '1' }])
    assert.deepEqual(one, ok(await stage.api.get(ConfigMap, keyOf('one'))))
    const [state] = await stage.listAll(NodeState, { namespace })
    assert.deepEqual([state?.apiVersion, state?.kind], ['holdfast.dev/v1alpha1', 'NodeState'])
  })

  it('tells early what the next page is asked for by, or not at all, and never another', async () => {
    await create(configMap('a'), configMap('b'), configMap('c'))
    const foreseen: string[] = []
    const options = { namespace, limit: 2, foresee: (token: string) => void foreseen.push(token) }
    const first = ok(await stage.api.list(ConfigMap, options))
    assert.deepEqual(new Set([first.continue, ...foreseen]).size, 1)
    const told = foreseen.length
    const { continue: token = '' } = first
    assert.equal(ok(await stage.api.list(ConfigMap, { ...options, continue: token })).continue, undefined)
    assert.equal(foreseen.length, told)
  })

  it('lists one namespace, or all of them', async () => {
    await create(configMap('here'), configMap('there', {}, { namespace: otherNamespace }))
    assert.deepEqual(namesOf(await stage.listAll(ConfigMap, { namespace })), ['here'])
    const everywhere = await stage.listAll(ConfigMap)
    const ours = everywhere.filter(({ metadata }) => suiteNamespaces.some((one) => one === metadata.namespace))
    assert.deepEqual(namesOf(ours), ['here', 'there'])
  })

  it('says in a list, of one object too, the version of the last write or a later one', async () => {
    await create(configMap('a'), configMap('b'))
    const { metadata } = ok(await stage.api.create(ConfigMap, configMap('c'), writer))
    const { items, resourceVersion } = ok(await stage.api.list(ConfigMap, { namespace, limit: 1 }))
    assert.deepEqual(namesOf(items), ['a'])
    assert.ok(!isOlder(resourceVersion, metadata.resourceVersion ?? ''), `${resourceVersion} is older`)
    assert.ok(isOlder('1', resourceVersion))
  })

  it('lists in pages, which together are the state of one moment', async () => {
    await create(...Array.from({ length: 7 }, (_, index) => configMap(`page-${index}`)))
    const first = ok(await stage.api.list(ConfigMap, { namespace, limit: 3 }))
    assert.equal(first.items.length, 3)
    assert.ok(first.continue !== undefined && first.continue !== '')
    await create(configMap('page-9-later'))
    ok(await stage.api.remove(ConfigMap, keyOf('page-6')))
    const second = ok(await stage.api.list(ConfigMap, { namespace, limit: 3, continue: first.continue }))
    assert.ok(second.continue !== undefined)
    const third = ok(await stage.api.list(ConfigMap, { namespace, limit: 3, continue: second.continue }))
    assert.equal(third.continue, undefined)
    assert.deepEqual([second.resourceVersion, third.resourceVersion], [first.resourceVersion, first.resourceVersion])
    assert.deepEqual(
      namesOf([...first.items, ...second.items, ...third.items]),
      Array.from({ length: 7 }, (_, index) => `page-${index}`),
    )
  })

  it('refuses a continue token that it never gave', async () => {
    faultOf(await stage.api.list(ConfigMap, { namespace, limit: 1, continue: 'bm9uc2Vuc2U' }), 'invalid')
  })

  it('gets an object, and says notFound of one that is not there', async () => {
    await create(configMap('one', { a: '1' }))
    const one = ok(await stage.api.get(ConfigMap, keyOf('one')))
    assert.deepEqual([one.metadata.name, one.metadata.namespace, one['data']], ['one', namespace, { a: '1' }])
    assert.ok(one.metadata.uid !== undefined && one.metadata.resourceVersion !== undefined)
    const fault = faultOf(await stage.api.get(ConfigMap, keyOf('two')), 'notFound')
    assert.equal(fault.status, 404)
    faultOf(await stage.api.get(ConfigMap, keyOf('one', otherNamespace)), 'notFound')
  })

  it('says notFound of a kind that the server does not know', async () => {
    faultOf(await stage.api.list(unknownType, { namespace }), 'notFound')
    faultOf(await stage.api.get(unknownType, keyOf('one')), 'notFound')
    faultOf(await stage.api.remove(unknownType, keyOf('one')), 'notFound')
  })
}

export function describeSelections(stage: Stage): void {
  it('selects by name', async () => {
    for (const name of ['one', 'two']) ok(await stage.api.create(ConfigMap, configMap(name), writer))
    const fieldSelector = 'metadata.name=two'
    assert.deepEqual(namesOf(await stage.listAll(ConfigMap, { namespace, fieldSelector })), ['two'])
  })

  it('selects Services by spec.type, and Secrets by type', async () => {
    ok(await stage.api.create(Service, service('inner', 'ClusterIP'), writer))
    ok(await stage.api.create(Service, service('outer', 'LoadBalancer'), writer))
    const outer = await stage.listAll(Service, { namespace, fieldSelector: 'spec.type=LoadBalancer' })
    assert.deepEqual(namesOf(outer), ['outer'])
    const secret = { apiVersion: 'v1', kind: 'Secret', data: { password: 'eA==', username: 'eA==' } }
    for (const [name, type] of [
      ['basic', 'kubernetes.io/basic-auth'],
      ['opaque', 'Opaque'],
    ] as const) {
      ok(await stage.api.create(Secret, { ...secret, type, metadata: { name, namespace } }, writer))
    }
    const basic = await stage.listAll(Secret, { namespace, fieldSelector: 'type=kubernetes.io/basic-auth' })
    assert.deepEqual(namesOf(basic), ['basic'])
  })

  it('selects by label: has it, equals, does not equal, is one of', async () => {
    const labelled: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
      ['plain', {}],
      ['red', { 'example.com/colour': 'red' }],
      ['blue', { 'example.com/colour': 'blue' }],
    ]
    for (const [name, labels] of labelled)
      ok(await stage.api.create(ConfigMap, configMap(name, {}, { labels }), writer))
    const select = async (labelSelector: string) =>
      namesOf(await stage.listAll(ConfigMap, { namespace, labelSelector }))
    assert.deepEqual(await select('example.com/colour'), ['blue', 'red'])
    assert.deepEqual(await select('example.com/colour=red'), ['red'])
    assert.deepEqual(await select('example.com/colour!=red'), ['blue', 'plain'])
    assert.deepEqual(await select('!example.com/colour'), ['plain'])
    assert.deepEqual(await select('example.com/colour in (red,blue)'), ['blue', 'red'])
  })

  it('refuses a field that the kind does not select by', async () => {
    faultOf(await stage.api.list(ConfigMap, { namespace, fieldSelector: 'data.a=1' }), 'invalid')
  })
}

const withoutManagedFields = (object: KubeObject | undefined): unknown =>
  object && { ...object, metadata: withoutFields(object.metadata, 'managedFields') }
