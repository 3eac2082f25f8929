import type { KubeObject } from '@holdfast/cluster'
import type { PoolCounts } from '@holdfast/ipam'
import { fieldsOf } from '../kubernetes/fields-at.ts'

/** The largest double that is an int64: JSON numbers are doubles. */
const most = 2n ** 63n - 1024n

/** IPAddressPool.status as MetalLB writes it; undefined: it says that already. */
export function poolStatusPatch(pool: KubeObject, counts: PoolCounts): Readonly<Record<string, unknown>> | undefined {
  const status = Object.fromEntries(
    (['assignedIPv4', 'assignedIPv6', 'availableIPv4', 'availableIPv6'] as const).map((field) => [
      field,
      numberOf(counts[field]),
    ]),
  )
  const known = fieldsOf(pool['status'])
  if (Object.entries(status).every(([field, count]) => known[field] === count)) return undefined
  return { status }
}

const numberOf = (count: bigint): number => Number(count > most ? most : count)
