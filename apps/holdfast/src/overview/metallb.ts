import type { KubeApi } from '@holdfast/cluster'
import { textAt } from '../kubernetes/fields-at.ts'
import { installationIn } from '../lint/installation.ts'
import { listOrSay, workloadTypes } from '../lint/read-cluster.ts'
import { objectText } from '../lint/world.ts'
import { StartUpError } from '../start-up-error.ts'

/**
 * MetalLB's workloads that run beside Holdfast or in its place, such as `DaemonSet metallb-system/speaker`. Never rejects: none where
 * this user may not see them.
 */
export async function readMetalLB(api: KubeApi, namespace: string): Promise<readonly string[]> {
  const found = await Promise.all(workloadTypes.map((type) => objectsOf(api, type, namespace)))
  const workloads = found.flat().map(({ kind, value }) => {
    const [own, name] = [textAt(value, 'metadata', 'namespace'), textAt(value, 'metadata', 'name')]
    return { value, namespace: own, name, text: objectText(kind, own, name) }
  })
  return installationIn(workloads)
    .workloads.filter(({ isStopped }) => !isStopped)
    .map(({ text }) => text)
}

async function objectsOf(
  api: KubeApi,
  type: (typeof workloadTypes)[number],
  namespace: string,
): Promise<readonly { readonly kind: string; readonly value: unknown }[]> {
  try {
    const listed = await listOrSay(api, type, { namespace })
    return listed.kind === 'ok' ? listed.objects.map((value) => ({ kind: type.kind, value })) : []
  } catch (error) {
    if (error instanceof StartUpError) return []
    throw error
  }
}
