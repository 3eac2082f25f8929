import type { Random } from '../../apps/holdfast/src/controller/testing/random.ts'

/** What people say of a Service. Absent is what they do not say. */
export interface ServiceWish {
  readonly families: 'IPv4' | 'IPv6' | 'both' | 'preferBoth'
  readonly port: number
  readonly sharingKey: string | undefined
  readonly requested: readonly string[]
  readonly pool: string | undefined
}

export type PeopleAct =
  | { readonly kind: 'create' | 'recreate'; readonly name: string; readonly wish: ServiceWish }
  /** Families stay, as far as the API server lets nobody change them as one likes. */
  | { readonly kind: 'change'; readonly name: string; readonly wish: ServiceWish }
  | { readonly kind: 'delete'; readonly name: string }
  /** To ClusterIP, or back. */
  | { readonly kind: 'changeType'; readonly name: string; readonly isServed: boolean }
  | {
      readonly kind: 'setPool'
      readonly name: string
      readonly addresses: readonly string[]
      readonly isForAll: boolean
    }
  | { readonly kind: 'deletePool'; readonly name: string }

/** People, who know what they made themselves. */
export interface People {
  /** What they do before anything else. */
  readonly begin: () => readonly PeopleAct[]
  readonly act: () => PeopleAct
  /** Pools as large as they can be. */
  readonly restore: () => readonly PeopleAct[]
  /** A new Service that asks for nothing and shares with nobody. */
  readonly single: () => PeopleAct
}

/** How people are. */
export interface Manners {
  readonly services: readonly string[]
  /** Pools never overlap. */
  readonly addresses: Readonly<Record<PoolName, { readonly four: readonly string[]; readonly six: readonly string[] }>>
  /** At the beginning. */
  readonly first: number
  readonly shares: {
    /** Of acts: what is done to Services; then the growing and shrinking of pools. */
    readonly onServices: number
    readonly onPools: number
    /** Of Services. */
    readonly sharing: number
    readonly requests: number
    /** Of changes of a pool: that it is as large as it can be. */
    readonly wholePools: number
  }
}

const poolNames = ['gold', 'silver'] as const
type PoolName = (typeof poolNames)[number]

/** Few addresses, so that they are wanted by more than can have them; silver's are of two blocks. */
const tight: Manners = {
  services: ['a', 'b', 'c', 'd', 'e', 'f', 'g'],
  addresses: {
    gold: { four: ['192.0.2.0', '192.0.2.1', '192.0.2.2'], six: ['fd00::', 'fd00::1'] },
    silver: {
      four: ['192.0.2.62', '192.0.2.63', '192.0.2.64', '192.0.2.65'],
      six: ['fd00::3e', 'fd00::3f', 'fd00::40', 'fd00::41'],
    },
  },
  first: 4,
  shares: { onServices: 0.78, onPools: 0.95, sharing: 0.5, requests: 0.3, wholePools: 0.3 },
}

/** So many that leaders set some aside, of two blocks each: also after several leaders were lost, whose marks bind until the end. */
const roomy: Manners = {
  services: Array.from({ length: 16 }, (_, index) => String.fromCharCode(97 + index)),
  addresses: {
    gold: { four: fours(44, 40), six: sixes(0x2c, 40) },
    silver: { four: fours(100, 100), six: sixes(0x64, 100) },
  },
  first: 6,
  shares: { onServices: 0.93, onPools: 0.98, sharing: 0.15, requests: 0.06, wholePools: 0.7 },
}

function fours(first: number, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `192.0.2.${first + index}`)
}

function sixes(first: number, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `fd00::${(first + index).toString(16)}`)
}

export const mannersOf = (isRoomy: boolean): Manners => (isRoomy ? roomy : tight)

export function createPeople(
  random: Random,
  { services: serviceNames, addresses: addressesOf, first, shares }: Manners,
): People {
  let singles = 0
  const services = new Map<string, { readonly families: ServiceWish['families']; readonly isServed: boolean }>()
  const pools = new Set<string>()

  function setPool(name: PoolName, share = random.next()): PeopleAct {
    const { four, six } = addressesOf[name]
    const some = (all: readonly string[]): readonly string[] =>
      share > 1 - shares.wholePools ? all : all.slice(random.below(2), 1 + random.below(all.length))
    const addresses = [...some(four), ...some(six)]
    pools.add(name)
    const isForAll = name === 'gold' || random.chance(0.8)
    return { kind: 'setPool', name, addresses: addresses.length === 0 ? four.slice(0, 1) : addresses, isForAll }
  }

  function create(name: string): PeopleAct {
    const families = random.pick(['IPv4', 'IPv4', 'IPv4', 'IPv6', 'both', 'preferBoth'] as const)
    services.set(name, { families, isServed: true })
    return { kind: 'create', name, wish: wishFor(families) }
  }

  function wishFor(families: ServiceWish['families']): ServiceWish {
    const sharingKey = random.chance(shares.sharing) ? random.pick(['k1', 'k2']) : undefined
    return {
      families,
      port: random.pick([80, 81, 82, 83]),
      sharingKey,
      requested: random.chance(shares.requests) ? requestFor(families) : [],
      pool: random.chance(0.1) ? random.pick(poolNames) : undefined,
    }
  }

  /** Those that share may ask for the same one. */
  function requestFor(families: ServiceWish['families']): readonly string[] {
    const { four, six } = addressesOf[random.pick(poolNames)]
    if (families === 'IPv4') return [random.pick(four)]
    if (families === 'IPv6') return [random.pick(six)]
    return [random.pick(four), random.pick(six)]
  }

  function withKnown(name: string): PeopleAct {
    const known = services.get(name)
    if (known === undefined) return create(name)
    const dice = random.next()
    if (dice < 0.35) return drop(name)
    if (dice < 0.6) return { ...create(name), kind: 'recreate' } as PeopleAct
    if (dice < 0.8 && known.isServed) return { kind: 'change', name, wish: wishFor(known.families) }
    services.set(name, { ...known, isServed: !known.isServed })
    return { kind: 'changeType', name, isServed: !known.isServed }
  }

  function drop(name: string): PeopleAct {
    services.delete(name)
    return { kind: 'delete', name }
  }

  function dropPool(): PeopleAct {
    const name = random.pick(poolNames)
    if (!pools.delete(name)) return setPool(name)
    return { kind: 'deletePool', name }
  }

  return {
    begin: () => [setPool('gold', 1), ...serviceNames.slice(0, first).map(create)],
    act: () => {
      const dice = random.next()
      if (dice < shares.onServices) return withKnown(random.pick(serviceNames))
      return dice < shares.onPools ? setPool(random.pick(poolNames)) : dropPool()
    },
    restore: () => poolNames.map((name) => setPool(name, 1)),
    single: () => {
      singles += 1
      const families = random.pick(['IPv4', 'IPv4', 'IPv6', 'both'] as const)
      const wish = { families, port: 80, sharingKey: undefined, requested: [], pool: undefined }
      return { kind: 'create', name: `single-${singles}`, wish }
    },
  }
}
