import type { ServiceRequest } from './types.ts'

/** The stretch in which two lists differ: what stands before and behind it is the same objects in the same order. */
export interface Stretch {
  readonly before: readonly ServiceRequest[]
  readonly now: readonly ServiceRequest[]
}

/**
 * Narrows two lists down to where they differ, without a look into the requests: one edit leaves one or two of them.
 */
export function differingStretch(before: readonly ServiceRequest[], now: readonly ServiceRequest[]): Stretch {
  const shorter = Math.min(before.length, now.length)
  let start = 0
  while (start < shorter && before[start] === now[start]) start += 1
  let tail = 0
  while (tail < shorter - start && before.at(-1 - tail) === now.at(-1 - tail)) tail += 1
  return { before: before.slice(start, before.length - tail), now: now.slice(start, now.length - tail) }
}
