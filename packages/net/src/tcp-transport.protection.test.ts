import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import net from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { ipv4, ipv6, parseAddress, type Address } from '@holdfast/ip'
import { createVirtualClock } from '@holdfast/runtime'
import { loadNative } from './native-sockets.ts'
import { NO_OPTIONS, optionsFault } from './tcp-transport-options.ts'
import { createTcpTransport } from './tcp-transport.ts'
import { settle, until } from './testing/real-time.ts'
import type {
  Connection,
  ConnectionFault,
  DialOptions,
  DialResult,
  Endpoint,
  Listener,
  SocketOptions,
  Transport,
} from './transport.ts'

const LOOPBACK = ipv4(0x7f000001)
const SECRET = 'a-secret-of-ours'
const withMd5: SocketOptions = { ...NO_OPTIONS, md5Password: SECRET }
const withAo: SocketOptions = {
  ...NO_OPTIONS,
  tcpAo: { keys: [{ sendId: 1, receiveId: 2, algorithm: 'hmac-sha-1-96', secret: SECRET }] },
}

const quiet = { received: () => undefined, drained: () => undefined, closed: () => undefined }

/** The sockets that this process has open. */
function sockets(): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`)
      return target.startsWith('socket:') ? [target] : []
    } catch {
      // The descriptor of the listing itself.
      return []
    }
  })
}

interface Listening {
  readonly listener: Listener
  readonly accepted: Connection[]
  readonly faults: { readonly fault: ConnectionFault; readonly remote: Endpoint | undefined }[]
  readonly text: () => string
}

async function listen(t: TestContext, transport: Transport, address: Address = LOOPBACK): Promise<Listening> {
  const accepted: Connection[] = []
  const faults: Listening['faults'] = []
  let text = ''
  const result = await transport.listen(
    { address, port: 0 },
    {
      accepted: (connection) => {
        connection.attach({ ...quiet, received: (bytes) => (text += Buffer.from(bytes).toString()) })
        accepted.push(connection)
      },
      faulted: (fault, remote) => faults.push({ fault, remote }),
    },
  )
  assert.equal(result.kind, 'listening')
  t.after(() => {
    result.listener.stop()
    for (const connection of accepted) connection.abort()
  })
  return { listener: result.listener, accepted, faults, text: () => text }
}

async function dial(
  transport: Transport,
  options: Partial<DialOptions> & { readonly to: Endpoint },
): Promise<DialResult> {
  const results: DialResult[] = []
  transport.dial({ from: undefined, timeoutMs: 10_000, socket: undefined, ...options }, (result) => {
    if (result.kind === 'connected') result.connection.attach(quiet)
    results.push(result)
  })
  await until(() => results.length > 0)
  return results[0]!
}

async function dialFault(transport: Transport, options: Parameters<typeof dial>[1]): Promise<ConnectionFault> {
  const result = await dial(transport, options)
  assert.equal(result.kind, 'failed')
  return result.fault
}

const addressOf = (text: string): Address => {
  const parsed = parseAddress(text)
  assert.ok(parsed.ok)
  return parsed.value
}

describe('a protected dial', () => {
  it('fails with the codes of an ordinary one and leaves no socket open', async (t) => {
    const transport = createTcpTransport()
    const { listener } = await listen(t, transport)
    const closed = { address: LOOPBACK, port: await unusedPort() }
    const foreign = { address: ipv4(0xc0000201), port: 0 }
    const before = sockets()
    for (const options of [
      { to: closed },
      { to: listener.local, from: foreign },
      { to: { address: ipv4(0xe0000001), port: 179 } },
      { to: { address: ipv6(1n), port: closed.port } },
      { to: { address: LOOPBACK, port: closed.port }, from: { address: ipv6(1n), port: 0 } },
    ]) {
      const plain = await dialFault(transport, options)
      const guarded = await dialFault(transport, { ...options, socket: { ...NO_OPTIONS, ttl: 255 } })
      assert.deepEqual(guarded, plain)
    }
    await until(() => sockets().length <= before.length)
  })

  it('leaves no socket open when it is stopped, at once or later, or its time is over', async (t) => {
    const clock = createVirtualClock()
    const transport = createTcpTransport(clock)
    const { listener } = await listen(t, transport)
    const before = sockets()
    const results: DialResult[] = []
    const options = { to: listener.local, from: undefined, timeoutMs: 1000 }
    // Nobody answers this one: the listener has no key.
    const dialAgain = (): { stop: () => void } =>
      transport.dial({ ...options, socket: withMd5 }, (result) => results.push(result))
    dialAgain().stop()
    const second = dialAgain()
    await settle()
    assert.equal(sockets().length, before.length + 1)
    second.stop()
    second.stop()
    dialAgain()
    await settle()
    clock.advance(1000)
    await until(() => sockets().length <= before.length)
    assert.deepEqual(
      results.map((result) => result.kind === 'failed' && result.fault.code),
      ['ETIMEDOUT'],
    )
  })

  it('leaves no socket open when an option is refused, and names no secret', async () => {
    const transport = createTcpTransport()
    const before = sockets()
    const to = { address: LOOPBACK, port: 1 }
    const device = await dialFault(transport, { to, socket: { ...withMd5, device: 'nonesuch0' } })
    assert.deepEqual(device, { code: 'ENODEV', message: 'network device nonesuch0 is not on this machine' })
    const ao = await dialFault(transport, { to, socket: withAo })
    assert.ok(!JSON.stringify([device, ao]).includes(SECRET))
    assert.deepEqual(sockets(), before)
  })

  it('names the device where a link-local address comes without, and does not start', async () => {
    const transport = createTcpTransport()
    const fault = await dialFault(transport, { to: { address: addressOf('fe80::1'), port: 179 } })
    assert.equal(fault.code, 'EINVAL')
    assert.match(fault.message, /^fe80::1 is a link-local address: it needs the network device/)
  })

  it('goes through the device it is bound to', async (t) => {
    const transport = createTcpTransport()
    const { listener, accepted } = await listen(t, transport)
    const result = await dial(transport, { to: listener.local, socket: { ...NO_OPTIONS, device: 'lo' } })
    assert.equal(result.kind, 'connected')
    await until(() => accepted.length > 0)
    result.connection.abort()
  })

  it('without koffi there is no session, and the reason says what to do', async (t) => {
    const missing = loadNative('linux', () => {
      throw new Error('Cannot find the native Koffi module')
    })
    const transport = createTcpTransport(undefined, () => missing)
    const { listener, accepted, faults } = await listen(t, transport)
    const peers = [{ address: LOOPBACK, socket: withMd5 }]
    assert.deepEqual(
      listener.protect(peers).map(({ fault }) => fault.code),
      ['ENATIVE'],
    )
    const fault = await dialFault(transport, { to: listener.local, socket: withMd5 })
    assert.equal(fault.code, 'ENATIVE')
    assert.equal(transport.obstacle(withMd5)?.code, 'ENATIVE')
    // A connection of that peer is refused; an ordinary transport needs no koffi to try.
    const client = net.connect({ host: '127.0.0.1', port: listener.local.port })
    const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException]
    assert.equal(error.code, 'ECONNRESET')
    assert.deepEqual([accepted.length, faults[0]?.fault.code, faults[0]?.remote?.address], [0, 'ENATIVE', LOOPBACK])
    assert.ok(!JSON.stringify([fault, faults]).includes(SECRET))
    // Refused for as long as that is so.
    listener.protect([])
    const welcome = await dial(transport, { to: listener.local })
    assert.equal(welcome.kind, 'connected')
    welcome.connection.abort()
  })
})

describe('a protected listener', () => {
  for (const [what, address, client] of [
    ['IPv4', LOOPBACK, LOOPBACK],
    ['IPv6', ipv6(1n), ipv6(1n)],
    ['IPv4 on an IPv6 socket', ipv6(0n), LOOPBACK],
  ] as const) {
    it(`a client without the key gets no connection, one with it does: ${what} [rfc2385-2.0-silent-drop] [rfc2385-2.0-no-response]`, async (t) => {
      const transport = createTcpTransport()
      const { listener, accepted } = await listen(t, transport, address)
      const to = { address: client, port: listener.local.port }
      assert.deepEqual(listener.protect([{ address: client, socket: withMd5 }]), [])
      const raw = net.connect({ host: client.family === 'ipv4' ? '127.0.0.1' : '::1', port: to.port })
      const events: string[] = []
      t.after(() => raw.destroy())
      raw.on('error', ({ message }) => events.push(message))
      raw.on('connect', () => events.push('connected'))
      const result = await dial(transport, { to, socket: withMd5 })
      assert.equal(result.kind, 'connected')
      await until(() => accepted.length > 0)
      assert.deepEqual(events, [], 'neither connected nor refused')
      assert.equal(accepted.length, 1)
      assert.equal(accepted[0]!.secure({ ...withMd5, md5Password: 'another' }), undefined)
      assert.equal(result.connection.secure({ ...withMd5, md5Password: 'another' }), undefined)
      result.connection.send(Buffer.from('x'))
      await until(() => result.connection.pendingBytes() === 0)
      result.connection.abort()
    })

    it(`minimum TTLs are each peer's own from the SYN on, and change on the open connection: ${what} [rfc5082-3-discard] [rfc5082-3-unknown-not-dropped] [rfc5082-3-off-by-default]`, async (t) => {
      const transport = createTcpTransport()
      const { listener, accepted, text } = await listen(t, transport, address)
      const gtsm = { ...NO_OPTIONS, ttl: 255, minimumTtl: 255 }
      const others = Array.from({ length: 300 }, (_, index) => [
        { address: ipv4(0xc0000200 + index), socket: gtsm },
        { address: ipv6((0x2001_0db8n << 96n) + BigInt(index)), socket: gtsm },
      ]).flat()
      const peer = (socket: SocketOptions): { address: Address; socket: SocketOptions } => ({ address: client, socket })
      assert.deepEqual(listener.protect([...others.slice(0, 300), peer(gtsm)]), [])
      const to = { address: client, port: listener.local.port }
      const low: DialResult[] = []
      const far = { to, from: undefined, timeoutMs: 10_000, socket: { ...NO_OPTIONS, ttl: 254 } }
      const stranded = transport.dial(far, (result) => low.push(result))
      const near = await dial(transport, { to, socket: gtsm })
      assert.equal(near.kind, 'connected')
      await until(() => accepted.length > 0)
      assert.deepEqual(low, [])
      stranded.stop()
      // What the listener demands from now on is not for the open connection, and nobody else is stopped.
      assert.equal(near.connection.secure({ ...NO_OPTIONS, ttl: 7, minimumTtl: 1 }), undefined)
      assert.equal(accepted[0]!.secure({ ...NO_OPTIONS, ttl: 9, minimumTtl: 7 }), undefined)
      near.connection.send(Buffer.from('with TTL 7'))
      await until(() => text() === 'with TTL 7')
      assert.deepEqual(listener.protect(others.slice(0, 300)), [])
      const plain = await dial(transport, { to })
      assert.equal(plain.kind, 'connected')
      listener.protect([])
      const late = await dial(transport, { to, socket: { ...NO_OPTIONS, ttl: 1 } })
      assert.equal(late.kind, 'connected')
      await until(() => accepted.length === 3)
      for (const one of [near, plain, late]) one.connection.abort()
    })
  }

  it('what connected without the key before there was one, and was not accepted yet, is refused', async (t) => {
    const transport = createTcpTransport()
    const { listener, accepted, faults } = await listen(t, transport)
    const client = net.connect({ host: '127.0.0.1', port: listener.local.port })
    const [error] = await Promise.all([
      once(client, 'error'),
      // By then the kernel has completed the connection, and the event loop has not come round to accept it.
      once(client, 'connectionAttempt').then(() => {
        listener.protect([{ address: LOOPBACK, socket: withMd5 }])
        listener.protect([{ address: LOOPBACK, socket: { ...withMd5, ttl: 64 } }])
      }),
    ])
    assert.equal((error as [NodeJS.ErrnoException])[0].code, 'ECONNRESET')
    assert.deepEqual([accepted.length, faults.map(({ fault }) => fault.code)], [0, ['EKEYREJECTED']])
    const result = await dial(transport, { to: listener.local, socket: withMd5 })
    assert.equal(result.kind, 'connected')
    await until(() => accepted.length > 0)
    result.connection.abort()
  })

  it('what connected before there was a minimum TTL, and was not accepted yet, is refused: nobody knows its TTL', async (t) => {
    const transport = createTcpTransport()
    const { listener, accepted, faults } = await listen(t, transport)
    const client = net.connect({ host: '127.0.0.1', port: listener.local.port })
    const [error] = await Promise.all([
      once(client, 'error'),
      once(client, 'connectionAttempt').then(() => {
        listener.protect([{ address: LOOPBACK, socket: { ...NO_OPTIONS, minimumTtl: 255 } }])
      }),
    ])
    assert.equal((error as [NodeJS.ErrnoException])[0].code, 'ECONNRESET')
    assert.deepEqual([accepted.length, faults.map(({ fault }) => fault.code)], [0, ['EKEYREJECTED']])
    const result = await dial(transport, { to: listener.local, socket: { ...NO_OPTIONS, ttl: 255 } })
    assert.equal(result.kind, 'connected')
    await until(() => accepted.length > 0)
    result.connection.abort()
  })

  it('two peers with one address cannot have two keys', async (t) => {
    const transport = createTcpTransport()
    const { listener } = await listen(t, transport, ipv6(0n))
    const address = addressOf('fe80::1')
    const peer = (device: string, md5Password: string): { address: Address; socket: SocketOptions } => ({
      address,
      socket: { ...NO_OPTIONS, device, md5Password },
    })
    assert.deepEqual(listener.protect([peer('eth0', 'one'), peer('eth1', 'one')]), [])
    const faults = listener.protect([peer('eth0', 'one'), peer('eth1', 'two')])
    assert.deepEqual(
      faults.map((one) => one.peer.socket.device),
      ['eth1'],
    )
    assert.match(faults[0]!.fault.message, /another peer has the same address/)
  })

  it('more keys than the kernel has room for are refused peer by peer, and fit once others are gone', async (t) => {
    const transport = createTcpTransport()
    const { listener } = await listen(t, transport)
    const many = Array.from({ length: 5000 }, (_, index) => ({ address: ipv4(0x0a000000 + index), socket: withMd5 }))
    const faults = listener.protect(many)
    assert.ok(faults.length > 0 && faults.length < many.length, `${faults.length} refused`)
    assert.ok(faults.every(({ fault }) => fault.code === 'ENOMEM' && fault.message.includes('net.core.optmem_max')))
    assert.ok(!JSON.stringify(faults.map(({ fault }) => fault)).includes(SECRET))
    assert.deepEqual(listener.protect([faults.at(-1)!.peer]), [])
  })

  it('one that has stopped protects nobody and fails nothing', async (t) => {
    const transport = createTcpTransport()
    const { listener } = await listen(t, transport)
    listener.stop()
    assert.deepEqual(listener.protect([{ address: LOOPBACK, socket: withMd5 }]), [])
  })
})

