// A router that no longer speaks, and a link that no longer carries. Nothing closes the TCP connection in either case:
// only the hold timer can tell.
//
//   router ---- switch ---- node-a  10.0.0.11  AS 64500  holdfast standalone, hold time 3 s
//   10.0.0.1, FRR, AS 64512
//   10.0.0.2, a router that falls silent after its first KEEPALIVE, port 1790
//
// Claims:
//  1  A silent router gets NOTIFICATION 4/0 (Hold Timer Expired) after the hold time, not before, and KEEPALIVEs until
//     then.
//  2  When a frozen bgpd runs again, the session comes back and so do the routes.
//  3  When the link is cut, the router drops the routes by its hold timer, and the node gives the connection up by its
//     own; when the link is mended, session and routes come back.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { labSkip } from '../harness/capability.ts'
import { run } from '../harness/command.ts'
import { eventually } from '../harness/eventually.ts'
import { routerAddress } from '../harness/fabric.ts'
import { establishedTcp } from '../harness/kernel.ts'
import {
  advertisementManifest,
  endpointsManifest,
  peerManifest,
  poolManifest,
  serviceManifest,
} from '../harness/manifests.ts'
import { useSite } from '../harness/site.ts'

const nodeAsn = 64500
const address = '192.0.2.10'
const timers = { holdTime: '3s', keepaliveTime: '1s' }
const patient = { timeoutMs: 30_000 }

const peer = (name: string, peerAddress: string, peerPort = 179): string =>
  peerManifest({ name, myASN: nodeAsn, peerASN: 64512, peerAddress, peerPort, ...timers })
const peers = [peer('router-v4', routerAddress.ipv4), peer('router-v6', routerAddress.ipv6)]

describe('only the hold timer can tell', { skip: labSkip() }, () => {
  const site = useSite({ nodes: ['node-a'], nodeAsn, holdTimeSeconds: 3 })

  const connections = (): Promise<readonly string[]> => establishedTcp(site().fabric.node('node-a').namespace, 179)

  before(async () => {
    site().manifests.write('peers.yaml', ...peers)
    site().manifests.write(
      'web.yaml',
      poolManifest({ name: 'public', addresses: ['192.0.2.0/26', '2001:db8::/122'] }),
      advertisementManifest({ name: 'public' }),
      serviceManifest({ name: 'web', id: 10, loadBalancerIPs: [address, '2001:db8::10'] }),
      endpointsManifest('web', [{ node: 'node-a', isReady: true }]),
    )
    site().start('node-a')
    await site().established(['node-a'], patient)
    await site().announcedBy(address, ['node-a'])
  })

  test('a silent router gets NOTIFICATION 4/0 after the hold time, and KEEPALIVEs until then', async () => {
    await run('ip', '-n', site().fabric.router, 'address', 'add', '10.0.0.2/24', 'dev', 'eth0')
    const program = fileURLToPath(import.meta.resolve('../harness/silent-router.ts'))
    const { lab, router } = site().fabric
    const silent = lab.start(router, 'silent-router', [process.execPath, program, '10.0.0.2', '1790'])
    await eventually(
      'the silent router listens',
      () => silent.output(),
      (output) => assert.match(output, /listening/),
    )
    site().manifests.write('peers.yaml', ...peers, peer('silent', '10.0.0.2', 1790))
    const received = await eventually(
      'the silent router receives a NOTIFICATION',
      () =>
        silent
          .jsonLines()
          .filter((line) => line.at('event').text() === 'received')
          .map((line) => ({ ms: line.at('ms').number(), bytes: line.at('bytes').text() })),
      (messages) => assert.ok(messages.some(({ bytes }) => bytes.slice(36, 38) === '03')),
      patient,
    )
    const end = received.findIndex(({ bytes }) => bytes.slice(36, 38) === '03')
    const notification = received[end]
    assert.ok(notification !== undefined)
    assert.equal(notification.bytes, `${'ff'.repeat(16)}0015030400`)
    assert.ok(notification.ms >= 2900 && notification.ms < 4500, `after ${notification.ms} ms`)
    const keepalives = received.slice(0, end).filter(({ bytes }) => bytes === `${'ff'.repeat(16)}001304`)
    assert.ok(keepalives.length >= 3, `${keepalives.length} KEEPALIVEs before it`)
    silent.end()
    site().manifests.write('peers.yaml', ...peers)
  })

  test('when a frozen router runs again, the session comes back and so do the routes', async () => {
    const { connectionsEstablished } = await site().frr.neighbor('10.0.0.11')
    await site().established(['node-a'], patient)
    const before = await connections()
    assert.equal(before.length, 2)
    site().frr.freeze()
    await eventually('holdfast gives both connections up', connections, (now) =>
      assert.deepEqual(
        now.filter((one) => before.includes(one)),
        [],
      ),
    )
    site().frr.thaw()
    await eventually(
      'a new session is Established',
      () => site().frr.neighbor('10.0.0.11'),
      (neighbor) => {
        assert.equal(neighbor.state, 'Established')
        assert.ok(neighbor.connectionsEstablished > connectionsEstablished)
      },
      patient,
    )
    await site().announcedBy(address, ['node-a'])
  })

  test('a cut link is noticed at both ends, and when it is mended session and routes come back', async () => {
    await site().established(['node-a'], patient)
    const before = await connections()
    assert.equal(before.length, 2)
    await site().fabric.cut('node-a')
    await site().announcedBy(address, [])
    assert.match((await site().frr.neighbor('10.0.0.11')).lastNotification ?? '', /^Hold Timer Expired/)
    await eventually('holdfast gives both connections up', connections, (now) =>
      assert.deepEqual(
        now.filter((one) => before.includes(one)),
        [],
      ),
    )
    await site().fabric.mend('node-a')
    await site().established(['node-a'], patient)
    await site().announcedBy(address, ['node-a'])
  })
})
