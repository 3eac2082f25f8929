import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { it, type TestContext } from 'node:test'
import type { PeerConfig, StopReason } from '@holdfast/bgp'
import { ipv4 } from '@holdfast/ip'
import { systemClock } from '@holdfast/runtime'
import { listenForPeers } from './listener.ts'
import { createTcpTransport } from './tcp-transport.ts'
import { until } from './testing/real-time.ts'
import { configOf, createSpeaker, routesOf, type Speaker } from './testing/simulated-peers.ts'

const HOST = ipv4(0x7f000001)
const GRACEFUL = { gracefulRestart: { restartTimeSeconds: 120, hasNotification: true } }

const message = (type: number, body: readonly number[] = []): Buffer =>
  Buffer.from([...Array<number>(16).fill(0xff), (body.length + 19) >> 8, (body.length + 19) & 255, type, ...body])

/** A router that knows graceful restart with the N bit where asked (RFC 4724, RFC 8538), for IPv4 unicast. AS 65002. */
function openOf(capabilities: readonly number[]): Buffer {
  const all = [1, 4, 0, 1, 0, 1, 65, 4, 0, 0, 0xfd, 0xea, ...capabilities]
  return message(1, [4, 0xfd, 0xea, 0, 90, 2, 2, 2, 2, all.length + 2, 2, all.length, ...all])
}
const restartCapability = (flags: number): readonly number[] => [64, 6, flags, 120, 0, 1, 1, 0x80]

/** What came on a plain socket. */
interface Router {
  readonly socket: net.Socket
  readonly types: number[]
  readonly messages: Buffer[]
  /** `end` for a FIN, or the code of an error. */
  ended: string | undefined
}

/** Dials the speaker; the session is up when `types` has a KEEPALIVE. */
function dial(t: TestContext, port: number, capabilities: readonly number[]): Router {
  const socket = net.connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' })
  const router: Router = { socket, types: [], messages: [], ended: undefined }
  let unread = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    unread = Buffer.concat([unread, chunk])
    while (unread.length >= 19 && unread.length >= unread.readUInt16BE(16)) {
      const whole = unread.subarray(0, unread.readUInt16BE(16))
      unread = unread.subarray(whole.length)
      router.messages.push(whole)
      router.types.push(whole[18]!)
      if (whole[18] === 1) socket.write(message(4))
    }
  })
  socket.on('end', () => (router.ended ??= 'end'))
  socket.on('error', (error) => (router.ended ??= 'code' in error ? String(error.code) : error.message))
  socket.write(openOf(capabilities))
  t.after(() => socket.destroy())
  return router
}

async function createPassive(
  t: TestContext,
  config: Partial<PeerConfig>,
  isRestarting = false,
): Promise<{ speaker: Speaker; port: number }> {
  const clock = systemClock()
  const transport = createTcpTransport(clock)
  const speaker = createSpeaker({
    config: configOf({ isPassive: true, families: ['ipv4'], ...config }),
    transport,
    clock,
    local: undefined,
    remote: { address: ipv4(0x7f000002), port: 179 },
    isRestarting,
  })
  const listening = await listenForPeers({
    transport,
    clock,
    at: { address: HOST, port: 0 },
    match: () => speaker.driver,
    observe: () => undefined,
  })
  assert.equal(listening.kind, 'listening')
  t.after(async () => {
    listening.listener.stop()
    await speaker.driver.stop('administrativeShutdown')
  })
  speaker.driver.setRoutes(routesOf(0, 3))
  speaker.driver.start()
  return { speaker, port: listening.listener.local.port }
}

/** The session with such a router, and what the router sees when it is stopped. */
async function farewell(t: TestContext, reason: StopReason, capabilities: readonly number[]): Promise<string> {
  const { speaker, port } = await createPassive(t, GRACEFUL)
  const router = dial(t, port, capabilities)
  await until(() => router.types.filter((type) => type === 2).length === 2)
  router.messages.length = 0
  await speaker.driver.stop(reason)
  await until(() => router.ended !== undefined)
  const last = router.messages.map((bytes) => `${bytes[18]}: ${bytes.subarray(19, 23).join('/')}`)
  return [...last, router.ended].join(', ')
}

