import type { Range } from '@holdfast/ip'
import { compareAddresses, rangesOverlap } from '@holdfast/ip'

/** Disjoint ranges with an owner each, in address order: a lookup takes as long as the logarithm of their number. */
export class DisjointRanges<T> {
  readonly #entries: { readonly range: Range; readonly owner: T }[] = []

  /** The entries that a range overlaps, in address order. */
  overlapping(range: Range): readonly { readonly range: Range; readonly owner: T }[] {
    const found = []
    for (let index = this.#firstEndingAtOrAfter(range); index < this.#entries.length; index += 1) {
      const entry = this.#entries[index]
      if (entry === undefined || !rangesOverlap(entry.range, range)) break
      found.push(entry)
    }
    return found
  }

  /** Takes a range in that overlaps no entry. */
  add(range: Range, owner: T): void {
    this.#entries.splice(this.#firstEndingAtOrAfter(range), 0, { range, owner })
  }

  #firstEndingAtOrAfter({ first }: Range): number {
    let [low, high] = [0, this.#entries.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      const entry = this.#entries[middle]
      if (entry !== undefined && compareAddresses(entry.range.last, first) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
