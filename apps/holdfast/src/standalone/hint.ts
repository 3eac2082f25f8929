import { basename, dirname } from 'node:path'
import type { Snapshot } from '@holdfast/cluster'
import type { EndpointSlice, Model, RawObject } from '@holdfast/model'

/**
 * What a newcomer can try with exactly these manifests: which file and line to edit, and what will be seen. Empty where
 * they have no Service whose routes an endpoint decides.
 */
export function tryIt(model: Model, snapshot: Snapshot, nodes: readonly string[]): readonly string[] {
  for (const slice of model.endpointSlices.values()) {
    const service = model.services.get(`${slice.meta.ref.namespace}/${slice.serviceName}`)
    if (service?.externalTrafficPolicy !== 'Local') continue
    const place = healthyEndpoint(slice, nodes)
    const raw = snapshot.objects.find((object) => isSlice(object, slice))
    if (place === undefined || raw === undefined) continue
    const { file, lineOf } = raw.origin
    const line = lineOf(['endpoints', place.index, 'conditions', 'ready'])
    const { namespace, name } = service.meta.ref
    return [
      `Edit ${file}${line === undefined ? '' : `, line ${line}`}:`,
      `set "ready" of the endpoint on ${place.node} to false and save. It leaves the next hops of ${namespace}/${name}.`,
      'Add a Service:',
      `  cd ${dirname(file)} && sed s/${name}/${name}2/g ${basename(file)} > ${name}2.yaml`,
      'Ctrl-C withdraws every route and ends.',
    ]
  }
  return []
}

function healthyEndpoint(
  slice: EndpointSlice,
  nodes: readonly string[],
): { readonly index: number; readonly node: string } | undefined {
  const healthy = slice.endpoints.flatMap(({ isHealthy, nodeName }, index) =>
    isHealthy && nodeName !== undefined && nodes.includes(nodeName) ? [{ index, node: nodeName }] : [],
  )
  // The last of several, so that the Service stays reachable while the user plays.
  return healthy.length > 1 ? healthy.at(-1) : undefined
}

function isSlice({ value }: RawObject, slice: EndpointSlice): boolean {
  const { kind, metadata } = value as { kind?: unknown; metadata?: { name?: unknown; namespace?: unknown } }
  const { name, namespace } = slice.meta.ref
  return kind === 'EndpointSlice' && metadata?.name === name && (metadata.namespace ?? 'default') === namespace
}
