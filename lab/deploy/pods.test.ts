// The programs as the chart's pods start them: the tree of the image with a root that cannot be written, the pod's user and capabilities, its
// arguments and environment, and the token of its ServiceAccount, against a real API server. What a kubelet would do is done here by
// unshare, mount and chroot.
//
// The audit log of the API server says at the end that every verb of deploy/rbac.json was used, and that nothing was refused.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { clusterSkip } from '../cluster/capability.ts'
import { serviceAccount } from '../cluster/cluster.ts'
import { useCluster } from '../cluster/use-cluster.ts'
import { eventually } from '../harness/eventually.ts'
import type { Json } from '../harness/json.ts'
import type { LabProcess } from '../harness/process.ts'
import { argumentsOf, containerOf, metallb, namespace, objectNamed, podOf, render, root } from './helm.ts'
import { assembleImage, library } from './image-tree.ts'

const skip = clusterSkip('helm') || (process.getuid?.() !== 0 && 'chroot needs root')
const node = 'node-1'
const podAddress = '127.0.0.1'

/** Ports of our own: other tests run beside this one, and unlike pods the two programs share their network. */
const healthPorts = { controller: 27472, speaker: 27473 }
const metricsPorts = { controller: 29120, speaker: 29121 }
const valuesOf = (program: 'controller' | 'speaker'): object => ({
  prometheus: { metricsPort: metricsPorts[program] },
  healthProbePort: healthPorts[program],
  speaker: { listen: '127.0.0.1:21790', kubeProxyHealth: 'none' },
})

