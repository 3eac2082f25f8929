import type { ApiFault, KubeApi, KubeObject, ObjectKey, PodLogs, ResourceType } from '@holdfast/cluster'
import { listAt, textAt } from '../kubernetes/fields-at.ts'
import { listOrSay } from '../lint/read-cluster.ts'
import type { NotRead } from '../lint/world.ts'
import { redactedLine } from './redact.ts'

/** What one container has printed, the end of it. */
export interface ContainerLog {
  readonly pod: string
  readonly container: string
  /** null: the pod is on none yet. */
  readonly node: string | null
  readonly restarts: number
  /** Of the container that ran before the one that runs now. */
  readonly isPrevious: boolean
  readonly lines: readonly string[]
  /** Why it could not be read, as when the kubelet does not answer; null: it was. */
  readonly fault: string | null
}

/** Of a cluster with thousands of speakers the first logs are of no less use than all. */
const bounds = { containers: 40, lines: 2000, bytes: 512 * 1024 } as const

const pods: ResourceType = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', isNamespaced: true }
const programs: ReadonlySet<string> = new Set(['holdfast', 'metallb'])

interface Printer {
  readonly key: ObjectKey
  readonly node: string | null
  readonly container: string
  readonly restarts: number
  readonly isPrevious: boolean
}

/** Reads the logs of Holdfast's and MetalLB's pods: of the controller and of pods that were started again first, bounded, and redacted. */
export async function collectLogs(
  api: KubeApi & PodLogs,
  namespace: string,
): Promise<{ readonly logs: readonly ContainerLog[]; readonly notRead: readonly NotRead[] }> {
  const found = await listOrSay(api, pods, { namespace })
  if (found.kind === 'notRead') return { logs: [], notRead: [found.notRead] }
  const printers = found.objects.filter(isProgram).flatMap(printersOf).sort(byInterest).slice(0, bounds.containers)
  const logs: ContainerLog[] = []
  const notRead: NotRead[] = []
  for (const { key, node, container, restarts, isPrevious } of printers) {
    const options = { container, isPrevious, tailLines: bounds.lines, limitBytes: bounds.bytes }
    const answer = await api.podLog(key, options)
    if (answer.kind === 'fault' && answer.code === 'forbidden') {
      return { logs, notRead: [{ resource: 'pods/log', reason: 'forbidden' }] }
    }
    const from = { pod: key.name, container, node, restarts, isPrevious }
    logs.push(answer.kind === 'ok' ? { ...from, ...linesOf(answer.value) } : { ...from, ...unread(answer) })
  }
  return { logs, notRead }
}

function linesOf(text: string): Pick<ContainerLog, 'lines' | 'fault'> {
  const lines = text.split('\n').filter((line) => line !== '')
  return { lines: lines.map(redactedLine), fault: null }
}

const unread = ({ message }: ApiFault): Pick<ContainerLog, 'lines' | 'fault'> => ({
  lines: [],
  fault: redactedLine(message),
})

const isProgram = ({ metadata: { labels } }: KubeObject): boolean =>
  programs.has(labels?.['app.kubernetes.io/name'] ?? '') || programs.has(labels?.['app'] ?? '')

function printersOf(pod: KubeObject): readonly Printer[] {
  const key = { namespace: pod.metadata.namespace ?? '', name: pod.metadata.name }
  const node = textAt(pod, 'spec', 'nodeName')
  return listAt(pod, 'spec', 'containers').flatMap((one) => {
    const container = textAt(one, 'name')
    const status = listAt(pod, 'status', 'containerStatuses').find((each) => textAt(each, 'name') === container)
    const { restartCount } = (status ?? {}) as { readonly restartCount?: unknown }
    const restarts = typeof restartCount === 'number' ? restartCount : 0
    const printer = { key, node: node === '' ? null : node, container, restarts, isPrevious: false }
    return restarts > 0 ? [printer, { ...printer, isPrevious: true }] : [printer]
  })
}

/** Controllers, then what was started again most often, then by name. */
const byInterest = (a: Printer, b: Printer): number =>
  Number(b.container.includes('controller')) - Number(a.container.includes('controller')) ||
  b.restarts - a.restarts ||
  (a.key.name < b.key.name ? -1 : 1)
