/** What one list has that another has not, by identity. */
export interface ListDifference<T> {
  readonly removed: readonly T[]
  readonly added: readonly T[]
}

/**
 * What changed between two lists, whatever their order; an item that a list has several times counts as often. Items that kept
 * their place, or that one place, cost a comparison each and no more.
 */
export function listDifference<T>(before: readonly T[], after: readonly T[]): ListDifference<T> {
  const { head, tail } = commonEnds(before, after)
  const [old, fresh] = [before.slice(head, before.length - tail), after.slice(head, after.length - tail)]
  // What is left of the longer list has nothing to be compared with.
  const removed = old.filter((item, place) => place >= fresh.length || item !== fresh[place])
  const added = fresh.filter((item, place) => place >= old.length || item !== old[place])
  return withoutMoved(removed, added)
}

/** How many items are the same at the beginning of two lists, and how many of the others at their end. */
export function commonEnds<T>(
  before: readonly T[],
  after: readonly T[],
): { readonly head: number; readonly tail: number } {
  const head = sameHead(before, after)
  return { head, tail: sameTail(before, after, head) }
}

function sameHead<T>(before: readonly T[], after: readonly T[]): number {
  const most = Math.min(before.length, after.length)
  let length = 0
  while (length < most && before[length] === after[length]) length += 1
  return length
}

function sameTail<T>(before: readonly T[], after: readonly T[], head: number): number {
  const most = Math.min(before.length, after.length) - head
  let length = 0
  while (length < most && before[before.length - 1 - length] === after[after.length - 1 - length]) length += 1
  return length
}

/** What was removed in one place and added in another has only moved. */
function withoutMoved<T>(removed: readonly T[], added: readonly T[]): ListDifference<T> {
  if (removed.length === 0 || added.length === 0) return { removed, added }
  const counts = new Map<T, number>()
  for (const item of removed) counts.set(item, (counts.get(item) ?? 0) + 1)
  const reallyAdded = added.filter((item) => {
    const count = counts.get(item) ?? 0
    if (count > 0) counts.set(item, count - 1)
    return count === 0
  })
  const reallyRemoved = removed.filter((item) => {
    const count = counts.get(item) ?? 0
    if (count > 0) counts.set(item, count - 1)
    return count > 0
  })
  return { removed: reallyRemoved, added: reallyAdded }
}
