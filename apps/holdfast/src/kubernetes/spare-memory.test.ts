import { createVirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { collectGarbage, processUsage, spareMemory, type Usage } from './spare-memory.ts'

const mib = 1024 * 1024

function world() {
  const clock = createVirtualClock()
  const now = { bytes: 40 * mib, cpuMs: 1000 }
  let collections = 0
  const collect = (): void => {
    collections += 1
    now.bytes = 20 * mib
  }
  const stop = spareMemory({ clock, usage: (): Usage => ({ ...now }), collect })
  return { clock, now, stop, collections: () => collections }
}

test('memory is given back once the process is quiet, and not again before it has grown', () => {
  const { clock, now, stop, collections } = world()
  now.cpuMs += 2000
  clock.advance(5000)
  assert.equal(collections(), 0, 'it works')
  clock.advance(5000)
  assert.equal(collections(), 1)
  clock.advance(600_000)
  assert.equal(collections(), 1, 'nothing was used since')
  now.bytes += 7 * mib
  clock.advance(5000)
  assert.equal(collections(), 1, 'too little to be worth a pause')
  now.bytes += 2 * mib
  clock.advance(5000)
  assert.equal(collections(), 2)
  stop()
  assert.equal(clock.pending(), 0)
})

test('a collection takes what nobody holds', () => {
  collectGarbage()
  const before = processUsage().bytes
  let ballast: object[] | undefined = Array.from({ length: 200_000 }, (_, index) => ({ index, text: `text ${index}` }))
  assert.ok(processUsage().bytes > before + 8 * mib, 'the ballast is there')
  assert.equal(ballast.length, 200_000)
  ballast = undefined
  collectGarbage()
  assert.ok(processUsage().bytes < before + 4 * mib)
})
