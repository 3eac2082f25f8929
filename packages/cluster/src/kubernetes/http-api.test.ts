import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'
import {
  createTestAuthority,
  inTurn,
  json,
  serviceList,
  serviceObject,
  status,
  type Handler,
  type Protocol,
} from '../testing/fake-kube-server.ts'
import { canary, useHttpScene } from '../testing/http-api-scene.ts'
import { faultOf, ok } from '../testing/kube-api-stage.ts'
import type { ApiFault, FaultCode } from './api.ts'
import { resourceTypes } from './resource-types.ts'

for (const protocol of ['http2', 'http1'] as const) {
  describe(`over ${protocol}`, () => suite(protocol))
}

function suite(protocol: Protocol): void {
  const scene = useHttpScene(protocol)
  const { Service, Node } = resourceTypes
  const key = { namespace: 'a', name: 'x' }
  const manager = { fieldManager: 'holdfast' }

  async function listFault(handler: Handler, code: FaultCode): Promise<ApiFault> {
    scene.server().answerWith(handler)
    return faultOf(await (await scene.client()).list(Service, {}), code)
  }

  test('a request says who asks, with which token, and for JSON', async () => {
    scene.server().answerWith(json(serviceList(['x'])))
    const page = ok(await (await scene.client()).list(Service, {}))
    assert.deepEqual(page.items, [{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'x', namespace: 'a' } }])
    const [request] = scene.server().requests
    assert.equal(request?.headers.authorization, `Bearer ${canary}`)
    assert.equal(request.headers['user-agent'], 'holdfast-test/1')
    assert.equal(request.headers.accept, 'application/json')
  })

  test('the log of a pod is text', async () => {
    scene.server().answerWith((_, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' }).end('{"a":1}\nplain\n')
    })
    const api = await scene.client()
    const wanted = { container: 'speaker', isPrevious: true, tailLines: 20, limitBytes: 1000 }
    assert.equal(ok(await api.podLog(key, wanted)), '{"a":1}\nplain\n')
    const path = '/api/v1/namespaces/a/pods/x/log?container=speaker&tailLines=20&limitBytes=1000&previous=true'
    assert.equal(scene.server().requests[0]?.path, path)
    scene.server().answerWith(json(status(400, 'BadRequest'), 400))
    faultOf(await api.podLog(key, { ...wanted, isPrevious: false }), 'invalid')
  })

  test('names and selectors are escaped, of a kind without namespaces none is named, and a cache may answer where that is enough', async () => {
    scene.server().answerWith(json(status(404, 'NotFound'), 404))
    const api = await scene.client()
    await api.list(Service, { namespace: 'a/b', labelSelector: 'x in (1,2)', fieldSelector: 'spec.type=LoadBalancer' })
    await api.get(Node, { namespace: 'a', name: 'no de?' })
    await api.list(resourceTypes.AddressBlock, { namespace: 'a', limit: 5, continue: 'to+ken' })
    await api.list(Service, { namespace: 'a', isCachedEnough: true })
    assert.deepEqual(
      scene.server().requests.map(({ path }) => path),
      [
        '/api/v1/namespaces/a%2Fb/services?fieldSelector=spec.type%3DLoadBalancer&labelSelector=x+in+%281%2C2%29',
        '/api/v1/nodes/no%20de%3F',
        '/apis/holdfast.dev/v1alpha1/namespaces/a/addressblocks?limit=5&continue=to%2Bken',
        '/api/v1/namespaces/a/services?resourceVersion=0',
      ],
    )
  })

  test('no request is made for an empty name, which would mean all objects, nor for a path that leads elsewhere', async () => {
    const api = await scene.client()
    for (const name of ['', '.', '..']) {
      faultOf(await api.remove(Service, { namespace: 'a', name }), 'invalid')
      faultOf(await api.get(Service, { namespace: 'a', name }), 'invalid')
      faultOf(await api.merge(Service, { namespace: 'a', name }, {}, manager), 'invalid')
    }
    faultOf(await api.remove(Service, { namespace: '', name: 'x' }), 'invalid')
    assert.deepEqual(scene.server().requests, [])
  })

  test('each kind of write has its method, its content type and its manager', async () => {
    scene.server().answerWith(json(serviceObject('x')))
    const api = await scene.client()
    const object = { metadata: { ...key, uid: 'u', resourceVersion: '1' } }
    ok(await api.create(Service, { metadata: key }, manager))
    ok(await api.replace(Service, object, manager))
    ok(await api.apply(Service, object, { ...manager, subresource: 'status' }))
    ok(await api.merge(Service, key, { a: null }, manager))
    ok(await api.remove(Service, key, { uid: 'u' }))
    assert.deepEqual(
      scene.server().requests.map(({ method, path, headers }) => [method, path, headers['content-type']].join(' ')),
      [
        'POST /api/v1/namespaces/a/services?fieldManager=holdfast application/json',
        'PUT /api/v1/namespaces/a/services/x?fieldManager=holdfast application/json',
        'PATCH /api/v1/namespaces/a/services/x/status?fieldManager=holdfast&force=true application/apply-patch+yaml',
        'PATCH /api/v1/namespaces/a/services/x?fieldManager=holdfast application/merge-patch+json',
        'DELETE /api/v1/namespaces/a/services/x application/json',
      ],
    )
    const bodies = scene.server().requests.map(({ body }): unknown => JSON.parse(body))
    assert.deepEqual(bodies.slice(2), [
      { apiVersion: 'v1', kind: 'Service', metadata: object.metadata },
      { a: null, metadata: {} },
      { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: 'u' } },
    ])
  })

  test('requests one after another share a connection', async () => {
    scene.server().answerWith(json(serviceList([])))
    const api = await scene.client()
    for (let count = 0; count < 5; count += 1) ok(await api.list(Service, {}))
    // HTTP/1.1 has one more: the one on which HTTP/2 was offered.
    assert.equal(scene.server().connectionsSeen(), protocol === 'http1' ? 2 : 1)
  })

  const statuses: readonly (readonly [number, string, FaultCode])[] = [
    [400, 'BadRequest', 'invalid'],
    [403, 'Forbidden', 'forbidden'],
    [404, 'NotFound', 'notFound'],
    [405, 'MethodNotAllowed', 'invalid'],
    [409, 'Conflict', 'conflict'],
    [409, 'AlreadyExists', 'alreadyExists'],
    [410, 'Expired', 'gone'],
    [415, 'UnsupportedMediaType', 'invalid'],
    [422, 'Invalid', 'invalid'],
    [429, 'TooManyRequests', 'tooManyRequests'],
    [500, 'InternalError', 'serverError'],
    [503, 'ServiceUnavailable', 'serverError'],
    [504, 'Timeout', 'serverError'],
  ]
  for (const [code, reason, expected] of statuses) {
    test(`status ${code} with reason ${reason} is ${expected}, with what the server says`, async () => {
      const fault = await listFault(json(status(code, reason, 'because\nof this'), code), expected)
      assert.equal(fault.status, code)
      assert.equal(fault.message, 'list services: because of this')
    })
  }

  test('Retry-After is understood in seconds, as a time of day by the server’s own clock, and from the Status', async () => {
    const body = status(429, 'TooManyRequests')
    const date = 'Wed, 21 Oct 2015 07:28:00 GMT'
    const cases: readonly (readonly [Readonly<Record<string, string>>, unknown, number | undefined])[] = [
      [{ 'retry-after': '7' }, body, 7000],
      [{ 'retry-after': 'Wed, 21 Oct 2015 07:28:30 GMT', date }, body, 30_000],
      [{ 'retry-after': 'Wed, 21 Oct 2015 07:27:00 GMT', date }, body, 0],
      [{ 'retry-after': 'soon' }, body, undefined],
      [{}, status(429, 'TooManyRequests', 'x', { retryAfterSeconds: 3 }), 3000],
      [{}, body, undefined],
      // An hour of silence is not a server's to ask for.
      [{ 'retry-after': '3600' }, body, 30_000],
      [{ 'retry-after': 'Wed, 21 Oct 2025 07:28:07 GMT', date }, body, 30_000],
      [{}, status(429, 'TooManyRequests', 'x', { retryAfterSeconds: 1e9 }), 30_000],
    ]
    for (const [headers, answer, expected] of cases) {
      const fault = await listFault(json(answer, 429, headers), 'tooManyRequests')
      assert.equal(fault.retryAfterMs, expected, inspect(headers))
    }
  })

  test('what a load balancer answers is a server error, and not repeated', async () => {
    const page = '<html><body>Bad gateway secret-in-the-page</body></html>'
    const html =
      (code: number): Handler =>
      (_, response) =>
        void response.writeHead(code, { 'content-type': 'text/html' }).end(page)
    const fault = await listFault(html(502), 'serverError')
    assert.equal(fault.message, 'list services: the server answers 502, with text/html instead of an explanation')
    const success = await listFault(html(200), 'badAnswer')
    assert.match(success.message, /no JSON/)
  })

  test('a redirection is not followed, so that no token goes elsewhere', async () => {
    const handler: Handler = (_, response) => void response.writeHead(302, { location: '/elsewhere' }).end()
    const fault = await listFault(handler, 'badAnswer')
    assert.match(fault.message, /redirection/)
    assert.equal(scene.server().requests.length, 1)
  })

  const lists: readonly (readonly [string, unknown])[] = [
    ['another kind', serviceObject('x')],
    ['without items', { kind: 'ServiceList', metadata: { resourceVersion: '1' } }],
    ['without a resourceVersion', { kind: 'ServiceList', metadata: {}, items: [] }],
    [
      'with an item without a name',
      { kind: 'ServiceList', metadata: { resourceVersion: '1' }, items: [{ metadata: {} }] },
    ],
    ['text', 'ok'],
    ['null', null],
  ]
  for (const [what, body] of lists) {
    test(`a list that is ${what} is badAnswer`, async () => {
      await listFault(json(body), 'badAnswer')
    })
  }

  test('what the next page is asked for by is told while items are still coming', async () => {
    const items = Array.from({ length: 2000 }, (_, index) => ({ metadata: { name: `x-${index}`, namespace: 'a' } }))
    const list = { kind: 'ServiceList', apiVersion: 'v1', metadata: { resourceVersion: '1', continue: 'more' }, items }
    const text = JSON.stringify(list)
    let finish = (): void => undefined
    scene.server().answerWith((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write(text.slice(0, 80_000))
      finish = () => void response.end(text.slice(80_000))
    })
    const { promise, resolve } = Promise.withResolvers<string>()
    const answer = (await scene.client()).list(Service, { foresee: resolve })
    assert.equal(await promise, 'more')
    finish()
    assert.equal(ok(await answer).items.length, items.length)
  })

  test('an empty list may be null, as Go writes it', async () => {
    scene.server().answerWith(json({ kind: 'ServiceList', metadata: { resourceVersion: '1' }, items: null }))
    assert.deepEqual(ok(await (await scene.client()).list(Service, {})).items, [])
  })

  test('an object of another kind is badAnswer', async () => {
    scene.server().answerWith(json({ kind: 'Node', metadata: { name: 'x' } }))
    faultOf(await (await scene.client()).get(Service, key), 'badAnswer')
  })

  test('an answer that is longer than allowed is given up, announced or not', async () => {
    const api = await scene.client({ limits: { maxAnswerBytes: 1000 } })
    scene.server().answerWith((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.write('x'.repeat(600))
      response.write('x'.repeat(600))
    })
    faultOf(await api.list(Service, {}), 'badAnswer')
    scene.server().answerWith(json(serviceList(['x'.repeat(2000)])))
    faultOf(await api.list(Service, {}), 'badAnswer')
  })

  test('a compressed answer is read, as long as it is not longer than allowed, and whole', async () => {
    const compressed = gzipSync(JSON.stringify(serviceList(['x'.repeat(5000), 'y'])))
    const answer =
      (octets: Buffer): Handler =>
      (_, response) =>
        void response.writeHead(200, { 'content-encoding': 'gzip' }).end(octets)
    scene.server().answerWith(answer(compressed))
    assert.equal(ok(await (await scene.client()).list(Service, {})).items.length, 2)
    assert.equal(scene.server().requests[0]?.headers['accept-encoding'], 'gzip')
    const small = await scene.client({ limits: { maxAnswerBytes: 4000 } })
    assert.match(faultOf(await small.list(Service, {}), 'badAnswer').message, /more than 4000 octets/)
    await listFault(answer(compressed.subarray(0, 40)), 'badAnswer')
    await listFault(answer(Buffer.from('no gzip')), 'badAnswer')
  })

  test('a server that does not answer, or not to the end, is given up in time', async () => {
    const api = await scene.client({ limits: { answerMs: 60 } })
    scene.server().answerWith(() => undefined)
    assert.match(faultOf(await api.list(Service, {}), 'timeout').message, /the answer took more than 0.06 s/)
    scene.server().answerWith((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.write('{"kind":')
    })
    assert.match(faultOf(await api.list(Service, {}), 'timeout').message, /the rest of the answer/)
  })

  test('a server that takes connections and shakes no hands is given up in time', async () => {
    const silent = createServer((socket) => void socket.on('error', () => undefined)).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const credentials = { ...(await scene.credentials()), server: { host: '127.0.0.1', port, basePath: '' } }
    const api = await scene.client({ credentials, limits: { connectMs: 60 } })
    assert.match(faultOf(await api.list(Service, {}), 'timeout').message, /the connection took more than/)
    api.close()
    silent.close()
  })

  test('a server that is not there is unreachable, with its address and a reason', async () => {
    const credentials = { ...(await scene.credentials()), server: { host: '127.0.0.1', port: 1, basePath: '' } }
    const fault = faultOf(await (await scene.client({ credentials })).list(Service, {}), 'unreachable')
    assert.equal(
      fault.message,
      'list services: 127.0.0.1:1 cannot be reached: connection refused: nothing listens there',
    )
    assert.equal(fault.status, undefined)
  })

  test('a connection that breaks is unreachable; one that had gone stale is made anew for a read, not for a write', async () => {
    const reset: Handler = () => scene.server().cut()
    const api = await scene.client()
    scene.server().answerWith(reset)
    faultOf(await api.list(Service, {}), 'unreachable')
    assert.equal(scene.server().requests.length, 1)
    scene.server().answerWith(inTurn(json(serviceList([])), reset, json(serviceList(['x']))))
    ok(await api.list(Service, {}))
    assert.equal(ok(await api.list(Service, {})).items.length, 1)
    assert.equal(scene.server().requests.length, 4)
    scene.server().answerWith(inTurn(reset, json(serviceObject('x'))))
    faultOf(await api.merge(Service, key, {}, manager), 'unreachable')
    assert.equal(scene.server().requests.length, 5)
  })

  test('a token that was replaced is read again after a minute, and not before', async () => {
    scene.server().answerWith(json(serviceList([])))
    const api = await scene.client()
    ok(await api.list(Service, {}))
    scene.write('token', 'second')
    scene.credentialsClock().advance(59_000)
    ok(await api.list(Service, {}))
    scene.credentialsClock().advance(2000)
    ok(await api.list(Service, {}))
    const tokens = scene.server().requests.map(({ headers }) => headers.authorization)
    assert.deepEqual(tokens, [`Bearer ${canary}`, `Bearer ${canary}`, 'Bearer second'])
  })

  test('a token is read again at once when it is refused; one that is still the same is not tried twice', async () => {
    const unauthorized = json(status(401, 'Unauthorized'), 401)
    scene
      .server()
      .answerWith((request, response) =>
        (request.headers.authorization === 'Bearer second' ? json(serviceList([])) : unauthorized)(request, response),
      )
    const api = await scene.client()
    const fault = faultOf(await api.list(Service, {}), 'unauthorized')
    assert.equal(fault.status, 401)
    assert.equal(scene.server().requests.length, 1)
    scene.write('token', 'second')
    ok(await api.list(Service, {}))
    assert.equal(scene.server().requests.length, 3)
  })

  test('a token file that cannot be read any more, or is empty for a moment, leaves the last token', async () => {
    scene.server().answerWith(json(serviceList([])))
    const api = await scene.client()
    scene.write('token', '')
    scene.credentialsClock().advance(61_000)
    ok(await api.list(Service, {}))
    assert.equal(scene.server().requests.at(-1)?.headers.authorization, `Bearer ${canary}`)
  })

  test('a new authority is found when the server’s certificate is not trusted, and a watch of before goes on', async () => {
    const other = createTestAuthority('other')
    scene.server().answerWith(json(serviceList([])))
    const api = await scene.client()
    let feed: ((text: string) => void) | undefined
    scene.server().answerWith((request, response) => {
      if (!request.path.includes('watch=true')) return json(serviceList([]))(request, response)
      response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
      feed = (text) => void response.write(text)
    })
    const events: string[] = []
    const watch = api.watch(Service, { resourceVersion: '1', timeoutSeconds: 60 }, ({ type }) => events.push(type))
    while (feed === undefined) await new Promise((resolve) => setImmediate(resolve))
    scene.server().useCertificate(other.server)
    if (protocol === 'http2') {
      // One connection for all: its server has been trusted, and with a new authority another one is made.
      ok(await api.list(Service, {}))
      scene.write('ca.crt', createTestAuthority('third').certificate)
      scene.credentialsClock().advance(61_000)
    }
    const fault = faultOf(await api.list(Service, {}), 'unreachable')
    assert.match(fault.message, /not signed by the authority of the credentials/)
    scene.write('ca.crt', other.certificate)
    ok(await api.list(Service, {}))
    feed(`${JSON.stringify({ type: 'ADDED', object: serviceObject('x') })}\n`)
    while (events.length === 0) await new Promise((resolve) => setImmediate(resolve))
    watch.stop()
    assert.deepEqual(await watch.ended, { kind: 'ended' })
  })

  test('a kubeconfig comes in with its client certificate, and tls-server-name says whose certificate is expected', async () => {
    scene.server().answerWith(json(serviceList([])))
    const { certificate, key: clientKey } = scene.authority().client('one')
    const base64 = (text: string): string => Buffer.from(text).toString('base64')
    const clientOf = async (serverName: string) => {
      const cluster = {
        server: `https://localhost:${scene.server().port}`,
        'certificate-authority-data': base64(scene.authority().certificate),
        'tls-server-name': serverName,
      }
      const user = { 'client-certificate-data': base64(certificate), 'client-key-data': base64(clientKey) }
      const context = { cluster: 'c', user: 'u' }
      const kubeconfig = join(scene.directory(), serverName)
      const lists = {
        clusters: [{ name: 'c', cluster }],
        users: [{ name: 'u', user }],
        contexts: [{ name: 'x', context }],
      }
      writeFileSync(kubeconfig, JSON.stringify({ 'current-context': 'x', ...lists }))
      return await scene.client({ credentials: await scene.credentials({ kubeconfig }) })
    }
    const refused = faultOf(await (await clientOf('other.example.com')).list(Service, {}), 'unreachable')
    assert.match(refused.message, /its certificate is for other names/)
    ok(await (await clientOf('api.example.com')).list(Service, {}))
    assert.deepEqual(
      scene.server().requests.map(({ clientName, headers }) => [clientName, headers.authorization]),
      [['one', undefined]],
    )
  })

  test('warnings of the server’s are told', async () => {
    const warnings: string[] = []
    const api = await scene.client({ onWarning: (text) => warnings.push(text) })
    const warning = '299 - "unknown field \\"spec.a\\"", 299 - "second, with a comma"'
    scene.server().answerWith(json(serviceObject('x'), 200, { warning }))
    ok(await api.merge(Service, key, {}, manager))
    assert.deepEqual(warnings, ['unknown field "spec.a"', 'second, with a comma'])
  })

  test('no token shows in a client, its credentials or its faults, nor what came in the place of JSON', async () => {
    const credentials = await scene.credentials()
    const api = await scene.client({ credentials })
    const faults: unknown[] = []
    for (const handler of [json(status(401, 'Unauthorized'), 401), json('x', 500)]) {
      scene.server().answerWith(handler)
      faults.push(await api.list(Service, {}))
    }
    scene.server().answerWith((_, response) => void response.end(`{"password": "${canary}" oops`))
    faults.push(await api.list(Service, {}))
    scene.write('token', `${canary}\u0007`)
    scene.credentialsClock().advance(61_000)
    faults.push(await api.list(Service, {}))
    const access = await credentials.access()
    const shown = inspect([api, credentials, access, faults], { depth: Infinity, showHidden: true })
    assert.ok(!shown.includes(canary), shown)
    assert.ok(!JSON.stringify([credentials, faults]).includes(canary))
  })

  test('close() breaks off what is under way, and nothing is sent afterwards', async () => {
    scene.server().answerWith(() => undefined)
    const api = await scene.client()
    const pending = api.list(Service, {})
    const watch = api.watch(Service, { resourceVersion: '1', timeoutSeconds: 60 }, () => undefined)
    while (scene.server().requests.length < 2) await new Promise((resolve) => setImmediate(resolve))
    api.close()
    faultOf(await pending, 'unreachable')
    assert.deepEqual(await watch.ended, { kind: 'ended' })
    faultOf(await api.list(Service, {}), 'unreachable')
    assert.equal(scene.server().requests.length, 2)
  })
}
