import { resourceTypes } from '@holdfast/cluster'
import type { KubeObject, MemoryApi } from '@holdfast/cluster'
import { encodeBlock } from '@holdfast/ipam'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { conditionOf, ingressOf } from './service-object.ts'
import { createWorld, namespace, shop } from './testing/world.ts'
import { specOf } from './testing/truth.ts'

function createScene() {
  const world = createWorld()
  const { server } = world
  server.put(resourceTypes.Namespace, { metadata: { name: shop } })
  let seed = 1
  const replica = (identity: string, onPoolLoss: 'Reassign' | 'Hold' = 'Reassign', loadBalancerClass?: string) => {
    seed += 1
    const random = (): number => ((seed = (seed * 16_807) % 2_147_483_647) - 1) / 2_147_483_646
    const ofClass = loadBalancerClass === undefined ? {} : { loadBalancerClass }
    return world.replica(identity, { onPoolLoss, random, ...ofClass })
  }
  const service = (name: string): KubeObject => {
    const object = server.read(resourceTypes.Service, { namespace: shop, name })
    assert.ok(object)
    return object
  }
  return { ...world, replica, service }
}

const putPool = (server: MemoryApi, name: string, ...addresses: string[]): void =>
  void server.put(resourceTypes.IPAddressPool, { metadata: { name, namespace }, spec: { addresses } })

const putService = (
  server: MemoryApi,
  name: string,
  spec: object = {},
  annotations: Record<string, string> = {},
): void =>
  void server.put(resourceTypes.Service, {
    metadata: { name, namespace: 'shop', annotations },
    spec: { type: 'LoadBalancer', clusterIPs: ['10.0.0.1'], ports: [{ port: 80, protocol: 'TCP' }], ...spec },
  })

const eventsOf = (server: MemoryApi, name: string): readonly string[] =>
  server
    .readAll(resourceTypes.Event)
    .filter((event) => (event['involvedObject'] as { readonly name: string }).name === name)
    .map((event) => `${String(event['type'])} ${String(event['reason'])}: ${String(event['message'])}`)
    .sort()

test('a new Service gets address, annotation, condition and event with three requests', async () => {
  const { server, until, replica, service, pass } = createScene()
  putPool(server, 'gold', '192.0.2.0/24')
  const { controller, client } = replica('a')
  await until('it leads', () => controller.planned() !== undefined)
  await pass(5000)
  client.forgetRequests()
  putService(server, 'web')
  await until('an address', () => ingressOf(service('web')).length > 0)
  await until('an event', () => eventsOf(server, 'web').length > 0)
  assert.deepEqual(ingressOf(service('web')), ['192.0.2.0'])
  assert.equal(service('web').metadata.annotations?.['metallb.io/ip-allocated-from-pool'], 'gold')
  const condition = conditionOf(service('web'), 'holdfast.dev/AddressAssigned')
  assert.deepEqual([condition?.status, condition?.reason], ['True', 'Assigned'])
  assert.deepEqual(eventsOf(server, 'web'), ['Normal IPAllocated: Assigned IP [192.0.2.0]'])
  const own = client.requests().filter(({ type, verb }) => type.kind !== 'Lease' && verb !== 'watch')
  const perService = own.filter(({ type }) => type.kind !== 'IPAddressPool')
  assert.deepEqual(
    perService.map(({ verb, type }) => `${verb} ${type.kind}`),
    ['create AddressBlock', 'merge Service', 'create Event'],
  )
  await pass(3000)
  assert.deepEqual(server.readAll(resourceTypes.IPAddressPool)[0]?.['status'], {
    assignedIPv4: 1,
    assignedIPv6: 0,
    availableIPv4: 255,
    availableIPv6: 0,
  })
  client.forgetRequests()
  await pass(300_000)
  const idle = client.requests().filter(({ type, verb }) => type.kind !== 'Lease' && verb !== 'watch')
  assert.deepEqual(idle, [], 'nothing is asked or written while nothing changes')
  await controller.stop()
})

