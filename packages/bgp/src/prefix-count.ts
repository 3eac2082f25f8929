import type { Family } from '@holdfast/ip'
import { prefixKey } from '@holdfast/ip'
import type { UpdateMessage } from './messages.ts'
import type { PrefixMap, PrefixName } from './prefix-map.ts'
import { deletePrefix, dropBelow, emptyPrefixMap, familyOf, getPrefix, setPrefix } from './prefix-map.ts'

/**
 * The distinct prefixes that the peer has announced and not withdrawn, up to a limit: more are never held. Immutable, as
 * all state of a session is.
 */
export interface PrefixCount {
  /** With the generation in which each was announced last. */
  readonly prefixes: PrefixMap
  /** Grows with every BoRR (RFC 7313 section 4). */
  readonly generation: number
  readonly sizes: Readonly<Record<Family, number>>
  /** How many of them are older than the BoRR of their family: the EoRR drops these all at once. */
  readonly stale: Readonly<Record<Family, number>>
  /** The generations that the BoRRs of families without an EoRR began. */
  readonly refreshing: Readonly<Partial<Record<Family, number>>>
  /** Families whose End-of-RIB came. */
  readonly ended: readonly Family[]
}

export const noPrefixes: PrefixCount = {
  prefixes: emptyPrefixMap,
  generation: 0,
  sizes: { ipv4: 0, ipv6: 0 },
  stale: { ipv4: 0, ipv6: 0 },
  refreshing: {},
  ended: [],
}

/** `family`: of the prefix that was one too many. */
export type Counted =
  { readonly ok: true; readonly count: PrefixCount } | { readonly ok: false; readonly family: Family }

/** What an UPDATE makes of the count: withdrawals come first, so that a prefix in both lists is announced. */
export function countUpdate(before: PrefixCount, update: UpdateMessage, limit: number): Counted {
  const { withdrawn, announced, endOfRib } = update
  if (endOfRib !== undefined) return { ok: true, count: withEndOfRib(before, endOfRib) }
  const tally = new Tally(before)
  for (const prefix of withdrawn) tally.withdraw(prefixKey(prefix))
  for (const prefix of (announced?.reach ?? []).flatMap((reach) => reach.prefixes)) {
    tally.announce(prefixKey(prefix))
    if (tally.prefixes.size > limit) return { ok: false, family: prefix.address.family }
  }
  return { ok: true, count: tally.count() }
}

/** The count while one UPDATE is added to it: with thousands of prefixes, a new count for each would be garbage. */
class Tally {
  readonly #before: PrefixCount
  readonly #sizes: Record<Family, number>
  readonly #stale: Record<Family, number>
  prefixes: PrefixMap

  constructor(before: PrefixCount) {
    this.#before = before
    this.#sizes = { ...before.sizes }
    this.#stale = { ...before.stale }
    this.prefixes = before.prefixes
  }

  withdraw(name: PrefixName): void {
    const generation = getPrefix(this.prefixes, name)
    if (generation === undefined) return
    this.prefixes = deletePrefix(this.prefixes, name)
    this.#sizes[familyOf(name)] -= 1
    this.#notStale(name, generation)
  }

  announce(name: PrefixName): void {
    const generation = getPrefix(this.prefixes, name)
    if (generation === this.#before.generation) return
    this.prefixes = setPrefix(this.prefixes, name, this.#before.generation)
    if (generation === undefined) this.#sizes[familyOf(name)] += 1
    else this.#notStale(name, generation)
  }

  count(): PrefixCount {
    const { prefixes } = this
    if (prefixes === this.#before.prefixes) return this.#before
    return { ...this.#before, prefixes, sizes: this.#sizes, stale: this.#stale }
  }

  /** A prefix of this generation is gone, or was announced again. */
  #notStale(name: PrefixName, generation: number): void {
    const family = familyOf(name)
    const since = this.#before.refreshing[family]
    if (since !== undefined && generation < since) this.#stale[family] -= 1
  }
}

const withEndOfRib = (before: PrefixCount, family: Family): PrefixCount =>
  before.ended.includes(family) ? before : { ...before, ended: [...before.ended, family] }

/** BoRR: what is not announced again before the EoRR is gone then. */
export function beginRefresh(before: PrefixCount, family: Family): PrefixCount {
  const generation = before.generation + 1
  return {
    ...before,
    generation,
    stale: { ...before.stale, [family]: before.sizes[family] },
    refreshing: { ...before.refreshing, [family]: generation },
  }
}

/** EoRR; without a BoRR it means nothing. */
export function endRefresh(before: PrefixCount, family: Family): PrefixCount {
  const { [family]: since, ...refreshing } = before.refreshing
  if (since === undefined) return before
  const stale = before.stale[family]
  return {
    ...before,
    prefixes: dropBelow(before.prefixes, family, since, stale),
    sizes: { ...before.sizes, [family]: before.sizes[family] - stale },
    stale: { ...before.stale, [family]: 0 },
    refreshing,
  }
}
