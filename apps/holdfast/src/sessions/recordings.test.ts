import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Event } from '../events.ts'
import { createRecordings } from './recordings.ts'

const bounds = { fileBytes: 4000, directoryBytes: 10_000 }

/** Some runs of a process, each of which records some sessions until nothing is recorded any more. */
function runs(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-recordings-'))
  t.after(() => rmSync(directory, { recursive: true }))
  let started = 0

  const run = async (sessions: number): Promise<readonly string[]> => {
    const events: Event[] = []
    const report = (event: Event): void => void events.push(event)
    const recordings = createRecordings(directory, `2026-01-01T00:00:0${(started += 1)}.000Z`, report, bounds)
    for (let index = 0; index < sessions; index += 1) {
      const record = recordings.record(`peer-${index}`)
      for (let atMs = 0; atMs < 400; atMs += 1) record({ atMs, kind: 'did', text: 'ärger' })
    }
    await recordings.close()
    return events.map((event) => (event.event === 'notice' ? event.message : event.event))
  }
  const sizes = (): readonly number[] => readdirSync(directory).map((name) => statSync(join(directory, name)).size)
  return { run, sizes }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0)

test('a recording ends, with a notice, before it is larger than the bound of a file', async (t) => {
  const { run, sizes } = runs(t)
  const notices = await run(2)
  assert.equal(notices.length, 2)
  for (const notice of notices) assert.match(notice, /ends here: it has reached/)
  assert.ok(sizes().length === 2 && sizes().every((size) => size > 3900 && size <= 4000), sizes().join())
})

test('all of a directory end before they are larger than its bound, however many sessions and runs there are', async (t) => {
  const { run, sizes } = runs(t)
  await run(2)
  const notices = await run(2)
  assert.equal(notices.length, 2, 'one for each')
  for (const notice of notices) assert.match(notice, /the recordings in its directory have reached .* remove some/)
  assert.ok(sum(sizes()) > 9800 && sum(sizes()) <= 10_000, sizes().join())
  const before = sizes()
  await run(30)
  assert.ok(sum(sizes()) <= 10_000)
  assert.ok(sizes().length <= before.length + 1, 'no empty files either')
})
