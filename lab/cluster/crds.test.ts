// Our CustomResourceDefinitions in a real API server, and MetalLB's own in their place.
//
// Claims:
//  1  All of deploy/crds is applied, twice, without an error or a finding of the API server about a schema.
//  2  Every vector of packages/model/src/testing/crd-vectors.ts is accepted or refused as it says.
//  3  A BGPPeer of v1beta1 is served, and read as v1beta2 it means the same to us, without a webhook; and the other way round.
//  4  kubectl get shows MetalLB's columns for MetalLB's kinds, and what a person asks for ours.
//  5  What MetalLB's own CRDs accept, store and show of MetalLB's kinds, ours do too; both mean the same to us.
//  6  Ours can be applied over MetalLB's, whose conversion webhook is gone by then.
//  7  An AddressBlock of the schema that had lists is read as one that says nothing, and can be written.
import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import type { KubeObject } from '../../packages/cluster/src/index.ts'
import { createKeeps } from '../../packages/cluster/src/index.ts'
import { decodeBlock } from '../../packages/ipam/src/index.ts'
import { crds } from '../../packages/model/src/crd/crds.ts'
import { evaluate } from '../../packages/model/src/index.ts'
import type { CrdVector } from '../../packages/model/src/testing/crd-vectors.ts'
import { crdVectors } from '../../packages/model/src/testing/crd-vectors.ts'
import { eventually } from '../harness/eventually.ts'
import { clusterSkip } from './capability.ts'
import type { Cluster } from './cluster.ts'
import { useCluster } from './use-cluster.ts'

const ours = join(import.meta.dirname, '..', '..', 'deploy', 'crds')
const metallbs = join(import.meta.dirname, '..', '..', '..', 'shared', 'metallb-crds')
const namespace = 'metallb-system'

const pluralOf = new Map(crds.map(({ spec }) => [spec.names.kind, String(spec.names['plural'])]))

const pathOf = (apiVersion: string, kind: string): string =>
  `/apis/${apiVersion}/namespaces/${namespace}/${pluralOf.get(kind) ?? ''}`

const establish = async (cluster: Cluster): Promise<void> => {
  await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all'])
}

async function makeNamespace(cluster: Cluster): Promise<void> {
  await cluster.kubectl(['create', 'namespace', namespace])
}

/** What the API server says to a vector: undefined where it takes all of it. Leaves nothing behind. */
async function refusalOf(cluster: Cluster, vector: CrdVector): Promise<string | undefined> {
  const { apiVersion, kind, name, spec, status, change } = vector
  const path = pathOf(apiVersion, kind)
  const object = { apiVersion, kind, metadata: { name, namespace }, ...(spec === undefined ? {} : { spec }) }
  const { send } = cluster.client()
  const strict = '?fieldValidation=Strict'
  const created = await send('POST', `${path}${strict}`, object)
  if (created.status !== 201) return created.body.at('message').text()
  const resourceVersion = created.body.at('metadata').at('resourceVersion').text()
  const metadata = { name, namespace, resourceVersion }
  try {
    if (status !== undefined) {
      const written = await send('PUT', `${path}/${name}/status${strict}`, { ...object, metadata, status })
      if (written.status !== 200) return written.body.at('message').text()
    }
    if (change === undefined) return undefined
    const changed = await send('PUT', `${path}/${name}${strict}`, { ...object, metadata, spec: change })
    return changed.status === 200 ? undefined : changed.body.at('message').text()
  } finally {
    await send('DELETE', `${path}/${name}`)
  }
}

async function assertVectors(cluster: Cluster, vectors: readonly CrdVector[]): Promise<void> {
  const wrong: string[] = []
  for (const vector of vectors) {
    const refusal = await refusalOf(cluster, vector)
    if ((refusal === undefined) === vector.accepted) continue
    wrong.push(`${vector.kind}, ${vector.why}: ${refusal ?? 'accepted'}`)
  }
  assert.deepEqual(wrong, [])
}

