import type { Address, Family } from '@holdfast/ip'
import { compareAddresses, formatAddress } from '@holdfast/ip'
import type { PoolTable, Spot } from './pool-table.ts'
import { addressList, familyList, poolList } from './refusal.ts'
import type { ClearReason, Placed, ServiceRequest } from './types.ts'
import { requestedPoolOf, wantedFamilies } from './want.ts'

/** What a Service must leave, and why. */
export interface Drop {
  readonly addresses: readonly Placed[]
  readonly reason: ClearReason
  readonly message: string
}

/** What a Service may keep of what it holds: an edit of a pool or Service costs it only what is no longer allowed. */
export interface Retention {
  readonly keep: readonly Spot[]
  readonly drop: Drop | undefined
}

/** Judges what a Service holds by the pools and its own request alone; other holders are not looked at. */
export function judgeRetention(pools: PoolTable, request: ServiceRequest, held: readonly Placed[]): Retention {
  const wanted = wantedFamilies(request.families)
  const sorted = [...held].sort((a, b) => compareAddresses(a.address, b.address))
  const fitting = wanted.flatMap((family) => sorted.find(({ address }) => address.family === family) ?? [])
  const fault = familyFault(request, wanted, fitting) ?? placeFault(pools, request, fitting)
  if (fault !== undefined) return { keep: [], drop: { addresses: sorted, ...fault } }
  const keep = fitting.flatMap(({ address }) => pools.spotOf(address) ?? [])
  const surplus = sorted.filter((placed) => !fitting.includes(placed))
  if (surplus.length === 0) return { keep, drop: undefined }
  const list = addressList(surplus.map(({ address }) => address))
  const message = `the Service needs ${familyList(wanted)} only, not ${list}`
  return { keep, drop: { addresses: surplus, reason: 'familyChanged', message } }
}

type ClearFault = Pick<Drop, 'reason' | 'message'>

function familyFault(
  request: ServiceRequest,
  wanted: readonly Family[],
  fitting: readonly Placed[],
): ClearFault | undefined {
  const { families } = request
  if (families.kind === 'notEnoughClusterIPs') {
    return {
      reason: 'notEnoughClusterIPs',
      message: 'the Service requires dual stack but has fewer than two cluster IPs',
    }
  }
  if (wanted.length === 0) return { reason: 'noClusterIP', message: 'the Service has no cluster IP any more' }
  const isShort = fitting.length === 0 || (families.kind === 'requireDual' && fitting.length < wanted.length)
  return isShort ? { reason: 'familyChanged', message: `the Service now needs ${familyList(wanted)}` } : undefined
}

function placeFault(pools: PoolTable, request: ServiceRequest, fitting: readonly Placed[]): ClearFault | undefined {
  const addresses = fitting.map(({ address }) => address)
  for (const address of addresses) {
    const fault = addressFault(pools, address)
    if (fault !== undefined) return addresses.length === 1 ? fault : withPartner(fault, address, addresses)
  }
  const names = [...new Set(addresses.flatMap((address) => pools.spotOf(address)?.shelf.pool.name ?? []))]
  const list = addressList(addresses)
  if (names.length > 1) {
    return { reason: 'poolSplit', message: `${list} are in the ${poolList(names)} now: both must come from one pool` }
  }
  const requestedPool = requestedPoolOf(request)
  if (requestedPool === undefined || names.includes(requestedPool)) return undefined
  return {
    reason: 'requestedPoolChanged',
    message: `${list} is from ${poolList(names)}, but ${poolList([requestedPool])} is requested`,
  }
}

function addressFault(pools: PoolTable, address: Address): ClearFault | undefined {
  const text = formatAddress(address)
  const spot = pools.spotEvenIfAvoided(address)
  if (spot === undefined) return { reason: 'notInAnyPool', message: `${text} is not in any pool any more` }
  if (!spot.shelf.avoids(spot.value)) return undefined
  return {
    reason: 'buggyAddress',
    message: `${text} ends in .0 or .255, which ${poolList([spot.shelf.pool.name])} now avoids`,
  }
}

/** Both addresses of a pair come from one pool, so one cannot stay without the other. */
function withPartner(fault: ClearFault, address: Address, pair: readonly Address[]): ClearFault {
  const partners = pair.filter((one) => one !== address)
  return {
    ...fault,
    message: `${fault.message}; ${addressList(partners)} must come from the same pool and goes with it`,
  }
}
