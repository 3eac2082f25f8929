import assert from 'node:assert/strict'
import net from 'node:net'
import { once } from 'node:events'
import { it } from 'node:test'
import { ipv4, ipv6 } from '@holdfast/ip'
import { createVirtualClock } from '@holdfast/runtime'
import { createTcpTransport } from './tcp-transport.ts'
import { describeTransportContract } from './testing/transport-contract.ts'
import { until, settle } from './testing/real-time.ts'
import type { Connection } from './transport.ts'

const LOOPBACK = ipv4(0x7f000001)

const hosts = {
  // TEST-NET-1 (RFC 5737).
  IPv4: { nearAddress: ipv4(0x7f000003), farAddress: ipv4(0x7f000002), foreignAddress: ipv4(0xc0000201) },
  // RFC 3849.
  IPv6: { nearAddress: ipv6(1n), farAddress: ipv6(1n), foreignAddress: ipv6(0x2001_0db8n << 96n) },
}

for (const [family, addresses] of Object.entries(hosts)) {
  describeTransportContract(`createTcpTransport over ${family}`, () => {
    const clock = createVirtualClock()
    const transport = createTcpTransport(clock)
    return { near: transport, far: transport, ...addresses, pass: (ms) => clock.advance(ms), until, settle }
  })
}

it('IPv4 that reaches an IPv6 socket is told as IPv4', async (t) => {
  const transport = createTcpTransport()
  const accepted: Connection[] = []
  const listening = await transport.listen(
    { address: ipv6(0n), port: 0 },
    {
      accepted: (connection) => {
        connection.attach({ received: () => undefined, drained: () => undefined, closed: () => undefined })
        accepted.push(connection)
      },
      faulted: (fault) => assert.fail(fault.message),
    },
  )
  assert.equal(listening.kind, 'listening')
  const client = net.connect({ host: '127.0.0.1', port: listening.listener.local.port })
  t.after(() => {
    client.destroy()
    listening.listener.stop()
  })
  await once(client, 'connect')
  await until(() => accepted.length > 0)
  assert.deepEqual([accepted[0]!.local.address, accepted[0]!.remote.address], [LOOPBACK, LOOPBACK])
})

it('a client that resets as soon as it is connected costs nothing but itself', async (t) => {
  const transport = createTcpTransport()
  const faults: string[] = []
  const listening = await transport.listen(
    { address: LOOPBACK, port: 0 },
    {
      accepted: (connection) =>
        connection.attach({
          received: () => undefined,
          drained: () => undefined,
          closed: ({ code }) => faults.push(code),
        }),
      faulted: (fault) => assert.fail(fault.message),
    },
  )
  assert.equal(listening.kind, 'listening')
  const { listener } = listening
  t.after(() => listener.stop())
  const { port } = listener.local
  for (let count = 0; count < 50; count += 1) {
    const client = net.connect({ host: '127.0.0.1', port })
    await once(client, 'connect')
    client.resetAndDestroy()
  }
  const last = net.connect({ host: '127.0.0.1', port })
  await once(last, 'connect')
  last.end()
  await until(() => faults.includes('EOF'))
})

it('a close does not reset a client that still has to read and goes on writing', async (t) => {
  const transport = createTcpTransport()
  const closed: string[] = []
  const listening = await transport.listen(
    { address: LOOPBACK, port: 0 },
    {
      accepted: (connection) => {
        connection.attach({
          received: () => undefined,
          drained: () => undefined,
          closed: ({ code }) => closed.push(code),
        })
        connection.send(new TextEncoder().encode('last words'))
        connection.close(10_000)
      },
      faulted: (fault) => assert.fail(fault.message),
    },
  )
  assert.equal(listening.kind, 'listening')
  const client = net.connect({ host: '127.0.0.1', port: listening.listener.local.port, allowHalfOpen: true })
  t.after(() => {
    client.destroy()
    listening.listener.stop()
  })
  const ends: string[] = []
  client.on('end', () => ends.push('end'))
  client.on('error', ({ message }) => ends.push(message))
  client.pause()
  await once(client, 'connect')
  for (let count = 0; count < 20; count += 1) {
    client.write(new Uint8Array(10_000))
    await settle()
  }
  let text = ''
  client.on('data', (chunk: Buffer) => (text += chunk.toString()))
  client.resume()
  await until(() => ends.length > 0)
  assert.deepEqual([text, ends], ['last words', ['end']])
  client.end()
  await until(() => closed.length > 0)
  assert.deepEqual(closed, ['CLOSED'])
})
