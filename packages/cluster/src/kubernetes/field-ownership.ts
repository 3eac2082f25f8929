import { equalData, isFields, type Fields } from './plain-data.ts'

/*
 * Server-side apply (structured merge), as far as the twin of the API needs it. A path is the names from the top of the object, and
 * `[{"type":"Ready"}]` for an item of a list that is keyed. What has fields or keyed items is not owned itself; everything else is
 * a leaf and is owned as a whole: also a list without keys, and what is empty.
 */
export type Path = string
type Owned = ReadonlySet<Path>

/** Who owns which leaves: by manager, operation and subresource. */
export type Owners = ReadonlyMap<string, Owned>

/** The keys of the items of the list at these names, or undefined where it is atomic. */
export type ListKeys = (names: readonly string[]) => readonly string[] | undefined

const separator = '\u0001'

/** Set by the server, or name the object: nobody's. */
const unowned: ReadonlySet<string> = new Set([
  'apiVersion',
  'kind',
  ...['name', 'namespace', 'uid', 'resourceVersion', 'generation', 'creationTimestamp', 'deletionTimestamp'].map(
    (field) => `metadata${separator}${field}`,
  ),
])

/** The leaves of an object, with their values. */
function leavesOf(object: Fields, listKeys: ListKeys): ReadonlyMap<Path, unknown> {
  const leaves = new Map<Path, unknown>()
  const visit = (value: unknown, path: Path, names: readonly string[]): void => {
    const children = childrenOf(value, names, listKeys)
    if (children === undefined || children.length === 0) {
      if (path !== '' && !unowned.has(path)) leaves.set(path, value)
      return
    }
    for (const { step, name, content } of children) {
      visit(content, joined(path, step), name === undefined ? names : [...names, name])
    }
  }
  visit(object, '', [])
  return leaves
}

interface Child {
  readonly step: string
  /** undefined: an item of a list. */
  readonly name: string | undefined
  readonly content: unknown
}

function childrenOf(value: unknown, names: readonly string[], listKeys: ListKeys): readonly Child[] | undefined {
  if (isFields(value)) return Object.entries(value).map(([name, content]) => ({ step: name, name, content }))
  const keys = Array.isArray(value) ? listKeys(names) : undefined
  if (keys === undefined || !Array.isArray(value)) return undefined
  return value.map((content: unknown) => ({ step: stepOf(content, keys), name: undefined, content }))
}

const stepOf = (item: unknown, keys: readonly string[]): string =>
  `[${JSON.stringify(keys.map((key) => (isFields(item) ? item[key] : undefined)))}]`

/** The object with what is applied in the place of what was there, without what `owner` no longer applies and nobody else owns. */
export function applied(
  before: Fields,
  configuration: Fields,
  owner: { readonly name: string; readonly owners: Owners },
  listKeys: ListKeys,
): Fields {
  const leaves = leavesOf(configuration, listKeys)
  const others = [...owner.owners].filter(([name]) => name !== owner.name).map(([, owned]) => owned)
  const merged = merge(before, configuration, [], listKeys)
  const dropped = [...(owner.owners.get(owner.name) ?? [])].filter(
    (path) => !leaves.has(path) && !others.some((owned) => owned.has(path)) && !isWithin(leaves, path),
  )
  const result = dropped.length === 0 ? merged : without(merged, new Set(dropped), { path: '', names: [], listKeys })
  return isFields(result) ? result : {}
}

const isWithin = (leaves: ReadonlyMap<Path, unknown>, path: Path): boolean =>
  [...leaves.keys()].some((leaf) => leaf.startsWith(`${path}${separator}`))

function merge(before: unknown, now: unknown, names: readonly string[], listKeys: ListKeys): unknown {
  if (isFields(now)) return isFields(before) ? mergeFields(before, now, names, listKeys) : now
  const keys = Array.isArray(now) ? listKeys(names) : undefined
  if (keys === undefined || !Array.isArray(now) || !Array.isArray(before)) return now
  const items = new Map(before.map((item: unknown) => [stepOf(item, keys), item]))
  for (const item of now) {
    const step = stepOf(item, keys)
    items.set(step, merge(items.get(step), item, names, listKeys))
  }
  return [...items.values()]
}

function mergeFields(before: Fields, now: Fields, names: readonly string[], listKeys: ListKeys): Fields {
  const merged: Record<string, unknown> = { ...before }
  for (const [name, content] of Object.entries(now)) {
    merged[name] = merge(before[name], content, [...names, name], listKeys)
  }
  return merged
}

interface Place {
  readonly path: Path
  readonly names: readonly string[]
  readonly listKeys: ListKeys
}

