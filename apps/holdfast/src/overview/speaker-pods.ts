import type { KubeApi, KubeObject, ResourceType } from '@holdfast/cluster'
import { listAt, textAt, valueAt } from '../kubernetes/fields-at.ts'

/** What became of the speaker's pod on a node. */
export interface SpeakerPod {
  readonly pod: string
  readonly isReady: boolean
  /** Why it is not, in the kubelet's words; empty where nothing says. */
  readonly why: string
}

/** The pods of speakers, as far as this user may see them. */
export type SpeakerPods =
  | { readonly kind: 'notShown' }
  /** None at all: the speakers run outside of pods, or they are gone. */
  | { readonly kind: 'shown'; readonly byNode: ReadonlyMap<string, SpeakerPod> }

const pods: ResourceType = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', isNamespaced: true }

/** Labels of speakers: of Holdfast's and MetalLB's charts, and of MetalLB's manifests. */
const speakerLabels = ['app.kubernetes.io/component=speaker', 'component=speaker']

/** The pods of speakers. Never rejects: what cannot be read is not shown. */
export async function readSpeakerPods(api: Pick<KubeApi, 'list'>, namespace: string): Promise<SpeakerPods> {
  let isShown = true
  for (const labelSelector of speakerLabels) {
    const found = await api.list(pods, { namespace, labelSelector })
    if (found.kind === 'fault') isShown = false
    else if (found.value.items.length > 0) return { kind: 'shown', byNode: podsByNode(found.value.items) }
  }
  return isShown ? { kind: 'shown', byNode: new Map() } : { kind: 'notShown' }
}

/** Where the kubelets say which speakers run, nobody need be asked. */
export const areToBeAsked = (speakers: SpeakerPods): boolean =>
  speakers.kind === 'notShown' || speakers.byNode.size === 0

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
