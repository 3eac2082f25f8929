import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { KubeObject } from '../kubernetes/api.ts'
import {
  configMap,
  faultOf,
  keyOf,
  nodeState,
  ok,
  otherWriter,
  service,
  suiteNamespaces,
  suiteTypes,
  unknownType,
  writer,
  type Stage,
} from './kube-api-stage.ts'

const { ConfigMap, NodeState, Service } = suiteTypes
const [namespace, otherNamespace] = suiteNamespaces

export function describeWatches(stage: Stage): void {
  it('watches exactly what comes after a list, in order, as whole objects', async () => {
    ok(await stage.api.create(ConfigMap, configMap('before'), writer))
    const { events, told } = await stage.follow(ConfigMap, { namespace })
    const created = ok(await stage.api.create(ConfigMap, configMap('one', { a: '1' }), writer))
    const changed = ok(await stage.api.replace(ConfigMap, configMap('one', { a: '2' }), writer))
    ok(await stage.api.create(ConfigMap, configMap('elsewhere', {}, { namespace: otherNamespace }), writer))
    ok(await stage.api.remove(ConfigMap, keyOf('one')))
    ok(await stage.api.remove(ConfigMap, keyOf('before')))
    await stage.until('all events', () =>
      assert.deepEqual(told(), ['ADDED one', 'MODIFIED one', 'DELETED one', 'DELETED before']),
    )
    const objects = events.flatMap((event): readonly KubeObject[] => (event.type === 'BOOKMARK' ? [] : [event.object]))
    assert.deepEqual(objects.slice(0, 2), [created, changed])
    assert.deepEqual([objects[2]?.['data'], objects[2]?.metadata.uid], [{ a: '2' }, created.metadata.uid])
    // The version at which it went, not the one that it had: a watch can go on from here.
    assert.notEqual(objects[2]?.metadata.resourceVersion, changed.metadata.resourceVersion)
    assert.equal(new Set(objects.map(({ metadata }) => metadata.resourceVersion)).size, 4)
  })

  it('goes on from the version of any event', async () => {
    const first = await stage.follow(ConfigMap, { namespace })
    for (const name of ['one', 'two', 'three']) ok(await stage.api.create(ConfigMap, configMap(name), writer))
    ok(await stage.api.remove(ConfigMap, keyOf('two')))
    await stage.until('all events', () => assert.equal(first.told().length, 4))
    const versions = first.events.flatMap((event) =>
      event.type === 'BOOKMARK' ? [] : [event.object.metadata.resourceVersion!],
    )
    for (const [index, resourceVersion] of versions.entries()) {
      const next = await stage.follow(ConfigMap, { namespace, resourceVersion })
      const rest = first.told().slice(index + 1)
      await stage.until('the rest', () => assert.deepEqual(next.told().slice(0, rest.length), rest))
    }
  })

  it('tells of an object that enters or leaves the selection as added or deleted', async () => {
    const labelSelector = 'wanted=yes'
    const { events, told } = await stage.follow(ConfigMap, { namespace, labelSelector })
    const labelled = (labels: Readonly<Record<string, string>>) => configMap('one', {}, { labels })
    ok(await stage.api.create(ConfigMap, labelled({}), writer))
    ok(await stage.api.replace(ConfigMap, labelled({ wanted: 'yes' }), writer))
    ok(await stage.api.replace(ConfigMap, labelled({ wanted: 'yes', more: 'x' }), writer))
    const left = ok(await stage.api.replace(ConfigMap, labelled({ wanted: 'no' }), writer))
    ok(await stage.api.remove(ConfigMap, keyOf('one')))
    ok(await stage.api.create(ConfigMap, configMap('last', {}, { labels: { wanted: 'yes' } }), writer))
    await stage.until('all events', () =>
      assert.deepEqual(told(), ['ADDED one', 'MODIFIED one', 'DELETED one', 'ADDED last']),
    )
    const third = events.filter(({ type }) => type !== 'BOOKMARK')[2]
    assert.equal(
      third?.type === 'DELETED' ? third.object.metadata.resourceVersion : undefined,
      left.metadata.resourceVersion,
    )
  })

  it('tells of a Service that becomes or ceases to be of the type selected', async () => {
    const { told } = await stage.follow(Service, { namespace, fieldSelector: 'spec.type=LoadBalancer' })
    ok(await stage.api.create(Service, service('one', 'ClusterIP'), writer))
    ok(await stage.api.merge(Service, keyOf('one'), { spec: { type: 'LoadBalancer' } }, otherWriter))
    ok(await stage.api.merge(Service, keyOf('one'), { spec: { type: 'ClusterIP' } }, otherWriter))
    ok(await stage.api.merge(Service, keyOf('one'), { spec: { type: 'LoadBalancer' } }, otherWriter))
    await stage.until('all events', () => assert.deepEqual(told(), ['ADDED one', 'DELETED one', 'ADDED one']))
  })

  it('watches one object by name, and all namespaces', async () => {
    const byName = await stage.follow(NodeState, { namespace, fieldSelector: 'metadata.name=mine' })
    const everywhere = await stage.follow(NodeState)
    ok(await stage.api.create(NodeState, nodeState('other'), writer))
    ok(await stage.api.create(NodeState, nodeState('mine'), writer))
    ok(await stage.api.create(NodeState, nodeState('mine', {}, { namespace: otherNamespace }), writer))
    await stage.until('all events', () =>
      assert.deepEqual(everywhere.told(), ['ADDED other', 'ADDED mine', 'ADDED mine']),
    )
    await stage.until('the one of the name', () => assert.deepEqual(byName.told(), ['ADDED mine']))
  })

  it('tells nothing of a write that changes nothing', async () => {
    const { told } = await stage.follow(ConfigMap, { namespace })
    const created = ok(await stage.api.create(ConfigMap, configMap('one', { a: '1' }), writer))
    const again = ok(await stage.api.replace(ConfigMap, configMap('one', { a: '1' }), writer))
    assert.equal(again.metadata.resourceVersion, created.metadata.resourceVersion)
    ok(await stage.api.create(ConfigMap, configMap('last'), writer))
    await stage.until('the last', () => assert.deepEqual(told(), ['ADDED one', 'ADDED last']))
  })

  it('tells once that it was accepted, also where nothing happens: after watch() has returned, and before any event', async () => {
    const { resourceVersion } = ok(await stage.api.list(ConfigMap, { namespace }))
    ok(await stage.api.create(ConfigMap, configMap('one'), writer))
    for (const isQuiet of [false, true]) {
      let hasReturned = false
      const told: string[] = []
      const options = {
        namespace,
        resourceVersion: isQuiet ? ok(await stage.api.list(ConfigMap, { namespace })).resourceVersion : resourceVersion,
        timeoutSeconds: 60,
        accepted: () => void told.push(`accepted ${hasReturned}`),
      }
      const watch = stage.api.watch(ConfigMap, options, (event) => told.push(event.type))
      hasReturned = true
      const expected = isQuiet ? ['accepted true'] : ['accepted true', 'ADDED']
      await stage.until('all that it tells', () => assert.deepEqual(told, expected))
      watch.stop()
      await watch.ended
      assert.deepEqual(told, expected)
    }
  })

  it('observes nothing before watch() has returned', async () => {
    const { resourceVersion } = ok(await stage.api.list(ConfigMap, { namespace }))
    ok(await stage.api.create(ConfigMap, configMap('one'), writer))
    let hasReturned = false
    const seen: boolean[] = []
    const options = { namespace, resourceVersion, timeoutSeconds: 60 }
    const watch = stage.api.watch(ConfigMap, options, () => seen.push(hasReturned))
    hasReturned = true
    await stage.until('the event', () => assert.deepEqual(seen, [true]))
    watch.stop()
    assert.deepEqual(await watch.ended, { kind: 'ended' })
  })
}

