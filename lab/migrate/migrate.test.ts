// From a running MetalLB v0.16.2 (native back-end, its own manifest, its own webhooks) to Holdfast and back, by the commands of
// docs/operate/migrate-from-metallb.md, word for word. A stand-in for the kubelets runs what the Deployments and DaemonSets ask for,
// as the ServiceAccounts that they name. Needs MetalLB's programs: lab/README.md.
//
// Claims:
//  1  `holdfast lint` says beforehand what will differ, and what it says is true.
//  2  No Service changes its address or loses it, at any time.
//  3  No prefix is ever without a next hop, and each node that moves costs each of its prefixes one next hop, once, and gives it back.
//  4  ORIGIN, AS path, MED, LOCAL_PREF and communities are the same from both products, and routers use all paths of both at once.
//  5  Nodes of both products follow new Services, endpoints that go and Services that are deleted.
//  6  Statuses and metrics that others read say the same afterwards.
//  7  The way back is the same.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { clusterSkip } from '../cluster/capability.ts'
import { labSkip } from '../harness/capability.ts'
import { eventually } from '../harness/eventually.ts'
import { Json } from '../harness/json.ts'
import {
  announcedStatuses,
  changesSince,
  configurationStates,
  sample,
  seriesIn,
  summaryOf,
  type Sampler,
} from './checks.ts'
import type { Pod } from './kubelet.ts'
import { refused, wishes } from './objects.ts'
import { blocksBelow } from './page.ts'
import { metallbMetrics, probe } from './pod.ts'
import { metallbSkip } from './programs.ts'
import type { ServiceRecord } from '../cluster/service-record.ts'
import { nodes } from './site.ts'
import { useMigrateSite } from './use-site.ts'

const skip = metallbSkip() || labSkip() || clusterSkip('helm')

/** By series. */
type Metrics = Readonly<Record<'speaker' | 'controller', ReadonlyMap<string, number>>>

/** What tells a state, and no count of what was done. MetalLB's native speaker says that what it has sent is pending. */
const isState = (series: string): boolean => !/updates?_total|errors_total|pending_prefixes/.test(series)

type Tables = Readonly<Record<'tor' | 'core', Readonly<Record<string, readonly string[]>>>>

