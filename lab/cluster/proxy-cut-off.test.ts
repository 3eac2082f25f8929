// A watch whose connection a fault has cut off below TLS, while events are on their way: Node's HTTP/2 does not see it end. A rule that
// comes later is not for it.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import { connect as connectHttp2 } from 'node:http2'
import type { Server } from 'node:https'
import { createServer } from 'node:https'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { eventually } from '../harness/eventually.ts'
import { Lab } from '../harness/lab.ts'
import { clusterSkip } from './capability.ts'
import type { Authority } from './pki.ts'
import { createAuthority } from './pki.ts'
import { freePort, ownLoopback } from './ports.ts'
import type { FaultProxy } from './proxy.ts'
import { startProxy } from './proxy.ts'

const watchPath = '/api/v1/services?watch=true'
const event = `${JSON.stringify({ type: 'MODIFIED', object: { metadata: { name: 'a', text: 'x'.repeat(3000) } } })}\n`

/** Answers a watch with events that do not end. */
function tellWithoutEnd(response: ServerResponse): void {
  const timer = setInterval(() => response.write(event), 2)
  response.on('close', () => clearInterval(timer))
}

describe('watches that a fault has cut off', { skip: clusterSkip() }, () => {
  let lab: Lab
  let authority: Authority
  let server: Server
  let proxy: FaultProxy
  before(async () => {
    lab = Lab.create()
    authority = await createAuthority(lab.directory)
    const { certificateFile, keyFile } = await authority.issue('server', [ownLoopback()])
    const port = await freePort()
    const identity = { cert: readFileSync(certificateFile), key: readFileSync(keyFile) }
    server = createServer(identity, (_, response) => tellWithoutEnd(response))
    server.listen(port, ownLoopback())
    await once(server, 'listening')
    proxy = await startProxy({ target: `https://${ownLoopback()}:${port}`, authority, protocol: 'h2' })
  })
  after(async () => {
    await proxy.stop()
    server.close()
    server.closeAllConnections()
    lab.close()
  })

  const connect = (): ClientHttp2Session => {
    const session = connectHttp2(proxy.url, { ca: readFileSync(authority.certificateFile) })
    session.on('error', () => undefined)
    return session
  }
  /** Resolves when the first event is there. */
  const openWatch = async (session: ClientHttp2Session): Promise<ClientHttp2Stream> => {
    const stream = session.request({ ':path': watchPath })
    stream.on('error', () => undefined)
    await once(stream.resume(), 'data')
    return stream
  }

  const cuts: readonly (readonly [string, (session: ClientHttp2Session) => void])[] = [
    ['halfClose', () => void proxy.halfClose()],
    [
      'notHttp',
      (session) => {
        proxy.setRules({ name: 'cut', on: { verbs: ['list'] }, fault: { kind: 'notHttp' } })
        session.request({ ':path': '/api/v1/services' }).on('error', () => undefined)
      },
    ],
  ]
  for (const [kind, cut] of cuts) {
    test(`${kind}: they are not open any more, and the next watch meets the next rule`, async () => {
      const session = connect()
      const watches = await Promise.all([openWatch(session), openWatch(session)])
      const closed = watches.map((watch) => new Promise((resolve) => watch.once('close', resolve)))
      cut(session)
      await Promise.all(closed)
      assert.equal(proxy.open({ verbs: ['watch'] }), 0)

      const name = `gone after ${kind}`
      proxy.setRules({ name, on: { verbs: ['watch'] }, fault: { kind: 'errorEvent', status: 410 }, times: 1 })
      assert.equal(proxy.applied(name), 0)
      const next = connect()
      await once(await openWatch(next), 'end')
      assert.equal(proxy.applied(name), 1)
      proxy.setRules()
      session.destroy()
      next.destroy()
    })
  }

  test('what has ended, and is still on its way to a client, uses up no rule', async () => {
    const session = connect()
    const stalled = session.request({ ':path': watchPath })
    stalled.on('error', () => undefined)
    // Nothing is read: what the proxy sends stays on its way.
    await once(stalled, 'response')
    const fault = { kind: 'errorEvent', status: 410 } as const
    proxy.setRules({ name: 'first', fault, times: 1 })
    await eventually(
      'the watch has ended',
      () => proxy.applied('first'),
      (times) => assert.equal(times, 1),
    )
    proxy.setRules({ name: 'second', fault, times: 1 })
    assert.equal(proxy.applied('second'), 0)
    session.destroy()
  })
})
