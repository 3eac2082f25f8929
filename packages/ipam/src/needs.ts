import { addressKey, equalAddresses } from '@holdfast/ip'
import type { Need } from './backlog.ts'
import { placedAt } from './ledger.ts'
import type { PoolTable, Spot } from './pool-table.ts'
import { candidatePools } from './selection.ts'
import type { ServiceRequest } from './types.ts'
import type { Want } from './want.ts'
import { asksForAddresses, wantedFamilies } from './want.ts'

/** What would have to become free for a Service that holds nothing. */
export function waitingNeed(pools: PoolTable, want: Want): Need {
  const { request, signature } = want
  return asksForAddresses(request)
    ? { signature, addresses: request.requestedAddresses.map(addressKey), pools: [] }
    : { signature, addresses: [], pools: candidatePools(pools, request).map(({ pool }) => pool.name) }
}

/** What would have to become free for a holder that could do better; undefined for one that has all it can have. */
export function wishNeed(pools: PoolTable, want: Want, held: readonly Spot[]): Need | undefined {
  const { request } = want
  if (asksForAddresses(request)) {
    if (request.requestFault === undefined && isMet(request, held)) return undefined
    // What a holder can have depends on what it holds, so it waits in a queue of its own.
    return { signature: want.key, addresses: request.requestedAddresses.map(addressKey), pools: [] }
  }
  const [only] = held
  if (only === undefined || held.length >= wantedFamilies(request.families).length) return undefined
  if (otherShelf(pools, only) === undefined) return undefined
  const pool = only.shelf.pool.name
  return { signature: JSON.stringify([pool, only.shelf.family, want.terms]), addresses: [], pools: [pool] }
}

/** The other family of the pool that an address is from; undefined where the pool has only one. */
export const otherShelf = (pools: PoolTable, { shelf }: Spot): Spot['shelf'] | undefined =>
  pools.entries.get(shelf.pool.name)?.shelves[shelf.family === 'ipv4' ? 'ipv6' : 'ipv4']

const isMet = ({ requestedAddresses }: ServiceRequest, held: readonly Spot[]): boolean =>
  held.length === requestedAddresses.length &&
  requestedAddresses.every((address) => held.some((spot) => equalAddresses(placedAt(spot).address, address)))
