import type { Address } from '@holdfast/ip'
import { addressKey, compareAddresses, formatAddress, parseAddress } from '@holdfast/ip'
import type { AddressBlockSpec, HeldAddress, ReleasedAddress } from './address-block.ts'
import { addressBlockCidr, addressBlockName, holderKey } from './address-block.ts'
import { isBlockTime } from './block-time.ts'
import type { Blocks } from './blocks.ts'
import { ShardedMap } from './shards.ts'
import { keptTerms } from './terms.ts'
import type { AllocationState, Assignment, Placed, Released } from './types.ts'

/** Something in a block that cannot be, and was left out. Nothing of such a block should be granted. */
export interface BlockFault {
  /** Name of the block. */
  readonly block: string
  /** Such as `addresses[3].address`; empty for the block as a whole. */
  readonly path: string
  readonly message: string
}

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
): { readonly blocks: Blocks; readonly state: AllocationState; readonly faults: readonly BlockFault[] } {
  const reader = new Reader()
  const names = [...specs.keys()].sort()
  for (const name of names) {
    const spec = specs.get(name)
    if (spec !== undefined) reader.read(name, spec)
  }
  const { state, forgottenUntil, latestTime } = reader.conclude(mostReleased)
  const blocks = { state, specs: ShardedMap.of(remembered(specs, forgottenUntil)), latestTime }
  return { blocks, state: settled(blocks.state, statusOf), faults: reader.faults }
}

type Timed = Released & Pick<ReleasedAddress, 'time'>

/** Collects what blocks say and the faults in them. */
class Reader {
  readonly faults: BlockFault[] = []
  readonly #assignments = new Map<string, Assignment>()
  readonly #released: Timed[] = []
  readonly #seen = new Set<number | string>()

  read(name: string, spec: AddressBlockSpec): void {
    for (const [index, entry] of spec.addresses.entries()) {
      const address = this.#addressOf(name, `addresses[${index}].address`, entry.address)
      if (address !== undefined) this.#hold(address, entry)
    }
    for (const [index, { address: text, service, time }] of spec.released.entries()) {
      const address = this.#addressOf(name, `released[${index}].address`, text)
      if (address === undefined) continue
      if (isBlockTime(time)) this.#released.push({ address, service, time })
      else this.#fault(name, `released[${index}].time`, `"${time}" is not a time in UTC with microseconds`)
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

  #addressOf(block: string, path: string, text: string): Address | undefined {
    const address = parseAddress(text)
    const flaw = address.ok ? this.#flawOf(block, address.value) : `"${text}" ${address.fault.message}`
    if (!address.ok || flaw !== undefined) {
      this.#fault(block, path, flaw ?? '')
      return undefined
    }
    this.#seen.add(addressKey(address.value))
    return address.value
  }

  #flawOf(block: string, address: Address): string | undefined {
    const text = formatAddress(address)
    if (addressBlockName(address) !== block) return `${text} is not of this block, but of ${addressBlockCidr(address)}`
    return this.#seen.has(addressKey(address)) ? `${text} stands there twice` : undefined
  }

  #fault(block: string, path: string, message: string): void {
    this.faults.push({ block, path, message })
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
    if (released.length === spec.released.length) return [[name, spec]]
    return released.length === 0 && spec.addresses.length === 0 ? [] : [[name, { ...spec, released }]]
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
