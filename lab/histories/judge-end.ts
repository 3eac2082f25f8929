import type { Family, PoolFact, ServiceFact } from './facts.ts'
import { familyOf, grant } from './facts.ts'
import { areCompatible, sharedWrongly } from './judge.ts'
import type { World } from './world.ts'
import { boundIn, grantsIn, poolOf, served } from './world.ts'

/**
 * What is not as it has to be when nothing goes wrong any more: sentences, none where all is well. Every Service that can have
 * addresses has them, what it has is what it asks for, blocks and statuses say the same, and nobody shares who may not. What is set aside
 * for another leadership than that of now is not to be had: it is bound for longer than a history lasts.
 */
export function judgeEnd(world: World): readonly string[] {
  const services = served(world)
  return [
    ...services.flatMap((service) => (service.addresses.length === 0 ? [] : wrongWith(world, service))),
    ...services.filter(({ addresses }) => addresses.length === 0).flatMap((service) => possibleFor(world, service)),
    ...sharedWrongly(world, (a, b) => areCompatible(a.wish.terms, b.wish.terms)),
    ...disagreement(world),
  ]
}

const asksForDual = ({ policy, families }: ServiceFact['wish']): boolean =>
  policy !== 'SingleStack' && families.length === 2

/** The families without which it is to have nothing. */
const needed = ({ wish }: ServiceFact): readonly Family[] =>
  !asksForDual(wish) ? wish.families.slice(0, 1) : wish.families

/** Either of two families will do. */
const isModest = ({ wish }: ServiceFact): boolean => asksForDual(wish) && wish.policy === 'PreferDualStack'

function wrongWith(world: World, service: ServiceFact): readonly string[] {
  const { name, wish, addresses } = service
  const says = `${name} has ${addresses.join()}`
  // What it had before it asked for another one stays until it can have that; whether it had is for `unasked`.
  const isKeeping = wish.requested.length > 0 && !isSame(addresses, wish.requested)
  const pools = addresses.map((address) => poolOf(world, address)?.name)
  const families = addresses.map(familyOf)
  const isComplete = needed(service).every((family) => families.includes(family)) || isModest(service)
  const isWithin = families.every((family) => wish.families.includes(family))
  const faults: readonly (readonly [boolean, string])[] = [
    [pools.includes(undefined), 'not all in a pool'],
    [wish.pool !== '' && pools.some((pool) => pool !== wish.pool), `not all of pool ${wish.pool}`],
    [new Set(pools).size > 1, `of pools ${pools.join()}`],
    [new Set(families).size < families.length, 'two of one family'],
    [!isComplete || !isWithin, `for families ${wish.families.join()}`],
    [isKeeping && possibleFor(world, service).length > 0, `instead of ${wish.requested.join()}`],
  ]
  return faults.flatMap(([isWrong, text]) => (isWrong ? [`${says}: ${text}`] : []))
}

const isSame = (a: readonly string[], b: readonly string[]): boolean => [...a].sort().join() === [...b].sort().join()

/** What a Service without an address could have. */
function possibleFor(world: World, service: ServiceFact): readonly string[] {
  const { wish, name } = service
  const pools = [...world.pools.values()].filter((pool) =>
    wish.pool === '' ? pool.isForAll || wish.requested.length > 0 : pool.name === wish.pool,
  )
  return pools.flatMap((pool) => {
    const found = needed(service).map((family) => freeIn(world, service, { pool, family }))
    const isEnough = isModest(service) && wish.requested.length === 0 ? found.some(isThere) : found.every(isThere)
    return isEnough ? [`${name} has nothing and could have ${found.filter(isThere).join()} of ${pool.name}`] : []
  })
}

const isThere = (address: string | undefined): address is string => address !== undefined

function freeIn(
  world: World,
  service: ServiceFact,
  where: { readonly pool: PoolFact; readonly family: Family },
): string | undefined {
  const { wish, uid } = service
  const mayHave = (address: string): boolean =>
    familyOf(address) === where.family && (wish.requested.length === 0 || wish.requested.includes(address))
  const bound = boundIn(world)
  const isFree = (address: string): boolean =>
    !bound.has(address) &&
    served(world).every(
      (other) => other.uid === uid || !other.addresses.includes(address) || areCompatible(other.wish.terms, wish.terms),
    )
  return [...where.pool.addresses].find((address) => mayHave(address) && isFree(address))
}

function disagreement(world: World): readonly string[] {
  const grants = grantsIn(world)
  const named = new Set(served(world).flatMap(({ uid, addresses }) => addresses.map((one) => grant(one, uid))))
  const missing = [...named].filter((one) => !grants.has(one)).map((one) => `no block grants ${one}`)
  const left = [...grants].filter((one) => !named.has(one)).map((one) => `a block grants ${one}, no status names it`)
  return [...missing, ...left]
}
