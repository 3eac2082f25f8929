import { planNode } from '@holdfast/announce'
import type { KubeObject } from '@holdfast/cluster'
import type { EndpointSlice, Model, Service } from '@holdfast/model'
import { evaluate } from '@holdfast/model'
import { allocatedByStatus } from '../allocation/allocated-by-status.ts'
import type { Heard, Refusal } from './announced-claim.ts'

/** Of larger clusters so many nodes are looked at: the reasons of others are the same or much like theirs. */
const mostNodes = 200

/** One Service that nobody offers, among what is known of the configuration. */
export interface Unoffered {
  readonly model: Model
  readonly service: Service
  readonly heard: Heard
}

/**
 * For each node, why it does not announce a Service, as its own speaker decides it; undefined: nothing stands in its way.
 * `slices` are the Service's own; undefined: they are not known, and every node counts as having a ready endpoint.
 */
export function refusalsOf(
  { model, service, heard }: Unoffered,
  slices: ReadonlyMap<string, EndpointSlice> | undefined,
): ReadonlyMap<string, Refusal | undefined> {
  const nodes = [...model.nodes.keys()].sort().slice(0, mostNodes)
  const services = [allocatedByStatus(service)]
  const { namespace, name } = service.meta.ref
  return new Map(
    nodes.map((node) => {
      const seen = { ...model, endpointSlices: slices ?? readyOn(node, service) }
      const input = { node, model: seen, services, ignoreExcludeLB: false }
      const decision = planNode(input).decisions.get(`${namespace}/${name}`)
      if (decision?.kind === 'withheld') {
        const isLocal = decision.reason === 'noLocalEndpoints' && slices !== undefined
        const message = isLocal ? withoutHome(model, service, slices) : decision.message
        return [node, { reason: decision.reason, message }]
      }
      return [node, silenceOf(node, heard)]
    }),
  )
}

/** Why no node has an endpoint for policy Local, of all together: that one of them has none is no matter of that node. */
function withoutHome({ nodes }: Model, { meta }: Service, slices: ReadonlyMap<string, EndpointSlice>): string {
  const endpoints = [...slices.values()].flatMap((slice) => slice.endpoints)
  const healthy = endpoints.filter(({ isHealthy, addresses }) => isHealthy && addresses.length > 0)
  const named = new Set(healthy.map(({ nodeName }) => nodeName).filter((name) => name !== undefined && name !== ''))
  const strangers = [...named].filter((name) => !nodes.has(name ?? '')).sort()
  const count = nodes.size === 1 ? 'the only node' : `any of the ${nodes.size} nodes`
  const { namespace, name } = meta.ref
  const text = `Service ${namespace}/${name} has externalTrafficPolicy Local and no healthy endpoint on ${count}`
  if (strangers.length === 0) return named.size === 0 && healthy.length > 0 ? `${text}: they name no Node` : text
  const more = strangers.length > mostStrangers ? ` and ${strangers.length - mostStrangers} more` : ''
  const list = `${strangers.slice(0, mostStrangers).join(', ')}${more}`
  return `${text}: they are said to be on ${list}, which ${strangers.length === 1 ? 'is no Node' : 'are no Nodes'} here`
}

const mostStrangers = 3

/** What keeps a node silent that would announce by its configuration. */
function silenceOf(node: string, { wordOf, isHeard, stoppedOn }: Heard): Refusal | undefined {
  const word = wordOf(node)
  if (word === undefined)
    return { reason: 'NoSpeaker', message: `no speaker has told of ${node}: is one running there?` }
  if (!isHeard(node)) return { reason: 'NoSpeaker', message: `${node} is not heard by the control plane` }
  const stopped = stoppedOn(node)
  if (stopped !== undefined)
    return { reason: 'SpeakerStopped', message: `the speaker of ${node} does not run: ${stopped}` }
  if (word.silent !== undefined || !word.isMute) return word.silent
  return { reason: 'NotTold', message: `the speaker of ${node} is set to tell of no Service` }
}

/** As listed from the API server. */
export const slicesIn = (objects: readonly KubeObject[]): ReadonlyMap<string, EndpointSlice> =>
  evaluate(
    objects.map((value) => ({
      value: { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', ...value },
      origin: { file: `EndpointSlice ${value.metadata.name}`, lineOf: () => undefined },
    })),
    undefined,
  ).model.endpointSlices

function readyOn(nodeName: string, service: Service): ReadonlyMap<string, EndpointSlice> {
  const { namespace, name } = service.meta.ref
  const slice: EndpointSlice = {
    kind: 'EndpointSlice',
    meta: { ...service.meta, ref: { ...service.meta.ref, kind: 'EndpointSlice' } },
    serviceName: name,
    endpoints: [{ addresses: ['192.0.2.1'], nodeName, isHealthy: true }],
  }
  return new Map([[`${namespace}/${name}`, slice]])
}
