import { decodeMessage, encodeMessage, initialContext, type Message } from '@holdfast/bgp'
import { ipv4 } from '@holdfast/ip'
import { createVirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createPeerDriver } from './driver.ts'
import { routesOf } from './testing/simulated-peers.ts'
import type { Connection, ConnectionHandler, Transport } from './transport.ts'

const context = { ...initialContext, isFourOctetAs: true }
const local = { address: ipv4(0x0a000001), port: 179 }
const remote = { address: ipv4(0x0a000002), port: 40_000 }

/** A connection whose other end is this test, which says how much of what was sent is still pending. */
class HandFedConnection implements Connection {
  readonly local = local
  readonly remote = remote
  pending = 0
  sentUpdates = 0
  #handler: ConnectionHandler | undefined

  attach(handler: ConnectionHandler): void {
    this.#handler = handler
  }

  pendingBytes(): number {
    return this.pending
  }

  /** Counts the UPDATEs in what one task sent: all messages of it come together. */
  send(bytes: Uint8Array): void {
    for (let start = 0; start < bytes.length;) {
      const end = start + new DataView(bytes.buffer, bytes.byteOffset).getUint16(start + 16)
      const decoded = decodeMessage(bytes.subarray(start, end), context)
      if (decoded.ok && decoded.message.kind === 'update') this.sentUpdates += 1
      start = end
    }
  }

  close(): void {
    this.#handler?.closed({ code: 'CLOSED', message: 'closed' })
  }

  abort(): void {
    this.close()
  }

  receive(message: Message): void {
    this.#handler?.received(encodeMessage(message, context))
  }

  drain(): void {
    this.pending = 0
    this.#handler?.drained()
  }
}

const noTransport: Transport = {
  dial: () => ({ stop: () => undefined }),
  listen: () => Promise.reject(new Error('Nothing listens here')),
}

it('a peer that takes nothing and asks for all routes again and again gets them once, when it takes something', async () => {
  const clock = createVirtualClock()
  const driver = createPeerDriver({
    config: {
      localAsn: 65_001,
      remoteAsn: 65_002,
      routerId: 1,
      holdTimeSeconds: 0,
      keepaliveSeconds: undefined,
      connectRetrySeconds: 30,
      isPassive: true,
      delayOpenSeconds: 0,
      families: ['ipv4'],
      seed: 1,
    },
    remote,
    local: undefined,
    transport: noTransport,
    clock,
    observe: () => undefined,
  })
  driver.start()
  driver.setRoutes(routesOf(0, 5000))
  const connection = new HandFedConnection()
  assert.ok(driver.accept(connection))
  connection.receive({
    kind: 'open',
    version: 4,
    asn: 65_002,
    holdTimeSeconds: 0,
    routerId: 2,
    capabilities: [
      { kind: 'multiprotocol', afi: 1, safi: 1 },
      { kind: 'routeRefresh' },
      { kind: 'fourOctetAs', asn: 65_002 },
    ],
  })
  connection.receive({ kind: 'keepalive' })
  assert.equal(driver.snapshot().state, 'established')
  const once = connection.sentUpdates
  assert.ok(once > 5)

  connection.pending = 2_000_000
  for (let second = 0; second < 60; second += 1) {
    connection.receive({ kind: 'routeRefresh', afi: 1, subtype: 0, safi: 1 })
    clock.advance(1000)
  }
  assert.equal(connection.sentUpdates, once, 'nothing is added to what waits')
  connection.drain()
  clock.advance(5000)
  // All routes once more, without another End-of-RIB.
  assert.equal(connection.sentUpdates, 2 * once - 1)
  assert.equal(driver.snapshot().state, 'established')
  await driver.stop('administrativeShutdown')
})
