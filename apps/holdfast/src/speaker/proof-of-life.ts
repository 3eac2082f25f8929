import type { ApiResult, KubeApi, KubeObject, ListOptions, ResourceType, Selection } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import type { Clock } from '@holdfast/runtime'
import { pause } from '../kubernetes/pause.ts'
import { answerIn, createQuestion, isOpenIn } from '../kubernetes/question.ts'
import { fieldManager } from './written.ts'

export interface Reading {
  readonly api: Pick<KubeApi, 'list' | 'get' | 'merge'>
  readonly namespace: string
  /** Told the requests that were answered by a fault. */
  readonly failed: (verb: 'list' | 'get' | 'patch', type: ResourceType, result: ApiResult<unknown>) => void
}

export interface ProofOptions extends Reading {
  /** Who asks. */
  readonly node: string
  readonly clock: Clock
  /** The wall clock, RFC 3339. */
  readonly now: () => string
  /** 0 to below 1. */
  readonly random: () => number
}

/** A node whose speaker can be asked. */
export interface Candidate {
  readonly node: string
  /** Keys of Services that it is said to announce. */
  readonly services: ReadonlySet<string>
  /** Its NodeState. */
  readonly state: KubeObject
}

/** A question that was asked. */
interface Asked {
  readonly candidate: Candidate
  readonly atMs: number
}

/** How long answers are waited for, all in all. A speaker answers within a second, two where it has much to write. */
const answerMs = 10_000
/** A node that has not answered by then is not counted on: others are asked as well. */
const patienceMs = 3000
const lookEveryMs = 500
/** Of more NodeStates than these all are read at once. */
const mostSingle = 10
/** Objects a page: the API server keeps the lists of large clusters in pages. */
const pageSize = 500

/**
 * The NodeStates, as they were when they answered, of speakers that are alive: enough of them to have every Service of the candidates,
 * where so many answer. A NodeState tells nothing of that by itself: nothing in it moves while all is well, so that the cluster has
 * nothing to write, and one of a dead speaker looks the same. So the speaker that has to know writes a question into `spec.question`,
 * and the other one its id into `status.answer`.
 *
 * undefined: something could not be read or written. Never rejects.
 */
export async function livingOf(
  options: ProofOptions,
  candidates: readonly Candidate[],
): Promise<ReadonlyMap<string, KubeObject> | undefined> {
  const { clock } = options
  const endMs = clock.now() + answerMs
  const asked = new Map<string, Asked>()
  const living = new Map<string, KubeObject>()
  // Those that have not answered an earlier question come last, then those that save most questions first.
  const order = [...candidates].sort(
    (a, b) => Number(isOpenIn(a.state)) - Number(isOpenIn(b.state)) || b.services.size - a.services.size,
  )
  for (;;) {
    const hopeful = order.filter(({ node }) => living.has(node) || isFresh(asked.get(node), clock.now()))
    for (const candidate of missing(order, hopeful, asked)) {
      if (!(await ask(options, candidate))) return undefined
      asked.set(candidate.node, { candidate, atMs: clock.now() })
    }
    const pending = [...asked.values()].map((one) => one.candidate).filter(({ node }) => !living.has(node))
    if (isCovered(order, living) || clock.now() >= endMs) return living
    await pause(clock, lookEveryMs)
    const states = await look(options, pending)
    if (states === undefined) return undefined
    for (const state of states) living.set(state.metadata.name, state)
  }
}

const isFresh = (asked: Asked | undefined, nowMs: number): boolean =>
  asked !== undefined && nowMs - asked.atMs < patienceMs

/** Whom to ask for what no hopeful node is said to announce. */
function missing(
  candidates: readonly Candidate[],
  hopeful: readonly Candidate[],
  asked: ReadonlyMap<string, Asked>,
): readonly Candidate[] {
  const covered = new Set(hopeful.flatMap(({ services }) => [...services]))
  return candidates.filter(({ node, services }) => {
    if (asked.has(node) || [...services].every((service) => covered.has(service))) return false
    for (const service of services) covered.add(service)
    return true
  })
}

function isCovered(candidates: readonly Candidate[], living: ReadonlyMap<string, unknown>): boolean {
  const covered = new Set(candidates.flatMap(({ node, services }) => (living.has(node) ? [...services] : [])))
  return candidates.every(({ services }) => [...services].every((service) => covered.has(service)))
}

/** False: it could not be asked. */
async function ask(options: ProofOptions, { node: name, state }: Candidate): Promise<boolean> {
  // One that was not answered stands there already: a dead speaker costs no write each time.
  if (isOpenIn(state)) return true
  const { api, namespace, node, now, random, failed } = options
  const patch = { spec: { question: createQuestion(node, now(), random) } }
  const result = await api.merge(resourceTypes.NodeState, { namespace, name }, patch, { fieldManager })
  // One that is gone meanwhile does not answer.
  if (result.kind === 'ok' || result.code === 'notFound') return true
  failed('patch', resourceTypes.NodeState, result)
  return false
}

/** The NodeStates of those that have answered somebody's question since they were read; undefined: they could not be read. */
async function look(options: Reading, pending: readonly Candidate[]): Promise<readonly KubeObject[] | undefined> {
  const before = new Map(pending.map(({ node, state }) => [node, answerIn(state)]))
  const isAnswered = (state: KubeObject): boolean => {
    const earlier = before.get(state.metadata.name)
    return earlier !== undefined && answerIn(state) !== '' && answerIn(state) !== earlier
  }
  const selections =
    pending.length > mostSingle ? [{}] : pending.map(({ node }) => ({ fieldSelector: `metadata.name=${node}` }))
  const answered: KubeObject[] = []
  for (const selection of selections) {
    const states = await listAll(options, resourceTypes.NodeState, selection)
    if (states === undefined) return undefined
    answered.push(...states.filter(isAnswered))
  }
  return answered
}

/** Every object of a kind, in the namespace where one is given; undefined: they could not be read. */
export async function listAll(
  { api, namespace, failed }: Pick<Reading, 'api' | 'failed'> & { readonly namespace: string | undefined },
  type: ResourceType,
  selection: Selection,
): Promise<readonly KubeObject[] | undefined> {
  const items: KubeObject[] = []
  let next: string | undefined
  do {
    const options: ListOptions = {
      ...(namespace === undefined ? {} : { namespace }),
      ...selection,
      limit: pageSize,
      ...(next === undefined ? {} : { continue: next }),
    }
    const page = await api.list(type, options)
    // Without the kind nobody has an object of it.
    if (page.kind === 'fault' && page.code === 'notFound') return []
    if (page.kind === 'fault') {
      failed('list', type, page)
      return undefined
    }
    items.push(...page.value.items)
    next = page.value.continue
  } while (next !== undefined && next !== '')
  return items
}
