import type { Fault } from '@holdfast/model'
import type { KubeObject } from '@holdfast/cluster'
import { valueAt } from '../kubernetes/fields-at.ts'
import { conditionsOf } from './conditions.ts'
import type { Owner } from './service-statuses.ts'
import { ownerReferences } from './service-statuses.ts'

export interface ConfigurationStateInput {
  readonly node: string
  readonly namespace: string
  readonly owner: Owner
  /** Those that concern the node, see `ownFaults`; undefined: nothing is known yet. */
  readonly faults: readonly Fault[] | undefined
  /** Its status as it is; undefined: it is not there. */
  readonly before: unknown
  readonly now: string
}

/** A summary that nobody reads to its end helps nobody. */
const mostFaults = 10

export const configurationStateName = (node: string): string => `speaker-${node}`

/** MetalLB's ConfigurationState of a speaker: whether the configuration is valid, with what is wrong in words. */
export function configurationState(input: ConfigurationStateInput): {
  readonly object: KubeObject
  readonly status: object
} {
  const { node, namespace, owner, faults, before, now } = input
  const summary = summaryOf(faults ?? [])
  const result = faults === undefined ? 'Unknown' : summary === '' ? 'Valid' : 'Invalid'
  const saying = {
    type: 'configReconcilerValid',
    status: { Valid: 'True', Invalid: 'False', Unknown: 'Unknown' }[result] as 'True' | 'False' | 'Unknown',
    reason: { Valid: 'Reconciled', Invalid: 'ConfigurationError', Unknown: 'UnknownError' }[result],
    message: summary,
  }
  return {
    object: {
      apiVersion: 'metallb.io/v1beta1',
      kind: 'ConfigurationState',
      metadata: {
        name: configurationStateName(node),
        namespace,
        labels: { 'metallb.io/component-type': 'speaker', 'metallb.io/node-name': node },
        ...ownerReferences(owner),
      },
    },
    status: {
      result,
      errorSummary: summary,
      conditions: conditionsOf([saying], valueAt(before, 'conditions'), now),
    },
  }
}

/** Objects of the cluster, Services say, have a status and events of their own. */
const isConfiguration = ({ object }: Fault): boolean =>
  !['Service', 'EndpointSlice', 'Node', 'Namespace'].includes(object.kind)

function summaryOf(faults: readonly Fault[]): string {
  const own = faults.filter(isConfiguration)
  const lines = own.slice(0, mostFaults).map(({ object: { kind, namespace, name }, path, message, remedy }) => {
    // In the controller's words: who reads both sees that it is the same.
    return `${kind} ${namespace}/${name}: ${path === '' ? '' : `${path}: `}${message} ${remedy}`
  })
  return [...lines, ...(own.length > mostFaults ? [`and ${own.length - mostFaults} more`] : [])].join('\n')
}
