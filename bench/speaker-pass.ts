// What a pass of the speaker costs, and the last known state on disk, without a cluster:
//
//   node bench/speaker-pass.ts [Services...]     1000 and 10000 unless given
//
// Each Service has one EndpointSlice; the policies are half Local, half Cluster. A change is one endpoint that is not ready any more.
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RawObject } from '@holdfast/model'
import { LastKnownFile } from '../apps/holdfast/src/speaker/last-known.ts'
import { SpeakerPipeline } from '../apps/holdfast/src/speaker/pipeline.ts'
import { createSnapshotReader, KeptMoment, objectsIn } from '../apps/holdfast/src/speaker/snapshot.ts'

const turns = 200
const noneTold: ReadonlyMap<string, string> = new Map()
const raw = (value: object): RawObject => ({ value, origin: { file: 'measured', lineOf: () => undefined } })
const inNamespace = (kind: string, apiVersion: string, name: string, spec: object): RawObject =>
  raw({ apiVersion, kind, metadata: { name, namespace: 'metallb-system', uid: name }, spec })

const site: readonly RawObject[] = [
  raw({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node-a', uid: 'node-a', labels: {} },
    status: { conditions: [], addresses: [{ type: 'InternalIP', address: '10.0.0.11' }] },
  }),
  ...['one', 'two'].map((name, index) =>
    inNamespace('BGPPeer', 'metallb.io/v1beta2', name, {
      myASN: 64512,
      peerASN: 64500,
      peerAddress: `10.0.0.${index + 1}`,
    }),
  ),
  inNamespace('IPAddressPool', 'metallb.io/v1beta1', 'public', { addresses: ['10.64.0.0/12'] }),
  inNamespace('BGPAdvertisement', 'metallb.io/v1beta1', 'public', {}),
]

const service = (index: number): RawObject =>
  raw({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: `service-${index}`,
      namespace: `team-${index % 50}`,
      uid: `0f0f0f0f-0000-4000-8000-${String(index).padStart(12, '0')}`,
      resourceVersion: String(index),
      labels: { app: `app-${index}` },
      annotations: { 'metallb.io/ip-allocated-from-pool': 'public' },
    },
    spec: {
      type: 'LoadBalancer',
      externalTrafficPolicy: index % 2 === 0 ? 'Local' : 'Cluster',
      clusterIPs: [`10.96.${(index >> 8) & 255}.${index & 255}`],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
      selector: { app: `app-${index}` },
    },
    status: { loadBalancer: { ingress: [{ ip: `10.64.${(index >> 8) & 255}.${index & 255}` }] } },
  })

const slice = (index: number, ready: boolean): RawObject =>
  raw({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `service-${index}-abcde`,
      namespace: `team-${index % 50}`,
      uid: `1f1f1f1f-0000-4000-8000-${String(index).padStart(12, '0')}`,
      resourceVersion: String(index),
      labels: { 'kubernetes.io/service-name': `service-${index}` },
    },
    endpoints: [{ addresses: ['10.244.0.1'], nodeName: 'node-a', conditions: { ready, serving: ready } }],
  })

const times = (count: number, run: () => void): readonly number[] =>
  Array.from({ length: count }, () => {
    const start = performance.now()
    run()
    return performance.now() - start
  }).sort((a, b) => a - b)

const ms = (value: number | undefined): string => `${(value ?? 0).toFixed(2)} ms`
const summary = (sorted: readonly number[]): string =>
  `${ms(sorted[sorted.length >> 1])} median, ${ms(sorted[Math.floor(sorted.length * 0.99)])} 99th percentile`

async function measure(count: number): Promise<void> {
  const objects = [...site]
  for (let index = 0; index < count; index += 1) objects.push(service(index), slice(index, true))
  const pipeline = new SpeakerPipeline({ node: 'node-a', loadBalancerClass: undefined })
  const read = createSnapshotReader('node-a')
  const pass = (): void => {
    const snapshot = objects.slice()
    read(snapshot)
    pipeline.run(snapshot, true)
  }
  const [first] = times(1, pass)
  let turn = 0
  const changed = times(turns, () => {
    turn += 1
    const index = (turn * 7) % count
    objects[site.length + 2 * index + 1] = slice(index, turn % 2 === 0)
    pass()
  })
  console.log(`${count} Services: first pass ${ms(first)}; one endpoint changed: ${summary(changed)}`)

  const directory = mkdtempSync(join(tmpdir(), 'holdfast-measure-'))
  const file = new LastKnownFile({ directory, node: 'node-a', bootId: '', now: () => '' })
  const timed = async (run: () => Promise<unknown>): Promise<string> => {
    const start = performance.now()
    await run()
    return ms(performance.now() - start)
  }
  const whole = await timed(() => file.save(new KeptMoment(objects.slice(), noneTold)))
  const bytes = statSync(join(directory, 'last-known.jsonl')).size
  objects[site.length + 1] = slice(0, false)
  const one = await timed(() => file.save(new KeptMoment(objects.slice(), noneTold)))
  const none = await timed(() => file.save(new KeptMoment(objects.slice(), noneTold)))
  await file.close()
  const reading = await timed(async () => {
    const found = await file.read()
    if (found.kind !== 'found') throw new Error('it is not read')
    const fresh = new SpeakerPipeline({ node: 'node-a', loadBalancerClass: undefined })
    fresh.run(
      objectsIn(found.entries).map((value) => raw(value as object)),
      true,
    )
  })
  rmSync(directory, { recursive: true })
  console.log(
    `  last known state: ${(bytes / 1024 / 1024).toFixed(1)} MiB; written whole in ${whole}, one change in ${one}, ` +
      `no change in ${none}; read and planned in ${reading}`,
  )
}

const asked = process.argv.slice(2).map(Number)
for (const count of asked.length > 0 ? asked : [1000, 10_000]) await measure(count)
