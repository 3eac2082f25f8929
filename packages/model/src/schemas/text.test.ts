import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCommunity, readDuration } from './text.ts'

test('durations are read as Go reads them', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['0', 0],
    ['90s', 90_000],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['1.s', 1000],
    ['250ms', 250],
    ['-3s', -3000],
    ['+3s', 3000],
    ['1500us', 1.5],
    ['1500µs', 1.5],
  ]
  for (const [text, ms] of cases) assert.deepEqual(readDuration(text), { ok: true, value: ms }, text)
  for (const text of ['', '90', 's', '3 s', '3s ', '1d', '3S', '1m30', '--1s', '.s', 'Infinity']) {
    assert.equal(readDuration(text).ok, false, text)
  }
})

test('communities have two 16-bit parts, or "large" and three 32-bit parts', () => {
  assert.deepEqual(readCommunity('65535:65281'), { ok: true, value: { kind: 'standard', high: 65535, low: 65281 } })
  assert.deepEqual(readCommunity('007:0'), { ok: true, value: { kind: 'standard', high: 7, low: 0 } })
  assert.deepEqual(readCommunity('large:4294967295:0:1'), {
    ok: true,
    value: { kind: 'large', globalAdmin: 4294967295, data1: 0, data2: 1 },
  })
  for (const text of [
    '',
    '1',
    '65536:1',
    '1:65536',
    '1:2:3',
    'large:1:2',
    'large:4294967296:0:0',
    '-1:1',
    '1: 2',
    '0x1:1',
    ':',
  ]) {
    assert.equal(readCommunity(text).ok, false, text)
  }
})
