import { fieldsOf, isFields, listAt, textAt, valueAt } from '../kubernetes/fields-at.ts'

/** What a node is to leave for. */
export type LeaveCause =
  | 'nodeLabeledExcludeBalancers'
  | 'requested'
  | 'nodeDeleted'
  | 'clusterAutoscaler'
  | 'outOfService'
  | 'cloudShutdown'
  | 'kubeletShutdown'
  | 'cordoned'

/** That the own node is to leave, and why. */
export interface Wish {
  readonly cause: LeaveCause
  /** A sentence for a person. */
  readonly message: string
  /** True: nothing is held back, also where no other node announces it. */
  readonly isForced: boolean
}

export interface WishInput {
  /** The own Node as the API server has it; undefined: it is gone, or was never seen. */
  readonly node: unknown
  /** True: the Node was there, and its deletion was told by a watch or by two lists. */
  readonly isNodeGone: boolean
  /** `spec.drain` of the own NodeState; undefined: nobody asked. */
  readonly drain: unknown
  readonly ignoreExcludeLB: boolean
  /** Cordoned nodes leave too. */
  readonly drainOnCordon: boolean
}

const excludeLabel = 'node.kubernetes.io/exclude-from-external-load-balancers'

/** Taints that say that the node will be gone or is not to serve any more. */
const leavingTaints: Readonly<Record<string, LeaveCause>> = {
  ToBeDeletedByClusterAutoscaler: 'clusterAutoscaler',
  'node.kubernetes.io/out-of-service': 'outOfService',
  'node.cloudprovider.kubernetes.io/shutdown': 'cloudShutdown',
}

/**
 * Whether the own node is to leave: the first reason that applies. The label comes first and is forced, since in MetalLB it silences
 * the node whoever else announces.
 */
export function wishOf(input: WishInput): Wish | undefined {
  return labelWish(input) ?? requestedWish(input.drain) ?? nodeWish(input) ?? cordonWish(input)
}

/** Whether the host under the speaker is going away: stopping then is leaving, whatever else is known. */
export const isHostLeaving = (input: WishInput): boolean => nodeWish(input) !== undefined

function labelWish({ node, ignoreExcludeLB }: WishInput): Wish | undefined {
  if (ignoreExcludeLB || !(excludeLabel in fieldsOf(valueAt(node, 'metadata', 'labels')))) return undefined
  return { cause: 'nodeLabeledExcludeBalancers', message: `the Node has the label ${excludeLabel}`, isForced: true }
}

function requestedWish(drain: unknown): Wish | undefined {
  if (!isFields(drain)) return undefined
  const [by, reason] = [textAt(drain, 'requestedBy'), textAt(drain, 'reason')]
  const message = `a drain was asked for${by === '' ? '' : ` by ${by}`}${reason === '' ? '' : `: ${reason}`}`
  return { cause: 'requested', message, isForced: false }
}

function nodeWish({ node, isNodeGone }: WishInput): Wish | undefined {
  if (isNodeGone) return { cause: 'nodeDeleted', message: 'the Node object was deleted', isForced: false }
  if (textAt(node, 'metadata', 'deletionTimestamp') !== '') {
    return { cause: 'nodeDeleted', message: 'the Node object is being deleted', isForced: false }
  }
  for (const taint of listAt(node, 'spec', 'taints')) {
    const key = textAt(taint, 'key')
    const cause = Object.hasOwn(leavingTaints, key) ? leavingTaints[key] : undefined
    if (cause !== undefined) return { cause, message: `the Node has the taint ${key}`, isForced: false }
  }
  return isShuttingDown(node)
    ? { cause: 'kubeletShutdown', message: 'the kubelet says that the host is shutting down', isForced: false }
    : undefined
}

/** The kubelet's graceful shutdown of the host has no field of its own: it stands in the condition Ready. */
const isShuttingDown = (node: unknown): boolean =>
  listAt(node, 'status', 'conditions').some(
    (one) =>
      textAt(one, 'type') === 'Ready' &&
      textAt(one, 'status') === 'False' &&
      textAt(one, 'reason') === 'KubeletNotReady' &&
      textAt(one, 'message').includes('shutting down'),
  )

function cordonWish({ node, drainOnCordon }: WishInput): Wish | undefined {
  if (!drainOnCordon || valueAt(node, 'spec', 'unschedulable') !== true) return undefined
  return { cause: 'cordoned', message: 'the Node is cordoned, and --drain-on-cordon is set', isForced: false }
}
