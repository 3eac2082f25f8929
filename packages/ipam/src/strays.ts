import type { Address } from '@holdfast/ip'
import { addressKey } from '@holdfast/ip'
import type { Released } from './types.ts'

/** A release with its place among all of a ledger. */
export interface OrderedRelease {
  /** Rises with every release. */
  readonly order: number
  readonly released: Released
}

/** So many are remembered, as many as of blocks that are read. */
const mostStrays = 16_384

/**
 * Releases of addresses that no pool has, or gives: a pool that is deleted and made anew, or corrected, is to hand them out as if it had
 * been there all the time.
 */
export class Strays {
  /** In the order of release. */
  readonly #entries = new Map<ReturnType<typeof addressKey>, OrderedRelease>()
  #version = 0

  /** Rises whenever `values` change. */
  get version(): number {
    return this.#version
  }

  remember(address: Address, service: string, order: number): void {
    this.#version += 1
    const key = addressKey(address)
    this.#entries.delete(key)
    this.#entries.set(key, { order, released: { address, service } })
    if (this.#entries.size <= mostStrays) return
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest)
      return
    }
  }

  values(): Iterable<OrderedRelease> {
    return this.#entries.values()
  }
}
