import assert from 'node:assert/strict'
import { Agent, request } from 'node:https'
import { get } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { connect as connectTcp } from 'node:net'
import { connect } from 'node:tls'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { systemClock } from '@holdfast/runtime'
import type { HttpCommand } from './command.ts'
import type { HttpOptions, HttpServers } from './http.ts'
import { startHttp } from './http.ts'
import type { Access } from './metrics-access.ts'
import { freePort } from '../testing/free-port.ts'

interface Answer {
  readonly status: number | undefined
  readonly text: string
  readonly headers: IncomingMessage['headers']
}

const answerOf = (response: IncomingMessage): Promise<Answer> =>
  new Promise((resolve, reject) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (part: string) => (text += part))
    response.on('error', reject)
    response.on('end', () => resolve({ status: response.statusCode, text, headers: response.headers }))
  })

/** As a scraper asks, who does not verify a certificate of our own making. */
const scrape = (port: number, token: string | undefined, path = '/metrics', agent?: Agent): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const where = { host: '127.0.0.1', port, path, headers, rejectUnauthorized: false }
    const asking = request({ ...where, ...(agent === undefined ? {} : { agent }) }, (response) =>
      resolve(answerOf(response)),
    )
    asking.on('error', reject)
    asking.end()
  })

const probe = (port: number, path: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path }, (response) => resolve(answerOf(response))).on('error', reject)
  })

async function start(
  t: TestContext,
  options: Partial<HttpOptions> & { readonly tls?: Partial<HttpCommand> } = {},
): Promise<{ readonly metrics: number; readonly health: number }> {
  const [metrics, health] = [await freePort(), await freePort()]
  const { tls, ...rest } = options
  const servers: HttpServers = await startHttp({
    command: {
      metricsPort: metrics,
      metricsCertificates: undefined,
      tlsMinVersion: 'TLSv1.3',
      tlsCipherSuites: undefined,
      tlsCurves: undefined,
      healthPort: health,
      healthHost: '127.0.0.1',
      ...tls,
    },
    clock: systemClock(),
    live: {},
    ready: {},
    metrics: () => [{ name: 'holdfast_test', type: 'gauge', help: 'A test.', samples: [{ labels: {}, value: 1 }] }],
    mayRead: () => Promise.resolve('allowed'),
    serverName: 'holdfast.test',
    warn: () => undefined,
    ...rest,
  })
  t.after(() => servers.close())
  return { metrics, health }
}

test('metrics are for those who may read them', async (t) => {
  const accesses: Readonly<Record<string, Access>> = { reader: 'allowed', other: 'forbidden', early: 'unknown' }
  const mayRead = (token: string): Promise<Access> => Promise.resolve(accesses[token] ?? 'unauthenticated')
  const { metrics } = await start(t, { mayRead })
  const read = await scrape(metrics, 'reader')
  assert.equal(read.status, 200)
  assert.match(read.headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/)
  assert.match(read.text, /^holdfast_test 1$/m)
  const statuses = await Promise.all(
    ['other', 'early', 'nobody', undefined].map(async (token) => (await scrape(metrics, token)).status),
  )
  assert.deepEqual(statuses, [403, 503, 401, 401])
  for (const path of ['/', '//']) assert.equal((await scrape(metrics, 'reader', path)).status, 404, path)
})

test('TLS 1.2 is refused unless it is asked for', async (t) => {
  const handshake = (port: number): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, maxVersion: 'TLSv1.2', rejectUnauthorized: false }, () => {
        resolve(socket.getProtocol() ?? '')
        socket.destroy()
      })
      socket.on('error', () => resolve('refused'))
    })
  assert.equal(await handshake((await start(t)).metrics), 'refused')
  assert.equal(await handshake((await start(t, { tls: { tlsMinVersion: 'TLSv1.2' } })).metrics), 'TLSv1.2')
})

test('health tells what is not as it has to be', async (t) => {
  let fault: string | undefined = 'no list of Services yet'
  const { health } = await start(t, { ready: { cluster: () => fault, sessions: () => undefined } })
  const before = await probe(health, '/readyz')
  assert.deepEqual([before.status, before.text], [503, 'cluster: no list of Services yet\n'])
  assert.equal((await probe(health, '/livez')).status, 200)
  assert.equal((await probe(health, '/healthz')).status, 200)
  fault = undefined
  const after = await probe(health, '/readyz')
  assert.deepEqual([after.status, after.text], [200, 'ok\n'])
  for (const path of ['/secrets', '//', '/__proto__']) assert.equal((await probe(health, path)).status, 404, path)
})

test('a port that is taken, or a certificate that is not there, says what to do', async (t) => {
  const { health } = await start(t)
  await assert.rejects(start(t, { tls: { healthPort: health } }), /cannot listen at 127\.0\.0\.1, port \d+/)
  await assert.rejects(
    start(t, { tls: { metricsCertificates: '/nonexistent' } }),
    /certificate of the metrics cannot be read/,
  )
})

test('connections to the metrics that ask nothing are bounded, and end', { timeout: 30_000 }, async (t) => {
  const { metrics } = await start(t)
  const beginMs = performance.now()
  const secondsUntilClosed = (socket: Socket): Promise<number> => {
    t.after(() => socket.destroy())
    socket.on('error', () => undefined).resume()
    return new Promise((resolve) => socket.on('close', () => resolve((performance.now() - beginMs) / 1000)))
  }
  const where = { host: '127.0.0.1', port: metrics, rejectUnauthorized: false }
  const silent = await Promise.all(Array.from({ length: 100 }, () => secondsUntilClosed(connectTcp(where))))
  assert.equal(silent.filter((seconds) => seconds < 4).length, 36, silent.join())
  // Those that were taken have not begun TLS in five seconds; one that has asks nothing.
  assert.ok(Math.max(...silent) < 9, silent.join())
  assert.ok((await secondsUntilClosed(connect(where))) - Math.max(...silent) < 14)
  assert.equal((await scrape(metrics, 'reader')).status, 200)
})

test('whoever may not read metrics keeps no connection', async (t) => {
  const { metrics } = await start(t, { mayRead: () => Promise.resolve('forbidden') })
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false })
  t.after(() => agent.destroy())
  const { headers } = await scrape(metrics, 'other', '/metrics', agent)
  assert.equal(headers.connection, 'close')
})
