import type { Address } from '@holdfast/ip'
import { parseAddress } from '@holdfast/ip'
import { z } from 'zod'
import { endpointSliceFields, nodeFields, secretFields, serviceFields } from '../schemas/core.ts'
import { metadataSchema } from '../schemas/metadata.ts'
import { passwordOf } from '../secret-password.ts'
import type { EndpointSlice, Meta, Namespace, Node, Secret, Service } from '../types.ts'
import type { Definition } from './definition.ts'
import { define } from './definition.ts'

const serviceSchema = z.object({ metadata: metadataSchema, ...serviceFields })
const endpointSliceSchema = z.object({ metadata: metadataSchema, ...endpointSliceFields })
const nodeSchema = z.object({ metadata: metadataSchema, ...nodeFields })
const namespaceSchema = z.object({ metadata: metadataSchema })
const secretSchema = z.object({ metadata: metadataSchema, ...secretFields })

const orUndefined = (text: string | null | undefined): string | undefined =>
  text === null || text === '' ? undefined : text

type ServiceSpec = NonNullable<z.output<typeof serviceSchema>['spec']>

const serviceOf = ({ spec, status }: z.output<typeof serviceSchema>, meta: Meta): Service => ({
  kind: 'Service',
  meta,
  ...typeOf(spec ?? {}),
  ...familiesOf(spec ?? {}),
  ports: portsOf(spec ?? {}),
  selector: selectorOf(spec?.selector ?? {}),
  ...statusOf(status ?? {}),
})

type ServiceStatus = NonNullable<z.output<typeof serviceSchema>['status']>

const statusOf = ({ loadBalancer, conditions }: ServiceStatus) => ({
  ingress: addressesOf((loadBalancer?.ingress ?? []).map(({ ip }) => ip ?? '')),
  isHeldOver: (conditions ?? []).some(
    ({ type, reason }) => type === 'holdfast.dev/AddressAssigned' && reason === 'Held',
  ),
})

const typeOf = (spec: ServiceSpec) => ({
  type: orUndefined(spec.type) ?? 'ClusterIP',
  loadBalancerClass: orUndefined(spec.loadBalancerClass),
  loadBalancerIP: orUndefined(spec.loadBalancerIP),
  externalTrafficPolicy: spec.externalTrafficPolicy === 'Local' ? ('Local' as const) : ('Cluster' as const),
})

const familiesOf = (spec: ServiceSpec) => ({
  clusterIPs: clusterIPsOf(spec),
  ipFamilies: (spec.ipFamilies ?? []).map((family) => (family === 'IPv4' ? ('ipv4' as const) : ('ipv6' as const))),
  ipFamilyPolicy: spec.ipFamilyPolicy ?? ('SingleStack' as const),
})

function clusterIPsOf({ clusterIP, clusterIPs }: ServiceSpec): readonly Address[] {
  const listed = clusterIPs ?? []
  return (listed.length > 0 ? listed : [clusterIP]).filter((address) => address !== undefined && address !== null)
}

const portsOf = ({ ports }: ServiceSpec): Service['ports'] =>
  (ports ?? []).map(({ name, protocol, port }) => ({ name: name ?? '', protocol: protocol ?? 'TCP', port }))

const selectorOf = (selector: Readonly<Record<string, string>>): string =>
  Object.entries(selector)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(',')

/** A status is not the user's to correct: what is no address there is left out. */
const addressesOf = (texts: readonly string[]): readonly Address[] =>
  texts.flatMap((text) => {
    const address = parseAddress(text)
    return address.ok ? [address.value] : []
  })

const endpointSliceOf = ({ endpoints }: z.output<typeof endpointSliceSchema>, meta: Meta): EndpointSlice => ({
  kind: 'EndpointSlice',
  meta,
  serviceName: meta.labels['kubernetes.io/service-name'] ?? '',
  endpoints: (endpoints ?? []).map(({ addresses, nodeName, conditions }) => ({
    addresses: addresses ?? [],
    nodeName: orUndefined(nodeName),
    isHealthy: (addresses ?? []).length > 0 && ((conditions?.ready ?? true) || conditions?.serving === true),
  })),
})

const nodeOf = ({ status }: z.output<typeof nodeSchema>, meta: Meta): Node => ({
  kind: 'Node',
  meta,
  isNetworkUnavailable: (status?.conditions ?? []).some(
    (condition) => condition.type === 'NetworkUnavailable' && condition.status === 'True',
  ),
  internalIPs: addressesOf(
    (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address),
  ),
})

/** Every Namespace of a cluster carries its name as a label; one written by hand gets it here. */
const namespaceOf = (meta: Meta): Namespace => ({
  kind: 'Namespace',
  meta: { ...meta, labels: { [namespaceNameLabel]: meta.ref.name, ...meta.labels } },
})

export const namespaceNameLabel = 'kubernetes.io/metadata.name'

const secretOf = ({ type, data, stringData }: z.output<typeof secretSchema>, meta: Meta): Secret => ({
  kind: 'Secret',
  meta,
  password: passwordOf(orUndefined(type) ?? 'Opaque', stringData ?? {}, data ?? {}),
})

/** Kubernetes' own kinds that are read. */
export const coreDefinitions: readonly Definition[] = [
  define({ kind: 'Service', apiVersion: 'v1', isNamespaced: true }, serviceSchema, serviceOf),
  define(
    { kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1', isNamespaced: true },
    endpointSliceSchema,
    endpointSliceOf,
  ),
  define({ kind: 'Node', apiVersion: 'v1', isNamespaced: false }, nodeSchema, nodeOf),
  define({ kind: 'Namespace', apiVersion: 'v1', isNamespaced: false }, namespaceSchema, (_, meta) => namespaceOf(meta)),
  define({ kind: 'Secret', apiVersion: 'v1', isNamespaced: true }, secretSchema, secretOf),
]
