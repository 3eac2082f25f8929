import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { mapDifference } from '@holdfast/model'
import type { Entries, LastKnownOptions, LastKnownRead, Moment } from './last-known.ts'
import { LastKnownFile, parseLastKnown } from './last-known.ts'

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-last-known-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

const fileIn = (path: string, more: Partial<LastKnownOptions> = {}): LastKnownFile =>
  new LastKnownFile({ directory: path, node: 'node-a', bootId: 'boot', now: () => '2026-01-01T00:00:00Z', ...more })

const saved = new WeakMap<Moment, Entries>()

/** What is in a map now. */
function moment(now: Entries): Moment {
  const entries = new Map(now)
  const made: Moment = {
    size: entries.size,
    entries: () => entries,
    since: (before) =>
      mapDifference(saved.get(before) ?? new Map(), entries).map(({ key, after }) => [key, after] as const),
  }
  saved.set(made, entries)
  return made
}

const entriesOf = (read: LastKnownRead): Readonly<Record<string, unknown>> | string =>
  read.kind === 'found' ? Object.fromEntries(read.entries) : read.kind

const pathIn = (path: string): string => join(path, 'last-known.jsonl')

test('how long the life that kept it went on is read from its time', async (t) => {
  const path = directory(t)
  const file = fileIn(path)
  await file.noteLife('2026-01-01T00:10:00.000Z')
  assert.equal((await fileIn(path).read()).kind, 'absent')
  await file.save(moment(new Map([['a', 1]])))
  await file.noteLife('2026-01-01T00:20:00.000Z')
  await file.close()
  const read = await fileIn(path).read()
  assert.equal(read.kind === 'found' ? read.livedAt : read.kind, '2026-01-01T00:20:00.000Z')
})

test('what is saved is read again, by the last of several changes, and only the owner can read the file', async (t) => {
  const path = directory(t)
  const file = fileIn(path)
  assert.equal((await file.read()).kind, 'absent')
  const [a, b] = [{ a: 1 }, { b: 1 }]
  assert.equal(
    (
      await file.save(
        moment(
          new Map<string, unknown>([
            ['a', a],
            ['b', b],
          ]),
        ),
      )
    ).kind,
    'written',
  )
  assert.equal(
    (
      await file.save(
        moment(
          new Map<string, unknown>([
            ['b', b],
            ['a', a],
          ]),
        ),
      )
    ).kind,
    'unchanged',
  )
  await file.save(
    moment(
      new Map<string, unknown>([
        ['a', a],
        ['c', 'text'],
      ]),
    ),
  )
  await file.save(
    moment(
      new Map<string, unknown>([
        ['a', { a: 2 }],
        ['c', 'text'],
      ]),
    ),
  )
  await file.close()
  assert.equal(statSync(pathIn(path)).mode & 0o777, 0o600)
  const read = await fileIn(path).read()
  assert.deepEqual(entriesOf(read), { a: { a: 2 }, c: 'text' })
  assert.ok(read.kind === 'found')
  assert.equal(read.bootId, 'boot')
})

test('one change among ten thousand appends one line; a long journal is written anew as a whole', async (t) => {
  const path = directory(t)
  const file = fileIn(path)
  const entries = new Map<string, unknown>(
    Array.from({ length: 10_000 }, (_, index) => [`key-${index}`, { text: 'x'.repeat(100) }]),
  )
  await file.save(moment(entries))
  const before = statSync(pathIn(path)).size
  entries.set('key-7', { text: 'y' })
  await file.save(moment(entries))
  assert.ok(statSync(pathIn(path)).size - before < 300)
  for (let turn = 0; turn < 3; turn += 1) {
    for (const key of entries.keys()) entries.set(key, { text: 'z'.repeat(100), turn })
    await file.save(moment(entries))
  }
  await file.close()
  assert.ok(statSync(pathIn(path)).size < 2.5 * before, 'it does not grow without end')
  assert.equal(Object.keys(entriesOf(await fileIn(path).read())).length, 10_000)
})

test('wherever a crash cut the file off, it is read as it was before, or reported', async (t) => {
  const path = directory(t)
  const file = fileIn(path)
  const a = { a: 1 }
  await file.save(moment(new Map([['a', a]])))
  const base = statSync(pathIn(path)).size
  await file.save(
    moment(
      new Map<string, unknown>([
        ['a', a],
        ['b', 2],
      ]),
    ),
  )
  await file.close()
  const whole = readFileSync(pathIn(path))
  for (let length = whole.length; length >= 0; length -= 1) {
    truncateSync(pathIn(path), length)
    const read = await fileIn(path).read()
    if (length < base) assert.equal(read.kind, 'damaged', `${length} bytes`)
    else assert.deepEqual(entriesOf(read), length === whole.length ? { a, b: 2 } : { a }, `${length} bytes`)
  }
})

test('a flipped bit, another version and another node are reported, and never thrown', async (t) => {
  const path = directory(t)
  const file = fileIn(path)
  await file.save(moment(new Map([['a', { a: 1 }]])))
  await file.close()
  const good = readFileSync(pathIn(path))
  for (let at = 0; at < good.length; at += 1) {
    const flipped = Buffer.from(good)
    flipped[at] = (good[at] ?? 0) ^ 1
    assert.equal(parseLastKnown(flipped, 'node-a', '').kind, 'damaged', `byte ${at}`)
  }
  assert.equal((await fileIn(path, { node: 'node-b' }).read()).kind, 'damaged')
  appendFileSync(pathIn(path), 'no line of ours\n')
  assert.equal((await fileIn(path).read()).kind, 'damaged')
  writeFileSync(pathIn(path), '')
  assert.equal((await fileIn(path).read()).kind, 'damaged')
})

test('a disk that fails is told, and the next save writes everything', async (t) => {
  const path = directory(t)
  const file = fileIn(join(path, 'gone'))
  assert.equal((await file.save(moment(new Map([['a', 1]])))).kind, 'failed')
  const found = fileIn(path)
  assert.equal((await found.save(moment(new Map([['a', 1]])))).kind, 'written')
  await found.close()
})
