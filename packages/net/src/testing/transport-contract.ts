import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Address } from '@holdfast/ip'
import { equalEndpoints } from '../endpoint.ts'
import { NO_OPTIONS } from '../tcp-transport-options.ts'
import type {
  Connection,
  ConnectionFault,
  DialOptions,
  DialResult,
  Endpoint,
  Listener,
  SocketOptions,
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
/** Longer than a test lets things happen, also in simulated time. */
const LONG_TIMEOUT_MS = 3_600_000
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

const KEY = 'correct horse'
const OTHER_KEY = 'battery staple'

const withKey = (md5Password: string): SocketOptions => ({ ...NO_OPTIONS, md5Password })

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
      faults?: ConnectionFault[],
    ): Promise<Listener> {
      const result = await fixture.far.listen(at, {
        accepted: (connection) => {
          connections.push(connection)
          accepted.push(watch(connection))
        },
        faulted: (fault) => (faults === undefined ? assert.fail(fault.message) : void faults.push(fault)),
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
      const whole = { to, from: undefined, timeoutMs: TIMEOUT_MS, socket: undefined, ...options }
      const dialled = fixture.near.dial(whole, (result) => {
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
      const { family } = fixture.farAddress
      const address: Address = family === 'ipv4' ? { family, value: 0 } : { family, value: 0n }
      const at: Endpoint = { address, port: 0 }
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

    it('a connection that is paused gets nothing, and all of it when it goes on', async () => {
      const { near, far } = await connect()
      near.connection.pause(true)
      far.connection.send(bytesOf('one '))
      await fixture.settle()
      far.connection.send(bytesOf('two'))
      await fixture.settle()
      assert.equal(near.text(), '')
      near.connection.pause(false)
      await fixture.until(() => near.text() === 'one two')
    })

    it('the peer of a paused connection has to wait, and the other direction does not', async () => {
      const { near, far } = await connect()
      near.connection.pause(true)
      far.connection.send(new Uint8Array(2 * MANY_BYTES))
      near.connection.send(bytesOf('still sending'))
      await fixture.until(() => far.text() === 'still sending')
      await fixture.settle()
      assert.ok(far.connection.pendingBytes() > 0)
      assert.equal(near.byteCount(), 0)
      near.connection.pause(false)
      await fixture.until(() => near.byteCount() === 2 * MANY_BYTES && far.connection.pendingBytes() === 0)
    })

    it('a paused connection that we close ends as one that is not paused', async () => {
      const { near, far } = await connect()
      near.connection.pause(true)
      far.connection.send(new Uint8Array(MANY_BYTES / 10))
      near.connection.send(bytesOf('last words'))
      near.connection.close(60_000)
      await fixture.until(() => far.faults.length > 0)
      assert.deepEqual([far.text(), far.faults[0]?.code], ['last words', 'EOF'])
      await fixture.until(() => near.faults.length > 0)
      assert.equal(near.byteCount(), 0)
    })

    it('what ordinary connections need there is no obstacle to, nor to MD5 and TTLs', () => {
      assert.equal(fixture.near.obstacle(NO_OPTIONS), undefined)
      assert.equal(fixture.near.obstacle({ ...withKey(KEY), ttl: 255, minimumTtl: 255 }), undefined)
    })

    /** A listener that demands `far` of the near host, and a dial of that with `near`. */
    async function meet(
      near: SocketOptions,
      far: SocketOptions,
    ): Promise<{ accepted: Watched[]; dialled: Dialled; at: Listener }> {
      const accepted: Watched[] = []
      const at = await listen(accepted)
      assert.deepEqual(at.protect([{ address: fixture.nearAddress, socket: far }]), [])
      const from = { address: fixture.nearAddress, port: 0 }
      const dialled = dial(at.local, { from, socket: near, timeoutMs: LONG_TIMEOUT_MS })
      return { accepted, dialled, at }
    }

    async function join(
      near: SocketOptions,
      far: SocketOptions,
    ): Promise<{ near: Watched; far: Watched; at: Listener }> {
      const { accepted, dialled, at } = await meet(near, far)
      await fixture.until(() => dialled.watched.length > 0 && accepted.length > 0)
      return { near: dialled.watched[0]!, far: accepted[0]!, at }
    }

    async function talk(near: Watched, far: Watched): Promise<void> {
      near.connection.send(bytesOf('there'))
      far.connection.send(bytesOf('back'))
      await fixture.until(() => far.text().endsWith('there') && near.text().endsWith('back'))
    }

    it('two ends with the same MD5 key connect and talk [rfc2385-2.0-signed-segments]', async () => {
      const { near, far } = await join(withKey(KEY), withKey(KEY))
      await talk(near, far)
    })

    for (const [what, nearOptions, farOptions] of [
      ['another MD5 key than the listener has for it', withKey(OTHER_KEY), withKey(KEY)],
      ['no MD5 key where the listener has one for it', { ...NO_OPTIONS, ttl: 64 }, withKey(KEY)],
      ['an MD5 key where the listener has none for it', withKey(KEY), { ...NO_OPTIONS, ttl: 64 }],
    ] as const) {
      it(`a dial with ${what} does not get through and is answered with nothing [rfc2385-2.0-silent-drop] [rfc2385-2.0-no-response]`, async () => {
        const { accepted, dialled } = await meet(nearOptions, farOptions)
        await fixture.settle()
        assert.deepEqual([accepted.length, dialled.results.length], [0, 0])
        fixture.pass(LONG_TIMEOUT_MS)
        await fixture.until(() => dialled.results.length > 0)
        assert.equal(dialled.results[0]?.kind === 'failed' && dialled.results[0].fault.code, 'ETIMEDOUT')
        assert.equal(accepted.length, 0)
      })
    }

    it('a peer without protection connects while others are protected', async () => {
      const accepted: Watched[] = []
      const at = await listen(accepted)
      const protectedPeers = [{ address: fixture.foreignAddress, socket: withKey(KEY) }]
      assert.deepEqual(at.protect(protectedPeers), [])
      const { watched } = dial(at.local, { from: { address: fixture.nearAddress, port: 0 } })
      await fixture.until(() => watched.length > 0 && accepted.length > 0)
      await talk(watched[0]!, accepted[0]!)
    })

    it('keys of a listener change while it listens, and go', async () => {
      const { at } = await join(withKey(KEY), withKey(KEY))
      const from = { address: fixture.nearAddress, port: 0 }
      assert.deepEqual(at.protect([{ address: fixture.nearAddress, socket: withKey(OTHER_KEY) }]), [])
      const old = dial(at.local, { from, socket: withKey(KEY) })
      const renewed = dial(at.local, { from, socket: withKey(OTHER_KEY) })
      await fixture.until(() => renewed.watched.length > 0)
      assert.deepEqual(old.results, [])
      old.stop()
      assert.deepEqual(at.protect([]), [])
      const plain = dial(at.local, { from })
      await fixture.until(() => plain.watched.length > 0)
    })

    it('a connection outlives a change of its key at both ends, and nothing that was sent between them is lost', async () => {
      const { near, far } = await join(withKey(KEY), withKey(KEY))
      await talk(near, far)
      assert.equal(near.connection.secure(withKey(OTHER_KEY)), undefined)
      near.connection.send(bytesOf(' meanwhile'))
      await fixture.settle()
      assert.equal(far.text(), 'there', 'nothing gets through while the keys differ')
      assert.equal(far.connection.secure(withKey(OTHER_KEY)), undefined)
      await fixture.until(() => far.text() === 'there meanwhile')
      await talk(near, far)
      assert.deepEqual([near.faults, far.faults], [[], []])
    })

    it('a connection gets and loses a key without an end', async () => {
      const { near, far } = await connect({ from: { address: fixture.nearAddress, port: 0 } })
      for (const options of [withKey(KEY), NO_OPTIONS]) {
        assert.equal(near.connection.secure(options), undefined)
        assert.equal(far.connection.secure(options), undefined)
        await talk(near, far)
      }
      assert.deepEqual([near.faults, far.faults], [[], []])
    })

    it('both sides demand TTL 255 and send with it: they talk [rfc5082-3-send-255] [rfc5082-3-trusted-not-dropped]', async () => {
      const gtsm = { ...NO_OPTIONS, ttl: 255, minimumTtl: 255 }
      const { near, far } = await join(gtsm, gtsm)
      await talk(near, far)
    })

    it('a dial with a lower TTL than the listener demands reaches nobody [rfc5082-3-discard]', async () => {
      const { accepted, dialled } = await meet(
        { ...NO_OPTIONS, ttl: 254 },
        { ...NO_OPTIONS, ttl: 255, minimumTtl: 255 },
      )
      await fixture.settle()
      assert.deepEqual([accepted.length, dialled.results.length], [0, 0])
      dialled.stop()
    })

    it('what comes with a lower TTL is not handed over, until it comes with that [rfc5082-3-discard]', async () => {
      const gtsm = { ...NO_OPTIONS, ttl: 255, minimumTtl: 255 }
      const { near, far } = await join(gtsm, gtsm)
      await talk(near, far)
      assert.equal(near.connection.secure({ ...gtsm, ttl: 254 }), undefined)
      near.connection.send(bytesOf(' from afar'))
      await fixture.settle()
      assert.equal(far.text(), 'there')
      assert.equal(far.connection.secure({ ...gtsm, minimumTtl: 254 }), undefined)
      await fixture.until(() => far.text() === 'there from afar')
    })

    it('a dial that demands TTL 255 reaches nobody who sends with less [rfc5082-3-discard]', async () => {
      const { accepted, dialled } = await meet({ ...NO_OPTIONS, minimumTtl: 255 }, { ...NO_OPTIONS, ttl: 254 })
      await fixture.settle()
      assert.deepEqual([accepted.length, dialled.results.length], [0, 0])
      dialled.stop()
    })

    for (const [what, options] of [
      ['a password of 81 octets', withKey(`${KEY}${'x'.repeat(68)}`)],
      ['an empty password', withKey('')],
      [
        'a password and AO keys at once',
        { ...withKey(KEY), tcpAo: { keys: [{ sendId: 1, receiveId: 1, algorithm: 'hmac-sha-1-96', secret: KEY }] } },
      ],
      ['TTL 256', { ...withKey(KEY), ttl: 256 }],
      ['minimum TTL 0', { ...withKey(KEY), minimumTtl: 0 }],
      ['a device name with a slash', { ...withKey(KEY), device: 'eth/0' }],
    ] as const) {
      it(`${what} is refused everywhere: no connection without it, and no key in the reason`, async () => {
        const accepted: Watched[] = []
        const refused: ConnectionFault[] = []
        const at = await listen(accepted, undefined, refused)
        const from = { address: fixture.nearAddress, port: 0 }
        const faults = at.protect([{ address: fixture.nearAddress, socket: options }])
        assert.deepEqual(
          faults.map(({ fault }) => fault.code),
          ['EINVAL'],
        )
        const { watched, results } = dial(at.local, { from })
        await fixture.until(() => watched.some((one) => one.faults.length > 0) || results[0]?.kind === 'failed')
        assert.deepEqual([accepted.length, refused[0]], [0, faults[0]?.fault])
        assert.deepEqual(at.protect([]), [])
        const fault = await dialFault(at.local, { from, socket: options })
        const { near } = await connect()
        const other = near.connection.secure(options)
        await talkAlone(near)
        for (const one of [fault, other, fixture.near.obstacle(options), faults[0]?.fault]) {
          assert.equal(one?.code, 'EINVAL')
          assert.ok(!JSON.stringify(one).includes(KEY))
        }
      })
    }

    async function talkAlone(near: Watched): Promise<void> {
      near.connection.send(bytesOf('still open'))
      await fixture.settle()
      assert.deepEqual(near.faults, [])
    }
  })
}
