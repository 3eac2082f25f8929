// A few histories of real controllers before a real API server; `node lab/histories/run.ts` runs as many as one likes.
//
//      people                kube-apiserver + etcd ---- watches of Services, pools and blocks: the judge
//        |                    ^        ^        ^
//        +--------------------+      proxy    proxy       cuts off, delays, holds watches back
//                                      |        |
//                                replica a   replica b    processes: SIGKILL, SIGTERM, SIGSTOP, clocks at 0.5, 1 and 2
//
// Claims, for every state that the API server had, in etcd's order:
//  1  No address is in two statuses, but where both Services have the same key and other ports.
//  2  No Service loses an address that its pool has and that it goes on asking for.
//  3  No status names what no AddressBlock grants or has set aside.
//  4  What a leader set aside that was lost without a word is nobody's but whose status names it; who ends on purpose leaves nothing set aside.
// And when all trouble is over: every Service that can have an address has one, blocks and statuses say the same, and nothing is
// written any more.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { clusterSkip } from '../cluster/capability.ts'
import { useCluster } from '../cluster/use-cluster.ts'
import { installCrds, runHistories, summary } from './figures.ts'
import { planHistory } from './plan.ts'

const histories = 3

describe('controllers that are killed, stopped and cut off', { skip: clusterSkip(), timeout: 400_000 }, () => {
  const cluster = useCluster({ authorization: 'AlwaysAllow' })
  before(() => installCrds(cluster()))

  test(`in ${histories} histories no address is given twice, and none moves that may stay`, async (t) => {
    const { results, failures } = await runHistories({
      cluster: cluster(),
      firstSeed: 1,
      histories,
      parallel: histories,
      tell: () => undefined,
    })
    assert.deepEqual(failures, [])
    t.diagnostic(summary(results))
    assert.ok(results.every(({ given }) => given > 0))
    const roomy = results.filter(({ isRoomy }) => isRoomy)
    assert.ok(roomy.length > 0)
    // Eight Services in each come alone when all trouble is over.
    assert.ok(roomy.every(({ ahead }) => ahead > 0))
  })
})

test('a seed plans the same again', () => {
  assert.deepEqual(planHistory(7), planHistory(7))
  assert.notDeepEqual(planHistory(7), planHistory(8))
})

test('a clock at another rate: time of day, monotonic time and timers agree', () => {
  const script = `
    const [mono, wall] = [performance.now(), Date.now()]
    const timer = setTimeout(() => {
      process.stdout.write(JSON.stringify([performance.now() - mono, Date.now() - wall, new Date() - wall]))
    }, 5000)`
  const began = performance.now()
  const preload = join(import.meta.dirname, 'clock-rate-main.ts')
  const child = spawnSync(process.execPath, ['--import', preload, '-e', script], {
    env: { ...process.env, HOLDFAST_LAB_CLOCK_RATE: '50' },
    encoding: 'utf8',
  })
  for (const ms of JSON.parse(child.stdout) as readonly number[]) assert.ok(ms >= 4990, child.stdout)
  assert.ok(performance.now() - began < 5000, 'it took 100 ms and a start of Node')
})
