import { compareText } from './compare.ts'

/** A run of entries that lie next to each other: as many keys as values, in the order of the keys. */
interface Chunk<V> {
  readonly keys: readonly string[]
  readonly values: readonly V[]
}

/** The keys that begin a chunk: one in so many. */
const chunkLength = 64

/** What becomes of one key; undefined: it goes. */
export type MapChange<V> = readonly [key: string, value: V | undefined]

/**
 * A map that is never changed, in the order of its keys: a changed one shares all but a few of its chunks, so that it costs what
 * changed. Which keys begin a chunk follows from the keys themselves: maps with the same entries have the same chunks.
 */
export class SortedMap<V> implements ReadonlyMap<string, V> {
  readonly chunks: readonly Chunk<V>[]
  readonly size: number

  private constructor(chunks: readonly Chunk<V>[], size: number) {
    this.chunks = chunks
    this.size = size
  }

  static empty<V>(): SortedMap<V> {
    return new SortedMap<V>([], 0)
  }

  /** Of entries in any order, each key once. */
  static of<V>(entries: readonly (readonly [key: string, value: V])[]): SortedMap<V> {
    return SortedMap.empty<V>().with(entries)
  }

  /** With these changes, each key once; the map itself where they change nothing. */
  with(changes: readonly MapChange<V>[]): SortedMap<V> {
    const real = changes.filter(([key, value]) => this.get(key) !== value)
    if (real.length === 0) return this
    // Keys that are in order already cost one comparison each.
    const sorted = real.sort(([a], [b]) => compareText(a, b))
    const builder = new Builder<V>()
    let next = 0
    for (const [index, chunk] of this.chunks.entries()) {
      const end = placeOf(sorted, this.chunks[index + 1]?.keys[0], next)
      if (next === end) builder.share(chunk)
      else builder.merge(chunk, sorted.slice(next, end))
      next = end
    }
    if (this.chunks.length === 0) builder.merge({ keys: [], values: [] }, sorted)
    return new SortedMap(...builder.finish())
  }

  get(key: string): V | undefined {
    const chunk = this.chunks[lastNotAfter(this.chunks.length, (index) => this.chunks[index]?.keys[0] ?? '', key)]
    if (chunk === undefined) return undefined
    const place = lastNotAfter(chunk.keys.length, (index) => chunk.keys[index] ?? '', key)
    return chunk.keys[place] === key ? chunk.values[place] : undefined
  }

  has(key: string): boolean {
    return this.get(key) !== undefined
  }

  forEach(callback: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this.entries()) callback(value, key, this)
  }

  *entries(): Generator<[string, V], undefined> {
    for (const { keys, values } of this.chunks) {
      for (const [index, value] of values.entries()) yield [keys[index] ?? '', value]
    }
  }

  keys(): ArrayIterator<string> {
    return this.chunks.flatMap(({ keys }) => keys).values()
  }

  values(): ArrayIterator<V> {
    return this.chunks.flatMap(({ values }) => values).values()
  }

  [Symbol.iterator](): Generator<[string, V], undefined> {
    return this.entries()
  }
}

/** Where, from `start` on, the changes of keys begin that are not before `key`; undefined: after all. */
function placeOf(sorted: readonly MapChange<unknown>[], key: string | undefined, start: number): number {
  let place = start
  for (
    let change = sorted[place];
    change !== undefined && (key === undefined || change[0] < key);
    change = sorted[place]
  ) {
    place += 1
  }
  return place
}

/** Puts chunks together again, from the first to the last. */
class Builder<V> {
  readonly #chunks: Chunk<V>[] = []
  #keys: string[] = []
  #values: V[] = []
  #size = 0

  /** A chunk as it is: it is the first of all, or its first key begins a chunk. */
  share(chunk: Chunk<V>): void {
    this.#close()
    this.#chunks.push(chunk)
    this.#size += chunk.keys.length
  }

