import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { probeHttp } from './kube-proxy-gate.ts'

/** Asks a server that answers like this, for as long as it takes. */
async function probed(answer: (response: ServerResponse) => void): Promise<Awaited<ReturnType<typeof probeHttp>>> {
  const server = createServer((_, response) => answer(response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  try {
    return await probeHttp(`http://127.0.0.1:${address.port}/healthz`)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

test('an answer is read whole', async () => {
  assert.deepEqual(await probed((response) => response.writeHead(503).end('not yet')), {
    kind: 'answered',
    status: 503,
    text: 'not yet',
  })
})

test('an answer that comes byte by byte and never ends is none', { timeout: 20_000 }, async () => {
  let dribbling: NodeJS.Timeout | undefined
  try {
    const answer = await probed((response) => {
      response.writeHead(200)
      dribbling = setInterval(() => response.write('x'), 100)
    })
    assert.deepEqual(answer, { kind: 'failed', message: 'no whole answer within a second' })
  } finally {
    clearInterval(dribbling)
  }
})

test('one who says nothing has not answered, and where nobody listens it is refused', { timeout: 20_000 }, async () => {
  assert.deepEqual(await probed(() => undefined), { kind: 'failed', message: 'no whole answer within a second' })
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  await new Promise((resolve) => server.close(resolve))
  assert.deepEqual(await probeHttp(`http://127.0.0.1:${address.port}/`), { kind: 'refused' })
})