describe('the pods of the chart', { skip }, () => {
  const users = ['controller', 'speaker'].map((program) => serviceAccount(namespace, `holdfast-${program}`))
  const cluster = useCluster({ users, audit: true })
  let folder = ''
  let image = ''

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-pods-'))
    image = assembleImage(folder)
    const { kubectl } = cluster()
    for (const name of [namespace, 'shop']) await kubectl(['create', 'namespace', name])
    await kubectl(['apply', '-f', join(root, 'deploy/crds')])
    await kubectl(['apply', '-f', join(root, 'deploy/manifests/holdfast.yaml')])
    const made = { apiVersion: 'v1', kind: 'Node', metadata: { name: node } }
    await kubectl(['create', '-f', '-'], { stdin: JSON.stringify(made) })
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  /** Starts what the workload's only container would be. */
  async function startPod(kind: string, program: 'controller' | 'speaker'): Promise<LabProcess> {
    const workload = objectNamed(await render(valuesOf(program)), `${kind}/holdfast-${program}`)
    const own = mkdtempSync(join(folder, `${program}-`))
    const { url } = cluster()
    const fields: Readonly<Record<string, string>> = {
      'metadata.namespace': namespace,
      'metadata.name': `holdfast-${program}-0`,
      'spec.nodeName': node,
      'status.podIP': podAddress,
    }
    const environment = new Map(
      containerOf(workload)
        .at('env')
        .list()
        .map((one): readonly [string, string] => [
          one.at('name').text(),
          one.at('value').textOr(undefined) ?? fields[one.at('valueFrom').at('fieldRef').at('fieldPath').text()] ?? '',
        ]),
    )
    environment.set('KUBERNETES_SERVICE_HOST', new URL(url).hostname).set('KUBERNETES_SERVICE_PORT', new URL(url).port)
    // As the Dockerfile sets them.
    environment
      .set('HOME', '/')
      .set('NODE_COMPILE_CACHE', `/${library}/cache`)
      .set('PATH', '/usr/sbin:/usr/bin:/sbin:/bin')
    const words = argumentsOf(workload).map((word) =>
      word.replaceAll(/\$\((\w+)\)/g, (_, name: string) => environment.get(name) ?? ''),
    )
    const user = podOf(workload).at('securityContext').at('runAsUser').number()
    // The kubelet lets the pod's own user read them.
    const credentials = join(own, 'credentials')
    cpSync(cluster().serviceAccountDirectory(serviceAccount(namespace, `holdfast-${program}`).name), credentials, {
      recursive: true,
    })
    execFileSync('chown', ['-R', String(user), credentials])
    chmodSync(own, 0o755)
    chmodSync(folder, 0o755)
    const script = [
      'image=$1 own=$2 credentials=$3 capabilities=$4 user=$5; shift 5',
      'mount --bind "$image" "$image"',
      'mount -t proc proc "$image/proc"',
      'mount -o remount,bind,ro "$image"',
      'mount --bind "$credentials" "$image/var/run/secrets/kubernetes.io/serviceaccount"',
      ...writableOf(workload).map((path) => `mkdir -p "$own${path}" && mount --bind "$own${path}" "$image${path}"`),
      'exec setpriv --no-new-privs --inh-caps=-all --bounding-set="$capabilities" chroot --userspec="$user" "$image" "$@"',
    ].join(' && ')
    // Of the capabilities, chroot itself needs three, which whoever is not root has lost when the program begins.
    const capabilities = [
      '-all',
      '+sys_chroot',
      '+setuid',
      '+setgid',
      ...capabilitiesOf(workload).map((name) => `+${name.toLowerCase()}`),
    ]
    for (const path of writableOf(workload)) mkdirSync(join(own, path), { recursive: true })
    return cluster().lab.start(undefined, program, [
      'env',
      '-i',
      ...[...environment].map(([name, value]) => `${name}=${value}`),
      ...[
        'unshare',
        '--mount',
        'sh',
        '-c',
        script,
        'pod',
        image,
        own,
        credentials,
        capabilities.join(),
        `${user}:${user}`,
      ],
      '/usr/bin/holdfast',
      ...words,
    ])
  }

  /** As another program left it. */
  async function giveAddress(name: string, ip: string): Promise<void> {
    const patch = JSON.stringify({ status: { loadBalancer: { ingress: [{ ip }] } } })
    const merge = ['--subresource=status', '--type=merge', '-p', patch]
    await cluster().kubectl(['-n', 'shop', 'patch', 'service', name, ...merge])
  }

  /** What the API server refused to the program. */
  const refused = (program: string): readonly string[] =>
    cluster()
      .auditEvents()
      .filter((event) => event.at('user').at('username').text().endsWith(`:holdfast-${program}`))
      .filter((event) => event.at('responseStatus').at('code').numberOr(0) === 403)
      .map((event) => `${event.at('verb').text()} ${event.at('requestURI').text()}`)

  test('the speaker starts, reads its configuration and tells its state, and is refused nothing', async () => {
    const speaker = await startPod('DaemonSet', 'speaker')
    const { kubectlResult } = cluster()
    await eventually(
      'the NodeState of the node is there',
      () => kubectlResult(['-n', namespace, 'get', 'nodestate', node, '-o', 'jsonpath={.status.version}']),
      ({ stdout }) => assert.notEqual(stdout, '', speaker.state),
      { timeoutMs: 30_000 },
    )
    assert.deepEqual(refused('speaker'), [])
    assert.match(speaker.state, /^running/)
  })

  test('the controller gives a Service its address, the speaker announces it, and neither is refused anything', async () => {
    const { kubectl, kubectlResult } = cluster()
    for (const object of configuration) await kubectl(['create', '-f', '-'], { stdin: JSON.stringify(object) })
    await giveAddress('taken', '192.0.2.77')
    const controller = await startPod('Deployment', 'controller')
    await eventually(
      'the Service has an address',
      () =>
        kubectlResult(['-n', 'shop', 'get', 'service', 'web', '-o', 'jsonpath={.status.loadBalancer.ingress[0].ip}']),
      ({ stdout }) => assert.equal(stdout, '192.0.2.0', controller.state),
      { timeoutMs: 30_000 },
    )
    await eventually(
      'the node announces it',
      () => kubectlResult(['-n', namespace, 'get', 'servicebgpstatuses', '-o', 'jsonpath={.items[*].status.peers}']),
      ({ stdout }) => assert.match(stdout, /router/),
      { timeoutMs: 30_000 },
    )
    await kubectl(['-n', 'shop', 'delete', 'service', 'web'])
    await eventually(
      'nothing of it is left',
      () => kubectlResult(['-n', namespace, 'get', 'servicebgpstatuses', '-o', 'name']),
      ({ stdout }) => assert.equal(stdout, ''),
      { timeoutMs: 30_000 },
    )
    assert.deepEqual([...refused('controller'), ...refused('speaker')], [])
  })

  test('one Service has no endpoints: the controller says so after it has looked', async () => {
    await eventually(
      'its condition',
      () =>
        cluster().kubectl([
          ...['-n', 'shop', 'get', 'service', 'taken', '-o'],
          'jsonpath={.status.conditions[?(@.type=="holdfast.dev/Announced")].reason}',
        ]),
      (reason) => assert.equal(reason, 'NoEndpoints'),
      { timeoutMs: 40_000 },
    )
  })

  test('a pool that moves takes its Services along: the former block remembers who had what', async () => {
    const { kubectl, kubectlResult } = cluster()
    const patch = JSON.stringify({ spec: { addresses: ['198.51.100.0/24'] } })
    await kubectl(['-n', namespace, 'patch', 'ipaddresspool', 'public', '--type=merge', '-p', patch])
    const shown = 'jsonpath={range .items[*]}{.metadata.name} {.spec.inUse} {.spec.released}{"\\n"}{end}'
    await eventually(
      'the Service is in a block of the new range, and in the old one no more',
      () => kubectlResult(['-n', namespace, 'get', 'addressblocks', '-o', shown]),
      ({ stdout }) => {
        assert.match(stdout, /^ipv4-198\.51\.100\.0 1 /m)
        assert.match(stdout, /^ipv4-192\.0\.2\.64 0 .*192\.0\.2\.77.*shop\/taken/m)
      },
      { timeoutMs: 30_000 },
    )
  })

  test('a block of which only an old release is left, in no pool, has gone', async () => {
    await eventually(
      'it is not there',
      () => cluster().kubectlResult(['-n', namespace, 'get', 'addressblocks', '-o', 'name']),
      ({ stdout }) => assert.doesNotMatch(stdout, /203\.0\.113\.0/),
      { timeoutMs: 30_000 },
    )
  })

  test('metrics are for those whom the API server lets read them', async () => {
    for (const port of Object.values(metricsPorts)) {
      assert.equal(await scrape(port, cluster().token()), 200)
      assert.equal(await scrape(port, 'nonsense'), 401)
    }
  })

  test('a drain asks what others announce, and ends when they announce the same', async () => {
    const { kubectl, kubectlResult } = cluster()
    for (const { subresource, ...object } of otherNode) {
      await kubectl(['create', '-f', '-'], { stdin: JSON.stringify(object) })
      const whole = ['apply', '--server-side', '--subresource=status', '-f', '-']
      if (subresource) await kubectl(whole, { stdin: JSON.stringify(object) })
    }
    const endpoints = { endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true }, nodeName: node }] }
    const slice = sliceOf('taken', endpoints)
    await kubectl(['create', '-f', '-'], { stdin: JSON.stringify(slice) })
    await eventually(
      'the node announces it',
      () =>
        kubectlResult([
          ...['-n', namespace, 'get', 'servicebgpstatuses', '-l', `metallb.io/node=${node}`],
          ...['-o', 'jsonpath={.items[*].status.serviceName}'],
        ]),
      ({ stdout }) => assert.equal(stdout, 'taken'),
      { timeoutMs: 30_000 },
    )
    const drain = JSON.stringify({ spec: { drain: { requestedAt: new Date().toISOString() } } })
    await kubectl(['-n', namespace, 'patch', 'nodestate', node, '--type=merge', '-p', drain])
    const question = await eventually(
      'the other node is asked whether its speaker is alive',
      () => kubectlResult(['-n', namespace, 'get', 'nodestate', 'node-2', '-o', 'jsonpath={.spec.question.id}']),
      ({ stdout }) => assert.notEqual(stdout, ''),
      { timeoutMs: 30_000 },
    )
    const answer = JSON.stringify({ status: { answer: question.stdout } })
    await kubectl([
      '-n',
      namespace,
      'patch',
      'nodestate',
      'node-2',
      '--subresource=status',
      '--type=merge',
      '-p',
      answer,
    ])
    await eventually(
      'the node has left',
      () => kubectlResult(['-n', namespace, 'get', 'nodestate', node, '-o', 'jsonpath={.status.drain.phase}']),
      ({ stdout }) => assert.equal(stdout, 'Withdrawn'),
      { timeoutMs: 30_000 },
    )
  })

  test('what the speaker of a Node that is gone has left is removed', async () => {
    const { kubectl, kubectlResult } = cluster()
    await kubectl(['delete', 'node', 'node-2'])
    await eventually(
      'its NodeState is gone, and only it',
      () => kubectlResult(['-n', namespace, 'get', 'nodestates', '-o', 'name']),
      ({ stdout }) => assert.equal(stdout, `nodestate.holdfast.dev/${node}\n`),
      { timeoutMs: 60_000 },
    )
  })

  test('every verb of every role was used, and nothing was refused', () => {
    const events = cluster().auditEvents()
    assert.deepEqual([...refused('controller'), ...refused('speaker')], [])
    assert.deepEqual(unusedGrants(events), [])
  })

  test('both are live and ready, as their probes ask', async () => {
    for (const port of Object.values(healthPorts)) {
      for (const path of ['/livez', '/readyz']) {
        const answer = await fetch(`http://127.0.0.1:${port}${path}`)
        assert.deepEqual([answer.status, await answer.text()], [200, 'ok\n'], `${port}${path}`)
      }
    }
  })
})

