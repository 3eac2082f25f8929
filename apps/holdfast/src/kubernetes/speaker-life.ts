import type { KubeApi, KubeObject, ResourceType } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import type { Clock } from '@holdfast/runtime'
import { valueAt } from './fields-at.ts'
import { pause } from './pause.ts'
import { createQuestion, isAnsweredIn, isOpenIn, questionIn } from './question.ts'

export interface LifeOptions {
  readonly api: Pick<KubeApi, 'create' | 'get' | 'merge'>
  /** Where NodeStates live. */
  readonly namespace: string
  readonly clock: Clock
  /** Who asks, for others to read. */
  readonly askedBy: string
  /** The wall clock, RFC 3339. */
  readonly now: () => string
  /** 0 to below 1. */
  readonly random: () => number
}

/** What became of a question to a speaker. */
export type Life =
  /** It answered: this is what it says now. */
  | { readonly kind: 'answered'; readonly state: KubeObject }
  | { readonly kind: 'silent' }
  /** It could not be asked, as where this person may not write NodeStates. */
  | { readonly kind: 'notAsked' }

/** No more speakers than these are asked: each question is a write, and each answer another one. */
export const mostAsked = 20

/** A speaker answers within a second, two where it has much to write. */
const patienceMs = 4000
const lookEveryMs = 300

/**
 * Asks the speakers of some nodes whether they are alive, all at once: a NodeState does not tell, since nothing in it moves while all is
 * well. Resolves when all have answered, or patience is at an end; by node. Of more than `mostAsked` some are asked, of all parts of the
 * list: the others have no entry. Never rejects.
 */
export async function askSpeakers(options: LifeOptions, nodes: readonly string[]): Promise<ReadonlyMap<string, Life>> {
  const step = Math.max(1, nodes.length / mostAsked)
  const asked = nodes.filter((_, index) => Math.floor(index / step) !== Math.floor((index - 1) / step))
  if (asked.length === 0) return new Map()
  const isAllowed = await mayAsk(options)
  const lives = asked.map(async (node) => [node, isAllowed ? await askSpeaker(options, node) : notAsked] as const)
  return new Map(await Promise.all(lives))
}

const notAsked: Life = { kind: 'notAsked' }

const selfReview: ResourceType = {
  group: 'authorization.k8s.io',
  version: 'v1',
  plural: 'selfsubjectaccessreviews',
  kind: 'SelfSubjectAccessReview',
  isNamespaced: false,
}

/** So that who may only read leaves no refused writes in the audit log, which look like an attempt. Where it is not known it is tried. */
async function mayAsk({ api, namespace }: LifeOptions): Promise<boolean> {
  const { group, plural: resource } = resourceTypes.NodeState
  const spec = { resourceAttributes: { namespace, verb: 'patch', group, resource } }
  const review = await api.create(selfReview, { metadata: { name: '' }, spec }, { fieldManager: 'holdfast-cli' })
  return review.kind === 'fault' || valueAt(review.value, 'status', 'allowed') !== false
}

async function askSpeaker(options: LifeOptions, name: string): Promise<Life> {
  const { api, namespace, clock } = options
  const endMs = clock.now() + patienceMs
  const id = await question(options, name)
  if (id === undefined) return notAsked
  for (;;) {
    const found = await api.get(resourceTypes.NodeState, { namespace, name })
    if (found.kind === 'fault') return notAsked
    if (isAnsweredIn(found.value, id)) return { kind: 'answered', state: found.value }
    if (clock.now() >= endMs) return { kind: 'silent' }
    await pause(clock, lookEveryMs)
  }
}

/** Id of the question that stands in the NodeState from now on; undefined: none could be written. */
async function question(options: LifeOptions, name: string): Promise<string | undefined> {
  const { api, namespace, askedBy, now, random } = options
  const found = await api.get(resourceTypes.NodeState, { namespace, name })
  if (found.kind === 'fault') return undefined
  // A dead speaker costs no write each time it is asked.
  if (isOpenIn(found.value)) return questionIn(found.value)
  const one = createQuestion(askedBy, now(), random)
  const write = { fieldManager: 'holdfast-cli' }
  const written = await api.merge(resourceTypes.NodeState, { namespace, name }, { spec: { question: one } }, write)
  return written.kind === 'ok' ? one.id : undefined
}
