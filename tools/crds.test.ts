import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { StoredBlockSpec as Written } from '@holdfast/ipam'
import type { AddressBlockSpec as Read } from '../packages/model/src/stored.ts'
import { crdFiles, folder } from './crds/files.ts'
import { pages, pagesFolder } from './crds/pages.ts'
import { toYaml } from './crds/yaml.ts'

test('deploy/crds is what "npm run crds" writes', async () => {
  const files = await crdFiles()
  assert.deepEqual(readdirSync(folder).sort(), [...files.keys()].sort())
  for (const [name, text] of files) assert.equal(readFileSync(join(folder, name), 'utf8'), text, name)
})

test('the pages of docs/reference about our kinds are what "npm run crds" writes', () => {
  for (const [name, text] of pages()) assert.equal(readFileSync(join(pagesFolder, name), 'utf8'), text, name)
})

test('values are written as YAML in blocks', () => {
  const value = { a: [{ b: 1, c: [] }, 'x: y', [2, [3]]], 'd#e': {}, f: { g: null, y: 'True', z: 'it is so.' } }
  assert.equal(
    toYaml(value),
    'a:\n  - b: 1\n    c: []\n  - "x: y"\n  - - 2\n    - - 3\n"d#e": {}\nf:\n  g: null\n  "y": "True"\n  z: it is so.\n',
  )
})

test('the blocks that ipam writes are those that model reads', () => {
  // The two packages may not import each other; the compiler compares their types here.
  const written: Written = { cidr: '192.0.2.0/26', inUse: 0, addresses: {}, released: {} }
  const read: Read = written
  const again: Written = read
  assert.equal(again, written)
})
