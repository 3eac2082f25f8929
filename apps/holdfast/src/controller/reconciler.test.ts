import type { KubeObject } from '@holdfast/cluster'
import { createMemoryApi, resourceTypes } from '@holdfast/cluster'
import { createVirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog } from '../kubernetes/log.ts'
import { controllerKeeps } from './kept.ts'
import type { Followed, Outcome, Reconciler } from './reconciler.ts'
import { createReconciler } from './reconciler.ts'
import { ingressOf } from './service-object.ts'

const namespace = 'metallb-system'
const origin = { file: 'memory', lineOf: () => undefined }

/** A reconciler over a server of which the test says what has been heard. */
function createScene() {
  const clock = createVirtualClock()
  const server = createMemoryApi({ clock })
  const keeps = controllerKeeps()
  server.put(resourceTypes.Namespace, { metadata: { name: 'shop' } })
  const reconciler: Reconciler = createReconciler({
    api: server.connect(),
    clock,
    log: createLog({ level: 'error', write: () => undefined, now: () => '' }),
    nowMs: () => Date.UTC(2026, 0, 1) + clock.now(),
    random: () => 0.5,
    rules: { loadBalancerClass: undefined, onPoolLoss: 'Reassign', namespace },
    tell: () => undefined,
    mayWrite: () => true,
    keep: { service: keeps('Service'), block: keeps('AddressBlock') },
    parallel: 4,
  })
  const all = (kind: 'Service' | 'Namespace' | 'IPAddressPool' | 'AddressBlock'): readonly KubeObject[] => {
    const { group, version } = resourceTypes[kind]
    const apiVersion = group === '' ? version : `${group}/${version}`
    return server.readAll(resourceTypes[kind]).map((object) => keeps(kind)({ ...object, apiVersion, kind }))
  }
  /** Everything that the server has. */
  const followed = (): Followed => {
    const [services, pools] = [all('Service'), all('IPAddressPool')]
    const objects = [...services, ...all('Namespace'), ...pools].map((value) => ({ value, origin }))
    const blocks = new Map(all('AddressBlock').map((block) => [block.metadata.name, block]))
    return { snapshot: { objects, faults: [] }, services, pools, blocks }
  }
  return {
    server,
    reconciler,
    followed,
    setPool: (name: string, addresses: readonly string[], autoAssign = true): void =>
      void server.put(resourceTypes.IPAddressPool, { metadata: { name, namespace }, spec: { addresses, autoAssign } }),
    addressesOf: (name: string): readonly string[] => {
      const object = server.read(resourceTypes.Service, { namespace: 'shop', name })
      return object === undefined ? [] : ingressOf(object)
    },
    /** Rounds with what the server has, until there is nothing to do. */
    settle: async (): Promise<void> => {
      for (let rounds = 0; rounds < 10; rounds += 1) {
        const { outcome } = await reconciler.round(followed())
        if (outcome.kind === 'settled') return
      }
      assert.fail('it does not settle')
    },
  }
}

const service = (name: string, port: number): Parameters<ReturnType<typeof createMemoryApi>['put']>[1] => ({
  metadata: { name, namespace: 'shop' },
  spec: { type: 'LoadBalancer', clusterIPs: ['10.0.0.1'], ports: [{ port, protocol: 'TCP' }] },
  status: { loadBalancer: {} },
})

/** A Service that had an address of silver first, and now has one of gold; both in one block. */
async function moved() {
  const scene = createScene()
  const { server, setPool, settle, followed, addressesOf } = scene
  setPool('silver', ['192.0.2.62-192.0.2.63'])
  server.put(resourceTypes.Service, service('a', 80))
  await settle()
  assert.deepEqual(addressesOf('a'), ['192.0.2.62'])
  const { blocks: oldBlocks } = followed()
  server.drop(resourceTypes.IPAddressPool, { namespace, name: 'silver' })
  setPool('gold', ['192.0.2.0-192.0.2.1'])
  await settle()
  assert.deepEqual(addressesOf('a'), ['192.0.2.0'])
  setPool('silver', ['192.0.2.62-192.0.2.63'], false)
  const world = followed()
  assert.equal((await scene.reconciler.round(world)).outcome.kind, 'settled')
  return { ...scene, oldBlocks, world }
}

test('a leader that leads again takes nothing by blocks that it heard of before', async () => {
  const { reconciler, oldBlocks, world, addressesOf, settle } = await moved()
  reconciler.forget()
  const outcomes: Outcome['kind'][] = []
  for (let rounds = 0; rounds < 4; rounds += 1) {
    // The very objects that it knew, beside blocks that are late: their watch was quiet for long.
    const { outcome } = await reconciler.round({ ...world, blocks: oldBlocks })
    outcomes.push(outcome.kind)
    assert.deepEqual(addressesOf('a'), ['192.0.2.0'], `after rounds that ended with ${outcomes.join()}`)
  }
  await settle()
  assert.deepEqual(addressesOf('a'), ['192.0.2.0'])
})

test('of two that share no more, the wrong one loses nothing by a block that it heard of before', async () => {
  const { server, setPool, settle, followed, addressesOf, reconciler } = createScene()
  setPool('gold', ['192.0.2.0-192.0.2.3'])
  const set = (name: string, port: number): void => {
    const { spec, metadata, ...made } = service(name, port)
    const known = server.read(resourceTypes.Service, { namespace: 'shop', name })
    const annotations = { ...known?.metadata.annotations, 'metallb.io/allow-shared-ip': 'key' }
    const status = known?.['status'] ?? made['status']
    server.put(resourceTypes.Service, { metadata: { ...metadata, annotations }, spec, status })
  }
  set('a', 80)
  set('b', 81)
  await settle()
  assert.deepEqual([addressesOf('a'), addressesOf('b')], [['192.0.2.0'], ['192.0.2.0']])
  const { blocks: oldBlocks } = followed()
  set('b', 82)
  await settle()
  // It came later to the port, so it has to go; by the block as it was before, both have changed.
  set('a', 82)
  const world = followed()
  reconciler.forget()
  for (let rounds = 0; rounds < 8; rounds += 1) {
    await reconciler.round({ ...world, blocks: oldBlocks })
    assert.deepEqual(addressesOf('b'), ['192.0.2.0'], `in round ${rounds}`)
  }
  await settle()
  assert.deepEqual([addressesOf('a'), addressesOf('b')], [['192.0.2.1'], ['192.0.2.0']])
})
