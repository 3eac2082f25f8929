import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Address } from '@holdfast/ip'
import { equalEndpoints } from '../endpoint.ts'
import type {
  Connection,
  ConnectionFault,
  DialOptions,
  DialResult,
  Endpoint,
  Listener,
  Stoppable,
  Transport,
} from '../transport.ts'

/** Two hosts whose transport is under test. */
export interface TransportFixture {
  readonly near: Transport
  readonly far: Transport
  readonly nearAddress: Address
  readonly farAddress: Address
  /** An address that neither host has. */
  readonly foreignAddress: Address
  /** Lets time pass for dials and lingering, without giving the network a chance to do anything first. */
  readonly pass: (ms: number) => void
  /** Lets things happen until `condition` holds, and fails where it does not. */
  readonly until: (condition: () => boolean) => Promise<void>
  /** Lets things happen that should not happen. */
  readonly settle: () => Promise<void>
}

/** One end of a connection with everything that it was told. */
interface Watched {
  readonly connection: Connection
  readonly text: () => string
  readonly byteCount: () => number
  readonly faults: ConnectionFault[]
  readonly drainCount: () => number
}

const TIMEOUT_MS = 5000
const LINGER_MS = 1000
const MANY_BYTES = 8_000_000

function watch(connection: Connection): Watched {
  const chunks: Uint8Array[] = []
  const faults: ConnectionFault[] = []
  let drains = 0
  connection.attach({
    received: (bytes) => {
      assert.equal(Object.getPrototypeOf(bytes), Uint8Array.prototype)
      assert.deepEqual(faults, [], 'nothing follows closed')
      chunks.push(bytes)
    },
    drained: () => (drains += 1),
    closed: (fault) => faults.push(fault),
  })
  const byteCount = (): number => chunks.reduce((sum, { length }) => sum + length, 0)
  return { connection, faults, byteCount, text: () => Buffer.concat(chunks).toString(), drainCount: () => drains }
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

/** What every `Transport` must do. */
export function describeTransportContract(name: string, create: () => TransportFixture): void {
  describe(`${name} keeps the contract of Transport`, () => {
    let fixture: TransportFixture
    let listeners: Listener[] = []
    let connections: Connection[] = []

    beforeEach(() => {
      fixture = create()
    })

    afterEach(async () => {
      for (const listener of listeners) listener.stop()
      for (const connection of connections) connection.abort()
      listeners = []
      connections = []
      await fixture.settle()
    })

    /** A listener of the far host; what it accepts is watched. */
    async function listen(
      accepted: Watched[] = [],
      at: Endpoint = { address: fixture.farAddress, port: 0 },
    ): Promise<Listener> {
      const result = await fixture.far.listen(at, {
        accepted: (connection) => {
          connections.push(connection)
          accepted.push(watch(connection))
        },
        faulted: (fault) => assert.fail(fault.message),
      })
      assert.equal(result.kind, 'listening')
      listeners.push(result.listener)
      return result.listener
    }

    interface Dialled extends Stoppable {
      readonly results: DialResult[]
      readonly watched: Watched[]
    }

    function dial(to: Endpoint, options: Partial<DialOptions> = {}): Dialled {
      const results: DialResult[] = []
      const watched: Watched[] = []
      const dialled = fixture.near.dial({ to, from: undefined, timeoutMs: TIMEOUT_MS, ...options }, (result) => {
        results.push(result)
        if (result.kind === 'failed') return
        connections.push(result.connection)
        watched.push(watch(result.connection))
      })
      assert.equal(results.length, 0, 'a dial never answers synchronously')
      return { results, watched, stop: dialled.stop }
    }

    async function dialFault(to: Endpoint, options: Partial<DialOptions> = {}): Promise<ConnectionFault> {
      const { results } = dial(to, options)
      await fixture.until(() => results.length > 0)
      await fixture.settle()
      const [result, ...more] = results
      assert.deepEqual(more, [], 'a dial answers once')
      assert.equal(result?.kind, 'failed')
      return result.fault
    }

    async function connect(options: Partial<DialOptions> = {}): Promise<{ near: Watched; far: Watched; at: Listener }> {
      const accepted: Watched[] = []
      const at = await listen(accepted)
      const { watched } = dial(at.local, options)
      await fixture.until(() => watched.length > 0 && accepted.length > 0)
      return { near: watched[0]!, far: accepted[0]!, at }
    }

    it('both ends know the same two endpoints', async () => {
      const { near, far, at } = await connect()
      assert.ok(equalEndpoints(near.connection.remote, at.local))
      assert.ok(equalEndpoints(near.connection.remote, far.connection.local))
      assert.ok(equalEndpoints(near.connection.local, far.connection.remote))
      assert.notEqual(at.local.port, 0)
    })

    it('a dial comes from the source address that was asked for', async () => {
      const { far } = await connect({ from: { address: fixture.nearAddress, port: 0 } })
      assert.deepEqual(far.connection.remote.address, fixture.nearAddress)
    })

    it('a dial comes from the source port that was asked for', async () => {
      const { near: first, far, at } = await connect()
      const from = far.connection.remote
      first.connection.abort()
      await fixture.until(() => first.faults.length > 0 && far.faults.length > 0)
      const { results } = dial(at.local, { from })
      await fixture.until(() => results.length > 0)
      assert.equal(results[0]?.kind, 'connected')
      assert.ok(equalEndpoints(results[0].connection.local, from))
    })

    it('where nothing listens a dial is refused', async () => {
      const { local, stop } = await listen()
      stop()
      const fault = await dialFault(local)
      assert.equal(fault.code, 'ECONNREFUSED')
      assert.match(fault.message, /refused the connection: nothing listens there/)
    })

    it('a source address that is not on this machine fails the dial and says so', async () => {
      const { local } = await listen()
      const fault = await dialFault(local, { from: { address: fixture.foreignAddress, port: 0 } })
      assert.equal(fault.code, 'EADDRNOTAVAIL')
      assert.match(fault.message, /^source address .* is not on this machine$/)
    })

    it('a dial fails when its time is over', async () => {
      const accepted: Watched[] = []
      const { local } = await listen(accepted)
      const { results } = dial(local, { timeoutMs: 0.5 })
      fixture.pass(0.5)
      await fixture.until(() => results.length > 0)
      await fixture.settle()
      assert.equal(results.length, 1)
      assert.equal(results[0]?.kind === 'failed' && results[0].fault.code, 'ETIMEDOUT')
      assert.ok(accepted.every(({ faults }) => faults.length === 1))
    })

    it('a stopped dial never answers and leaves no connection behind', async () => {
      const accepted: Watched[] = []
      const { local } = await listen(accepted)
      const { results, stop } = dial(local)
      stop()
      stop()
      await fixture.settle()
      assert.deepEqual(results, [])
      assert.ok(accepted.every(({ faults }) => faults.length === 1))
    })

    it('stopping a dial that has answered does not touch its connection', async () => {
      const accepted: Watched[] = []
      const { local } = await listen(accepted)
      const { watched, stop } = dial(local)
      await fixture.until(() => watched.length > 0 && accepted.length > 0)
      stop()
      watched[0]!.connection.send(bytesOf('still here'))
      await fixture.until(() => accepted[0]!.text() === 'still here')
    })

    it('an address of another machine cannot be listened on', async () => {
      const handler = { accepted: () => assert.fail('accepted'), faulted: () => assert.fail('faulted') }
      const result = await fixture.far.listen({ address: fixture.foreignAddress, port: 0 }, handler)
      assert.equal(result.kind === 'failed' && result.fault.code, 'EADDRNOTAVAIL')
    })

    it('a port in use cannot be listened on, and can once its listener has stopped', async () => {
      const { local, stop } = await listen()
      const handler = { accepted: () => assert.fail('accepted'), faulted: () => assert.fail('faulted') }
      const result = await fixture.far.listen(local, handler)
      assert.equal(result.kind === 'failed' && result.fault.code, 'EADDRINUSE')
      stop()
      await listen([], local)
    })

    it('a stopped listener leaves its connections alone', async () => {
      const { near, far, at } = await connect()
      at.stop()
      near.connection.send(bytesOf('there'))
      await fixture.until(() => far.text() === 'there')
      far.connection.send(bytesOf('back'))
      await fixture.until(() => near.text() === 'back')
    })

    it('the unspecified address takes connections to every address of the host', async () => {
      const accepted: Watched[] = []
      const at: Endpoint = { address: { family: 'ipv4', value: 0 }, port: 0 }
      const { local } = await listen(accepted, at)
      const { watched } = dial({ address: fixture.farAddress, port: local.port })
      await fixture.until(() => watched.length > 0 && accepted.length > 0)
      assert.deepEqual(accepted[0]!.connection.local.address, fixture.farAddress)
    })

    it('bytes arrive as they were sent, in both directions at once, however they are cut', async () => {
      const { near, far } = await connect()
      const sent = Array.from({ length: 300 }, (_, index) => `${index},`.repeat(1 + (index % 70)))
      for (const text of sent) {
        near.connection.send(bytesOf(text))
        far.connection.send(bytesOf(text.toUpperCase()))
      }
      const whole = sent.join('')
      await fixture.until(() => far.text().length === whole.length && near.text().length === whole.length)
      assert.equal(far.text(), whole)
      assert.equal(near.text(), whole)
    })

    it('what the accepting side sends at once is there when the dial has answered', async () => {
      const result = await fixture.far.listen(
        { address: fixture.farAddress, port: 0 },
        {
          accepted: (connection) => {
            connections.push(connection)
            watch(connection)
            connection.send(bytesOf('welcome'))
          },
          faulted: (fault) => assert.fail(fault.message),
        },
      )
      assert.equal(result.kind, 'listening')
      listeners.push(result.listener)
      const { watched } = dial(result.listener.local)
      await fixture.until(() => watched[0]?.text() === 'welcome')
    })

    it('a close sends what is pending; the other end reads it all and then EOF', async () => {
      const { near, far } = await connect()
      near.connection.send(new Uint8Array(MANY_BYTES))
      near.connection.send(bytesOf('last words'))
      near.connection.close(60_000)
      assert.deepEqual(near.faults, [], 'closed is never told from inside close()')
      await fixture.until(() => near.faults.length > 0 && far.faults.length > 0)
      await fixture.settle()
      assert.deepEqual([near.faults.map(({ code }) => code), far.faults.map(({ code }) => code)], [['CLOSED'], ['EOF']])
      assert.equal(far.byteCount(), MANY_BYTES + 10)
      assert.ok(far.text().endsWith('last words'))
    })

    it('last words are not lost when the other end keeps talking, and nothing more is heard', async () => {
      const { near, far } = await connect()
      far.connection.send(new Uint8Array(MANY_BYTES / 10))
      near.connection.send(bytesOf('last words'))
      near.connection.close(LINGER_MS)
      await fixture.until(() => far.faults.length > 0)
      assert.equal(far.text(), 'last words')
      assert.equal(far.faults[0]?.code, 'EOF')
      assert.equal(near.byteCount(), 0)
    })

    it('a close gives up on a peer that takes nothing when the linger time is over', async () => {
      const { near, far } = await connect()
      near.connection.send(new Uint8Array(MANY_BYTES))
      near.connection.close(LINGER_MS)
      fixture.pass(LINGER_MS)
      await fixture.until(() => near.faults.length > 0 && far.faults.length > 0)
      assert.equal(near.faults[0]?.code, 'CLOSED')
    })

    it('an abort ends both sides, and the other side can tell it from a close', async () => {
      const { near, far } = await connect()
      near.connection.abort()
      assert.deepEqual(near.faults, [], 'closed is never told from inside abort()')
      await fixture.until(() => near.faults.length > 0 && far.faults.length > 0)
      await fixture.settle()
      assert.deepEqual(
        near.faults.map(({ code }) => code),
        ['ABORTED'],
      )
      assert.deepEqual(
        far.faults.map(({ code }) => code),
        ['ECONNRESET'],
      )
    })

    it('calls on a closed connection do nothing', async () => {
      const { near, far } = await connect()
      near.connection.close(LINGER_MS)
      near.connection.send(bytesOf('too late'))
      near.connection.close(LINGER_MS)
      await fixture.until(() => near.faults.length > 0 && far.faults.length > 0)
      for (const { connection } of [near, far]) {
        connection.send(bytesOf('too late'))
        connection.close(LINGER_MS)
        connection.abort()
      }
      await fixture.settle()
      assert.equal(far.text(), '')
      assert.deepEqual([near.faults.length, far.faults.length], [1, 1])
    })

    it('more than the system takes is pending, until the connection tells that it has drained', async () => {
      const { near, far } = await connect()
      assert.equal(near.connection.pendingBytes(), 0)
      near.connection.send(new Uint8Array(MANY_BYTES))
      assert.ok(near.connection.pendingBytes() > 0)
      await fixture.until(() => near.drainCount() > 0)
      assert.equal(near.connection.pendingBytes(), 0)
      await fixture.until(() => far.byteCount() === MANY_BYTES)
    })
  })
}
