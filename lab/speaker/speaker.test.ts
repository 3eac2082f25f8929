// The speaker in front of a real API server and a real router. The test is controller and kubelet.
//
//   kube-apiserver, etcd
//   router ------------- switch ---- node-a  10.0.0.11  AS 64500  holdfast speaker
//   10.0.0.1, FRR, AS 64512      \-- node-b  10.0.0.12
//
// Claims:
//  1  Each reason of COMPAT section 3.1 takes the route away, and its end brings it back, without resetting the session.
//  2  What is announced stands in ServiceBGPStatus, ConfigurationState, NodeState and one event, as kubectl shows them.
//  3  A drain marks, withdraws what the other node announces, and holds back what it does not; undrain brings all back.
//  4  The API server is stopped, or its packets are lost, and a speaker killed and started meanwhile: the router never loses a
//     route, and what changes afterwards is there within 30 s. HOLDFAST_LAB_OUTAGE_SECONDS says for how long.
//  5  SIGTERM of a speaker whose node stays keeps the routes; of one whose node goes away takes them along.
//  6  A changed Secret gives the session its new key, and the log tells of it.
//  7  explain, status and undrain --wait believe a speaker that answers, and none that is dead while its Node is Ready.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { clusterSkip } from '../cluster/capability.ts'
import { labSkip } from '../harness/capability.ts'
import { eventually, throughout } from '../harness/eventually.ts'
import { routerAddress } from '../harness/fabric.ts'
import { Json } from '../harness/json.ts'
import { createPacketLoss, packetLossSkip } from '../faults/packets.ts'
import { monitorRoutes, type Loss, type RouteMonitor } from '../faults/routes.ts'
import { useSite } from '../harness/site.ts'
import { namespace, paths, SpeakerSite } from './site.ts'

const nodeAsn = 64500
const vip = '192.0.2.10'
const alone = '192.0.2.11'
const patient = { timeoutMs: 30_000 }
const notReady = { ready: false, serving: false }
/** How long the API server is away in claim 4; the goal is 10 minutes. */
const outageSeconds = Number(process.env['HOLDFAST_LAB_OUTAGE_SECONDS'] ?? 8)

