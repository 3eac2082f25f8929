// holdfast lint and holdfast support against a real API server, with MetalLB's own CustomResourceDefinitions, as an administrator and as
// somebody who may read little.
//
// Claims:
//  1  A cluster whose objects mean the same to both is ready, exit code 0; one that is not, not ready, exit code 4.
//  2  Kinds that a user may not list are named; without the essential ones there is no `ready`.
//  3  The same objects as files give the same findings about them.
//  4  The bundle has what it should, and none of the secrets that lie in the cluster; made anonymous, none of the names and addresses.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { clusterSkip } from '../cluster/capability.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { useCluster } from '../cluster/use-cluster.ts'
import { Json } from '../harness/json.ts'
import { root } from '../deploy/helm.ts'
import { metallbCrds } from './stand-in.ts'

const namespace = 'metallb-system'
const holdfast = join(root, 'node_modules', '.bin', 'holdfast')
const canary = 'canary-4711'
const skip = existsSync(metallbCrds) ? clusterSkip() : 'MetalLB’s own CRDs are not there'

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function run(cluster: Cluster, args: readonly string[], user?: string): Ended {
  const env = { ...process.env, KUBECONFIG: cluster.kubeconfig(user) }
  const { status, stdout, stderr } = spawnSync(holdfast, args, { env, encoding: 'utf8', timeout: 60_000 })
  return { code: status, stdout, stderr }
}

function reportOf(cluster: Cluster, more: readonly string[] = [], user?: string): { report: Json; ended: Ended } {
  const ended = run(cluster, ['lint', '-o', 'json', ...more], user)
  assert.ok(ended.stdout.startsWith('{'), ended.stderr)
  return { report: Json.parse(ended.stdout), ended }
}

const codesOf = (report: Json): readonly string[] =>
  report
    .at('findings')
    .list()
    .map((one) => one.at('code').text())

const metadata = (name: string, more: object = {}) => ({ name, namespace, ...more })

const peerSpec = {
  myASN: 64512,
  peerASN: 64500,
  peerAddress: '198.51.100.1',
  holdTime: '90s',
  enableGracefulRestart: true,
}

const objects: readonly object[] = [
  {
    apiVersion: 'metallb.io/v1beta1',
    kind: 'IPAddressPool',
    metadata: metadata('public'),
    spec: { addresses: ['192.0.2.0/24'] },
  },
  { apiVersion: 'metallb.io/v1beta1', kind: 'BGPAdvertisement', metadata: metadata('all'), spec: {} },
  {
    apiVersion: 'metallb.io/v1beta2',
    kind: 'BGPPeer',
    metadata: metadata('tor', { annotations: { 'example.com/key': `${canary}-annotation` } }),
    spec: { ...peerSpec, password: `${canary}-password` },
  },
]

async function apply(cluster: Cluster, items: readonly object[]): Promise<void> {
  // Client-side, so that kubectl leaves its copy of the password in an annotation.
  await cluster.kubectl(['apply', '-f', '-'], { stdin: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) })
}

