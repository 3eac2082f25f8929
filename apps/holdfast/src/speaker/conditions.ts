import { listAt, textAt } from '../kubernetes/fields-at.ts'

/** What one condition says (metav1.Condition), without its time. */
export interface ConditionSaying {
  readonly type: string
  readonly status: 'True' | 'False' | 'Unknown'
  /** CamelCase. */
  readonly reason: string
  readonly message: string
}

export interface Condition extends ConditionSaying {
  readonly lastTransitionTime: string
}

/** Conditions with the time of their last change of status: that of `before`, a status's conditions, where it stays. */
export function conditionsOf(sayings: readonly ConditionSaying[], before: unknown, now: string): readonly Condition[] {
  const known = new Map(listAt(before).map((one) => [textAt(one, 'type'), one]))
  return sayings.map((saying) => {
    const last = known.get(saying.type)
    const time = textAt(last, 'status') === saying.status ? textAt(last, 'lastTransitionTime') : ''
    return { ...saying, lastTransitionTime: time === '' ? now : time }
  })
}
