// `holdfast controller` as a process against a real API server: what a Service's owner, a pool's owner and a standby see.
//
//        kube-apiserver + etcd
//         ^            ^
//    replica a     replica b        two processes, one lease
//
// Claims (COMPAT section 2 where a row is named):
//  1  A Service gets address, annotation, condition and event; its pool counts it (2.1, 2.8).
//  2  Requests: by annotation and by field, of a pool, of an address that is taken, in no pool, of both ways at once (2.1, 2.3).
//  3  A class that is not ours is left alone (2.2).
//  4  Families: dual stack from one pool, PreferDualStack with what there is, too few cluster IPs (2.4).
//  5  Sharing by key; another port is needed; the refusal names the holder (2.6).
//  6  Lifecycle: a deleted Service frees its address for one that waits, a type change too; a pool that shrinks moves and names both (2.7).
//  7  A leader that is killed is replaced within 20 s, one that ends cleanly within 3 s; no address changes.
//  8  A burst of 500 Services costs at most three requests each, and then nothing at all.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { clusterSkip } from '../cluster/capability.ts'
import { useCluster } from '../cluster/use-cluster.ts'
import { eventually, throughout } from '../harness/eventually.ts'
import { Json } from '../harness/json.ts'
import type { LabProcess } from '../harness/process.ts'

