import type { KubeApi, KubeObject, ResourceType } from '@holdfast/cluster'
import { listAt, textAt, valueAt } from '../kubernetes/fields-at.ts'

/** What became of the speaker's pod on a node. */
export interface SpeakerPod {
  readonly pod: string
  readonly isReady: boolean
  /** Why it is not, in the kubelet's words; empty where nothing says. */
  readonly why: string
}

const pods: ResourceType = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', isNamespaced: true }

/** Labels of speakers: of Holdfast's and MetalLB's charts, and of MetalLB's manifests. */
const speakerLabels = ['app.kubernetes.io/component=speaker', 'component=speaker']

/**
 * The pods of speakers, by node. undefined where there are none or this user may not see them: then speakers may run outside of
 * pods, and nothing is known of who is gone.
 */
export async function readSpeakerPods(
  api: Pick<KubeApi, 'list'>,
  namespace: string,
): Promise<ReadonlyMap<string, SpeakerPod> | undefined> {
  for (const labelSelector of speakerLabels) {
    const found = await api.list(pods, { namespace, labelSelector })
    if (found.kind === 'ok' && found.value.items.length > 0) return podsByNode(found.value.items)
  }
  return undefined
}

/** Of several on a node, as while one replaces another, a ready one counts. */
export function podsByNode(items: readonly KubeObject[]): ReadonlyMap<string, SpeakerPod> {
  const byNode = new Map<string, SpeakerPod>()
  for (const item of items) {
    const node = textAt(item, 'spec', 'nodeName')
    if (node !== '' && byNode.get(node)?.isReady !== true) byNode.set(node, speakerPod(item))
  }
  return byNode
}

function speakerPod(pod: KubeObject): SpeakerPod {
  const ready = listAt(pod, 'status', 'conditions').find((one) => textAt(one, 'type') === 'Ready')
  return { pod: pod.metadata.name, isReady: textAt(ready, 'status') === 'True', why: whyNot(pod) }
}

function whyNot(pod: KubeObject): string {
  const states = listAt(pod, 'status', 'containerStatuses')
  const [reason = ''] = states.map((one) => textAt(one, 'state', 'waiting', 'reason')).filter((text) => text !== '')
  const restarts = states.reduce<number>((sum, one) => sum + Number(valueAt(one, 'restartCount') ?? 0), 0)
  const started = restarts === 0 ? '' : `started ${restarts} times again`
  return [reason, started].filter((text) => text !== '').join(', ')
}