/** A pool, a router that is not there, a Service with an endpoint on the node, and what a pool of long ago left. */
const configuration: readonly unknown[] = [
  metallb('v1beta1', 'IPAddressPool', 'public', { addresses: ['192.0.2.0/24'] }),
  metallb('v1beta1', 'BGPAdvertisement', 'public', { ipAddressPools: ['public'] }),
  metallb('v1beta2', 'BGPPeer', 'router', { myASN: 64512, peerASN: 64500, peerAddress: '127.0.0.9', peerPort: 11791 }),
  metallb('v1beta2', 'BGPPeer', 'faulty', { myASN: 64512, peerASN: 64500, peerAddress: 'nowhere' }),
  ...['web', 'taken'].map((name) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop' },
    spec: { type: 'LoadBalancer', ports: [{ port: 80, targetPort: 8080 }] },
  })),
  sliceOf('web', { endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true }, nodeName: node }] }),
  {
    apiVersion: 'holdfast.dev/v1alpha1',
    kind: 'AddressBlock',
    metadata: { name: 'ipv4-203.0.113.0', namespace },
    spec: {
      cidr: '203.0.113.0/26',
      inUse: 0,
      released: { '203.0.113.1': '{"service":"shop/former","time":"2026-01-01T00:00:00.000000Z"}' },
    },
  },
]

