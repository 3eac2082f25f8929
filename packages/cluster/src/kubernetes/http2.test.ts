import assert from 'node:assert/strict'
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { eventLine, json, serviceList, serviceObject, startFakeKubeServer } from '../testing/fake-kube-server.ts'
import { useHttpScene } from '../testing/http-api-scene.ts'
import { faultOf, ok } from '../testing/kube-api-stage.ts'
import { eventually } from '../testing/temporary.ts'
import type { WatchEvent } from './api.ts'
import type { HttpApi, HttpLimits } from './http-api.ts'
import { resourceTypes } from './resource-types.ts'

const scene = useHttpScene('http2')
const { Service } = resourceTypes
const key = { namespace: 'a', name: 'x' }
const manager = { fieldManager: 'holdfast' }
const forever = { resourceVersion: '1', timeoutSeconds: 3600 }

/** A server of HTTP/2 whose frames a test decides. */
interface Server {
  readonly port: number
  readonly sessions: readonly ServerHttp2Session[]
  /** In the order of their coming, with the session that they came on. */
  readonly streams: readonly { readonly stream: ServerHttp2Stream; readonly session: number }[]
  readonly client: (limits?: Partial<HttpLimits>) => Promise<HttpApi>
}

type OnStream = (stream: ServerHttp2Stream, count: number) => void

const answerWith =
  (body: unknown): OnStream =>
  (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/json' })
    stream.end(JSON.stringify(body))
  }

const beginWatch = (stream: ServerHttp2Stream): void => stream.respond({ ':status': 200 })

