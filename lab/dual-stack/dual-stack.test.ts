// Both families over one session: BGPPeer with dualStackAddressFamily.
//
//   client --- router ---- switch +-- node-a  10.0.0.11  fd00:0:0:1::11  AS 64500
//              10.0.0.1           +-- node-b  10.0.0.12  fd00:0:0:1::12  AS 64500
//              FRR, AS 64512, its sessions over IPv4 carry IPv4 and IPv6
//
// Claims:
//  1  IPv6 routes come over the IPv4 session, with the nodes' IPv6 addresses as next hops.
//  2  A client reaches the nodes over both families.
//  3  A session that ends takes the routes of both families with it.
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

const nodes = ['node-a', 'node-b'] as const
const addresses = ['192.0.2.10', '2001:db8::10'] as const

describe('both families over one session', { skip: labSkip() }, () => {
  const site = useSite({ nodes, nodeAsn: 64500, holdTimeSeconds: 9, neighbor: { families: ['ipv4', 'ipv6'] } })

  before(async () => {
    await site().fabric.serve(addresses)
    const peer = { myASN: 64500, peerASN: 64512, peerAddress: routerAddress.ipv4, dualStackAddressFamily: true }
    site().manifests.write(
      'web.yaml',
      peerManifest({ name: 'router', ...peer }),
      poolManifest({ name: 'public', addresses: ['192.0.2.0/26', '2001:db8::/122'] }),
      advertisementManifest({ name: 'public' }),
      serviceManifest({ name: 'web', id: 10, loadBalancerIPs: addresses }),
      endpointsManifest('web', [{ node: 'node-a', isReady: true }]),
    )
    for (const name of nodes) site().start(name)
  })

  test("IPv6 routes come over the IPv4 session, with the nodes' IPv6 addresses as next hops", async () => {
    for (const { ipv4 } of site().fabric.nodes) {
      await eventually(
        `FRR's session with ${ipv4} is Established`,
        () => site().frr.neighbor(ipv4),
        (neighbor) => assert.equal(neighbor.state, 'Established'),
      )
    }
    for (const address of addresses) await site().announcedBy(address, nodes)
    const paths = await site().frr.paths('2001:db8::10/128')
    assert.deepEqual(
      paths.map(({ peer }) => peer),
      ['10.0.0.11', '10.0.0.12'],
    )
  })

  for (const address of addresses) {
    test(`connections of a client to ${address} reach both nodes`, async () => {
      assert.deepEqual([...(await site().fabric.fetch(address, 60)).keys()].sort(), [...nodes])
    })
  }

  test('a session that ends takes the routes of both families with it', async () => {
    await site().holdfast('node-b').stop()
    for (const address of addresses) await site().announcedBy(address, ['node-a'], { timeoutMs: 3000 })
  })
})
