import type { KubeApi, KubeObject, PodLogs, Selection } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import { listOrSay, readCluster } from '../lint/read-cluster.ts'
import type { NotRead } from '../lint/world.ts'
import type { Collected, CollectedKind } from './bundle.ts'
import { collectedKinds } from './bundle.ts'
import { collectLogs } from './logs.ts'

/**
 * Reads what a bundle holds, each kind once, and, where `logsFrom` is given, the logs of the pods. What is not shown to this user is
 * named, and no reason to stop.
 */
export async function collect(
  api: KubeApi,
  namespace: string,
  logsFrom: (KubeApi & PodLogs) | undefined,
): Promise<Collected> {
  const results = await Promise.all(
    collectedKinds.map(async (kind) => ({
      kind,
      found: await listOrSay(api, resourceTypes[kind], selectionOf(kind, namespace)),
    })),
  )
  const notRead: NotRead[] = []
  const objects: Partial<Record<CollectedKind, readonly KubeObject[]>> = {}
  for (const { kind, found } of results) {
    objects[kind] = found.kind === 'ok' ? found.objects : []
    if (found.kind === 'notRead') notRead.push(found.notRead)
  }
  const { logs, notRead: unread } =
    logsFrom === undefined ? { logs: [], notRead: [] } : await collectLogs(logsFrom, namespace)
  return {
    objects: objects as Collected['objects'],
    notRead: [...notRead, ...unread],
    logs,
    lint: await readCluster(api, namespace),
  }
}

const selections: Partial<Readonly<Record<CollectedKind, Selection>>> = {
  Service: { fieldSelector: 'spec.type=LoadBalancer' },
  EndpointSlice: { labelSelector: 'kubernetes.io/service-name' },
  Node: {},
  Namespace: {},
  Event: {},
}

const selectionOf = (kind: CollectedKind, namespace: string): Selection => selections[kind] ?? { namespace }
