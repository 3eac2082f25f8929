import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import ts from 'typescript'

const root = join(import.meta.dirname, '..')

/** What each part may import besides itself: the table of ARCHITECTURE.md. `node:` stands for every Node module. */
const table: Readonly<Record<string, readonly string[]>> = {
  'packages/ip': [],
  'packages/model': ['@holdfast/ip', 'zod'],
  'packages/ipam': ['@holdfast/ip', '@noble/hashes/sha2.js', '@noble/hashes/utils.js'],
  'packages/bgp': ['@holdfast/ip'],
  'packages/bfd': ['@holdfast/ip'],
  'packages/announce': ['@holdfast/ip', '@holdfast/model'],
  'packages/runtime': ['node:'],
  'packages/net': ['@holdfast/ip', '@holdfast/bgp', '@holdfast/bfd', '@holdfast/runtime', 'node:', 'koffi'],
  'packages/cluster': ['@holdfast/model', '@holdfast/runtime', 'node:', 'chokidar', 'yaml'],
  'apps/holdfast': [
    '@holdfast/announce',
    '@holdfast/bfd',
    '@holdfast/bgp',
    '@holdfast/cluster',
    '@holdfast/cluster/manifests',
    '@holdfast/ip',
    '@holdfast/ipam',
    '@holdfast/model',
    '@holdfast/net',
    '@holdfast/runtime',
    'node:',
    'commander',
  ],
}

const importsOf = (file: string): readonly string[] =>
  ts.preProcessFile(readFileSync(join(root, file), 'utf8'), true, true).importedFiles.map((found) => found.fileName)

const importOfValues = /^(?:import (?!type )[^']*|export (?:\{[^}]*\}|\*) from )'([^']+)'/gm

/** The files that a file imports, directly or not, before it runs; of other packages their names. Types are no imports. */
function loadedBy(file: string, loaded = new Set<string>()): ReadonlySet<string> {
  loaded.add(file)
  if (!file.endsWith('.ts')) return loaded
  for (const [, name = ''] of readFileSync(join(root, file), 'utf8').matchAll(importOfValues)) {
    const next = placeOf(name, file)
    if (!loaded.has(next)) loadedBy(next, loaded)
  }
  return loaded
}

function placeOf(name: string, importer: string): string {
  if (name.startsWith('.')) return join(dirname(importer), name)
  const [, owner, path] = /^@holdfast\/([^/]+)(?:\/(.+))?$/.exec(name) ?? []
  return owner === undefined ? name : `packages/${owner}/src/${path ?? 'index'}.ts`
}

const isTest = (file: string): boolean => file.endsWith('.test.ts') || file.includes('/testing/')

for (const [part, allowed] of Object.entries(table)) {
  test(`${part} imports only what the table allows`, () => {
    const files = globSync(`${part}/src/**/*.ts`, { cwd: root }).filter((file) => !isTest(file))
    assert.notEqual(files.length, 0)
    const forbidden = files.flatMap((file) =>
      importsOf(file)
        .filter(
          (name) =>
            !name.startsWith('.') && !allowed.some((one) => name === one || (one === 'node:' && name.startsWith(one))),
        )
        .map((name) => `${file} imports ${name}`),
    )
    assert.deepEqual(forbidden, [])
  })
}

test('every package and app stands in the table', () => {
  const parts = globSync(['packages/*/package.json', 'apps/*/package.json'], { cwd: root })
  assert.deepEqual(parts.map((file) => file.replace('/package.json', '')).sort(), Object.keys(table).sort())
})

test('no file reaches into another package past what it exports', () => {
  const files = globSync('{packages,apps}/*/src/**/*.ts', { cwd: root })
  const reaching = files.flatMap((file) =>
    importsOf(file)
      .filter((name) => /^@holdfast\/[^/]+\//.test(name) || /^(\.\.\/)+(packages|apps)\//.test(name))
      .filter((name) => name !== '@holdfast/cluster/manifests')
      .map((name) => `${file} imports ${name}`),
  )
  assert.deepEqual(reaching, [])
})

test('what runs in a cluster loads neither YAML nor what watches directories at its start', () => {
  for (const program of ['controller', 'speaker']) {
    const loaded = loadedBy(`apps/holdfast/src/${program}/run.ts`)
    assert.ok(loaded.has('packages/cluster/src/index.ts') && loaded.has('packages/model/src/evaluate.ts'))
    for (const name of ['yaml', 'chokidar', 'commander', 'packages/cluster/src/manifests.ts'])
      assert.ok(!loaded.has(name), `${program} loads ${name}`)
  }
})

test('timers are armed in one file only, the real clock', () => {
  const files = globSync('{packages,apps}/*/src/**/*.ts', { cwd: root }).filter((file) => !isTest(file))
  const arming = files.filter((file) =>
    /(?<![.\w])set(Timeout|Interval)\(/.test(readFileSync(join(root, file), 'utf8')),
  )
  for (const file of arming) assert.match(file, /^packages\/runtime\/src\/[a-z-]*clock\.ts$/)
})
