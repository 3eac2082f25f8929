import type { LabelSelector } from './types.ts'

type Labels = Readonly<Record<string, string>>

/** Whether a Kubernetes LabelSelector matches: all its labels and expressions must; an empty one matches everything. */
export function selects(selector: LabelSelector, labels: Labels): boolean {
  for (const key of Object.keys(selector.matchLabels)) {
    if (!Object.hasOwn(labels, key) || labels[key] !== selector.matchLabels[key]) return false
  }
  return selector.matchExpressions.every((expression) => holds(expression, labels))
}

/** Whether any of the selectors matches; an empty list matches everything. */
export const selectsAny = (selectors: readonly LabelSelector[], labels: Labels): boolean =>
  selectors.length === 0 || selectors.some((selector) => selects(selector, labels))

function holds({ key, operator, values }: LabelSelector['matchExpressions'][number], labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    // Holds for an object without the label too, as in Kubernetes.
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
  }
}
