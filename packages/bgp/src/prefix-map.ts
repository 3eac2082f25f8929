import type { Family } from '@holdfast/ip'

/**
 * A map that is never changed: each change makes a new one, which shares all but a few nodes with the one before. A tree
 * by the bits of the names' hashes, 32 ways at each level (a hash array mapped trie, without the packing).
 *
 * However many entries `dropBelow` drops, it takes one step: it raises the least value that counts. What lies below is not
 * there for any reader, and new entries sweep it away, each of them a little.
 */
export interface PrefixMap {
  readonly size: number
  readonly root: Node | undefined
  readonly least: Readonly<Record<Family, number>>
  /** undefined: there is nothing to sweep. */
  readonly sweep: Sweep | undefined
}

/** What is left of a round through the whole tree; `isDue`: another one has to follow, for what was dropped meanwhile. */
interface Sweep {
  readonly next: Unswept | undefined
  readonly isDue: boolean
  /** How many places for children and entries may be looked at; below 0 that is paid back first. */
  readonly credit: number
}
interface Unswept {
  readonly place: Place
  readonly rest: Unswept | undefined
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

export const emptyPrefixMap: PrefixMap = {
  size: 0,
  root: undefined,
  least: { ipv4: 0, ipv6: 0 },
  sweep: undefined,
}

const bitsPerLevel = 5
const ways = 1 << bitsPerLevel
/** Where the hash has no bits left. */
const deepest = 32
/** A leaf with more becomes a branch, unless all hashes in it are equal: then it is as long as the peer's limit lets it. */
const mostEntries = 16
/** For each new entry: so that what was dropped is gone before as much has come anew. */
const creditPerEntry = 8

export const familyOf = (name: PrefixName): Family => (typeof name === 'number' ? 'ipv4' : 'ipv6')

export function getPrefix({ root, least }: PrefixMap, name: PrefixName): number | undefined {
  const hash = hashOf(name)
  let node = root
  for (let shift = 0; node?.kind === 'branch'; shift += bitsPerLevel) node = node.children[slotOf(hash, shift)]
  const value = node?.entries.find((entry) => entry[0] === name)?.[1]
  return value === undefined || value < least[familyOf(name)] ? undefined : value
}

export function setPrefix(map: PrefixMap, name: PrefixName, value: number): PrefixMap {
  const isNew = getPrefix(map, name) === undefined
  const root = inserted(map.root, [name, value], { hash: hashOf(name), shift: 0 })
  const { least, sweep } = map
  const larger = { size: map.size + (isNew ? 1 : 0), root, least, sweep }
  return isNew && sweep !== undefined ? swept(larger, sweep) : larger
}

/** The map itself where the name is not in it. */
export function deletePrefix(map: PrefixMap, name: PrefixName): PrefixMap {
  if (getPrefix(map, name) === undefined) return map
  return withoutRest({
    ...map,
    size: map.size - 1,
    root: removed(map.root, name, { hash: hashOf(name), shift: 0 }),
  })
}

/** Drops the entries of a family with values below this one; the caller says how many there are. */
export function dropBelow(map: PrefixMap, family: Family, value: number, count: number): PrefixMap {
  if (count === 0) return map
  const { sweep, least } = map
  return withoutRest({
    ...map,
    size: map.size - count,
    least: { ...least, [family]: value },
    // A round that is under way goes on: one that always began anew would never reach the end of the tree.
    sweep: sweep === undefined ? { next: wholeTree, isDue: false, credit: 0 } : { ...sweep, isDue: true },
  })
}

/** A map without entries needs no tree to be swept. */
const withoutRest = (map: PrefixMap): PrefixMap =>
  map.size === 0 ? { ...map, root: undefined, sweep: undefined } : map

export function prefixEntries({ root, least }: PrefixMap): readonly Entry[] {
  const found: Entry[] = []
  const visit = (node: Node | undefined): void => {
    if (node?.kind === 'leaf') found.push(...node.entries.filter((entry) => !isDropped(entry, least)))
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

const wholeTree: Unswept = { place: { hash: 0, shift: 0 }, rest: undefined }

const isDropped = ([name, value]: Entry, least: PrefixMap['least']): boolean => value < least[familyOf(name)]

/** Goes on for as long as there is credit: from a branch to those below it, whose leaves lose what was dropped. */
function swept(map: PrefixMap, before: Sweep): PrefixMap {
  let { root } = map
  let { next, isDue } = before
  let credit = before.credit + creditPerEntry
  while (credit > 0) {
    if (next === undefined && !isDue) return { ...map, root, sweep: undefined }
    if (next === undefined) [next, isDue] = [wholeTree, false]
    const { place, rest }: Unswept = next
    const node = nodeAt(root, place)
    const clean = node && cleaned(node, map.least)
    if (clean !== node) root = replaced(root, place, clean)
    next = clean?.kind === 'branch' ? branchesOf(clean, place, rest) : rest
    credit -= node === undefined ? 1 : costOf(node)
  }
  return { ...map, root, sweep: { next, isDue, credit } }
}

const costOf = (node: Node): number =>
  node.kind === 'leaf'
    ? 1 + node.entries.length
    : node.children.reduce((sum, child) => sum + (child?.kind === 'leaf' ? child.entries.length : 0), ways)

/** undefined where there is nothing, or a leaf higher up, which came later than the sweep. */
function nodeAt(root: Node | undefined, { hash, shift }: Place): Node | undefined {
  let node = root
  for (let at = 0; at < shift; at += bitsPerLevel) {
    if (node?.kind !== 'branch') return undefined
    node = node.children[slotOf(hash, at)]
  }
  return node
}

/** The node itself where nothing of it or of its leaves was dropped. */
function cleaned(node: Node, least: PrefixMap['least']): Node | undefined {
  if (node.kind === 'branch') {
    const children = node.children.map((child) => (child?.kind === 'leaf' ? cleaned(child, least) : child))
    const isSame = children.every((child, slot) => child === node.children[slot])
    return isSame ? node : unlessEmpty({ kind: 'branch', children })
  }
  const entries = node.entries.filter((entry) => !isDropped(entry, least))
  if (entries.length === node.entries.length) return node
  return entries.length === 0 ? undefined : { kind: 'leaf', entries }
}

/** With another node at this place, to which there are branches. */
function replaced(node: Node | undefined, place: Place, by: Node | undefined, shift = 0): Node | undefined {
  if (shift === place.shift) return by
  if (node?.kind !== 'branch') return node
  const slot = slotOf(place.hash, shift)
  return unlessEmpty(withChild(node, slot, replaced(node.children[slot], place, by, shift + bitsPerLevel)))
}

function branchesOf({ children }: Branch, { hash, shift }: Place, rest: Unswept | undefined): Unswept | undefined {
  let next = rest
  for (const [slot, child] of children.entries()) {
    if (child?.kind !== 'branch') continue
    next = { place: { hash: hash | (slot << shift), shift: shift + bitsPerLevel }, rest: next }
  }
  return next
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
  return unlessEmpty(withChild(node, slot, removed(node.children[slot], name, below(place))))
}

const unlessEmpty = (branch: Branch): Branch | undefined =>
  branch.children.every((child) => child === undefined) ? undefined : branch

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
