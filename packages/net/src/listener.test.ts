import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ipv4, type Address } from '@holdfast/ip'
import { createVirtualClock } from '@holdfast/runtime'
import { listenForPeers, type ListenerEvent } from './listener.ts'
import { createSimulatedNetwork } from './simulated-network.ts'
import { NO_OPTIONS } from './tcp-transport-options.ts'
import { createSimulatedPeers, PORT, type SimulatedPeers } from './testing/simulated-peers.ts'
import type { Connection, Transport } from './transport.ts'

/** Cease/Connection Rejected (RFC 4486 section 4). */
const REJECTED = [...Array<number>(16).fill(0xff), 0, 21, 3, 6, 5]

interface Client {
  connection: Connection | undefined
  readonly replies: number[]
  closed: string | undefined
}

/** Dials B and says nothing. */
function connect(transport: Transport, peers: SimulatedPeers, from?: Address): Client {
  const client: Client = { connection: undefined, replies: [], closed: undefined }
  const to = { address: peers.addressB, port: PORT }
  transport.dial({ to, from: from && { address: from, port: 0 }, socket: undefined, timeoutMs: 1000 }, (result) => {
    assert.equal(result.kind, 'connected')
    client.connection = result.connection
    result.connection.attach({
      received: (bytes) => client.replies.push(...bytes),
      drained: () => undefined,
      closed: ({ code }) => (client.closed = code),
    })
  })
  return client
}

