// Addresses outlive the program: what a Service got, it has again after a restart.
//
//   router ---- switch ---- node-a  10.0.0.11  AS 64500  holdfast standalone --state DIR
//   10.0.0.1, FRR, AS 64512
//
// Each Service is announced with a community of its own, 64500:<id>, so that the router's table says whose an address
// is.
//
// Claims:
//  1  After SIGTERM and a new start every Service has the addresses that it had.
//  2  After kill -9 and a new start too.
//  3  A file that is broken when the program starts is in force as it last was.
//  4  Services that came and went while the program was down move nobody else.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { labSkip } from '../harness/capability.ts'
import { eventually } from '../harness/eventually.ts'
import { routerAddress } from '../harness/fabric.ts'
import {
  advertisementManifest,
  endpointsManifest,
  peerManifest,
  poolManifest,
  serviceManifest,
} from '../harness/manifests.ts'
import { useSite } from '../harness/site.ts'

const nodeAsn = 64500
const patient = { timeoutMs: 30_000 }
const ids = { alpha: 1, bravo: 2, charlie: 3, delta: 4, echo: 5 } as const
type Name = keyof typeof ids

describe('addresses outlive the program', { skip: labSkip() }, () => {
  const site = useSite({ nodes: ['node-a'], nodeAsn, holdTimeSeconds: 9 })
  let held: Readonly<Record<string, readonly string[]>>

  const add = (name: Name): void =>
    site().manifests.write(
      `${name}.yaml`,
      serviceManifest({ name, id: ids[name] }),
      endpointsManifest(name, [{ node: 'node-a', isReady: true }]),
      advertisementManifest({ name, services: [name], communities: [`64500:${ids[name]}`] }),
    )

  /** Every Service's prefixes, by its community, once the router has two for each of these Services and no others. */
  const addressesOf = (...names: readonly Name[]): Promise<Readonly<Record<string, readonly string[]>>> =>
    eventually(
      `the router has two addresses each for ${names.join(', ')}`,
      readAddresses,
      (seen) =>
        assert.deepEqual(
          Object.entries(seen).map(([community, prefixes]) => [community, prefixes.length]),
          names.map((name) => [`64500:${ids[name]}`, 2]),
        ),
      patient,
    )

  const readAddresses = async (): Promise<Readonly<Record<string, readonly string[]>>> => {
    const prefixes = [...(await site().frr.prefixes('ipv4')), ...(await site().frr.prefixes('ipv6'))]
    const owned = await Promise.all(
      prefixes.map(async (prefix) => [(await site().frr.paths(prefix))[0]?.communities ?? '', prefix] as const),
    )
    const byOwner = Map.groupBy(owned, ([community]) => community)
    return Object.fromEntries(
      [...byOwner].sort().map(([community, all]) => [community, all.map(([, prefix]) => prefix).sort()]),
    )
  }

  before(async () => {
    const peer = { myASN: nodeAsn, peerASN: 64512 }
    site().manifests.write(
      'network.yaml',
      peerManifest({ name: 'router-v4', peerAddress: routerAddress.ipv4, ...peer }),
      peerManifest({ name: 'router-v6', peerAddress: routerAddress.ipv6, ...peer }),
      poolManifest({ name: 'public', addresses: ['192.0.2.0/28', '2001:db8::/124'] }),
    )
    for (const name of ['bravo', 'charlie', 'delta'] as const) add(name)
    site().start('node-a')
    held = await addressesOf('bravo', 'charlie', 'delta')
  })

  test('after SIGTERM and a new start every Service has the addresses that it had', async () => {
    await site().holdfast('node-a').stop()
    await eventually('the router has no route', readAddresses, (seen) => assert.deepEqual(seen, {}))
    site().start('node-a')
    assert.deepEqual(await addressesOf('bravo', 'charlie', 'delta'), held)
  })

  test('after kill -9 too, and meanwhile the router keeps its routes', async () => {
    site().holdfast('node-a').signal('SIGKILL')
    const { ipv4 } = site().fabric.node('node-a')
    await eventually(
      'the session is down',
      () => site().frr.neighbor(ipv4),
      ({ state }) => assert.notEqual(state, 'Established'),
    )
    assert.deepEqual(await readAddresses(), held)
    site().start('node-a')
    await site().established(['node-a'])
    assert.deepEqual(await addressesOf('bravo', 'charlie', 'delta'), held)
  })

  test('a file that is broken when the program starts is in force as it last was', async () => {
    await site().holdfast('node-a').stop()
    site().manifests.write('charlie.yaml', 'kind: [')
    site().start('node-a')
    assert.deepEqual(await addressesOf('bravo', 'charlie', 'delta'), held)
    assert.match(site().holdfast('node-a').output(), /charlie\.yaml/)
    add('charlie')
  })

  test('Services that came and went while the program was down move nobody else', async () => {
    await site().holdfast('node-a').stop()
    site().manifests.remove('delta.yaml')
    // Their names come first and last: whoever started from nothing would move the others by one.
    for (const name of ['alpha', 'echo'] as const) add(name)
    site().start('node-a')
    const now = await addressesOf('alpha', 'bravo', 'charlie', 'echo')
    assert.deepEqual(now[`64500:${ids.bravo}`], held[`64500:${ids.bravo}`])
    assert.deepEqual(now[`64500:${ids.charlie}`], held[`64500:${ids.charlie}`])
  })
})
