import type { Address } from '@holdfast/ip'
import { parseAddress } from '@holdfast/ip'
import { z } from 'zod'
import { endpointSliceFields, nodeFields, secretFields, serviceFields } from '../schemas/core.ts'
import { metadataSchema } from '../schemas/metadata.ts'
import { passwordOf } from '../secret-password.ts'
import type { EndpointSlice, Meta, Namespace, Node, Secret, Service } from '../types.ts'
import type { Definition } from './definition.ts'
import { define } from './definition.ts'
import { recogniseEndpointSlice, recogniseService } from './recognise.ts'

const serviceSchema = z.object({ metadata: metadataSchema, ...serviceFields })
const endpointSliceSchema = z.object({ metadata: metadataSchema, ...endpointSliceFields })
const nodeSchema = z.object({ metadata: metadataSchema, ...nodeFields })
const namespaceSchema = z.object({ metadata: metadataSchema })
const secretSchema = z.object({ metadata: metadataSchema, ...secretFields })

/** Lists without anything in them are one and the same: there are tens of thousands. */
const none: readonly never[] = []

const listOf = <T, R>(items: readonly T[] | null | undefined, read: (item: T) => R): readonly R[] =>
  items === null || items === undefined || items.length === 0 ? none : items.map(read)

const orUndefined = (text: string | null | undefined): string | undefined =>
  text === null || text === '' ? undefined : text

type ServiceSpec = NonNullable<z.output<typeof serviceSchema>['spec']>

function serviceOf({ spec, status }: z.output<typeof serviceSchema>, meta: Meta): Service {
  const said = spec ?? {}
  return {
    kind: 'Service',
    meta,
    type: orUndefined(said.type) ?? 'ClusterIP',
    loadBalancerClass: orUndefined(said.loadBalancerClass),
    loadBalancerIP: orUndefined(said.loadBalancerIP),
    externalTrafficPolicy: said.externalTrafficPolicy === 'Local' ? 'Local' : 'Cluster',
    clusterIPs: clusterIPsOf(said),
    ipFamilies: listOf(said.ipFamilies, (family) => (family === 'IPv4' ? 'ipv4' : 'ipv6')),
    ipFamilyPolicy: said.ipFamilyPolicy ?? 'SingleStack',
    ports: portsOf(said),
    selector: selectorOf(said.selector ?? {}),
    ...statusOf(status ?? {}),
  }
}

type ServiceStatus = NonNullable<z.output<typeof serviceSchema>['status']>

const statusOf = ({ loadBalancer, conditions }: ServiceStatus) => ({
  ingress: addressesOf((loadBalancer?.ingress ?? none).map(({ ip }) => ip ?? '')),
  isHeldOver: (conditions ?? none).some(
    ({ type, reason }) => type === 'holdfast.dev/AddressAssigned' && reason === 'Held',
  ),
})

function clusterIPsOf({ clusterIP, clusterIPs }: ServiceSpec): readonly Address[] {
  const listed = clusterIPs ?? none
  const addresses = listed.length > 0 ? listed : [clusterIP]
  const found = addresses.filter((address) => address !== undefined && address !== null)
  return found.length === 0 ? none : found.slice()
}

const portsOf = ({ ports }: ServiceSpec): Service['ports'] =>
  listOf(ports, ({ name, protocol, port }) => ({ name: name ?? '', protocol: protocol ?? 'TCP', port }))

const selectorOf = (selector: Readonly<Record<string, string>>): string =>
  Object.entries(selector)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(',')

/** A status is not the user's to correct: what is no address there is left out. */
function addressesOf(texts: readonly string[]): readonly Address[] {
  const addresses = texts.map(parseAddress).filter((address) => address.ok)
  // A list that is mapped takes no more memory than it needs, one that has grown may.
  return listOf(addresses, ({ value }) => value)
}

const endpointSliceOf = ({ endpoints }: z.output<typeof endpointSliceSchema>, meta: Meta): EndpointSlice => ({
  kind: 'EndpointSlice',
  meta,
  serviceName: meta.labels['kubernetes.io/service-name'] ?? '',
  endpoints: endpointsOf(endpoints ?? none),
})

type RawEndpoint = NonNullable<z.output<typeof endpointSliceSchema>['endpoints']>[number]

/** By identity: a source may give many slices one and the same list. */
const endpointLists = new WeakMap<readonly RawEndpoint[], EndpointSlice['endpoints']>()

function endpointsOf(endpoints: readonly RawEndpoint[]): EndpointSlice['endpoints'] {
  const known = endpointLists.get(endpoints)
  if (known !== undefined) return known
  const made = listOf(endpoints, ({ addresses, nodeName, conditions }) => ({
    addresses: addresses ?? none,
    nodeName: orUndefined(nodeName),
    isHealthy: (addresses ?? none).length > 0 && ((conditions?.ready ?? true) || conditions?.serving === true),
  }))
  endpointLists.set(endpoints, made)
  return made
}

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
  define({ kind: 'Service', apiVersion: 'v1', isNamespaced: true }, serviceSchema, serviceOf, recogniseService),
  define(
    { kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1', isNamespaced: true },
    endpointSliceSchema,
    endpointSliceOf,
    recogniseEndpointSlice,
  ),
  define({ kind: 'Node', apiVersion: 'v1', isNamespaced: false }, nodeSchema, nodeOf),
  define({ kind: 'Namespace', apiVersion: 'v1', isNamespaced: false }, namespaceSchema, (_, meta) => namespaceOf(meta)),
  define({ kind: 'Secret', apiVersion: 'v1', isNamespaced: true }, secretSchema, secretOf),
]
