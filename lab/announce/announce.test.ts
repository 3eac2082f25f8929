// Three nodes announce Services to one router over eBGP, IPv4 routes over IPv4 sessions and IPv6 over IPv6.
//
//                            +-- node-a  10.0.0.11  AS 64500  holdfast standalone --node node-a, web server
//   client --- router -------+-- node-b  10.0.0.12  AS 64500  holdfast standalone --node node-b, web server
//   10.0.1.2   10.0.0.1      +-- node-c  10.0.0.13  AS 64500  holdfast standalone --node node-c, web server
//              FRR, AS 64512
//              kernel ECMP, layer-4 hash
//
//   web    192.0.2.10  2001:db8::10  externalTrafficPolicy Cluster, endpoints on node-a and node-b
//   local  192.0.2.20  2001:db8::20  externalTrafficPolicy Local, endpoints on node-b and node-c
//
// Claims:
//  1  Every node has an Established session with the router in each family.
//  2  The next hops of a Cluster address are exactly the three nodes, in bgpd and in the kernel.
//  3  A client's connections to it are answered, and reach every node.
//  4  Paths carry the configured communities, origin IGP, the nodes' ASN alone, and no LOCAL_PREF.
//  5  A Local address is announced by the nodes with ready endpoints only, and only they answer.
//  6  An endpoint that is not ready takes its node out, and brings it back when it is ready.
//  7  Without any ready endpoint an address is withdrawn; the other Services stay.
//  8  A new Service is announced, and withdrawn when its manifest goes.
//  9  Edits of pools, Services, advertisements and other peers reset no session.
// 10  An edit of a peer resets that peer's sessions and no other.
// 11  A peer with a node selector has sessions from these nodes alone.
// 12  An aggregated advertisement gives one route for several Services, as long as one of them is announced.
// 13  A broken file, or a broken object, withdraws nothing; the next good version takes effect.
// 14  kill -9 withdraws nothing, since the node still forwards, and a new start takes over.
// 15  SIGTERM withdraws at once: the router gets Cease, Administrative Shutdown.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { labSkip } from '../harness/capability.ts'
import { eventually, throughout } from '../harness/eventually.ts'
import { routerAddress } from '../harness/fabric.ts'
import {
  advertisementManifest,
  endpointsManifest,
  peerManifest,
  poolManifest,
  serviceManifest,
  type PeerSpec,
} from '../harness/manifests.ts'
import { useSite } from '../harness/site.ts'

const nodeAsn = 64500
const holdTimeSeconds = 30
const all = ['node-a', 'node-b', 'node-c'] as const
const web = ['192.0.2.10', '2001:db8::10'] as const
const local = ['192.0.2.20', '2001:db8::20'] as const
/** Far below the hold time, and enough for a busy machine. */
const soon = { timeoutMs: 5000 }

const peer = (name: string, peerAddress: string, change: Partial<PeerSpec> = {}): string =>
  peerManifest({ name, myASN: nodeAsn, peerASN: 64512, peerAddress, holdTime: '30s', keepaliveTime: '10s', ...change })
const peers = (...more: readonly string[]): readonly string[] => [
  peer('router-v4', routerAddress.ipv4),
  peer('router-v6', routerAddress.ipv6),
  ...more,
]
const pool = (): string => poolManifest({ name: 'public', addresses: ['192.0.2.0/26', '2001:db8::/122'] })
const advertisement = (): string =>
  advertisementManifest({ name: 'public', pools: ['public'], communities: ['64500:100', 'large:64500:1:2', '64500:7'] })
const ready = (...nodes: readonly string[]): { node: string; isReady: boolean }[] =>
  nodes.map((node) => ({ node, isReady: true }))

