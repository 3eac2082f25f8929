import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { describe, test } from 'node:test'
import { createVirtualClock } from '@holdfast/runtime'
import {
  eventLine,
  inTurn,
  json,
  serviceObject,
  status,
  type Handler,
  type Protocol,
} from '../testing/fake-kube-server.ts'
import { useHttpScene } from '../testing/http-api-scene.ts'
import { faultOf } from '../testing/kube-api-stage.ts'
import { eventually } from '../testing/temporary.ts'
import type { Watch, WatchEvent } from './api.ts'
import type { HttpApiOptions } from './http-api.ts'
import { resourceTypes } from './resource-types.ts'

for (const protocol of ['http2', 'http1'] as const) {
  describe(`over ${protocol}`, () => suite(protocol))
}

function suite(protocol: Protocol): void {
  const scene = useHttpScene(protocol)
  const { Service } = resourceTypes
  const options = { namespace: 'a', resourceVersion: '10', timeoutSeconds: 300 }

  interface Followed {
    readonly watch: Watch
    readonly events: readonly WatchEvent[]
    readonly response: ServerResponse
  }

  /** A watch whose answer has begun. */
  async function follow(clientOptions: Partial<HttpApiOptions> = {}): Promise<Followed> {
    const api = await scene.client(clientOptions)
    const events: WatchEvent[] = []
    const { promise, resolve } = Promise.withResolvers<ServerResponse>()
    scene.server().answerWith((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
      resolve(response)
    })
    const watch = api.watch(Service, options, (event) => events.push(event))
    return { watch, events, response: await promise }
  }

  const added = (name: string): string => eventLine('ADDED', serviceObject(name))
  const namesIn = (events: readonly WatchEvent[]): readonly string[] =>
    events.map((event) =>
      event.type === 'BOOKMARK' ? `at ${event.resourceVersion}` : `${event.type} ${event.object.metadata.name}`,
    )

  test('a watch asks for bookmarks, from a version on, for a time', async () => {
    const { watch } = await follow()
    const [request] = scene.server().requests
    assert.equal(
      request?.path,
      '/api/v1/namespaces/a/services?watch=true&allowWatchBookmarks=true&resourceVersion=10&timeoutSeconds=300',
    )
    assert.equal(request.headers['accept-encoding'], 'identity')
    watch.stop()
  })

  test('a watch is accepted when the head of its answer has come, before anything else of it', async () => {
    const api = await scene.client()
    const { promise, resolve } = Promise.withResolvers<ServerResponse>()
    scene.server().answerWith((_, response) => resolve(response))
    const told: string[] = []
    const accepted = (): void => void told.push('accepted')
    const watch = api.watch(Service, { ...options, accepted }, ({ type }) => told.push(type))
    const response = await promise
    // What is asked after it is answered before it.
    scene.server().answerWith(json(serviceObject('x')))
    await api.get(Service, { namespace: 'a', name: 'x' })
    assert.deepEqual(told, [])
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
    await eventually(() => told.length === 1)
    response.end(added('a'))
    assert.deepEqual(await watch.ended, { kind: 'ended' })
    assert.deepEqual(told, ['accepted', 'ADDED'])
  })

  test('a watch is not accepted where it is refused, or answered by something between, or stopped before its answer', async () => {
    const api = await scene.client()
    const accepted = (): void => assert.fail('accepted')
    const events: WatchEvent[] = []
    const watch = () => api.watch(Service, { ...options, accepted }, (event) => events.push(event))
    scene.server().answerWith(json(status(403, 'Forbidden', 'no rights'), 403))
    faultOf(await watch().ended, 'forbidden')
    scene.server().answerWith((_, response) => void response.writeHead(203).end(added('a')))
    assert.deepEqual(await watch().ended, { kind: 'ended' })
    assert.deepEqual(namesIn(events), ['ADDED a'])
    const { promise, resolve } = Promise.withResolvers<ServerResponse>()
    scene.server().answerWith((_, response) => resolve(response))
    const stopped = watch()
    const response = await promise
    stopped.stop()
    response.end(added('late'))
    assert.deepEqual(await stopped.ended, { kind: 'ended' })
    await eventually(() => scene.server().openAnswers() === 0)
  })

  test('a watch that is stopped when the head of its answer has just come is not accepted any more', async () => {
    // What the head warns of is told before the watch goes on.
    const api = await scene.client({ onWarning: () => watch.stop() })
    scene.server().answerWith((_, response) => {
      response.writeHead(200, { warning: '299 - "deprecated"' }).flushHeaders()
    })
    const accepted = (): void => assert.fail('accepted')
    const watch = api.watch(Service, { ...options, accepted }, () => assert.fail('an event'))
    assert.deepEqual(await watch.ended, { kind: 'ended' })
    await eventually(() => scene.server().openAnswers() === 0)
  })

  test('a watch that was refused with old credentials is accepted by the answer to the new ones', async () => {
    const api = await scene.client()
    scene.server().answerWith(json(serviceObject('x')))
    await api.get(Service, { namespace: 'a', name: 'x' })
    scene.write('token', 'second')
    const told: string[] = []
    const whole: Handler = (_, response) => {
      told.push('asked again')
      response.end(added('a'))
    }
    scene.server().answerWith(inTurn(json(status(401, 'Unauthorized'), 401), whole))
    const accepted = (): void => void told.push('accepted')
    await api.watch(Service, { ...options, accepted }, ({ type }) => told.push(type)).ended
    assert.deepEqual(told, ['asked again', 'accepted', 'ADDED'])
  })

  test('events come in order, however their octets are cut, and a clean end is an end', async () => {
    const { watch, events, response } = await follow()
    const text = `${added('käse-🧀')}\n${eventLine('MODIFIED', serviceObject('b'))}${eventLine('BOOKMARK', { metadata: { resourceVersion: '42' } })}${eventLine('DELETED', serviceObject('b'))}`
    for (const octet of Buffer.from(text)) {
      await new Promise((resolve) => response.write(Buffer.from([octet]), resolve))
    }
    response.end()
    assert.deepEqual(await watch.ended, { kind: 'ended' })
    assert.deepEqual(namesIn(events), ['ADDED käse-🧀', 'MODIFIED b', 'at 42', 'DELETED b'])
  })

  test('a cut in the middle of a line is unreachable, whether the end was clean or not, and no event', async () => {
    const clean = await follow()
    clean.response.end(`${added('a')}${added('b').slice(0, -20)}`)
    faultOf(await clean.watch.ended, 'unreachable')
    assert.deepEqual(namesIn(clean.events), ['ADDED a'])
    // Even a line that is whole JSON is no event before its end has come.
    const almost = await follow()
    almost.response.end(added('a').trimEnd())
    faultOf(await almost.watch.ended, 'unreachable')
    assert.deepEqual(almost.events, [])
    const torn = await follow()
    torn.response.write(`${added('a')}{"type":"DEL`)
    await eventually(() => torn.events.length === 1)
    scene.server().cut()
    faultOf(await torn.watch.ended, 'unreachable')
    assert.deepEqual(namesIn(torn.events), ['ADDED a'])
  })

  test('an ERROR event ends the watch with its fault: 410 is gone', async () => {
    const cases = [
      [status(410, 'Expired', 'too old resource version: 1 (7)'), 'gone'],
      [status(410, 'Gone'), 'gone'],
      [status(500, 'InternalError', 'etcd is away'), 'serverError'],
      [status(429, 'TooManyRequests', 'x', { retryAfterSeconds: 2 }), 'tooManyRequests', 2000],
      [status(503, 'ServiceUnavailable', 'x', { retryAfterSeconds: 3600 }), 'serverError', 30_000],
      [{ nothing: 'of a Status' }, 'serverError'],
    ] as const
    for (const [object, code, retryAfterMs] of cases) {
      const { watch, events, response } = await follow()
      response.write(eventLine('ERROR', object) + added('late'))
      const fault = faultOf(await watch.ended, code)
      assert.equal(fault.retryAfterMs, retryAfterMs)
      if (code === 'gone') assert.match(fault.message, /^watch services in namespace a: /)
      assert.deepEqual(events, [])
    }
  })

  test('an event of an unknown type is told and skipped', async () => {
    const told: string[] = []
    const { watch, events, response } = await follow({ onUnknownEvent: (type) => told.push(type) })
    response.end(eventLine('RENAMED', serviceObject('x')) + added('a'))
    assert.deepEqual(await watch.ended, { kind: 'ended' })
    assert.deepEqual([told, namesIn(events)], [['RENAMED'], ['ADDED a']])
  })

  test('what is no event, or of another kind, or without a name, is badAnswer', async () => {
    const lines = [
      'garbage\n',
      '[]\n',
      '{"object":{}}\n',
      eventLine('ADDED', { kind: 'Node', metadata: { name: 'x' } }),
      eventLine('DELETED', { kind: 'Service', metadata: {} }),
      eventLine('BOOKMARK', { metadata: {} }),
    ]
    for (const line of lines) {
      const { watch, events, response } = await follow()
      response.write(line + added('late'))
      faultOf(await watch.ended, 'badAnswer')
      assert.deepEqual(events, [], line)
    }
  })

  test('a line without end is given up, and not kept', async () => {
    const { watch, response } = await follow({ limits: { maxLineBytes: 10_000 } })
    response.write('{"type":"ADDED","object":"')
    for (let count = 0; count < 100; count += 1) response.write('x'.repeat(1000))
    const fault = faultOf(await watch.ended, 'badAnswer')
    assert.match(fault.message, /more than 10000 octets/)
  })

  test('no event is observed after stop(), not even of what has come already', async () => {
    const { events, response, watch } = await follow()
    const api = await scene.client()
    response.end()
    await watch.ended
    assert.deepEqual(events, [])
    scene.server().answerWith((_, answer) => void answer.end(added('a') + added('b') + added('c')))
    const seen: string[] = []
    const stopping = api.watch(Service, options, (event) => {
      seen.push(event.type)
      stopping.stop()
      stopping.stop()
    })
    assert.deepEqual(await stopping.ended, { kind: 'ended' })
    assert.deepEqual(seen, ['ADDED'])
  })

  test('a watch may be stopped before it has begun', async () => {
    const api = await scene.client()
    const watch = api.watch(Service, options, () => assert.fail('an event'))
    watch.stop()
    assert.deepEqual(await watch.ended, { kind: 'ended' })
    await eventually(() => scene.server().openAnswers() === 0)
    api.close()
    await eventually(() => scene.server().openConnections() === 0)
  })

  test('a refused watch has the fault of its answer, after one more try with new credentials', async () => {
    const api = await scene.client()
    scene.server().answerWith(json(status(403, 'Forbidden', 'no rights'), 403))
    assert.equal(faultOf(await api.watch(Service, options, () => undefined).ended, 'forbidden').status, 403)
    scene.write('token', 'second')
    const whole: Handler = (_, response) => void response.end(added('a'))
    scene.server().answerWith(inTurn(json(status(401, 'Unauthorized'), 401), whole))
    const events: WatchEvent[] = []
    assert.deepEqual(await api.watch(Service, options, (event) => events.push(event)).ended, { kind: 'ended' })
    assert.deepEqual(namesIn(events), ['ADDED a'])
  })

  test('a watch that the server forgets to end is ended half a minute later', async () => {
    const clock = createVirtualClock()
    // The clock leaps: an answer to a PING takes real time.
    const { watch, events, response } = await follow({ clock, limits: { pingAfterMs: 3_600_000 } })
    response.write(added('a'))
    await eventually(() => events.length === 1)
    clock.advance(300_000)
    let isOver = false
    void watch.ended.then(() => (isOver = true))
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(isOver, false)
    clock.advance(30_000)
    faultOf(await watch.ended, 'timeout')
    await eventually(() => clock.pending() === 0)
  })

  test('watches leave no connection, timer or listener behind, however they end', async () => {
    const clock = createVirtualClock()
    const api = await scene.client({ clock })
    const before = process.getActiveResourcesInfo().length
    for (let count = 0; count < 40; count += 1) {
      const { promise, resolve } = Promise.withResolvers<ServerResponse>()
      scene.server().answerWith((_, response) => {
        response.writeHead(200).flushHeaders()
        resolve(response)
      })
      let isFollowed = false
      const watch = api.watch(Service, options, () => (isFollowed = true))
      const response = await promise
      // One that is cut before its answer came is asked for again.
      response.write(added('a'))
      await eventually(() => isFollowed)
      if (count % 4 === 0) response.end(added('a'))
      else if (count % 4 === 1) scene.server().cut()
      else if (count % 4 === 2) response.write('garbage\n')
      else watch.stop()
      await watch.ended
    }
    await eventually(() => scene.server().openAnswers() === 0)
    // HTTP/1.1 has a connection for each watch, which goes with it; the one of HTTP/2 is the client's.
    if (protocol === 'http2') api.close()
    await eventually(() => scene.server().openConnections() === 0)
    await eventually(() => process.getActiveResourcesInfo().length <= before)
    assert.equal(clock.pending(), 0)
  })
}
