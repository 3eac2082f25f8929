import type { Family, Prefix } from '@holdfast/ip'
import { prefixKey } from '@holdfast/ip'
import type { UpdateMessage } from './messages.ts'
import type { PrefixMap } from './prefix-map.ts'
import { deletePrefix, emptyPrefixMap, getPrefix, prefixEntries, setPrefix } from './prefix-map.ts'

/**
 * The distinct prefixes that the peer has announced and not withdrawn, up to a limit: more are never held. Immutable, as
 * all state of a session is.
 */
export interface PrefixCount {
  /** With the generation in which each was announced last. */
  readonly prefixes: PrefixMap
  /** Grows with every BoRR (RFC 7313 section 4). */
  readonly generation: number
  /** The generations that the BoRRs of families without an EoRR began. */
  readonly refreshing: Readonly<Partial<Record<Family, number>>>
  /** Families whose End-of-RIB came. */
  readonly ended: readonly Family[]
}

export const noPrefixes: PrefixCount = { prefixes: emptyPrefixMap, generation: 0, refreshing: {}, ended: [] }

/** `family`: of the prefix that was one too many. */
export type Counted =
  { readonly ok: true; readonly count: PrefixCount } | { readonly ok: false; readonly family: Family }

/** What an UPDATE makes of the count: withdrawals come first, so that a prefix in both lists is announced. */
export function countUpdate(before: PrefixCount, update: UpdateMessage, limit: number): Counted {
  const { withdrawn, announced, endOfRib } = update
  if (endOfRib !== undefined) return { ok: true, count: withEndOfRib(before, endOfRib) }
  let { prefixes } = before
  for (const prefix of withdrawn) prefixes = deletePrefix(prefixes, prefixKey(prefix))
  for (const prefix of (announced?.reach ?? []).flatMap((reach) => reach.prefixes)) {
    prefixes = confirmed(prefixes, prefix, before.generation)
    if (prefixes.size > limit) return { ok: false, family: prefix.address.family }
  }
  return { ok: true, count: prefixes === before.prefixes ? before : { ...before, prefixes } }
}

function confirmed(prefixes: PrefixMap, prefix: Prefix, generation: number): PrefixMap {
  const name = prefixKey(prefix)
  return getPrefix(prefixes, name) === generation ? prefixes : setPrefix(prefixes, name, generation)
}

const withEndOfRib = (before: PrefixCount, family: Family): PrefixCount =>
  before.ended.includes(family) ? before : { ...before, ended: [...before.ended, family] }

/** BoRR: what is not announced again before the EoRR is gone then. */
export function beginRefresh(before: PrefixCount, family: Family): PrefixCount {
  const generation = before.generation + 1
  return { ...before, generation, refreshing: { ...before.refreshing, [family]: generation } }
}

/** EoRR; without a BoRR it means nothing. */
export function endRefresh(before: PrefixCount, family: Family): PrefixCount {
  const { [family]: since, ...refreshing } = before.refreshing
  if (since === undefined) return before
  const type = family === 'ipv4' ? 'number' : 'string'
  let { prefixes } = before
  for (const [name, generation] of prefixEntries(prefixes)) {
    if (typeof name === type && generation < since) prefixes = deletePrefix(prefixes, name)
  }
  return { ...before, prefixes, refreshing }
}
