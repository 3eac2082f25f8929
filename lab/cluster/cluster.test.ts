// A control plane of our own for tests: etcd and kube-apiserver, as they are, on loopback ports.
//
// Claims:
//  1  kubectl of the same release applies objects, CRDs of deploy/crds among them, and follows them.
//  2  Users have the rights of their roles and no others; the audit log has what they did.
//  3  The server goes and comes back on the same port with the same data; paused, it answers nothing and keeps its connections.
//  4  In a network namespace it is reached from there under its address, and from the host through loopback.
//  5  At the end no process and no file is left, also when the process that started it is killed.
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { eventually, throughout } from '../harness/eventually.ts'
import { run } from '../harness/command.ts'
import { Lab } from '../harness/lab.ts'
import { namespaceSkip } from '../harness/namespace-skip.ts'
import { LabProcess } from '../harness/process.ts'
import { createApiClient } from './api-client.ts'
import { clusterSkip } from './capability.ts'
import { admin, serviceAccount, startCluster } from './cluster.ts'
import { kubernetesVersion } from './go-programs.ts'
import { useCluster } from './use-cluster.ts'

const crds = join(import.meta.dirname, '..', '..', 'deploy', 'crds')
const services = '/api/v1/namespaces/default/services'
const service = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { type: 'LoadBalancer', ports: [{ port: 80 }] },
})

describe('a cluster of the lab', { skip: clusterSkip() }, () => {
  const reader = serviceAccount('holdfast-system', 'reader')
  const cluster = useCluster({ users: [reader], audit: true })

  test('kubectl and the server are of the pinned release', async () => {
    const version = JSON.parse(await cluster().kubectl(['version', '-o', 'json'])) as Record<string, unknown>
    const named = (field: string) => (version[field] as { readonly gitVersion: string }).gitVersion
    assert.deepEqual(
      [named('clientVersion'), named('serverVersion')],
      [`v${kubernetesVersion}`, `v${kubernetesVersion}`],
    )
  })

  test('the CRDs of deploy/crds are taken, twice', { skip: !existsSync(crds) && 'no deploy/crds' }, async () => {
    const expected = globSync('**/*.{yaml,yml,json}', { cwd: crds }).filter((file) => !file.includes('kustomization'))
    for (const attempt of ['first', 'second']) {
      const said = await cluster().kubectl(['apply', '--server-side', '-R', '-f', crds])
      assert.ok(said.trim().split('\n').length >= expected.length, `${attempt}: ${said}`)
    }
  })

  test('a watch of kubectl shows a Service that is created', async () => {
    const { lab, kubectlPath, kubeconfig, client } = cluster()
    const args = ['--kubeconfig', kubeconfig(), 'get', 'services', '--watch', '-o', 'name']
    const watch = lab.start(undefined, 'kubectl-watch', [kubectlPath, ...args])
    const seen = (name: string) =>
      eventually(
        `kubectl shows ${name}`,
        () => watch.output(),
        (output) => assert.match(output, new RegExp(`^service/${name}$`, 'm')),
      )
    await seen('kubernetes')
    await client().create(services, service('web'))
    await seen('web')
    watch.end()
    await watch.exited
  })

  test('a ServiceAccount may what its Role says and nothing else, and the audit log has it', async () => {
    const { client, kubectl, kubectlResult, auditEvents } = cluster()
    const get = ['get', 'services', '-o', 'name']
    const before = await kubectlResult(get, { user: reader.name })
    assert.match(before.stderr, /forbidden/i)
    const stdin = JSON.stringify({
      apiVersion: 'v1',
      kind: 'List',
      items: [
        {
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'Role',
          metadata: { name: 'reader', namespace: 'default' },
          rules: [{ apiGroups: [''], resources: ['services'], verbs: ['get', 'list', 'watch'] }],
        },
        {
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'RoleBinding',
          metadata: { name: 'reader', namespace: 'default' },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
          subjects: [{ kind: 'ServiceAccount', namespace: 'holdfast-system', name: 'reader' }],
        },
      ],
    })
    await kubectl(['apply', '-f', '-'], { stdin })
    await eventually(
      'the reader may list Services',
      async () => (await client(reader.name).send('GET', services)).status,
      (status) => assert.equal(status, 200),
    )
    assert.equal((await client(reader.name).send('DELETE', `${services}/web`)).status, 403)
    const denied = auditEvents().filter(
      (event) => event.at('user').at('username').textOr('') === reader.name && event.at('verb').textOr('') === 'delete',
    )
    assert.equal(denied.length, 1)
    assert.equal(denied[0]?.at('responseStatus').at('code').number(), 403)
  })

  test('nobody comes in without a token that the server knows', async () => {
    const { url, authorityFile } = cluster()
    const stranger = createApiClient({ url, authority: readFileSync(authorityFile, 'utf8'), token: 'no' })
    assert.equal((await stranger.send('GET', services)).status, 401)
    stranger.close()
  })

  test('hundreds of Services are created, patched and deleted over kept connections', async () => {
    const api = cluster().client(admin, 32)
    const names = Array.from({ length: 300 }, (_, index) => `many-${index}`)
    await Promise.all(names.map((name) => api.create(services, service(name))))
    const patch = { metadata: { labels: { patched: 'yes' } } }
    await Promise.all(names.map((name) => api.merge(`${services}/${name}`, patch)))
    assert.equal((await api.get(`${services}?labelSelector=patched%3Dyes`)).at('items').list().length, 300)
    await Promise.all(names.map((name) => api.remove(`${services}/${name}`)))
    assert.equal((await api.get(`${services}?labelSelector=patched%3Dyes`)).at('items').list().length, 0)
  })

  test('a server that went comes back on the same port with the same data', async () => {
    const { client, stopServer, startServer, url, processes } = cluster()
    await client().apply(`${services}/kept`, service('kept'))
    const old = processes().server.pid
    await stopServer()
    await assert.rejects(client().get(`${services}/kept`), /ECONNREFUSED|ECONNRESET/)
    await startServer()
    assert.notEqual(processes().server.pid, old)
    assert.equal(cluster().url, url)
    const kept = await client().get(`${services}/kept`)
    assert.equal(kept.at('metadata').at('name').text(), 'kept')
  })

  test('a paused server answers nothing until it is resumed', async () => {
    const { client, pause, resume } = cluster()
    const answers: number[] = []
    pause()
    const answered = client()
      .send('GET', services)
      .then(({ status }) => answers.push(status))
    await throughout(
      'no answer comes',
      () => answers,
      (got) => assert.deepEqual(got, []),
      { timeoutMs: 1000 },
    )
    resume()
    await answered
    assert.deepEqual(answers, [200])
  })
})

