import { createVirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { guardedOutput, lastWords } from './standard-output.ts'

/** A stream whose reader takes nothing until `read` is called. */
function stuckStream(): { readonly stream: Writable; readonly read: () => void } {
  let taken: (() => void) | undefined
  const stream = new Writable({ write: (_chunk, _encoding, done) => void (taken = done), highWaterMark: 1 })
  const read = (): void => {
    while (taken !== undefined) {
      const done: () => void = taken
      taken = undefined
      done()
    }
  }
  return { stream, read }
}

const asOutput = (stream: Writable): Parameters<typeof guardedOutput>[0] =>
  stream as unknown as Parameters<typeof guardedOutput>[0]

test('a reader that stops reading bounds what waits for it, and is told how much it missed', async () => {
  const warnings: string[] = []
  const { stream, read } = stuckStream()
  const sink = guardedOutput(asOutput(stream), (message) => warnings.push(message))
  for (let count = 0; count < 5000; count += 1) sink.write('x'.repeat(1024))
  assert.ok(stream.writableLength < 1_100_000)
  assert.equal(warnings.length, 1)
  while (stream.writableLength > 0) {
    read()
    await new Promise((resolve) => process.nextTick(resolve))
  }
  sink.write('y')
  assert.match(warnings[1] ?? '', /^\d+ writes to standard output were dropped$/)
})

test('the end waits for a reader, but a second at most', async () => {
  const { stream, read } = stuckStream()
  stream.write('last')
  const clock = createVirtualClock()
  const slow = lastWords(asOutput(stream), clock)
  clock.advance(1000)
  await slow
  const quick = lastWords(asOutput(stream), clock)
  read()
  process.nextTick(read)
  await quick
  assert.equal(clock.pending(), 0)
})
