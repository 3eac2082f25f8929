// Records one object of each kind as a real kube-apiserver holds it, with its managedFields, written by the programs that write it in a
// cluster: `node bench/scale/record.ts` writes bench/scale/recorded.json, which the simulation and the computation use.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ApiClient } from '../../lab/cluster/api-client.ts'
import { startCluster, type Cluster } from '../../lab/cluster/cluster.ts'
import { eventually } from '../../lab/harness/eventually.ts'
import { endpointSlice, node, nodeName, nodeStatus, place, service, site } from './objects.ts'

/** BGPPeer allows no more than 16384. */
const peerPort = 11_790
const root = join(import.meta.dirname, '..', '..')
const paths = {
  services: '/api/v1/namespaces/default/services',
  slices: '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
  nodes: '/api/v1/nodes',
  statuses: `/apis/metallb.io/v1beta1/namespaces/${place}/servicebgpstatuses`,
  nodeStates: `/apis/holdfast.dev/v1alpha1/namespaces/${place}/nodestates`,
} as const

/** An OPEN of AS 64500 with a hold time of 90 s and no capabilities, and a KEEPALIVE (RFC 4271, section 4). */
const answer = Buffer.from(`${'ff'.repeat(16)}001d0104fbf4005a0a0000fe00${'ff'.repeat(16)}001304`, 'hex')

const directory = mkdtempSync(join(tmpdir(), 'holdfast-scale-'))
const cluster = await startCluster()
const peer = createServer((socket) => {
  socket.on('error', () => undefined)
  socket.once('data', () => socket.write(answer))
})
await new Promise<void>((resolve) => peer.listen(peerPort, '127.0.0.1', resolve))
const programs: ChildProcess[] = []
try {
  const api = cluster.client()
  await prepare(cluster, api, peerPort)
  programs.push(start('controller'), start('speaker', ['--node-name', nodeName(0), '--no-listen']))
  const recorded = await record(api)
  const file = join(import.meta.dirname, 'recorded.json')
  writeFileSync(file, `${JSON.stringify(recorded, undefined, 1)}\n`)
  for (const [kind, object] of Object.entries(recorded.objects)) {
    process.stdout.write(`${kind}: ${JSON.stringify(object).length} octets\n`)
  }
} finally {
  for (const program of programs) program.kill('SIGKILL')
  peer.close()
  await cluster.stop()
  rmSync(directory, { recursive: true })
}

async function prepare({ kubectl }: Cluster, api: ApiClient, port: number): Promise<void> {
  const crds = join(root, 'deploy', 'crds')
  await kubectl(['apply', '--server-side', '-f', crds])
  await kubectl(['wait', '--for=condition=Established', '--timeout=60s', '-f', crds])
  for (const name of [place, 'default']) {
    await api.send('POST', '/api/v1/namespaces', { metadata: { name } })
  }
  for (const [path, object] of site(port)) await api.create(path, object)
  await api.create(`${paths.nodes}?fieldManager=kubelet`, node(0))
  await api.merge(`${paths.nodes}/${nodeName(0)}/status?fieldManager=kubelet`, nodeStatus(0))
  await api.create(`${paths.services}?fieldManager=helm`, service(0))
  await api.create(`${paths.slices}?fieldManager=kube-controller-manager`, endpointSlice(0, 1))
}

function start(program: string, more: readonly string[] = []): ChildProcess {
  const ports = ['--port', '0', '--health-probe-port', '0']
  const files = program === 'speaker' ? ['--socket', join(directory, 'speaker.sock')] : []
  const options = ['--kubeconfig', cluster.kubeconfig(), '--namespace', place, ...ports, ...files, ...more]
  return spawn(join(root, 'node_modules', '.bin', 'holdfast'), [program, ...options], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

async function record(api: ApiClient) {
  const objectAt = async (path: string): Promise<unknown> => {
    const text = await cluster.kubectl(['get', '--raw', path])
    return JSON.parse(text) as unknown
  }
  const statusOf = async (): Promise<string> =>
    (await api.get(paths.statuses)).at('items').list()[0]?.at('metadata').at('name').text() ?? ''
  await eventually(
    'the Service is announced and said to be',
    async () => [JSON.stringify(await objectAt(paths.statuses)), JSON.stringify(await objectAt(paths.nodeStates))],
    ([statuses = '', states = '']) => {
      if (!statuses.includes('"peers":[')) throw new Error('no ServiceBGPStatus yet')
      if (!states.includes('"sessionsReady":"1/1"')) throw new Error('no session yet')
    },
    { timeoutMs: 60_000 },
  )
  // Whatever is still being written: a condition of the Service, the first minute of the NodeState.
  await new Promise((resolve) => setTimeout(resolve, 5000))
  const objects: Readonly<Record<string, unknown>> = {
    Service: await objectAt(`${paths.services}/${service(0).metadata.name}`),
    EndpointSlice: await objectAt(`${paths.slices}/${endpointSlice(0, 1).metadata.name}`),
    Node: await objectAt(`${paths.nodes}/${nodeName(0)}`),
    NodeState: await objectAt(`${paths.nodeStates}/${nodeName(0)}`),
    ServiceBGPStatus: await objectAt(`${paths.statuses}/${await statusOf()}`),
  }
  const protobufBytes = {
    Service: await protobufBytesOf(`${paths.services}/${service(0).metadata.name}`),
    EndpointSlice: await protobufBytesOf(`${paths.slices}/${endpointSlice(0, 1).metadata.name}`),
    Node: await protobufBytesOf(`${paths.nodes}/${nodeName(0)}`),
  }
  return { objects, protobufBytes }
}

/** What kube-proxy is sent for it. */
async function protobufBytesOf(path: string): Promise<number> {
  const headers = { authorization: `Bearer ${cluster.token()}`, accept: 'application/vnd.kubernetes.protobuf' }
  return await new Promise((resolve, reject) => {
    const asked = request(
      new URL(path, cluster.url),
      { headers, ca: readFileSync(cluster.authorityFile) },
      (answer) => {
        let bytes = 0
        answer.on('data', (chunk: Buffer) => (bytes += chunk.length))
        answer.on('end', () => resolve(bytes))
      },
    )
    asked.on('error', reject)
    asked.end()
  })
}
