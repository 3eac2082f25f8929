import type { Evaluation, Fault, LabelSelector, RawObject } from '@holdfast/model'
import { selectsAny } from '@holdfast/model'
import { isFields, listAt, textAt, valueAt } from '../kubernetes/fields-at.ts'

/** Kinds that say by `spec.nodeSelectors` which nodes they concern. */
const selectingKinds: ReadonlySet<string> = new Set(['BGPPeer', 'PeerPolicy'])

/**
 * The faults that concern a node: all but those of BGPPeers and PeerPolicies whose selectors leave it out, which MetalLB's speaker does not
 * read either. Where the selectors cannot be read, or the Node is not known, the fault concerns it.
 */
export function ownFaults(
  { faults, model }: Evaluation,
  objects: readonly RawObject[],
  node: string,
): readonly Fault[] {
  const labels = model.nodes.get(node)?.meta.labels
  if (labels === undefined || !faults.some(({ object }) => selectingKinds.has(object.kind))) return faults
  const others = new Set(
    objects.filter(({ value }) => selectingKinds.has(textAt(value, 'kind')) && !concerns(value, labels)).map(keyOf),
  )
  return faults.filter(({ object: { kind, namespace, name } }) => !others.has(`${kind} ${namespace}/${name}`))
}

const keyOf = ({ value }: RawObject): string =>
  `${textAt(value, 'kind')} ${textAt(value, 'metadata', 'namespace')}/${textAt(value, 'metadata', 'name')}`

function concerns(object: unknown, labels: Readonly<Record<string, string>>): boolean {
  const selectors = listAt(object, 'spec', 'nodeSelectors').map(selectorOf)
  const readable = selectors.filter((selector) => selector !== undefined)
  return readable.length < selectors.length || selectsAny(readable, labels)
}

/** A LabelSelector that nobody has checked; undefined: it is none. */
function selectorOf(value: unknown): LabelSelector | undefined {
  const matchLabels = valueAt(value, 'matchLabels') ?? {}
  if (!isFields(value) || !isFields(matchLabels)) return undefined
  const expressions = listAt(value, 'matchExpressions').map(expressionOf)
  const matchExpressions = expressions.filter((expression) => expression !== undefined)
  const areTexts = Object.values(matchLabels).every((label) => typeof label === 'string')
  return areTexts && matchExpressions.length === expressions.length
    ? {
        matchLabels: Object.fromEntries(Object.entries(matchLabels).map(([key, label]) => [key, String(label)])),
        matchExpressions,
      }
    : undefined
}

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const

function expressionOf(value: unknown): LabelSelector['matchExpressions'][number] | undefined {
  const operator = operators.find((one) => one === valueAt(value, 'operator'))
  const key = textAt(value, 'key')
  const values = listAt(value, 'values').filter((item) => typeof item === 'string')
  return operator === undefined || key === '' ? undefined : { key, operator, values }
}
