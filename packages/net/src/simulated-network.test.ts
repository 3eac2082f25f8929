import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ipv4, type Address } from '@holdfast/ip'
import { createVirtualClock, type VirtualClock } from '@holdfast/runtime'
import { createSimulatedNetwork, type SimulatedNetwork, type SimulatedNetworkOptions } from './simulated-network.ts'
import { describeTransportContract } from './testing/transport-contract.ts'
import type { Connection, DialResult, Transport } from './transport.ts'

const NEAR = ipv4(0x0a000001)
const FAR = ipv4(0x0a000002)

for (const seed of [1, 2, 3]) {
  describeTransportContract(`createSimulatedNetwork (seed ${seed})`, () => {
    const clock = createVirtualClock()
    const network = createSimulatedNetwork({ clock, seed })
    return {
      near: network.host(NEAR),
      far: network.host(FAR),
      nearAddress: NEAR,
      farAddress: FAR,
      foreignAddress: ipv4(0xc0000201),
      pass: (ms) => clock.advance(ms),
      until: (condition) => {
        assert.ok(clock.runUntil(condition, 60_000), `not within a virtual minute: ${condition.toString()}`)
        return Promise.resolve()
      },
      settle: () => {
        clock.advance(60_000)
        return Promise.resolve()
      },
    }
  })
}

interface Pair {
  readonly clock: VirtualClock
  readonly network: SimulatedNetwork
  readonly near: Transport
  /** Dials from near to far. */
  readonly dial: () => { readonly results: DialResult[]; readonly told: string[] }
  readonly accepted: Connection[]
  /** What the accepted connections were told, each with its number. */
  readonly told: string[]
}

async function createPair(options: Partial<SimulatedNetworkOptions> = {}): Promise<Pair> {
  const clock = createVirtualClock()
  const network = createSimulatedNetwork({ clock, seed: 7, ...options })
  const near = network.host(NEAR)
  const accepted: Connection[] = []
  const told: string[] = []
  await network.host(FAR).listen(
    { address: FAR, port: 179 },
    {
      accepted: (connection) => {
        record(connection, told, String(accepted.length))
        accepted.push(connection)
      },
      faulted: ({ message }) => assert.fail(message),
    },
  )
  const dial = (): { results: DialResult[]; told: string[] } => {
    const dialled = { results: [] as DialResult[], told: [] as string[] }
    near.dial({ to: { address: FAR, port: 179 }, from: undefined, socket: undefined, timeoutMs: 30_000 }, (result) => {
      dialled.results.push(result)
      if (result.kind === 'connected') record(result.connection, dialled.told, 'near')
    })
    return dialled
  }
  return { clock, network, near, dial, accepted, told }
}

function record(connection: Connection, told: string[], name: string): void {
  connection.attach({
    received: (bytes) => told.push(`${name} ${Buffer.from(bytes).toString()}`),
    drained: () => undefined,
    closed: ({ code }) => told.push(`${name} ${code}`),
  })
}

const text = (letters: string): Uint8Array => new TextEncoder().encode(letters)

function connectionOf(result: DialResult | undefined): Connection {
  assert.equal(result?.kind, 'connected')
  return result.connection
}

