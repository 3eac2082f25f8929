import type { Decision, NodePlan } from '@holdfast/announce'
import { prefixKey } from '@holdfast/ip'
import { mapDifference, SortedMap } from '@holdfast/model'

/** Counts the prefixes that one plan after another announces, at the cost of what changed. */
export function createPrefixCount(): (plan: NodePlan) => number {
  const services = new Map<number | string, number>()
  let last: NodePlan['decisions'] = SortedMap.empty()
  const add = (decision: Decision | undefined, change: 1 | -1): void => {
    if (decision === undefined || decision.kind === 'withheld') return
    for (const { prefix } of decision.routes) {
      const key = prefixKey(prefix)
      const count = (services.get(key) ?? 0) + change
      if (count === 0) services.delete(key)
      else services.set(key, count)
    }
  }
  return ({ decisions }) => {
    for (const { before, after } of mapDifference(last, decisions)) {
      add(before, -1)
      add(after, 1)
    }
    last = decisions
    return services.size
  }
}