/** An object of the API server, as somebody who reads it gets it. */
const readBack = async (cluster: Cluster, resource: string, name: string): Promise<unknown> =>
  JSON.parse(await cluster.kubectl(['get', '-n', namespace, resource, name, '-o', 'json']))

/** What objects mean to us, without what tells one write from another. */
function meaningOf(values: readonly unknown[]) {
  const raws = values.map((value) => ({ value, origin: { file: 'api', lineOf: () => undefined } }))
  const { model, faults } = evaluate(raws, undefined)
  const plain = JSON.stringify(
    [...model.pools.values(), ...model.advertisements.values(), ...model.peers.values()],
    withoutMeta,
  )
  return { faults, plain }
}

const withoutMeta = (key: string, value: unknown): unknown =>
  key === 'meta' ? undefined : typeof value === 'bigint' ? String(value) : value

const peer = { myASN: 64512, peerASN: 64500, peerAddress: '192.0.2.254' }
const selected = {
  nodeSelectors: [
    { matchLabels: { rack: 'r1' }, matchExpressions: [{ key: 'zone', operator: 'In', values: ['a', 'b'] }] },
  ],
}
const old = { ...peer, ...selected, holdTime: '90s', keepaliveTime: '30s', ebgpMultiHop: true }

const peerObject = (version: string, name: string, spec: object) => ({
  apiVersion: `metallb.io/${version}`,
  kind: 'BGPPeer',
  metadata: { name, namespace },
  spec,
})

/** Objects of a user, one of each kind. */
const manifests = [
  peerObject('v1beta2', 'router-a', { ...peer, ...selected, connectTime: '5s' }),
  peerObject('v1beta1', 'router-b', { ...old, peerAddress: '192.0.2.253' }),
  {
    apiVersion: 'metallb.io/v1beta1',
    kind: 'IPAddressPool',
    metadata: { name: 'prod', namespace, labels: { tier: 'prod' } },
    spec: { addresses: ['192.0.2.0/28', '2001:db8::1-2001:db8::9'], serviceAllocation: { namespaces: ['shop'] } },
  },
  {
    apiVersion: 'metallb.io/v1beta1',
    kind: 'BGPAdvertisement',
    metadata: { name: 'all', namespace },
    spec: { ipAddressPools: ['prod'], peers: ['router-a'], communities: ['no-one'], localPref: 100 },
  },
  {
    apiVersion: 'metallb.io/v1beta1',
    kind: 'Community',
    metadata: { name: 'names', namespace },
    spec: { communities: [{ name: 'no-one', value: '65535:65281' }] },
  },
  {
    apiVersion: 'metallb.io/v1beta1',
    kind: 'BFDProfile',
    metadata: { name: 'fast', namespace },
    spec: { receiveInterval: 50, passiveMode: true },
  },
  {
    apiVersion: 'metallb.io/v1beta1',
    kind: 'L2Advertisement',
    metadata: { name: 'lan', namespace },
    spec: { ipAddressPools: ['prod'], interfaces: ['eth0'] },
  },
]

const apply = (cluster: Cluster, ...objects: readonly object[]): Promise<string> =>
  cluster.kubectl(['apply', '-f', '-'], { stdin: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }) })

const resources = ['bgppeers', 'ipaddresspools', 'bgpadvertisements', 'communities', 'bfdprofiles', 'l2advertisements']

/** What an API server stores and shows of the manifests: specs, and the tables of kubectl without ages. */
async function outcomeOf(cluster: Cluster): Promise<{ readonly specs: unknown; readonly tables: readonly string[] }> {
  const list = JSON.parse(await cluster.kubectl(['get', '-n', namespace, resources.join(), '-o', 'json'])) as {
    readonly items: readonly {
      readonly kind: string
      readonly metadata: { readonly name: string }
      readonly spec: unknown
    }[]
  }
  const specs = list.items.map(({ kind, metadata: { name }, spec }) => ({ kind, name, spec }))
  const tables: string[] = []
  for (const resource of resources) {
    const table = await cluster.kubectl(['get', '-n', namespace, resource, '-o', 'wide'])
    // Kinds without columns of their own show how old objects are.
    tables.push(table.replace(/\b\d+s\b/g, 'Ns'))
  }
  return { specs, tables }
}

