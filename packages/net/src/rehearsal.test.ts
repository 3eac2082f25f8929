import assert from 'node:assert/strict'
import { it } from 'node:test'
import { formatAddress, ipv4 } from '@holdfast/ip'
import { createVirtualClock, systemClock, type Clock, type VirtualClock } from '@holdfast/runtime'
import { rehearseSessions } from './rehearsal.ts'
import { createSimulatedNetwork } from './simulated-network.ts'
import { createTcpTransport } from './tcp-transport.ts'
import { settle } from './testing/real-time.ts'
import type { Transport } from './transport.ts'

const LOOPBACK = ipv4(0x7f000001)
const OTHER = ipv4(0x0a000001)

/** Every address that connections are made from and to, and listened at. */
function watched(transport: Transport): { readonly transport: Transport; readonly addresses: Set<string> } {
  const addresses = new Set<string>()
  return {
    addresses,
    transport: {
      ...transport,
      dial: (options, done) => {
        addresses.add(formatAddress(options.to.address))
        addresses.add(options.from === undefined ? 'any' : formatAddress(options.from.address))
        return transport.dial(options, done)
      },
      listen: (at, handler) => {
        addresses.add(formatAddress(at.address))
        return transport.listen(at, handler)
      },
    },
  }
}

/** Lets this much virtual time pass, in which the promise must be settled. */
async function within<T>(ms: number, clock: VirtualClock, promise: Promise<T>): Promise<T> {
  for (let passedMs = 0; passedMs < ms; passedMs += 10) {
    await settle()
    clock.advance(10)
  }
  await settle()
  return Promise.race([promise, Promise.reject(new Error(`not within ${ms} ms`))])
}

it('as many sessions as asked for come to their end over TCP, on loopback alone', async () => {
  // What is asked here is whether they come to their end: on a busy machine half a second may not be enough for that.
  const system = systemClock()
  const clock: Clock = { ...system, after: (ms, run) => system.after(ms === 500 ? 60_000 : ms, run) }
  const { transport, addresses } = watched(createTcpTransport(clock))
  assert.equal(await rehearseSessions({ transport, clock, rounds: 2 }), 2)
  assert.deepEqual([...addresses], ['127.0.0.1'])
})

it('nothing is left of a rehearsal: no connection, no alarm', async () => {
  const clock = createVirtualClock()
  const network = createSimulatedNetwork({ clock, seed: 1 })
  const transport = network.host(LOOPBACK)
  assert.equal(await within(400, clock, rehearseSessions({ transport, clock, rounds: 2 })), 2)
  assert.equal(network.openEnds(), 0)
  assert.equal(clock.pending(), 0)
  const again = await transport.listen(
    { address: LOOPBACK, port: 49_152 },
    { accepted: () => undefined, faulted: () => undefined },
  )
  assert.equal(again.kind, 'listening', 'its port is free again')
})

it('a host without loopback does without', async () => {
  const clock = createVirtualClock()
  const transport = createSimulatedNetwork({ clock, seed: 1 }).host(OTHER)
  assert.equal(await within(2000, clock, rehearseSessions({ transport, clock, rounds: 6 })), 0)
  assert.equal(clock.pending(), 0)
})

it('a loopback that takes no connection is given up after half a second, for good', async () => {
  const clock = createVirtualClock()
  const network = createSimulatedNetwork({ clock, seed: 1 })
  network.setLink(LOOPBACK, LOOPBACK, 'silent')
  const transport = network.host(LOOPBACK)
  assert.equal(await within(550, clock, rehearseSessions({ transport, clock, rounds: 6 })), 0)
  clock.advance(60_000)
  assert.equal(clock.pending(), 0)
})

it('nothing is left of a session that falls silent in the middle either', async () => {
  const clock = createVirtualClock()
  const network = createSimulatedNetwork({ clock, seed: 1 })
  const transport = network.host(LOOPBACK)
  clock.after(20, () => network.setLink(LOOPBACK, LOOPBACK, 'silent'))
  assert.equal(await within(3000, clock, rehearseSessions({ transport, clock, rounds: 6 })), 0)
  assert.equal(network.openEnds(), 0)
  assert.equal(clock.pending(), 0)
})
