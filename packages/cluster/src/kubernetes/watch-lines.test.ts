import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createLineSplitter } from './watch-lines.ts'

const texts = fc.array(
  fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replaceAll('\n', '·')),
  { maxLength: 8 },
)

test('lines come out whole and in order, wherever the octets are cut', () => {
  fc.assert(
    fc.property(texts, fc.array(fc.nat({ max: 200 }), { maxLength: 20 }), (lines, cuts) => {
      const octets = Buffer.from(lines.map((line) => `${line}\n`).join(''))
      const seen: string[] = []
      const splitter = createLineSplitter(10_000, (line) => seen.push(line))
      const borders = [0, ...cuts.map((cut) => Math.min(cut, octets.length)).sort((a, b) => a - b), octets.length]
      for (const [index, from] of borders.entries()) {
        assert.equal(splitter.push(octets.subarray(from, borders[index + 1] ?? from)), true)
      }
      assert.deepEqual(
        seen,
        lines.filter((line) => line.trim() !== ''),
      )
      assert.equal(splitter.isWithinLine(), false)
    }),
  )
})

test('a line may be as long as allowed, and no longer, in one piece or many', () => {
  for (const pieces of [1, 7]) {
    for (const [length, isAllowed] of [
      [100, true],
      [101, false],
    ] as const) {
      const splitter = createLineSplitter(100, () => undefined)
      const octets = Buffer.from(`${'x'.repeat(length)}\n`)
      const size = Math.ceil(octets.length / pieces)
      let isTaken = true
      for (let at = 0; at < octets.length && isTaken; at += size)
        isTaken = splitter.push(octets.subarray(at, at + size))
      assert.equal(isTaken, isAllowed)
    }
  }
})

test('a line without its end waits', () => {
  const seen: string[] = []
  const splitter = createLineSplitter(100, (line) => seen.push(line))
  splitter.push(Buffer.from('one\ntw'))
  assert.deepEqual([seen, splitter.isWithinLine()], [['one'], true])
  splitter.push(Buffer.from('o\n'))
  assert.deepEqual([seen, splitter.isWithinLine()], [['one', 'two'], false])
})

test('a line that never ends is given up when it is too long, not when its end comes', () => {
  const splitter = createLineSplitter(100, () => undefined)
  const taken = Array.from({ length: 12 }, () => splitter.push(Buffer.from('x'.repeat(10))))
  assert.deepEqual(taken, [...Array<boolean>(10).fill(true), false, false])
})