describe('our CRDs in an API server', { skip: clusterSkip() }, () => {
  const cluster = useCluster()
  before(() => makeNamespace(cluster()))

  test('they are applied, twice, and the API server finds nothing wrong with them', async () => {
    for (const args of [[], [], ['--server-side', '--force-conflicts'], ['--server-side']]) {
      const { code, stdout, stderr } = await cluster().kubectlResult(['apply', ...args, '-f', ours])
      assert.deepEqual([code, stderr], [0, ''])
      assert.equal(stdout.trim().split('\n').length, crds.length)
    }
    await establish(cluster())
    const list = await cluster().client().get('/apis/apiextensions.k8s.io/v1/customresourcedefinitions')
    const conditions = list
      .at('items')
      .list()
      .flatMap((crd) => crd.at('status').at('conditions').list())
      .filter((condition) => condition.at('status').text() === 'True')
    assert.deepEqual([...new Set(conditions.map((condition) => condition.at('type').text()))].sort(), [
      'Established',
      'NamesAccepted',
    ])
  })

  test('it accepts and refuses what the vectors say', () => assertVectors(cluster(), crdVectors))

  test('what it refuses it explains', async () => {
    const vector = crdVectors.find(({ why }) => why === 'TTL and GTSM')
    assert.ok(vector)
    assert.match(
      (await refusalOf(cluster(), vector)) ?? '',
      /spec: Invalid value: .*only one of ttl and ttlSecurity can be set/,
    )
  })

  test('a BGPPeer of v1beta1 is served, and means the same when it is read as v1beta2', async () => {
    const manifest = peerObject('v1beta1', 'old', old)
    const { stderr } = await cluster().kubectlResult(['apply', '-f', '-'], { stdin: JSON.stringify(manifest) })
    assert.match(stderr, /deprecated: write metallb.io\/v1beta2/)
    const stored = await readBack(cluster(), 'bgppeers.v1beta2.metallb.io', 'old')
    assert.equal((stored as { readonly apiVersion: string }).apiVersion, 'metallb.io/v1beta2')
    // What kubectl reads and edits where no version is named.
    assert.deepEqual(await readBack(cluster(), 'bgppeers', 'old'), stored)
    const same = await readBack(cluster(), 'bgppeers.v1beta1.metallb.io', 'old')
    assert.deepEqual(meaningOf([stored]), meaningOf([manifest]))
    assert.deepEqual(meaningOf([same]), meaningOf([manifest]))
    assert.deepEqual(meaningOf([stored]).faults, [])
    await cluster().kubectl(['delete', '-n', namespace, 'bgppeer', 'old'])
  })

  test('a BGPPeer of v1beta1 that says what it leaves unset is read as one that leaves it out', async () => {
    const explicit = peerObject('v1beta1', 'zero', {
      ...peer,
      peerPort: 0,
      password: '',
      routerID: '',
      sourceAddress: '',
    })
    await apply(cluster(), explicit)
    const stored = await readBack(cluster(), 'bgppeers.v1beta2.metallb.io', 'zero')
    assert.deepEqual(meaningOf([stored]), meaningOf([peerObject('v1beta2', 'zero', peer)]))
    await cluster().kubectl(['delete', '-n', namespace, 'bgppeer', 'zero'])
  })

  test('a hold time of 0s is unset where it was written in v1beta1, and off where it was written in v1beta2', async () => {
    const zero = { ...peer, holdTime: '0s', keepaliveTime: '0s' }
    const readAs = async (version: string): Promise<unknown> => {
      await apply(cluster(), peerObject(version, 'zero', zero))
      const path = `/apis/metallb.io/v1beta2/namespaces/${namespace}/bgppeers/zero`
      const stored = JSON.parse(await cluster().kubectl(['get', '--raw', path])) as KubeObject
      await cluster().kubectl(['delete', '-n', namespace, 'bgppeer', 'zero'])
      return meaningOf([createKeeps().BGPPeer(stored)])
    }
    assert.deepEqual(await readAs('v1beta1'), meaningOf([peerObject('v1beta2', 'zero', peer)]))
    assert.deepEqual(await readAs('v1beta2'), meaningOf([peerObject('v1beta2', 'zero', zero)]))
  })

  test('a BGPPeer of v1beta2 is served as v1beta1, with the fields that this version has', async () => {
    await apply(cluster(), peerObject('v1beta2', 'new', { ...old, connectTime: '5s', vrf: 'red' }))
    const served = (await readBack(cluster(), 'bgppeers.v1beta1.metallb.io', 'new')) as { readonly spec: object }
    assert.deepEqual(served.spec, { ...old, peerPort: 179 })
    assert.deepEqual(meaningOf([served]).faults, [])
    await cluster().kubectl(['delete', '-n', namespace, 'bgppeer', 'new'])
  })

  test('a block that was stored with lists comes without what is in them, and can be written with maps', async () => {
    const crd = crds.find(({ spec }) => spec.names.kind === 'AddressBlock')
    assert.ok(crd)
    const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
    const versions = crd.spec.versions.map((version) => ({ ...version, schema: { openAPIV3Schema: anything } }))
    const apiVersion = 'holdfast.dev/v1alpha1'
    const path = `${pathOf(apiVersion, 'AddressBlock')}/ipv4-192.0.2.0`
    const metadata = { name: 'ipv4-192.0.2.0', namespace }
    const cidr = '192.0.2.0/26'
    const lists = { cidr, inUse: 1, addresses: [{ address: '192.0.2.1', pool: 'p', holders: [] }], released: [] }
    const client = cluster().client()
    await apply(cluster(), { ...crd, spec: { ...crd.spec, versions } })
    await eventually(
      'the schema without fields is in force',
      () =>
        client.send('POST', pathOf(apiVersion, 'AddressBlock'), {
          apiVersion,
          kind: 'AddressBlock',
          metadata,
          spec: lists,
        }),
      ({ status }) => assert.ok(status === 201 || status === 409),
    )
    await apply(cluster(), crd)
    await eventually(
      'the schema of maps is in force',
      async () => ((await readBack(cluster(), 'ab', metadata.name)) as KubeObject)['spec'],
      (spec) => {
        assert.deepEqual(spec, { ...lists, addresses: [{}] })
        assert.equal(decodeBlock(metadata.name, spec).kind, 'read')
      },
    )
    const { resourceVersion } = ((await readBack(cluster(), 'ab', metadata.name)) as KubeObject).metadata
    await client.replace(path, {
      apiVersion,
      kind: 'AddressBlock',
      metadata: { ...metadata, resourceVersion },
      spec: { cidr, inUse: 0, addresses: {}, released: {} },
    })
    await client.remove(path)
  })

  test('kubectl get shows of our kinds what a person asks', async () => {
    const { kubectl } = cluster()
    const vectors = ['addresses in use and released', 'a status', 'GTSM over one hop', 'nothing said']
    const time = '2026-01-01T00:00:00Z'
    for (const { apiVersion, kind, name, spec, why } of crdVectors) {
      if (vectors.includes(why)) {
        const [, label] = [name, `${name}${why === 'nothing said' ? '-2' : ''}`]
        await apply(cluster(), { apiVersion, kind, metadata: { name: label, namespace }, spec })
      }
    }
    const status = {
      sessionsReady: '1/2',
      routes: 10000,
      drain: { phase: 'Withdrawn', since: time },
      conditions: [{ type: 'SafeToReboot', status: 'True', reason: 'Drained', message: '', lastTransitionTime: time }],
    }
    await cluster()
      .client()
      .merge(`${pathOf('holdfast.dev/v1alpha1', 'NodeState')}/vector/status`, { status })
    const rows = async (resource: string): Promise<readonly (readonly string[])[]> => {
      const table = await kubectl(['get', '-n', namespace, resource])
      return table
        .trim()
        .split('\n')
        .map((line) => line.trim().split(/ {2,}/).slice(0, -1))
    }
    assert.deepEqual(await rows('nst'), [
      ['NAME', 'SESSIONS', 'ROUTES', 'DRAIN', 'SAFE TO REBOOT'],
      ['vector', '1/2', '10000', 'Withdrawn', 'True'],
    ])
    assert.deepEqual(await rows('ab'), [
      ['NAME', 'CIDR', 'IN USE'],
      ['ipv4-192.0.2.0', '192.0.2.0/26', '1'],
    ])
    assert.deepEqual((await rows('pp'))[0], ['NAME', 'PEERS', 'ROLE', 'GTSM HOPS'])
    assert.equal((await kubectl(['get', '-n', namespace, 'holdfast', '-o', 'name'])).trim().split('\n').length, 4)
    for (const kind of ['peerpolicies', 'nodestates', 'addressblocks']) {
      const explained = await kubectl(['explain', `${kind}.spec`])
      assert.match(explained, /DESCRIPTION:/)
    }
  })
})

