import type { Evaluation, Model, RawObject } from '@holdfast/model'
import { evaluate } from '@holdfast/model'
import { textAt } from './fields-at.ts'

/** What a program of the cluster refuses: an object, and what it says of it. */
export interface Refusal {
  /** `Kind NAMESPACE/NAME` */
  readonly object: string
  /** What is wrong, with the path of the field before it. */
  readonly message: string
}

/** What each program of the cluster refuses, by the name of its ConfigurationState: `controller`, `speaker-NODE`. */
type Refusals = ReadonlyMap<string, readonly Refusal[]>

/** A peer, or a policy, whose Secret is not to be had is in force for all that: there is no session until it is. */
const isOfSecret = ({ message }: Refusal): boolean => /^spec\.(?:passwordSecret|tcpAO\S*\.secret)\b/.test(message)

/** What the ConfigurationStates of a cluster refuse; those of other programs, MetalLB's say, have words of their own and name nothing. */
export function refusalsOf(states: Iterable<unknown>): Refusals {
  const refusals = new Map<string, readonly Refusal[]>()
  for (const state of states) {
    if (textAt(state, 'status', 'result') === 'Unknown') continue
    const lines = textAt(state, 'status', 'errorSummary').split('\n')
    refusals.set(
      textAt(state, 'metadata', 'name'),
      lines.flatMap(refusalIn).filter((refusal) => !isOfSecret(refusal)),
    )
  }
  return refusals
}

function refusalIn(line: string): readonly Refusal[] {
  const [, object = '', message = ''] = /^([A-Z]\w+ [^\s/]+\/[^\s:]+):? (.+)$/.exec(line) ?? []
  return object === '' ? [] : [{ object, message }]
}

/** What is in force where some objects are refused, and the words on those that only they refuse. */
interface InForce {
  readonly evaluation: Evaluation
  readonly refused: readonly Refusal[]
}

/**
 * Evaluates objects as a program does that refuses some of them. Which of two objects that contradict each other is in force depends on
 * which was there first, and a program remembers that: whoever looks at the objects for the first time cannot know it.
 */
function evaluateInForce(objects: readonly RawObject[], refusals: readonly Refusal[]): InForce {
  const said = new Map(refusals.map((refusal) => [refusal.object, refusal]))
  const refused = new Map<string, Refusal>()
  let evaluation = evaluate(objects, undefined)
  // Without one that is refused, another may come into force that is refused too.
  for (;;) {
    const inForce = configurationIn(evaluation.model)
    const more = [...said].filter(([object]) => inForce.has(object) && !refused.has(object))
    if (more.length === 0) return { evaluation, refused: [...refused.values()] }
    for (const [object, refusal] of more) refused.set(object, refusal)
    evaluation = evaluate(
      objects.filter(({ value }) => !refused.has(objectText(value))),
      undefined,
    )
  }
}

const configurationIn = (model: Model): ReadonlySet<string> =>
  new Set(
    [model.pools, model.advertisements, model.peers, model.bfdProfiles, model.communities, model.peerPolicies].flatMap(
      (resources) => [...resources.values()].map(({ meta: { ref } }) => `${ref.kind} ${ref.namespace}/${ref.name}`),
    ),
  )

const objectText = (value: unknown): string =>
  `${textAt(value, 'kind')} ${textAt(value, 'metadata', 'namespace')}/${textAt(value, 'metadata', 'name')}`

/** What is in force in a cluster, by those who say so. */
interface ClusterInForce {
  readonly asControllerSays: InForce
  /** On a node: as its speaker says, or the controller where that says nothing. */
  readonly on: (node: string) => InForce
  /** What only the programs refuse, once each; what not all of these nodes refuse comes with the names of those that do. */
  readonly wordsOn: (nodes: readonly string[]) => readonly string[]
}

/** Evaluates for each node what is in force there; nodes that refuse the same cost no evaluation of their own. */
export function createInForce(objects: readonly RawObject[], refusals: Refusals): ClusterInForce {
  const known = new Map<string, InForce>()
  const evaluated = (refused: readonly Refusal[]): InForce => {
    const key = JSON.stringify([...new Set(refused.map(({ object }) => object))].sort())
    const found = known.get(key) ?? evaluateInForce(objects, refused)
    known.set(key, found)
    return found
  }
  const asControllerSays = evaluated(refusals.get('controller') ?? [])
  const on = (node: string): InForce => {
    const said = refusals.get(`speaker-${node}`)
    return said === undefined ? asControllerSays : evaluated(said)
  }
  return { asControllerSays, on, wordsOn: (nodes) => wordsOf(nodes, on) }
}

function wordsOf(nodes: readonly string[], on: ClusterInForce['on']): readonly string[] {
  const byWords = new Map<string, string[]>()
  for (const node of nodes) {
    for (const { object, message } of on(node).refused) {
      const words = `${object}${/^(?:spec|metadata)\b/.test(message) ? ' ' : ': '}${message}`
      byWords.set(words, [...(byWords.get(words) ?? []), node])
    }
  }
  return [...byWords].map(([words, by]) => (by.length === nodes.length ? words : `${words} (on ${namesOf(by)})`))
}

const namesOf = (names: readonly string[]): string =>
  names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ')