describe('a listener for peers', () => {
  it('refuses a stranger with 6/5, and tells so once a second at most [rfc4486-4-connection-rejected]', async () => {
    const peers = await createSimulatedPeers()
    peers.bringUp()
    const stranger = peers.network.host(ipv4(0xc0000263))
    const clients: Client[] = []
    for (let count = 0; count < 100; count += 1) {
      clients.push(connect(stranger, peers))
      // Two at once, and then the next second and a bit: as often as anybody may.
      if (count % 2 === 1) peers.clock.advance(2100)
    }
    peers.clock.advance(1000)
    assert.ok(clients.every(({ closed }) => closed === 'EOF'))
    assert.ok(clients.every(({ replies }) => replies.join() === REJECTED.join()))
    const told = peers.listenerEventsB
    assert.equal(told.length, 50)
    assert.ok(told.every((event) => event.kind === 'refused' && event.cause === 'unknownPeer'))
    connect(stranger, peers)
    peers.clock.advance(2000)
    const suppressed = told.reduce((sum, event) => sum + (event.kind === 'refused' ? event.suppressed : 0), 0)
    assert.equal(told.length + suppressed, 101)
    assert.ok(peers.isUp())
    await peers.end()
  })

  it('a source gets ten connections at once and then one a second; more are reset, and told once a second', async () => {
    const peers = await createSimulatedPeers()
    peers.bringUp()
    peers.clock.advance(60_000)
    const stranger = peers.network.host(ipv4(0xc0000263))
    const clients: Client[] = []
    for (let count = 0; count < 400; count += 1) {
      clients.push(connect(stranger, peers))
      clients.at(-1)!.connection?.abort()
      peers.clock.advance(50)
    }
    peers.clock.advance(5000)
    const answered = clients.filter(({ replies }) => replies.length > 0).length
    // 20 seconds of one a second beside the first ten.
    assert.ok(answered >= 29 && answered <= 31, `${answered} were answered`)
    assert.equal(clients.filter(({ closed }) => closed === 'ECONNRESET').length, 400 - answered)
    const told = peers.listenerEventsB.filter(
      (event) => event.kind === 'refused' && event.cause === 'tooManyConnections',
    )
    assert.ok(told.length >= 18 && told.length <= 21, `${told.length} events`)
    assert.ok(peers.isUp())
    await peers.end()
  })

  it("a thousand connections of a peer's address and no OPEN: its own dials and ours still make the session", async () => {
    const peers = await createSimulatedPeers()
    const impostor = peers.network.host(peers.addressA)
    peers.b.driver.start()
    const clients = Array.from({ length: 1000 }, () => connect(impostor, peers))
    peers.clock.advance(2000)
    assert.ok(clients.filter(({ closed }) => closed === undefined).length <= 8)
    peers.a.driver.start()
    assert.ok(peers.clock.runUntil(peers.isUp, 600_000))
    peers.clock.advance(300_000)
    assert.ok(peers.isUp())
    await peers.end()
  })

  it('a peer whose protection is not in force is refused, and the reason told', async () => {
    const clock = createVirtualClock(1_000_000)
    const network = createSimulatedNetwork({ clock, seed: 1 })
    const [near, far] = [ipv4(0xc0000201), ipv4(0xc0000202)]
    const at = { address: far, port: PORT }
    const events: ListenerEvent[] = []
    const match = (): never => assert.fail('nobody is asked for a driver')
    const transport = network.host(far)
    const observe = (event: ListenerEvent): void => void events.push(event)
    const result = await listenForPeers({ transport, clock, at, match, observe })
    assert.equal(result.kind, 'listening')
    const socket = { ...NO_OPTIONS, md5Password: 'x'.repeat(81) }
    const faults = result.listener.protect([{ address: near, socket }])
    assert.equal(faults.length, 1)
    const host = network.host(near)
    for (let count = 0; count < 20; count += 1) {
      host.dial({ to: at, from: undefined, timeoutMs: 1000, socket: undefined }, () => undefined)
    }
    clock.advance(500)
    const [event, ...more] = events
    assert.deepEqual(more, [])
    assert.equal(event?.kind, 'refused')
    assert.deepEqual([event.cause, event.detail, event.remote.address], ['unprotected', faults[0]?.fault.message, near])
    assert.ok(!JSON.stringify(event).includes('xxx'))
  })

  it('keeps few connections of strangers that do not go away, and the peers do not suffer', async () => {
    const peers = await createSimulatedPeers()
    peers.bringUp()
    peers.clock.advance(1000)
    const stranger = peers.network.host(ipv4(0xc0000263))
    const clients = Array.from({ length: 1000 }, () => connect(stranger, peers))
    peers.clock.advance(5000)
    // The first ones get their NOTIFICATION, and for as long as they linger the others no more than a reset.
    assert.ok(clients.filter(({ closed }) => closed === 'ECONNRESET').length > 950)
    assert.ok(peers.listenerEventsB.some((event) => event.kind === 'refused' && event.cause === 'unknownPeer'))
    assert.equal(peers.network.openEnds(), 2, 'only the session is left')
    assert.ok(peers.isUp())
    await peers.end()
  })

  it("keeps one connection without an OPEN from a peer's address and refuses the rest, and the session still comes up", async () => {
    const peers = await createSimulatedPeers({ b: { isPassive: true } })
    peers.b.driver.start()
    const impostor = peers.network.host(peers.addressA)
    const clients = Array.from({ length: 1000 }, () => connect(impostor, peers))
    peers.clock.advance(5000)
    const alive = clients.filter(({ closed }) => closed === undefined)
    assert.equal(alive.length, 1)
    const refused = peers.b.events.filter(({ event }) => event.kind === 'refused')
    assert.equal(refused.length, 1, 'told once')
    alive[0]!.connection!.abort()
    peers.a.driver.start()
    assert.ok(peers.clock.runUntil(peers.isUp, 600_000))
    await peers.end()
  })

  it('a peer that is stopped refuses connections', async () => {
    const peers = await createSimulatedPeers()
    const impostor = peers.network.host(peers.addressA)
    const client = connect(impostor, peers)
    peers.clock.advance(1000)
    assert.equal(client.closed, 'EOF')
    assert.deepEqual(client.replies, REJECTED)
    assert.equal(peers.b.state(), 'idle')
    await peers.end()
  })

  it('a second connection of an Established peer is refused and the session lives', async () => {
    const peers = await createSimulatedPeers({ b: { isPassive: true } })
    peers.bringUp()
    const client = connect(peers.network.host(peers.addressA), peers)
    peers.clock.advance(1000)
    assert.equal(client.closed, 'EOF')
    assert.deepEqual(client.replies, REJECTED)
    assert.ok(peers.isUp())
    await peers.end()
  })
})
