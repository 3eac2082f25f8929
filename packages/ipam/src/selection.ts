import type { Address } from '@holdfast/ip'
import { formatAddress } from '@holdfast/ip'
import { mostSharers } from './block-room.ts'
import type { Ledger } from './ledger.ts'
import { placedAt } from './ledger.ts'
import { addressBlockCidr } from './address-block.ts'
import type { PoolEntry, PoolTable, Spot } from './pool-table.ts'
import { addressList, familyList, poolList, quote, refuse } from './refusal.ts'
import type { Shelf } from './shelf.ts'
import type { Pool, Refusal, ServiceRequest } from './types.ts'
import type { Want } from './want.ts'
import { asksForAddresses, familyChoices, requestedPoolOf, wantedFamilies } from './want.ts'

/**
 * The addresses that a Service without any gets, or undefined. The order of choice: addresses asked for,
 * the pool asked for, pinned pools, open pools; before the pools, the addresses that the Service was the last to use.
 */
export function chooseSpots(ledger: Ledger, want: Want): readonly Spot[] | undefined {
  if (asksForAddresses(want.request)) return requestedSpots(ledger, want)
  if (sharingKeyRefusal(want.request) !== undefined) return undefined
  const lastUsed = ledger.lastUsedBy(want.key)
  const candidates = returningFirst(candidatePools(ledger.pools, want.request), lastUsed)
  for (const families of familyChoices(want.request.families)) {
    for (const entry of candidates) {
      const spots = families.flatMap((family) => {
        const shelf = entry.shelves[family]
        return (shelf === undefined ? undefined : chooseSpot(shelf, want, lastUsed)) ?? []
      })
      if (spots.length === families.length) return spots
    }
  }
  return undefined
}

/** The address that a shelf has for a Service, its last one if that is free. */
export function chooseSpot(shelf: Shelf, want: Want, lastUsed: readonly Spot[]): Spot | undefined {
  const returning = lastUsed.findLast((spot) => spot.shelf === shelf)
  if (returning !== undefined) return returning
  const position = shelf.choose(want)
  return position === undefined ? undefined : { shelf, value: position.value, rangeIndex: position.rangeIndex }
}

/** The addresses asked for, where the Service may have them all now. */
export function requestedSpots(ledger: Ledger, want: Want): readonly Spot[] | undefined {
  const { request } = want
  if (requestRefusal(ledger.pools, request) !== undefined) return undefined
  const spots = request.requestedAddresses.flatMap((address) => ledger.pools.spotOf(address) ?? [])
  return spots.every((spot) => !ledger.pools.isReserved(spot) && ledger.fits(spot, want)) ? spots : undefined
}

/** The pools that may give the Service an address of their choice, in the order in which they are tried. */
export function candidatePools(pools: PoolTable, request: ServiceRequest): readonly PoolEntry[] {
  const requestedPool = requestedPoolOf(request)
  if (requestedPool === undefined) return pools.candidatesFor(request.pinnedPools)
  const entry = pools.entries.get(requestedPool)
  return entry !== undefined && serves(entry.pool, request) ? [entry] : []
}

/** True where the pool is in force, and its serviceAllocation, if it has one, matches the Service. */
const serves = (pool: Pool, request: ServiceRequest): boolean =>
  pool.isRefused !== true && (!pool.isRestricted || request.pinnedPools.includes(pool.name))

function returningFirst(candidates: readonly PoolEntry[], lastUsed: readonly Spot[]): readonly PoolEntry[] {
  if (lastUsed.length === 0) return candidates
  const isReturning = ({ pool }: PoolEntry): boolean => lastUsed.some((spot) => spot.shelf.pool === pool)
  return [...candidates.filter(isReturning), ...candidates.filter((entry) => !isReturning(entry))]
}

/** Why a Service that holds nothing gets nothing. */
export function refusalOf(ledger: Ledger, want: Want): Refusal {
  const { request } = want
  if (asksForAddresses(request)) return requestRefusal(ledger.pools, request) ?? occupiedRefusal(ledger, want)
  return familiesRefusal(request) ?? sharingKeyRefusal(request) ?? poolRefusal(ledger.pools, request)
}