it('before a restart TCP ends with a FIN and without a NOTIFICATION where the router keeps our routes', async (t) => {
  assert.equal(await farewell(t, 'restart', restartCapability(0)), 'end')
  assert.equal(await farewell(t, 'restart', restartCapability(0x40)), 'end')
})

it('before a restart a router that would not keep our routes is told', async (t) => {
  assert.equal(await farewell(t, 'restart', []), '3: 6/4, end')
})

it('a session that ends for good is a Hard Reset where the router would keep our routes otherwise, else a plain Cease', async (t) => {
  assert.equal(await farewell(t, 'administrativeShutdown', restartCapability(0x40)), '3: 6/9/6/2, end')
  assert.equal(await farewell(t, 'administrativeShutdown', restartCapability(0)), '3: 6/2, end')
})

/** The flags of the graceful restart capability in an OPEN. */
function restartFlags(open: Buffer | undefined): number | undefined {
  for (let at = 29; open !== undefined && at < open.length;) {
    for (let code = at + 2; code < at + 2 + open[at + 1]!; code += 2 + open[code + 1]!) {
      if (open[code] === 64) return open[code + 2]! & 0xf0
    }
    at += 2 + open[at + 1]!
  }
  return undefined
}

it('the first OPEN of a process that restarted says so, and those after its first session do not [rfc4724-4.1-restart-state] [rfc4724-4.2-no-restart-state]', async (t) => {
  const { speaker, port } = await createPassive(t, GRACEFUL, true)
  const first = dial(t, port, restartCapability(0x40))
  await until(() => first.types.includes(2))
  assert.equal(restartFlags(first.messages[0]), 0xc0)
  first.socket.end()
  await until(() => speaker.state() !== 'established')
  const second = dial(t, port, restartCapability(0x40))
  await until(() => second.types.includes(2))
  assert.equal(restartFlags(second.messages[0]), 0x40)
})

it('a router that restarted and dials anew replaces its own session, which ends without a word [rfc4724-4.2-new-connection] [rfc4724-4.2-close-previous]', async (t) => {
  const { speaker, port } = await createPassive(t, GRACEFUL)
  const first = dial(t, port, restartCapability(0x40))
  await until(() => first.types.includes(2))
  // It has lost everything: from here on it knows nothing of its first connection, which stays open.
  const second = dial(t, port, restartCapability(0xc0))
  await until(() => second.types.filter((type) => type === 2).length === 2)
  await until(() => first.ended !== undefined)
  assert.ok(!first.types.includes(3), 'no NOTIFICATION on the old connection')
  assert.equal(first.ended, 'end')
  assert.equal(speaker.state(), 'established')
  assert.equal(speaker.driver.snapshot().establishedCount, 2)
  assert.equal(second.ended, undefined)
})

it('a second connection of a router without graceful restart is refused with 6/5 and the session lives [rfc4486-4-connection-rejected]', async (t) => {
  const { speaker, port } = await createPassive(t, GRACEFUL)
  const first = dial(t, port, [])
  await until(() => first.types.includes(2))
  const second = dial(t, port, [])
  await until(() => second.ended !== undefined || second.types.includes(3))
  await once(second.socket, 'close')
  assert.deepEqual([...second.messages[0]!.subarray(18)], [3, 6, 5])
  assert.deepEqual([speaker.state(), first.ended], ['established', undefined])
})

it('BFD that loses the router ends the session with 6/10, and it is tried anew', async (t) => {
  const { speaker, port } = await createPassive(t, {})
  const first = dial(t, port, [])
  await until(() => first.types.includes(2))
  speaker.driver.bfdDown('nothing came for 150 ms')
  await until(() => first.ended !== undefined)
  assert.deepEqual([...first.messages.at(-1)!.subarray(18)], [3, 6, 10])
  const { lastFailure } = speaker.driver.snapshot()
  assert.match(lastFailure!.reason.message, /nothing came for 150 ms/)
  let second = dial(t, port, [])
  await until(() => {
    if (second.ended !== undefined) second = dial(t, port, [])
    return second.types.includes(2)
  })
})
