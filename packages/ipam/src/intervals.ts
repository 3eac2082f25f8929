/** Disjoint closed intervals of integers, neighbours merged, in ascending order. */
export class IntervalSet {
  /** `#starts[i]` to `#ends[i]`. */
  readonly #starts: bigint[] = []
  readonly #ends: bigint[] = []

  get isEmpty(): boolean {
    return this.#starts.length === 0
  }

  /** Adds all integers from `first` to `last`. */
  add(first: bigint, last: bigint): void {
    // Everything that overlaps or touches [first, last] becomes one interval with it.
    const from = this.#firstEndingAtOrAfter(first - 1n)
    let to = from
    while (to < this.#starts.length && at(this.#starts, to) <= last + 1n) to += 1
    const start = to > from ? least(first, at(this.#starts, from)) : first
    const end = to > from ? most(last, at(this.#ends, to - 1)) : last
    this.#starts.splice(from, to - from, start)
    this.#ends.splice(from, to - from, end)
  }

  /** Takes one integer out; false where it was not in. */
  remove(value: bigint): boolean {
    const index = this.#firstEndingAtOrAfter(value)
    const start = this.#starts[index]
    const end = this.#ends[index]
    if (start === undefined || end === undefined || start > value) return false
    const left = start < value ? [{ start, end: value - 1n }] : []
    const right = value < end ? [{ start: value + 1n, end }] : []
    const rest = [...left, ...right]
    this.#starts.splice(index, 1, ...rest.map((part) => part.start))
    this.#ends.splice(index, 1, ...rest.map((part) => part.end))
    return true
  }

  /** The end of the interval that `value` lies in; undefined where it lies in none. */
  endOfRunAt(value: bigint): bigint | undefined {
    const index = this.#firstEndingAtOrAfter(value)
    const start = this.#starts[index]
    return start !== undefined && start <= value ? this.#ends[index] : undefined
  }

  /** The lowest integer in the set that is not below `value`. */
  firstFrom(value: bigint): bigint | undefined {
    const start = this.#starts[this.#firstEndingAtOrAfter(value)]
    return start === undefined ? undefined : most(start, value)
  }

  toArray(): readonly { readonly first: bigint; readonly last: bigint }[] {
    return this.#starts.map((first, index) => ({ first, last: at(this.#ends, index) }))
  }

  #firstEndingAtOrAfter(value: bigint): number {
    let low = 0
    let high = this.#ends.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (at(this.#ends, middle) < value) low = middle + 1
      else high = middle
    }
    return low
  }
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b)
const most = (a: bigint, b: bigint): bigint => (a > b ? a : b)

/** For places that a loop has just checked to exist. */
function at(list: readonly bigint[], index: number): bigint {
  const value = list[index]
  if (value === undefined) throw new RangeError(`interval ${index} of ${list.length}`)
  return value
}
