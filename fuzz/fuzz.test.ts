import assert from 'node:assert/strict'
import { test } from 'node:test'
import { campaign, isSound, readCorpus } from './campaign.ts'
import { contexts, judge, SlowestOf } from './judge.ts'
import { mutants } from './mutate.ts'
import { Random } from './random.ts'

test('every message of the corpus is decoded or refused in every kind of session', () => {
  const clock = new SlowestOf()
  for (const { name, bytes } of readCorpus()) {
    for (const [session, context] of contexts)
      assert.doesNotThrow(() => judge(bytes, context, clock), `${name}: ${session}`)
  }
})

/** A million where nobody waits for it. */
const count = process.env['CI'] === undefined ? 200_000 : 1_000_000

test(`${count} mutated messages: no exception, none slower than 50 ms, no memory kept, and what is read can be said again`, () => {
  const report = campaign(count, 20_261_121)
  assert.ok(isSound(report), JSON.stringify(report, undefined, 1))
  assert.equal(report.count, count)
  // Mutations that are all refused at the door would prove little.
  assert.ok(report.verdicts.decoded > count / 10 && report.verdicts.repaired > count / 20, JSON.stringify(report))
})

test('the same seed makes the same messages', () => {
  const first = (seed: number): string[] => {
    const source = mutants(readCorpus().slice(0, 3), new Random(seed))
    return Array.from({ length: 5000 }, () => Buffer.from(source.next().value.bytes).toString('hex'))
  }
  assert.deepEqual(first(7), first(7))
  assert.notDeepEqual(first(7), first(8))
})
