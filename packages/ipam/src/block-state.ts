import type { Address } from '@holdfast/ip'
import { addressKey, compareAddresses, parseAddress } from '@holdfast/ip'
import type { AddressBlockSpec, HeldAddress, ReleasedAddress } from './address-block.ts'
import { addressesOfBlock, holderKey } from './address-block.ts'
import type { Blocks } from './blocks.ts'
import { ShardedMap } from './shards.ts'
import { keptTerms } from './terms.ts'
import type { AllocationState, Assignment, Placed, Released } from './types.ts'

/**
 * So many releases are remembered: those before are forgotten when blocks are read, so that a pool of 2^64 addresses can be used up
 * slowly without ever more blocks.
 */
const MOST_RELEASED = 16_384

/**
 * Reads blocks. `blocks.state` is what they say to the letter: a Service can have two addresses of one family there, where a
 * move from one to the other was cut short. `state` is what to plan from: of those it has the one that the Service's status
 * names (`statusOf`), so that no Service moves; and the next blocks do without the other one. Where blocks name two Services of one
 * key, made one after the other, the assignment has the uid of the first that is read.
 */
export function stateOf(
  specs: ReadonlyMap<string, AddressBlockSpec>,
  statusOf: (service: string) => readonly Address[],
  mostReleased: number = MOST_RELEASED,
): { readonly blocks: Blocks; readonly state: AllocationState } {
  const reader = new Reader()
  const names = [...specs.keys()].sort()
  for (const name of names) {
    const spec = specs.get(name)
    if (spec !== undefined) reader.read(spec)
  }
  const { state, forgottenUntil, latestTime } = reader.conclude(mostReleased)
  const blocks = { state, specs: ShardedMap.of(remembered(specs, forgottenUntil)), latestTime }
  return { blocks, state: settled(blocks.state, statusOf) }
}

/**
 * The state in which the addresses of some blocks are the last to be given away, as if they had just been released. For blocks that
 * cannot be read: whoever is given an address of one waits until it can.
 */
export function givenLast(state: AllocationState, blocks: readonly string[]): AllocationState {
  if (blocks.length === 0) return state
  const last = blocks.flatMap(addressesOfBlock).map((address) => ({ address, service: '' }))
  return { ...state, history: { ...state.history, released: [...state.history.released, ...last] } }
}

type Timed = Released & Pick<ReleasedAddress, 'time'>

/** Collects what blocks say. */
class Reader {
  readonly #assignments = new Map<string, Assignment>()
  readonly #released: Timed[] = []

  read({ addresses, released }: AddressBlockSpec): void {
    for (const entry of addresses) {
      const address = parseAddress(entry.address)
      if (address.ok) this.#hold(address.value, entry)
    }
    for (const { address: text, service, time } of released) {
      const address = parseAddress(text)
      if (address.ok) this.#released.push({ address: address.value, service, time })
    }
  }

  /** Times are empty where there are none. */
  conclude(mostReleased: number): {
    readonly state: AllocationState
    /** Releases up to this time are forgotten. */
    readonly forgottenUntil: string
    readonly latestTime: string
  } {
    const sorted = this.#released.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
    const first = Math.max(0, sorted.length - mostReleased)
    const released = sorted.slice(first).map(({ address, service }) => ({ address, service }))
    return {
      state: { assignments: ShardedMap.of(this.#assignments), history: { released, longAgo: [] } },
      forgottenUntil: sorted[first - 1]?.time ?? '',
      latestTime: sorted.at(-1)?.time ?? '',
    }
  }

  #hold(address: Address, { pool, holders }: HeldAddress): void {
    for (const holder of holders) {
      const service = holderKey(holder)
      const known = this.#assignments.get(service)
      const addresses = [...(known?.addresses ?? []), { address, pool }].sort((a, b) =>
        compareAddresses(a.address, b.address),
      )
      const uid = known?.uid ?? holder.uid
      this.#assignments.set(service, { service, uid, addresses, terms: known?.terms ?? holder.terms })
    }
  }
}

/** The blocks without what is forgotten; blocks of which nothing is left are left out. */
const remembered = (
  specs: ReadonlyMap<string, AddressBlockSpec>,
  forgottenUntil: string,
): Iterable<readonly [string, AddressBlockSpec]> =>
  [...specs].flatMap(([name, spec]) => {
    const released = spec.released.filter(({ time }) => time > forgottenUntil)
    if (released.length === 0 && spec.addresses.length === 0) return []
    return [[name, released.length === spec.released.length ? spec : { ...spec, released }]]
  })

/** Of several addresses of one family, the one that the status names; and terms as they are kept, where an older version kept more. */
function settled(state: AllocationState, statusOf: (service: string) => readonly Address[]): AllocationState {
  const changes = new Map<string, Assignment>()
  for (const [service, assignment] of state.assignments) {
    const addresses = onePerFamily(assignment.addresses, () => statusOf(service))
    const terms = assignment.terms === undefined ? undefined : keptTerms(assignment.terms)
    if (addresses !== assignment.addresses || terms !== assignment.terms) {
      changes.set(service, { ...assignment, addresses, terms })
    }
  }
  return changes.size === 0 ? state : { ...state, assignments: ShardedMap.of([...state.assignments, ...changes]) }
}

function onePerFamily(placed: readonly Placed[], statusOf: () => readonly Address[]): readonly Placed[] {
  const isSingle = new Set(placed.map(({ address }) => address.family)).size === placed.length
  if (isSingle) return placed
  const named = new Set(statusOf().map(addressKey))
  return (['ipv4', 'ipv6'] as const).flatMap((family) => {
    const candidates = placed.filter(({ address }) => address.family === family)
    const [first, ...others] = candidates
    if (first === undefined) return []
    return [[first, ...others].find(({ address }) => named.has(addressKey(address))) ?? first]
  })
}