test('annotations under the old prefix are obeyed, and an event names them', async () => {
  const { server, until, replica, service, stop } = createScene()
  putPool(server, 'gold', '192.0.2.0/24')
  const old = { 'metallb.universe.tf/address-pool': 'gold', 'metallb.universe.tf/allow-shared-ip': 'k' }
  putService(server, 'web', {}, { ...old, 'metallb.io/allow-shared-ip': 'new' })
  const { controller } = replica('a')
  await until('two events', () => eventsOf(server, 'web').length === 2)
  assert.deepEqual(ingressOf(service('web')), ['192.0.2.0'])
  assert.ok(
    eventsOf(server, 'web').includes(
      'Warning deprecatedAnnotation: metallb.universe.tf/address-pool has an old prefix, which still works: write metallb.io/ instead',
    ),
  )
  await stop(controller)
})

test('a burst of Services costs few block writes', async () => {
  const { server, until, replica, pass } = createScene()
  putPool(server, 'gold', '192.0.2.0/24', '198.51.100.0/24')
  const { controller, client } = replica('a')
  await until('it leads', () => controller.planned() !== undefined)
  await pass(5000)
  client.forgetRequests()
  for (let index = 0; index < 300; index += 1) putService(server, `web-${index}`)
  const isDone = (): boolean => server.readAll(resourceTypes.Service).every((object) => ingressOf(object).length === 1)
  await until('all have addresses', isDone)
  const addresses = new Set(server.readAll(resourceTypes.Service).flatMap(ingressOf))
  assert.equal(addresses.size, 300)
  const blocks = client.requests().filter(({ type }) => type.kind === 'AddressBlock')
  assert.ok(blocks.length <= 10, `${blocks.length} block writes`)
  await controller.stop()
})

test('a restart changes nothing and repeats no event', async () => {
  const { server, until, replica, pass, stop } = createScene()
  putPool(server, 'gold', '192.0.2.0/31')
  const first = replica('a')
  for (const name of ['web', 'api', 'late']) putService(server, name)
  await until('refused', () => eventsOf(server, 'web').length > 0 && eventsOf(server, 'late').length > 0)
  await pass(5000)
  await stop(first.controller)
  const before = server.resourceVersion()
  const services = server.readAll(resourceTypes.Service)
  const events = server.readAll(resourceTypes.Event).length
  const second = replica('b')
  await until('it leads', () => second.controller.planned() !== undefined)
  await pass(20_000)
  assert.deepEqual(server.readAll(resourceTypes.Service), services)
  assert.equal(server.readAll(resourceTypes.Event).length, events)
  assert.ok(Number(server.resourceVersion()) > Number(before), 'the lease at least')
  await stop(second.controller)
})

test('where no pool ever was, Services keep what somebody else gave them, until there is one', async () => {
  const { server, until, pass, replica, service, lines, stop } = createScene()
  const annotations = { 'metallb.io/ip-allocated-from-pool': 'theirs' }
  for (const [name, ip] of [
    ['web', '192.0.2.7'],
    ['shop', '198.51.100.9'],
  ] as const) {
    putService(server, name, {}, annotations)
    const object = service(name)
    server.put(resourceTypes.Service, { ...object, status: { loadBalancer: { ingress: [{ ip }] } } })
  }
  putService(server, 'new')
  const before = ['web', 'shop'].map((name) => service(name))
  const { controller } = replica('a')
  await until('the new one is told', () => conditionOf(service('new'), 'holdfast.dev/AddressAssigned') !== undefined)
  await pass(20_000)
  assert.deepEqual(
    ['web', 'shop'].map((name) => service(name)),
    before,
  )
  assert.equal(lines.filter((line) => line.includes('"noPools"')).length, 1)
  putPool(server, 'gold', '192.0.2.0/28')
  // From now on it is as with MetalLB: what no pool gives is taken away.
  await until('another address', () => ingressOf(service('shop')).some((ip) => ip !== '198.51.100.9'))
  assert.deepEqual(ingressOf(service('web')), ['192.0.2.7'])
  await stop(controller)
})

