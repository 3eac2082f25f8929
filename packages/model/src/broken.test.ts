import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { evaluate } from './evaluate.ts'
import { rules } from './rules.ts'
import { load } from './testing/manifests.ts'
import type { Evaluation } from './types.ts'

const folder = new URL('../testdata/broken/', import.meta.url)
const names = readdirSync(folder).filter((name) => name.endsWith('.yaml'))

const textOf = (path: string): string => readFileSync(new URL(path, folder), 'utf8')

/** The faults that a manifest announces in its first lines. */
function expectedOf(text: string): readonly { readonly where: string; readonly message: string }[] {
  const lines = text.split('\n').filter((line) => /^# (expect|message): /.test(line))
  const expected = []
  for (let index = 0; index < lines.length; index += 2) {
    const [where = '', message = ''] = [lines[index], lines[index + 1]]
    expected.push({ where: where.replace('# expect: ', ''), message: message.replace('# message: ', '') })
  }
  return expected
}

/** The manifest evaluated, after its valid version from the folder `before` where it has one. */
function evaluateFile(name: string): Evaluation {
  const hasBefore = existsSync(new URL(`before/${name}`, folder))
  const before = hasBefore ? evaluate(load(textOf(`before/${name}`), name), undefined) : undefined
  assert.deepEqual(before?.faults ?? [], [])
  return evaluate(load(textOf(name), name), before)
}

for (const name of names) {
  test(`${name} has exactly the faults that it announces`, () => {
    const text = textOf(name)
    const found = evaluateFile(name).faults.map(({ code, object, path, message, remedy }) => ({
      where: `${code} ${object.kind}/${object.name} ${path === '' ? '.' : path}`,
      message: `${message} ${remedy}`,
    }))
    assert.notEqual(found.length, 0)
    assert.deepEqual(found, expectedOf(text))
  })
}

test('every fault names the file, and a line that is in it', () => {
  for (const name of names) {
    const lineCount = textOf(name).split('\n').length
    for (const { file, line, code } of evaluateFile(name).faults) {
      assert.equal(file, name)
      assert.ok(line !== undefined && line > 0 && line < lineCount, `${name} ${code} line ${line}`)
    }
  }
})

test('no fault and no note shows the password of a broken manifest', () => {
  const holding = names.filter((name) => textOf(name).includes('hunter2'))
  assert.ok(holding.length >= 8)
  for (const name of holding) {
    const { faults, notInForce } = evaluateFile(name)
    assert.ok(!JSON.stringify([faults, notInForce]).includes('hunter2'), name)
  }
})

test('every rule that a file can break is broken by one of the files', () => {
  const shown = new Set(names.flatMap((name) => evaluateFile(name).faults.map(({ code }) => code)))
  const missing = Object.keys(rules).filter((code) => !shown.has(code))
  // A document that is no object is found when its file is read.
  assert.deepEqual(missing, ['not-an-object'])
})

test('the stale manifests leave the version before in force', () => {
  const stale = names.filter((name) => name.includes('stale'))
  const [pool, greedy, advertisement, peer, policy] = stale.map((name) => evaluateFile(name).model)
  assert.equal(pool!.pools.get('metallb-system/blue')!.meta.isStale, true)
  assert.equal(greedy!.pools.get('metallb-system/blue')!.meta.isStale, true)
  assert.equal(greedy!.pools.get('metallb-system/green')!.meta.isStale, false)
  assert.deepEqual(advertisement!.advertisements.get('metallb-system/public')!.communities, [
    { kind: 'standard', high: 64500, low: 100 },
  ])
  assert.equal(peer!.peers.get('metallb-system/tor')!.password?.reveal(), 'hunter2')
  assert.equal(policy!.peerPolicies.get('metallb-system/edge')!.settings.gtsmHops, 1)
})
