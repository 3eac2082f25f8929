import { systemClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Worker } from 'node:worker_threads'
import type { BfdEvent, BfdSessionOptions } from './bfd-service.ts'
import { createBfdService } from './bfd-thread.ts'
import { address } from './testing/bfd-sockets.ts'
import { until } from './testing/real-time.ts'

const options: BfdSessionOptions = {
  remote: address('192.0.2.1'),
  local: undefined,
  device: undefined,
  config: {
    transmitIntervalMs: 300,
    receiveIntervalMs: 300,
    detectMultiplier: 3,
    isPassive: false,
    echoReceiveIntervalMs: undefined,
    isMultihop: false,
    minimumTtl: 254,
  },
}

/** A thread that keeps the messages' contract without any socket: each session is up at once, and a multiplier of 99 ends it. */
const obedient = `
const { parentPort } = require('node:worker_threads')
const snapshot = (state) => ({ state, sinceMs: 1, counters: { sent: 0, received: 0, dropped: {}, upCount: 1, downCount: 0 } })
parentPort.on('message', (command) => {
  if (command.kind === 'open') {
    const event = { from: 'down', to: 'up', isFailure: false, message: 'both sides hear each other' }
    parentPort.postMessage({ kind: 'event', id: command.id, event, snapshot: snapshot('up') })
  }
  if (command.kind === 'configure' && command.config.detectMultiplier === 99) throw new Error('a bug')
  if (command.kind === 'stop') { parentPort.postMessage({ kind: 'stopped' }); parentPort.close() }
})`

function service(
  code: string,
  context: TestContext,
): { readonly bfd: ReturnType<typeof createBfdService>; readonly threads: Worker[] } {
  const threads: Worker[] = []
  const startThread = (): Worker => {
    const worker = new Worker(code, { eval: true, execArgv: [] })
    threads.push(worker)
    return worker
  }
  const bfd = createBfdService({ clock: systemClock(), startThread })
  context.after(bfd.stop)
  return { bfd, threads }
}

test('a thread that crashes is told and started again with all its sessions, and no session failed [rfc5882-3.2-own-crash]', async (context) => {
  const { bfd, threads } = service(obedient, context)
  const events: BfdEvent[] = []
  const session = bfd.open(options, (event) => events.push(event))
  const untouched = bfd.open({ ...options, remote: address('192.0.2.2') }, () => undefined)
  await until(() => session.snapshot().state === 'up' && untouched.snapshot().state === 'up')
  session.configure({ ...options.config, detectMultiplier: 99 })
  await until(() => events.length === 2)
  assert.deepEqual(
    { ...events[1] },
    { from: 'up', to: 'down', isFailure: false, message: 'the thread of BFD ended (a bug) and is started again' },
  )
  assert.match(untouched.snapshot().obstacle ?? '', /a bug/)
  await until(() => events.length === 3 && untouched.snapshot().state === 'up')
  assert.equal(session.snapshot().state, 'up')
  assert.equal(threads.length, 2)
  await bfd.stop()
})

test('a thread that crashes at its start is tried again ever more slowly, and a stop ends that', async (context) => {
  const { bfd, threads } = service('throw new Error("not today")', context)
  const session = bfd.open(options, () => undefined)
  await until(() => threads.length === 3)
  assert.match(session.snapshot().obstacle ?? '', /not today/)
  await bfd.stop()
  const { length } = threads
  bfd.open(options, () => undefined)
  assert.equal(threads.length, length)
})

test('a thread that does not answer the stop is ended', async (context) => {
  const { bfd, threads } = service(`require('node:worker_threads').parentPort.on('message', () => {})`, context)
  bfd.open(options, () => undefined)
  await bfd.stop()
  assert.equal(threads.length, 1)
  assert.equal(threads[0]?.threadId, -1)
})

test('a service that was never used has nothing to stop, and says after its end that it is over', async (context) => {
  const { bfd, threads } = service(obedient, context)
  await bfd.stop()
  const session = bfd.open(options, () => undefined)
  assert.equal(session.snapshot().obstacle, 'BFD was shut down')
  session.configure(options.config)
  session.stop()
  assert.equal(threads.length, 0)
})
