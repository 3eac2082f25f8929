import type { NodePlan } from '@holdfast/announce'
import { formatPrefix } from '@holdfast/ip'

/** The prefixes of a plan as text, each with the keys `namespace/name` of the Services behind it. */
export function routesByPrefix({ decisions }: NodePlan): ReadonlyMap<string, readonly string[]> {
  const services = new Map<string, string[]>()
  for (const [key, decision] of decisions) {
    if (decision.kind === 'withheld') continue
    for (const { prefix } of decision.routes) {
      const text = formatPrefix(prefix)
      const known = services.get(text)
      if (known === undefined) services.set(text, [key])
      else known.push(key)
    }
  }
  return services
}