async function start(t: TestContext, onStream: OnStream, settings = {}): Promise<Server> {
  const { certificate: cert, key: serverKey } = scene.authority().server
  const server: Http2SecureServer = createSecureServer({ cert, key: serverKey, settings })
  const sessions: ServerHttp2Session[] = []
  const streams: { readonly stream: ServerHttp2Stream; readonly session: number }[] = []
  server.on('session', (session) => {
    session.on('error', () => undefined)
    sessions.push(session)
  })
  server.on('sessionError', () => undefined)
  server.on('stream', (stream) => {
    stream.on('error', () => undefined)
    streams.push({ stream, session: sessions.indexOf(stream.session as ServerHttp2Session) })
    onStream(stream, streams.length)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { port, sessions, streams, client: async (limits = {}) => await clientAt(port, limits) }
}

async function clientAt(port: number, limits: Partial<HttpLimits> = {}): Promise<HttpApi> {
  const credentials = { ...(await scene.credentials()), server: { host: '127.0.0.1', port, basePath: '' } }
  return await scene.client({ credentials, limits })
}

/** Passes octets between a client and what listens on a port, until it is told to be still. */
async function startRelay(t: TestContext, to: number) {
  const sockets = new Set<Socket>()
  let target = to
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1')
    near.pipe(far).pipe(near)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
    }
    near.on('close', () => far.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  t.after(() => {
    cut()
    server.close()
  })
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    /** Connections stay, and nothing passes. */
    still: () => {
      for (const socket of sockets) socket.unpipe().pause()
    },
    leadTo: (port: number) => void (target = port),
  }
}

test('twelve watches and the requests beside them share one connection, and a watch that is stopped is a stream that is reset', async (t) => {
  const server = await start(t, (stream, count) =>
    count <= 12 ? beginWatch(stream) : answerWith(serviceList(['x']))(stream, count),
  )
  const api = await server.client()
  const watches = Array.from({ length: 12 }, () => api.watch(Service, forever, () => undefined))
  await eventually(() => server.streams.length === 12)
  assert.equal(ok(await api.list(Service, {})).items.length, 1)
  assert.equal(server.sessions.length, 1)
  watches[3]!.stop()
  // CANCEL of RFC 9113, section 7.
  await eventually(() => server.streams[3]!.stream.rstCode === 8)
  assert.deepEqual(server.streams.slice(0, 12).filter(({ stream }) => stream.destroyed).length, 1)
  ok(await api.list(Service, {}))
  assert.equal(server.sessions.length, 1)
})

test('no request is lost when a server leaves: what is under way ends there, what comes goes to a new connection', async (t) => {
  const events: WatchEvent[] = []
  const server = await start(t, (stream, count) => {
    if (count === 1) return beginWatch(stream)
    // As kube-apiserver --goaway-chance: with an answer, and everything that it has seen is answered.
    if (count === 2) stream.session?.goaway()
    answerWith(serviceList(['x']))(stream, count)
  })
  const api = await server.client()
  const watch = api.watch(Service, forever, (event) => events.push(event))
  await eventually(() => server.streams.length === 1)
  ok(await api.list(Service, {}))
  ok(await api.list(Service, {}))
  assert.deepEqual(
    server.streams.map(({ session }) => session),
    [0, 0, 1],
  )
  server.streams[0]!.stream.write(eventLine('ADDED', serviceObject('x')))
  await eventually(() => events.length === 1)
  watch.stop()
  // Its last stream has ended.
  await eventually(() => server.sessions[0]!.destroyed)
})

test('a write that the server says it did not look at is sent again, elsewhere', async (t) => {
  const refuse: OnStream = (stream) => stream.close(7)
  const leave: OnStream = (stream) => stream.session?.goaway(0, (stream.id ?? 0) - 2)
  const leaveForAReason: OnStream = (stream) => stream.session?.goaway(11, (stream.id ?? 0) - 2)
  for (const reject of [refuse, leave, leaveForAReason]) {
    const server = await start(t, (stream, count) =>
      count === 2 ? reject(stream, count) : answerWith(serviceObject('x'))(stream, count),
    )
    const api = await server.client()
    ok(await api.get(Service, key))
    ok(await api.merge(Service, key, {}, manager))
    assert.deepEqual(
      server.streams.map(({ session }) => session),
      [0, 0, 1],
      String(reject),
    )
  }
})

test('a server that looks at nothing is given up after four times', async (t) => {
  const server = await start(t, (stream) => stream.close(7))
  faultOf(await (await server.client()).merge(Service, key, {}, manager), 'unreachable')
  assert.equal(server.streams.length, 4)
})

test('a write that may have been looked at is not sent twice; a read is', async (t) => {
  const server = await start(t, (stream, count) => {
    if (count === 1 || count === 4) return answerWith(serviceList([]))(stream, count)
    stream.session?.destroy()
  })
  const api = await server.client()
  ok(await api.list(Service, {}))
  faultOf(await api.merge(Service, key, {}, manager), 'unreachable')
  assert.equal(server.streams.length, 2)
  faultOf(await api.list(Service, {}), 'unreachable')
  ok(await api.list(Service, {}))
  assert.equal(server.streams.length, 4)
})

test('more requests than a server takes at once go over another connection', async (t) => {
  const list = answerWith(serviceList([]))
  const server = await start(t, (stream, count) => (count === 1 ? list : beginWatch)(stream, count), {
    maxConcurrentStreams: 5,
  })
  const api = await server.client()
  // The settings come before the first answer.
  ok(await api.list(Service, {}))
  for (let count = 0; count < 12; count += 1) api.watch(Service, forever, () => undefined)
  await eventually(() => server.streams.length === 13)
  const open = server.sessions.map((_, at) => server.streams.slice(1).filter(({ session }) => session === at).length)
  assert.deepEqual(open, [5, 5, 2])
})

test('a connection that is open and dead is found by PING, and a read then goes another way', async (t) => {
  const server = await start(t, (stream, count) =>
    count === 1 ? beginWatch(stream) : answerWith(serviceList(['x']))(stream, count),
  )
  const relay = await startRelay(t, server.port)
  const api = await clientAt(relay.port, { pingAfterMs: 60, pingAnswerMs: 60 })
  const watch = api.watch(Service, forever, () => undefined)
  await eventually(() => server.streams.length === 1)
  relay.still()
  const fault = faultOf(await watch.ended, 'unreachable')
  assert.match(fault.message, /the connection timed out/)
  ok(await api.list(Service, {}))
})

test('a server that answers to PING may be silent for as long as it likes', async (t) => {
  const server = await start(t, beginWatch)
  const api = await server.client({ pingAfterMs: 30, pingAnswerMs: 1000 })
  let pings = 0
  const watch = api.watch(Service, forever, () => assert.fail('an event'))
  await eventually(() => server.sessions.length === 1)
  server.sessions[0]!.on('ping', () => (pings += 1))
  let isOver = false
  void watch.ended.then(() => (isOver = true))
  await eventually(() => pings >= 5)
  assert.equal(isOver, false)
  watch.stop()
  await watch.ended
  const before = pings
  // Nothing is owed any more: a list's way shows that time has passed.
  await new Promise((resolve) => setTimeout(resolve, 100))
  assert.ok(pings <= before + 1)
})

test('an answer of 20 MB comes whole, past every window', async (t) => {
  const names = Array.from({ length: 100_000 }, (_, index) => `${'service-with-a-long-name-'.repeat(6)}${index}`)
  const server = await start(t, answerWith(serviceList(names)))
  const api = await server.client()
  const before = api.list(Service, {})
  const watch = api.watch(Service, forever, () => undefined)
  assert.equal(ok(await before).items.length, names.length)
  watch.stop()
})

test('an answer that is cut is no answer, however it is cut', async (t) => {
  const cuts: readonly ((stream: ServerHttp2Stream) => void)[] = [
    (stream) => stream.destroy(new Error('of the server')),
    (stream) => stream.session?.destroy(),
    (stream) => stream.session?.destroy(new Error('of the server')),
  ]
  for (const cut of cuts) {
    const server = await start(t, (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/json' })
      // All of it, but for its end.
      stream.write(JSON.stringify(serviceList([])), () => cut(stream))
    })
    faultOf(await (await server.client()).list(Service, {}), 'unreachable')
  }
})

test('after HTTP/1.1, HTTP/2 is offered again once a connection has failed', async (t) => {
  const authority = scene.authority()
  const [old, next] = [await startFakeKubeServer(authority, 'http1'), await startFakeKubeServer(authority, 'http2')]
  t.after(async () => await Promise.all([old.stop(), next.stop()]))
  for (const server of [old, next]) server.answerWith(json(serviceList([])))
  const relay = await startRelay(t, old.port)
  const api = await clientAt(relay.port)
  for (let count = 0; count < 3; count += 1) ok(await api.list(Service, {}))
  assert.equal(old.connectionsSeen(), 2)
  relay.leadTo(next.port)
  relay.cut()
  // A read on a connection that has gone stale is sent again.
  ok(await api.list(Service, {}))
  ok(await api.list(Service, {}))
  assert.equal(next.requests.length, 2)
  assert.equal(next.requests[0]?.headers[':authority' as 'host'], `127.0.0.1:${relay.port}`)
})

test('a client that is closed ends its connection, also one without requests', async (t) => {
  const server = await start(t, answerWith(serviceList([])))
  const api = await server.client()
  ok(await api.list(Service, {}))
  api.close()
  await eventually(() => server.sessions[0]!.destroyed)
})
