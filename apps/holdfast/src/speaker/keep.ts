import { createSharing, type KubeObject } from '@holdfast/cluster'
import { releaseAnnotation } from '../allocation/hold.ts'
import type { Fields } from '../kubernetes/fields-at.ts'
import { fieldsOf, listAt, textAt, valueAt } from '../kubernetes/fields-at.ts'

type Keep = (object: KubeObject) => KubeObject

/** What a speaker reads of the annotations of a Service, under either prefix of MetalLB's. */
const readAnnotations = [
  'metallb.io/ip-allocated-from-pool',
  'metallb.universe.tf/ip-allocated-from-pool',
  releaseAnnotation,
] as const

const readSpec = ['type', 'loadBalancerClass', 'externalTrafficPolicy'] as const

/** Of more different ones than this, all are forgotten: what many have in common is there again soon. */
const mostShared = 1000

/**
 * Trims Services and EndpointSlices to what the speaker of one node announces by, since it knows all of the cluster's: of a Service its
 * labels, its policy and the addresses that its status says, of a slice whether it has an endpoint to send to here, or elsewhere. What
 * is the same of many is kept once. A change of anything else (a port, a pod on another node) is none for the speaker.
 */
export function createSpeakerKeeps(node: string): { readonly service: Keep; readonly endpointSlice: Keep } {
  const texts = createSharing((text) => text, mostShared)
  const specs = createSharing((json) => JSON.parse(json) as Fields, mostShared)
  const annotations = createSharing((json) => JSON.parse(json) as Readonly<Record<string, string>>, mostShared)
  const places = createPlaces(node)
  // Whole literals: fields that are spread into an object, or named by an expression, take memory beside it.
  return {
    service: (object) => {
      const { name, namespace = '', uid = '', resourceVersion = '', labels } = object.metadata
      return {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: {
          name,
          namespace: texts(namespace),
          uid,
          resourceVersion,
          labels: withSharedValues(labels ?? noFields, name, texts),
          annotations: annotations(JSON.stringify(textsOf(object.metadata.annotations, readAnnotations))),
        },
        spec: specs(JSON.stringify(textsOf(object['spec'], readSpec))),
        status: statusOf(object),
      }
    },
    endpointSlice: (object) => {
      const { name, namespace = '', uid = '', resourceVersion = '' } = object.metadata
      return {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          name,
          namespace: texts(namespace),
          uid,
          resourceVersion,
          labels: { 'kubernetes.io/service-name': textAt(object, 'metadata', 'labels', 'kubernetes.io/service-name') },
        },
        endpoints: places(listAt(object, 'endpoints')),
      }
    },
  }
}

/** Labels whose values are kept once: the name of an application stands in many places, a version in many applications. */
function withSharedValues(
  labels: Readonly<Record<string, string>>,
  name: string,
  share: (text: string) => string,
): Readonly<Record<string, string>> {
  if (labels === noFields) return noFields
  const shared = { ...labels }
  for (const label in shared) {
    const value = shared[label]
    if (value === name) shared[label] = name
    else if (typeof value === 'string') shared[label] = share(value)
  }
  return shared
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
