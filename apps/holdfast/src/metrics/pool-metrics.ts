import type { PoolCounts } from '@holdfast/ipam'
import type { MetricFamily } from './exposition.ts'

/** Gauges of every IPAddressPool, under MetalLB's names (docs/reference/metrics.md). Past 2^53 they are rounded. */
export function poolMetrics(
  pools: ReadonlyMap<string, PoolCounts>,
  servicesOf: (pool: string) => number,
): readonly MetricFamily[] {
  const gauge = (name: string, help: string, valueOf: (counts: PoolCounts, pool: string) => number): MetricFamily => ({
    name: `metallb_allocator_${name}`,
    type: 'gauge',
    help,
    samples: [...pools].map(([pool, counts]) => ({ labels: { pool }, value: valueOf(counts, pool) })),
  })
  const ipv4 = ({ assignedIPv4, availableIPv4 }: PoolCounts): number => Number(assignedIPv4 + availableIPv4)
  const ipv6 = ({ assignedIPv6, availableIPv6 }: PoolCounts): number => Number(assignedIPv6 + availableIPv6)
  const used = ({ assignedIPv4, assignedIPv6 }: PoolCounts): number => Number(assignedIPv4 + assignedIPv6)
  return [
    gauge('addresses_total', 'Addresses of the pool that can be assigned.', (counts) => ipv4(counts) + ipv6(counts)),
    gauge('ipv4_addresses_total', 'IPv4 addresses of the pool that can be assigned.', ipv4),
    gauge('ipv6_addresses_total', 'IPv6 addresses of the pool that can be assigned.', ipv6),
    gauge('addresses_in_use_total', 'Addresses of the pool that are assigned.', used),
    gauge('ipv4_addresses_in_use_total', 'IPv4 addresses of the pool that are assigned.', ({ assignedIPv4 }) =>
      Number(assignedIPv4),
    ),
    gauge('ipv6_addresses_in_use_total', 'IPv6 addresses of the pool that are assigned.', ({ assignedIPv6 }) =>
      Number(assignedIPv6),
    ),
    gauge('services_allocated_total', 'Services with addresses of the pool.', (_, pool) => servicesOf(pool)),
  ]
}
