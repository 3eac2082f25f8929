import assert from 'node:assert/strict'
import net from 'node:net'
import { once } from 'node:events'
import { it } from 'node:test'
import { ipv4 } from '@holdfast/ip'
import { systemClock } from '@holdfast/runtime'
import { listenForPeers } from './listener.ts'
import { createTcpTransport } from './tcp-transport.ts'
import { until } from './testing/real-time.ts'
import { configOf, createSpeaker, prefixesOf, routesOf, type Speaker } from './testing/simulated-peers.ts'

const A = ipv4(0x7f000002)
const B = ipv4(0x7f000003)

it('two drivers exchange routes over TCP, and a stop says goodbye', async (t) => {
  const clock = systemClock()
  const transport = createTcpTransport(clock)
  const speakers: Speaker[] = []
  const listening = await listenForPeers({
    transport,
    clock,
    at: { address: B, port: 0 },
    match: () => speakers[0]?.driver,
    observe: (event) => assert.fail(event.kind),
  })
  assert.equal(listening.kind, 'listening')
  const { listener } = listening
  t.after(async () => {
    listener.stop()
    await Promise.all(speakers.map(({ driver }) => driver.stop('administrativeShutdown')))
  })
  const b = createSpeaker({
    config: configOf({ localAsn: 65002, remoteAsn: 65001, routerId: 2, isPassive: true }),
    transport,
    clock,
    local: undefined,
    remote: { address: A, port: listener.local.port },
  })
  speakers.push(b)
  const a = createSpeaker({
    config: configOf({ routerId: 1 }),
    transport,
    clock,
    local: { address: A, port: 0 },
    remote: listener.local,
  })
  speakers.push(a)
  const routes = routesOf(0, 20_000)
  a.driver.setRoutes(routes)
  b.driver.start()
  a.driver.start()
  await until(() => b.learned.size === routes.length)
  assert.deepEqual([...b.learned.keys()].sort(), prefixesOf(routes))
  assert.equal(b.learned.get('10.0.0.1/32'), '127.0.0.2 igp -')
  assert.deepEqual([a.state(), b.state()], ['established', 'established'])
  // The End-of-RIB markers come last.
  await until(() => b.driver.snapshot().endOfRibReceived.length === 2)
  assert.deepEqual(a.driver.snapshot().sent, b.driver.snapshot().received)

  a.driver.setRoutes(routes.slice(0, 5))
  await until(() => b.learned.size === 5)
  await a.driver.stop('administrativeShutdown')
  await until(() => b.state() !== 'established')
  assert.deepEqual(b.notifications('received'), ['6/2'])
})

it('a NOTIFICATION reaches also a peer that does not stop talking', async (t) => {
  const clock = systemClock()
  const received: Buffer[] = []
  const server = net.createServer((socket) => {
    socket.on('data', (chunk) => received.push(chunk))
    const talk = (): void => {
      if (!socket.destroyed) socket.write(new Uint8Array(1000).fill(0xff), () => setImmediate(talk))
    }
    talk()
    socket.on('error', () => socket.destroy())
  })
  server.listen(0, '127.0.0.3')
  await once(server, 'listening')
  const bound = server.address()
  assert.ok(bound !== null && typeof bound !== 'string')
  const talker = createSpeaker({
    config: configOf({ holdTimeSeconds: 0 }),
    transport: createTcpTransport(clock),
    clock,
    local: undefined,
    remote: { address: B, port: bound.port },
  })
  t.after(async () => {
    await talker.driver.stop('administrativeShutdown')
    server.close()
  })
  talker.driver.start()
  // A thousand octets of 0xff are a length of 65,535 behind a good marker: 1/2 with that length (RFC 4271 section 6.1).
  await until(() =>
    Buffer.concat(received)
      .subarray(-4)
      .equals(Buffer.of(1, 2, 0xff, 0xff)),
  )
  assert.deepEqual(talker.notifications('sent'), ['1/2'])
})
