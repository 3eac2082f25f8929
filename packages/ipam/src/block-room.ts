import type { Family } from '@holdfast/ip'

/**
 * So many holders can the addresses of one AddressBlock have besides the first of each. A holder takes at most 609 bytes there: 62 of
 * punctuation (JSON in JSON), 126 of namespace and name, 36 of uid, 384 of terms (64 characters such as \u003c), and a comma. With the
 * first holders that is 1.3 MB of the 1.5 MiB that etcd takes, and as one text it is two thirds of what the schema allows for one
 * address. Without a bound, one tenant could make a block that cannot be written, and nobody would be given the addresses in it.
 */
export const mostSharers = 2048

/** The place of the block that an address lies in, among all of its family. */
const blockBits = 6n

/** How many Services share addresses of each block, besides the first holder of each address. */
export class BlockRoom {
  readonly #sharers: Readonly<Record<Family, Map<bigint, number>>> = { ipv4: new Map(), ipv6: new Map() }
  /** Blocks that were full and are not any more. */
  #reopened: { readonly family: Family; readonly first: bigint }[] = []

  /** True where the address can have another sharer. */
  isFree(family: Family, value: bigint): boolean {
    return (this.#sharers[family].get(value >> blockBits) ?? 0) < mostSharers
  }

  take(family: Family, value: bigint): void {
    const block = value >> blockBits
    this.#sharers[family].set(block, (this.#sharers[family].get(block) ?? 0) + 1)
  }

  leave(family: Family, value: bigint): void {
    const block = value >> blockBits
    const count = this.#sharers[family].get(block) ?? 0
    if (count === mostSharers) this.#reopened.push({ family, first: block << blockBits })
    if (count > 1) this.#sharers[family].set(block, count - 1)
    else this.#sharers[family].delete(block)
  }

  /** All addresses of the blocks that have room again since the last call. */
  *takeReopened(): Generator<{ readonly family: Family; readonly value: bigint }> {
    const reopened = this.#reopened
    this.#reopened = []
    for (const { family, first } of reopened) {
      for (let place = 0n; place < 1n << blockBits; place += 1n) yield { family, value: first + place }
    }
  }
}
