import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { PeerInput } from '@holdfast/bgp'
import { ipv4 } from '@holdfast/ip'
import { createVirtualClock } from '@holdfast/runtime'
import { PeerConnections } from './peer-connections.ts'
import { configOf } from './testing/simulated-peers.ts'
import type { Connection, ConnectionHandler, DialResult } from './transport.ts'
import { ceaseBytes, Traffic } from './wire.ts'

/** A connection that only writes down what is done to it. */
interface PaperConnection extends Connection {
  readonly deeds: string[]
  readonly handler: () => ConnectionHandler
}

function paperConnection(): PaperConnection {
  const deeds: string[] = []
  let attached: ConnectionHandler | undefined
  return {
    deeds,
    handler: () => attached!,
    local: { address: ipv4(1), port: 1 },
    remote: { address: ipv4(2), port: 2 },
    pendingBytes: () => 5,
    attach: (handler) => (attached = handler),
    send: ({ length }) => deeds.push(`send ${length}`),
    close: () => deeds.push('close'),
    abort: () => deeds.push('abort'),
  }
}

function create(): {
  connections: PeerConnections
  inputs: PeerInput[]
  answerDial: (result: DialResult) => void
  stoppedDials: () => number
} {
  const inputs: PeerInput[] = []
  let done: (result: DialResult) => void = () => assert.fail('no dial')
  let stopped = 0
  const connections = new PeerConnections({
    driver: {
      config: configOf(),
      remote: { address: ipv4(2), port: 179 },
      local: undefined,
      clock: createVirtualClock(),
      observe: () => undefined,
      transport: {
        dial: (_options, answer) => {
          done = answer
          return { stop: () => (stopped += 1) }
        },
        listen: () => assert.fail('listens'),
      },
    },
    traffic: { received: new Traffic(), sent: new Traffic() },
    happened: (happened) => inputs.push(...happened()),
  })
  return { connections, inputs, answerDial: (result) => done(result), stoppedDials: () => stopped }
}

it('all messages of one step go out in one piece, before the connection is closed', () => {
  const { connections } = create()
  const connection = paperConnection()
  connections.adopt('passive', connection)
  for (let count = 0; count < 124; count += 1) connections.wire('passive').write({ kind: 'keepalive' })
  connections.flush()
  connections.flush()
  connections.wire('passive').write({ kind: 'keepalive' })
  connections.hangUp('passive')
  assert.deepEqual(connection.deeds, [`send ${124 * 19}`, 'send 19', 'close'])
})

it('the late end of a connection that was hung up does not touch the one that followed it', () => {
  const { connections, inputs } = create()
  const [first, second] = [paperConnection(), paperConnection()]
  connections.adopt('passive', first)
  connections.hangUp('passive')
  assert.equal(connections.isClosing, true)
  connections.adopt('passive', second)
  inputs.length = 0
  first.handler().closed({ code: 'CLOSED', message: 'closed' })
  assert.deepEqual(inputs, [])
  assert.deepEqual([connections.isClosing, connections.has('passive')], [false, true])
  second.handler().closed({ code: 'EOF', message: 'gone' })
  assert.deepEqual(inputs, [{ kind: 'disconnected', role: 'passive', code: 'EOF', message: 'gone' }])
  assert.equal(connections.has('passive'), false)
})

it('a new dial ends the one before, and a connection that was dialled is hung up for it', () => {
  const { connections, answerDial, stoppedDials } = create()
  connections.dial()
  connections.dial()
  assert.equal(stoppedDials(), 1)
  const connection = paperConnection()
  answerDial({ kind: 'connected', connection })
  assert.equal(connections.pendingBytes(), 5)
  connections.dial()
  assert.deepEqual(connection.deeds, ['close'])
})

it('an abandoned connection gets its last bytes and nothing of what was being written', () => {
  const { connections, stoppedDials } = create()
  const connection = paperConnection()
  connections.adopt('passive', connection)
  connections.dial()
  connections.wire('passive').write({ kind: 'keepalive' })
  connections.abandon(ceaseBytes(0))
  assert.deepEqual(connection.deeds, ['send 21', 'close'])
  assert.equal(stoppedDials(), 1)
})

it('the session machine is not allowed to use a connection that is not there', () => {
  const { connections } = create()
  assert.throws(() => connections.wire('active'), /the active connection, which is not open/)
})
