import type { BlockFact, Fact } from './facts.ts'
import { addressIn, grant } from './facts.ts'
import type { World } from './world.ts'

/** What is known of the processes, and of the end of all trouble. */
export interface Course {
  /** By identity: when processes ended, as `atMs` of facts. */
  readonly ends: ReadonlyMap<string, number>
  /** Identities of processes that began to lead once only: all that they set aside is of one leadership. */
  readonly ledOnce: ReadonlySet<string>
  /** The revision from which on nothing goes wrong any more. */
  readonly calmFrom: number
}

export interface MarksFinding {
  readonly rule: 'unnumbered' | 'unmarked' | 'bound' | 'left'
  readonly text: string
}

export interface MarksJudge {
  /** `world` is the one before the fact. */
  readonly look: (world: World, fact: Fact) => readonly MarksFinding[]
  /** How many leaderships that marked gave the Lease back and left nothing marked, in the calm. */
  readonly gaveBack: () => number
}

/** What a process sent before its end may be on its way for as long as a write is held back at most, at the highest rate. */
const lateMs = 24_000
/** Twice the 600 s for which a watch lives at most, by the fastest clock: nothing is reclaimed earlier. */
const soonestReclaimMs = 600_000

/**
 * What becomes of addresses that are set aside.
 *
 * - unnumbered: no mark has a number that is no write of the Lease.
 * - unmarked: no mark of a leadership whose process has ended goes before it can be reclaimed.
 * - bound: nor is its address granted to a Service whose status never named it.
 * - left: who gives the Lease back, when nothing goes wrong, leaves no marks.
 */
export function createMarksJudge({ ends, ledOnce, calmFrom }: Course): MarksJudge {
  /** By revision. */
  const leaders = new Map<string, string>()
  /** Numbers under which something was set aside. */
  const marking = new Set<string>()
  const named = new Set<string>()
  let beganMs: number | undefined
  let gaveBack = 0

  const isDead = (number: string, atMs: number): boolean =>
    atMs > (ends.get(leaders.get(number) ?? '') ?? Infinity) + lateMs && atMs < (beganMs ?? atMs) + soonestReclaimMs

  function lookAtBlock({ blocks }: World, fact: BlockFact): readonly MarksFinding[] {
    const before = blocks.get(fact.name)
    const after = fact.isDeleted ? new Map<string, string>() : fact.reserved
    for (const number of after.values()) marking.add(number)
    const unnumbered = [...after].filter(([, number]) => !leaders.has(number))
    const dead = [...(before?.reserved ?? [])].filter(([, number]) => isDead(number, fact.atMs))
    const unmarked = dead.filter(([address, number]) => after.get(address) !== number)
    const bound = new Set(dead.map(([address]) => address))
    const more = fact.grants.filter((one) => before?.grants.includes(one) !== true)
    return [
      ...unnumbered.map(([address, number]) => found('unnumbered', `${address} is set aside for ${number}`)),
      ...unmarked.map(([address, number]) => found('unmarked', `${address} was set aside for ${number}, and is not`)),
      ...more
        .filter((one) => bound.has(addressIn(one)) && !named.has(one))
        .map((one) => found('bound', `a block grants ${one}, which was set aside for another leadership`)),
    ]
  }

  function lookAtReturn({ blocks, lease }: World): readonly MarksFinding[] {
    if (lease === undefined) return []
    const { holder, numbers } = lease
    const isIts = (number: string): boolean =>
      numbers.has(number) || (ledOnce.has(holder) && leaders.get(number) === holder)
    const left = [...blocks.values()].flatMap(({ reserved }) => [...reserved].filter(([, number]) => isIts(number)))
    if (left.length === 0 && [...marking].some(isIts)) gaveBack += 1
    return left.map(([address, number]) => found('left', `${address} is set aside for ${number}, which was given back`))
  }

  return {
    look: (world, fact) => {
      if (fact.kind === 'Service') for (const address of fact.addresses) named.add(grant(address, fact.uid))
      if (fact.kind === 'AddressBlock') return lookAtBlock(world, fact)
      if (fact.kind !== 'Lease' || fact.isDeleted) return []
      beganMs ??= fact.atMs
      if (fact.holder !== '') leaders.set(String(fact.revision), fact.holder)
      return fact.holder === '' && fact.revision > calmFrom ? lookAtReturn(world) : []
    },
    gaveBack: () => gaveBack,
  }
}

const found = (rule: MarksFinding['rule'], text: string): MarksFinding => ({ rule, text })