describe('from MetalLB to Holdfast and back', { skip, timeout: 180_000 }, () => {
  let services: ServiceRecord
  let samplers: readonly Sampler[] = []
  const site = useMigrateSite(() => Promise.all(samplers.map((one) => one.stop())))
  /** With MetalLB alone. */
  let original: {
    tables: Tables
    statuses: readonly string[]
    metrics: Metrics
    addresses: ReadonlyMap<string, string>
  }

  const tables = async (): Promise<Tables> => ({
    tor: summaryOf(await site().tor.table()),
    core: summaryOf(await site().core.table()),
  })
  const tablesAre = (wanted: Tables): Promise<unknown> =>
    eventually('both routers have all paths', tables, (found) => assert.deepEqual(found, wanted), { timeoutMs: 30_000 })
  const controllers = ['holdfast-controller#0', 'holdfast-controller#1']
  /** Which product's speaker runs where, when these nodes are Holdfast's. */
  const speakers = (...moved: readonly string[]): readonly string[] =>
    nodes.map((node) => `${moved.includes(node) ? 'holdfast-speaker' : 'speaker'}@${node}`)
  const nextHops = async (address: string): Promise<readonly string[]> =>
    ((await site().tor.table()).get(`${address}/32`) ?? []).filter(({ isUsed }) => isUsed).map(({ nextHop }) => nextHop)
  const nextHopsAre = (address: string, ...of: readonly string[]): Promise<unknown> =>
    eventually(
      `${address} is announced by ${of.join(', ')}`,
      () => nextHops(address),
      (found) =>
        assert.deepEqual(
          found,
          of.map((node) => site().fabric.node(node).ipv4),
        ),
    )
  const addressOf = (name: string): Promise<string> =>
    eventually(
      `${name} has an address`,
      async () => (await site().addresses()).get(`default/${name}`) ?? '',
      (found) => assert.notEqual(found, ''),
    )

  const metricsOf = async (pod: Pod): Promise<ReadonlyMap<string, number>> =>
    seriesIn(await metallbMetrics(pod, site().cluster, 9120))
  /** Every series of MetalLB's is there, and says what it said. */
  async function metricsAre(then: ReadonlyMap<string, number>, pod: Pod): Promise<void> {
    assert.ok(then.size > 10, [...then.keys()].join('\n'))
    await eventually(
      `the metrics of ${pod.name}`,
      async () => {
        const now = await metricsOf(pod)
        return [...then.keys()].map((series) => [
          series,
          isState(series) || !now.has(series) ? now.get(series) : 'counts',
        ])
      },
      (found) =>
        assert.deepEqual(
          found,
          [...then].map(([series, value]) => [series, isState(series) ? value : 'counts']),
        ),
    )
  }

  /** One node from one product to the other: what it costs. */
  async function move(node: string, script: string, wanted: readonly string[], isBack = false): Promise<void> {
    const { ipv4 } = site().fabric.node(node)
    const peers = (['tor', 'core'] as const).filter((name) =>
      JSON.stringify(original.tables[name]).includes(`"${ipv4} `),
    )
    const routers = { tor: site().tor, core: site().core }
    const sessions = Object.fromEntries(
      await Promise.all(peers.map(async (name) => [name, await routers[name].frr.neighbor(ipv4)] as const)),
    )
    const begin = { tor: site().tor.routes.changes().length, core: site().core.routes.changes().length }
    await site().shell.run(script)
    await site().kubelet.runs(wanted)
    await eventually(
      `both routers have a new session with ${node}`,
      () => Promise.all(peers.map((name) => routers[name].frr.neighbor(ipv4))),
      (views) => {
        for (const [index, view] of views.entries()) {
          const name = peers[index] ?? 'tor'
          assert.deepEqual(
            [view.state, view.connectionsEstablished],
            ['Established', (sessions[name]?.connectionsEstablished ?? 0) + 1],
          )
        }
      },
      { timeoutMs: 30_000 },
    )
    await tablesAre(original.tables)
    for (const name of ['tor', 'core'] as const) {
      const changes = changesSince(routers[name], begin[name])
      for (const [prefix, paths] of Object.entries(original.tables[name])) {
        const all = paths.map((path) => path.split(' ')[0] ?? '')
        const without = all.filter((address) => address !== ipv4)
        const expected = all.includes(ipv4) ? [without, all] : []
        const seen = changes.get(prefix.replace('/32', '')) ?? []
        // Graceful restart: the router keeps the routes of a speaker of Holdfast's until the new session has brought its own.
        if (isBack && seen.length === 0) continue
        assert.deepEqual(seen, expected, `${name}: ${prefix} while ${node} moved`)
      }
    }
  }

  test('lint tells what will differ, and the one thing to be done beforehand is true', async () => {
    const report = Json.parse(await site().shell.run('holdfast lint -o json'))
    assert.equal(report.at('verdict').text(), 'ready with differences')
    assert.equal(report.at('bgpType').text(), 'native')
    const findings = report.at('findings').list()
    const objects = (code: string): readonly string[] =>
      findings
        .filter((one) => one.at('code').text() === code)
        .flatMap((one) => one.at('objects').list())
        .map((one) => one.text())
    const differences = findings
      .filter((one) => one.at('severity').text() !== 'note')
      .map((one) => one.at('code').text())
    assert.deepEqual([...differences].sort(), [
      ...['conversion-webhook', 'graceful-restart', 'hold-time-enforced', 'local-pref-default', 'validating-webhook'],
    ])
    assert.deepEqual(objects('local-pref-default'), ['BGPAdvertisement metallb-system/public'])
    assert.deepEqual(
      [...objects('waiting-service')].sort(),
      refused
        .map(({ name }) => `Service default/${name}`)
        .filter((name) => !name.endsWith('other-class'))
        .sort(),
    )
    assert.match(
      JSON.stringify((await tables()).core),
      /"10\.0\.0\.11 origin IGP, AS path Local, MED none, LOCAL_PREF 0/,
    )
    // MetalLB's own webhook lets it pass.
    await site().shell.run(
      `kubectl -n metallb-system patch bgpadvertisement public --type=merge -p '{"spec":{"localPref":100}}'`,
    )
    await eventually('LOCAL_PREF is 100', tables, ({ core }) =>
      assert.doesNotMatch(JSON.stringify(core), /LOCAL_PREF 0/),
    )
    original = {
      tables: await tables(),
      statuses: await announcedStatuses(site()),
      metrics: {
        speaker: await metricsOf(site().kubelet.pod('daemonset/speaker', 'node-a')),
        controller: await metricsOf(site().kubelet.pod('deployment/controller')),
      },
      addresses: await site().addresses(),
    }
    assert.equal(Object.keys(original.tables.tor).length, 14)
    assert.equal(Object.keys(original.tables.core).length, 15)
    services = await site().watchServices()
    samplers = [await sample(site().tor), await sample(site().core)]
  })

  test('steps 2 to 4: MetalLB’s speakers go on alone, and a new Service waits', async () => {
    await site().shell.follow([...blocksBelow('2.'), ...blocksBelow('4.')])
    await site().kubelet.runs(speakers())
    await site().create([{ name: 'meanwhile' }])
    await tablesAre(original.tables)
  })

  test('step 5: Holdfast’s controllers take over what is there, and the Service that waited has its address', async () => {
    const blocks = blocksBelow('5.')
    await site().shell.follow(blocks.filter(({ marks }) => !marks.includes('controller')))
    await site().kubelet.runs([...controllers, ...speakers()])
    const address = await addressOf('meanwhile')
    await nextHopsAre(address, ...nodes)
    await site().cluster.kubectl(['delete', 'service', 'meanwhile'])
    await nextHopsAre(address)
    // The list of the page is from before that Service.
    await site().shell.follow(blocks.filter(({ marks }) => marks.includes('controller')))
    await tablesAre(original.tables)
    assert.deepEqual(services.violations(), [])
  })

  test('step 6: the first node moves', async () => {
    const [label, ...looks] = blocksBelow('6.')
    await move('node-a', label?.script ?? '', [...controllers, ...speakers('node-a')])
    await site().shell.follow(looks.filter(({ notRun }) => !notRun))
  })

  test('one node of Holdfast and two of MetalLB follow the same changes', async () => {
    await site().create([{ name: 'mixed' }])
    const address = await addressOf('mixed')
    await nextHopsAre(address, ...nodes)
    const slice = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/mixed-1'
    await site().cluster.client().merge(slice, { endpoints: [] })
    await nextHopsAre(address)
    const local = { spec: { externalTrafficPolicy: 'Local' } }
    await site().cluster.client().merge('/api/v1/namespaces/default/services/mixed', local)
    const endpoints = ['node-a', 'node-c'].map((nodeName, index) => ({
      addresses: [`10.244.${index}.9`],
      nodeName,
      conditions: { ready: true },
    }))
    await site().cluster.client().merge(slice, { endpoints })
    await nextHopsAre(address, 'node-a', 'node-c')
    await site().cluster.kubectl(['delete', 'service', 'mixed'])
    await nextHopsAre(address)
    await tablesAre(original.tables)
  })

  test('the other nodes move', async () => {
    const label = (node: string): string => `kubectl label node ${node} holdfast.dev/speaker=true`
    await move('node-b', label('node-b'), [...controllers, ...speakers('node-a', 'node-b')])
    await move('node-c', label('node-c'), [...controllers, ...speakers(...nodes)])
  })

  test('what others read says the same: statuses, metrics, probes', async () => {
    await eventually(
      'a ServiceBGPStatus for each node and Service, as MetalLB had them',
      () => announcedStatuses(site()),
      (found) => assert.deepEqual(found, original.statuses),
    )
    await eventually(
      'ConfigurationStates',
      () => configurationStates(site()),
      (found) =>
        assert.deepEqual(
          found,
          ['controller', ...nodes.map((node) => `speaker-${node}`)].map((name) => `${name} Valid`),
        ),
    )
    const pod = site().kubelet.pod('daemonset/holdfast-speaker', 'node-a')
    await metricsAre(original.metrics.speaker, pod)
    const lease = '/apis/coordination.k8s.io/v1/namespaces/metallb-system/leases/holdfast-controller'
    const leader = (await site().cluster.client().get(lease)).at('spec').at('holderIdentity').text()
    const leading = site()
      .kubelet.podsOf('deployment/holdfast-controller')
      .find(({ name }) => leader.startsWith(`${name}_`))
    assert.ok(leading, leader)
    await metricsAre(original.metrics.controller, leading)
    for (const one of [...site().kubelet.podsOf('deployment/holdfast-controller'), pod]) {
      assert.deepEqual(
        [await probe(one, 'livenessProbe'), await probe(one, 'readinessProbe')],
        ['200', '200'],
        one.name,
      )
    }
  })

  test('nothing changed that should not: addresses, attributes, events', async () => {
    assert.deepEqual(services.violations(), [])
    assert.deepEqual(await site().addresses(), original.addresses)
    assert.deepEqual(services.addresses(), original.addresses)
    for (const sampler of samplers) {
      assert.deepEqual(sampler.complaints(), [])
      assert.ok(sampler.samples() > 20, `${sampler.samples()} samples`)
    }
    assert.deepEqual(site().kubelet.crashes, [])
    const most = Math.max(...services.writes().values())
    assert.ok(most <= 8, `a Service was written ${most} times`)
    assert.equal(services.addresses().size, wishes.length)
  })

  test('the way back', async () => {
    const blocks = blocksBelow('The way back')
    const last = blocks.findIndex(({ script }) => script.includes('label node node-a'))
    const [scaling = '', unlabel = ''] = (blocks[last]?.script ?? '').trim().split('\n')
    await site().shell.follow(blocks.slice(0, last))
    await site().shell.run(scaling)
    await site().kubelet.runs(['controller#0', ...speakers(...nodes)])
    await move('node-a', unlabel, ['controller#0', ...speakers('node-b', 'node-c')], true)
    await move('node-b', unlabel.replace('node-a', 'node-b'), ['controller#0', ...speakers('node-c')], true)
    await move('node-c', unlabel.replace('node-a', 'node-c'), ['controller#0', ...speakers()], true)
    await site().shell.follow(blocks.slice(last + 1))
    await site().kubelet.runs(['controller#0', ...speakers()])
    await site().create([{ name: 'again' }])
    await nextHopsAre(await addressOf('again'), ...nodes)
    await site().cluster.kubectl(['delete', 'service', 'again'])
    await tablesAre(original.tables)
    await eventually(
      'a ServiceBGPStatus for each node and Service',
      () => announcedStatuses(site()),
      (found) => assert.deepEqual(found, original.statuses),
    )
    assert.deepEqual(services.violations(), [])
    assert.deepEqual(await site().addresses(), original.addresses)
    for (const sampler of samplers) assert.deepEqual(sampler.complaints(), [])
  })
})
