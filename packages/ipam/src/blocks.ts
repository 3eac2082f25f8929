import type { Address } from '@holdfast/ip'
import { equalAddresses, formatAddress } from '@holdfast/ip'
import type { AddressBlockSpec, AddressHolder } from './address-block.ts'
import { addressBlockCidr, addressBlockName } from './address-block.ts'
import type { Draft } from './block-draft.ts'
import { closeDraft, openDraft } from './block-draft.ts'
import { microsecondsAfter } from './block-time.ts'
import { differingKeys, ShardedMap } from './shards.ts'
import { emptyState } from './state.ts'
import type { AllocationState, Assignment, Placed, Released } from './types.ts'

/** An allocation state, and the address blocks that say the same. A value. */
export interface Blocks {
  readonly state: AllocationState
  /** By name; a block that would say nothing is not there. One that did not change is the same object as before. */
  readonly specs: ReadonlyMap<string, AddressBlockSpec>
  /** The latest time of a release in them; empty: none. */
  readonly latestTime: string
}

export interface BlockContext {
  /** The uid of the Service with a key. */
  readonly uidOf: (service: string) => string
  /** Time of day, for releases. Where it goes backwards, releases are nevertheless in their order. */
  readonly nowMs: number
  /** Services that have another uid than before, under the same name. */
  readonly renewed?: Iterable<string>
}

export const noBlocks: Blocks = { state: emptyState, specs: ShardedMap.of([]), latestTime: '' }

/**
 * The blocks of the state that a plan made of `previous.state`: only those are made anew whose holders changed, and the work
 * is in proportion to them.
 */
export function nextBlocks(previous: Blocks, state: AllocationState, context: BlockContext): Blocks {
  const writer = new Writer(previous, context)
  const before = previous.state.assignments
  for (const service of differingKeys(state.assignments, before)) {
    const [was, is] = [before.get(service), state.assignments.get(service)]
    if (was === undefined || is === undefined || !equalAssignments(was, is)) writer.take(was, is)
  }
  for (const service of context.renewed ?? []) writer.take(before.get(service), state.assignments.get(service))
  return writer.finish(state, latestReleases(state.history.released, writer.freed()))
}

/** The releases of some addresses, in their order: they are the last ones, so the search goes backwards. */
function latestReleases(released: readonly Released[], addresses: ReadonlySet<string>): readonly Released[] {
  const found: Released[] = []
  for (let index = released.length - 1; index >= 0 && found.length < addresses.size; index -= 1) {
    const entry = released[index]
    if (entry !== undefined && addresses.has(formatAddress(entry.address))) found.push(entry)
  }
  return found.reverse()
}

/** Takes blocks as they were and makes drafts of those that change. */
class Writer {
  readonly #previous: Blocks
  readonly #context: BlockContext
  readonly #drafts = new Map<string, Draft>()
  readonly #left = new Map<string, Address>()

  constructor(previous: Blocks, context: BlockContext) {
    this.#previous = previous
    this.#context = context
  }

  /** What a Service held, and what it holds. */
  take(was: Assignment | undefined, is: Assignment | undefined): void {
    for (const { address } of was?.addresses ?? []) {
      if (!holds(is, address)) this.#leave(address, was?.service ?? '')
    }
    if (is === undefined) return
    const holder = this.#holderOf(is)
    for (const placed of is.addresses) this.#hold(placed, holder)
  }

  /** Addresses that were held and are not any more. */
  freed(): ReadonlySet<string> {
    const free = [...this.#left].filter(([text, address]) => !this.#draftOf(address).held.has(text))
    return new Set(free.map(([text]) => text))
  }

  finish(state: AllocationState, released: readonly Released[]): Blocks {
    let time = this.#previous.latestTime
    for (const { address, service } of released) {
      time = microsecondsAfter(time, this.#context.nowMs)
      const text = formatAddress(address)
      const { held, released: kept } = this.#draftOf(address)
      if (!held.has(text)) kept.set(text, { address, service, time })
    }
    const specs = [...this.#drafts].map(
      ([name, draft]) => [name, closeDraft(draft, this.#previous.specs.get(name))] as const,
    )
    return { state, specs: updatedSpecs(this.#previous.specs, specs), latestTime: time }
  }

  #hold({ address, pool }: Placed, holder: AddressHolder): void {
    const text = formatAddress(address)
    const { held, released } = this.#draftOf(address)
    const holders = held.get(text)?.holders ?? new Map<string, AddressHolder>()
    held.set(text, { address, pool, holders: holders.set(`${holder.namespace}/${holder.name}`, holder) })
    released.delete(text)
  }

  #leave(address: Address, service: string): void {
    const text = formatAddress(address)
    const { held } = this.#draftOf(address)
    const entry = held.get(text)
    entry?.holders.delete(service)
    if (entry?.holders.size === 0) held.delete(text)
    this.#left.set(text, address)
  }

  #draftOf(address: Address): Draft {
    const name = addressBlockName(address)
    const known = this.#drafts.get(name)
    if (known !== undefined) return known
    const draft = openDraft(addressBlockCidr(address), this.#previous.specs.get(name))
    this.#drafts.set(name, draft)
    return draft
  }

  #holderOf({ service, terms }: Assignment): AddressHolder {
    const slash = service.indexOf('/')
    return {
      namespace: service.slice(0, slash),
      name: service.slice(slash + 1),
      uid: this.#context.uidOf(service),
      ...(terms === undefined ? {} : { terms }),
    }
  }
}

/** Some blocks of others in their place; undefined: none. */
export const updatedSpecs = (
  specs: Blocks['specs'],
  changes: readonly (readonly [string, AddressBlockSpec | undefined])[],
): Blocks['specs'] => (specs instanceof ShardedMap ? (specs as ShardedMap<AddressBlockSpec>).with(changes) : specs)

const holds = (assignment: Assignment | undefined, address: Address): boolean =>
  assignment?.addresses.some((placed) => equalAddresses(placed.address, address)) === true

const equalAssignments = (a: Assignment, b: Assignment): boolean =>
  a.terms === b.terms &&
  a.addresses.length === b.addresses.length &&
  a.addresses.every(({ address, pool }, index) => {
    const other = b.addresses[index]
    return other?.pool === pool && equalAddresses(other.address, address)
  })
