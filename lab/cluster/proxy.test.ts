// A proxy between a client and the API server that makes every kind of failure, as a plain client over node:https sees it.
//
//   client ---- TLS ---- proxy ---- TLS ---- server
//
// The server here is a few lines that answer like the API server: lists with pages, a watch that the test writes into. Against the
// real one, one test at the end.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { createServer, request as httpsRequest } from 'node:https'
import type { Server } from 'node:https'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { eventually, throughout } from '../harness/eventually.ts'
import { run } from '../harness/command.ts'
import { Lab } from '../harness/lab.ts'
import { namespaceSkip } from '../harness/namespace-skip.ts'
import { clusterSkip } from './capability.ts'
import { startCluster } from './cluster.ts'
import type { Fault } from './faults.ts'
import { readRequest } from './faults.ts'
import type { Authority } from './pki.ts'
import { createAuthority } from './pki.ts'
import { freePort, ownLoopback } from './ports.ts'
import type { FaultProxy } from './proxy.ts'
import { startProxy } from './proxy.ts'

const services = '/api/v1/services'
const names = ['a', 'b', 'c'] as const
const item = (name: string) => ({ metadata: { name, namespace: 'default' } })
const eventText = (type: string, name: string): string => `${JSON.stringify({ type, object: item(name) })}\n`

/** What stands in for the API server. */
interface Stage {
  readonly url: string
  readonly authority: Authority
  /** Open watches. */
  readonly watches: Set<ServerResponse>
  /** Of the next lists. */
  resourceVersion: string
  /** Writes that came through. */
  written: number
  readonly stop: () => void
}

async function startStage(directory: string): Promise<Stage> {
  const authority = await createAuthority(directory)
  const { certificateFile, keyFile } = await authority.issue('server', [ownLoopback()])
  const port = await freePort()
  const watches = new Set<ServerResponse>()
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { verb } = readRequest(request.method ?? '', request.url ?? '')
    response.setHeader('content-type', 'application/json')
    if (verb === 'watch') {
      watches.add(response)
      response.on('close', () => watches.delete(response))
      response.flushHeaders()
      return
    }
    if (verb !== 'list') stage.written += 1
    const metadata = { resourceVersion: stage.resourceVersion, continue: 'next' }
    response.end(JSON.stringify({ kind: 'ServiceList', apiVersion: 'v1', metadata, items: names.map(item) }))
  }
  const server: Server = createServer(
    { cert: readFileSync(certificateFile), key: readFileSync(keyFile) },
    (request, response) => {
      // The body is read, so that a kept connection can carry the next request.
      request.resume().on('end', () => answer(request, response))
    },
  )
  await new Promise<void>((resolve) => server.listen(port, ownLoopback(), resolve))
  const stage: Stage = {
    url: `https://${ownLoopback()}:${port}`,
    authority,
    watches,
    resourceVersion: '10',
    written: 0,
    stop: () => {
      server.close()
      server.closeAllConnections()
    },
  }
  return stage
}

/** What a client got of an answer so far, and how it ended. */
interface Got {
  status: number
  headers: IncomingMessage['headers']
  text: string
  /** '' while it goes on, 'end', or the error's code. */
  ending: string
}

