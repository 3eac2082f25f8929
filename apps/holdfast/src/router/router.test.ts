import { ipv4 } from '@holdfast/ip'
import type { Connection } from '@holdfast/net'
import { createSimulatedNetwork } from '@holdfast/net'
import { createVirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Event } from '../events.ts'
import { startRouter } from './router.ts'

const at = { address: ipv4(0x0a000001), port: 179 }

test('a thousand strangers that hang up before their OPEN take no place from those who come later', async () => {
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
  const connect = (index: number): { readonly connection: Connection; readonly received: () => number } => {
    let connection: Connection | undefined
    let bytes = 0
    network
      .host(ipv4(0x0a010000 + index))
      .dial({ to: at, from: undefined, socket: undefined, timeoutMs: 10_000 }, (result) => {
        assert.equal(result.kind, 'connected')
        connection = result.connection
        const nothing = (): void => undefined
        connection.attach({ received: (chunk) => (bytes += chunk.length), drained: nothing, closed: nothing })
      })
    clock.advance(100)
    assert.ok(connection)
    return { connection, received: () => bytes }
  }
  for (let index = 0; index < 1001; index += 1) {
    connect(index).connection.close(0)
    clock.advance(100)
  }
  const late = connect(5000)
  assert.ok(late.received() >= 29, 'the router sends it an OPEN')
  assert.ok(!events.some(({ event }) => event === 'refusedConnection'))
  const stopped = start.router.stop()
  clock.advance(5000)
  await stopped
})
