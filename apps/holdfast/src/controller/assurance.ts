import { blockNameOf, readBlock } from './block-phase.ts'
import { holdersAt } from './block-step.ts'
import type { Round } from './round.ts'
import type { ServiceView } from './service-object.ts'
import { arePoolsCurrent, isCurrent } from './currency.ts'

/** Whether an address may be taken from a Service that names it. */
export type Assurance = (view: ServiceView, leaving: readonly string[]) => Promise<boolean>

/**
 * Nothing is taken from a Service on hearsay. What is followed can be late; so before a status loses an address, the pools are asked
 * for once a round, the blocks that say who holds the address, and where others hold the same address, they too. Where the answer is not what the plan was made from, the
 * write waits for what is followed to catch up; so it does where a block has turned out, since, to be other than the plan had it.
 */
export function createAssurance(round: Round): Assurance {
  let pools: Promise<boolean> | undefined
  const blocks = new Map<string, Promise<boolean>>()
  /** A block that was written in this round was as it was known. */
  const isBlockKnown = (name: string): Promise<boolean> => {
    const known = blocks.get(name) ?? (round.confirmed.has(name) ? Promise.resolve(true) : readBlock(round, name))
    blocks.set(name, known)
    return known
  }
  return async (view, leaving) => {
    for (const name of new Set(leaving.flatMap((address) => blockNameOf(address) ?? []))) {
      if (!(await isBlockKnown(name))) return false
    }
    if (round.memory.blocks.isForeign()) return false
    pools ??= arePoolsCurrent(round)
    if (!(await pools)) return false
    for (const key of sharers(round, view, leaving)) if (!(await isCurrent(round, key))) return false
    return true
  }
}

/** Keys of other Services that hold an address which the Service is to leave. */
function sharers({ memory }: Round, { uid }: ServiceView, leaving: readonly string[]): ReadonlySet<string> {
  const holders = leaving.flatMap((address) => holdersAt(memory.blocks.get(blockNameOf(address) ?? '').spec, address))
  return new Set(holders.filter((holder) => holder.uid !== uid).map(({ namespace, name }) => `${namespace}/${name}`))
}
