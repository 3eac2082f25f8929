import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeMessage, initialContext, type UpdateMessage } from '@holdfast/bgp'
import { HandFedConnection } from './testing/hand-fed-peer.ts'
import { Traffic, Wire, type Incoming } from './wire.ts'

const KEEPALIVE = encodeMessage({ kind: 'keepalive' }, initialContext)
const keepalives = (count: number): Uint8Array => Buffer.concat(Array<Uint8Array>(count).fill(KEEPALIVE))

function createWire(): { wire: Wire; connection: HandFedConnection } {
  const connection = new HandFedConnection()
  return { wire: new Wire(connection, { received: new Traffic(), sent: new Traffic() }), connection }
}

/** Takes up to so many messages. */
function take(wire: Wire, count: number): readonly Incoming[] {
  const taken: Incoming[] = []
  for (const incoming of wire.read()) if (taken.push(incoming) === count) break
  return taken
}

describe('what is received', () => {
  it('may be read in parts: nothing is lost, doubled or changed in order', () => {
    const { wire } = createWire()
    const codes = Array.from({ length: 1000 }, (_, index) => index % 251)
    const bytes = Buffer.concat(
      codes.map((code) =>
        encodeMessage({ kind: 'notification', code, subcode: 0, data: new Uint8Array(code) }, initialContext),
      ),
    )
    const read: number[] = []
    for (let at = 0; at < bytes.length; at += 777) {
      wire.receive(bytes.subarray(at, at + 777))
      for (const incoming of take(wire, 3)) {
        assert.ok(incoming.kind === 'received' && incoming.message.kind === 'notification')
        read.push(incoming.message.code)
      }
    }
    for (const incoming of take(wire, Infinity)) {
      assert.ok(incoming.kind === 'received' && incoming.message.kind === 'notification')
      read.push(incoming.message.code)
    }
    assert.deepEqual(read, codes)
    assert.equal(wire.hasUnread, false)
  })

  it('stops being read from the system where much waits, and goes on when half of it is read', () => {
    const { wire, connection } = createWire()
    const chunk = keepalives(3449)
    for (let chunks = 0; chunks < 4; chunks += 1) wire.receive(chunk)
    assert.equal(connection.isPaused, false, `${4 * chunk.length} octets are not too many`)
    wire.receive(chunk)
    assert.equal(connection.isPaused, true)
    take(wire, 3449 * 2)
    assert.equal(connection.isPaused, true)
    take(wire, 3449 * 2)
    assert.equal(connection.isPaused, false)
  })

  it('is paused as well by tiny chunks, which cost more than their octets', () => {
    const { wire, connection } = createWire()
    for (let octets = 0; octets < 600; octets += 1) wire.receive(Uint8Array.of(0xff))
    assert.equal(connection.isPaused, true)
  })

  it('of a connection that is closed is read by the system to its end', () => {
    const { wire, connection } = createWire()
    wire.receive(keepalives(20_000))
    assert.equal(connection.isPaused, true)
    wire.close(1000)
    assert.deepEqual([connection.isPaused, connection.ended], [false, 'close'])
  })

  it('is unread until it was looked at; an unfinished message is not', () => {
    const { wire } = createWire()
    wire.receive(keepalives(2))
    const isUnread = wire.unreadOfNow()
    take(wire, 1)
    assert.deepEqual([isUnread(), wire.hasUnread], [true, true])
    wire.receive(KEEPALIVE.subarray(0, 10))
    take(wire, Infinity)
    assert.deepEqual([isUnread(), wire.hasUnread], [false, false])
  })

  it('behind octets that are no message is thrown away, and no more is kept', () => {
    const { wire, connection } = createWire()
    wire.receive(Buffer.concat([KEEPALIVE, new Uint8Array(300_000)]))
    assert.equal(connection.isPaused, true)
    assert.deepEqual(
      take(wire, Infinity).map(({ kind, bytes }) => [kind, bytes?.length]),
      [
        ['received', 19],
        ['faulted', undefined],
      ],
    )
    assert.deepEqual([connection.isPaused, wire.hasUnread], [false, false])
    wire.receive(new Uint8Array(300_000))
    assert.deepEqual([connection.isPaused, wire.hasUnread], [false, false])
  })
})

describe('what is sent', () => {
  const never = (): boolean => false
  const update: UpdateMessage = { kind: 'update', withdrawn: [], announced: undefined, endOfRib: 'ipv4', faults: [] }

  it('is handed over in pieces, and stops in between when the time is over', () => {
    const { wire, connection } = createWire()
    for (let count = 0; count < 100; count += 1) wire.write(update)
    let asked = 0
    wire.flush(() => (asked += 1) >= 30)
    assert.deepEqual([connection.sent.length, wire.hasUnsent()], [30, true])
    wire.flush(never)
    assert.deepEqual([connection.sent.length, wire.hasUnsent()], [100, false])
  })

  it('is not encoded for a system that is full', () => {
    const { wire, connection } = createWire()
    wire.write(update)
    connection.pending = 65_536
    wire.flush(never)
    assert.deepEqual([connection.sent.length, wire.hasUnsent(), wire.isStuck], [0, true, true])
    connection.pending = 65_535
    wire.flush(never)
    assert.deepEqual([connection.sent.length, wire.hasUnsent(), wire.isStuck], [1, false, false])
  })

  it('is encoded as the session was when it was written', () => {
    const { wire, connection } = createWire()
    wire.write({ kind: 'keepalive' })
    wire.context = { ...initialContext, families: ['ipv6'] }
    wire.write({ ...update, endOfRib: 'ipv6' }, KEEPALIVE)
    wire.flush(never)
    assert.deepEqual(
      connection.sent.map(({ kind }) => kind),
      ['keepalive', 'keepalive'],
    )
  })
})