const root = join(import.meta.dirname, '..', '..')
const executable = join(root, 'node_modules', '.bin', 'holdfast')
const namespace = 'metallb-system'
const pools = `/apis/metallb.io/v1beta1/namespaces/${namespace}/ipaddresspools`
const blocks = `/apis/holdfast.dev/v1alpha1/namespaces/${namespace}/addressblocks`
const services = '/api/v1/namespaces/default/services'
const lease = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/holdfast-controller`

interface ServiceOptions {
  readonly spec?: Readonly<Record<string, unknown>>
  readonly annotations?: Readonly<Record<string, string>>
}

describe('the controller beside a real API server', { skip: clusterSkip(), timeout: 300_000 }, () => {
  const cluster = useCluster({ audit: true })
  const running = new Map<string, LabProcess>()

  const start = (identity: string, ...more: readonly string[]): LabProcess => {
    const replica = cluster().lab.start(undefined, identity, [
      executable,
      'controller',
      '--kubeconfig',
      cluster().kubeconfig(),
      '--namespace',
      namespace,
      '--pod-name',
      identity,
      '--port',
      '0',
      '--health-probe-port',
      '0',
      ...more,
    ])
    running.set(identity, replica)
    return replica
  }

  const create = (name: string, { spec = {}, annotations = {} }: ServiceOptions = {}): Promise<Json> =>
    cluster()
      .client()
      .create(services, {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name, annotations },
        spec: { type: 'LoadBalancer', ports: [{ port: 80 }], ...spec },
      })
  const remove = (name: string): Promise<Json> => cluster().client().remove(`${services}/${name}`)
  const read = (name: string): Promise<Json> => cluster().client().get(`${services}/${name}`)
  const addresses = async (name: string): Promise<readonly string[]> => addressesIn(await read(name))
  const has = (name: string, ...wanted: readonly string[]): Promise<unknown> =>
    eventually(
      `${name} has ${wanted.join()}`,
      () => addresses(name),
      (found) => assert.deepEqual([...found].sort(), [...wanted].sort()),
    )
  const condition = async (name: string): Promise<Json | undefined> =>
    (await read(name))
      .at('status')
      .at('conditions')
      .list()
      .find((one) => one.at('type').text() === 'holdfast.dev/AddressAssigned')
  const refused = (name: string, reason: string, message: RegExp): Promise<unknown> =>
    eventually(
      `${name} is refused: ${reason}`,
      () => condition(name),
      (found) => {
        assert.equal(found?.at('reason').text(), reason)
        assert.match(found.at('message').text(), message)
      },
    )
  const events = async (name: string): Promise<readonly string[]> =>
    (await cluster().client().get(`/api/v1/namespaces/default/events?fieldSelector=involvedObject.name=${name}`))
      .at('items')
      .list()
      .map((event) => `${event.at('type').text()} ${event.at('reason').text()}: ${event.at('message').text()}`)
  const eventsAre = (name: string, ...wanted: readonly RegExp[]): Promise<unknown> =>
    eventually(
      `the events of ${name}`,
      () => events(name),
      (found) => {
        assert.equal(found.length, wanted.length, found.join('\n'))
        for (const text of wanted)
          assert.ok(
            found.some((one) => text.test(one)),
            `${String(text)} in\n${found.join('\n')}`,
          )
      },
    )
  const putPool = (name: string, ...ranges: readonly string[]): Promise<Json> =>
    cluster()
      .client()
      .apply(`${pools}/${name}`, {
        apiVersion: 'metallb.io/v1beta1',
        kind: 'IPAddressPool',
        metadata: { name },
        spec: { addresses: ranges },
      })
  /** Pools and Services are followed apart: a Service that is heard of before its pool is refused first. */
  const knowsPool = (name: string): Promise<unknown> =>
    eventually(
      `pool ${name} is counted`,
      async () => (await cluster().client().get(`${pools}/${name}`)).at('status'),
      (status) => assert.equal(status.at('availableIPv4').isMissing, false),
    )
  const leader = async (): Promise<string> =>
    (await cluster().client().get(lease)).at('spec').at('holderIdentity').textOr('')

  before(async () => {
    await cluster().kubectl(['create', 'namespace', namespace])
    await cluster().kubectl(['apply', '--server-side', '-f', join(root, 'deploy', 'crds')])
    await cluster().kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s'])
    start('replica-a')
    await eventually('a leads', leader, (holder) => assert.match(holder, /^replica-a_/))
  })

  test('1: a Service gets address, annotation, condition and event, and its pool counts it', async () => {
    await putPool('public', '192.0.2.0/28', '2001:db8::/124')
    await knowsPool('public')
    await create('web')
    await has('web', '192.0.2.0')
    assert.equal(
      (await read('web')).at('metadata').at('annotations').at('metallb.io/ip-allocated-from-pool').text(),
      'public',
    )
    assert.equal((await condition('web'))?.at('status').text(), 'True')
    await eventsAre('web', /^Normal IPAllocated: Assigned IP \[192\.0\.2\.0\]$/)
    await eventually(
      'the pool counts it',
      async () => (await cluster().client().get(`${pools}/public`)).at('status'),
      (status) => {
        assert.equal(status.at('assignedIPv4').number(), 1)
        assert.equal(status.at('availableIPv4').number(), 15)
      },
    )
    const block = (await cluster().client().get(`${blocks}/ipv4-192.0.2.0`)).at('spec')
    const held = Json.parse(block.at('addresses').at('192.0.2.0').text())
    assert.equal(held.at('holders').list()[0]?.at('name').text(), 'web')
  })

  test('2: addresses and pools that are asked for', async () => {
    await putPool('gold', '198.51.100.0/29')
    await knowsPool('gold')
    await create('by-annotation', { annotations: { 'metallb.io/loadBalancerIPs': '192.0.2.9' } })
    await has('by-annotation', '192.0.2.9')
    await create('by-field', { spec: { loadBalancerIP: '192.0.2.10' } })
    await has('by-field', '192.0.2.10')
    await create('by-old-annotation', { annotations: { 'metallb.universe.tf/address-pool': 'gold' } })
    await has('by-old-annotation', '198.51.100.0')
    await eventsAre('by-old-annotation', /IPAllocated/, /Warning deprecatedAnnotation/)
    await create('taken', { annotations: { 'metallb.io/loadBalancerIPs': '192.0.2.9' } })
    await refused('taken', 'AddressInUse', /default\/by-annotation/)
    await create('nowhere', { annotations: { 'metallb.io/loadBalancerIPs': '203.0.113.1' } })
    await refused('nowhere', 'NotAllowed', /203\.0\.113\.1 is not in any pool/)
    await eventsAre('nowhere', /^Warning AllocationFailed: Failed to allocate IP for "default\/nowhere"/)
    await create('both-ways', {
      spec: { loadBalancerIP: '192.0.2.11' },
      annotations: { 'metallb.io/loadBalancerIPs': '192.0.2.12' },
    })
    await refused('both-ways', 'InvalidRequest', /only one may be/)
    await eventsAre('both-ways', /^Warning LoadBalancerFailed: invalid requested loadbalancer IPs/)
    await create('no-pool', { annotations: { 'metallb.io/address-pool': 'silver' } })
    await refused('no-pool', 'UnknownPool', /silver/)
  })

  test('3: a Service of another class is left alone', async () => {
    await create('other-class', { spec: { loadBalancerClass: 'example.com/other' } })
    await create('after-it')
    await eventually(
      'the one after it is served',
      () => addresses('after-it'),
      (found) => assert.equal(found.length, 1),
    )
    assert.equal((await read('other-class')).at('status').at('conditions').isMissing, true)
    assert.deepEqual(await addresses('other-class'), [])
  })

  test('4: families', async () => {
    await create('dual', { spec: { ipFamilyPolicy: 'RequireDualStack' } })
    await eventually(
      'two addresses',
      () => addresses('dual'),
      (found) => {
        assert.equal(found.filter((address) => address.startsWith('192.0.2.')).length, 1)
        assert.equal(found.filter((address) => address.startsWith('2001:db8::')).length, 1)
      },
    )
    await create('six', { spec: { ipFamilyPolicy: 'SingleStack', ipFamilies: ['IPv6'] } })
    await eventually(
      'one address',
      () => addresses('six'),
      (found) => assert.match(found.join(), /^2001:db8::/),
    )
    await create('prefer-gold', {
      spec: { ipFamilyPolicy: 'PreferDualStack' },
      annotations: { 'metallb.io/address-pool': 'gold' },
    })
    await eventually(
      'what there is',
      () => addresses('prefer-gold'),
      (found) => assert.match(found.join(), /^198\.51\.100\.\d$/),
    )
  })

  test('5: sharing', async () => {
    const share = (port: number): ServiceOptions => ({
      spec: { ports: [{ port }] },
      annotations: { 'metallb.io/allow-shared-ip': 'key', 'metallb.io/loadBalancerIPs': '192.0.2.14' },
    })
    await create('share-a', share(80))
    await create('share-b', share(443))
    await has('share-a', '192.0.2.14')
    await has('share-b', '192.0.2.14')
    await create('share-c', share(443))
    await refused('share-c', 'PortInUse', /default\/share-b .*TCP\/443/)
    await remove('share-b')
    await has('share-c', '192.0.2.14')
  })

  test('6: lifecycle', async () => {
    await putPool('tiny', '203.0.113.16/32')
    const tiny = { annotations: { 'metallb.io/address-pool': 'tiny' } }
    await create('first', tiny)
    await has('first', '203.0.113.16')
    await create('second', tiny)
    await refused('second', 'NoAvailableIPs', /tiny/)
    await remove('first')
    await has('second', '203.0.113.16')
    await create('third', tiny)
    await refused('third', 'NoAvailableIPs', /tiny/)
    await cluster()
      .client()
      .merge(`${services}/second`, { spec: { type: 'ClusterIP' } })
    await has('third', '203.0.113.16')
    await has('second')
    const annotations = (await read('second')).at('metadata').at('annotations')
    assert.equal(annotations.at('metallb.io/ip-allocated-from-pool').isMissing, true)
    await putPool('tiny', '203.0.113.17/32')
    await has('third', '203.0.113.17')
    await eventsAre(
      'third',
      /AllocationFailed/,
      /Assigned IP \[203\.0\.113\.16\]/,
      /ClearAssignment: .*203\.0\.113\.17 takes the place of 203\.0\.113\.16/,
      /Assigned IP \[203\.0\.113\.17\]/,
    )
  })

  test('7: a leader that is killed or ends is replaced, and nothing changes its address', async () => {
    const before = await statuses()
    start('replica-b')
    await eventually(
      'b has listed everything',
      () => running.get('replica-b')?.output() ?? '',
      (text) => assert.match(text, /"synced"/),
    )
    const killedMs = performance.now()
    running.get('replica-a')?.signal('SIGKILL')
    await create('after-kill')
    await eventually(
      'served by b',
      () => addresses('after-kill'),
      (found) => assert.equal(found.length, 1),
      { timeoutMs: 25_000 },
    )
    assert.ok(performance.now() - killedMs < 20_000, `${performance.now() - killedMs} ms`)
    await remove('after-kill')
    const replica = start('replica-c')
    await eventually(
      'c has listed everything',
      () => replica.output(),
      (text) => assert.match(text, /"synced"/),
    )
    const endedMs = performance.now()
    running.get('replica-b')?.signal('SIGTERM')
    await create('after-end')
    await eventually(
      'served by c',
      () => addresses('after-end'),
      (found) => assert.equal(found.length, 1),
    )
    assert.ok(performance.now() - endedMs < 3_000, `${performance.now() - endedMs} ms`)
    assert.deepEqual((await running.get('replica-b')?.exited)?.code, 0)
    await remove('after-end')
    await throughout('nobody moved', statuses, (now) => assert.deepEqual(now, before), { timeoutMs: 1000 })
  })

  test('8: a burst of 500 Services costs at most three requests each, and then nothing', async () => {
    await putPool('big', '10.200.0.0/22')
    const mark = cluster().auditEvents().length
    const names = Array.from({ length: 500 }, (_, index) => `burst-${index}`)
    await Promise.all(names.map((name) => create(name, { annotations: { 'metallb.io/address-pool': 'big' } })))
    const createdMs = performance.now()
    await eventually(
      'all have addresses',
      statuses,
      (now) => {
        const found = names.flatMap((name) => now[name] ?? [])
        assert.equal(new Set(found).size, 500)
      },
      { timeoutMs: 30_000 },
    )
    const tookMs = Math.round(performance.now() - createdMs)
    await eventually(
      'all have events',
      ownWrites(mark),
      (writes) => assert.ok(writes.filter((one) => one.includes('events')).length >= 500),
      {
        timeoutMs: 60_000,
      },
    )
    const writes = await ownWrites(mark)()
    console.log(`# last create -> all have addresses: ${tookMs} ms; requests per Service: ${writes.length / 500}`)
    assert.ok(writes.length <= 1500, `${writes.length} requests`)
    await eventually('it rests', ownWrites(mark), () => undefined)
    const rested = (await ownWrites(mark)()).length
    await throughout(
      'nothing is written',
      ownWrites(mark),
      (now) => assert.ok(now.length <= rested + 3, `${now.length} of ${rested}`),
      {
        timeoutMs: 3000,
      },
    )
  })

  const statuses = async (): Promise<Readonly<Record<string, readonly string[]>>> => {
    const list = await cluster().client().get(services)
    return Object.fromEntries(
      list
        .at('items')
        .list()
        .map((one) => [one.at('metadata').at('name').text(), addressesIn(one)] as const)
        .filter(([, found]) => found.length > 0),
    )
  }

  /** What the controller requested, without watches and its lease. */
  const ownWrites = (mark: number) => (): Promise<readonly string[]> =>
    Promise.resolve(
      cluster()
        .auditEvents()
        .slice(mark)
        .filter((event) => event.at('userAgent').textOr('').startsWith('holdfast-controller'))
        .map((event) => `${event.at('verb').text()} ${event.at('objectRef').at('resource').textOr('')}`)
        .filter((text) => !text.startsWith('watch') && !text.endsWith('leases')),
    )
})

const addressesIn = (service: Json): readonly string[] =>
  service
    .at('status')
    .at('loadBalancer')
    .at('ingress')
    .list()
    .map((entry) => entry.at('ip').text())