describe('the fault proxy', { skip: clusterSkip() }, () => {
  let lab: Lab
  let stage: Stage
  let proxy: FaultProxy
  let rulesMade = 0
  before(async () => {
    lab = Lab.create()
    stage = await startStage(lab.directory)
    proxy = await startProxy({ target: stage.url, authority: stage.authority })
  })
  afterEach(() => {
    proxy.setRules()
    proxy.breakOff()
    stage.resourceVersion = '10'
  })
  after(async () => {
    await proxy.stop()
    stage.stop()
    lab.close()
  })

  const ask = (method: string, path: string): Got => {
    const got: Got = { status: 0, headers: {}, text: '', ending: '' }
    const ca = readFileSync(stage.authority.certificateFile)
    const request = httpsRequest(new URL(path, proxy.url), { method, ca, agent: false }, (response) => {
      got.status = response.statusCode ?? 0
      got.headers = response.headers
      response.on('data', (chunk: Buffer) => (got.text += chunk.toString()))
      response.on('error', (error) => (got.ending = codeOf(error)))
      response.on('end', () => (got.ending = 'end'))
    })
    request.on('error', (error) => (got.ending = codeOf(error)))
    request.end()
    return got
  }
  const codeOf = (error: Error): string => ('code' in error ? String(error.code) : error.message)
  const ended = (got: Got): Promise<Got> =>
    eventually(
      'the answer ends',
      () => got,
      ({ ending }) => assert.notEqual(ending, ''),
    )
  const list = (path = services): Promise<Got> => ended(ask('GET', path))
  /** Each rule with a name of its own, so that what is counted is its own. */
  const under = (fault: Fault, times?: number): (() => number) => {
    rulesMade += 1
    const name = `${fault.kind} ${rulesMade}`
    proxy.setRules({ name, fault, ...(times === undefined ? {} : { times }) })
    return () => proxy.applied(name)
  }
  const read = ({ text }: Got) =>
    JSON.parse(text) as {
      readonly kind: string
      readonly metadata: Readonly<Record<string, string>>
      readonly items: readonly { readonly kind?: string; readonly metadata: Readonly<Record<string, unknown>> }[]
    }
  const itemNames = (got: Got) => read(got).items.map(({ metadata }) => metadata['name'])

  describe('of requests', () => {
    test('without rules passes what the server says', async () => {
      const got = await list()
      assert.deepEqual([got.status, itemNames(got), read(got).metadata['continue']], [200, [...names], 'next'])
    })

    for (const [kind, code] of [
      ['reset', 'ECONNRESET'],
      ['hangUp', 'ECONNRESET'],
      ['notHttp', 'ERR_SSL_BAD_RECORD_TYPE'],
    ] as const) {
      test(`${kind}: no answer, and the server is not asked`, async () => {
        const applied = under({ kind })
        const before = stage.written
        assert.equal((await ended(ask('DELETE', `${services}/a`))).ending, code)
        assert.deepEqual([stage.written, applied()], [before, 1])
      })
    }

    test('silence: nothing comes and the connection stays', async () => {
      const applied = under({ kind: 'silence' })
      const got = ask('GET', services)
      await eventually('the request came', applied, (times) => assert.equal(times, 1))
      await throughout(
        'nothing comes',
        () => got,
        ({ status, ending }) => assert.deepEqual([status, ending], [0, '']),
        { timeoutMs: 300 },
      )
    })

    test('delay: the answer comes, and not before', async () => {
      under({ kind: 'delay', ms: 300 })
      const start = performance.now()
      assert.equal((await list()).status, 200)
      assert.ok(performance.now() - start >= 299)
    })

    for (const status of [401, 403, 410, 429, 500, 503] as const) {
      test(`status ${status}: a Status object, once`, async () => {
        under({ kind: 'status', status, retryAfterSeconds: 7 }, 1)
        const got = await list()
        const { kind, code } = JSON.parse(got.text) as Record<string, unknown>
        assert.deepEqual([got.status, kind, code, got.headers['retry-after']], [status, 'Status', status, '7'])
        assert.equal((await list()).status, 200)
      })
    }

    test('answer: somebody else’s page', async () => {
      under({ kind: 'answer', contentType: 'text/html', body: '<html>' })
      const got = await list()
      assert.deepEqual([got.status, got.headers['content-type'], got.text], [200, 'text/html', '<html>'])
    })

    test('loseAnswer: the server has done it, and the client does not know', async () => {
      under({ kind: 'loseAnswer' })
      const before = stage.written
      assert.equal((await ended(ask('POST', services))).ending, 'ECONNRESET')
      assert.equal(stage.written, before + 1)
    })

    test('down: connections are refused until it is up again on the same port', async () => {
      const watch = ask('GET', `${services}?watch=1`)
      await eventually(
        'the watch is open',
        () => watch.status,
        (status) => assert.equal(status, 200),
      )
      await proxy.down()
      assert.equal((await ended(watch)).ending, 'ECONNRESET')
      assert.equal((await list()).ending, 'ECONNREFUSED')
      await proxy.up()
      assert.equal((await list()).status, 200)
    })

    test('present: a certificate that no client trusts', async () => {
      const directory = join(lab.directory, 'stranger')
      mkdirSync(directory)
      const stranger = await createAuthority(directory)
      proxy.present(await stranger.issue('server', [ownLoopback()]))
      assert.match((await list()).ending, /SELF_SIGNED|UNABLE_TO|SIGNATURE/)
      proxy.present(undefined)
      assert.equal((await list()).status, 200)
    })

    test('a rule is about the requests that it names, and takes effect as often as it says', async () => {
      const on = { verbs: ['list'], resources: ['services'], path: /limit=1/ } as const
      proxy.setRules({ name: 'two', on, fault: { kind: 'status', status: 503 }, times: 2 })
      const before = proxy.applied('two')
      const statuses = []
      for (const query of ['', '?limit=1', '?limit=1', '?limit=1']) statuses.push((await list(services + query)).status)
      assert.deepEqual(statuses, [200, 503, 503, 200])
      assert.equal(proxy.applied('two') - before, 2)
      assert.equal(proxy.requests({ verbs: ['list'], path: /limit=1/ }).length, 3)
    })
  })

  describe('of bodies and lists', () => {
    test('cut: the connection breaks off within the body', async () => {
      under({ kind: 'cut', afterBytes: 20 })
      const got = await list()
      assert.deepEqual([got.status, got.text.length, got.ending], [200, 20, 'ECONNRESET'])
    })

    test('truncate: the body ends well and is not whole', async () => {
      under({ kind: 'truncate', afterBytes: 20 })
      const got = await list()
      assert.deepEqual([got.status, got.text.length, got.ending], [200, 20, 'end'])
    })

    test('slow: the body is whole, in its time', async () => {
      const whole = (await list()).text
      under({ kind: 'slow', bytes: Math.ceil(whole.length / 4), everyMs: 50 })
      const start = performance.now()
      assert.equal((await list()).text, whole)
      assert.ok(performance.now() - start >= 4 * 49)
    })

    test('emptyList: well formed, and nothing in it', async () => {
      under({ kind: 'emptyList' })
      const { kind, metadata, items } = read(await list())
      assert.deepEqual([kind, metadata, items], ['ServiceList', { resourceVersion: '10' }, []])
    })

    test('omitItems: some are missing', async () => {
      under({ kind: 'omitItems', names: /^b$/ })
      assert.deepEqual(itemNames(await list()), ['a', 'c'])
    })

    test('forgetContinue: the first page seems to be the last', async () => {
      under({ kind: 'forgetContinue' })
      const got = await list()
      assert.deepEqual([itemNames(got), read(got).metadata], [[...names], { resourceVersion: '10' }])
    })

    test('wrongKind: a list of something else', async () => {
      under({ kind: 'wrongKind', apiVersion: 'v1', itemKind: 'Pod' })
      const { kind, items } = read(await list())
      assert.deepEqual([kind, items.map((one) => one.kind)], ['PodList', ['Pod', 'Pod', 'Pod']])
    })

    test('staleList: an old list again, with its resourceVersion', async () => {
      await list()
      stage.resourceVersion = '20'
      assert.equal(read(await list()).metadata['resourceVersion'], '20')
      under({ kind: 'staleList' })
      assert.equal(read(await list(`${services}?resourceVersion=20`)).metadata['resourceVersion'], '10')
    })

    test('inflate: every object is huge', async () => {
      under({ kind: 'inflate', bytes: 2_000_000 })
      const got = await list()
      assert.deepEqual(itemNames(got), [...names])
      assert.ok(got.text.length > 6_000_000)
    })
  })

  describe('of watches, also such as are open', () => {
    /** A watch through which the event of `a` has passed. */
    const openWatch = async (): Promise<Got> => {
      const got = ask('GET', `${services}?watch=true`)
      await eventually(
        'the watch is open',
        () => [got.status, stage.watches.size],
        (seen) => assert.deepEqual(seen, [200, 1]),
      )
      send('ADDED', 'a')
      await shows(got, eventText('ADDED', 'a'))
      return got
    }
    const send = (type: string, name: string): void => {
      for (const watch of stage.watches) watch.write(eventText(type, name))
    }
    const shows = (got: Got, text: string) =>
      eventually(
        'the client has it',
        () => got.text,
        (seen) => assert.equal(seen, text),
      )
    const first = eventText('ADDED', 'a')
    const second = eventText('MODIFIED', 'b')
    const half = second.slice(0, second.length / 2)

    afterEach(async () => {
      proxy.breakOff()
      await eventually(
        'no watch is left',
        () => stage.watches.size,
        (size) => assert.equal(size, 0),
      )
    })

    for (const [kind, ending] of [
      ['cutEvent', 'ECONNRESET'],
      ['halfEvent', 'end'],
    ] as const) {
      test(`${kind}: it is over in the middle of a line`, async () => {
        const got = await openWatch()
        under({ kind })
        send('MODIFIED', 'b')
        await ended(got)
        assert.deepEqual([got.text, got.ending], [first + half, ending])
      })
    }

    test('quiet: the connection stays, and nothing comes any more', async () => {
      const got = await openWatch()
      const applied = under({ kind: 'quiet', afterEvents: 1 })
      send('MODIFIED', 'b')
      send('MODIFIED', 'c')
      await shows(got, first + second)
      await eventually('the event was swallowed', applied, (times) => assert.equal(times, 1))
      proxy.setRules()
      send('DELETED', 'a')
      await throughout(
        'nothing comes',
        () => got,
        ({ text, ending }) => assert.deepEqual([text, ending], [first + second, '']),
        { timeoutMs: 300 },
      )
      assert.equal(proxy.open({ verbs: ['watch'] }), 1)
    })

    test('dropEvents: bookmarks do not come, other events do', async () => {
      const got = await openWatch()
      under({ kind: 'dropEvents', types: ['BOOKMARK'] })
      send('BOOKMARK', 'x')
      send('MODIFIED', 'b')
      await shows(got, first + second)
    })

    test('duplicateEvents: every event comes twice', async () => {
      const got = await openWatch()
      under({ kind: 'duplicateEvents' })
      send('MODIFIED', 'b')
      await shows(got, first + second + second)
    })

    for (const status of [410, 500] as const) {
      test(`errorEvent ${status}: comes by itself, and the watch ends`, async () => {
        const got = await openWatch()
        under({ kind: 'errorEvent', status }, 1)
        await ended(got)
        const last = JSON.parse(got.text.trimEnd().split('\n').at(-1) ?? '') as {
          readonly type: string
          readonly object: { readonly kind: string; readonly code: number }
        }
        assert.deepEqual([last.type, last.object.kind, last.object.code], ['ERROR', 'Status', status])
        assert.equal(got.ending, 'end')
      })
    }

    test('strangeEvent: a type that nobody knows, once', async () => {
      const got = await openWatch()
      under({ kind: 'strangeEvent' }, 1)
      send('MODIFIED', 'b')
      send('MODIFIED', 'b')
      await shows(got, first + eventText('SPLIT', 'b') + second + second)
    })

    test('garbageLine: a line that is no JSON, before an event that is', async () => {
      const got = await openWatch()
      under({ kind: 'garbageLine' }, 1)
      send('MODIFIED', 'b')
      await eventually(
        'the event came',
        () => got.text,
        (text) => assert.ok(text.endsWith(second)),
      )
      const line = got.text.split('\n')[1] ?? ''
      assert.throws(() => JSON.parse(line) as unknown, SyntaxError)
    })

    test('endWatch: it ends as agreed', async () => {
      const got = await openWatch()
      under({ kind: 'endWatch' }, 1)
      await ended(got)
      assert.deepEqual([got.text, got.ending], [first, 'end'])
    })

    test('inflate: a huge object comes', async () => {
      const got = await openWatch()
      under({ kind: 'inflate', bytes: 2_000_000 })
      send('MODIFIED', 'b')
      await eventually(
        'the event came',
        () => got.text.length,
        (length) => assert.ok(length > 2_000_000),
      )
    })

    test('halfClose: every watch is over, without RST', async () => {
      const got = await openWatch()
      assert.equal(proxy.halfClose({ verbs: ['watch'] }), 1)
      assert.equal((await ended(got)).ending, 'ECONNRESET')
      assert.equal(proxy.events('services') > 0, true)
    })

    test('breakOff: every watch is over, with RST', async () => {
      const got = await openWatch()
      assert.equal(proxy.breakOff({ verbs: ['watch'] }), 1)
      assert.equal((await ended(got)).ending, 'ECONNRESET')
    })
  })

  test('with HTTP/2, an answer that breaks off is one stream, and the others go on', async () => {
    const between = await startProxy({ target: stage.url, authority: stage.authority, protocol: 'h2' })
    const session = connectHttp2(between.url, { ca: readFileSync(stage.authority.certificateFile) })
    const askOver = async (): Promise<string> => {
      let text = ''
      try {
        for await (const chunk of session.request({ ':path': services })) text += String(chunk)
      } catch (error) {
        return error instanceof Error ? codeOf(error) : ''
      }
      return text
    }
    between.setRules({ name: 'cut', fault: { kind: 'cut', afterBytes: 20 }, times: 1 })
    assert.equal(await askOver(), 'ERR_HTTP2_STREAM_ERROR')
    assert.match(await askOver(), /ServiceList/)
    session.destroy()
    await between.stop()
  })

  test('it is reached from a namespace', { skip: namespaceSkip() }, async () => {
    const namespace = await lab.addNamespace('node')
    const url = await proxy.expose(lab, namespace)
    const script = `fetch('${url}${services}').then(async (answer) => console.log((await answer.json()).kind))`
    const client = ['env', `NODE_EXTRA_CA_CERTS=${stage.authority.certificateFile}`, process.execPath, '-e', script]
    assert.equal(await run('ip', 'netns', 'exec', namespace, ...client), 'ServiceList\n')
  })

  test('what comes from a namespace is broken off too, and at the stop', { skip: namespaceSkip() }, async () => {
    const namespace = await lab.addNamespace('cut')
    const between = await startProxy({ target: stage.url, authority: stage.authority })
    const url = await between.expose(lab, namespace)
    const script = `fetch('${url}${services}?watch=1').then((answer) => answer.text()).catch((error) => console.log('over'))`
    const certificates = `NODE_EXTRA_CA_CERTS=${stage.authority.certificateFile}`
    const follow = async (name: string) => {
      const client = lab.start(namespace, name, ['env', certificates, process.execPath, '-e', script])
      await eventually('it watches', between.open, (open) => assert.equal(open, 1))
      return client
    }
    const first = await follow('first')
    assert.equal(between.breakOff(), 1)
    await first.exited
    const second = await follow('second')
    await between.stop()
    await second.exited
    assert.match(first.output(), /over/)
    assert.match(second.output(), /over/)
  })

  test('kubectl lists and watches the real API server through it', async () => {
    const cluster = await startCluster({ lab })
    const between = await startProxy({ target: cluster.url, authority: cluster.authority })
    try {
      const kubectl = ['--kubeconfig', cluster.kubeconfig(undefined, between.url), 'get', 'services', '-o', 'name']
      const watch = lab.start(undefined, 'kubectl-watch', [cluster.kubectlPath, ...kubectl, '--watch'])
      await eventually(
        'kubectl watches',
        () => watch.output(),
        (output) => assert.match(output, /service\/kubernetes/),
      )
      const metadata = { name: 'web' }
      const spec = { ports: [{ port: 80 }] }
      await cluster.client().create('/api/v1/namespaces/default/services', { metadata, spec })
      await eventually(
        'kubectl shows it',
        () => watch.output(),
        (output) => assert.match(output, /service\/web/),
      )
      assert.equal(between.requests({ verbs: ['watch'], resources: ['services'] }).length, 1)
      between.setRules({
        name: 'empty',
        on: { verbs: ['list'], resources: ['services'] },
        fault: { kind: 'emptyList' },
      })
      assert.equal(await run(cluster.kubectlPath, ...kubectl), '')
      watch.end()
      await watch.exited
    } finally {
      await between.stop()
      await cluster.stop()
    }
  })
})

test('requests are read as the API server reads them', () => {
  const cases: readonly (readonly [string, string, string, string])[] = [
    ['GET', '/api/v1/services?watch=1', 'watch', 'services'],
    ['GET', '/api/v1/namespaces/default/services', 'list', 'services'],
    ['GET', '/api/v1/namespaces/default/services/web', 'get', 'services'],
    ['PUT', '/api/v1/namespaces/default/services/web/status', 'update', 'services/status'],
    ['GET', '/api/v1/namespaces', 'list', 'namespaces'],
    ['GET', '/api/v1/namespaces/default', 'get', 'namespaces'],
    ['PATCH', '/api/v1/namespaces/default/status', 'patch', 'namespaces/status'],
    ['POST', '/apis/holdfast.dev/v1alpha1/namespaces/holdfast-system/addressblocks', 'create', 'addressblocks'],
    ['DELETE', '/api/v1/nodes/node-a', 'delete', 'nodes'],
    ['GET', '/readyz', 'list', ''],
  ]
  for (const [method, path, verb, resource] of cases) {
    assert.deepEqual(readRequest(method, path), { verb, path, resource })
  }
})
