/**
 * A map that is never changed: each change makes a new one, which shares all but a few nodes with the one before. A tree
 * by the bits of the names' hashes, 32 ways at each level (a hash array mapped trie, without the packing).
 */
export interface PrefixMap {
  readonly size: number
  readonly root: Node | undefined
}

/** As `prefixKey` makes them. */
export type PrefixName = number | string

type Entry = readonly [name: PrefixName, value: number]
type Node = Leaf | Branch
interface Leaf {
  readonly kind: 'leaf'
  readonly entries: readonly Entry[]
}
interface Branch {
  readonly kind: 'branch'
  readonly children: readonly (Node | undefined)[]
}

export const emptyPrefixMap: PrefixMap = { size: 0, root: undefined }

const bitsPerLevel = 5
const ways = 1 << bitsPerLevel
/** Where the hash has no bits left. */
const deepest = 32
/** A leaf with more becomes a branch, unless all hashes in it are equal: then it is as long as the peer's limit lets it. */
const mostEntries = 16

export function getPrefix({ root }: PrefixMap, name: PrefixName): number | undefined {
  const hash = hashOf(name)
  let node = root
  for (let shift = 0; node?.kind === 'branch'; shift += bitsPerLevel) node = node.children[slotOf(hash, shift)]
  return node?.entries.find((entry) => entry[0] === name)?.[1]
}

export function setPrefix(map: PrefixMap, name: PrefixName, value: number): PrefixMap {
  const isNew = getPrefix(map, name) === undefined
  return { size: map.size + (isNew ? 1 : 0), root: inserted(map.root, [name, value], { hash: hashOf(name), shift: 0 }) }
}

/** The map itself where the name is not in it. */
export function deletePrefix(map: PrefixMap, name: PrefixName): PrefixMap {
  if (getPrefix(map, name) === undefined) return map
  return { size: map.size - 1, root: removed(map.root, name, { hash: hashOf(name), shift: 0 }) }
}

export function prefixEntries({ root }: PrefixMap): readonly Entry[] {
  const found: Entry[] = []
  const visit = (node: Node | undefined): void => {
    if (node?.kind === 'leaf') found.push(...node.entries)
    else for (const child of node?.children ?? []) visit(child)
  }
  visit(root)
  return found
}

/** A name's hash, and how many of its bits the levels above have used. */
interface Place {
  readonly hash: number
  readonly shift: number
}

const below = ({ hash, shift }: Place): Place => ({ hash, shift: shift + bitsPerLevel })

const slotOf = (hash: number, shift: number): number => (hash >>> shift) & (ways - 1)

function inserted(node: Node | undefined, entry: Entry, place: Place): Node {
  if (node === undefined) return { kind: 'leaf', entries: [entry] }
  if (node.kind === 'branch') {
    const slot = slotOf(place.hash, place.shift)
    return withChild(node, slot, inserted(node.children[slot], entry, below(place)))
  }
  const entries = [...node.entries.filter(([name]) => name !== entry[0]), entry]
  if (entries.length <= mostEntries || place.shift >= deepest) return { kind: 'leaf', entries }
  return entries.reduce<Node>((branch, each) => inserted(branch, each, { hash: hashOf(each[0]), shift: place.shift }), {
    kind: 'branch',
    children: Array.from({ length: ways }, () => undefined),
  })
}

/** Nothing stays of what is empty, so that a tree never grows but by what is in it. */
function removed(node: Node | undefined, name: PrefixName, place: Place): Node | undefined {
  if (node === undefined) return undefined
  if (node.kind === 'leaf') {
    const entries = node.entries.filter((entry) => entry[0] !== name)
    return entries.length === 0 ? undefined : { kind: 'leaf', entries }
  }
  const slot = slotOf(place.hash, place.shift)
  const branch = withChild(node, slot, removed(node.children[slot], name, below(place)))
  return branch.children.every((child) => child === undefined) ? undefined : branch
}

const withChild = ({ children }: Branch, slot: number, child: Node | undefined): Branch => ({
  kind: 'branch',
  children: children.with(slot, child),
})

/** FNV-1a for texts; numbers (of up to 38 bits) are mixed with two odd factors. */
function hashOf(name: PrefixName): number {
  if (typeof name === 'number') {
    const mixed = Math.imul(name | 0, 0x9e3779b1) ^ Math.imul(Math.floor(name / 2 ** 32), 0x85ebca6b)
    return mixed ^ (mixed >>> 15)
  }
  let hash = 0x811c9dc5
  for (let index = 0; index < name.length; index += 1) hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193)
  return hash ^ (hash >>> 15)
}
