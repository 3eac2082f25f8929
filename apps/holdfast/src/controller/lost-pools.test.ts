import { resourceTypes } from '@holdfast/cluster'
import type { MemoryApi } from '@holdfast/cluster'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { conditionOf, ingressOf } from './service-object.ts'
import { createWorld, namespace, shop } from './testing/world.ts'
import { specOf } from './testing/truth.ts'

function createScene() {
  const world = createWorld()
  const { server } = world
  server.put(resourceTypes.Namespace, { metadata: { name: shop } })
  const service = (name: string) => {
    const object = server.read(resourceTypes.Service, { namespace: shop, name })
    assert.ok(object)
    return object
  }
  return { ...world, service }
}

const putPool = (server: MemoryApi, name: string, ...addresses: string[]): void =>
  void server.put(resourceTypes.IPAddressPool, { metadata: { name, namespace }, spec: { addresses } })

const putService = (server: MemoryApi, name: string, spec: object = {}, annotations: Record<string, string> = {}) =>
  void server.put(resourceTypes.Service, {
    metadata: { name, namespace: shop, annotations },
    spec: { type: 'LoadBalancer', clusterIPs: ['10.0.0.1'], ports: [{ port: 80, protocol: 'TCP' }], ...spec },
  })

test('after a pool was deleted and made anew each Service has its own address again, also with another controller', async () => {
  const { server, until, replica, service, pass, stop } = createScene()
  const addresses = (...names: readonly string[]) => names.map((name) => ingressOf(service(name))[0])
  putPool(server, 'gold', '10.77.0.0/28')
  for (const name of ['za', 'zb', 'zc', 'zd']) putService(server, name)
  const first = replica('a')
  await until('addresses', () => addresses('za', 'zb', 'zc', 'zd').every((one) => one !== undefined))
  server.drop(resourceTypes.Service, { namespace: 'shop', name: 'za' })
  server.drop(resourceTypes.IPAddressPool, { namespace, name: 'gold' })
  await until('none', () => addresses('zb', 'zc', 'zd').every((one) => one === undefined))
  await pass(5000)
  const block = () => specOf(server.read(resourceTypes.AddressBlock, { namespace, name: 'ipv4-10.77.0.0' }))
  assert.deepEqual(
    [block().inUse, block().released.map(({ service: key }) => key)],
    [0, ['shop/za', 'shop/zb', 'shop/zc', 'shop/zd']],
  )
  await stop(first.controller)
  const second = replica('b')
  await pass(20_000)
  putPool(server, 'gold', '10.77.0.0/28')
  putService(server, 'ya')
  await until('addresses', () => addresses('ya', 'zb', 'zc', 'zd').every((one) => one !== undefined))
  assert.deepEqual(addresses('ya', 'zb', 'zc', 'zd'), ['10.77.0.4', '10.77.0.1', '10.77.0.2', '10.77.0.3'])
  await stop(second.controller)
})

test('a Service that asks a refused pool is told that it is refused, and is served once it is not', async () => {
  const { server, until, replica, service, stop } = createScene()
  putPool(server, 'gold', '192.0.2.0/24')
  const { controller } = replica('a')
  putService(server, 'first')
  await until('an address', () => ingressOf(service('first')).length > 0)
  putPool(server, 'silver', '192.0.2.128/25')
  putService(server, 'web', {}, { 'metallb.io/address-pool': 'silver' })
  putService(server, 'any', { loadBalancerIP: '198.51.100.1' })
  const condition = (name: string) => conditionOf(service(name), 'holdfast.dev/AddressAssigned')
  await until('told', () => condition('web') !== undefined && condition('any') !== undefined)
  assert.equal(condition('web')?.reason, 'PoolRefused')
  assert.match(condition('web')?.message ?? '', /^pool "silver" is refused as it is now/)
  assert.match(condition('any')?.message ?? '', /not in any pool that is in force; pool "silver" is refused/)
  putPool(server, 'silver', '198.51.100.0/24')
  await until('served', () => ingressOf(service('any')).length > 0 && ingressOf(service('web')).length > 0)
  assert.deepEqual(ingressOf(service('any')), ['198.51.100.1'])
  await stop(controller)
})