describe('a cluster in a network namespace', { skip: clusterSkip() || namespaceSkip() }, () => {
  test('is reached from there under its addresses, and from the host through loopback', async () => {
    const lab = Lab.create()
    try {
      const namespace = await lab.addNamespace('api')
      const addresses = ['10.0.0.9', 'fd00:0:0:1::9'] as const
      await run('ip', '-n', namespace, 'address', 'add', `${addresses[0]}/32`, 'dev', 'lo')
      await run('ip', '-n', namespace, 'address', 'add', `${addresses[1]}/128`, 'dev', 'lo', 'nodad')
      const cluster = await startCluster({ lab, place: { namespace, addresses } })
      await cluster.client().create(services, service('web'))
      for (const server of cluster.placeUrls) {
        const kubectl = [cluster.kubectlPath, '--kubeconfig', cluster.kubeconfig(admin, server)]
        const said = await run('ip', 'netns', 'exec', namespace, ...kubectl, 'get', 'services', '-o', 'name')
        assert.match(said, /^service\/web$/m)
      }
      await cluster.stop()
    } catch (error) {
      lab.reportFailure()
      throw error
    } finally {
      lab.close()
    }
  })
})

describe('the end of a cluster', { skip: clusterSkip() }, () => {
  const isRunning = (pid: number): boolean => existsSync(`/proc/${pid}`)

  test('leaves no process and no file', async () => {
    const cluster = await startCluster()
    const pids = Object.values(cluster.processes()).map(({ pid }) => pid)
    assert.deepEqual(pids.map(isRunning), [true, true])
    await cluster.stop()
    assert.deepEqual(pids.map(isRunning), [false, false])
    assert.equal(existsSync(cluster.lab.directory), false)
  })

  test('comes also with kill -9 of the process that started it', async () => {
    const lab = Lab.create()
    try {
      const program = fileURLToPath(import.meta.resolve('./hold-main.ts'))
      const holder = new LabProcess('holder', join(lab.directory, 'holder'), [process.execPath, program])
      const held = await eventually(
        'the other process has a cluster',
        () => holder.jsonLines(),
        (lines) => assert.equal(lines.length, 1),
        { timeoutMs: 90_000 },
      )
      const pids = held[0]!
        .at('pids')
        .list()
        .map((pid) => pid.number())
      const directory = held[0]!.at('directory').text()
      assert.deepEqual(pids.map(isRunning), [true, true])
      holder.signal('SIGKILL')
      await eventually(
        'etcd and kube-apiserver have ended',
        () => pids.map(isRunning),
        (running) => assert.deepEqual(running, [false, false]),
      )
      // Its files are removed by whoever makes the next lab.
      Lab.create().close()
      assert.equal(existsSync(directory), false, readdirSync(tmpdir()).join())
    } finally {
      lab.close()
    }
  })
})
