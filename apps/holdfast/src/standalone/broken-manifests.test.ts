import { parseManifest } from '@holdfast/cluster/manifests'
import { emptyState } from '@holdfast/ipam'
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import type { Event, FaultEvent } from '../events.ts'
import { Pipeline } from './pipeline.ts'
import { Told, tellPass } from './tell.ts'

const folder = join(import.meta.dirname, '..', '..', '..', '..', 'packages', 'model', 'testdata', 'broken')
/** Found by the reader of files already, which refuses a document without a name: its own tests have that text. */
const refusedByReader: ReadonlySet<string> = new Set(['59-name-left-out.yaml'])
const files = globSync('*.yaml', { cwd: folder })
  .filter((file) => !refusedByReader.has(file))
  .sort()

/** What the program tells of a file: the phases of production, from text to events, after its valid version if it has one. */
function faultsOf(file: string): readonly FaultEvent[] {
  const pipeline = new Pipeline(['node-a'], emptyState)
  const told = new Told()
  const pass = (path: string): readonly Event[] => {
    const snapshot = parseManifest(file, readFileSync(path, 'utf8'))
    return tellPass(pipeline.run(snapshot), snapshot.faults, told)
  }
  const before = join(folder, 'before', file)
  if (existsSync(before)) pass(before)
  return pass(join(folder, file)).filter((event) => event.event === 'fault')
}

test('there are at least 30 broken manifests', () => assert.ok(files.length >= 30))

for (const file of files) {
  test(`${basename(file, '.yaml')} is told as it should be, each fault with its line`, () => {
    const lines = readFileSync(join(folder, file), 'utf8').split('\n')
    const expected = lines
      .filter((line) => line.startsWith('# expect: '))
      .map((line) => line.slice('# expect: '.length))
    const messages = lines
      .filter((line) => line.startsWith('# message: '))
      .map((line) => line.slice('# message: '.length))
    const faults = faultsOf(file)
    const told = faults.map(({ code, object, path }) => [code, shortName(object), path === '' ? '.' : path].join(' '))
    assert.deepEqual(told.toSorted(), expected.toSorted())
    assert.deepEqual(faults.map(({ message, remedy }) => `${message} ${remedy}`).toSorted(), messages.toSorted())
    for (const fault of faults) assertPointsAtField(fault, lines)
  })
}

/** The expectations leave the namespace out. */
const shortName = (object: string | undefined): string => object?.replace(/ .*\//, '/').replace(' ', '/') ?? ''

/** The line names the field, or holds an entry of the list that the field is; a missing field is at its parent. */
function assertPointsAtField({ line, path = '' }: FaultEvent, lines: readonly string[]): void {
  assert.ok(line !== undefined && line <= lines.length)
  const text = lines[line - 1] ?? ''
  const names = path.split(/[.[\]]+/).filter((part) => part !== '' && !/^\d+$/.test(part))
  const isNamed = names.some((name) => text.includes(name.replaceAll('"', '')))
  assert.ok(path === '' || isNamed || /^\s*- /.test(text), `line ${line} is "${text}", the field is ${path}`)
}
