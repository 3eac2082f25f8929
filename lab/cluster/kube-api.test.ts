// The client of packages/cluster against a real kube-apiserver: the suite that its in-memory twin passes as well.
//
// Claims:
//  1  Every promise of KubeApi (packages/cluster/src/kubernetes/api.ts) holds over HTTP.
//     Over HTTP/2, which the server offers; and over HTTP/1.1, which is what the lab's proxy speaks.
//  2  Credentials of a kubeconfig and of a pod's service account open the same door; a token that is not known does not.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { systemClock } from '@holdfast/runtime'
import { createHttpApi, loadCredentials, resourceTypes, type CredentialsOptions, type HttpApi } from '@holdfast/cluster'
import {
  kubeApiSuite,
  suiteNamespaces,
  suiteTypes,
  type KubeApiFixture,
} from '../../packages/cluster/src/testing/kube-api-suite.ts'
import { eventually } from '../harness/eventually.ts'
import { clusterSkip } from './capability.ts'
import { serviceAccount, startCluster, type Cluster } from './cluster.ts'
import { startProxy, type FaultProxy } from './proxy.ts'
import { useCluster } from './use-cluster.ts'

const clock = systemClock()

async function clientOf(options: Partial<CredentialsOptions>): Promise<HttpApi> {
  const all = { clock, wallNowMs: () => Date.now(), env: {}, homeDirectory: '/nonexistent', ...options }
  const credentials = await loadCredentials(all)
  if (credentials.kind === 'fault') assert.fail(credentials.reason)
  return createHttpApi({
    credentials: credentials.value,
    clock,
    wallNowMs: () => Date.now(),
    userAgent: 'holdfast-test',
  })
}

/** A custom resource as the suite wants it: any fields, and a status of its own. */
const nodeStateCrd = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'nodestates.holdfast.dev' },
  spec: {
    group: 'holdfast.dev',
    scope: 'Namespaced',
    names: { plural: 'nodestates', singular: 'nodestate', kind: 'NodeState', listKind: 'NodeStateList' },
    versions: [
      {
        name: 'v1alpha1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
}

async function prepare(cluster: Cluster): Promise<void> {
  const client = cluster.client()
  for (const name of suiteNamespaces) await client.create('/api/v1/namespaces', { metadata: { name } })
  await client.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', nodeStateCrd)
  await eventually(
    'the kind is served',
    async () => (await client.send('GET', '/apis/holdfast.dev/v1alpha1/nodestates')).status,
    (status) => assert.equal(status, 200),
  )
}

function pathsOfSuite(): readonly string[] {
  return Object.values(suiteTypes).flatMap(({ group, version, plural }) =>
    suiteNamespaces.map(
      (namespace) => `${group === '' ? '/api' : `/apis/${group}`}/${version}/namespaces/${namespace}/${plural}`,
    ),
  )
}

async function fixtureOf(cluster: Cluster, proxy?: FaultProxy): Promise<KubeApiFixture> {
  await prepare(cluster)
  const api = await clientOf({ kubeconfig: cluster.kubeconfig('admin', proxy?.url) })
  return {
    api,
    reset: async () => {
      for (const path of pathsOfSuite()) await cluster.client().remove(path)
    },
    stop: async () => {
      api.close()
      await proxy?.stop()
      await cluster.stop()
    },
    // The kind's cache begins after it was made known, long after the first revision.
    forgottenResourceVersion: async () => Promise.resolve('1'),
  }
}

if (clusterSkip() === false) {
  kubeApiSuite('the client over HTTP/2 with a kube-apiserver', async () => await fixtureOf(await startCluster()))
  kubeApiSuite('the client over HTTP/1.1 with a kube-apiserver', async () => {
    const cluster = await startCluster()
    return await fixtureOf(cluster, await startProxy({ target: cluster.url, authority: cluster.authority }))
  })
}

describe('credentials with a kube-apiserver', { skip: clusterSkip() }, () => {
  const reader = serviceAccount('kube-system', 'reader')
  const cluster = useCluster({ users: [reader] })

  const serverEnvironment = (): Readonly<Record<string, string>> => ({
    KUBERNETES_SERVICE_HOST: new URL(cluster().url).hostname,
    KUBERNETES_SERVICE_PORT: new URL(cluster().url).port,
  })

  test('a service account comes in with its rights and no others, and with a new token once it is there', async () => {
    const serviceAccountDirectory = cluster().serviceAccountDirectory(reader.name)
    const good = cluster().token(reader.name)
    const tokenFile = join(serviceAccountDirectory, 'token')
    writeFileSync(tokenFile, 'not-a-token')
    const api = await clientOf({ env: serverEnvironment(), serviceAccountDirectory })
    const before = await api.list(resourceTypes.Service, {})
    assert.equal(before.kind === 'fault' ? before.code : before.kind, 'unauthorized')
    writeFileSync(tokenFile, good)
    const after = await api.list(resourceTypes.Service, {})
    assert.equal(after.kind === 'fault' ? after.code : after.kind, 'forbidden')
    assert.match(after.kind === 'fault' ? after.message : '', /system:serviceaccount:kube-system:reader/)
    api.close()
  })

  test('a server that goes away is unreachable, and is there again when it is back', async () => {
    const api = await clientOf({ env: { KUBECONFIG: cluster().kubeconfig() } })
    const page = await api.list(resourceTypes.Service, {})
    if (page.kind === 'fault') assert.fail(page.message)
    const { resourceVersion } = page.value
    const watch = api.watch(resourceTypes.Service, { resourceVersion, timeoutSeconds: 300 }, () => undefined)
    await cluster().stopServer()
    const end = await watch.ended
    assert.equal(end.kind === 'fault' ? end.code : end.kind, 'unreachable')
    const without = await api.list(resourceTypes.Service, {})
    assert.equal(without.kind === 'fault' ? without.code : without.kind, 'unreachable')
    await cluster().startServer()
    assert.equal((await api.list(resourceTypes.Service, {})).kind, 'ok')
    api.close()
  })
})
