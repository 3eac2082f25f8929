// Who connects to whom.
//
//   router ---- switch ---- node-a  10.0.0.11  AS 64500  holdfast standalone --listen [::]:1790
//   10.0.0.1, FRR, AS 64512, dials port 1790
//
// Claims:
//  1  A router that accepts no connection but dials gets a session, in both families, and the routes.
//  2  Where both sides dial and listen, one session is left for each family, and it stays.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { labSkip } from '../harness/capability.ts'
import { throughout } from '../harness/eventually.ts'
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
const peer = (name: string, peerAddress: string): string =>
  peerManifest({ name, myASN: nodeAsn, peerASN: 64512, peerAddress })

for (const { side, isListening } of [
  { side: 'a router that only dials', isListening: false },
  { side: 'a router that dials and listens, like the node', isListening: true },
]) {
  describe(side, { skip: labSkip() }, () => {
    const site = useSite({
      nodes: ['node-a'],
      nodeAsn,
      holdTimeSeconds: 9,
      neighbor: { isPassive: false, port: 1790 },
      router: { isListening },
    })

    before(() => {
      site().manifests.write('peers.yaml', peer('router-v4', routerAddress.ipv4), peer('router-v6', routerAddress.ipv6))
      site().manifests.write(
        'web.yaml',
        poolManifest({ name: 'public', addresses: ['192.0.2.0/26', '2001:db8::/122'] }),
        advertisementManifest({ name: 'public' }),
        serviceManifest({ name: 'web', id: 10, loadBalancerIPs: ['192.0.2.10', '2001:db8::10'] }),
        endpointsManifest('web', [{ node: 'node-a', isReady: true }]),
      )
      site().start('node-a', { listen: '[::]:1790' })
    })

    test('the session is Established in both families, and the routes are there', async () => {
      await site().established(['node-a'], patient)
      for (const address of ['192.0.2.10', '2001:db8::10']) await site().announcedBy(address, ['node-a'])
    })

    test('one session is left for each family, and it stays', async () => {
      const sessions = await site().sessions()
      const areSame = (now: typeof sessions): void => assert.deepEqual(now, sessions)
      await throughout('the sessions stay', () => site().sessions(), areSame, { timeoutMs: 5000 })
      for (const session of Object.values(sessions)) assert.equal(session.connectionsEstablished, 1)
    })
  })
}