test('addresses that MetalLB gave are adopted before any is granted', async () => {
  const { server, until, replica, stop } = createScene()
  putPool(server, 'gold', '192.0.2.0-192.0.2.3')
  putService(server, 'aaa')
  server.put(resourceTypes.Service, {
    metadata: { name: 'web', namespace: 'shop', annotations: { 'metallb.io/ip-allocated-from-pool': 'gold' } },
    spec: { type: 'LoadBalancer', clusterIPs: ['10.0.0.1'], ports: [{ port: 80, protocol: 'TCP' }] },
    status: { loadBalancer: { ingress: [{ ip: '192.0.2.0', ipMode: 'VIP' }] } },
  })
  const { controller } = replica('a')
  const read = (name: string) =>
    server.read(resourceTypes.Service, { namespace: 'shop', name }) ?? { metadata: { name } }
  await until(
    'both',
    () => ingressOf(read('aaa')).length > 0 && conditionOf(read('web'), 'holdfast.dev/AddressAssigned') !== undefined,
  )
  assert.deepEqual(ingressOf(read('web')), ['192.0.2.0'])
  assert.deepEqual(ingressOf(read('aaa')), ['192.0.2.1'])
  assert.deepEqual(eventsOf(server, 'web'), [])
  await stop(controller)
})

const asksFor = (address: string) => ({ 'metallb.io/loadBalancerIPs': address })

const makeAnew = (server: MemoryApi, name: string, annotations: Record<string, string> = {}): void => {
  server.drop(resourceTypes.Service, { namespace: 'shop', name })
  putService(server, name, {}, annotations)
}

test('a Service made anew before anybody looked has not the address of the one before it against its own request', async () => {
  const { server, until, replica, service, pass, stop } = createScene()
  putPool(server, 'gold', '192.0.2.1-192.0.2.2')
  putService(server, 'd', {}, asksFor('192.0.2.1'))
  putService(server, 'e')
  const first = replica('a')
  const stateOfE = (): unknown => {
    const { status, reason } = conditionOf(service('e'), 'holdfast.dev/AddressAssigned') ?? {}
    return [ingressOf(service('e')).join(), status, reason]
  }
  const holders = (): readonly string[] =>
    server
      .readAll(resourceTypes.AddressBlock)
      .flatMap((block) =>
        specOf(block).addresses.flatMap((entry) =>
          entry.holders.map(({ name, uid }) => `${entry.address} ${name} ${uid}`),
        ),
      )
  const holderOf = (address: string, name: string): string => `${address} ${name} ${service(name).metadata.uid ?? ''}`
  await until('an address', () => ingressOf(service('e'))[0] === '192.0.2.2')
  await pass(5000)

  makeAnew(server, 'e')
  await until('the same address', () => ingressOf(service('e'))[0] === '192.0.2.2')
  await pass(5000)
  assert.deepEqual(holders(), [holderOf('192.0.2.1', 'd'), holderOf('192.0.2.2', 'e')])

  makeAnew(server, 'e', asksFor('192.0.2.1'))
  await pass(20_000)
  assert.deepEqual(stateOfE(), ['', 'False', 'AddressInUse'])
  assert.deepEqual(holders(), [holderOf('192.0.2.1', 'd')])
  server.drop(resourceTypes.Service, { namespace: 'shop', name: 'd' })
  await until('what it asks for', () => ingressOf(service('e'))[0] === '192.0.2.1')
  await pass(5000)

  putService(server, 'd')
  await until('the other address', () => ingressOf(service('d'))[0] === '192.0.2.2')
  await pass(5000)
  await stop(first.controller)
  makeAnew(server, 'e', asksFor('192.0.2.2'))
  const second = replica('b')
  await until('it leads', () => second.controller.planned() !== undefined)
  await pass(20_000)
  assert.deepEqual(stateOfE(), ['', 'False', 'AddressInUse'], 'also where no controller was there')
  assert.deepEqual(holders(), [holderOf('192.0.2.2', 'd')])
  await stop(second.controller)
})

test('a Service that was restored with its status keeps what that names', async () => {
  const { server, until, replica, service, pass, stop } = createScene()
  putPool(server, 'gold', '192.0.2.0/29')
  putService(server, 'aaa')
  putService(server, 'web')
  const { controller } = replica('a')
  await until('an address', () => ingressOf(service('web')).length > 0)
  await pass(5000)
  const restored = '192.0.2.5'
  server.drop(resourceTypes.Service, { namespace: 'shop', name: 'web' })
  server.put(resourceTypes.Service, {
    metadata: { name: 'web', namespace: 'shop' },
    spec: { type: 'LoadBalancer', clusterIPs: ['10.0.0.1'], ports: [{ port: 80, protocol: 'TCP' }] },
    status: { loadBalancer: { ingress: [{ ip: restored, ipMode: 'VIP' }] } },
  })
  await pass(20_000)
  assert.deepEqual(ingressOf(service('web')), [restored])
  const [block] = server.readAll(resourceTypes.AddressBlock)
  const { addresses } = specOf(block)
  assert.deepEqual(
    addresses.map(({ address, holders }) => [address, ...holders.map(({ uid }) => uid)]),
    [
      [ingressOf(service('aaa'))[0], service('aaa').metadata.uid],
      [restored, service('web').metadata.uid],
    ],
  )
  await stop(controller)
})