describe('the simulated network', () => {
  it('repeats a run from its seed, and another seed gives another run', async () => {
    const run = async (seed: number): Promise<readonly string[]> => {
      const { clock, dial, told } = await createPair({ seed })
      const { results } = dial()
      clock.advance(100)
      for (const letters of ['holdfast', 'is', 'deterministic']) connectionOf(results[0]).send(text(letters))
      clock.advance(100)
      return told
    }
    assert.deepEqual(await run(1), await run(1))
    assert.notDeepEqual(await run(1), await run(2))
    assert.equal((await run(2)).map((line) => line.slice(2)).join(''), 'holdfastisdeterministic')
  })

  it('changes the order in which connections come up and deliver, never the order of bytes in one', async () => {
    const firsts = new Set<string>()
    for (let seed = 0; seed < 20; seed += 1) {
      const { clock, dial, told } = await createPair({ seed })
      const dials = [dial(), dial()]
      clock.advance(100)
      dials.forEach(({ results }, index) => connectionOf(results[0]).send(text(index === 0 ? 'abcdef' : 'uvwxyz')))
      clock.advance(100)
      firsts.add(told[0]!.slice(2, 3))
      const streams = ['0', '1'].map((name) =>
        told
          .filter((line) => line.startsWith(name))
          .map((line) => line.slice(2))
          .join(''),
      )
      assert.deepEqual(streams.sort(), ['abcdef', 'uvwxyz'])
    }
    assert.deepEqual([...firsts].sort(), ['a', 'u'])
  })

  it('cuts streams where it is told to', async () => {
    const { clock, dial, told } = await createPair({ split: (offset) => (offset === 0 ? 3 : 100) })
    const { results } = dial()
    clock.advance(100)
    connectionOf(results[0]).send(text('abcdef'))
    clock.advance(100)
    assert.deepEqual(told, ['0 abc', '0 def'])
  })

  it('a cut resets both ends, and only between the two addresses; a new dial works', async () => {
    const { clock, network, dial, told } = await createPair()
    const first = dial()
    clock.advance(100)
    network.cut(NEAR, ipv4(0x0a000003))
    clock.advance(100)
    assert.deepEqual([first.told, told], [[], []])
    network.cut(FAR, NEAR)
    const second = dial()
    clock.advance(100)
    assert.deepEqual([first.told, told], [['near ECONNRESET'], ['0 ECONNRESET']])
    assert.equal(second.results[0]?.kind, 'connected')
    assert.equal(network.openEnds(), 2)
  })

  it('on a silent link nothing arrives and nobody is told; what waited goes on when it opens', async () => {
    const { clock, network, dial, told } = await createPair()
    const { results, told: nearTold } = dial()
    clock.advance(100)
    network.setLink(NEAR, FAR, 'silent')
    connectionOf(results[0]).send(text('a'))
    const late = dial()
    clock.advance(3_600_000)
    assert.deepEqual([told, nearTold], [[], []])
    assert.equal(late.results[0]?.kind === 'failed' && late.results[0].fault.code, 'ETIMEDOUT')
    const patient = dial()
    network.setLink(NEAR, FAR, 'open')
    clock.advance(2000)
    assert.deepEqual(told, ['0 a'])
    assert.equal(patient.results[0]?.kind, 'connected')
  })

  it('who went away unseen is found out by sending to it', async () => {
    const { clock, network, dial, accepted, told } = await createPair()
    const { results } = dial()
    clock.advance(100)
    network.setLink(NEAR, FAR, 'silent')
    connectionOf(results[0]).abort()
    clock.advance(100)
    network.setLink(NEAR, FAR, 'open')
    accepted[0]!.send(text('are you there?'))
    clock.advance(100)
    assert.deepEqual(told, ['0 ECONNRESET'])
  })

  it('a refusing link refuses new connections and keeps old ones', async () => {
    const { clock, network, dial, told } = await createPair()
    const { results } = dial()
    clock.advance(100)
    network.setLink(NEAR, FAR, 'refusing')
    const second = dial()
    connectionOf(results[0]).send(text('x'))
    clock.advance(100)
    assert.equal(second.results[0]?.kind === 'failed' && second.results[0].fault.code, 'ECONNREFUSED')
    assert.deepEqual(told, ['0 x'])
  })

  it('an address that no host has is not reachable', async () => {
    const { clock, near } = await createPair()
    const faults: (string | undefined)[] = []
    const nowhere: Address = ipv4(0x0a0000ff)
    near.dial({ to: { address: nowhere, port: 179 }, from: undefined, socket: undefined, timeoutMs: 1000 }, (result) =>
      faults.push(result.kind === 'failed' ? result.fault.code : result.kind),
    )
    clock.advance(100)
    assert.deepEqual(faults, ['EHOSTUNREACH'])
  })
})
