import type { KubeObject } from '@holdfast/cluster'
import type { Fault } from '@holdfast/model'
import { configurationStateName } from './followed.ts'
import type { Condition } from './service-object.ts'
import { conditionOf } from './service-object.ts'
import { fieldsOf } from '../kubernetes/fields-at.ts'

const conditionType = 'poolReconcilerValid'
/** A summary that nobody reads to its end helps nobody. */
const mostFaults = 10

/** Faults that are the controller's to report: of configuration, and not of Secrets, which it cannot see. */
export const ownFaults = (faults: readonly Fault[]): readonly Fault[] =>
  faults.filter(
    ({ code, object }) =>
      !code.endsWith('-secret') && !['Service', 'EndpointSlice', 'Node', 'Namespace', 'Secret'].includes(object.kind),
  )

/** A fault in one line, for a summary or an event. */
export const faultLine = ({ path, message, remedy }: Fault): string =>
  `${path === '' ? '' : `${path}: `}${message} ${remedy}`

/** The object without its status: MetalLB's ConfigurationState of the controller. */
export const configurationStateObject = (namespace: string): KubeObject => ({
  apiVersion: 'metallb.io/v1beta1',
  kind: 'ConfigurationState',
  metadata: {
    name: configurationStateName,
    namespace,
    labels: { 'metallb.io/component-type': 'controller' },
  },
})

/** The merge patch of its status; undefined: it says that already. `now` is RFC 3339 in whole seconds. */
export function configurationStatePatch(
  before: KubeObject,
  faults: readonly Fault[],
  now: string,
): Readonly<Record<string, unknown>> | undefined {
  const summary = summaryOf(faults)
  const known = conditionOf(before, conditionType)
  const verdict = summary === '' ? verdicts.valid : verdicts.invalid
  const condition: Condition = {
    type: conditionType,
    status: verdict.status,
    reason: verdict.reason,
    message: summary,
    lastTransitionTime: known?.status === verdict.status ? known.lastTransitionTime : now,
  }
  const { result, errorSummary } = fieldsOf(before['status'])
  const isSame = result === verdict.result && (errorSummary ?? '') === summary && isSameCondition(known, condition)
  return isSame ? undefined : { status: { result: verdict.result, errorSummary: summary, conditions: [condition] } }
}

const verdicts = {
  valid: { result: 'Valid', status: 'True', reason: 'Reconciled' },
  invalid: { result: 'Invalid', status: 'False', reason: 'ConfigurationError' },
} as const

const isSameCondition = (a: Condition | undefined, b: Condition): boolean =>
  a?.status === b.status && a.reason === b.reason && a.message === b.message

function summaryOf(faults: readonly Fault[]): string {
  const lines = faults.slice(0, mostFaults).map((fault) => {
    const { kind, namespace, name } = fault.object
    return `${kind} ${namespace}/${name}: ${faultLine(fault)}`
  })
  return [...lines, ...(faults.length > mostFaults ? [`and ${faults.length - mostFaults} more`] : [])].join('\n')
}
