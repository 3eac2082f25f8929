import assert from 'node:assert/strict'
import {
  decodeMessage,
  encodeMessage,
  initialContext,
  type CodecContext,
  type Message,
  type PeerConfig,
} from '@holdfast/bgp'
import { ipv4 } from '@holdfast/ip'
import { createVirtualClock, type VirtualClock } from '@holdfast/runtime'
import { createPeerDriver } from '../driver.ts'
import type { PeerDriver, PeerEvent } from '../driver-types.ts'
import type { RecordEntry } from '../recording.ts'
import type { Connection, ConnectionHandler, Transport } from '../transport.ts'
import { configOf } from './simulated-peers.ts'

const CONTEXT: CodecContext = { ...initialContext, isFourOctetAs: true, families: ['ipv4'] }

/** A connection whose other end is a test, which says how much of what was sent is pending. */
export class HandFedConnection implements Connection {
  readonly local = { address: ipv4(0x0a000001), port: 179 }
  readonly remote = { address: ipv4(0x0a000002), port: 40_000 }
  readonly device = undefined
  pending = 0
  /** False: what is sent from here on is pending. */
  isTaking = true
  isPaused = false
  sentBytes = 0
  readonly sent: Message[] = []
  /** `close` or `abort`, by whoever did it. */
  ended: string | undefined
  #handler: ConnectionHandler | undefined

  attach(handler: ConnectionHandler): void {
    this.#handler = handler
  }

  pendingBytes(): number {
    return this.pending
  }

  send(bytes: Uint8Array): void {
    this.sentBytes += bytes.length
    if (!this.isTaking) this.pending += bytes.length
    for (let start = 0; start < bytes.length;) {
      const end = start + new DataView(bytes.buffer, bytes.byteOffset).getUint16(start + 16)
      const decoded = decodeMessage(bytes.subarray(start, end), CONTEXT)
      assert.ok(decoded.ok)
      this.sent.push(decoded.message)
      start = end
    }
  }

  sentOf(kind: Message['kind']): number {
    return this.sent.filter((message) => message.kind === kind).length
  }

  close(): void {
    this.#end('close', 'CLOSED')
  }

  abort(): void {
    this.#end('abort', 'ABORTED')
  }

  pause(isPaused: boolean): void {
    this.isPaused = isPaused
  }

  secure(): undefined {
    return undefined
  }

  receive(...messages: readonly Message[]): void {
    this.receiveBytes(Buffer.concat(messages.map((message) => encodeMessage(message, CONTEXT))))
  }

  receiveBytes(bytes: Uint8Array): void {
    this.#handler?.received(bytes)
  }

  drain(): void {
    this.pending = 0
    this.isTaking = true
    this.#handler?.drained()
  }

  #end(ended: string, code: string): void {
    if (this.ended !== undefined) return
    this.ended = ended
    this.#handler?.closed({ code, message: code })
  }
}

const noTransport: Transport = {
  dial: () => ({ stop: () => undefined }),
  listen: () => Promise.reject(new Error('Nothing listens here')),
  obstacle: () => undefined,
}

/** A passive driver with its session to a hand-fed peer, which is Established unless told otherwise. */
export interface HandFedPeer {
  readonly clock: VirtualClock
  readonly driver: PeerDriver
  readonly connection: HandFedConnection
  readonly events: PeerEvent[]
}

export function createHandFedPeer(
  config: Partial<PeerConfig> = {},
  record?: (entry: RecordEntry) => void,
): HandFedPeer {
  const clock = createVirtualClock(1000)
  const events: PeerEvent[] = []
  const driver = createPeerDriver({
    config: configOf({ isPassive: true, families: ['ipv4'], ...config }),
    remote: { address: ipv4(0x0a000002), port: 179 },
    local: undefined,
    socket: undefined,
    isRestarting: false,
    record,
    transport: noTransport,
    clock,
    observe: (event) => void events.push(event),
  })
  driver.start()
  const connection = new HandFedConnection()
  assert.ok(driver.accept(connection))
  connection.receive(openOf(configOf(config).holdTimeSeconds), { kind: 'keepalive' })
  assert.equal(driver.snapshot().state, 'established')
  return { clock, driver, connection, events }
}

export const openOf = (holdTimeSeconds: number): Message => ({
  kind: 'open',
  version: 4,
  asn: 65_002,
  holdTimeSeconds,
  routerId: 2,
  capabilities: [
    { kind: 'multiprotocol', afi: 1, safi: 1 },
    { kind: 'routeRefresh' },
    { kind: 'fourOctetAs', asn: 65_002 },
  ],
})
