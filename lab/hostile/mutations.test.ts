// A few thousand mutated messages over TCP on sessions of every kind; topology as in hostile.test.ts.
//
// Claims:
//  1  The process outlives them, with its memory bounded, and every session comes up again afterwards.
//  2  Second peers are undisturbed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { namespaceSkip } from '../harness/namespace-skip.ts'
import { attackWith } from './attack.ts'

const seed = Number(process.env['HOLDFAST_SEED'] ?? Date.now() % 2 ** 31)
const count = 5000

test(`${count} mutated messages over TCP disturb nobody else (seed ${seed})`, { skip: namespaceSkip() }, async () => {
  const { site, attacked } = await attackWith('mutate-main.ts', String(seed), String(count))
  try {
    assert.deepEqual(attacked.disturbances, [])
    assert.equal(attacked.bystanders.length, 4)
    const mostMs = 1500 + 2 * attacked.lagMs
    for (const { scene, gapMs } of attacked.bystanders) assert.ok(gapMs < mostMs, `${scene}: ${gapMs} ms of silence`)
    assert.match(site.holdfast.state, /^running/)
    assert.ok(attacked.summary.at('sent').number() >= count)
    assert.deepEqual(
      attacked.summary
        .at('problems')
        .list()
        .map((one) => one.text()),
      [],
    )
    const { beforeMiB, afterMiB } = attacked.memory
    assert.ok(afterMiB - beforeMiB < 128, `resident memory from ${beforeMiB} to ${afterMiB} MiB`)
  } catch (error) {
    site.lab.reportFailure()
    throw error
  } finally {
    site.lab.close()
  }
})
