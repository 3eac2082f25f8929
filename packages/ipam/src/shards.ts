const SHARDS = 256

const noEntries: ReadonlyMap<string, never> = new Map<string, never>()

/**
 * An immutable map with texts as keys. A changed copy shares what did not change: one change among 10,000 entries
 * copies 40 of them, where a copy of a whole `Map` would cost more than all the planning.
 */
export class ShardedMap<V> implements ReadonlyMap<string, V> {
  readonly #shards: readonly ReadonlyMap<string, V>[]
  readonly size: number

  private constructor(shards: readonly ReadonlyMap<string, V>[], size: number) {
    this.#shards = shards
    this.size = size
  }

  static of<V>(entries: Iterable<readonly [string, V]>): ShardedMap<V> {
    const empty = new ShardedMap<V>(
      Array.from({ length: SHARDS }, () => noEntries),
      0,
    )
    return empty.with(entries)
  }

  /** A copy with other values; undefined takes a key out. */
  with(entries: Iterable<readonly [string, V | undefined]>): ShardedMap<V> {
    const shards = [...this.#shards]
    const copies = new Map<number, Map<string, V>>()
    let size = this.size
    for (const [key, value] of entries) {
      const index = shardOf(key)
      const copy = copies.get(index) ?? new Map(shards[index])
      copies.set(index, copy)
      shards[index] = copy
      size -= copy.size
      if (value === undefined) copy.delete(key)
      else copy.set(key, value)
      size += copy.size
    }
    return new ShardedMap(shards, size)
  }

  /** The keys whose values are not the same ones in another map. What the two share is not looked at. */
  *differingKeys(other: ShardedMap<V>): Generator<string> {
    for (const [index, shard] of this.#shards.entries()) {
      const theirs = other.#shards[index] ?? noEntries
      if (shard !== theirs) yield* differingEntries(shard, theirs)
    }
  }

  get(key: string): V | undefined {
    return this.#shards[shardOf(key)]?.get(key)
  }

  has(key: string): boolean {
    return this.#shards[shardOf(key)]?.has(key) === true
  }

  *entries(): MapIterator<[string, V]> {
    for (const shard of this.#shards) yield* shard.entries()
  }

  *keys(): MapIterator<string> {
    for (const shard of this.#shards) yield* shard.keys()
  }

  *values(): MapIterator<V> {
    for (const shard of this.#shards) yield* shard.values()
  }

  [Symbol.iterator](): MapIterator<[string, V]> {
    return this.entries()
  }

  forEach(visit: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this) visit(value, key, this)
  }
}

/** The keys whose values are not the same ones in two maps; maps that share parts are not compared there. */
export const differingKeys = <V>(one: ReadonlyMap<string, V>, other: ReadonlyMap<string, V>): Iterable<string> =>
  one instanceof ShardedMap && other instanceof ShardedMap
    ? (one as ShardedMap<V>).differingKeys(other as ShardedMap<V>)
    : differingEntries(one, other)

function* differingEntries<V>(one: ReadonlyMap<string, V>, other: ReadonlyMap<string, V>): Generator<string> {
  for (const [key, value] of one) if (other.get(key) !== value) yield key
  for (const key of other.keys()) if (!one.has(key)) yield key
}

/** FNV-1a. */
function shardOf(key: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < key.length; index += 1) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193)
  return (hash ^ (hash >>> 16)) & (SHARDS - 1)
}
