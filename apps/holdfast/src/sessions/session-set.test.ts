import { plainSession } from '@holdfast/bgp'
import { createSimulatedNetwork } from '@holdfast/net'
import { createVirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Event } from '../events.ts'
import { nodeAddresses, routerAddress } from '../testing/world.ts'
import { SessionSet } from './session-set.ts'
import type { WantedSession } from './wanted-sessions.ts'

const wanted: WantedSession = {
  key: 'node-a/router',
  node: 'node-a',
  peer: 'router',
  remoteText: '10.0.0.1:179',
  terms: {
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
    bfd: undefined,
    routes: { nextHops: { ipv4: undefined, ipv6: undefined }, med: undefined, prepend: 0, extendedCommunities: [] },
    gracefulShutdownMs: 0,
  },
}

test('a router that accepts TCP and says nothing is told of within seconds, and nothing is left armed at the end', async () => {
  const clock = createVirtualClock()
  const network = createSimulatedNetwork({ clock, seed: 1 })
  const nothing = (): void => undefined
  await network.host(routerAddress).listen(
    { address: routerAddress, port: 179 },
    {
      accepted: (connection) => connection.attach({ received: nothing, drained: nothing, closed: nothing }),
      faulted: nothing,
    },
  )
  const events: Event[] = []
  const sessions = new SessionSet({
    transport: network.host(nodeAddresses['node-a']),
    clock,
    record: undefined,
    protect: () => undefined,
    report: (event) => events.push(event),
  })
  sessions.apply(new Map([[wanted.key, wanted]]))
  clock.advance(12_000)
  assert.deepEqual(
    events.map((event) => event.event === 'session' && [event.state, event.reason]),
    [['openSent', 'tcpConnected']],
  )
  const stopped = sessions.stop('administrativeShutdown')
  clock.advance(5000)
  await stopped
  assert.equal(clock.pending(), 0)
})
