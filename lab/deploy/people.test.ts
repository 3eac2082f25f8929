// The roles for people, in a real API server with the chart installed:
//   - somebody to whom Kubernetes' own role `view` is bound runs `holdfast status` and `holdfast explain service`: nothing is refused, and
//     nothing but get and list is asked for
//   - they read no Secret and change nothing; `edit` configures nothing either; `admin` in the one namespace configures and drains
//   - without aggregation the same by the names of the roles
//   - BGPPeers whose password is shown by that are named after the installation
//
// There is no controller manager: what it makes of the labels is made here.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { clusterSkip } from '../cluster/capability.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { useCluster } from '../cluster/use-cluster.ts'
import { chart, helm, metallb, namespace, render, root } from './helm.ts'

const holdfast = join(root, 'node_modules', '.bin', 'holdfast')

const install = (cluster: Cluster, ...more: readonly string[]): Promise<string> =>
  helm(
    ['upgrade', '--install', 'holdfast', chart, '--namespace', namespace, '--create-namespace', ...more],
    cluster.kubeconfig(),
  )

describe('roles for people', { skip: clusterSkip('helm') }, () => {
  const users = ['viewer', 'editor', 'owner', 'named'].map((name) => ({ name }))
  const cluster = useCluster({ users, audit: true })

  /** As somebody at a shell. */
  async function run(user: string, ...words: readonly string[]): Promise<{ code: number | null; text: string }> {
    const env = { ...process.env, KUBECONFIG: cluster().kubeconfig(user) }
    const child = spawn(holdfast, words, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 })
    let text = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
    return { code, text }
  }

  async function may(user: string, ...question: readonly string[]): Promise<boolean> {
    const { stdout } = await cluster().kubectlResult(['auth', 'can-i', ...question], { user })
    return stdout.startsWith('yes')
  }

  before(async () => {
    await install(cluster(), ...aggregating)
    await aggregate(cluster())
    const { kubectl } = cluster()
    await kubectl(['create', 'namespace', 'shop'])
    for (const object of site) await kubectl(['create', '-f', '-'], { stdin: JSON.stringify(object) })
    for (const { status, ...object } of told) {
      await kubectl(['create', '-f', '-'], { stdin: JSON.stringify(object) })
      const whole = ['apply', '--server-side', '--subresource=status', '-f', '-']
      await kubectl(whole, { stdin: JSON.stringify({ ...object, status }) })
    }
    const bind = async (user: string, role: string, ...where: readonly string[]): Promise<void> => {
      const kind = where.length === 0 ? 'clusterrolebinding' : 'rolebinding'
      await kubectl([...where, 'create', kind, `${user}-${role}`, `--clusterrole=${role}`, `--user=${user}`])
    }
    await bind('viewer', 'view')
    await bind('editor', 'edit')
    await bind('owner', 'admin', '-n', namespace)
  })

  test('whoever has `view` runs status and explain: nothing is refused, and nothing but get and list is asked for', async () => {
    const status = await run('viewer', 'status')
    assert.equal(status.code, 0, status.text)
    assert.match(status.text, /holdfast-controller-0 leads/)
    assert.match(status.text, /node-1 +● 1\/1 +1 +Announcing/)
    const explained = await run('viewer', 'explain', 'service', 'shop/web')
    assert.equal(explained.code, 0, explained.text)
    assert.match(explained.text, /announced by 1 of 1 nodes/)
    const asked = cluster()
      .auditEvents()
      .filter((event) => event.at('user').at('username').text() === 'viewer')
      .filter((event) => event.at('userAgent').textOr('').startsWith('holdfast/'))
    assert.ok(asked.length > 10)
    const refused = asked.filter((event) => event.at('responseStatus').at('code').numberOr(0) === 403)
    assert.deepEqual(
      refused.map((event) => event.at('requestURI').text()),
      [],
    )
    // To ask what oneself may do, everybody may.
    const verbs = asked.filter(
      (event) => event.at('objectRef').at('resource').textOr('') !== 'selfsubjectaccessreviews',
    )
    assert.deepEqual([...new Set(verbs.map((event) => event.at('verb').text()))].sort(), ['get', 'list'])
  })

  test('`view` and `edit` read no Secrets by it and configure nothing, `admin` in the namespace configures and drains', async () => {
    const own = ['-n', namespace]
    assert.equal(await may('viewer', 'list', 'secrets', ...own), false)
    for (const user of ['viewer', 'editor']) {
      assert.equal(await may(user, 'list', 'bgppeers.metallb.io', ...own), true, user)
      assert.equal(await may(user, 'create', 'ipaddresspools.metallb.io', ...own), false, user)
      assert.equal(await may(user, 'patch', 'nodestates.holdfast.dev', ...own), false, user)
    }
    for (const object of ['ipaddresspools.metallb.io', 'bgppeers.metallb.io', 'peerpolicies.holdfast.dev']) {
      assert.equal(await may('owner', 'create', object, ...own), true, object)
      assert.equal(await may('owner', 'create', object, '-n', 'shop'), false, object)
    }
    assert.equal(await may('owner', 'patch', 'addressblocks.holdfast.dev', ...own), false)
    assert.equal(await may('owner', 'patch', 'nodestates.holdfast.dev', '--subresource=status', ...own), false)
    const refused = await run('viewer', 'drain', 'node-1')
    assert.equal(refused.code, 3)
    assert.match(
      refused.text,
      /You need the verb patch on nodestates\.holdfast\.dev \(ClusterRole holdfast-admin has it\)/,
    )
    const drained = await run('owner', 'drain', 'node-1', '--reason', 'new kernel')
    assert.equal(drained.code, 0, drained.text)
  })

  test('every right of the roles is for a kind that is there', async () => {
    const { kubectl } = cluster()
    const rows = JSON.parse(readFileSync(join(root, 'deploy/roles-for-people.json'), 'utf8')) as readonly {
      readonly group: string
      readonly resource: string
    }[]
    const known = new Set((await kubectl(['api-resources', '-o', 'name'])).trim().split('\n'))
    for (const { group, resource } of rows) {
      assert.ok(known.has(group === '' ? resource : `${resource}.${group}`), resource)
    }
  })

  test('after an installation, peers are named whose password that shows', async () => {
    assert.doesNotMatch(await install(cluster(), ...aggregating), /hold their password/)
    const patch = JSON.stringify({ spec: { password: 'canary' } })
    await cluster().kubectl(['-n', namespace, 'patch', 'bgppeer', 'tor', '--type=merge', '-p', patch])
    const notes = await install(cluster(), ...aggregating)
    assert.match(notes, /hold their password themselves, .*:\n {2}tor\n/)
    assert.doesNotMatch(notes, /canary/)
  })

  test('without aggregation only those read to whom the role is bound by its name', async () => {
    assert.doesNotMatch(await install(cluster(), '--set', 'rbac.aggregateClusterRoles=false'), /hold their password/)
    await aggregate(cluster())
    assert.equal(await may('viewer', 'list', 'bgppeers.metallb.io', '-n', namespace), false)
    const refused = await run('viewer', 'status')
    assert.equal(refused.code, 3)
    assert.match(refused.text, /You need the verb list on \S+ \(ClusterRole holdfast-view has it\)/)
    const bind = ['create', 'clusterrolebinding', 'named', '--clusterrole=view', '--user=named']
    await cluster().kubectl(bind)
    await cluster().kubectl([
      'create',
      'clusterrolebinding',
      'named-ours',
      '--clusterrole=holdfast-view',
      '--user=named',
    ])
    const status = await run('named', 'status')
    assert.equal(status.code, 0, status.text)
  })

  test('without roles for the programs there are none for people', async () => {
    const kinds = (await render({ rbac: { create: false } })).map((object) => object.at('kind').text())
    assert.ok(!kinds.includes('ClusterRole'))
  })
})

