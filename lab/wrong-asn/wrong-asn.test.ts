// An ASN that one side has wrong.
//
//   router ---- switch ---- node-a  10.0.0.11  holdfast standalone
//   10.0.0.1, FRR, AS 64512, expects AS 64500
//
// Claims:
//  1  Where the manifest has the router's ASN wrong, the router gets NOTIFICATION 2/2 (Bad Peer AS), no session comes
//     up, and holdfast says which ASN it was told and which one the router has.
//  2  The right ASN in the manifest brings the session up without a restart.
//  3  Where the manifest has the node's own ASN wrong, the router refuses with 2/2, and holdfast says so with the ASN.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { labSkip } from '../harness/capability.ts'
import { eventually } from '../harness/eventually.ts'
import { routerAddress } from '../harness/fabric.ts'
import type { LoggedNotification, NeighborView } from '../harness/frr.ts'
import { peerManifest } from '../harness/manifests.ts'
import { useSite } from '../harness/site.ts'

const patient = { timeoutMs: 30_000 }

describe('an ASN that one side has wrong', { skip: labSkip() }, () => {
  const site = useSite({ nodes: ['node-a'], nodeAsn: 64500, holdTimeSeconds: 9 })

  const writePeer = (asns: { myASN: number; peerASN: number }): void =>
    site().manifests.write('peers.yaml', peerManifest({ name: 'router', peerAddress: routerAddress.ipv4, ...asns }))
  const neighbor = (): Promise<NeighborView> => site().frr.neighbor('10.0.0.11')
  const notifications = (): readonly LoggedNotification[] => site().frr.notifications('10.0.0.11')
  const printed = (): string => site().holdfast('node-a').output()

  before(() => {
    writePeer({ myASN: 64500, peerASN: 64999 })
    site().start('node-a')
  })

  test("the router's ASN wrong: the router gets NOTIFICATION 2/2, and holdfast names both ASNs", async () => {
    const [first] = await eventually(
      'the router has received a NOTIFICATION',
      notifications,
      (seen) => assert.notEqual(seen.length, 0),
      patient,
    )
    assert.deepEqual(first, { direction: 'received', codes: '2/2', reason: 'OPEN Message Error/Bad Peer AS' })
    assert.equal((await neighbor()).connectionsEstablished, 0)
    await eventually(
      'holdfast gives a reason with both ASNs',
      () => printed().split('\n'),
      (lines) => assert.ok(lines.some((line) => line.includes('64999') && line.includes('64512'))),
    )
  })

  test('the right ASN in the manifest brings the session up without a restart', async () => {
    writePeer({ myASN: 64500, peerASN: 64512 })
    await eventually('the session is Established', neighbor, (view) => assert.equal(view.state, 'Established'), patient)
  })

  test("the node's own ASN wrong: the router refuses with 2/2, and holdfast says so with the ASN", async () => {
    writePeer({ myASN: 64501, peerASN: 64512 })
    await eventually(
      'the router has sent NOTIFICATION 2/2',
      notifications,
      (seen) => assert.ok(seen.some(({ direction, codes }) => direction === 'sent' && codes === '2/2')),
      patient,
    )
    await eventually(
      'holdfast gives the reason with its own ASN',
      () => printed().split('\n'),
      (lines) => assert.ok(lines.some((line) => line.includes('64501') && /bad peer as/i.test(line))),
    )
  })
})