const isAbsent = !existsSync(metallbs)
const skip = clusterSkip() || (isAbsent && "MetalLB's CRDs are not beside the repository")

describe("MetalLB's CRDs and ours", { skip }, () => {
  const cluster = useCluster()
  let theirs: Awaited<ReturnType<typeof outcomeOf>> | undefined
  before(() => makeNamespace(cluster()))

  test("MetalLB's accept and refuse what the vectors say of its kinds", async () => {
    for (const file of readdirSync(metallbs).filter((name) => name.endsWith('.yaml'))) {
      await cluster().kubectl(['apply', '-f', '-'], { stdin: readFileSync(join(metallbs, file), 'utf8') })
    }
    await establish(cluster())
    await assertVectors(
      cluster(),
      crdVectors.filter(({ apiVersion }) => apiVersion.startsWith('metallb.io/')),
    )
  })

  test("a user's objects mean to us what they mean as manifests", async () => {
    await apply(cluster(), ...manifests)
    theirs = await outcomeOf(cluster())
    const list = JSON.parse(await cluster().kubectl(['get', '-n', namespace, resources.join(), '-o', 'json'])) as {
      readonly items: readonly unknown[]
    }
    assert.deepEqual(meaningOf(list.items), meaningOf(manifests))
    assert.deepEqual(meaningOf(list.items).faults, [])
  })

  test('ours are applied over them although their webhook is gone, and store and show the same', async () => {
    const webhook = {
      strategy: 'Webhook',
      webhook: {
        conversionReviewVersions: ['v1beta1', 'v1beta2'],
        clientConfig: { service: { namespace, name: 'metallb-webhook-service', path: '/convert' } },
      },
    }
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/bgppeers.metallb.io'
    const oldPeers = ['get', '-n', namespace, 'bgppeers.v1beta1.metallb.io']
    const isServed = (expected: boolean) =>
      eventually(
        `v1beta1 is ${expected ? '' : 'not '}served`,
        async () => (await cluster().kubectlResult(oldPeers)).code === 0,
        (served) => assert.equal(served, expected),
      )
    const without = JSON.stringify({ spec: { conversion: { strategy: 'None', webhook: null } } })
    for (const commands of [
      [['apply', '-f', ours]],
      // Server-side apply cannot take a field away that another manager owns.
      [
        ['patch', 'crd', 'bgppeers.metallb.io', '--type=merge', '-p', without],
        ['apply', '--server-side', '--force-conflicts', '-f', ours],
      ],
    ]) {
      await cluster()
        .client()
        .merge(path, { spec: { conversion: webhook } })
      await isServed(false)
      for (const command of commands) {
        const { code, stderr } = await cluster().kubectlResult(command)
        assert.deepEqual([code, stderr], [0, ''])
      }
      await establish(cluster())
      await isServed(true)
    }
    assert.deepEqual(await outcomeOf(cluster()), theirs)
    await cluster().kubectl(['delete', '-n', namespace, resources.join(), '--all'])
    await apply(cluster(), ...manifests)
    assert.deepEqual(await outcomeOf(cluster()), theirs)
  })
})