test('an address whose pool is gone is replaced, and an event names both', async () => {
  const { server, until, replica, service, stop } = createScene()
  putPool(server, 'gold', '192.0.2.0/31')
  putService(server, 'web')
  const { controller } = replica('a')
  await until('an address', () => ingressOf(service('web'))[0] === '192.0.2.0')
  putPool(server, 'gold', '198.51.100.0/31')
  await until('another', () => ingressOf(service('web'))[0] === '198.51.100.0')
  await until('events', () => eventsOf(server, 'web').length >= 3)
  const cleared = eventsOf(server, 'web').find((text) => text.includes('ClearAssignment'))
  assert.match(
    cleared ?? '',
    /192\.0\.2\.0 is not in any pool any more; 198\.51\.100\.0 takes the place of 192\.0\.2\.0/,
  )
  await stop(controller)
})

test('with Hold the address stays until a person releases it', async () => {
  const { server, until, replica, service, pass, stop } = createScene()
  putPool(server, 'gold', '192.0.2.0/31')
  putPool(server, 'silver', '198.51.100.0/31')
  putService(server, 'web')
  const { controller } = replica('a', 'Hold')
  await until('an address', () => ingressOf(service('web'))[0] === '192.0.2.0')
  server.drop(resourceTypes.IPAddressPool, { namespace, name: 'gold' })
  const condition = () => conditionOf(service('web'), 'holdfast.dev/AddressAssigned')
  await until('held', () => condition()?.reason === 'Held')
  await pass(20_000)
  assert.deepEqual(ingressOf(service('web')), ['192.0.2.0'])
  assert.match(
    condition()?.message ?? '',
    /192\.0\.2\.0 is in no pool any more.*holdfast\.dev\/release-address: "192\.0\.2\.0"/,
  )
  assert.ok(eventsOf(server, 'web').some((text) => text.startsWith('Warning AddressHeld')))
  const { metadata, spec, status } = service('web') as KubeObject & { readonly spec: unknown; readonly status: unknown }
  const annotations = { ...metadata.annotations, 'holdfast.dev/release-address': '192.0.2.0' }
  server.put(resourceTypes.Service, { metadata: { name: 'web', namespace: 'shop', annotations }, spec, status })
  await until('released', () => ingressOf(service('web'))[0] === '198.51.100.0')
  await stop(controller)
})

test('with Hold the address does not stay for another Service of the name', async () => {
  const { server, until, replica, service, pass, stop } = createScene()
  putPool(server, 'gold', '192.0.2.0/31')
  putService(server, 'web')
  const { controller } = replica('a', 'Hold')
  await until('an address', () => ingressOf(service('web'))[0] === '192.0.2.0')
  putPool(server, 'gold', '198.51.100.0/31')
  await until('held', () => conditionOf(service('web'), 'holdfast.dev/AddressAssigned')?.reason === 'Held')
  await pass(5000)
  makeAnew(server, 'web')
  await until('another address', () => ingressOf(service('web')).length > 0)
  assert.deepEqual(ingressOf(service('web')), ['198.51.100.0'])
  await stop(controller)
})

test('a standby takes over within 20 s after a kill and 3 s after a clean stop', async () => {
  const { server, until, replica, service, clock, pass, stop } = createScene()
  putPool(server, 'gold', '192.0.2.0/24')
  const first = replica('a')
  await until('a leads', () => first.controller.isLeader())
  const second = replica('b')
  await pass(10_000)
  first.client.setOutage('silent')
  const killedMs = clock.now()
  putService(server, 'web')
  await until('an address', () => ingressOf(service('web')).length > 0)
  assert.ok(clock.now() - killedMs < 20_000, `${clock.now() - killedMs} ms`)
  const third = replica('c')
  await pass(10_000)
  const stopping = second.controller.stop()
  const stoppedMs = clock.now()
  putService(server, 'api')
  await until('an address', () => ingressOf(service('api')).length > 0)
  assert.ok(clock.now() - stoppedMs < 3000, `${clock.now() - stoppedMs} ms`)
  await until('stopped', () => third.controller.isLeader())
  await stopping
  await stop(third.controller)
})

