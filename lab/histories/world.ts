import type { BlockFact, Fact, LeaseFact, PoolFact, ServiceFact } from './facts.ts'

/** What there is at one revision. */
export interface World {
  /** By name. */
  readonly services: ReadonlyMap<string, ServiceFact>
  readonly pools: ReadonlyMap<string, PoolFact>
  readonly blocks: ReadonlyMap<string, BlockFact>
  /** undefined: nobody has it. */
  readonly lease: Lease | undefined
}

/** That somebody has the Lease. */
export interface Lease {
  readonly holder: string
  /** The revisions of all writes since this holder has it without a break: one of them is the number of the leadership, if it is of now. */
  readonly numbers: ReadonlySet<string>
  readonly atMs: number
}

/** Who does not renew it for longer may have lost the lead meanwhile: 5 s of the fastest clock are 10 s to its process. */
const longestGapMs = 4400

export interface MutableWorld extends World {
  readonly take: (fact: Fact) => void
}

export function createWorld(): MutableWorld {
  const services = new Map<string, ServiceFact>()
  const pools = new Map<string, PoolFact>()
  const blocks = new Map<string, BlockFact>()
  let lease: Lease | undefined
  function put<F extends Fact>(known: Map<string, F>, fact: F): void {
    if (fact.isDeleted) known.delete(fact.name)
    else known.set(fact.name, fact)
  }
  return {
    services,
    pools,
    blocks,
    get lease() {
      return lease
    },
    take: (fact) => {
      if (fact.kind === 'Service') put(services, fact)
      else if (fact.kind === 'IPAddressPool') put(pools, fact)
      else if (fact.kind === 'AddressBlock') put(blocks, fact)
      else lease = leaseAfter(lease, fact)
    },
  }
}

function leaseAfter(before: Lease | undefined, { revision, atMs, isDeleted, holder }: LeaseFact): Lease | undefined {
  if (isDeleted || holder === '') return undefined
  const isGoingOn = before?.holder === holder && atMs - before.atMs <= longestGapMs
  return { holder, atMs, numbers: new Set([...(isGoingOn ? before.numbers : []), String(revision)]) }
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

/** Addresses that blocks have set aside for leaderships of which it is not certain that they are that of now. */
export const boundIn = ({ blocks, lease }: World): ReadonlySet<string> =>
  new Set(
    [...blocks.values()].flatMap(({ reserved }) =>
      [...reserved].filter(([, number]) => lease?.numbers.has(number) !== true).map(([address]) => address),
    ),
  )

export const poolOf = ({ pools }: World, address: string): PoolFact | undefined =>
  [...pools.values()].find(({ addresses }) => addresses.has(address))
