import type { KubeObject } from '@holdfast/cluster'
import { listAt, textAt } from '../kubernetes/fields-at.ts'
import type { ExplainInput } from './explanation.ts'

/** What the controller says of a Service's address; undefined: nothing. */
export function assignedCondition(service: KubeObject): ExplainInput['assigned'] {
  const found = listAt(service, 'status', 'conditions').find(
    (one) => textAt(one, 'type') === 'holdfast.dev/AddressAssigned',
  )
  if (found === undefined) return undefined
  return { status: textAt(found, 'status'), reason: textAt(found, 'reason'), message: textAt(found, 'message') }
}
