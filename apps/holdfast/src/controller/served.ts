import type { Served } from '../kubernetes/serve.ts'
import { poolMetrics } from '../metrics/pool-metrics.ts'
import { ownFaults } from './configuration-state.ts'
import type { Controller } from './controller.ts'
import type { Planned } from './planner.ts'

/**
 * What a controller shows over HTTP. A replica that does not lead is ready too: it has everything that it needs to lead. Only the
 * one that leads has the pools' metrics, so that sums over replicas are right.
 */
export const servedByController = (controller: Controller): Served => ({
  live: controller.live,
  ready: controller.ready,
  metrics: () => {
    const planned = controller.planned()
    return [
      {
        name: 'holdfast_controller_leader',
        type: 'gauge',
        help: '1 while this replica leads, else 0.',
        samples: [{ labels: {}, value: Number(controller.isLeader()) }],
      },
      ...(planned === undefined ? [] : poolMetrics(planned.plan.pools, servicesIn(planned))),
    ]
  },
  counts: () => ({
    updates: controller.counts().rounds,
    updateErrors: controller.counts().defects,
    isConfigurationLoaded: controller.planned() !== undefined,
    isConfigurationStale: ownFaults(controller.planned()?.evaluation.faults ?? []).length > 0,
  }),
  followed: controller.followed,
})

/** How many Services have addresses of a pool. */
function servicesIn({ plan }: Planned): (pool: string) => number {
  const counts = new Map<string, number>()
  for (const decision of plan.decisions.values()) {
    const [first] = decision.kind === 'assigned' ? decision.addresses : []
    if (first !== undefined) counts.set(first.pool, (counts.get(first.pool) ?? 0) + 1)
  }
  return (pool) => counts.get(pool) ?? 0
}