const aggregating = ['--set', 'rbac.aggregateClusterRoles=true'] as const

interface Role {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> }
  readonly aggregationRule?: {
    readonly clusterRoleSelectors: readonly { readonly matchLabels: Readonly<Record<string, string>> }[]
  }
  readonly rules: readonly unknown[] | null
}

/**
 * What the controller manager does with ClusterRoles that have an aggregationRule: their rules are those of all roles with the labels. In
 * the order in which Kubernetes' own contain each other.
 */
async function aggregate(cluster: Cluster): Promise<void> {
  for (const name of ['view', 'edit', 'admin']) {
    const { items } = JSON.parse(await cluster.kubectl(['get', 'clusterroles', '-o', 'json'])) as {
      readonly items: readonly Role[]
    }
    const selectors = items.find(({ metadata }) => metadata.name === name)?.aggregationRule?.clusterRoleSelectors ?? []
    assert.ok(selectors.length > 0, `${name} aggregates`)
    const isChosen = ({ labels = {}, name: own }: Role['metadata']): boolean =>
      own !== name &&
      selectors.some(({ matchLabels }) => Object.entries(matchLabels).every(([key, value]) => labels[key] === value))
    const rules = items.filter(({ metadata }) => isChosen(metadata)).flatMap((role) => role.rules ?? [])
    const patch = JSON.stringify({ rules })
    await cluster.kubectl(['patch', 'clusterrole', name, '--type=merge', '-p', patch])
  }
}

