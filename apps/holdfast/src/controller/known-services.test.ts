import type { KubeObject } from '@holdfast/cluster'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createKnownServices } from './known-services.ts'
import { viewOf } from './service-object.ts'

const service = (resourceVersion: string): KubeObject => ({
  metadata: { name: 'web', namespace: 'shop', uid: 'u', resourceVersion },
})

test('our own write of a Service counts until what is followed has caught up', () => {
  const services = createKnownServices()
  const versionOf = (late: string): string | undefined =>
    services.take([service(late)]).services.get('shop/web')?.resourceVersion
  const view = services.take([service('1')]).services.get('shop/web')
  assert.ok(view)
  services.written(view, service('2'))
  assert.equal(versionOf('1'), '2')
  assert.equal(versionOf('2'), '2')
  assert.equal(versionOf('3'), '3')
})

test('a version for which a write was refused is not written to again', () => {
  const services = createKnownServices()
  const take = (late: string) => {
    const view = services.take([service(late)]).services.get('shop/web')
    assert.ok(view)
    return view
  }
  services.rejected(take('1'))
  assert.equal(services.isRejected(take('1')), true)
  assert.equal(services.isRejected(take('2')), false)
})

const named = (name: string, version: number): KubeObject => ({
  metadata: { name, namespace: 'shop', uid: `uid of ${name}`, resourceVersion: String(version) },
})

/** What became of one Service, and whether it moved to the end of the list. */
const step = fc.record({
  name: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  act: fc.constantFrom('appear', 'vanish', 'move', 'write', 'refuse', 'nothing'),
})

function after(list: readonly KubeObject[], name: string, act: string, version: number): readonly KubeObject[] {
  const others = list.filter(({ metadata }) => metadata.name !== name)
  const mine = list.filter((one) => !others.includes(one))
  if (act === 'appear') return [...others, named(name, version)]
  if (act === 'vanish') return others
  return act === 'move' ? [...others, ...mine] : list
}

test('what is told to have changed is what has changed, however the list came about', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const services = createKnownServices()
      let [version, list] = [1, [] as readonly KubeObject[]]
      let before = new Map(services.take(list).services)
      for (const { name, act } of steps) {
        const view = before.get(`shop/${name}`)
        version += 1
        list = after(list, name, act, version)
        if (act === 'write' && view !== undefined) services.written(view, named(name, version))
        if (act === 'refuse' && view !== undefined) services.rejected(view)
        const { services: now, changed } = services.take(list)
        const differing = [...new Set([...before.keys(), ...now.keys()])].filter(
          (key) => before.get(key) !== now.get(key),
        )
        assert.deepEqual([...changed].sort(), differing.sort())
        assert.deepEqual([...now.keys()].sort(), list.map((one) => viewOf(one)?.key).sort())
        const isNews = act === 'appear' || (act === 'write' && view !== undefined)
        if (isNews) assert.equal(now.get(`shop/${name}`)?.resourceVersion, String(version))
        before = new Map(now)
      }
    }),
    { numRuns: 300 },
  )
})