describe('lint and support on a cluster', { skip }, () => {
  const cluster = useCluster({ users: [{ name: 'reader' }, { name: 'stranger' }] })

  before(async () => {
    await cluster().kubectl(['apply', '--server-side', '-f', metallbCrds])
    await cluster().kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all'])
    await cluster().kubectl(['create', 'namespace', namespace])
    await apply(cluster(), objects)
    const literal = `--from-literal=password=${canary}-secret`
    await cluster().kubectl([
      '-n',
      namespace,
      'create',
      'secret',
      'generic',
      's',
      '--type=kubernetes.io/basic-auth',
      literal,
    ])
    await cluster().kubectl(['create', 'service', 'loadbalancer', 'web', '--tcp=80:80'])
    const path = '/api/v1/namespaces/default/services/web/status'
    await cluster()
      .client()
      .merge(path, { status: { loadBalancer: { ingress: [{ ip: '192.0.2.7' }] } } })
    const resources =
      'services,nodes,namespaces,ipaddresspools.metallb.io,bgppeers.metallb.io,bgpadvertisements.metallb.io'
    await cluster().kubectl(['create', 'clusterrole', 'reader', '--verb=list', `--resource=${resources}`])
    await cluster().kubectl(['create', 'clusterrolebinding', 'reader', '--clusterrole=reader', '--user=reader'])
  })

  test('objects that mean the same to both are ready', () => {
    const { report, ended } = reportOf(cluster(), ['--bgp-type=frr'])
    assert.deepEqual(codesOf(report), [], ended.stdout)
    assert.equal(report.at('verdict').text(), 'ready')
    assert.equal(ended.code, 0)
    assert.match(run(cluster(), ['lint', '--bgp-type=frr']).stdout, /^ready: /)
  })

  test('what a user may not list is named; without pools and peers there is no verdict but not ready', () => {
    const some = reportOf(cluster(), ['--bgp-type=frr'], 'reader')
    assert.equal(some.report.at('verdict').text(), 'ready', some.ended.stdout)
    const unread = some.report.at('notRead').list()
    const daemonSets = unread.find((one) => one.at('resource').text() === 'daemonsets.apps')
    assert.equal(daemonSets?.at('reason').text(), 'forbidden')
    const none = reportOf(cluster(), [], 'stranger')
    assert.ok(codesOf(none.report).includes('not-read'))
    assert.equal(none.ended.code, 4)
  })

  test('files give the findings that the objects give', async () => {
    const text = await cluster().kubectl([
      '-n',
      namespace,
      'get',
      'ipaddresspools,bgpadvertisements,bgppeers',
      '-o',
      'yaml',
    ])
    const file = join(cluster().directory, 'objects.yaml')
    writeFileSync(file, text)
    const live = reportOf(cluster(), ['--bgp-type=native'])
    const files = reportOf(cluster(), ['--bgp-type=native', file])
    assert.deepEqual(codesOf(files.report), codesOf(live.report))
    assert.deepEqual(codesOf(files.report), ['hold-time-enforced'])
    const broken = join(cluster().directory, 'broken.yaml')
    writeFileSync(broken, 'kind: [')
    assert.deepEqual(codesOf(reportOf(cluster(), [broken]).report), ['unreadable-file'])
    assert.equal(run(cluster(), ['lint', join(cluster().directory, 'nowhere')]).code, 3)
  })

  test('the bundle has what helps and none of the secrets', () => {
    const file = join(cluster().directory, 'bundle.json.gz')
    const { code, stdout, stderr } = run(cluster(), ['support', '--output', file])
    assert.equal(code, 0, stderr)
    assert.match(stdout, /BGPPeer: 1/)
    assert.equal(statSync(file).mode & 0o777, 0o600)
    const text = gunzipSync(readFileSync(file)).toString()
    assert.doesNotMatch(text + stdout, new RegExp(canary))
    assert.ok(!text.includes(Buffer.from(`${canary}-secret`).toString('base64')))
    const bundle = Json.parse(text)
    const [peer] = bundle.at('objects').at('BGPPeer').list()
    assert.equal(peer?.at('spec').at('password').text(), '(hidden)')
    assert.equal(bundle.at('overview').at('services').at('assigned').number(), 1)
    // No speaker has told of anything.
    assert.equal(bundle.at('explanations').list()[0]?.at('service').text(), 'default/web')
    assert.ok(bundle.at('lint').at('findings').list().length > 0)
    // Of holdfast.dev nothing is installed here.
    const unread = bundle
      .at('notRead')
      .list()
      .map((one) => one.at('resource').text())
    assert.ok(unread.includes('nodestates.holdfast.dev'))
  })

  test('an anonymous bundle has no name and no address of the objects', () => {
    const file = join(cluster().directory, 'anonymous.json.gz')
    const { code, stdout, stderr } = run(cluster(), ['support', '--anonymize', '--no-logs', '--output', file])
    assert.equal(code, 0, stderr)
    assert.match(stdout, /names and addresses of your network are replaced/)
    const text = gunzipSync(readFileSync(file)).toString()
    const bundle = Json.parse(text)
    const [service] = bundle.at('objects').at('Service').list()
    assert.equal(service?.at('metadata').at('name').text(), 'service-1')
    assert.equal(bundle.at('explanations').list()[0]?.at('service').text(), 'default/service-1')
    for (const [word] of text.matchAll(/192\.0\.2\.\d|198\.51\.100\.\d|"web"|"tor"/g)) assert.fail(`${word} is left`)
  })

  test('an address that no pool has, and layer 2 alone, are in the way', async () => {
    await apply(cluster(), [
      {
        apiVersion: 'metallb.io/v1beta1',
        kind: 'IPAddressPool',
        metadata: metadata('public'),
        spec: { addresses: ['203.0.113.0/24'] },
      },
      { apiVersion: 'metallb.io/v1beta1', kind: 'L2Advertisement', metadata: metadata('lan'), spec: {} },
    ])
    await cluster().kubectl(['-n', namespace, 'delete', 'bgpadvertisements', '--all'])
    const { report, ended } = reportOf(cluster(), ['--bgp-type=frr'])
    assert.deepEqual(codesOf(report), ['l2-only-pool', 'address-changes', 'l2-advertisement'], ended.stdout)
    assert.equal(ended.code, 4)
  })
})
