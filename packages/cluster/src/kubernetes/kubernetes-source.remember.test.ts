import assert from 'node:assert/strict'
import { it, type TestContext } from 'node:test'
import { createVirtualClock } from '@holdfast/runtime'
import type { Snapshot } from '../source.ts'
import { createRandom, pass } from '../testing/virtual-time.ts'
import type { KubeObject } from './api.ts'
import { createKubernetesSource } from './kubernetes-source.ts'
import { createMemoryApi, type MemoryClient } from './memory-api.ts'
import { resourceTypes } from './resource-types.ts'

const { Service, PeerPolicy } = resourceTypes

const nothing: Snapshot = { objects: [], faults: [] }
const nameOf = (value: unknown): string => (value as KubeObject).metadata.name
const find = ({ objects }: Snapshot, name: string) => objects.find(({ value }) => nameOf(value) === name)

/** An API server with Services, and the lives of a source, one after the other, each of which keeps `fields` of a Service. */
function createWorld(test: TestContext) {
  const clock = createVirtualClock()
  const api = createMemoryApi({ clock })
  for (const name of ['a', 'b', 'c']) {
    api.put(Service, { metadata: { name, namespace: 'default' }, spec: { type: 'LoadBalancer', note: name } })
  }
  const live = async (remembered: readonly unknown[], fields: readonly string[] = ['spec']) => {
    const client: MemoryClient = api.connect()
    const source = createKubernetesSource({
      api: client,
      clock,
      random: createRandom(1),
      observe: () => undefined,
      followed: [
        { type: Service, selection: {}, keep: (object) => picked(object, fields), isOptional: false },
        { type: PeerPolicy, selection: { namespace: 'holdfast' }, keep: (object) => object, isOptional: true },
      ],
    })
    test.after(async () => await source.stop())
    const restored = source.remember(remembered)
    let last = nothing
    const started = source.start((snapshot) => (last = snapshot))
    await pass(clock, 10)
    await started
    return { restored, last, source, lists: () => client.requests().filter(({ verb }) => verb === 'list').length }
  }
  /** As a file has it. */
  const keptBy = ({ objects }: Snapshot): readonly unknown[] =>
    objects.map(({ value }) => JSON.parse(JSON.stringify(value)) as unknown)
  return { api, clock, live, keptBy }
}

const picked = ({ metadata, ...rest }: KubeObject, fields: readonly string[]): KubeObject => ({
  metadata,
  ...Object.fromEntries(fields.map((field) => [field, rest[field]])),
})

it('what an earlier life knew keeps its identity where the first list says the same', async (test) => {
  const { api, live, keptBy } = createWorld(test)
  const first = await live([])
  assert.deepEqual(first.restored.objects, [])
  api.put(Service, { metadata: { name: 'b', namespace: 'default' }, spec: { type: 'LoadBalancer', note: 'new' } })
  const { restored, last, lists } = await live(keptBy(first.last))
  assert.deepEqual(restored.objects.map(({ value }) => nameOf(value)).sort(), ['a', 'b', 'c'])
  for (const name of ['a', 'c']) assert.equal(find(last, name), find(restored, name))
  assert.notEqual(find(last, 'b'), find(restored, 'b'))
  assert.equal(((find(last, 'b')?.value as KubeObject)['spec'] as { note: string }).note, 'new')
  assert.equal(lists(), 2)
})

it('what only an earlier life knew is gone with the first list, and with it what came under the same name', async (test) => {
  const { api, live, keptBy } = createWorld(test)
  const first = await live([])
  api.drop(Service, { namespace: 'default', name: 'a' })
  api.drop(Service, { namespace: 'default', name: 'b' })
  api.put(Service, { metadata: { name: 'b', namespace: 'default' }, spec: { type: 'LoadBalancer', note: 'b' } })
  const { restored, last, lists, source } = await live(keptBy(first.last))
  assert.deepEqual(last.objects.map(({ value }) => nameOf(value)).sort(), ['b', 'c'])
  assert.notEqual(find(last, 'b'), find(restored, 'b'))
  assert.equal(lists(), 2, 'it was in no list of ours: one is enough')
  assert.equal(source.object(Service, { namespace: 'default', name: 'a' }), undefined)
})

it('a field that an earlier program did not keep is taken from the list, although the version is the same', async (test) => {
  const { live, keptBy } = createWorld(test)
  const first = await live([], ['status'])
  const { restored, last } = await live(keptBy(first.last))
  assert.equal((find(restored, 'a')?.value as KubeObject)['spec'], undefined)
  assert.deepEqual((find(last, 'a')?.value as KubeObject)['spec'], { type: 'LoadBalancer', note: 'a' })
})

it('objects of a kind that the server does not know, or that is not followed there, are not there', async (test) => {
  const { api, live } = createWorld(test)
  api.setServed(PeerPolicy, false)
  const policy = (namespace: string) => ({
    apiVersion: 'holdfast.dev/v1alpha1',
    kind: 'PeerPolicy',
    metadata: { name: `policy-of-${namespace}`, namespace, uid: namespace, resourceVersion: '1' },
  })
  const strange = [undefined, 'text', {}, { kind: 'Other', metadata: {} }, { kind: 'Service', metadata: { name: 'x' } }]
  const { restored, last } = await live([policy('holdfast'), policy('elsewhere'), ...strange])
  assert.deepEqual(
    restored.objects.map(({ value }) => nameOf(value)),
    ['policy-of-holdfast'],
  )
  assert.deepEqual(last.objects.map(({ value }) => nameOf(value)).sort(), ['a', 'b', 'c'])
})

it('pages are asked for ahead only where nothing is known yet', async () => {
  for (const known of [
    [],
    [{ kind: 'Service', metadata: { name: 'a', namespace: 'n', uid: 'u', resourceVersion: '1' } }],
  ]) {
    const clock = createVirtualClock()
    const client = createMemoryApi({ clock }).connect()
    let isAhead = false
    const source = createKubernetesSource({
      api: {
        ...client,
        list: (type, options) => {
          isAhead ||= options.foresee !== undefined
          return client.list(type, options)
        },
      },
      clock,
      random: createRandom(1),
      observe: () => undefined,
      followed: [{ type: Service, selection: {}, keep: (object) => object, isOptional: false }],
    })
    source.remember(known)
    const started = source.start(() => undefined)
    await pass(clock, 10)
    await started
    await source.stop()
    assert.equal(isAhead, known.length === 0)
  }
})