describe('what a system cannot do', () => {
  it('TCP-AO is refused by a kernel without it, with the version it needs; one with it has no obstacle', () => {
    const obstacle = createTcpTransport().obstacle(withAo)
    if (obstacle === undefined) return
    assert.equal(obstacle.code, 'ENOPROTOOPT')
    assert.match(obstacle.message, /^TCP-AO needs Linux 6\.7 or later, built with CONFIG_TCP_AO; Linux \S+ here/)
    assert.ok(!obstacle.message.includes(SECRET))
  })

  it('a session that is to have TCP-AO is refused there, not made without it', async (t) => {
    const transport = createTcpTransport()
    if (transport.obstacle(withAo) === undefined) return t.skip('this kernel has TCP-AO')
    const { listener, accepted } = await listen(t, transport)
    const refused = listener.protect([{ address: LOOPBACK, socket: withAo }])
    assert.deepEqual(
      refused.map(({ fault }) => fault.code),
      ['ENOPROTOOPT'],
    )
    const fault = await dialFault(transport, { to: listener.local, socket: withAo })
    assert.equal(fault.code, 'ENOPROTOOPT')
    const plain = await dial(transport, { to: listener.local })
    if (plain.kind === 'connected') plain.connection.abort()
    await settle()
    assert.equal(accepted.length, 0)
  })

  it('no two TCP-AO keys of a connection share an ID [rfc5925-3.1-ids-do-not-overlap]', () => {
    const keys = (...ids: readonly (readonly [number, number])[]): SocketOptions => ({
      ...NO_OPTIONS,
      tcpAo: {
        keys: ids.map(([sendId, receiveId]) => ({ sendId, receiveId, algorithm: 'aes-128-cmac-96', secret: SECRET })),
      },
    })
    const problem = (options: SocketOptions): string | undefined => optionsFault(options)?.message
    assert.equal(problem(keys([1, 1], [2, 2])), undefined)
    assert.equal(problem(keys([1, 2], [1, 3])), 'two TCP-AO keys have the same SendID')
    assert.equal(problem(keys([1, 3], [2, 3])), 'two TCP-AO keys have the same RecvID')
    assert.equal(problem(keys()), 'TCP-AO needs a key')
  })

  it('an ID of a TCP-AO key is anything from 0 to 255 [rfc5925-3.1-any-id]', () => {
    for (const [id, isFine] of [
      [0, true],
      [255, true],
      [256, false],
      [-1, false],
      [1.5, false],
    ] as const) {
      for (const [sendId, receiveId] of [
        [id, 7],
        [7, id],
      ] as const) {
        const key = { sendId, receiveId, algorithm: 'hmac-sha-1-96', secret: SECRET } as const
        assert.equal(optionsFault({ ...NO_OPTIONS, tcpAo: { keys: [key] } }) === undefined, isFine)
      }
    }
  })

  it('asking leaves no socket open', () => {
    const transport = createTcpTransport()
    const before = sockets()
    for (const options of [withMd5, withAo, { ...NO_OPTIONS, ttl: 255 }]) transport.obstacle(options)
    assert.deepEqual(sockets(), before)
  })
})

async function unusedPort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
