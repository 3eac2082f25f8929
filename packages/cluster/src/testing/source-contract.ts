import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { RawObject } from '@holdfast/model'
import type { Snapshot, Source } from '../source.ts'
import { eventually } from './temporary.ts'

/** A source of one implementation under test, and the world behind it. */
export interface SourceUnderTest {
  readonly source: Source
  /** Makes these the Services of the world, name to spec.type. */
  readonly arrange: (services: ReadonlyMap<string, string>) => void
  /** Lets the time pass that the source needs to notice. */
  readonly elapse: () => void
}

/** What every implementation of Source promises. `create` starts from a world with the given Services. */
export function describeSourceContract(
  name: string,
  create: (test: TestContext, services: ReadonlyMap<string, string>) => SourceUnderTest,
): void {
  describe(`${name} as a Source`, () => {
    it('delivers the first complete snapshot before start resolves', async (test) => {
      const { source } = create(
        test,
        new Map([
          ['a', 'ClusterIP'],
          ['b', 'ClusterIP'],
        ]),
      )
      const snapshots: Snapshot[] = []
      await source.start((snapshot) => snapshots.push(snapshot))
      assert.deepEqual(snapshots.map(namesOf), [['a', 'b']])
      assert.deepEqual(snapshots[0]?.faults, [])
      await source.stop()
    })

    it('keeps the identity of what did not change, and only of that', async (test) => {
      const { source, arrange, elapse } = create(
        test,
        new Map([
          ['a', 'ClusterIP'],
          ['b', 'ClusterIP'],
        ]),
      )
      let last: Snapshot = { objects: [], faults: [] }
      await source.start((snapshot) => {
        last = snapshot
      })
      const first = last
      arrange(
        new Map([
          ['a', 'ClusterIP'],
          ['b', 'LoadBalancer'],
          ['c', 'ClusterIP'],
        ]),
      )
      await eventually(() => namesOf(last).length === 3 && last.objects[1] !== first.objects[1], elapse)
      assert.equal(last.objects[0], first.objects[0])
      assert.notEqual(last.objects[1], first.objects[1])
      assert.deepEqual(namesOf(last), ['a', 'b', 'c'])
      await source.stop()
    })

    it('says where an object comes from', async (test) => {
      const { source } = create(test, new Map([['a', 'ClusterIP']]))
      let last: Snapshot = { objects: [], faults: [] }
      await source.start((snapshot) => {
        last = snapshot
      })
      const origin = last.objects[0]?.origin
      assert.ok(origin)
      assert.notEqual(origin.file, '')
      const line = origin.lineOf(['spec', 'type'])
      assert.ok(line === undefined || line >= 1)
      await source.stop()
    })

    it('delivers what is no longer there as its absence, and nothing after stop', async (test) => {
      const { source, arrange, elapse } = create(
        test,
        new Map([
          ['a', 'ClusterIP'],
          ['b', 'ClusterIP'],
        ]),
      )
      const snapshots: Snapshot[] = []
      await source.start((snapshot) => snapshots.push(snapshot))
      arrange(new Map([['a', 'ClusterIP']]))
      await eventually(() => snapshots.length === 2, elapse)
      assert.deepEqual(snapshots.map(namesOf), [['a', 'b'], ['a']])
      await source.stop()
      await source.stop()
      arrange(new Map([['z', 'ClusterIP']]))
      for (let turn = 0; turn < 20; turn += 1) elapse()
      assert.equal(snapshots.length, 2)
    })

    it('is started once', async (test) => {
      const { source } = create(test, new Map())
      await source.start(() => undefined)
      await assert.rejects(
        source.start(() => undefined),
        /started once/,
      )
      await source.stop()
    })
  })
}

export function namesOf(snapshot: { readonly objects: readonly RawObject[] }): readonly string[] {
  return snapshot.objects.map(({ value }) => (value as { metadata: { name: string } }).metadata.name)
}
