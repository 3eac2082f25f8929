import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Cluster } from '../cluster/cluster.ts'
import { recordServices, type ServiceRecord } from '../cluster/service-record.ts'
import { eventually } from '../harness/eventually.ts'
import type { Target } from './kinds.ts'
import type { Proxies } from './proxies.ts'
import type { Expectation, Subject } from './subject.ts'

const executable = join(import.meta.dirname, '..', '..', 'node_modules', '.bin', 'holdfast')
const writeVerbs = ['create', 'update', 'patch', 'delete'] as const

/** Services that have their addresses before the first fault. */
const stableServices = 12
const namespace = 'faults'

export interface ControllerPlace {
  readonly cluster: Cluster
  readonly proxies: Proxies
  /** A network namespace in which the proxies are reached. */
  readonly netns: string
}

/** Where a controller's Services live. */
export async function watchServices(cluster: Cluster): Promise<ServiceRecord> {
  await cluster.client().create('/api/v1/namespaces', { metadata: { name: namespace } })
  return recordServices(cluster, namespace)
}

/** A controller behind its proxy, with a namespace, a pool and a class of Services of its own, which have their addresses. */
export async function startControllerSubject(
  { cluster, proxies, netns }: ControllerPlace,
  record: ServiceRecord,
  index: number,
): Promise<Subject> {
  const name = `controller-${index}`
  const loadBalancerClass = `lab.holdfast.dev/${name}`
  const api = cluster.client()
  const proxy = proxies.of(name)
  const services = `/api/v1/namespaces/${namespace}/services`
  const pools = `/apis/metallb.io/v1beta1/namespaces/${name}/ipaddresspools`
  let probes = 0
  let touches = 0

  const createService = async (service: string, annotations: Readonly<Record<string, string>> = {}): Promise<void> => {
    const spec = { type: 'LoadBalancer', loadBalancerClass, ports: [{ port: 80 }] }
    await api.create(services, { metadata: { name: `${name}-${service}`, annotations }, spec })
  }
  const createPool = async (pool: string, range: string): Promise<void> => {
    const kind = { apiVersion: 'metallb.io/v1beta1', kind: 'IPAddressPool' }
    await api.create(pools, { ...kind, metadata: { name: pool }, spec: { addresses: [range] } })
  }
  const touch = async (resource: string): Promise<boolean> => {
    const touchable: Readonly<Record<string, string>> = {
      services: `${services}/${name}-s0`,
      ipaddresspools: `${pools}/base`,
      namespaces: `/api/v1/namespaces/${namespace}`,
      addressblocks: `/apis/holdfast.dev/v1alpha1/namespaces/${name}/addressblocks/ipv4-10.${200 + index}.0.0`,
    }
    const path = touchable[resource]
    touches += 1
    const annotations = { 'lab.holdfast.dev/touched': `${name} ${touches}` }
    if (path !== undefined) await api.merge(path, { metadata: { annotations } })
    return path !== undefined
  }
  const hasAddress = (service: string): Expectation => ({
    what: `${name}-${service} has its address`,
    isMet: () => record.of(`${namespace}/${name}-${service}`) !== '',
  })

  await api.create('/api/v1/namespaces', { metadata: { name } })
  await createPool('base', `10.${200 + index}.0.0/23`)
  const controller = cluster.lab.start(netns, name, [
    executable,
    ...['controller', '--kubeconfig', cluster.kubeconfig('admin', proxy.url)],
    ...['--namespace', name, '--lb-class', loadBalancerClass, '--pod-name', name],
    ...['--port', '0', '--health-probe-port', '0'],
  ])
  const stable = Array.from({ length: stableServices }, (_, number) => `s${number}`)
  await Promise.all(stable.map((service) => createService(service)))
  await eventually(
    `the Services of ${name} have addresses`,
    () => stable.filter((service) => !hasAddress(service).isMet()),
    (missing) => assert.deepEqual(missing, []),
    { timeoutMs: 60_000 },
  )

  const lists: readonly (readonly [string, RegExp])[] = [
    ['services', new RegExp(`^${name}-s\\d+$`)],
    ['addressblocks', /^/],
    ['ipaddresspools', /^base$/],
    ['namespaces', new RegExp(`^${namespace}$`)],
  ]
  return {
    name,
    proxy,
    needsWrites: true,
    targets: [
      ...lists.map(([resource, most]): Target => ({ name: resource, on: { resources: [resource] }, most })),
      { name: 'writes', on: { verbs: writeVerbs }, most: /^/ },
    ],
    touch: ({ name: resource }) => touch(resource),
    prepare: async ({ name: resource }) => {
      probes += 1
      if (resource === 'ipaddresspools') await createService(`p${probes}`, { 'metallb.io/address-pool': `p${probes}` })
    },
    change: async ({ name: resource }) => {
      // A new Service is no event of a namespace.
      if (resource === 'namespaces') await touch(resource)
      if (resource === 'ipaddresspools') await createPool(`p${probes}`, `10.${200 + index}.4.${probes}/32`)
      else await createService(`p${probes}`)
      return [hasAddress(`p${probes}`)]
    },
    restore: () => Promise.resolve(),
    violations: () => record.violations().filter((text) => text.includes(`${namespace}/${name}-`)),
    tail: () => controller.tail(30),
  }
}
