import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { RawObject } from '@holdfast/model'
import { SortedMap } from '@holdfast/model'
import fc from 'fast-check'
import { LastKnownFile } from './last-known.ts'
import { KeptMoment, objectsIn, toldIn } from './snapshot.ts'

const names = ['a', 'b', 'c'] as const
const someMoment = fc.record({
  /** By name, which version of it there is; the names in this order. */
  objects: fc.uniqueArray(fc.tuple(fc.constantFrom(...names), fc.integer({ min: 1, max: 2 })), {
    selector: ([name]) => name,
  }),
  told: fc.dictionary(fc.constantFrom('default/a', 'default/b'), fc.constantFrom('u 192.0.2.1', 'u 192.0.2.2')),
})

/** The same raw object for the same version, as a source gives it. */
const raws: ReadonlyMap<string, RawObject> = new Map(
  names.flatMap((name) =>
    [1, 2].map((version) => {
      const metadata = { name, namespace: 'default', resourceVersion: String(version) }
      const raw = { value: { kind: 'Service', metadata }, origin: { file: name, lineOf: () => undefined } }
      return [`${name} ${version}`, raw] as const
    }),
  ),
)

test('of one moment after the other, the file has what was there in the last one', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-moments-'))
  t.after(() => rmSync(directory, { recursive: true }))
  await fc.assert(
    fc.asyncProperty(fc.array(someMoment, { minLength: 1, maxLength: 5 }), async (moments) => {
      const file = new LastKnownFile({ directory, node: 'node-a', bootId: '', now: () => '2026-01-01T00:00:00Z' })
      for (const { objects, told } of moments) {
        const there = objects.flatMap(([name, version]) => raws.get(`${name} ${version}`) ?? [])
        await file.save(new KeptMoment(there, SortedMap.of(Object.entries(told))))
      }
      await file.close()
      const read = await file.read()
      assert.ok(read.kind === 'found')
      const { objects = [], told = {} } = moments.at(-1) ?? {}
      const expected = objects.map(([name, version]) => raws.get(`${name} ${version}`)?.value)
      const byText = (values: readonly unknown[]): readonly string[] => values.map((one) => JSON.stringify(one)).sort()
      assert.deepEqual(byText(objectsIn(read.entries)), byText(expected))
      assert.deepEqual(Object.fromEntries(toldIn(read.entries)), { ...told })
    }),
    { numRuns: 50 },
  )
})
