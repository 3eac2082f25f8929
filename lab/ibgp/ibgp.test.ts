// Nodes and router in one AS: local preference decides who is used.
//
//                      +-- node-a  10.0.0.11  localPref 200
//   router ---- switch +-- node-b  10.0.0.12  localPref 150
//   10.0.0.1           +-- node-c  10.0.0.13  localPref 150
//   FRR, all in AS 64512
//
// Claims:
//  1  Over iBGP every path carries the configured LOCAL_PREF, and an empty AS path.
//  2  The router uses the node with the highest local preference alone, in bgpd and in the kernel.
//  3  When that node leaves, the router uses the others together.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { labSkip } from '../harness/capability.ts'
import { routerAddress } from '../harness/fabric.ts'
import {
  advertisementManifest,
  endpointsManifest,
  peerManifest,
  poolManifest,
  serviceManifest,
} from '../harness/manifests.ts'
import { routerAsn, useSite } from '../harness/site.ts'

const all = ['node-a', 'node-b', 'node-c'] as const
const addresses = ['192.0.2.10', '2001:db8::10'] as const
const peer = (name: string, peerAddress: string): string =>
  peerManifest({ name, myASN: routerAsn, peerASN: routerAsn, peerAddress })

describe('local preference over iBGP', { skip: labSkip() }, () => {
  const site = useSite({ nodes: all, nodeAsn: routerAsn, holdTimeSeconds: 9 })

  before(async () => {
    site().manifests.write('peers.yaml', peer('router-v4', routerAddress.ipv4), peer('router-v6', routerAddress.ipv6))
    site().manifests.write(
      'web.yaml',
      poolManifest({ name: 'public', addresses: ['192.0.2.0/26', '2001:db8::/122'] }),
      advertisementManifest({ name: 'first', nodes: ['node-a'], localPref: 200 }),
      advertisementManifest({ name: 'second', nodes: ['node-b', 'node-c'], localPref: 150 }),
      serviceManifest({ name: 'web', id: 10, loadBalancerIPs: addresses }),
      endpointsManifest('web', [{ node: 'node-a', isReady: true }]),
    )
    for (const name of all) site().start(name)
    await site().established(all, { timeoutMs: 30_000 })
  })

  test('the router uses the node with the highest local preference alone', async () => {
    for (const address of addresses) await site().announcedBy(address, ['node-a'])
  })

  for (const prefix of ['192.0.2.10/32', '2001:db8::10/128']) {
    test(`every path of ${prefix} carries the configured local preference and an empty AS path`, async () => {
      const paths = await site().frr.paths(prefix)
      assert.deepEqual(
        paths.map(({ localPref }) => localPref),
        [200, 150, 150],
      )
      for (const { asPath } of paths) assert.ok(asPath === '' || asPath === 'Local', asPath)
    })
  }

  test('when that node leaves, the router uses the others together', async () => {
    await site().holdfast('node-a').stop()
    for (const address of addresses) await site().announcedBy(address, ['node-b', 'node-c'], { timeoutMs: 3000 })
  })
})
