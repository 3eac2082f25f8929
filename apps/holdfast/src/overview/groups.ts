import { paint } from '../output/text.ts'

export const good = paint('green', '●')
export const wanting = paint('yellow', '○')

/** Names that are listed for one thing. */
const mostNames = 8

/** Names for a person, the rest of very many counted. */
export const namesOf = (names: readonly string[]): string =>
  names.length > mostNames
    ? `${names.slice(0, mostNames).join(', ')} and ${names.length - mostNames} more`
    : names.join(', ')

/** Items by a key, in the order in which the keys come. */
export function groupsOf<T>(
  items: readonly T[],
  keyOf: (one: T) => string,
): readonly (readonly [string, readonly T[]])[] {
  const groups = new Map<string, T[]>()
  for (const one of items) {
    const group = groups.get(keyOf(one))
    if (group === undefined) groups.set(keyOf(one), [one])
    else group.push(one)
  }
  return [...groups]
}