export function describeWatchEnds(stage: Stage): void {
  it('observes nothing after stop(), which may be called twice', async () => {
    const { watch, events } = await stage.follow(ConfigMap, { namespace })
    const witness = await stage.follow(ConfigMap, { namespace })
    ok(await stage.api.create(ConfigMap, configMap('one'), writer))
    watch.stop()
    const seen = events.length
    ok(await stage.api.create(ConfigMap, configMap('two'), writer))
    await stage.until('both events elsewhere', () => assert.equal(witness.told().length, 2))
    watch.stop()
    assert.deepEqual(await watch.ended, { kind: 'ended' })
    assert.equal(events.length, seen)
  })

  it('may be stopped from within observe', async () => {
    const { resourceVersion } = ok(await stage.api.list(ConfigMap, { namespace }))
    for (const name of ['one', 'two', 'three']) ok(await stage.api.create(ConfigMap, configMap(name), writer))
    let count = 0
    const options = { namespace, resourceVersion, timeoutSeconds: 60 }
    const watch = stage.api.watch(ConfigMap, options, () => {
      count += 1
      watch.stop()
    })
    await stage.until('the first event', () => assert.equal(count, 1))
    assert.deepEqual(await watch.ended, { kind: 'ended' })
    assert.equal(count, 1)
  })

  it('ends by itself after timeoutSeconds, with a bookmark from which a watch can go on', async () => {
    ok(await stage.api.create(ConfigMap, configMap('one'), writer))
    const { watch, events } = await stage.follow(ConfigMap, { namespace, timeoutSeconds: 4 })
    // A change that the watch does not select moves the bookmark on.
    ok(await stage.api.create(ConfigMap, configMap('elsewhere', {}, { namespace: otherNamespace }), writer))
    let end: unknown
    void watch.ended.then((ended) => (end = ended))
    await stage.until('the end', () => assert.deepEqual(end, { kind: 'ended' }))
    const bookmark = events.find((event) => event.type === 'BOOKMARK')
    // Kubernetes promises no bookmark at any time (API concepts, watch bookmarks): a real server may leave it out.
    if (bookmark === undefined && stage.fixture.passTime === undefined) return
    assert.ok(bookmark !== undefined && bookmark.resourceVersion !== '', 'no bookmark came')
    const { resourceVersion } = bookmark
    const next = await stage.follow(ConfigMap, { namespace, resourceVersion })
    ok(await stage.api.create(ConfigMap, configMap('two'), writer))
    await stage.until('the event', () => assert.deepEqual(next.told(), ['ADDED two']))
  })

  it('says gone where the version is forgotten', async () => {
    const resourceVersion = await stage.fixture.forgottenResourceVersion()
    const { watch, events } = await stage.follow(NodeState, { namespace, resourceVersion })
    let end: { readonly kind: string } | undefined
    void watch.ended.then((ended) => (end = ended))
    await stage.until('the end', () => assert.ok(end !== undefined))
    faultOf(end!, 'gone')
    assert.deepEqual(events, [])
  })

  it('says notFound of a kind that the server does not know, and not that it was accepted', async () => {
    let isAccepted = false
    const options = { namespace, resourceVersion: '1', accepted: () => void (isAccepted = true) }
    const { watch } = await stage.follow(unknownType, options)
    let end: { readonly kind: string } | undefined
    void watch.ended.then((ended) => (end = ended))
    await stage.until('the end', () => assert.ok(end !== undefined))
    faultOf(end!, 'notFound')
    assert.equal(isAccepted, false)
  })

  it('does not tell that it was accepted after stop(), and may be stopped from within', async () => {
    const { resourceVersion } = ok(await stage.api.list(ConfigMap, { namespace }))
    ok(await stage.api.create(ConfigMap, configMap('one'), writer))
    const told: string[] = []
    const options = { namespace, resourceVersion, timeoutSeconds: 60 }
    const tell = (text: string) => () => void told.push(text)
    const early = stage.api.watch(ConfigMap, { ...options, accepted: tell('early') }, tell('event'))
    early.stop()
    const accepted = (): void => {
      told.push('accepted')
      watch.stop()
    }
    const watch = stage.api.watch(ConfigMap, { ...options, accepted }, tell('event'))
    // What was sent to this one came after what those above might have been sent.
    const witness = await stage.follow(ConfigMap, { namespace, resourceVersion })
    await stage.until('the event elsewhere', () => assert.deepEqual(witness.told(), ['ADDED one']))
    await stage.until('the acceptance', () => assert.deepEqual(told, ['accepted']))
    for (const one of [early, watch]) assert.deepEqual(await one.ended, { kind: 'ended' })
    assert.deepEqual(told, ['accepted'])
  })
}
