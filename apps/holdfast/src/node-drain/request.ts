import type { KubeApi, KubeObject } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import type { NodeState } from '@holdfast/model'
import { parseNodeState } from '@holdfast/model'
import { remedyFor } from '../kubernetes/person.ts'
import { createQuestion, isAnsweredIn } from '../kubernetes/question.ts'
import { StartUpError } from '../start-up-error.ts'
import type { DrainProgress } from './progress.ts'
import { drainProgress } from './progress.ts'

/** That a node is to leave or to come back. */
export interface DrainRequest {
  readonly node: string
  /** Where NodeStates live. */
  readonly namespace: string
  /** `undrain`: the node announces again. */
  readonly isUndrain: boolean
  /** Kept in the NodeState for others to read. */
  readonly reason: string | undefined
  /** Whether to wait until it is done: the speaker is asked to say that it has seen the request. */
  readonly isWaiting: boolean
  readonly askedBy: string
  /** The wall clock, RFC 3339. */
  readonly now: string
  /** 0 to below 1. */
  readonly random: () => number
}

/** A request that stands in the NodeState. */
export interface Asked {
  /** What the node said before. */
  readonly before: NodeState | undefined
  /** The question beside the request; undefined: nobody waits for it. */
  readonly question: string | undefined
}

/** What is named is not there: as with `peers NAME` and `explain`, that is a matter of the command line. */
export class NoSuchNode extends StartUpError {}

const noSuchNode = (node: string, namespace: string): NoSuchNode =>
  new NoSuchNode(
    `no speaker has told of a node ${node} in the namespace ${namespace}`,
    'Look at: kubectl get nodestates -A. Another namespace is named with --namespace.',
  )

/** Asks for it; where nobody waits, nothing is written where nothing changes. Throws `StartUpError`. */
export async function askNode(api: Pick<KubeApi, 'get' | 'merge'>, request: DrainRequest): Promise<Asked> {
  const { node: name, namespace, isWaiting, askedBy, now, random } = request
  const before = await readState(api, request)
  const drain = wantedDrain(request, before?.spec.drain)
  // In one write with the request: whoever answers has seen both.
  const question = isWaiting ? createQuestion(askedBy, now, random) : undefined
  const asked: Asked = { before, question: question?.id }
  if (drain === undefined && question === undefined) return asked
  const spec = { ...(drain === undefined ? {} : { drain }), ...(question === undefined ? {} : { question }) }
  const write = { fieldManager: 'holdfast-cli' }
  const written = await api.merge(resourceTypes.NodeState, { namespace, name }, { spec }, write)
  if (written.kind === 'ok') return asked
  throw new StartUpError(
    `cannot change NodeState ${name}: ${written.message}`,
    remedyFor(written, 'the verb patch on nodestates (holdfast.dev)'),
  )
}

async function readState(
  api: Pick<KubeApi, 'get'>,
  { node: name, namespace }: DrainRequest,
): Promise<NodeState | undefined> {
  const found = await api.get(resourceTypes.NodeState, { namespace, name })
  if (found.kind === 'ok') return stateOf(found.value)
  if (found.code === 'notFound') throw noSuchNode(name, namespace)
  throw new StartUpError(
    `cannot read NodeState ${name}: ${found.message}`,
    remedyFor(found, 'the verb get on nodestates (holdfast.dev)'),
  )
}

/** What is to be merged into `spec.drain`; undefined: nothing. A drain that is under way keeps its time, and takes another reason. */
function wantedDrain(
  { isUndrain, reason, now, askedBy }: DrainRequest,
  drain: NodeState['spec']['drain'],
): object | null | undefined {
  if (isUndrain) return drain === undefined ? undefined : null
  if (drain !== undefined) return reason === undefined || reason === drain.reason ? undefined : { reason }
  return {
    // Whole seconds, as Kubernetes writes times.
    requestedAt: `${now.slice(0, 19)}Z`,
    requestedBy: askedBy,
    ...(reason === undefined ? {} : { reason }),
  }
}

/** A speaker that runs begins within a second; one that has not by then may not run. */
const beginMs = 10_000

/** How far a request has come that was made `waitedMs` ago. Never rejects. */
export async function lookAtNode(
  api: Pick<KubeApi, 'get'>,
  { node, namespace, isUndrain }: Pick<DrainRequest, 'node' | 'namespace' | 'isUndrain'>,
  { question }: Asked,
  waitedMs: number,
): Promise<DrainProgress> {
  const found = await api.get(resourceTypes.NodeState, { namespace, name: node })
  if (found.kind === 'fault') {
    const remedy = remedyFor(found, 'the verb get on nodestates (holdfast.dev)')
    return { isDone: false, message: found.message, remedy }
  }
  const isAnswered = question === undefined || isAnsweredIn(found.value, question)
  const progress = drainProgress(stateOf(found.value), { isUndrain, isAnswered })
  const isSilent = progress.message.startsWith('waiting for the speaker') && waitedMs > beginMs
  if (!isSilent) return progress
  const remedy = `Does it run? kubectl -n ${namespace} get pods -o wide --field-selector spec.nodeName=${node}`
  return { ...progress, remedy }
}

function stateOf(object: KubeObject): NodeState | undefined {
  const state = parseNodeState(object)
  return state.kind === 'ok' ? state.value : undefined
}
