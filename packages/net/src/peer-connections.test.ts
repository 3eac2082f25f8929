import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { PeerInput } from '@holdfast/bgp'
import { ipv4 } from '@holdfast/ip'
import { createVirtualClock } from '@holdfast/runtime'
import { PeerConnections } from './peer-connections.ts'
import { configOf } from './testing/simulated-peers.ts'
import type { Connection, ConnectionFault, ConnectionHandler, DialResult, SocketOptions } from './transport.ts'
import { ceaseBytes, Traffic } from './wire.ts'

/** A connection that only writes down what is done to it. */
interface PaperConnection extends Connection {
  readonly deeds: string[]
  readonly handler: () => ConnectionHandler
}

/** `fault`: what changing its protection leads to. */
function paperConnection(fault?: ConnectionFault): PaperConnection {
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
    pause: (isPaused) => deeds.push(isPaused ? 'pause' : 'resume'),
    secure: () => fault,
  }
}

const never = (): boolean => false

function create(): {
  connections: PeerConnections
  inputs: PeerInput[]
  sockets: (SocketOptions | undefined)[]
  answerDial: (result: DialResult) => void
  stoppedDials: () => number
} {
  const inputs: PeerInput[] = []
  const sockets: (SocketOptions | undefined)[] = []
  let done: (result: DialResult) => void = () => assert.fail('no dial')
  let stopped = 0
  const connections = new PeerConnections({
    driver: {
      config: configOf(),
      remote: { address: ipv4(2), port: 179 },
      local: undefined,
      socket: undefined,
      isRestarting: false,
      record: undefined,
      clock: createVirtualClock(),
      observe: () => undefined,
      transport: {
        dial: (options, answer) => {
          sockets.push(options.socket)
          done = answer
          return { stop: () => (stopped += 1) }
        },
        listen: () => assert.fail('listens'),
        obstacle: () => undefined,
      },
    },
    traffic: { received: new Traffic(), sent: new Traffic() },
    happened: (input) => inputs.push(input),
    woken: () => {
      for (const { input } of connections.read(never)) inputs.push(input)
    },
  })
  return { connections, inputs, sockets, answerDial: (result) => done(result), stoppedDials: () => stopped }
}

const KEEPALIVE = [...Array<number>(16).fill(0xff), 0, 19, 4]
const keepalives = (count: number): Uint8Array => Uint8Array.from(Array(count).fill(KEEPALIVE).flat())

it('all messages of one step go out in one piece, before the connection is closed', () => {
  const { connections } = create()
  const connection = paperConnection()
  connections.adopt('passive', connection)
  for (let count = 0; count < 124; count += 1) connections.wire('passive').write({ kind: 'keepalive' })
  connections.flush(never)
  connections.flush(never)
  connections.wire('passive').write({ kind: 'keepalive' })
  connections.hangUp('passive')
  connections.flush(never)
  connections.flush(never)
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

it('an abrupt end is a reset: nothing of what was written goes out', () => {
  const { connections } = create()
  const connection = paperConnection()
  connections.adopt('passive', connection)
  connections.wire('passive').write({ kind: 'keepalive' })
  connections.abort('passive')
  connections.flush(never)
  assert.deepEqual(connection.deeds, ['abort'])
  assert.equal(connections.isClosing, true)
  connection.handler().closed({ code: 'ABORTED', message: 'reset' })
  assert.equal(connections.isClosing, false)
})

it('the end of a connection comes behind the last message that was received on it', () => {
  const { connections, inputs } = create()
  const connection = paperConnection()
  connections.adopt('passive', connection)
  inputs.length = 0
  connection.handler().received(keepalives(3))
  connection.handler().closed({ code: 'EOF', message: 'gone' })
  assert.deepEqual(
    inputs.map(({ kind }) => kind),
    ['received', 'received', 'received', 'disconnected'],
  )
})

it('other keys are for open connections and for those to come; one that cannot take them ends, and says why', () => {
  const { connections, inputs, sockets } = create()
  const fault = { code: 'EINVAL', message: 'the key cannot be set' }
  const [willing, unwilling] = [paperConnection(), paperConnection(fault)]
  connections.adopt('active', willing)
  connections.adopt('passive', unwilling)
  inputs.length = 0
  const socket = { md5Password: 'a', tcpAo: undefined, ttl: undefined, minimumTtl: undefined, device: undefined }
  connections.secure(socket)
  assert.deepEqual([willing.deeds, unwilling.deeds], [[], ['abort']])
  assert.deepEqual(inputs, [{ kind: 'disconnected', role: 'passive', ...fault }])
  connections.hangUp('active')
  connections.dial()
  assert.deepEqual(sockets, [socket])
})
