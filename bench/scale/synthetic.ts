import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import type { KubeObject } from '@holdfast/cluster'
import { LastKnownFile } from '../../apps/holdfast/src/speaker/last-known.ts'
import { KeptMoment } from '../../apps/holdfast/src/speaker/snapshot.ts'
import { endpointSlice, nodeName, service, site } from './objects.ts'
import { recorded } from './recorded.ts'
import type { SyntheticServer } from './server.ts'

/** How much there is. On a single node every Service has endpoints, so that it announces all of them. */
export interface Size {
  readonly services: number
  readonly nodes: number
}

/** All objects, and of those that the speaker writes what it wrote in an earlier life. */
export function fill(server: SyntheticServer, { services, nodes }: Size, peerPort: number): void {
  for (const [path, object] of site(peerPort)) {
    const { kind = '' } = object as { readonly kind?: string }
    server.put(kind, object as KubeObject)
    if (path === '') throw new Error('no path')
  }
  server.put('Node', recorded.Node)
  for (let index = 0; index < services; index += 1) {
    server.put('Service', serviceOf(index, 0))
    server.put('EndpointSlice', sliceOf(index, nodes, 0))
    if (nodes === 1 || index % 2 === 0) server.put('ServiceBGPStatus', statusOf(index))
  }
}

/** Leaves the state of an earlier life that has made its events (nodeAssigned), five a second: that takes it a while, once. */
export async function tellBefore(directory: string, { services }: Pick<Size, 'services'>): Promise<void> {
  mkdirSync(directory)
  const now = () => new Date().toISOString()
  const told = new Map<string, string>()
  for (let index = 0; index < services; index += 1) {
    const { name, namespace } = service(index).metadata
    told.set(`${namespace}/${name}`, `${uidOf(index)} ${addressOf(index)}`)
  }
  const file = new LastKnownFile({ directory, node: nodeName(0), bootId: 'earlier', now })
  await file.save(new KeptMoment([], told))
  await file.close()
}

const addressOf = (index: number): string => `10.${64 + ((index >> 16) & 15)}.${(index >> 8) & 255}.${index & 255}`
/** As hard to compress as a real one. */
const uidOf = (index: number): string =>
  createHash('sha256')
    .update(String(index))
    .digest('hex')
    .slice(0, 32)
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')

/** `turn` makes one that differs in what nobody announces by: an annotation of somebody else. */
export function serviceOf(index: number, turn: number): KubeObject {
  const { metadata, spec } = service(index)
  const { annotations = {}, ...rest } = recorded.Service.metadata
  const ip = addressOf(index)
  return {
    ...recorded.Service,
    metadata: { ...rest, ...metadata, uid: uidOf(index), annotations: { ...annotations, turn: String(turn) } },
    spec: { ...(recorded.Service['spec'] as object), ...spec },
    status: { ...(recorded.Service['status'] as object), loadBalancer: { ingress: [{ ip, ipMode: 'VIP' }] } },
  }
}

export function sliceOf(index: number, nodes: number, turn: number): KubeObject {
  const { metadata, endpoints } = endpointSlice(index, nodes, turn)
  return {
    ...recorded.EndpointSlice,
    metadata: { ...recorded.EndpointSlice.metadata, ...metadata, uid: `s${uidOf(index)}` },
    endpoints,
  }
}

function statusOf(index: number): KubeObject {
  const { metadata, status } = recorded.ServiceBGPStatus
  const { name, namespace } = service(index).metadata
  const labels = { ...metadata.labels, 'metallb.io/service-name': name, 'metallb.io/service-namespace': namespace }
  return {
    ...recorded.ServiceBGPStatus,
    metadata: { ...metadata, name: `bgp-${index}`, labels, uid: `b${uidOf(index)}` },
    status: { ...(status as object), serviceName: name, serviceNamespace: namespace },
  }
}

export function kubeconfigText(port: number, authority: string): string {
  const cluster = {
    server: `https://127.0.0.1:${port}`,
    'certificate-authority-data': Buffer.from(authority).toString('base64'),
  }
  return JSON.stringify({
    'current-context': 'scale',
    contexts: [{ name: 'scale', context: { cluster: 'scale', user: 'speaker' } }],
    clusters: [{ name: 'scale', cluster }],
    users: [{ name: 'speaker', user: { token: 'none' } }],
  })
}