test('what is wrong with the configuration is in ConfigurationState, and in an event on the object', async () => {
  const { server, until, replica, stop } = createScene()
  putPool(server, 'gold', '192.0.2.0/24')
  putPool(server, 'silver', '192.0.2.128/25')
  const { controller } = replica('a')
  const key = { namespace, name: 'controller' }
  const status = (): Record<string, unknown> =>
    (server.read(resourceTypes.ConfigurationState, key)?.['status'] ?? {}) as Record<string, unknown>
  await until('invalid', () => status()['result'] === 'Invalid')
  assert.match(String(status()['errorSummary']), /IPAddressPool metallb-system\/silver/)
  await until('an event', () => eventsOf(server, 'silver').length === 1)
  putPool(server, 'silver', '198.51.100.0/25')
  await until('valid', () => status()['result'] === 'Valid')
  assert.equal(status()['errorSummary'], '')
  server.drop(resourceTypes.ConfigurationState, key)
  await until('made again', () => status()['result'] === 'Valid')
  await stop(controller)
})

test('a grant that somebody else wrote is written again before a status names it', async () => {
  const { server, until, replica, service, stop } = createScene()
  putPool(server, 'gold', '192.0.2.0/31')
  putService(server, 'web')
  const holder = { namespace: 'shop', name: 'web', uid: service('web').metadata.uid ?? '', terms: '' }
  const addresses = [{ address: '192.0.2.0', pool: 'gold', holders: [holder] }]
  server.put(resourceTypes.AddressBlock, {
    metadata: { name: 'ipv4-192.0.2.0', namespace },
    spec: encodeBlock({ cidr: '192.0.2.0/26', inUse: 1, addresses, released: [] }),
  })
  const { controller, client } = replica('a')
  await until('an address', () => ingressOf(service('web')).length > 0)
  const writes = client.requests().filter(({ verb }) => verb === 'replace' || verb === 'merge')
  assert.deepEqual(
    writes
      .filter(({ type }) => ['AddressBlock', 'Service'].includes(type.kind))
      .map(({ verb, type }) => `${verb} ${type.kind}`),
    ['replace AddressBlock', 'merge Service'],
  )
  await stop(controller)
})

test('an address that a Service loses and gets back at once is granted by a newer version of the block', async () => {
  const { server, until, pass, replica, service, stop } = createScene()
  const web = (): readonly string[] => ingressOf(service('web'))
  const version = () =>
    server.read(resourceTypes.AddressBlock, { namespace, name: 'ipv4-192.0.2.0' })?.metadata.resourceVersion
  putPool(server, 'gold', '192.0.2.0/31')
  putService(server, 'web', { loadBalancerIP: '192.0.2.1' })
  const { controller, client } = replica('a')
  await until('an address', () => web().length > 0)
  const before = version()
  const clearing = client.holdNext({ verbs: ['merge'], type: resourceTypes.Service, subresource: 'status' }, 'after')
  putPool(server, 'gold', '192.0.2.0/32')
  await until('the status without the address', () => clearing.hasArrived() && web().length === 0)
  putPool(server, 'gold', '192.0.2.0/31')
  // Long enough for the round after this one to know of it.
  await pass(500)
  clearing.release()
  await until('the address again', () => web().length > 0)
  // Whoever knows the version before has seen the Service off, and may take the grant from the block.
  assert.notEqual(version(), before)
  await stop(controller)
})

