import type { Keep, KubeObject, ResourceType } from '@holdfast/cluster'
import { listAt, textAt, valueAt } from '../kubernetes/fields-at.ts'
import type { Offer } from './announced-heard.ts'

export const podType: ResourceType = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', isNamespaced: true }

/** What the kubelet says of a Pod, as far as it tells whether the speaker in it runs. */
export interface SpeakerPod {
  readonly node: string
  /** By its labels, it is a speaker's. */
  readonly isSpeaker: boolean
  /** Why not all of its containers run, in a word of the kubelet's; undefined: they do. */
  readonly stopped: string | undefined
}

/** Labels of speakers' Pods: of Holdfast's and MetalLB's charts, and of MetalLB's manifests. */
const speakerLabels = ['app.kubernetes.io/component', 'component'] as const

/** What is kept of a Pod: so that one whose probes come and go says nothing new. */
export const keepSpeakerPod: Keep = ({ metadata, spec, status }) => {
  const { name, namespace, uid, labels } = metadata
  const pod: SpeakerPod = {
    node: textAt(spec, 'nodeName'),
    isSpeaker: speakerLabels.some((label) => labels?.[label] === 'speaker'),
    stopped: stoppedIn(status),
  }
  const where = { ...(namespace === undefined ? {} : { namespace }), ...(uid === undefined ? {} : { uid }) }
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, ...where }, pod }
}

/** Of an object that `keepSpeakerPod` kept. */
export const podIn = (object: KubeObject): SpeakerPod => object['pod'] as SpeakerPod

function stoppedIn(status: unknown): string | undefined {
  const containers = listAt(status, 'containerStatuses')
  const phase = textAt(status, 'phase')
  if (containers.length === 0 && phase !== 'Running') return phase === '' ? 'Pending' : phase
  const stopped = containers.find((one) => valueAt(one, 'state', 'running') === undefined)
  if (stopped === undefined) return undefined
  const reasons = ['waiting', 'terminated'].map((state) => textAt(stopped, 'state', state, 'reason'))
  return reasons.find((reason) => reason !== '') ?? 'NotRunning'
}

/** Which speakers run, by what the kubelets say of their Pods. */
export interface Speakers {
  /** A Pod came, changed or went. */
  readonly put: (before: KubeObject | undefined, after: KubeObject | undefined) => void
  /** Why the speaker that offers a Service does not run; undefined: it runs, or nobody knows. */
  readonly stoppedBehind: (offer: Offer) => string | undefined
  /** Why no speaker runs on a node; undefined: one runs, or nobody knows. */
  readonly stoppedOn: (node: string) => string | undefined
  /** Whether one is known to run on a node. */
  readonly runsOn: (node: string) => boolean
}

/** `isKnown`: whether the Pods could be read. Where this program may not see them, every speaker is taken at its word. */
export function createSpeakers(isKnown: () => boolean): Speakers {
  const byUid = new Map<string, SpeakerPod>()
  const byNode = new Map<string, Set<SpeakerPod>>()

  function remove(object: KubeObject): void {
    const pod = podIn(object)
    byUid.delete(object.metadata.uid ?? '')
    const others = byNode.get(pod.node)
    others?.delete(pod)
    if (others?.size === 0) byNode.delete(pod.node)
  }

  function add(object: KubeObject): void {
    const pod = podIn(object)
    byUid.set(object.metadata.uid ?? '', pod)
    if (!pod.isSpeaker || pod.node === '') return
    const others = byNode.get(pod.node)
    if (others === undefined) byNode.set(pod.node, new Set([pod]))
    else others.add(pod)
  }

  return {
    put: (before, after) => {
      if (before !== undefined) remove(before)
      if (after !== undefined) add(after)
    },
    stoppedBehind: ({ pod }) => {
      if (pod === '' || !isKnown()) return undefined
      const known = byUid.get(pod)
      return known === undefined ? 'its Pod is gone' : known.stopped
    },
    stoppedOn: (node) => {
      // Without any Pod of a speaker they run outside of Pods.
      if (!isKnown() || byNode.size === 0) return undefined
      const [first, ...others] = byNode.get(node) ?? []
      if (first === undefined) return 'it has no Pod'
      return others.some(({ stopped }) => stopped === undefined) ? undefined : first.stopped
    },
    runsOn: (node) => [...(byNode.get(node) ?? [])].some(({ stopped }) => stopped === undefined),
  }
}
