import type { KubeObject } from '@holdfast/cluster'
import { releaseAnnotation } from '../allocation/hold.ts'
import type { Fields } from '../kubernetes/fields-at.ts'
import { fieldsOf, listAt, textAt, valueAt } from '../kubernetes/fields-at.ts'

type Keep = (object: KubeObject) => KubeObject

const serviceNameLabel = 'kubernetes.io/service-name'

/** What a speaker reads of the annotations of a Service, under either prefix of MetalLB's. */
const readAnnotations = [
  'metallb.io/ip-allocated-from-pool',
  'metallb.universe.tf/ip-allocated-from-pool',
  releaseAnnotation,
] as const

const readSpec = ['type', 'loadBalancerClass', 'externalTrafficPolicy'] as const

/** More different ones than this are not worth to be kept once. */
const mostShared = 10_000

/**
 * Trims Services and EndpointSlices to what the speaker of one node announces by, since it knows all of the cluster's: of a Service its
 * labels, its policy and the addresses that its status says, of a slice whether it has an endpoint to send to here, or elsewhere. What
 * is the same of many is kept once. A change of anything else (a port, a pod on another node) is none for the speaker.
 */
export function createSpeakerKeeps(node: string): { readonly service: Keep; readonly endpointSlice: Keep } {
  const [specs, annotations] = [createShared<Fields>(), createShared<Readonly<Record<string, string>>>()]
  const places = createPlaces(node)
  const namespaces = new Map<string, string>()
  const identity = ({
    metadata,
  }: KubeObject): { name: string; namespace: string; uid: string; resourceVersion: string } => {
    const { name, namespace = '', uid = '', resourceVersion = '' } = metadata
    const known = namespaces.get(namespace)
    if (known === undefined) namespaces.set(namespace, namespace)
    return { name, namespace: known ?? namespace, uid, resourceVersion }
  }
  return {
    service: (object) => {
      return {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: {
          ...identity(object),
          labels: object.metadata.labels ?? noFields,
          annotations: annotations(textsOf(object.metadata.annotations, readAnnotations)),
        },
        spec: specs(textsOf(object['spec'], readSpec)),
        status: statusOf(object),
      }
    },
    endpointSlice: (object) => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        ...identity(object),
        labels: { [serviceNameLabel]: textAt(object, 'metadata', 'labels', serviceNameLabel) },
      },
      endpoints: places(listAt(object, 'endpoints')),
    }),
  }
}

const noFields: Readonly<Record<string, string>> = {}

/** The addresses, and the condition by which the controller says that it holds one over. */
function statusOf(object: KubeObject): Fields {
  const ingress = listAt(object, 'status', 'loadBalancer', 'ingress').map((one) => ({ ip: valueAt(one, 'ip') }))
  const held = listAt(object, 'status', 'conditions').filter(
    (one) => textAt(one, 'type') === 'holdfast.dev/AddressAssigned' && textAt(one, 'reason') === 'Held',
  )
  const conditions = held.map((one) => ({ type: textAt(one, 'type'), reason: textAt(one, 'reason') }))
  if (ingress.length === 0 && conditions.length === 0) return noFields
  const loadBalancer = { ingress }
  return conditions.length === 0 ? { loadBalancer } : { loadBalancer, conditions }
}

const anEndpoint = { addresses: ['192.0.2.1'], conditions: { ready: true } } as const

/** What a slice comes to for one node: the same three lists for all slices. An address stands for all that there are. */
function createPlaces(node: string): (endpoints: readonly unknown[]) => readonly Fields[] {
  const nowhere: readonly Fields[] = []
  const elsewhere: readonly Fields[] = [anEndpoint]
  const here: readonly Fields[] = [{ ...anEndpoint, nodeName: node }]
  return (endpoints) => {
    const healthy = endpoints.filter(isHealthy)
    if (healthy.length === 0) return nowhere
    return healthy.some((endpoint) => textAt(endpoint, 'nodeName') === node) ? here : elsewhere
  }
}

/** As the model has it: with an address, and ready (said or not) or still serving. */
const isHealthy = (endpoint: unknown): boolean =>
  listAt(endpoint, 'addresses').length > 0 &&
  ((valueAt(endpoint, 'conditions', 'ready') ?? true) === true || valueAt(endpoint, 'conditions', 'serving') === true)

/** Those of the fields that are texts. */
function textsOf(value: unknown, names: readonly string[]): Readonly<Record<string, string>> {
  const [fields, texts]: [Fields, Record<string, string>] = [fieldsOf(value), {}]
  for (const name of names) {
    const text = fields[name]
    if (typeof text === 'string' && text !== '') texts[name] = text
  }
  return texts
}

/** Gives for fields that say the same always the first ones. */
function createShared<T>(): (fields: T) => T {
  const known = new Map<string, T>()
  return (fields) => {
    const text = JSON.stringify(fields)
    const before = known.get(text)
    if (before !== undefined) return before
    if (known.size < mostShared) known.set(text, fields)
    return fields
  }
}
