import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runHistory } from './testing/history.ts'

/** 10,000 take about half an hour: HOLDFAST_HISTORIES=10000. Others: HOLDFAST_SEED=20001. */
const histories = Number(process.env['HOLDFAST_HISTORIES'] ?? 100)
const firstSeed = Number(process.env['HOLDFAST_SEED'] ?? 1)

test(`in ${histories} histories of several controllers no address is given twice, and none moves that may stay`, async (t) => {
  const total = { writes: 0, conflicts: 0, moves: 0, given: 0 }
  /** Histories in which a status was given what was set aside. */
  let fast = 0
  for (let seed = firstSeed; seed < firstSeed + histories; seed += 1) {
    const { writes, conflicts, moves, given } = await runHistory(seed)
    total.writes += writes
    total.conflicts += conflicts
    total.moves += moves
    total.given += given
    if (given > 0) fast += 1
  }
  t.diagnostic(`seeds ${firstSeed} to ${firstSeed + histories - 1}: ${JSON.stringify({ ...total, fast })}`)
  // Else they would say nothing about it.
  if (histories >= 100) assert.ok(fast > 0.1 * histories, `in ${fast} histories something was given that was set aside`)
})