describe('three nodes announce to FRR', { skip: labSkip() }, () => {
  const site = useSite({ nodes: all, nodeAsn, holdTimeSeconds })

  const writeLocal = (...endpoints: readonly { node: string; isReady: boolean }[]): void =>
    site().manifests.write(
      'local.yaml',
      serviceManifest({ name: 'local', id: 20, loadBalancerIPs: local, externalTrafficPolicy: 'Local' }),
      endpointsManifest('local', endpoints),
    )

  before(async () => {
    await site().fabric.serve([...web, ...local])
    site().manifests.write('peers.yaml', ...peers())
    site().manifests.write('pools.yaml', pool(), advertisement())
    site().manifests.write(
      'web.yaml',
      serviceManifest({ name: 'web', id: 10, loadBalancerIPs: web }),
      endpointsManifest('web', ready('node-a', 'node-b')),
    )
    writeLocal(...ready('node-b', 'node-c'))
    for (const name of all) site().start(name)
  })

  test('every node has an Established session in each family', async () => {
    await site().established(all, { timeoutMs: 20_000 })
    for (const { ipv4, ipv6 } of site().fabric.nodes) {
      assert.equal((await site().frr.neighbor(ipv4)).holdTimeMs, 30_000)
      assert.equal((await site().frr.neighbor(ipv6)).holdTimeMs, 30_000)
    }
  })

  for (const address of web) {
    test(`the next hops of ${address} are exactly the three nodes, in bgpd and in the kernel`, () =>
      site().announcedBy(address, all))
  }

  for (const address of web) {
    test(`connections of a client to ${address} are all answered, and reach every node`, async () => {
      const answers = await site().fabric.fetch(address, 120)
      assert.deepEqual([...answers.keys()].sort(), [...all])
    })
  }

  for (const prefix of ['192.0.2.10/32', '2001:db8::10/128']) {
    test(`the paths of ${prefix} carry the configured attributes and no others`, async () => {
      const paths = await site().frr.paths(prefix)
      assert.equal(paths.length, 3)
      for (const path of paths) {
        assert.equal(path.communities, '64500:7 64500:100')
        assert.equal(path.largeCommunities, '64500:1:2')
        assert.equal(path.asPath, '64500')
        assert.equal(path.origin, 'IGP')
        assert.equal(path.localPref, undefined)
        assert.equal(path.nextHop, path.peer)
      }
    })
  }

  for (const address of local) {
    test(`policy Local: ${address} is announced by the nodes with endpoints, and only they answer`, async () => {
      await site().announcedBy(address, ['node-b', 'node-c'])
      assert.deepEqual([...(await site().fabric.fetch(address, 60)).keys()].sort(), ['node-b', 'node-c'])
    })
  }

  test('an endpoint that is not ready takes its node out, and brings it back when it is ready', async () => {
    writeLocal({ node: 'node-b', isReady: false }, { node: 'node-c', isReady: true })
    for (const address of local) await site().announcedBy(address, ['node-c'])
    assert.deepEqual([...(await site().fabric.fetch(local[0], 20)).keys()], ['node-c'])
    writeLocal(...ready('node-b', 'node-c'))
    for (const address of local) await site().announcedBy(address, ['node-b', 'node-c'])
  })

  test('without any ready endpoint an address is withdrawn, and the other Services stay', async () => {
    writeLocal({ node: 'node-b', isReady: false }, { node: 'node-c', isReady: false })
    for (const address of local) await site().announcedBy(address, [])
    for (const address of web) await site().announcedBy(address, all)
    writeLocal()
    for (const address of local) await site().announcedBy(address, [])
    writeLocal(...ready('node-b', 'node-c'))
    for (const address of local) await site().announcedBy(address, ['node-b', 'node-c'])
  })

  test('a new Service is announced, and withdrawn when its manifest goes', async () => {
    const added = ['192.0.2.30', '2001:db8::30']
    site().manifests.write(
      'added.yaml',
      serviceManifest({ name: 'added', id: 30, loadBalancerIPs: added }),
      endpointsManifest('added', ready('node-a')),
    )
    for (const address of added) await site().announcedBy(address, all)
    site().manifests.remove('added.yaml')
    for (const address of added) await site().announcedBy(address, [])
  })

  test('edits of pools, Services, advertisements and other peers reset no session', async () => {
    const sessions = await site().sessions()
    const second = poolManifest({ name: 'second', addresses: ['198.51.100.0/28', '2001:db8:1::/124'] })
    const wanted = ['198.51.100.5', '2001:db8:1::5']
    site().manifests.write('pools.yaml', pool(), second, advertisement())
    site().manifests.write(
      'second.yaml',
      advertisementManifest({ name: 'second', pools: ['second'], communities: ['64500:200'] }),
      serviceManifest({ name: 'second', id: 40, loadBalancerIPs: wanted }),
      endpointsManifest('second', ready('node-a')),
    )
    // Nobody lives at this address: its session never comes up, and its peer is edited while it tries.
    site().manifests.write('peers.yaml', ...peers(peer('spare', '10.0.0.99')))
    for (const address of wanted) await site().announcedBy(address, all)
    site().manifests.write('peers.yaml', ...peers(peer('spare', '10.0.0.99', { holdTime: '60s' })))
    site().manifests.write(
      'second.yaml',
      advertisementManifest({ name: 'second', pools: ['second'], nodes: ['node-a'], communities: ['64500:201'] }),
      serviceManifest({ name: 'second', id: 40, loadBalancerIPs: wanted }),
      endpointsManifest('second', ready('node-a')),
    )
    for (const address of wanted) await site().announcedBy(address, ['node-a'])
    assert.deepEqual(
      (await site().frr.paths('198.51.100.5/32')).map((path) => path.communities),
      ['64500:201'],
    )
    site().manifests.remove('second.yaml')
    site().manifests.write('pools.yaml', pool(), advertisement())
    site().manifests.write('peers.yaml', ...peers())
    for (const address of wanted) await site().announcedBy(address, [])
    assert.deepEqual(await site().sessions(), sessions)
  })

  test('an edit of a peer resets the sessions of that peer and no other', async () => {
    const sessions = await site().sessions()
    site().manifests.write(
      'peers.yaml',
      peer('router-v4', routerAddress.ipv4),
      peer('router-v6', routerAddress.ipv6, { holdTime: '27s', keepaliveTime: '9s' }),
    )
    for (const { ipv6 } of site().fabric.nodes) {
      await eventually(
        'the edited session is Established anew',
        () => site().frr.neighbor(ipv6),
        (edited) => {
          assert.equal(edited.state, 'Established')
          assert.equal(edited.holdTimeMs, 27_000)
          assert.equal(edited.connectionsEstablished, (sessions[ipv6]?.connectionsEstablished ?? 0) + 1)
        },
      )
    }
    const now = await site().sessions()
    for (const { ipv4 } of site().fabric.nodes) assert.deepEqual(now[ipv4], sessions[ipv4])
    for (const address of web) await site().announcedBy(address, all)
  })

  test('a peer with a node selector has sessions from these nodes alone', async () => {
    const removed = site().fabric.node('node-c').ipv6
    site().manifests.write(
      'peers.yaml',
      peer('router-v4', routerAddress.ipv4),
      peer('router-v6', routerAddress.ipv6, { nodes: ['node-a', 'node-b'] }),
    )
    await site().announcedBy(web[1], ['node-a', 'node-b'])
    const { state, lastNotification } = await site().frr.neighbor(removed)
    assert.notEqual(state, 'Established')
    assert.equal(lastNotification, 'Cease/Peer De-configured')
    await site().announcedBy(web[0], all)
    site().manifests.write('peers.yaml', ...peers())
    await site().announcedBy(web[1], all)
  })

  test('an aggregated advertisement gives one route for several Services', async () => {
    const services = (...ids: readonly number[]): readonly string[] =>
      ids.flatMap((id) => [
        serviceManifest({ name: `many-${id}`, id, loadBalancerIPs: [`203.0.113.${id}`, `2001:db8:2::${id}`] }),
        endpointsManifest(`many-${id}`, ready('node-a')),
      ])
    const network = [
      poolManifest({ name: 'many', addresses: ['203.0.113.0/24', '2001:db8:2::/64'] }),
      advertisementManifest({ name: 'many', pools: ['many'], aggregationLength: 24, aggregationLengthV6: 64 }),
    ]
    const aggregates: { v4: readonly string[]; v6: readonly string[] } = {
      v4: ['203.0.113.0/24'],
      v6: ['2001:db8:2::/64'],
    }
    const read = async (): Promise<typeof aggregates> => ({
      v4: (await site().frr.prefixes('ipv4')).filter((prefix) => prefix.startsWith('203.')),
      v6: (await site().frr.prefixes('ipv6')).filter((prefix) => prefix.startsWith('2001:db8:2:')),
    })
    site().manifests.write('many.yaml', ...network, ...services(51, 52))
    await eventually('the router has the aggregates', read, (now) => assert.deepEqual(now, aggregates))
    site().manifests.write('many.yaml', ...network, ...services(52))
    const areKept = (now: typeof aggregates): void => assert.deepEqual(now, aggregates)
    await throughout('the router keeps the aggregates', read, areKept, { timeoutMs: 1000 })
    site().manifests.write('many.yaml', ...network)
    await eventually('the aggregates are withdrawn', read, (now) => assert.deepEqual(now, { v4: [], v6: [] }))
    site().manifests.remove('many.yaml')
  })

  test('a broken file or object withdraws nothing, and the next good version takes effect', async () => {
    const sessions = await site().sessions()
    const before = { v4: await site().frr.prefixes('ipv4'), v6: await site().frr.prefixes('ipv6') }
    site().manifests.write('pools.yaml', pool().replace('spec:', 'spec: [ {'), advertisement())
    site().manifests.write(
      'web.yaml',
      'apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: default\nspec: 7\n',
      endpointsManifest('web', ready('node-a', 'node-b')),
    )
    site().manifests.write(
      'peers.yaml',
      peer('router-v4', 'not an address'),
      peer('router-v6', routerAddress.ipv6, { myASN: -1 }),
    )
    await throughout(
      'everything stays announced over the same sessions',
      async () => ({
        v4: await site().frr.prefixes('ipv4'),
        v6: await site().frr.prefixes('ipv6'),
        sessions: await site().sessions(),
      }),
      (now) => assert.deepEqual(now, { ...before, sessions }),
      { timeoutMs: 3000 },
    )
    for (const name of all) assert.match(site().holdfast(name).output(), /pools\.yaml/)
    const mended = ['192.0.2.11', '2001:db8::11']
    site().manifests.write('pools.yaml', pool(), advertisement())
    site().manifests.write('peers.yaml', ...peers())
    site().manifests.write(
      'web.yaml',
      serviceManifest({ name: 'web', id: 10, loadBalancerIPs: mended }),
      endpointsManifest('web', ready('node-a', 'node-b')),
    )
    for (const address of mended) await site().announcedBy(address, all, { timeoutMs: 20_000 })
    for (const address of web) await site().announcedBy(address, [])
    site().manifests.write(
      'web.yaml',
      serviceManifest({ name: 'web', id: 10, loadBalancerIPs: web }),
      endpointsManifest('web', ready('node-a', 'node-b')),
    )
    for (const address of web) await site().announcedBy(address, all)
  })

  test('kill -9 withdraws nothing, since the node still forwards, and a new start takes over', async () => {
    site().holdfast('node-b').signal('SIGKILL')
    const { ipv4 } = site().fabric.node('node-b')
    await eventually(
      'the session is down',
      () => site().frr.neighbor(ipv4),
      ({ state }) => assert.notEqual(state, 'Established'),
      soon,
    )
    for (const address of web) await site().announcedBy(address, all, soon)
    assert.deepEqual([...(await site().fabric.fetch(web[0], 60)).keys()].sort(), [...all])
    site().start('node-b')
    await site().established(all, { timeoutMs: 20_000 })
    for (const address of web) await site().announcedBy(address, all)
  })

  test('SIGTERM withdraws at once: the router gets Cease, Administrative Shutdown', async () => {
    const status = await site().holdfast('node-c').stop(soon.timeoutMs)
    assert.deepEqual(status, { code: 0, signal: null })
    for (const address of web) await site().announcedBy(address, ['node-a', 'node-b'], soon)
    for (const address of local) await site().announcedBy(address, ['node-b'], soon)
    const { ipv4, ipv6 } = site().fabric.node('node-c')
    for (const address of [ipv4, ipv6]) {
      const { lastNotification, lastErrorCode } = await site().frr.neighbor(address)
      assert.equal(lastNotification, 'Cease/Administrative Shutdown')
      assert.equal(lastErrorCode, '0602')
    }
  })
})