/** Why a PreferDualStack Service that holds one address gets no second one. */
export function additionalRefusal(held: Spot): Refusal {
  const missing = familyList([held.shelf.family === 'ipv4' ? 'ipv6' : 'ipv4'])
  const { address, pool } = placedAt(held)
  const source = `${poolList([pool])}, which ${formatAddress(address)} is from`
  return refuse('noAdditionalIP', `no ${missing} address is available in ${source}`)
}

/** What is wrong with the addresses asked for, whoever holds them; undefined where nothing is. */
function requestRefusal(pools: PoolTable, request: ServiceRequest): Refusal | undefined {
  const { requestedAddresses: addresses, requestFault } = request
  if (requestFault !== undefined) return refuse('invalidRequest', requestFault)
  const families = familiesRefusal(request) ?? sharingKeyRefusal(request)
  if (families !== undefined) return families
  const wanted = wantedFamilies(request.families)
  if (addresses.length !== wanted.length || !wanted.every((family) => addresses.some((one) => one.family === family))) {
    return refuse(
      'requestedFamilyMismatch',
      `requested ${addressList(addresses)}, but the Service needs exactly one address of ${familyList(wanted)}`,
    )
  }
  for (const address of addresses) {
    const refusal = addressRefusal(pools, address)
    if (refusal !== undefined) return refusal
  }
  return requestedPoolRefusal(pools, request)
}

function addressRefusal(pools: PoolTable, address: Address): Refusal | undefined {
  const spot = pools.spotEvenIfAvoided(address)
  if (spot === undefined || (pools.isKept(spot) && !pools.isReserved(spot))) return notAllowed(pools, address)
  if (!spot.shelf.avoids(spot.value)) return undefined
  return refuse(
    'buggyAddress',
    `${formatAddress(address)} ends in .0 or .255, which ${poolList([spot.shelf.pool.name])} avoids`,
  )
}

function reservedRefusal(spot: Spot): Refusal {
  const { address, pool } = placedAt(spot)
  const where = `${formatAddress(address)} of ${poolList([pool])}`
  return refuse(
    'addressReserved',
    `${where} is set aside by a controller that led before: it is free again within 20 minutes`,
  )
}

/** Requested addresses must come from one pool, which must be the one asked for and serve the Service. */
function requestedPoolRefusal(pools: PoolTable, request: ServiceRequest): Refusal | undefined {
  const list = addressList(request.requestedAddresses)
  const found = new Set(request.requestedAddresses.flatMap((address) => pools.spotOf(address)?.shelf.pool ?? []))
  const [pool, ...others] = found
  if (pool === undefined) return undefined
  if (others.length > 0) {
    const names = [...found].map(({ name }) => name).sort()
    return refuse(
      'requestedPoolsDiffer',
      `${list} are in the ${poolList(names)}: both addresses must come from one pool`,
    )
  }
  const requestedPool = requestedPoolOf(request)
  if (requestedPool !== undefined && requestedPool !== pool.name) {
    return refuse(
      'requestedPoolMismatch',
      `${list} is in ${poolList([pool.name])}, but ${poolList([requestedPool])} is requested`,
    )
  }
  return serves(pool, request) ? undefined : notServing(pool)
}

/** A refused pool may say that it has the address: nobody obeys what it says, but a person who reads it does not look further. */
function notAllowed(pools: PoolTable, address: Address): Refusal {
  const refused = pools.refused()
  const text = `${formatAddress(address)} is not in any pool`
  if (refused.length === 0) return refuse('notAllowed', text)
  return refuse('notAllowed', `${text} that is in force; ${refusedPools(refused)}`)
}

const mostNamed = 3

/** `pool "a" is refused as it is now (its events say why)` */
function refusedPools(names: readonly string[]): string {
  const more = names.length > mostNamed ? ` and ${names.length - mostNamed} more` : ''
  const [are, they, their] = names.length === 1 ? ['is', 'it', 'its'] : ['are', 'they', 'their']
  return `${poolList(names.slice(0, mostNamed))}${more} ${are} refused as ${they} ${are} now (${their} events say why)`
}

