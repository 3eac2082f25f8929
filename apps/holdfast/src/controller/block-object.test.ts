import type { KubeObject } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import { encodeBlock } from '@holdfast/ipam'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ingressOf } from './service-object.ts'
import { specOf } from './testing/truth.ts'
import { createWorld, namespace, shop } from './testing/world.ts'

const { AddressBlock, IPAddressPool, Namespace, Service } = resourceTypes
const name = 'ipv4-192.0.2.0'

function createScene(range: string) {
  const world = createWorld()
  const { server } = world
  server.put(Namespace, { metadata: { name: shop } })
  server.put(IPAddressPool, { metadata: { name: 'gold', namespace }, spec: { addresses: [range] } })
  const read = (): KubeObject => {
    const block = server.read(AddressBlock, { namespace, name })
    assert.ok(block)
    return block
  }
  return {
    ...world,
    read,
    create: (service: string, address?: string): void => {
      const annotations = address === undefined ? {} : { 'metallb.io/loadBalancerIPs': address }
      server.put(Service, {
        metadata: { name: service, namespace: shop, annotations },
        spec: { type: 'LoadBalancer', clusterIPs: ['10.0.0.1'], ports: [{ port: 80, protocol: 'TCP' }] },
      })
    },
    addresses: (...services: readonly string[]): string =>
      services
        .flatMap((service) =>
          ingressOf(server.read(Service, { namespace: shop, name: service }) ?? assert.fail(service)),
        )
        .join(' '),
    held: (): readonly string[] =>
      specOf(read()).addresses.map((entry) => [entry.address, ...entry.holders.map((one) => one.name)].join(' ')),
  }
}

test('a block that somebody spoilt costs nobody an address, is left as it is, and is told with its field', async () => {
  // Two blocks have addresses of it.
  const { server, read, create, addresses, held, replica, until, pass, stop, lines } =
    createScene('192.0.2.61-192.0.2.70')
  for (const service of ['a', 'b']) create(service)
  create('c', '192.0.2.64')
  const { controller } = replica('one')
  await until('addresses', () => addresses('a', 'b', 'c') === '192.0.2.61 192.0.2.62 192.0.2.64')
  await pass(5000)
  const whole = read()
  const stored = encodeBlock(specOf(whole))
  const text = stored.addresses['192.0.2.62']
  for (const [spoilt, flaw] of [
    [{ ...stored.addresses, '192.0.2.62': 'mine' }, '192.0.2.62"] is not JSON'],
    [{ ...stored.addresses, '192.0.2.1': '{}' }, '192.0.2.1"] has no "pool"'],
    [{ ...stored.addresses, '192.0.2.64': text }, '192.0.2.64"] is not of this block, but of 192.0.2.64/26'],
  ] as const) {
    server.put(AddressBlock, { ...whole, spec: { ...stored, addresses: spoilt } })
    const { resourceVersion } = read().metadata
    const before = lines.length
    await pass(20_000)
    const told = lines.slice(before).filter((line) => line.includes('"faultyBlock"'))
    assert.equal(told.length, 1)
    const { details } = JSON.parse(told[0] ?? '') as { readonly details: readonly string[] }
    assert.deepEqual(details, [`AddressBlock ${name}: spec.addresses["${flaw}`])
    assert.equal(addresses('a', 'b', 'c'), '192.0.2.61 192.0.2.62 192.0.2.64')
    assert.equal(read().metadata.resourceVersion, resourceVersion)

    server.put(AddressBlock, { ...whole, spec: stored })
    await pass(20_000)
    assert.deepEqual(held(), ['192.0.2.61 a', '192.0.2.62 b'])
  }

  server.put(AddressBlock, { ...whole, spec: { ...stored, addresses: { '192.0.2.62': '' } } })
  await pass(5000)
  server.drop(Service, { namespace: shop, name: 'b' })
  for (const service of ['d', 'e']) create(service)
  // 192.0.2.62 and 192.0.2.63 are free, and can be given to nobody.
  await until('addresses of another block', () => addresses('d', 'e') === '192.0.2.65 192.0.2.66')
  assert.equal(addresses('a', 'c'), '192.0.2.61 192.0.2.64')

  // Deleted, it is made anew from what Services have.
  server.drop(AddressBlock, { namespace, name })
  await pass(20_000)
  assert.equal(addresses('a', 'c', 'd', 'e'), '192.0.2.61 192.0.2.64 192.0.2.65 192.0.2.66')
  assert.deepEqual(held(), ['192.0.2.61 a'])
  await stop(controller)
})

test('a block of a version that wrote lists is written anew from statuses, or removed where they name nothing of it', async () => {
  const { server, read, create, addresses, held, replica, until, pass, stop, lines } = createScene('192.0.2.0/24')
  create('old')
  create('web', '192.0.2.7')
  const first = replica('one')
  await until('addresses', () => addresses('web', 'old') === '192.0.2.7 192.0.2.0')
  await stop(first.controller)
  // As an API server hands them out under a schema that has no lists.
  const lists = (cidr: string) => ({ cidr, inUse: 2, addresses: [{}, {}], released: [{}] })
  const unused = 'ipv4-192.0.2.64'
  server.put(AddressBlock, { ...read(), spec: lists('192.0.2.0/26') })
  server.put(AddressBlock, { metadata: { name: unused, namespace }, spec: lists('192.0.2.64/26') })
  create('aaa')
  const before = lines.length
  const second = replica('two')
  await until('an address', () => addresses('aaa') === '192.0.2.1')
  await pass(5000)
  assert.equal(addresses('old', 'web'), '192.0.2.0 192.0.2.7')
  assert.deepEqual(held(), ['192.0.2.0 old', '192.0.2.1 aaa', '192.0.2.7 web'])
  assert.equal(server.read(AddressBlock, { namespace, name: unused }), undefined)
  assert.deepEqual(
    lines.slice(before).filter((line) => line.includes('"error"')),
    [],
  )
  await stop(second.controller)
})
