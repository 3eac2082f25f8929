import type { KubeApi, KubeObject } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import type { NodeState } from '@holdfast/model'
import { parseNodeState } from '@holdfast/model'
import type { ServerPlace } from '../kubernetes/api-error.ts'
import { ApiError, remedyFor } from '../kubernetes/api-error.ts'
import { createQuestion, isAnsweredIn } from '../kubernetes/question.ts'
import { NotThere } from '../start-up-error.ts'
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

const mayGet = 'the verb get on nodestates.holdfast.dev (ClusterRole holdfast-view has it)'
const mayPatch = 'the verb patch on nodestates.holdfast.dev (ClusterRole holdfast-admin has it)'

const noSuchNode = (node: string, namespace: string): NotThere =>
  new NotThere(
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
  throw new ApiError(`cannot change NodeState ${name}`, written, mayPatch)
}

async function readState(
  api: Pick<KubeApi, 'get'>,
  { node: name, namespace }: DrainRequest,
): Promise<NodeState | undefined> {
  const found = await api.get(resourceTypes.NodeState, { namespace, name })
  if (found.kind === 'ok') return stateOf(found.value)
  if (found.code === 'notFound') throw noSuchNode(name, namespace)
  throw new ApiError(`cannot read NodeState ${name}`, found, mayGet)
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

interface Looked extends Pick<DrainRequest, 'node' | 'namespace' | 'isUndrain'> {
  readonly place?: ServerPlace
}

/** How far a request has come that was made `waitedMs` ago. Never rejects. */
export async function lookAtNode(
  api: Pick<KubeApi, 'get'>,
  { node, namespace, isUndrain, place }: Looked,
  { question }: Asked,
  waitedMs: number,
): Promise<DrainProgress> {
  const found = await api.get(resourceTypes.NodeState, { namespace, name: node })
  if (found.kind === 'fault') {
    return { isDone: false, message: found.message, remedy: remedyFor(found, mayGet, place) }
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
