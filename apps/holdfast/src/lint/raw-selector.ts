import type { LabelSelector } from '@holdfast/model'
import { isFields, listAt, textAt, valueAt } from '../kubernetes/fields-at.ts'

/** A LabelSelector (meta/v1) that nobody has checked, as far as it can be read. */
export function selectorOf(value: unknown): LabelSelector {
  const matchLabels = valueAt(value, 'matchLabels')
  return {
    matchLabels: isFields(matchLabels) ? (matchLabels as LabelSelector['matchLabels']) : {},
    matchExpressions: listAt(value, 'matchExpressions').map((expression) => ({
      key: textAt(expression, 'key'),
      operator: textAt(expression, 'operator') as LabelSelector['matchExpressions'][number]['operator'],
      values: listAt(expression, 'values').filter((one) => typeof one === 'string'),
    })),
  }
}
