import type { Address, Family } from '@holdfast/ip'
import { addressAt, compareAddresses, formatAddress, parseAddress, rangeContains, rangeSize } from '@holdfast/ip'
import type { Pool, ServiceRequest, World } from '../types.ts'

/**
 * The allocator as one would write it on a blackboard: every question is answered by going through everything.
 * Addresses are texts. It shares no code with the planner, and pools must be small.
 */
export interface ModelState {
  /** By Service key: addresses, and sharing terms they were granted under. */
  readonly held: ReadonlyMap<string, { readonly addresses: readonly string[]; readonly terms: string }>
  /** The longest unused first. */
  readonly released: readonly { readonly address: string; readonly service: string }[]
}

export interface ModelPlan {
  readonly state: ModelState
  /** Services that hold nothing. */
  readonly waiting: readonly string[]
  /** Holders that asked for something that they did not get. */
  readonly noticed: readonly string[]
}

export const emptyModelState: ModelState = { held: new Map(), released: [] }

export function modelPlan(world: World, state: ModelState): ModelPlan {
  return new Model(world, state).plan()
}

const isBuggy = (pool: Pool, address: string): boolean => pool.avoidBuggyIPs && /^\d+\.\d+\.\d+\.(0|255)$/.test(address)

const familyOf = (address: string): Family => (address.includes(':') ? 'ipv6' : 'ipv4')

function addressesOf(pool: Pool): readonly string[] {
  return pool.ranges.flatMap((range) =>
    Array.from({ length: Number(rangeSize(range)) }, (_, index) => formatAddress(addressAt(range, BigInt(index))!)),
  )
}

const termsOf = ({ sharing, ports }: ServiceRequest): string =>
  sharing === undefined ? '' : JSON.stringify([sharing, ports.map(({ protocol, port }) => `${protocol}${port}`).sort()])

const parsed = (text: string): Address => {
  const address = parseAddress(text)
  if (!address.ok) throw new Error(text)
  return address.value
}

const byAddress = (a: string, b: string): number => compareAddresses(parsed(a), parsed(b))

class Model {
  readonly pools: readonly Pool[]
  readonly services: readonly ServiceRequest[]
  readonly before: ModelState
  readonly held = new Map<string, readonly string[]>()
  released: { address: string; service: string }[]

  constructor(world: World, state: ModelState) {
    this.pools = [...world.pools].sort((a, b) => (a.name < b.name ? -1 : 1))
    // Whoever asks for particular addresses is served before the others; then by key.
    this.services = [...world.services].sort((a, b) =>
      this.asks(a) === this.asks(b) ? (a.key < b.key ? -1 : 1) : this.asks(a) ? -1 : 1,
    )
    this.before = state
    this.released = [...state.released]
  }

  plan(): ModelPlan {
    const gone = [...this.before.held.keys()].filter((key) => !this.services.some((one) => one.key === key)).sort()
    const lost: [string, readonly string[]][] = gone.map((key) => [key, this.before.held.get(key)!.addresses])
    const displaced = new Set<string>()
    for (const service of this.adoptionOrder()) {
      const old = this.before.held.get(service.key)!.addresses
      const keep = this.keepable(service, old)
      const kept = keep.every((address) => this.isUsable(service, address)) ? keep : []
      if (kept.length > 0) this.held.set(service.key, kept)
      else displaced.add(service.key)
      if (kept.length < old.length) lost.push([service.key, old.filter((one) => !kept.includes(one))])
    }
    for (const [key, addresses] of lost) this.release(key, addresses)
    this.grantWishes()
    for (const service of this.services) if (displaced.has(service.key)) this.serve(service)
    for (const service of this.services) if (!displaced.has(service.key)) this.serve(service)
    return this.answer()
  }

