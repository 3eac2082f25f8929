// What holdfast status and explain say of a real speaker in front of a real API server and a real router, where something is wrong.
//
//   kube-apiserver, etcd
//   router ------------- switch ---- node-a  10.0.0.11  AS 64500  holdfast speaker
//   10.0.0.1, FRR, AS 64512
//
// Claims:
//  1  Where router and node have different passwords, or one of them has none, explain leads to the passwords of both sides. No password
//     is in what is said.
//  2  Where the DaemonSet of the speaker was deleted, status has no green node, though the NodeState says that all is well, and explain
//     announces from nowhere.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { clusterSkip } from '../cluster/capability.ts'
import { labSkip } from '../harness/capability.ts'
import { eventually } from '../harness/eventually.ts'
import { routerAddress } from '../harness/fabric.ts'
import { routerAsn, useSite } from '../harness/site.ts'
import { namespace, paths, SpeakerSite } from './site.ts'

const nodeAsn = 64500
const vip = '192.0.2.10'
const patient = { timeoutMs: 60_000 }

describe('status and explain where something is wrong', { skip: labSkip() || clusterSkip() }, () => {
  const lab = useSite({ nodes: ['node-a'], nodeAsn, holdTimeSeconds: 9 })
  let made: SpeakerSite | undefined
  let site: SpeakerSite

  const putPeer = (more: object = {}): Promise<void> =>
    site.put(paths.peers, 'router', {
      myASN: nodeAsn,
      peerASN: routerAsn,
      peerAddress: routerAddress.ipv4,
      holdTime: '9s',
      keepaliveTime: '3s',
      connectTime: '1s',
      ...more,
    })

  before(async () => {
    const { fabric, frr } = lab()
    site = made = await SpeakerSite.create(fabric, frr)
    await site.put(paths.pools, 'public', { addresses: ['192.0.2.0/24'] })
    await site.put(paths.advertisements, 'public', {})
    await putPeer()
    await site.putService('web', { ip: vip, nodes: ['node-a'] })
    site.start('node-a')
    await site.announcedBy(vip, ['node-a'], patient)
    await eventually('that is told', session, ({ state }) => assert.equal(state, 'Established'), patient)
  })
  after(async () => {
    await made?.cluster.stop()
  })

  const session = async (): Promise<{
    readonly state: string
    readonly reason: string
    readonly lastError: string
  }> => {
    const [one] = (await site.api.get(`${paths.nodeStates}/node-a`)).at('status').at('sessions').list()
    const text = (field: string): string => one?.at(field).textOr('') ?? ''
    return { state: text('state'), reason: text('reason'), lastError: text('lastError') }
  }
  /** On the router, where a change of it ends the session; undefined: none. */
  const setPassword = (text: string | undefined): Promise<string> => {
    const line = `neighbor ${lab().fabric.node('node-a').ipv4} password`
    return site.frr.execute(
      `configure terminal\nrouter bgp ${routerAsn}\n${text === undefined ? `no ${line}` : `${line} ${text}`}`,
    )
  }

  const cases = [
    {
      name: 'another password than the node',
      ours: 'our-canary',
      theirs: 'their-canary',
      says: /TCP MD5: check that the key/,
    },
    {
      name: 'no password, and the node one',
      ours: 'our-canary',
      theirs: undefined,
      says: /TCP MD5: check that the key/,
    },
    {
      name: 'a password, and the node none',
      ours: undefined,
      theirs: 'their-canary',
      says: /wants no password \(TCP MD5\)/,
    },
  ] as const
  for (const { name, ours, theirs, says } of cases) {
    test(`the router has ${name}: explain and status lead to the passwords, within seconds`, async () => {
      await setPassword(theirs)
      await putPeer(ours === undefined ? {} : { password: ours })
      await eventually(
        'it is told what may be the cause',
        session,
        ({ state, reason, lastError }) => {
          assert.notEqual(state, 'Established')
          assert.match(reason === '' ? lastError : reason, says)
        },
        patient,
      )
      const explained = await site.holdfast('explain', 'service', 'default/web')
      const status = await site.holdfast('status')
      for (const text of [explained, status]) {
        assert.match(text, says)
        assert.doesNotMatch(text, /canary/)
      }
      assert.match(explained, /at no router: 1 of 1 nodes would announce it, and none has a session with a router/)
      await setPassword(undefined)
      await putPeer()
      await site.announcedBy(vip, ['node-a'], patient)
      await eventually('that is told', session, ({ state }) => assert.equal(state, 'Established'), patient)
    })
  }

  test('the DaemonSet of the speaker was deleted: nothing is green in status, and explain announces from nowhere', async () => {
    const { kubectl } = site.cluster
    for (const object of [daemonSet, pod]) {
      await kubectl(['create', '-f', '-'], { stdin: JSON.stringify(object) })
    }
    await site.api.merge(`${paths.pods}/speaker-x/status`, {
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
    })
    await eventually(
      'all is well',
      () => site.holdfast('status'),
      (text) => assert.match(text, /node-a +● 1\/1 +1 +Announcing/),
      patient,
    )
    // What garbage collection and the kubelet do then.
    await kubectl(['-n', namespace, 'delete', 'daemonset', 'holdfast-speaker'])
    await kubectl(['-n', namespace, 'delete', 'pod', 'speaker-x', '--force'])
    await site.speaker('node-a').stop()
    assert.equal((await session()).state, 'Established', 'the NodeState says that all is well')
    const status = await site.holdfast('status')
    assert.match(
      status,
      /node-a +○ .*NoSpeaker +- +no pod of a speaker is in this namespace, and its speaker does not answer;/,
    )
    const explained = await site.holdfast('explain', 'service', 'default/web')
    assert.match(
      explained,
      /announced by none of 1 nodes: no pod of a speaker is in this namespace, and its speaker does/,
    )
  })
})

const labels = { 'app.kubernetes.io/name': 'holdfast', 'app.kubernetes.io/component': 'speaker' }
const containers = [{ name: 'speaker', image: 'localhost/holdfast' }]

const daemonSet = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'holdfast-speaker', namespace, labels },
  spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
}

/** As the DaemonSet's controller makes it. */
const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'speaker-x', namespace, labels },
  spec: { nodeName: 'node-a', containers },
}
