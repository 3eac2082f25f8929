import { plainSession } from '@holdfast/bgp'
import { ipv4 } from '@holdfast/ip'
import type { Connection } from '@holdfast/net'
import { createPeerDriver, createSimulatedNetwork } from '@holdfast/net'
import { createVirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Event } from '../events.ts'
import { startRouter } from './router.ts'

const at = { address: ipv4(0x0a000001), port: 179 }

interface Client {
  readonly connection: Connection
  readonly received: () => number
  readonly isClosed: () => boolean
}

async function startWorld() {
  const clock = createVirtualClock()
  const network = createSimulatedNetwork({ clock, seed: 1 })
  const events: Event[] = []
  const start = await startRouter({
    listen: at,
    asn: 64_500,
    transport: network.host(at.address),
    clock,
    report: (event) => events.push(event),
  })
  assert.equal(start.kind, 'running')

  /** Connects from an address of its own and returns the connection, and what came over it. */
  const connect = (index: number, waitMs = 100): Client => {
    let connection: Connection | undefined
    let bytes = 0
    let isClosed = false
    network
      .host(ipv4(0x0a010000 + index))
      .dial({ to: at, from: undefined, socket: undefined, timeoutMs: 10_000 }, (result) => {
        assert.equal(result.kind, 'connected')
        connection = result.connection
        const nothing = (): void => undefined
        const closed = (): void => void (isClosed = true)
        connection.attach({ received: (chunk) => (bytes += chunk.length), drained: nothing, closed })
      })
    clock.advance(waitMs)
    assert.ok(connection)
    return { connection, received: () => bytes, isClosed: () => isClosed }
  }

  const stop = async (): Promise<void> => {
    const stopped = start.router.stop()
    clock.advance(5000)
    await stopped
  }
  return { clock, network, events, connect, stop }
}

test('a thousand strangers that hang up before their OPEN take no place from those who come later', async () => {
  const { clock, events, connect, stop } = await startWorld()
  for (let index = 0; index < 1001; index += 1) {
    connect(index).connection.close(0)
    clock.advance(100)
  }
  const late = connect(5000)
  assert.ok(late.received() >= 29, 'the router sends it an OPEN')
  assert.ok(!events.some(({ event }) => event === 'refusedConnection'))
  await stop()
})

test('nor do a thousand whose last connection is reset by the limits', async () => {
  const { clock, events, connect, stop } = await startWorld()
  for (let index = 0; index < 1001; index += 1) {
    for (let time = 0; time < 13; time += 1) {
      connect(index, 50).connection.abort()
      clock.advance(50)
    }
  }
  clock.advance(20_000)
  assert.ok(events.some(({ event }) => event === 'refusedConnection'))
  const late = connect(5000)
  assert.ok(late.received() >= 29, 'the router sends it an OPEN')
  await stop()
})

test('of a thousand silent ones the oldest makes room, and no session does', async () => {
  const { clock, network, events, connect, stop } = await startWorld()
  const address = ipv4(0x0a020000)
  const driver = createPeerDriver({
    config: {
      ...plainSession,
      localAsn: 64_600,
      remoteAsn: 64_500,
      routerId: 1,
      holdTimeSeconds: 0,
      families: ['ipv4'],
    },
    remote: at,
    local: undefined,
    socket: undefined,
    isRestarting: false,
    record: undefined,
    transport: network.host(address),
    clock,
    observe: () => undefined,
  })
  driver.start()
  clock.advance(10_000)
  assert.equal(driver.snapshot().state, 'established')
  const silent = Array.from({ length: 999 }, (_, index) => connect(index, 50))
  clock.advance(100)
  assert.ok(silent.every(({ isClosed }) => !isClosed()))
  const late = connect(5000)
  assert.ok(late.received() >= 29, 'the router sends it an OPEN')
  clock.advance(2000)
  assert.deepEqual([silent[0]?.isClosed(), silent[1]?.isClosed(), late.isClosed()], [true, false, false])
  assert.ok(events.some((event) => event.event === 'neighbor' && event.reason === 'replaced'))
  assert.equal(driver.snapshot().state, 'established')
  const stopped = driver.stop('administrativeShutdown')
  await stop()
  await stopped
})
