import type { ApiFault, KubeObject } from '@holdfast/cluster'
import { blockNameOf, readBlock } from './block-phase.ts'
import { isHolder } from './block-step.ts'
import { inParallel } from './parallel.ts'
import type { Memory, ReconcilerOptions, Round } from './round.ts'
import { noResult, tellNowAndThen } from './round.ts'
import type { ServiceView } from './service-object.ts'
import { ingressOf, isServed } from './service-object.ts'

/** What is followed, as far as it is learned from. */
export interface Heard extends Pick<Round, 'services' | 'pending' | 'settled'> {
  /** By name. */
  readonly blocks: ReadonlyMap<string, KubeObject>
}

/** What blocks say counts only where it is the newest: what is unclear is asked for. */
export interface Learning {
  /** A fault: there was no answer. */
  readonly learn: (heard: Heard) => Promise<ApiFault | undefined>
  readonly forget: () => void
}

interface Unexplained {
  readonly view: ServiceView
  readonly blocks: readonly string[]
}

export function createLearning(options: ReconcilerOptions, memory: Memory): Learning {
  /** Statuses for which the blocks that they name were asked for. */
  let explained = new WeakMap<KubeObject, true>()

  /** Services whose statuses name what the blocks as known do not grant them, with these blocks, as far as they were not asked for already. */
  function unexplained({ services, pending, settled }: Heard): readonly Unexplained[] {
    const isUnclear = ({ object }: ServiceView): boolean =>
      !settled.has(object) && !explained.has(object) && isServed(object, options.rules.loadBalancerClass)
    return [...pending]
      .flatMap((key) => services.get(key) ?? [])
      .filter(isUnclear)
      .map((view) => ({ view, blocks: unexplainedBlocks(memory, view) }))
      .filter(({ blocks }) => blocks.length > 0)
  }

  /** Another program gave it: a claim. At the start that is MetalLB, which ran before; later it runs beside us. */
  function claim({ object, key }: ServiceView): void {
    if (!memory.blocks.isForeign()) {
      const message =
        'the status of a Service names an address that no AddressBlock grants it: another program has written it (is there a controller of MetalLB beside this one? Stop it), or somebody has removed the block'
      tellNowAndThen({ options, memory }, 'foreignAddress', () =>
        options.log.log('warn', 'foreignAddress', message, { service: key, addresses: ingressOf(object) }),
      )
    }
    memory.blocks.distrust()
  }

  return {
    learn: async (heard) => {
      const names = new Set(memory.blocks.compare(heard.blocks))
      const asked = unexplained(heard)
      for (const { blocks } of asked) for (const name of blocks) names.add(name)
      const result = noResult()
      await inParallel(
        names,
        options.parallel,
        async (name) => {
          await readBlock({ options, memory, result }, name)
        },
        () => result.cut !== undefined || !options.mayWrite(),
      )
      if (result.cut !== undefined) return result.cut
      for (const { view } of asked) {
        explained.set(view.object, true)
        if (unexplainedBlocks(memory, view).length > 0) claim(view)
      }
      return undefined
    },
    forget: () => {
      explained = new WeakMap()
    },
  }
}

/**
 * Blocks that, as far as is known, do not grant what a status names. A status names only what a block granted before, or what
 * another program gave: in the first case the block is newer than what is known of it.
 */
function unexplainedBlocks({ blocks, aside }: Memory, { object, uid }: ServiceView): readonly string[] {
  return ingressOf(object).flatMap((address) => {
    const name = blockNameOf(address)
    const isKnown = name === undefined || isHolder(blocks.get(name).spec, address, uid) || aside.isSpentOn(address, uid)
    return isKnown ? [] : [name]
  })
}
