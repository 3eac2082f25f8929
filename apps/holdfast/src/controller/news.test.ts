import type { KubeObject, Snapshot } from '@holdfast/cluster'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isNews } from './news.ts'

const origin = { file: '', lineOf: () => undefined }
const object = (kind: string, name: string, resourceVersion: string) => {
  const value: KubeObject = { kind, metadata: { name, resourceVersion } }
  return { value, origin }
}
const snapshot = (...objects: Snapshot['objects']): Snapshot => ({ objects, faults: [] })

test('only blocks in versions that are known already are no news', () => {
  const isKnown = (block: string, version: string): boolean => ['ours 2', 'removed '].includes(`${block} ${version}`)
  const service = object('Service', 'web', '1')
  const before = snapshot(service, object('AddressBlock', 'removed', '1'))
  assert.equal(isNews(before, snapshot(service, object('AddressBlock', 'ours', '2')), isKnown), false)
  assert.equal(isNews(before, snapshot(service, object('AddressBlock', 'ours', '3')), isKnown), true)
  assert.equal(isNews(before, snapshot(object('AddressBlock', 'ours', '2')), isKnown), true)
  assert.equal(isNews(snapshot(service), snapshot(service, object('Service', 'api', '5')), isKnown), true)
  assert.equal(isNews(undefined, before, isKnown), true)
  assert.equal(isNews(before, { ...before, relisted: new Set(['AddressBlock']) }, isKnown), true)
})