/** Why addresses that would be right are not to be had; the one that passes by itself is the last. */
function occupiedRefusal(ledger: Ledger, want: Want): Refusal {
  const spots = want.request.requestedAddresses.flatMap((address) => ledger.pools.spotOf(address) ?? [])
  for (const spot of spots) {
    const conflict = ledger.conflictAt(spot, want)
    if (conflict !== undefined) return conflict
    if (ledger.isCrowdedAt(spot, want)) return crowdedRefusal(spot)
  }
  const reserved = spots.find((spot) => ledger.pools.isReserved(spot))
  if (reserved !== undefined) return reservedRefusal(reserved)
  throw new Error(`Service ${want.key} was refused addresses that it can have`)
}

/** As long as the name of an object can be. */
const longestSharingKey = 253

/** Of a Service that has no address: whoever has one keeps it, as with everything that is wrong with a request. */
function sharingKeyRefusal({ sharing }: ServiceRequest): Refusal | undefined {
  const length = sharing?.key.length ?? 0
  if (length <= longestSharingKey) return undefined
  return refuse('sharingKeyTooLong', `the sharing key has ${length} characters, and it can have ${longestSharingKey}`)
}

function crowdedRefusal(spot: Spot): Refusal {
  const { address, pool } = placedAt(spot)
  const where = `${formatAddress(address)} of ${poolList([pool])}`
  return refuse(
    'tooManySharers',
    `${where} is shared, and the addresses of its AddressBlock ${addressBlockCidr(address)} have ${mostSharers} sharers besides their first holders: there is no room for another`,
  )
}

function familiesRefusal({ families }: ServiceRequest): Refusal | undefined {
  if (families.kind === 'notEnoughClusterIPs') {
    return refuse('notEnoughClusterIPs', 'Service requires dual stack but has fewer than two cluster IPs')
  }
  if (familyChoices(families).length > 0) return undefined
  return refuse('noClusterIP', 'the Service has no cluster IP yet, which says the address family that it needs')
}

const notServing = ({ name, isRefused }: Pool): Refusal =>
  isRefused === true
    ? refuse('poolRefused', refusedPools([name]))
    : refuse('poolNotCompatible', `the serviceAllocation of ${poolList([name])} does not match the Service`)

function poolRefusal(pools: PoolTable, request: ServiceRequest): Refusal {
  const candidates = candidatePools(pools, request)
  const names = candidates.map(({ pool }) => pool.name)
  const requestedPool = requestedPoolOf(request)
  if (names.length === 0) {
    if (requestedPool === undefined) return noPool(pools)
    const entry = pools.entries.get(requestedPool)
    return entry === undefined
      ? refuse('unknownPool', `there is no pool ${quote(requestedPool)}`)
      : notServing(entry.pool)
  }
  const choices = familyChoices(request.families)
  const isPossible = choices.some((families) =>
    candidates.some(({ shelves }) => families.every((family) => shelves[family] !== undefined)),
  )
  const [all = []] = choices
  if (!isPossible) return refuse('poolLacksFamily', `no range for ${familyList(all)} in ${oneOf(names)}`)
  return refuse('noAvailableIPs', `no available IPs for ${familyList(all)} in ${oneOf(names)}`)
}

/** `pool "a"` or `any one of the pools "a", "b"` */
const oneOf = (names: readonly string[]): string => (names.length === 1 ? '' : 'any one of the ') + poolList(names)

function noPool(pools: PoolTable): Refusal {
  const refused = pools.refused()
  const inForce = [...pools.entries.keys()].filter((name) => !refused.includes(name))
  const aside = refused.length === 0 ? '' : `; ${refusedPools(refused)}`
  const text =
    inForce.length === 0
      ? `there is no pool${aside === '' ? '' : ' in force'}`
      : `${poolList(inForce)}: not one that assigns addresses to this Service on its own`
  return refuse('noPoolForService', `${text}${aside}`)
}