  /** A chunk with changes in the order of their keys. */
  merge({ keys, values }: Chunk<V>, changes: readonly MapChange<V>[]): void {
    let next = 0
    for (const [index, value] of values.entries()) {
      const key = keys[index] ?? ''
      let change = changes[next]
      for (; change !== undefined && change[0] < key; change = changes[next]) {
        this.#add(...change)
        next += 1
      }
      if (change?.[0] === key) {
        this.#add(...change)
        next += 1
      } else this.#add(key, value)
    }
    for (const change of changes.slice(next)) this.#add(...change)
  }

  finish(): [chunks: readonly Chunk<V>[], size: number] {
    this.#close()
    return [this.#chunks, this.#size]
  }

  #add(key: string, value: V | undefined): void {
    if (value === undefined) return
    if (beginsChunk(key)) this.#close()
    else if (this.#keys.length === 0) this.#reopen()
    this.#keys.push(key)
    this.#values.push(value)
    this.#size += 1
  }

  /** The key that began a chunk is gone: what follows belongs to the chunk before. */
  #reopen(): void {
    const last = this.#chunks.pop()
    if (last === undefined) return
    this.#keys = [...last.keys]
    this.#values = [...last.values]
  }

  #close(): void {
    if (this.#keys.length === 0) return
    this.#chunks.push({ keys: this.#keys, values: this.#values })
    this.#keys = []
    this.#values = []
  }
}

/** FNV-1a, and a multiplication that spreads it: names that differ in a digit are far apart. */
function beginsChunk(key: string): boolean {
  let hash = 0x811c9dc5
  for (let index = 0; index < key.length; index += 1) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193)
  return Math.imul(hash ^ (hash >>> 15), 0x9e3779b1) >>> 0 < 2 ** 32 / chunkLength
}

/** The last of `length` ascending keys that is not after `key`; -1: all are. */
function lastNotAfter(length: number, keyAt: (index: number) => string, key: string): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (keyAt(middle) <= key) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** One key that two maps do not have the same of; undefined: it is not in that map. */
export interface EntryDifference<V> {
  readonly key: string
  readonly before: V | undefined
  readonly after: V | undefined
}

/** Where two maps differ, by the identity of their values. Of sorted maps that share chunks it costs what differs. */
export function mapDifference<V>(
  before: ReadonlyMap<string, V>,
  after: ReadonlyMap<string, V>,
): readonly EntryDifference<V>[] {
  if (before === after) return []
  if (before instanceof SortedMap && after instanceof SortedMap) {
    // instanceof forgets what is in the maps.
    return chunkDifference(before as SortedMap<V>, after as SortedMap<V>)
  }
  return entryDifference(before, after)
}

/** Chunks that only one of the maps has hold all that differs: the other ones are passed over, entries and all. */
function chunkDifference<V>(before: SortedMap<V>, after: SortedMap<V>): readonly EntryDifference<V>[] {
  const [old, fresh] = [new Set(before.chunks), new Set(after.chunks)]
  return entryDifference(entriesOf(before.chunks, fresh), entriesOf(after.chunks, old))
}

function entriesOf<V>(chunks: readonly Chunk<V>[], known: ReadonlySet<Chunk<V>>): ReadonlyMap<string, V> {
  const entries = new Map<string, V>()
  for (const chunk of chunks) if (!known.has(chunk)) addAll(entries, chunk)
  return entries
}

function addAll<V>(map: Map<string, V>, { keys, values }: Chunk<V>): void {
  for (const [index, value] of values.entries()) map.set(keys[index] ?? '', value)
}

function entryDifference<V>(
  before: ReadonlyMap<string, V>,
  after: ReadonlyMap<string, V>,
): readonly EntryDifference<V>[] {
  const differences: EntryDifference<V>[] = []
  for (const [key, value] of before) {
    const now = after.get(key)
    if (now !== value) differences.push({ key, before: value, after: now })
  }
  for (const [key, value] of after) if (!before.has(key)) differences.push({ key, before: undefined, after: value })
  return differences
}
