import assert from 'node:assert/strict'
import { performance, monitorEventLoopDelay } from 'node:perf_hooks'
import { describe, it, type TestContext } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { PeerConfig, Route } from '@holdfast/bgp'
import { formatAddress, parseAddress, type Address } from '@holdfast/ip'
import { systemClock } from '@holdfast/runtime'
import { createPeerDriver } from '../../packages/net/src/driver.ts'
import type { PeerDriver, PeerEvent } from '../../packages/net/src/driver-types.ts'
import { listenForPeers } from '../../packages/net/src/listener.ts'
import { createTcpTransport } from '../../packages/net/src/tcp-transport.ts'
import { startLoadPeer, type Load, type LoadPeer, type LoadReport } from '../../packages/net/src/testing/load-peer.ts'
import { until } from '../../packages/net/src/testing/real-time.ts'
import { configOf, routesOf } from '../../packages/net/src/testing/simulated-peers.ts'

const HOLD_SECONDS = 3
/** No less than this is longer than the hold time (RFC 9687 section 4.4). */
const SEND_HOLD_SECONDS = HOLD_SECONDS + 1

/**
 * KEEPALIVEs come every second or sooner. A second more can be this machine's fault, whose few cores run other tests at the
 * same time, and still leaves one to the hold time.
 */
const LATEST_GAP_MS = 2000

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

function heapBytes(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers
}

const addressOf = (text: string): Address => {
  const parsed = parseAddress(text)
  assert.ok(parsed.ok)
  return parsed.value
}

/** Drivers in this thread, each for a peer in another one. */
interface House {
  /** Drivers for these addresses and their peers, which are up when this resolves. */
  readonly invite: (
    addresses: readonly string[],
    load: Load,
    config?: Partial<PeerConfig>,
  ) => Promise<{ readonly drivers: readonly PeerDriver[]; readonly peer: LoadPeer; readonly events: PeerEvent[] }>
}

async function createHouse(t: TestContext): Promise<House> {
  const clock = systemClock()
  const transport = createTcpTransport(clock)
  const drivers = new Map<string, PeerDriver>()
  const peers: LoadPeer[] = []
  const listening = await listenForPeers({
    transport,
    clock,
    at: { address: addressOf('127.0.0.1'), port: 0 },
    match: ({ remote }) => drivers.get(formatAddress(remote.address)),
    observe: () => undefined,
  })
  assert.equal(listening.kind, 'listening')
  const { listener } = listening
  t.after(async () => {
    listener.stop()
    await Promise.all(peers.map((peer) => peer.stop()))
    await Promise.all(Array.from(drivers.values(), (driver) => driver.stop('administrativeShutdown')))
  })

  function createDriver(address: string, config: Partial<PeerConfig>, events: PeerEvent[]): PeerDriver {
    const driver = createPeerDriver({
      config: configOf({ holdTimeSeconds: HOLD_SECONDS, isPassive: true, families: ['ipv4'], ...config }),
      remote: { address: addressOf(address), port: 179 },
      local: undefined,
      socket: undefined,
      isRestarting: false,
      record: undefined,
      transport,
      clock,
      // What is learned is for nobody: this end announces.
      observe: (event) => {
        if (event.kind !== 'learned') events.push(event)
      },
    })
    drivers.set(address, driver)
    driver.start()
    return driver
  }

  return {
    invite: async (addresses, load, config = {}) => {
      const events: PeerEvent[] = []
      const own = addresses.map((address) => createDriver(address, config, events))
      const to = { host: '127.0.0.1', port: listener.local.port }
      const peer = startLoadPeer({ from: addresses, to, asn: 65_002, holdTimeSeconds: HOLD_SECONDS, load })
      peers.push(peer)
      await until(() => own.every((driver) => driver.snapshot().state === 'established'))
      return { drivers: own, peer, events }
    },
  }
}

/** Begins everything, and returns what the quiet peer saw by the time that `isDone`. */
async function measure(
  quiet: LoadPeer,
  loaded: LoadPeer | undefined,
  isDone: () => Promise<boolean>,
): Promise<LoadReport> {
  quiet.begin()
  loaded?.begin()
  while (!(await isDone())) await moment()
  return quiet.report()
}