function sliceOf(service: string, more: object): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${service}-1`, namespace: 'shop', labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    ports: [{ port: 8080 }],
    ...more,
  }
}

/** Another node that announces, with what its speaker would write; `subresource`: the status is written by itself. */
const otherNode: readonly { readonly subresource: boolean; readonly [field: string]: unknown }[] = [
  {
    subresource: true,
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node-2' },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  },
  {
    subresource: true,
    apiVersion: 'holdfast.dev/v1alpha1',
    kind: 'NodeState',
    metadata: { name: 'node-2', namespace },
    status: { sessions: [{ peer: 'router', state: 'Established' }] },
  },
  {
    subresource: true,
    apiVersion: 'metallb.io/v1beta1',
    kind: 'ServiceBGPStatus',
    metadata: { name: 'bgp-other', namespace },
    status: { node: 'node-2', serviceName: 'taken', serviceNamespace: 'shop', peers: ['router'] },
  },
]

/** The status of a GET of the metrics by the bearer of a token. */
const scrape = (port: number, token: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` }
    // The certificate is of the program's own making.
    const request = get({ host: '127.0.0.1', port, path: '/metrics', headers, rejectUnauthorized: false }, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    })
    request.on('error', reject)
  })

/**
 * What of deploy/rbac.json nobody asked for. To apply an object that is not there the API server wants `create` as well as `patch`, and its
 * log has only the latter: with 201.
 */
function unusedGrants(events: readonly Json[]): readonly string[] {
  const used = new Set(
    events.flatMap((event) => {
      const object = event.at('objectRef')
      const resource = [object.at('resource').textOr(''), object.at('subresource').textOr('')].filter(
        (part) => part !== '',
      )
      const program = event.at('user').at('username').text().split(':holdfast-')[1] ?? ''
      const isMade = event.at('responseStatus').at('code').numberOr(0) === 201
      const verbs = [event.at('verb').text(), ...(isMade ? ['create'] : [])]
      return verbs.map((verb) => `${program} ${verb} ${object.at('apiGroup').textOr('')}/${resource.join('/')}`)
    }),
  )
  const grants = JSON.parse(readFileSync(join(root, 'deploy/rbac.json'), 'utf8')) as readonly {
    readonly program: string
    readonly group: string
    readonly resource: string
    readonly verbs: readonly string[]
  }[]
  return grants
    .flatMap(({ program, group, resource, verbs }) => verbs.map((verb) => `${program} ${verb} ${group}/${resource}`))
    .filter((grant) => !used.has(grant))
}

const capabilitiesOf = (workload: Json): readonly string[] =>
  containerOf(workload)
    .at('securityContext')
    .at('capabilities')
    .at('add')
    .list()
    .map((name) => name.text())

/** Where the container may write. */
const writableOf = (workload: Json): readonly string[] =>
  containerOf(workload)
    .at('volumeMounts')
    .list()
    .filter((mount) => !mount.at('readOnly').isTrue())
    .map((mount) => mount.at('mountPath').text())
