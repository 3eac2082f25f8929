// Condition holdfast.dev/Announced of a Service, as `kubectl wait` sees it: controller and speakers as processes, a real API server, a
// real router. The test is kubelet: it makes Nodes, Services and endpoints.
//
//   kube-apiserver, etcd, holdfast controller
//   router ------------- switch ---- node-a  10.0.0.11  AS 64500  holdfast speaker
//   10.0.0.1, FRR, AS 64512      \-- node-b  10.0.0.12            holdfast speaker
//
// Claims:
//  1  Before a speaker has told, it is Unknown, in the same write as the address.
//  2  `kubectl wait --for=condition=holdfast.dev/Announced` ends when routers have the route; the message counts nodes and peers.
//  3  Without ready endpoints, without an advertisement, without a session, and on nodes that leave it is False, with the reason in words;
//     and True again when that ends.
//  4  A speaker that is killed does not announce, although its Node is Ready and all that it said still stands: the word of the kubelet
//     about its Pod counts. When it is back, so is the condition.
//  5  Of two families both have to have a route: the address that no router knows is named.
//  6  Conditions of others stay, the time of the transition moves only with the status, and nothing is written while nothing changes.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { clusterSkip } from '../cluster/capability.ts'
import { labSkip } from '../harness/capability.ts'
import { eventually, throughout } from '../harness/eventually.ts'
import { routerAddress } from '../harness/fabric.ts'
import type { Json } from '../harness/json.ts'
import { useSite } from '../harness/site.ts'
import { namespace, paths, SpeakerSite } from '../speaker/site.ts'

const executable = join(import.meta.dirname, '..', '..', 'node_modules', '.bin', 'holdfast')
const nodeAsn = 64500
const type = 'holdfast.dev/Announced'
const service = `${paths.services}/web`
const pods = `/api/v1/namespaces/${namespace}/pods`
const nodes = ['node-a', 'node-b']