  adoptionOrder(): readonly ServiceRequest[] {
    const holders = this.services
      .filter(({ key }) => this.before.held.has(key))
      .sort((a, b) => (a.key < b.key ? -1 : 1))
    const isSame = (service: ServiceRequest): boolean => this.before.held.get(service.key)!.terms === termsOf(service)
    return [...holders.filter(isSame), ...holders.filter((service) => !isSame(service))]
  }

  answer(): ModelPlan {
    const held = new Map(
      this.services
        .filter(({ key }) => this.held.has(key))
        .map((service) => [service.key, { addresses: this.held.get(service.key)!, terms: termsOf(service) }]),
    )
    return {
      state: { held, released: this.released },
      waiting: this.services
        .map(({ key }) => key)
        .filter((key) => !this.held.has(key))
        .sort(),
      noticed: this.services
        .filter((service) => this.held.has(service.key) && this.hasWish(service))
        .map(({ key }) => key)
        .sort(),
    }
  }

  asks(service: ServiceRequest): boolean {
    return service.requestedAddresses.length > 0 || service.requestFault !== undefined
  }

  poolOf(address: string): Pool | undefined {
    return this.pools.find(
      (pool) => pool.ranges.some((range) => rangeContains(range, parsed(address))) && !isBuggy(pool, address),
    )
  }

  families(service: ServiceRequest): readonly Family[] {
    const { families } = service
    switch (families.kind) {
      case 'single':
        return [families.family]
      case 'requireDual':
        return ['ipv4', 'ipv6']
      case 'preferDual':
        return families.available
      default:
        return []
    }
  }

  keepable(service: ServiceRequest, old: readonly string[]): readonly string[] {
    const wanted = this.families(service)
    const fitting = old.filter((address) => wanted.includes(familyOf(address)))
    if (fitting.length === 0 || (service.families.kind === 'requireDual' && fitting.length < 2)) return []
    const pools = fitting.map((address) => this.poolOf(address))
    const [pool] = pools
    if (pool === undefined || pools.some((one) => one !== pool)) return []
    return service.requestedPool === undefined || service.requestedPool === pool.name ? fitting : []
  }

  holdersOf(address: string): readonly ServiceRequest[] {
    return this.services.filter(({ key }) => this.held.get(key)?.includes(address) === true)
  }

  isUsable(service: ServiceRequest, address: string): boolean {
    return this.holdersOf(address).every((other) => other.key === service.key || canShare(service, other))
  }

  release(key: string, addresses: readonly string[]): void {
    for (const address of [...addresses].sort(byAddress)) {
      if (this.holdersOf(address).length > 0) continue
      this.released = [...this.released.filter((one) => one.address !== address), { address, service: key }]
    }
  }

  hold(service: ServiceRequest, addresses: readonly string[]): void {
    this.held.set(service.key, [...addresses].sort(byAddress))
    this.released = this.released.filter(({ address }) => !addresses.includes(address))
  }

  hasWish(service: ServiceRequest): boolean {
    const held = this.held.get(service.key)!
    if (service.requestFault !== undefined) return true
    if (this.asks(service)) {
      const requested = service.requestedAddresses.map(formatAddress).sort(byAddress)
      return requested.join() !== held.join()
    }
    const pool = this.poolOf(held[0]!)!
    return (
      held.length < this.families(service).length &&
      this.missing(service, held).every((family) => hasFamily(pool, family))
    )
  }

  missing(service: ServiceRequest, held: readonly string[]): readonly Family[] {
    return this.families(service).filter((family) => !held.some((address) => familyOf(address) === family))
  }

  grantWishes(): void {
    const next = this.services.find(
      (service) => this.held.has(service.key) && this.hasWish(service) && this.grantWish(service),
    )
    if (next !== undefined) this.grantWishes()
  }

  grantWish(service: ServiceRequest): boolean {
    const held = this.held.get(service.key)!
    const wish = this.asks(service)
      ? this.requested(service)
      : this.pick(service, this.poolOf(held[0]!)!, this.missing(service, held))
    if (wish === undefined) return false
    const dropped = this.asks(service) ? held.filter((address) => !wish.includes(address)) : []
    this.hold(service, this.asks(service) ? wish : [...held, ...wish])
    this.release(service.key, dropped)
    return true
  }

