import type { BlockFact, Fact, PoolFact, ServiceFact } from './facts.ts'

/** What there is at one revision. */
export interface World {
  /** By name. */
  readonly services: ReadonlyMap<string, ServiceFact>
  readonly pools: ReadonlyMap<string, PoolFact>
  readonly blocks: ReadonlyMap<string, BlockFact>
}

export interface MutableWorld extends World {
  readonly take: (fact: Fact) => void
}

export function createWorld(): MutableWorld {
  const services = new Map<string, ServiceFact>()
  const pools = new Map<string, PoolFact>()
  const blocks = new Map<string, BlockFact>()
  function put<F extends Fact>(known: Map<string, F>, fact: F): void {
    if (fact.isDeleted) known.delete(fact.name)
    else known.set(fact.name, fact)
  }
  return {
    services,
    pools,
    blocks,
    take: (fact) => {
      if (fact.kind === 'Service') put(services, fact)
      else if (fact.kind === 'IPAddressPool') put(pools, fact)
      else put(blocks, fact)
    },
  }
}

/** The world after the last of these facts. */
export function worldAfter(facts: readonly Fact[]): World {
  const world = createWorld()
  for (const fact of facts) world.take(fact)
  return world
}

export const served = ({ services }: World): readonly ServiceFact[] =>
  [...services.values()].filter(({ wish }) => wish.isServed)

/** Everything that blocks grant. */
export const grantsIn = ({ blocks }: World): ReadonlySet<string> =>
  new Set([...blocks.values()].flatMap(({ grants }) => grants))

/** Everything that blocks have set aside, for whatever leadership. */
export const reservedIn = ({ blocks }: World): ReadonlySet<string> =>
  new Set([...blocks.values()].flatMap(({ reserved }) => [...reserved.keys()]))

export const poolOf = ({ pools }: World, address: string): PoolFact | undefined =>
  [...pools.values()].find(({ addresses }) => addresses.has(address))