describe('condition holdfast.dev/Announced', { skip: labSkip() || clusterSkip() }, () => {
  const lab = useSite({ nodes, nodeAsn, holdTimeSeconds: 9 })
  let site: SpeakerSite
  let made: SpeakerSite | undefined

  before(async () => {
    const { fabric, frr } = lab()
    site = made = await SpeakerSite.create(fabric, frr)
    await site.put(paths.pools, 'public', { addresses: ['192.0.2.10/32'] })
    await site.put(paths.advertisements, 'public', {})
    await putPeer(64512)
    const flags = ['--namespace', namespace, '--pod-name', 'one', '--port', '0', '--health-probe-port', '0']
    const { cluster } = site
    cluster.lab.start(undefined, 'controller', [
      executable,
      ...['controller', '--kubeconfig', cluster.kubeconfig(), '--log-level', 'debug'],
      ...flags,
    ])
  })
  after(async () => {
    await made?.cluster.stop()
  })

  const putPeer = (peerASN: number): Promise<void> =>
    site.put(paths.peers, 'router', {
      ...{ myASN: nodeAsn, peerASN, peerAddress: routerAddress.ipv4 },
      ...{ holdTime: '9s', keepaliveTime: '3s', connectTime: '1s' },
    })
  /** As the kubelet leaves it; `state`: of its container. */
  const putPod = async (node: string, state: object = { running: {} }): Promise<void> => {
    const path = `${pods}/speaker-${node}`
    if ((await site.api.send('GET', path)).status === 404) {
      await site.api.create(pods, {
        ...{ apiVersion: 'v1', kind: 'Pod' },
        metadata: { name: `speaker-${node}`, labels: { 'app.kubernetes.io/component': 'speaker' } },
        spec: { nodeName: node, containers: [{ name: 'speaker', image: 'holdfast' }] },
      })
    }
    const container = { name: 'speaker', image: 'holdfast', imageID: '', ready: true, restartCount: 0, state }
    await site.api.merge(`${path}/status`, { status: { phase: 'Running', containerStatuses: [container] } })
  }
  const startSpeaker = (node: string): unknown => site.start(node, ['--pod-name', `speaker-${node}`])
  const read = (): Promise<Json> => site.api.get(service)
  const conditionIn = (object: Json, wanted = type): Json | undefined =>
    object
      .at('status')
      .at('conditions')
      .list()
      .find((one) => one.at('type').text() === wanted)
  const says = async (status: string, reason: string, message: RegExp): Promise<Json> => {
    const found = await eventually(
      `the condition is ${status}, ${reason}`,
      async () => conditionIn(await read()),
      (one) => {
        assert.deepEqual([one?.at('status').text(), one?.at('reason').text()], [status, reason])
        assert.match(one?.at('message').text() ?? '', message)
      },
      { timeoutMs: 30_000 },
    )
    assert.ok(found)
    return found
  }
  const wait = (condition: string): Promise<string> =>
    site.cluster.kubectl(['wait', `--for=condition=${condition}`, '--timeout=30s', 'service/web'])

  test('before a speaker has told it is Unknown, in the same write as the address', async () => {
    await site.api.create(paths.services, {
      ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' } },
      spec: { type: 'LoadBalancer', ports: [{ port: 80 }] },
    })
    await says('Unknown', 'NotToldYet', /^no speaker has told/)
    assert.equal((await read()).at('status').at('loadBalancer').at('ingress').list().length, 1)
    const managers = (await read()).at('metadata').at('managedFields').list()
    assert.ok(!managers.some((one) => one.at('manager').text() === 'holdfast-announced'))
  })

  test('kubectl wait ends when the router has the route', async () => {
    await site.putEndpoints('web', ['node-a', 'node-b'])
    const waiting = wait(type)
    for (const node of nodes) {
      await putPod(node)
      startSpeaker(node)
    }
    assert.match(await waiting, /condition met/)
    assert.ok((await site.nextHops('192.0.2.10')).length > 0)
    await says('True', 'Announced', /^announced by [12] nodes? to 1 peer/)
    await site.announcedBy('192.0.2.10', ['node-a', 'node-b'])
  })

  test('conditions of others stay, and nothing is written while nothing changes', async () => {
    const theirs = {
      ...{ type: 'example.com/Checked', status: 'True', reason: 'Fine', message: '' },
      lastTransitionTime: '2026-01-01T00:00:00Z',
    }
    const apply = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, status: { conditions: [theirs] } }
    await site.cluster.kubectl(
      ['apply', '--server-side', '--subresource=status', '--field-manager=checker', '-f', '-'],
      { stdin: JSON.stringify(apply) },
    )
    await site.putEndpoints('web', ['node-a'], { ready: false, serving: false })
    await says('False', 'NoEndpoints', /no healthy endpoint/)
    await site.putEndpoints('web', ['node-a'])
    const { since, version } = await says('True', 'Announced', /./).then(async (one) => ({
      since: one.at('lastTransitionTime').text(),
      version: (await read()).at('metadata').at('resourceVersion').text(),
    }))
    assert.ok(conditionIn(await read(), 'example.com/Checked'))
    assert.ok(conditionIn(await read(), 'holdfast.dev/AddressAssigned'))
    await throughout(
      'the Service stays as it is',
      async () => (await read()).at('metadata').at('resourceVersion').text(),
      (now) => assert.equal(now, version),
      { timeoutMs: 4000 },
    )
    assert.equal(
      conditionIn(await read())
        ?.at('lastTransitionTime')
        .text(),
      since,
    )
  })

  test('no advertisement: False, and kubectl wait for it ends', async () => {
    const waiting = wait(`${type}=False`)
    await site.api.send('DELETE', `${paths.advertisements}/public`)
    assert.match(await waiting, /condition met/)
    await says('False', 'NoAdvertisement', /no BGPAdvertisement/i)
    await site.put(paths.advertisements, 'public', {})
    await says('True', 'Announced', /./)
  })

  test('no session: False, with what the speaker says of it', async () => {
    await putPeer(64599)
    await says('False', 'NoSession', /no session is Established: .*router \(/)
    await putPeer(64512)
    await says('True', 'Announced', /./)
  })

  test('a node that leaves does not end it; nor does it hide why the other one has to stop', async () => {
    const drain = (node: string, asked: object | null): Promise<unknown> =>
      site.api.merge(`${paths.nodeStates}/${node}`, { spec: { drain: asked } })
    await drain('node-a', { requestedAt: new Date().toISOString(), reason: 'disk' })
    await site.announcedBy('192.0.2.10', ['node-b'], { timeoutMs: 60_000 })
    await says('True', 'Announced', /^announced by (1 node|2 nodes) to 1 peer/)
    await site.putEndpoints('web', [])
    await says('False', 'NoEndpoints', /no healthy endpoint/)
    await drain('node-a', null)
    await site.putEndpoints('web', nodes)
    await site.announcedBy('192.0.2.10', nodes, { timeoutMs: 60_000 })
    await says('True', 'Announced', /^announced by (1 node|2 nodes) to 1 peer/)
  })

  test('speakers that are killed announce no more, although all that they said stands', async () => {
    for (const node of nodes) site.speaker(node).signal('SIGKILL')
    await putPod('node-a', { waiting: { reason: 'CrashLoopBackOff' } })
    await putPod('node-b', { terminated: { exitCode: 137, reason: 'Error' } })
    await says('False', 'SpeakerStopped', /^node-a, node-b were the last to announce it/)
    assert.equal((await site.api.get(paths.statuses)).at('items').list().length, 2, 'what they said stands')
    for (const node of nodes) {
      startSpeaker(node)
      await putPod(node)
    }
    await says('True', 'Announced', /./)
  })

  test('of two families both have to have a route', async () => {
    await site.put(paths.pools, 'both', { addresses: ['192.0.2.20/32', '2001:db8:20::1/128'], autoAssign: false })
    await site.api.create(paths.services, {
      ...{ apiVersion: 'v1', kind: 'Service' },
      metadata: { name: 'both', annotations: { 'metallb.io/address-pool': 'both' } },
      spec: { type: 'LoadBalancer', ipFamilyPolicy: 'RequireDualStack', ports: [{ port: 80 }] },
    })
    await site.putEndpoints('both', nodes)
    await site.announcedBy('192.0.2.20', nodes)
    await eventually(
      'the address of the other family is named',
      async () => conditionIn(await site.api.get(`${paths.services}/both`)),
      (one) => {
        assert.deepEqual([one?.at('status').text(), one?.at('reason').text()], ['False', 'FamilyNotAnnounced'])
        assert.match(one?.at('message').text() ?? '', /route of 2001:db8:20::1: no BGPPeer .* carries IPv6 \(router\)$/)
      },
      { timeoutMs: 30_000 },
    )
  })
})