/** A pool, a router, a Service with an endpoint, a speaker's pod, and the lease of the controller. */
const site: readonly object[] = [
  metallb('v1beta1', 'IPAddressPool', 'public', { addresses: ['192.0.2.0/24'] }),
  metallb('v1beta1', 'BGPAdvertisement', 'public', { ipAddressPools: ['public'] }),
  metallb('v1beta2', 'BGPPeer', 'tor', { myASN: 64512, peerASN: 64500, peerAddress: '10.0.0.1' }),
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'web-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ port: 8080 }],
    endpoints: [{ addresses: ['10.1.0.1'], conditions: { ready: true }, nodeName: 'node-1' }],
  },
  {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'holdfast-controller', namespace },
    spec: {
      holderIdentity: 'holdfast-controller-0',
      renewTime: new Date(Date.now() + 3_600_000).toISOString().replace('Z', '000Z'),
    },
  },
]

const conditions = (type: string): readonly object[] => [
  { type, status: 'True', reason: 'Announcing', message: 'as planned', lastTransitionTime: '2026-01-01T00:00:00Z' },
]

/** Objects with a status that somebody else would write. */
const told: readonly { readonly status: object; readonly [field: string]: unknown }[] = [
  {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node-1' },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'shop', annotations: { 'metallb.io/ip-allocated-from-pool': 'public' } },
    spec: { type: 'LoadBalancer', ports: [{ port: 80, targetPort: 8080 }] },
    status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } },
  },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'holdfast-speaker-x', namespace, labels: { 'app.kubernetes.io/component': 'speaker' } },
    spec: { nodeName: 'node-1', containers: [{ name: 'speaker', image: 'localhost/holdfast' }] },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  },
  {
    apiVersion: 'holdfast.dev/v1alpha1',
    kind: 'NodeState',
    metadata: { name: 'node-1', namespace },
    status: {
      version: '0.1.0',
      routes: 1,
      sessions: [{ peer: 'tor', address: '10.0.0.1', state: 'Established' }],
      conditions: conditions('Announcing'),
    },
  },
  {
    apiVersion: 'metallb.io/v1beta1',
    kind: 'ServiceBGPStatus',
    metadata: { name: 'bgp-1', namespace },
    status: { node: 'node-1', serviceName: 'web', serviceNamespace: 'shop', peers: ['tor'] },
  },
]