describe('holdfast speaker', { skip: labSkip() || clusterSkip() }, () => {
  const lab = useSite({ nodes: ['node-a', 'node-b'], nodeAsn, holdTimeSeconds: 9 })
  let made: SpeakerSite | undefined
  let site: SpeakerSite
  let routes: RouteMonitor

  const web = (more: Partial<Parameters<SpeakerSite['putService']>[1]> = {}): Promise<void> =>
    site.putService('web', { ip: vip, nodes: ['node-a'], ...more })
  const advertise = async (...specs: readonly object[]): Promise<void> => {
    for (const name of ['public-0', 'public-1']) await site.api.send('DELETE', `${paths.advertisements}/${name}`)
    for (const [index, spec] of specs.entries()) await site.put(paths.advertisements, `public-${index}`, { ...spec })
  }
  const sessionsOf = async (node: string): Promise<number> =>
    (await site.frr.neighbor(site.fabric.node(node).ipv4)).connectionsEstablished

  before(async () => {
    const { fabric, frr } = lab()
    routes = monitorRoutes(fabric.lab, fabric.router)
    site = made = await SpeakerSite.create(fabric, frr)
    await site.put(paths.pools, 'public', { addresses: ['192.0.2.0/24'] })
    await advertise({})
    await site.put(paths.peers, 'router', {
      myASN: nodeAsn,
      peerASN: 64512,
      peerAddress: routerAddress.ipv4,
      holdTime: '9s',
      keepaliveTime: '3s',
      connectTime: '1s',
    })
    await web()
    site.start('node-a')
    await site.announcedBy(vip, ['node-a'], patient)
  })
  after(async () => {
    await made?.cluster.stop()
  })

  const rows: readonly (readonly [string, () => Promise<void>, () => Promise<void>])[] = [
    ['noIPAllocated', () => web({ ip: '' }), () => web()],
    [
      'ipNotAllowed',
      () => site.put(paths.pools, 'public', { addresses: ['198.51.100.0/24'] }),
      () => site.put(paths.pools, 'public', { addresses: ['192.0.2.0/24'] }),
    ],
    ['noAdvertisement', () => advertise(), () => advertise({})],
    [
      'notOwner',
      () => advertise({ nodeSelectors: [{ matchLabels: { 'kubernetes.io/hostname': 'node-b' } }] }),
      () => advertise({}),
    ],
    [
      'noMatchingAdvertisement',
      () => advertise({ serviceSelectors: [{ matchLabels: { app: 'other' } }] }),
      () => advertise({}),
    ],
    [
      'conflictingAdvertisements',
      async () => {
        const serviceSelectors = [{ matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] }]
        await advertise({ localPref: 100, serviceSelectors }, { localPref: 200, serviceSelectors })
      },
      () => advertise({}),
    ],
    [
      'nodeNetworkUnavailable',
      () => site.putNode('node-a', { conditions: [{ type: 'NetworkUnavailable', status: 'True' }] }),
      () => site.putNode('node-a'),
    ],
    [
      'nodeLabeledExcludeBalancers',
      () => site.putNode('node-a', { labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': '' } }),
      () => site.putNode('node-a'),
    ],
    ['noLocalEndpoints', () => web({ policy: 'Local', nodes: ['node-b'] }), () => site.putEndpoints('web', ['node-a'])],
    [
      'noEndpoints',
      async () => {
        await web()
        await site.putEndpoints('web', ['node-a'], notReady)
      },
      () => site.putEndpoints('web', ['node-b', 'node-a'], { ready: false, serving: true }),
    ],
  ]
  for (const [reason, withdraw, restore] of rows) {
    test(`${reason}: the route goes and comes back`, async () => {
      const before = await sessionsOf('node-a')
      await withdraw()
      await site.announcedBy(vip, [], patient)
      await eventually(
        'the reason is told',
        () => site.log('node-a', 'withheld').map((line) => line.at('reason').text()),
        (reasons) => assert.ok(reasons.includes(reason), reasons.join()),
      )
      await restore()
      await site.announcedBy(vip, ['node-a'], patient)
      assert.equal(await sessionsOf('node-a'), before, 'the session was not reset')
    })
  }

  test('a Service that is deleted is withdrawn', async () => {
    await site.putService('short', { ip: '192.0.2.50', nodes: ['node-a'] })
    await site.announcedBy('192.0.2.50', ['node-a'])
    await site.api.remove(`${paths.services}/short`)
    await site.announcedBy('192.0.2.50', [])
  })

  test('ServiceBGPStatus, ConfigurationState, NodeState and one event say what is announced', async () => {
    await web()
    await eventually(
      'the ServiceBGPStatus',
      async () => (await site.api.get(paths.statuses)).at('items').list(),
      (items) => {
        const [status, ...others] = items.filter((one) => one.at('status').at('serviceName').textOr('') === 'web')
        assert.equal(others.length, 0)
        assert.deepEqual(
          status
            ?.at('status')
            .at('peers')
            .list()
            .map((one) => one.text()),
          ['router'],
        )
      },
      patient,
    )
    const table = await site.cluster.kubectl(['get', 'servicebgpstatuses,configurationstates', '-n', namespace])
    assert.match(table, /bgp-\w+ +node-a +web +default/)
    assert.match(table, /speaker-node-a +Valid/)
    const state = (await site.api.get(`${paths.nodeStates}/node-a`)).at('status')
    assert.equal(state.at('sessionsReady').text(), '1/1')
    const [session] = state.at('sessions').list()
    assert.equal(session?.at('state').text(), 'Established')
    assert.equal(session.at('negotiated').at('holdTimeSeconds').number(), 9)
    const events = (await site.api.get(paths.events)).at('items').list()
    const assigned = events.filter(
      (one) =>
        one.at('reason').textOr('') === 'nodeAssigned' && one.at('involvedObject').at('name').textOr('') === 'web',
    )
    assert.equal(assigned.length, 1, 'after all those changes it was told once')
  })

  test('an object that the schema lets through and that is wrong makes the ConfigurationState Invalid', async () => {
    await site.put(paths.pools, 'wrong', { addresses: ['not-an-address'] })
    const result = async (): Promise<string> =>
      (await site.api.get(`${paths.configurations}/speaker-node-a`)).at('status').at('result').textOr('')
    await eventually('Invalid', result, (seen) => assert.equal(seen, 'Invalid'), patient)
    await site.announcedBy(vip, ['node-a'])
    await site.api.remove(`${paths.pools}/wrong`)
    await eventually('Valid', result, (seen) => assert.equal(seen, 'Valid'), patient)
  })

  /** Runs while the API server cannot be reached, and restarts the speaker meanwhile. */
  const outage = async (what: string, begin: () => Promise<void>, end: () => Promise<void>): Promise<void> => {
    for (let index = 0; index < 10; index += 1) {
      await site.putService(`kept-${index}`, { ip: `192.0.2.${100 + index}`, nodes: ['node-a'] })
    }
    await site.announcedBy('192.0.2.109', ['node-a'])
    // What was told last of every one of them: an earlier outage leaves one that was not ready for a while.
    for (let index = 0; index < 10; index += 1) {
      const name = `EndpointSlice default/kept-${index}-1`
      await eventually(
        `the last known state has ${name} as it is`,
        () =>
          site
            .lastKnown('node-a')
            .split('\n')
            .findLast((line) => line.includes(`${name}"`)) ?? '',
        (line) => assert.match(line, /"ready":true/),
        patient,
      )
    }
    const known = await site.frr.prefixes('ipv4')
    const lossesBefore = routes.losses().length
    const losses = (): readonly Loss[] => routes.losses().slice(lossesBefore)
    const before = await sessionsOf('node-a')
    await begin()
    const watching = throughout(
      `the router's kernel loses no route while ${what}`,
      losses,
      (lost) => assert.deepEqual(lost, []),
      { timeoutMs: outageSeconds * 1000 },
    )
    site.speaker('node-a').signal('SIGKILL')
    await site.speaker('node-a').exited
    site.start('node-a')
    await eventually(
      'the session is there again',
      () => sessionsOf('node-a'),
      (count) => assert.equal(count, before + 1),
      patient,
    )
    await watching
    assert.deepEqual(await site.frr.prefixes('ipv4'), known)
    const log = (event: string): number => site.log('node-a', event).length
    const heard = log('apiServerHeard')
    assert.ok(log('lastKnownState') > 0)
    await end()
    const endMs = performance.now()
    await eventually(
      'the server is heard',
      () => log('apiServerHeard'),
      (count) => assert.equal(count, heard + 1),
      { timeoutMs: 60_000 },
    )
    await site.putEndpoints('kept-0', ['node-a'], notReady)
    await site.announcedBy('192.0.2.100', [], patient)
    console.log(`# ${what} for ${outageSeconds} s: obeyed ${Math.round(performance.now() - endMs)} ms after its end`)
    assert.equal(await sessionsOf('node-a'), before + 1)
    assert.deepEqual(
      losses().map((loss) => loss.what),
      ['192.0.2.100'],
      'only what was changed',
    )
    await site.putEndpoints('kept-0', ['node-a'])
    await site.announcedBy('192.0.2.100', ['node-a'], patient)
  }

  test('the API server is stopped, and the speaker killed and started meanwhile: the router keeps every route', async () => {
    await outage(
      'the API server is stopped',
      () => site.cluster.stopServer(),
      () => site.cluster.startServer(),
    )
  })

  const skip = packetLossSkip()
  test(
    'the API server’s packets are lost, and the speaker killed and started meanwhile: the router keeps every route',
    { skip },
    async () => {
      const loss = await createPacketLoss(site.fabric.router)
      const port = Number(new URL(site.cluster.placeUrls[0] ?? '').port)
      await outage(
        'packets are lost',
        () => loss.set(port, true),
        () => loss.set(port, false),
      )
    },
  )

  test('a drain withdraws what the other node announces and holds back what it does not; undrain brings all back', async () => {
    await site.putService('web', { ip: vip, policy: 'Local', nodes: ['node-a', 'node-b'] })
    await site.putService('alone', { ip: alone, policy: 'Local', nodes: ['node-a'] })
    site.start('node-b')
    await site.announcedBy(vip, ['node-a', 'node-b'], patient)
    await site.announcedBy(alone, ['node-a'])
    await eventually(
      'the other node has told of it',
      async () => (await site.api.get(paths.statuses)).at('items').list(),
      (items) =>
        assert.ok(
          items.some((item) => {
            const status = item.at('status')
            return status.at('node').textOr('') === 'node-b' && status.at('serviceName').textOr('') === 'web'
          }),
        ),
      patient,
    )
    const drain = { requestedAt: new Date().toISOString(), requestedBy: 'lab' }
    await site.api.merge(`${paths.nodeStates}/node-a`, { spec: { drain } })
    await eventually(
      'routers are asked to avoid the node',
      async () => (await site.frr.paths(`${vip}/32`)).find(({ nextHop }) => nextHop === '10.0.0.11')?.communities,
      (communities) => assert.match(communities ?? '', /65535:0|graceful-shutdown|gshut/i),
    )
    await site.announcedBy(vip, ['node-b'], patient)
    const status = async (): Promise<string> => {
      const state = await site.api.get(`${paths.nodeStates}/node-a`)
      const [held] = state.at('status').at('drain').at('heldBack').list()
      return `${state.at('status').at('drain').at('phase').textOr('')} ${held?.at('prefix').textOr('') ?? ''}`
    }
    await eventually('it is told', status, (seen) => assert.match(seen, /^HeldBack 192\.0\.2\.\d+\/32$/), patient)
    await throughout(
      'the last announcer stays',
      () => site.nextHops(alone),
      (hops) => assert.deepEqual(hops, ['10.0.0.11']),
      { timeoutMs: 3000 },
    )
    await site.api.merge(`${paths.nodeStates}/node-a`, { spec: { drain: null } })
    await site.announcedBy(vip, ['node-a', 'node-b'], patient)
  })

  test('a speaker that is dead while its Node is Ready is not believed, by none of the commands', async () => {
    await site.speaker('node-b').stop()
    const explained = Json.parse(await site.holdfast('explain', 'service', 'default/web', '-o', 'json'))
    const words = explained
      .at('nodes')
      .list()
      .map(
        (node) => `${node.at('node').text()} ${node.at('speaker').text()} ${node.at('announces').at('outcome').text()}`,
      )
    assert.deepEqual(words, ['node-a answered yes', 'node-b silent unknown'])
    assert.match(await site.holdfast('status'), /node-b .*SpeakerSilent/)
    await assert.rejects(site.holdfast('undrain', 'node-b', '--wait', '--timeout', '2'), /not done within 2 s/)
    site.start('node-b')
    assert.match(await site.holdfast('undrain', 'node-b', '--wait', '--timeout', '20'), /announces again/)
    await site.announcedBy(vip, ['node-a', 'node-b'], patient)
  })

  test('SIGTERM keeps the routes of a node that stays, and takes those of one that is shutting down along', async () => {
    await site.speaker('node-b').stop()
    await throughout(
      'the routes stay for the next process',
      () => site.nextHops(vip),
      (hops) => assert.deepEqual(hops, ['10.0.0.11', '10.0.0.12']),
      { timeoutMs: 2000 },
    )
    site.start('node-b')
    await eventually(
      'it is back',
      () => site.frr.neighbor('10.0.0.12'),
      ({ state }) => assert.equal(state, 'Established'),
      patient,
    )
    await site.announcedBy(vip, ['node-a', 'node-b'])
    await site.api.merge(`${paths.nodes}/node-b/status`, {
      status: {
        conditions: [{ type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: 'node is shutting down' }],
      },
    })
    await site.speaker('node-b').stop()
    assert.deepEqual(await site.nextHops(vip), ['10.0.0.11'])
    const { lastNotification } = await site.frr.neighbor('10.0.0.12')
    assert.match(lastNotification ?? '', /Administrative Shutdown|Hard Reset/)
  })

  test('a changed Secret gives the session its new key, and only that session its new life', async () => {
    const secret = (password: string): object => ({
      metadata: { name: 'bgp-key' },
      type: 'kubernetes.io/basic-auth',
      stringData: { username: 'unused', password },
    })
    const rekey = (password: string): Promise<string> =>
      site.frr.execute(`configure terminal\nrouter bgp 64512\nneighbor 10.0.0.11 password ${password}`)
    await site.api.create(paths.secrets, secret('first-canary'))
    await site.api.merge(`${paths.peers}/router`, { spec: { passwordSecret: { name: 'bgp-key', namespace } } })
    await rekey('first-canary')
    await eventually(
      'the session has the first key',
      () => site.frr.neighbor('10.0.0.11'),
      ({ state }) => assert.equal(state, 'Established'),
      patient,
    )
    await rekey('second-canary')
    await site.api.merge(`${paths.secrets}/bgp-key`, { stringData: { password: 'second-canary' } })
    await eventually(
      'the session has the second key',
      async () => ({ ...(await site.frr.neighbor('10.0.0.11')), hops: await site.nextHops(vip) }),
      ({ state, hops }) => assert.deepEqual([state, hops], ['Established', ['10.0.0.11']]),
      patient,
    )
    const states = JSON.stringify((await site.api.send('GET', paths.nodeStates)).body)
    const told = site.log('node-a', 'rekeyed').map((line) => line.at('message').text())
    const changed = `password of peer router changed (Secret ${namespace}/bgp-key), session is re-keyed`
    assert.ok(told.includes(changed), told.join('\n'))
    assert.doesNotMatch(site.speaker('node-a').output() + states, /canary/)
  })
})