/** The value without these leaves, and without what has nothing left then; undefined: nothing is left. */
function without(value: unknown, leaves: Owned, { path, names, listKeys }: Place): unknown {
  const children = childrenOf(value, names, listKeys)
  if (children === undefined || children.length === 0) return leaves.has(path) ? undefined : value
  const left = children.flatMap(({ step, name, content }) => {
    const below = { path: joined(path, step), names: name === undefined ? names : [...names, name], listKeys }
    const kept = without(content, leaves, below)
    return kept === undefined ? [] : [{ step, kept }]
  })
  if (left.length === 0) return undefined
  return isFields(value) ? Object.fromEntries(left.map(({ step, kept }) => [step, kept])) : left.map(({ kept }) => kept)
}

const joined = (path: Path, step: string): Path => (path === '' ? step : `${path}${separator}${step}`)

/** One write: who made it, and which leaves it applied (undefined: it was no apply, and owns what it changed). */
export interface OwnedWrite {
  readonly name: string
  readonly configuration: Fields | undefined
}

/** The owners after a write: whoever changes a leaf takes it from all others. */
export function ownersAfter(
  owners: Owners,
  change: { readonly before: Fields; readonly after: Fields },
  write: OwnedWrite,
  listKeys: ListKeys,
): Owners {
  const { changed, lost } = differences(change.before, change.after, listKeys)
  const next = new Map<string, Owned>()
  for (const [name, owned] of owners) {
    const left = lost.size === 0 ? owned : new Set([...owned].filter((path) => !lost.has(path)))
    if (left.size > 0) next.set(name, left)
  }
  const own =
    write.configuration === undefined
      ? new Set([...(next.get(write.name) ?? []), ...changed])
      : new Set(leavesOf(write.configuration, listKeys).keys())
  if (own.size > 0) next.set(write.name, own)
  else next.delete(write.name)
  return next
}

/** The leaves that a write changed or added, and those that others lose by it: these, and those that it removed. */
function differences(
  before: Fields,
  after: Fields,
  listKeys: ListKeys,
): { readonly changed: readonly Path[]; readonly lost: Owned } {
  const changed: Path[] = []
  const removed: Path[] = []
  const visit = (old: unknown, now: unknown, place: Omit<Place, 'listKeys'>): void => {
    // What a write leaves as it is, it shares with what was before.
    if (old === now || unowned.has(place.path)) return
    const oldChildren = childrenOf(old, place.names, listKeys)
    const children = childrenOf(now, place.names, listKeys)
    if (isOwnedWhole(now, children)) {
      if (!equalData(old, now)) changed.push(place.path)
    } else if (isOwnedWhole(old, oldChildren)) removed.push(place.path)
    for (const { part, below } of paired(oldChildren, children, place)) {
      if (part.now === undefined) removed.push(...leafPathsWithin(part.old, below, listKeys))
      else visit(part.old, part.now, below)
    }
  }
  visit(before, after, { path: '', names: [] })
  return { changed, lost: new Set([...changed, ...removed]) }
}

/** The children before and after, each with its place. */
function* paired(
  before: readonly Child[] = [],
  after: readonly Child[] = [],
  { path, names }: Omit<Place, 'listKeys'>,
) {
  const old = new Map(before.map((child) => [child.step, child]))
  const below = ({ step, name }: Child) => ({
    path: joined(path, step),
    names: name === undefined ? names : [...names, name],
  })
  for (const child of after) {
    yield { part: { old: old.get(child.step)?.content, now: child.content }, below: below(child) }
    old.delete(child.step)
  }
  for (const child of old.values()) yield { part: { old: child.content, now: undefined }, below: below(child) }
}

/** A value that is there and is owned as a whole. */
const isOwnedWhole = (value: unknown, children: readonly Child[] | undefined): boolean =>
  value !== undefined && (children === undefined || children.length === 0)

function leafPathsWithin(
  value: unknown,
  { path, names }: Omit<Place, 'listKeys'>,
  listKeys: ListKeys,
): readonly Path[] {
  const children = childrenOf(value, names, listKeys)
  if (children === undefined || children.length === 0) return [path]
  return children.flatMap(({ step, name, content }) =>
    leafPathsWithin(
      content,
      { path: joined(path, step), names: name === undefined ? names : [...names, name] },
      listKeys,
    ),
  )
}

export const equalOwners = (a: Owners, b: Owners): boolean =>
  a.size === b.size && [...a].every(([name, owned]) => equalSets(owned, b.get(name)))

const equalSets = (a: Owned, b: Owned | undefined): boolean => a.size === b?.size && [...a].every((path) => b.has(path))
