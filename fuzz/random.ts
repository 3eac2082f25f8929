/** Numbers that a seed decides, so that a run can be repeated: xorshift with 32 bits. */
export class Random {
  #state: number

  constructor(seed: number) {
    // 0 is the one state that this generator never leaves.
    this.#state = seed >>> 0 || 0x9e3779b9
    for (let turn = 0; turn < 8; turn += 1) this.below(2)
  }

  /** 0 to `limit` - 1. */
  below(limit: number): number {
    let state = this.#state
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    this.#state = state >>> 0
    return this.#state % limit
  }

  /** Any one of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    const item = list[this.below(list.length)]
    if (item === undefined) throw new RangeError('Nothing to pick from')
    return item
  }
}
