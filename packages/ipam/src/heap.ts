/** A binary heap: hands out its items in order, each push and pop in logarithmic time. */
export class Heap<T> {
  readonly #items: T[] = []
  readonly #isBefore: (a: T, b: T) => boolean

  /** The order of an item must not change while it is inside. */
  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore
  }

  push(item: T): void {
    const items = this.#items
    let index = items.push(item) - 1
    while (index > 0) {
      const above = (index - 1) >>> 1
      if (!this.#swapIfBefore(index, above)) return
      index = above
    }
  }

  pop(): T | undefined {
    const items = this.#items
    const [first] = items
    const last = items.pop()
    if (last === undefined || items.length === 0) return first
    items[0] = last
    let index = 0
    for (let left = 1; left < items.length; left = 2 * index + 1) {
      const lower = this.#isOrdered(left + 1, left) ? left + 1 : left
      if (!this.#swapIfBefore(lower, index)) break
      index = lower
    }
    return first
  }

  #isOrdered(index: number, behind: number): boolean {
    const a = this.#items[index]
    const b = this.#items[behind]
    return a !== undefined && b !== undefined && this.#isBefore(a, b)
  }

  #swapIfBefore(index: number, above: number): boolean {
    const a = this.#items[index]
    const b = this.#items[above]
    if (a === undefined || b === undefined || !this.#isBefore(a, b)) return false
    this.#items[above] = a
    this.#items[index] = b
    return true
  }
}
