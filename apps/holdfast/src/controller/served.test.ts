import { createMemoryApi, resourceTypes } from '@holdfast/cluster'
import { createVirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { createLog } from '../kubernetes/log.ts'
import { createController } from './controller.ts'
import { servedByController } from './served.ts'

const namespace = 'metallb-system'

/** Whether the controller says that its configuration is stale, with these BGPPeers. */
async function isStale(...peers: readonly object[]): Promise<boolean> {
  const clock = createVirtualClock()
  const server = createMemoryApi({ clock })
  for (const [index, spec] of peers.entries()) {
    server.put(resourceTypes.BGPPeer, { metadata: { name: `router-${index}`, namespace }, spec })
  }
  const controller = createController({
    api: server.connect(),
    clock,
    nowMs: () => Date.UTC(2026, 0, 1) + clock.now(),
    random: () => 0.5,
    log: createLog({ level: 'none', write: () => undefined, now: () => '' }),
    command: { identity: 'one', namespace, loadBalancerClass: undefined, onPoolLoss: 'Reassign' },
  })
  controller.start()
  for (let turn = 0; turn < 2000 && controller.planned() === undefined; turn += 1) {
    for (let more = 0; more < 6; more += 1) await setImmediate()
    clock.advanceToNext()
  }
  assert.ok(controller.planned())
  const { isConfigurationStale } = servedByController(controller).counts()
  await controller.stop()
  return isConfigurationStale
}

const peer = { myASN: 64500, peerASN: 64512, peerAddress: '10.0.0.1' }

test('a peer with a passwordSecret, which the controller may not read, is no stale configuration', async () => {
  assert.equal(await isStale({ ...peer, passwordSecret: { name: 'tor', namespace } }), false)
})

test('a peer that is wrong is one', async () => {
  assert.equal(await isStale({ ...peer, myASN: 0 }), true)
})
