import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, it, type TestContext } from 'node:test'
import { parse } from 'yaml'
import { decodeDocument } from './checked-document.ts'
import { createStateDirectory, type StateDirectory } from './state-directory.ts'
import { atEnd, temporaryDirectory } from './testing/temporary.ts'

async function opened(test: TestContext, directory: string): Promise<StateDirectory> {
  const opening = await createStateDirectory({ directory })
  if (opening.kind !== 'open') throw new Error(opening.reason)
  atEnd(test, () => opening.state.close())
  return opening.state
}

/** Runs a program against this package in a process of its own; it is killed with the test. */
function run(
  test: TestContext,
  program: string,
  directory: string,
): { lines: AsyncIterator<string>; kill: () => Promise<void>; pid: number } {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: import.meta.dirname,
  })
  const ended = once(child, 'exit')
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended
  }
  atEnd(test, kill)
  return { lines: createInterface(child.stdout)[Symbol.asyncIterator](), kill, pid: child.pid! }
}

const openProgram = `
  import { createStateDirectory } from ${JSON.stringify(join(import.meta.dirname, 'state-directory.ts'))}
  const opening = await createStateDirectory({ directory: process.argv[1] })
  console.log(opening.kind)
`

describe('a state directory', () => {
  it('gives back what was written, also to the next process', async (test) => {
    const directory = temporaryDirectory(test)
    const value = { assignments: { 'default/a': ['10.0.0.1'] }, list: [1, null, 'ü'] }
    const first = await opened(test, directory)
    assert.deepEqual(await first.read('ipam'), { kind: 'absent' })
    assert.deepEqual(await first.write('ipam', value), { kind: 'written' })
    assert.deepEqual(await first.read('ipam'), { kind: 'found', value })
    await first.close()
    const second = await opened(test, directory)
    assert.deepEqual(await second.read('ipam'), { kind: 'found', value })
  })

  it('does not write what is there already', async (test) => {
    const directory = temporaryDirectory(test)
    const state = await opened(test, directory)
    await state.write('a', { x: 1 })
    const before = statSync(join(directory, 'a.json'))
    assert.deepEqual(await state.write('a', { x: 1 }), { kind: 'unchanged' })
    assert.equal(statSync(join(directory, 'a.json')).ino, before.ino)
    assert.deepEqual(await state.write('a', { x: 2 }), { kind: 'written' })
  })

  it('performs concurrent writes in their order, each with the value of its call', async (test) => {
    const state = await opened(test, temporaryDirectory(test))
    const value = { count: 0 }
    const writes = Array.from({ length: 20 }, (_, index) => {
      value.count = index
      return state.write('a', value)
    })
    assert.ok((await Promise.all(writes)).every(({ kind }) => kind === 'written'))
    assert.deepEqual(await state.read('a'), { kind: 'found', value: { count: 19 } })
  })

  it('tells a damaged document from an absent one', async (test) => {
    const directory = temporaryDirectory(test)
    const state = await opened(test, directory)
    await state.write('a', { address: '10.0.0.1' })
    const path = join(directory, 'a.json')
    const whole = readFileSync(path, 'utf8')
    for (const text of [
      '',
      whole.slice(0, -10),
      whole.replace('10.0.0.1', '10.0.0.2'),
      whole.replace('"format":1', '"format":2'),
      'null',
      '[]',
    ]) {
      writeFileSync(path, text)
      const read = await state.read('a')
      assert.ok(read.kind === 'damaged' && read.reason.includes(path) && read.remedy !== '')
    }
    assert.deepEqual(await state.write('a', { address: '10.0.0.1' }), { kind: 'unchanged' })
  })

  it('answers with a reason and a remedy where the file system refuses', async (test) => {
    const directory = temporaryDirectory(test)
    const state = await opened(test, directory)
    mkdirSync(join(directory, 'a.json'))
    const write = await state.write('a', 1)
    assert.equal(write.kind, 'failed')
    const read = await state.read('a')
    assert.equal(read.kind, 'damaged')
    writeFileSync(join(directory, 'file'), '')
    const opening = await createStateDirectory({ directory: join(directory, 'file', 'state') })
    assert.ok(opening.kind === 'failed' && opening.reason.includes('ENOTDIR'))
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.includes('tmp')),
      [],
    )
  })

  it('lets no name lead out of itself', async (test) => {
    const root = temporaryDirectory(test)
    const state = await opened(test, join(root, 'state'))
    await state.write('../../evil', 1)
    await state.write('.hidden', 2)
    await state.syncYamlFiles(
      '../up',
      new Map([
        ['../a/b', { x: 1 }],
        ['x'.repeat(400), { x: 2 }],
        [`${'x'.repeat(400)}y`, { x: 3 }],
      ]),
    )
    assert.deepEqual(readdirSync(root), ['state'])
    assert.deepEqual(readdirSync(join(root, 'state')).sort(), [
      '%2E.%2F..%2Fevil.json',
      '%2E.%2Fup',
      '%2Ehidden.json',
      'lock',
    ])
    assert.equal(readdirSync(join(root, 'state', '%2E.%2Fup')).length, 3)
    assert.deepEqual(await state.read('../../evil'), { kind: 'found', value: 1 })
  })

  it('belongs to one process, and says which', async (test) => {
    const directory = temporaryDirectory(test)
    const state = await opened(test, directory)
    const second = await createStateDirectory({ directory })
    assert.ok(
      second.kind === 'held' && second.holder?.pid === process.pid && second.reason.includes(String(process.pid)),
    )
    const other = run(test, openProgram, directory)
    assert.equal((await other.lines.next()).value, 'held')
    await state.close()
    await opened(test, directory)
  })

  it('is taken over from a process that was killed, by one of two that try', async (test) => {
    const directory = temporaryDirectory(test)
    const holder = run(test, `${openProgram}; setInterval(() => {}, 1000)`, directory)
    assert.equal((await holder.lines.next()).value, 'open')
    const refused = await createStateDirectory({ directory })
    assert.ok(refused.kind === 'held' && refused.holder?.pid === holder.pid)
    await holder.kill()
    const openings = await Promise.all([1, 2, 3].map(() => createStateDirectory({ directory })))
    assert.deepEqual(openings.map(({ kind }) => kind).sort(), ['held', 'held', 'open'])
    assert.deepEqual(readdirSync(directory), ['lock'])
  })

  it('is taken over where the process number was given to another process, or the lock is torn', async (test) => {
    const directory = temporaryDirectory(test)
    const state = await opened(test, directory)
    const lock = readFileSync(join(directory, 'lock'), 'utf8')
    await state.close()
    for (const text of [lock.replace(/"startTime":".*"/, '"startTime":"earlier 1"'), '']) {
      writeFileSync(join(directory, 'lock'), text)
      await (await opened(test, directory)).close()
    }
    writeFileSync(join(directory, 'lock'), lock.replace(/"host":"[^"]*"/, '"host":"elsewhere"'))
    assert.equal((await createStateDirectory({ directory })).kind, 'held')
  })

  it('holds the old document or the new one at every moment, so also when its process is killed', async (test) => {
    const directory = temporaryDirectory(test)
    const program = `${openProgram}
      for (let n = 0; ; n += 1) {
        await opening.state.write('a', { n, filler: Array(100_000).fill(n) })
        console.log(n)
      }
    `
    const writer = run(test, program, directory)
    assert.equal((await writer.lines.next()).value, 'open')
    await writer.lines.next()
    const seen = new Set<unknown>()
    for (let looks = 0; seen.size < 5 || looks < 30; looks += 1) {
      const checked = decodeDocument(readFileSync(join(directory, 'a.json'), 'utf8'))
      if (checked.kind === 'damaged') assert.fail(checked.reason)
      seen.add((checked.value as { n: number }).n)
    }
    await writer.kill()
    const state = await opened(test, directory)
    assert.equal((await state.read('a')).kind, 'found')
    assert.deepEqual(readdirSync(directory).sort(), ['a.json', 'lock'])
  })
})