test('a Service that is no load balancer any more loses what is ours, and its address is free', async () => {
  const { server, until, replica, service, stop } = createScene()
  putPool(server, 'gold', '192.0.2.0/32')
  putService(server, 'web')
  const { controller } = replica('a')
  await until('an address', () => ingressOf(service('web')).length > 0)
  const { conditions } = service('web')['status'] as { readonly conditions: unknown }
  server.put(resourceTypes.Service, {
    metadata: { name: 'web', namespace: 'shop', annotations: service('web').metadata.annotations ?? {} },
    spec: { type: 'ClusterIP', clusterIPs: ['10.0.0.1'], ports: [{ port: 80, protocol: 'TCP' }] },
    status: { loadBalancer: {}, conditions },
  })
  putService(server, 'api')
  await until('the other one has it', () => ingressOf(service('api'))[0] === '192.0.2.0')
  assert.equal(service('web').metadata.annotations?.['metallb.io/ip-allocated-from-pool'], undefined)
  assert.equal(conditionOf(service('web'), 'holdfast.dev/AddressAssigned'), undefined)
  await stop(controller)
})

test('what a pool gave that is refused beside another one stays, also after a restart', async () => {
  const { server, until, replica, service, pass, stop } = createScene()
  putPool(server, 'gold', '192.0.2.0/31')
  putPool(server, 'silver', '198.51.100.0/31')
  putService(server, 'web', {}, { 'metallb.io/address-pool': 'silver' })
  putService(server, 'any', { loadBalancerIP: '198.51.100.1' })
  const first = replica('a')
  const held = (): readonly unknown[] => ['web', 'any'].map((name) => ingressOf(service(name))[0])
  await until('addresses', () => held().every((one) => one !== undefined))
  assert.deepEqual(held(), ['198.51.100.0', '198.51.100.1'])
  await stop(first.controller)
  putPool(server, 'gold', '192.0.2.0/31', '198.51.100.0/24')
  const second = replica('b')
  const conditions = () => ['web', 'any'].map((name) => conditionOf(service(name), 'holdfast.dev/AddressAssigned'))
  await until('held', () => conditions().every((one) => one?.reason === 'Held'))
  assert.match(conditions()[0]?.message ?? '', /198\.51\.100\.0 is of pool "silver", which is refused as it is now/)
  for (const name of ['b1', 'b2', 'b3']) putService(server, name)
  await until('others', () => ingressOf(service('b3')).length > 0)
  assert.deepEqual(ingressOf(service('b3')), ['198.51.100.2'])
  await pass(20_000)
  assert.deepEqual(held(), ['198.51.100.0', '198.51.100.1'])
  server.drop(resourceTypes.Service, { namespace: 'shop', name: 'b3' })
  putPool(server, 'gold', '192.0.2.0/31')
  await until('as before', () => conditions().every((one) => one?.message.includes('from pool "silver"')))
  assert.deepEqual(held(), ['198.51.100.0', '198.51.100.1'])
  const cleared = ['web', 'any'].flatMap((name) => eventsOf(server, name)).filter((text) => text.includes('Clear'))
  assert.deepEqual(cleared, [])
  await stop(second.controller)
})

test('with another class the addresses of Services that are not served any more are free, and their statuses stay', async () => {
  const { server, until, replica, service, pass, stop } = createScene()
  putPool(server, 'gold', '192.0.2.0-192.0.2.1')
  putService(server, 'web')
  const first = replica('a')
  await until('an address', () => ingressOf(service('web'))[0] === '192.0.2.0')
  await stop(first.controller)
  const second = replica('b', 'Reassign', 'example.com/ours')
  const ours = { loadBalancerClass: 'example.com/ours' }
  putService(server, 'api', ours)
  // The one that was in use last is handed out last.
  await until('another address', () => ingressOf(service('api'))[0] === '192.0.2.1')
  putService(server, 'late', ours)
  await until('the one that is free', () => ingressOf(service('late'))[0] === '192.0.2.0')
  assert.deepEqual(ingressOf(service('web')), ['192.0.2.0'])
  assert.equal(service('web').metadata.annotations?.['metallb.io/ip-allocated-from-pool'], undefined)
  assert.equal(conditionOf(service('web'), 'holdfast.dev/AddressAssigned'), undefined)
  await pass(10_000)
  second.client.forgetRequests()
  await pass(600_000)
  const asked = second.client.requests().filter(({ type }) => type.kind !== 'Lease' && type.kind !== 'ServiceBGPStatus')
  assert.deepEqual(
    asked.filter(({ verb }) => verb !== 'watch' && verb !== 'list').map(({ verb, type }) => `${verb} ${type.kind}`),
    [],
  )
  await stop(second.controller)
})