  requested(service: ServiceRequest): readonly string[] | undefined {
    if (service.requestFault !== undefined) return undefined
    const addresses = service.requestedAddresses.map(formatAddress)
    const families = addresses.map(familyOf).sort().join()
    if (families === '' || families !== [...this.families(service)].sort().join()) return undefined
    const pools = new Set(addresses.map((address) => this.poolOf(address)))
    const [pool] = pools
    if (pools.size !== 1 || pool === undefined || !serves(pool, service)) return undefined
    if (service.requestedPool !== undefined && service.requestedPool !== pool.name) return undefined
    return addresses.every((address) => this.isUsable(service, address)) ? addresses : undefined
  }

  serve(service: ServiceRequest): void {
    if (this.held.has(service.key)) return
    const found = this.asks(service) ? this.requested(service) : this.search(service)
    if (found !== undefined) this.hold(service, found)
  }

  search(service: ServiceRequest): readonly string[] | undefined {
    const pinned = service.pinnedPools.flatMap(
      (name) => this.pools.find((pool) => pool.name === name && pool.isRestricted) ?? [],
    )
    const automatic = [...pinned, ...this.pools.filter((pool) => !pool.isRestricted)].filter((pool) => pool.autoAssign)
    const pools =
      service.requestedPool === undefined
        ? automatic
        : this.pools.filter((pool) => pool.name === service.requestedPool && serves(pool, service))
    const isKnown = (pool: Pool): boolean => this.returning(service, pool).length > 0
    const ordered = [...pools.filter(isKnown), ...pools.filter((pool) => !isKnown(pool))]
    for (const families of this.choices(service)) {
      for (const pool of ordered) {
        const found = this.pick(service, pool, families)
        if (found !== undefined) return found
      }
    }
    return undefined
  }

  choices(service: ServiceRequest): readonly (readonly Family[])[] {
    const all = this.families(service)
    if (all.length === 0) return []
    const { families } = service
    if (families.kind !== 'preferDual' || all.length === 1) return [all]
    return [all, [families.first], all.filter((family) => family !== families.first)]
  }

  returning(service: ServiceRequest, pool: Pool): readonly string[] {
    return this.released
      .filter((one) => one.service === service.key && this.poolOf(one.address) === pool)
      .map(({ address }) => address)
  }

  pick(service: ServiceRequest, pool: Pool, families: readonly Family[]): readonly string[] | undefined {
    const found = families.map((family) => this.best(service, pool, family))
    return found.every((address) => address !== undefined) ? found : undefined
  }

  best(service: ServiceRequest, pool: Pool, family: Family): string | undefined {
    const returning = this.returning(service, pool).findLast((address) => familyOf(address) === family)
    if (returning !== undefined) return returning
    const all = addressesOf(pool).filter((address) => familyOf(address) === family && !isBuggy(pool, address))
    const wasUsed = (address: string): boolean => this.released.some((one) => one.address === address)
    const fresh = all.find((address) => !wasUsed(address) && this.isUsable(service, address))
    return fresh ?? this.released.find(({ address }) => all.includes(address))?.address
  }
}

const hasFamily = (pool: Pool, family: Family): boolean => pool.ranges.some((range) => range.first.family === family)

const serves = (pool: Pool, service: ServiceRequest): boolean =>
  !pool.isRestricted || service.pinnedPools.includes(pool.name)

function canShare(a: ServiceRequest, b: ServiceRequest): boolean {
  if (a.sharing === undefined || b.sharing === undefined) return false
  if (a.sharing.key !== b.sharing.key || a.sharing.backend !== b.sharing.backend) return false
  return !a.ports.some((one) => b.ports.some((other) => one.port === other.port && one.protocol === other.protocol))
}