describe('status files', () => {
  it('follow a map: changed ones are written, others removed, equal ones left', async (test) => {
    const directory = temporaryDirectory(test)
    const state = await opened(test, directory)
    const a = { service: 'default/a', addresses: ['10.0.0.1'], community: '65000:100', enabled: 'on' }
    const b = { service: 'default/b' }
    const path = (name: string): string => join(directory, 'services', `${name}.yaml`)
    assert.deepEqual(
      await state.syncYamlFiles(
        'services',
        new Map([
          ['default_a', a],
          ['default_b', b],
        ]),
      ),
      { written: 2, removed: 0, failures: [] },
    )
    assert.deepEqual(parse(readFileSync(path('default_a'), 'utf8')), a)
    const inode = statSync(path('default_b')).ino
    const next = new Map<string, object>([
      ['default_b', { ...b }],
      ['default_c', { x: 1 }],
    ])
    assert.deepEqual(await state.syncYamlFiles('services', next), { written: 1, removed: 1, failures: [] })
    assert.deepEqual(readdirSync(join(directory, 'services')).sort(), ['default_b.yaml', 'default_c.yaml'])
    assert.equal(statSync(path('default_b')).ino, inode)
  })

  it('of an earlier run are taken up, and files of others are neither replaced nor removed', async (test) => {
    const directory = temporaryDirectory(test)
    const first = await opened(test, directory)
    await first.syncYamlFiles(
      'nodes',
      new Map([
        ['n1', { a: 1 }],
        ['n2', { a: 2 }],
      ]),
    )
    await first.close()
    writeFileSync(join(directory, 'nodes', 'mine.yaml'), 'kind: Service\n')
    const second = await opened(test, directory)
    const result = await second.syncYamlFiles(
      'nodes',
      new Map([
        ['n1', { a: 1 }],
        ['mine', { a: 3 }],
      ]),
    )
    assert.deepEqual([result.written, result.removed, result.failures.length], [0, 1, 1])
    assert.match(result.failures[0]!.reason, /did not write/)
    assert.equal(readFileSync(join(directory, 'nodes', 'mine.yaml'), 'utf8'), 'kind: Service\n')
    assert.deepEqual(readdirSync(join(directory, 'nodes')).sort(), ['mine.yaml', 'n1.yaml'])
  })
})
