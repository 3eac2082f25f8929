// The bench itself, in small: it must go on working between two of its long runs.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { clusterSkip } from '../../lab/cluster/capability.ts'
import { measure, scenarios } from './measure.ts'
import { buildHoldfast } from './product.ts'
import { toMarkdown } from './report.ts'

describe('npm run bench -- kubernetes', { skip: clusterSkip(), timeout: 300_000 }, () => {
  let directory = ''
  before(() => (directory = mkdtempSync(join(tmpdir(), 'holdfast-bench-'))))
  after(() => rmSync(directory, { recursive: true, force: true }))

  test('every scenario has its figures, and the router has the routes of all Services', async () => {
    const services = 20
    const product = await buildHoldfast(directory)
    const job = { product, services, wanted: scenarios, samples: 4, idleSeconds: 1, quietMs: 400 }
    const { run, absences, requests } = await measure({ ...job, tell: () => undefined })
    // Where the router has other routes than the Services have addresses, the scenario fails and is absent.
    assert.deepEqual(absences, [])
    const value = (title: string): number => {
      const found = run.figures.find((one) => one.title === title)
      assert.ok(found, `${title} is among ${run.figures.map((one) => one.title).join('; ')}`)
      assert.ok(Number.isFinite(found.value), title)
      return found.value
    }
    assert.ok(value('burst: UPDATEs') >= 1 && value('burst: UPDATEs') <= services)
    // A status each is the least that it takes.
    assert.ok(value('burst: requests of the controller for each Service') >= 1)
    assert.ok(value('burst: last create to all at the router, s') > 0)
    for (const role of ['controller', 'speaker']) {
      assert.ok(value(`${role}: resident, MiB`) > 20)
      assert.ok(value(`idle: CPU of the ${role}, %`) >= 0)
      assert.ok(value(`idle: requests of the ${role} a minute`) >= 0)
    }
    for (const what of ['created: request to answer', 'created: request to route', 'deleted: request to withdrawal']) {
      assert.ok(value(`${what}, p50, ms`) > 0)
      assert.ok(value(`${what}, p99, ms`) >= value(`${what}, p50, ms`))
    }
    assert.ok(value('endpoint not ready: request to withdrawal, p50, ms') > 0)
    assert.ok(value('restart: process start to last route, s') > 0)
    assert.ok(value('restart with last known state: UPDATEs') >= 1)
    // RFC 4271 6.5: the hold time, and what the machine adds.
    const kept = value('silent router, hold time 3 s: session kept, s')
    assert.ok(kept > 2.9 && kept < 6, `${kept} s`)

    const page = toMarkdown({
      ...{ machine: 'a machine', date: '2026-01-01', command: 'bench', loadBefore: 0, samples: 4 },
      ...{ requests, runs: [run, run], absences },
    })
    assert.match(page, /^\| \| Holdfast, 20 \|$/m)
    assert.match(page, /^- Holdfast's controller, 20 Services: .*services\/status/m)
  })
})
