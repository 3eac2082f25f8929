import type { Model, Service } from '@holdfast/model'
import type { Saying } from './explanation.ts'

/**
 * Why a Service with policy Local is announced by no node at all: every healthy endpoint names a Node that is not there, or none.
 * undefined: one of them is on a Node that there is.
 */
export function nowhereLocal({ meta }: Service, { endpointSlices, nodes }: Model): Saying | undefined {
  const { namespace, name } = meta.ref
  const endpoints = [...endpointSlices.values()]
    .filter((slice) => slice.serviceName === name && slice.meta.ref.namespace === namespace)
    .flatMap((slice) => slice.endpoints.filter(({ isHealthy, addresses }) => isHealthy && addresses.length > 0))
  const names = endpoints.map(({ nodeName }) => nodeName)
  if (names.length === 0 || names.some((one) => one !== undefined && nodes.has(one))) return undefined
  const unknown = [...new Set(names.filter((one) => one !== undefined))].sort()
  const where =
    unknown.length === 0 ? 'name no Node' : `name ${unknown.map((one) => `Node ${one}`).join(', ')}, which is not there`
  return {
    outcome: 'no',
    reason: 'noLocalEndpoints',
    message: `Service ${namespace}/${name} has externalTrafficPolicy Local, and its healthy endpoints ${where}`,
    remedy: 'Correct `nodeName` of the endpoints in its EndpointSlices, or use externalTrafficPolicy Cluster.',
  }
}
