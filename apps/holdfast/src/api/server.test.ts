import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { ask } from './client.ts'
import { startApi } from './server.ts'

function socketPath(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-api-'))
  context.after(() => rmSync(directory, { recursive: true }))
  return join(directory, 'own', 'holdfast.sock')
}

test('questions are answered on a socket that only its own user can open, and that is gone afterwards', async (context) => {
  const path = socketPath(context)
  const api = await startApi(path, { '/v1/peers': () => ({ peers: ['a'] }) })
  assert.equal(api.kind, 'listening')
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(statSync(join(path, '..')).mode & 0o777, 0o700)
  assert.deepEqual(await ask(path, '/v1/peers'), { kind: 'answered', value: { peers: ['a'] } })
  const other = await ask(path, '/v1/else')
  assert.ok(other.kind === 'failed' && other.message.includes('status 404'), JSON.stringify(other))
  await api.close()
  assert.equal(existsSync(path), false)
  const gone = await ask(path, '/v1/peers')
  assert.ok(gone.kind === 'failed' && gone.message === `nothing answers at ${path}`, JSON.stringify(gone))
})

test('an answer that cannot be made is told, and the next question is answered', async (context) => {
  const path = socketPath(context)
  let isBroken = true
  const api = await startApi(path, {
    '/v1/peers': () => {
      if (isBroken) throw new Error('no such thing')
      return 1
    },
  })
  assert.equal(api.kind, 'listening')
  context.after(() => api.close())
  const first = await ask(path, '/v1/peers')
  assert.ok(first.kind === 'failed' && first.message.includes('no such thing'), JSON.stringify(first))
  isBroken = false
  assert.deepEqual(await ask(path, '/v1/peers'), { kind: 'answered', value: 1 })
})

test('a socket that another process answers on is left alone; one that nobody answers on is replaced', async (context) => {
  const path = socketPath(context)
  const first = await startApi(path, { '/v1/peers': () => 1 })
  assert.equal(first.kind, 'listening')
  const second = await startApi(path, { '/v1/peers': () => 2 })
  assert.ok(second.kind === 'failed' && second.message.includes('another process'), JSON.stringify(second))
  assert.deepEqual(await ask(path, '/v1/peers'), { kind: 'answered', value: 1 })
  await first.close()
  await leaveBehind(path)
  const third = await startApi(path, { '/v1/peers': () => 3 })
  assert.equal(third.kind, 'listening')
  context.after(() => third.close())
  assert.deepEqual(await ask(path, '/v1/peers'), { kind: 'answered', value: 3 })
})

/** A socket as a process leaves it behind that was killed. */
async function leaveBehind(path: string): Promise<void> {
  const code = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  const [, signal] = (await once(spawn(process.execPath, ['-e', code]), 'exit')) as readonly unknown[]
  assert.equal(signal, 'SIGKILL')
  assert.ok(statSync(path).isSocket())
}

test('a file that is no socket is left alone', async (context) => {
  const path = join(socketPath(context), '..', '..', 'precious.txt')
  writeFileSync(path, 'precious')
  const api = await startApi(path, {})
  assert.ok(api.kind === 'failed' && api.message.includes('no socket'), JSON.stringify(api))
  assert.equal(readFileSync(path, 'utf8'), 'precious')
})

test('a request for what is no path costs nothing but its answer', async (context) => {
  const path = socketPath(context)
  const api = await startApi(path, { '/v1/peers': () => 1 })
  assert.equal(api.kind, 'listening')
  context.after(() => api.close())
  for (const target of ['//', '/v1/../..//', '/toString', '/__proto__']) {
    const asked = await ask(path, target)
    assert.ok(asked.kind === 'failed' && /status 40[04]/.test(asked.message), `${target}: ${JSON.stringify(asked)}`)
  }
  assert.deepEqual(await ask(path, '/v1/peers?x=1'), { kind: 'answered', value: 1 })
})

test('something else behind the socket is told as such', async (context) => {
  const path = join(socketPath(context), '..', '..', 'other.sock')
  const server = createServer((socket) => socket.resume().end('SSH-2.0-x\r\n'))
  await new Promise<void>((resolve) => server.listen(path, resolve))
  context.after(() => new Promise<void>((resolve) => void server.close(() => resolve())))
  const asked = await ask(path, '/v1/peers')
  assert.ok(asked.kind === 'failed' && asked.message.startsWith(`cannot ask ${path}`), JSON.stringify(asked))
})