/** The thread is left alone meanwhile: what it does is measured. */
const moment = (): Promise<void> => new Promise((resolve) => void systemClock().after(5, resolve))

const passed = (ms: number): (() => Promise<boolean>) => {
  const endMs = performance.now() + ms
  return () => Promise.resolve(performance.now() > endMs)
}

/** How long the thread was held up at most, in milliseconds. */
async function longestBlockMs(run: () => Promise<void>): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  await run()
  delay.disable()
  return delay.max / 1e6
}

function assertUndisturbed({ longestGapMs, closed, notifications }: LoadReport, t: TestContext): void {
  t.diagnostic(`longest time between two messages to the other peer: ${Math.round(longestGapMs)} ms`)
  assert.ok(longestGapMs < LATEST_GAP_MS, `${longestGapMs} ms between two messages to the other peer`)
  assert.deepEqual([closed, notifications], [[], []])
}

describe('one peer over TCP harms no other', () => {
  for (const count of [200_000, 1_000_000]) {
    it(`when it announces ${count} prefixes: memory stays flat, KEEPALIVEs and hold timers are on time`, async (t) => {
      const house = await createHouse(t)
      const quiet = await house.invite(['127.1.0.1'], { kind: 'none' })
      const flood = await house.invite(['127.1.0.2'], { kind: 'prefixes', count })
      const [driver] = flood.drivers
      const before = heapBytes()
      const updates = Math.ceil(count / 800)
      const startMs = performance.now()
      const report = await measure(quiet.peer, flood.peer, () =>
        Promise.resolve(driver!.snapshot().received.messages.update >= updates),
      )
      const grownMiB = (heapBytes() - before) / 1_048_576
      t.diagnostic(`${Math.round(performance.now() - startMs)} ms, ${grownMiB.toFixed(1)} MiB more`)
      assert.ok(grownMiB < 8, `${grownMiB} MiB more`)
      assertUndisturbed(report, t)
      const own = await flood.peer.report()
      assert.ok(own.longestGapMs < LATEST_GAP_MS, `${own.longestGapMs} ms between two messages to the flooding peer`)
      assert.equal(driver!.snapshot().state, 'established')
    })
  }

  it('when ten peers send messages without end', async (t) => {
    const house = await createHouse(t)
    const quiet = await house.invite(['127.1.0.1'], { kind: 'none' })
    const addresses = Array.from({ length: 10 }, (_, index) => `127.1.0.${index + 2}`)
    const flood = await house.invite(addresses, { kind: 'keepalives' })
    const before = heapBytes()
    let report: LoadReport | undefined
    const blockMs = await longestBlockMs(async () => {
      report = await measure(quiet.peer, flood.peer, passed(1600))
    })
    const counts = flood.drivers.map((driver) => driver.snapshot().received.messages.keepalive)
    const grownMiB = (heapBytes() - before) / 1_048_576
    t.diagnostic(`${Math.min(...counts)} to ${Math.max(...counts)} messages, ${grownMiB.toFixed(1)} MiB more`)
    t.diagnostic(`the thread was held up for ${Math.round(blockMs)} ms at most`)
    assert.ok(Math.min(...counts) * 4 > Math.max(...counts), `each has its turn: ${counts.join()}`)
    assert.ok(grownMiB < 16, `${grownMiB} MiB more`)
    assertUndisturbed(report!, t)
    assert.ok(flood.drivers.every((driver) => driver.snapshot().state === 'established'))
  })

  it('when it asks for all of 10,000 routes a thousand times a second, and its hold timer rings though it talks [rfc4271-6.5-expired]', async (t) => {
    const house = await createHouse(t)
    const quiet = await house.invite(['127.1.0.1'], { kind: 'none' })
    const storm = await house.invite(['127.1.0.2'], { kind: 'refreshes', perSecond: 1000 })
    const [driver] = storm.drivers
    driver!.setRoutes(routesOf(0, 10_000))
    await until(() => driver!.snapshot().sent.messages.update > 10)
    const once = driver!.snapshot().sent.messages.update - 1
    const cpu = process.threadCpuUsage()
    const startMs = performance.now()
    const report = await measure(quiet.peer, storm.peer, passed(2500))
    const { user, system } = process.threadCpuUsage(cpu)
    const share = (user + system) / 1000 / (performance.now() - startMs)
    const { received, sent } = driver!.snapshot()
    const answers = (sent.messages.update - once - 1) / once
    t.diagnostic(`${received.messages.routeRefresh} requests, ${answers} answers, ${Math.round(share * 100)} % CPU`)
    assert.ok(received.messages.routeRefresh > 2000)
    assert.ok(answers >= 2 && answers <= 4, `${answers} answers`)
    assert.ok(share < 0.2, `${share} CPU`)
    assertUndisturbed(report, t)
    // Neither ROUTE-REFRESH nor anything else but KEEPALIVE and UPDATE restarts the hold timer.
    await until(() => driver!.snapshot().state !== 'established')
    await until(() => storm.events.some(({ kind }) => kind === 'lost'))
    const { notifications } = await storm.peer.report()
    assert.equal(notifications[0]?.codes, '4/0')
    // Since its last KEEPALIVE, which was sent up to 0.9 s before the first request.
    const { afterMs } = notifications[0]
    assert.ok(afterMs > 2000 && afterMs < 3000 + 500, `${afterMs} ms`)
  })

  it('when it reads nothing: little is kept for it, and the send hold timer ends it with a reset', async (t) => {
    const house = await createHouse(t)
    const quiet = await house.invite(['127.1.0.1'], { kind: 'none' })
    const deaf = await house.invite(['127.1.0.2'], { kind: 'deaf' }, { sendHoldSeconds: SEND_HOLD_SECONDS })
    const [driver] = deaf.drivers
    const sets: readonly (readonly Route[])[] = [routesOf(0, 20_000), routesOf(50_000, 20_000, [1])]
    driver!.setRoutes(sets[0]!)
    const before = heapBytes()
    let [most, round, stuckMs, endMs] = [0, 0, 0, 0]
    const report = await measure(quiet.peer, deaf.peer, () => {
      const { state, pendingBytes } = driver!.snapshot()
      most = Math.max(most, pendingBytes)
      if (pendingBytes > 0) stuckMs ||= performance.now()
      if (state === 'established') driver!.setRoutes(sets[(round += 1) % 2]!)
      else endMs ||= performance.now()
      return Promise.resolve(state !== 'established')
    })
    t.diagnostic(`${most} bytes pending at most; ended ${Math.round(endMs - stuckMs)} ms after nothing moved`)
    assert.ok(most > 0 && most < 262_144, `${most} bytes pending`)
    assert.ok((heapBytes() - before) / 1_048_576 < 8)
    assert.ok(endMs - stuckMs > 1000 * SEND_HOLD_SECONDS - 50 && endMs - stuckMs < 8000)
    assert.match(driver!.snapshot().lastFailure!.reason.code, /sendHold/)
    assertUndisturbed(report, t)
  })

  it('when 100,000 routes go out to it', async (t) => {
    const house = await createHouse(t)
    const quiet = await house.invite(['127.1.0.1'], { kind: 'none' })
    const taker = await house.invite(['127.1.0.2'], { kind: 'none' })
    const [driver] = taker.drivers
    const sets = [1, 2, 3].map((community) => routesOf(0, 100_000, [community]))
    const costs: number[] = []
    let [rounds, report]: [number, LoadReport | undefined] = [0, undefined]
    const blockMs = await longestBlockMs(async () => {
      report = await measure(quiet.peer, taker.peer, async () => {
        const { updates } = await taker.peer.report()
        const next = sets[rounds]
        // 124 messages of 4,096 octets, and the End-of-RIB of the first round.
        if (updates < rounds * 124 || next === undefined) return rounds === sets.length && updates >= rounds * 124
        const cpu = process.threadCpuUsage()
        driver!.setRoutes(next)
        costs.push(process.threadCpuUsage(cpu).user / 1000)
        rounds += 1
        return false
      })
    })
    t.diagnostic(`CPU in one go: ${costs.map(Math.round).join(', ')} ms`)
    t.diagnostic(`the thread was held up for ${Math.round(blockMs)} ms at most`)
    assertUndisturbed(report!, t)
  })
})
