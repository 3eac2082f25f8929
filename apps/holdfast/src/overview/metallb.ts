import type { KubeApi } from '@holdfast/cluster'
import { ApiError } from '../kubernetes/api-error.ts'
import { textAt } from '../kubernetes/fields-at.ts'
import type { Workload } from '../lint/installation.ts'
import { installationIn } from '../lint/installation.ts'
import { listOrSay, workloadTypes } from '../lint/read-cluster.ts'
import { objectText } from '../lint/world.ts'

/**
 * MetalLB's workloads that run beside Holdfast or in its place, such as `DaemonSet metallb-system/speaker`. Never rejects: none where
 * this user may not see them.
 */
export async function readMetalLB(api: KubeApi, namespace: string): Promise<readonly string[]> {
  return (await runningIn(api, namespace)).map(({ text }) => text)
}

/** Of those the controllers that give addresses to Services of this class; undefined: to those that name none. */
export async function readRivals(
  api: KubeApi,
  namespace: string,
  loadBalancerClass: string | undefined,
): Promise<readonly string[]> {
  const running = await runningIn(api, namespace)
  const controllers = running.filter(({ program }) => program === 'controller')
  return controllers
    .filter(({ options }) => (options.get('lb-class') ?? '') === (loadBalancerClass ?? ''))
    .map(({ text }) => text)
}

async function runningIn(api: KubeApi, namespace: string): Promise<readonly Workload[]> {
  const found = await Promise.all(workloadTypes.map((type) => objectsOf(api, type, namespace)))
  const workloads = found.flat().map(({ kind, value }) => {
    const [own, name] = [textAt(value, 'metadata', 'namespace'), textAt(value, 'metadata', 'name')]
    return { value, namespace: own, name, text: objectText(kind, own, name) }
  })
  return installationIn(workloads).workloads.filter(({ isStopped }) => !isStopped)
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
    if (error instanceof ApiError) return []
    throw error
  }
}
