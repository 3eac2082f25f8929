import { plainSession } from '@holdfast/bgp'
import type { BfdEvent, BfdService, RecordEntry } from '@holdfast/net'
import { createSimulatedNetwork } from '@holdfast/net'
import { createVirtualClock, type VirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { test } from 'node:test'
import type { Event } from '../events.ts'
import { startRouter } from '../router/router.ts'
import { nodeAddresses, routerAddress } from '../testing/world.ts'
import { Session } from './session.ts'
import type { SessionSettings } from './session-settings.ts'

const settings: SessionSettings = {
  identity: {
    config: {
      ...plainSession,
      localAsn: 64_512,
      remoteAsn: 64_500,
      routerId: 1,
      connectRetrySeconds: 30,
      families: ['ipv4'],
      gracefulRestart: { restartTimeSeconds: 120, hasNotification: true },
    },
    remote: { kind: 'address', endpoint: { address: routerAddress, port: 179 } },
    local: undefined,
    device: undefined,
  },
  socket: undefined,
  bfd: {
    transmitIntervalMs: 50,
    receiveIntervalMs: 50,
    detectMultiplier: 3,
    isPassive: false,
    echoReceiveIntervalMs: undefined,
    isMultihop: false,
    minimumTtl: 254,
  },
  routes: { nextHops: { ipv4: undefined, ipv6: undefined }, med: undefined, prepend: 0, extendedCommunities: [] },
  gracefulShutdownMs: 0,
}

/** A session with a router, and BFD whose every change the test makes. */
async function createFlapping(): Promise<{
  readonly clock: VirtualClock
  readonly session: Session
  readonly told: () => readonly Extract<Event, { event: 'bfd' }>[]
  readonly ends: () => number
  readonly isUp: () => boolean
  readonly flap: () => void
  readonly until: (condition: () => boolean) => Promise<void>
}> {
  const clock = createVirtualClock()
  const network = createSimulatedNetwork({ clock, seed: 1 })
  const report = (): void => undefined
  const listen = { address: routerAddress, port: 179 }
  await startRouter({ listen, asn: 64_500, transport: network.host(routerAddress), clock, report })
  const events: Event[] = []
  const recorded: RecordEntry[] = []
  let observe: (event: BfdEvent) => void = () => undefined
  const bfd: BfdService = {
    open: (_options, observer) => {
      observe = observer
      return { configure: () => undefined, snapshot: () => assert.fail(), stop: () => undefined }
    },
    stop: () => Promise.resolve(),
  }
  const terms = { key: 'node-a/router', node: 'node-a', peer: 'router', remoteText: '10.0.0.1:179', terms: settings }
  const session = new Session(terms, settings, false, {
    transport: network.host(nodeAddresses['node-a']),
    clock,
    report: (event) => events.push(event),
    bfd: () => bfd,
    record: () => (entry) => recorded.push(entry),
  })
  session.start()
  return {
    clock,
    session,
    told: () => events.filter((event) => event.event === 'bfd'),
    ends: () => recorded.filter(({ kind }) => kind === 'bfdDown').length,
    isUp: () => isEstablished(events),
    flap: () => {
      observe({ from: 'up', to: 'down', isFailure: true, message: 'the peer says that the session is down' })
      observe({ from: 'down', to: 'init', isFailure: false, message: 'the peer is heard' })
      observe({ from: 'init', to: 'up', isFailure: false, message: 'both sides hear each other' })
    },
    until: async (condition) => {
      for (let turn = 0; turn < 10_000 && !condition(); turn += 1) {
        await setImmediate()
        clock.advanceToNext()
      }
      assert.ok(condition())
    },
  }
}

function isEstablished(events: readonly Event[]): boolean {
  const last = events.findLast((event) => event.event === 'session')
  return last?.state === 'established'
}

test('of BFD that flaps 3000 times little is told, and BGP hears of it once for each time that it was up', async () => {
  const world = await createFlapping()
  await world.until(world.isUp)
  for (let count = 0; count < 1000; count += 1) world.flap()
  assert.equal(world.isUp(), false)
  assert.equal(world.ends(), 1)
  assert.equal(world.told().length, 10)
  world.clock.advance(1000)
  assert.equal(world.told().length, 11)
  const last = world.told().at(-1)
  assert.deepEqual(
    [last?.to, last?.message],
    ['up', 'both sides hear each other (after 2989 changes more, failures: 996)'],
  )
  await world.until(world.isUp)
  world.flap()
  assert.equal(world.ends(), 2)
})

test('a failure before BGP has said anything ends nothing, and the end of the session tells what waits', async () => {
  const world = await createFlapping()
  for (let count = 0; count < 5; count += 1) world.flap()
  assert.equal(world.ends(), 0)
  assert.equal(world.told().length, 10)
  const stopped = world.session.stop('administrativeShutdown')
  for (let turn = 0; turn < 100; turn += 1) {
    await setImmediate()
    world.clock.advance(100)
  }
  await stopped
  assert.equal(world.told().at(-1)?.to, 'up')
  assert.match(world.told().at(-1)?.message ?? '', /after 4 changes more/)
})
