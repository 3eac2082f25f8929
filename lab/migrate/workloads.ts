import type { Json } from '../harness/json.ts'

/** A pod that a workload is to have. */
export interface Slot {
  /** `speaker@node-a`, `controller#0`. */
  readonly name: string
  readonly node: string
  /** 0 for the first replica. */
  readonly index: number
}

export interface Workload {
  /** `deployment/controller`. */
  readonly name: string
  /** Of the object. */
  readonly path: string
  readonly kind: 'Deployment' | 'DaemonSet'
  readonly generation: number
  /** `spec.template`. */
  readonly template: Json
  readonly labels: Readonly<Record<string, string>>
  /** Pods stay as they are when the template changes. */
  readonly isOnDelete: boolean
  readonly slots: readonly Slot[]
}

/** What the Deployments and DaemonSets of a namespace ask for. */
export function wantedOf(deployments: Json, daemonSets: Json, nodes: Json): readonly Workload[] {
  const all = nodes.at('items').list()
  return [
    ...deployments
      .at('items')
      .list()
      .map((object): Workload => {
        const name = nameOf(object)
        const count = object.at('spec').at('replicas').numberOr(1)
        const slots = Array.from({ length: count }, (_, index) => ({ name: `${name}#${index}`, node: 'pods', index }))
        return { ...common(object, 'Deployment'), isOnDelete: false, slots }
      }),
    ...daemonSets
      .at('items')
      .list()
      .map((object): Workload => {
        const pod = object.at('spec').at('template').at('spec')
        const slots = all
          .filter((node) => nodeMatches(pod, node))
          .map((node, index) => ({ name: `${nameOf(object)}@${nameOf(node)}`, node: nameOf(node), index }))
        const strategy = object.at('spec').at('updateStrategy').at('type').textOr('')
        return { ...common(object, 'DaemonSet'), isOnDelete: strategy === 'OnDelete', slots }
      }),
  ]
}

const nameOf = (object: Json): string => object.at('metadata').at('name').text()

function common(object: Json, kind: Workload['kind']): Omit<Workload, 'slots' | 'isOnDelete'> {
  const template = object.at('spec').at('template')
  const labels = template.at('metadata').at('labels')
  const resource = `${kind.toLowerCase()}s`
  const namespace = object.at('metadata').at('namespace').text()
  return {
    kind,
    template,
    name: `${kind.toLowerCase()}/${nameOf(object)}`,
    path: `/apis/apps/v1/namespaces/${namespace}/${resource}/${nameOf(object)}`,
    generation: object.at('metadata').at('generation').number(),
    labels: Object.fromEntries(labels.keys().map((key) => [key, labels.at(key).text()])),
  }
}

/** A template's content, to be compared. */
export const templateText = (template: Json): string => JSON.stringify(template)

/** Whether a pod may run on a node: its nodeSelector and its required node affinity. */
function nodeMatches(pod: Json, node: Json): boolean {
  const labels = node.at('metadata').at('labels')
  const selector = pod.at('nodeSelector')
  if (!selector.keys().every((key) => labels.at(key).textOr('') === selector.at(key).text())) return false
  const required = pod.at('affinity').at('nodeAffinity').at('requiredDuringSchedulingIgnoredDuringExecution')
  const terms = required.at('nodeSelectorTerms').list()
  return (
    terms.length === 0 ||
    terms.some((term) =>
      term
        .at('matchExpressions')
        .list()
        .every((one) => isMet(one, labels)),
    )
  )
}

function isMet(expression: Json, labels: Json): boolean {
  const value = labels.at(expression.at('key').text()).textOr(undefined)
  const operator = expression.at('operator').text()
  if (operator === 'Exists') return value !== undefined
  if (operator === 'DoesNotExist') return value === undefined
  throw new Error(`the lab's scheduler knows no operator ${operator}`)
}
