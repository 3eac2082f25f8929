import type { Holders } from './holders.ts'
import type { Want } from './want.ts'

/** An address that is in use. */
export interface Holding {
  readonly value: bigint
  /** Place of the range in its pool's spec: addresses are handed out by range first, then by value. */
  readonly rangeIndex: number
  /** The sharing key and backend of all its holders; undefined where its one holder does not share. */
  readonly group: string | undefined
  readonly holders: Holders
}

/** Where an address stands in the order of choice inside its pool. */
export interface Position {
  readonly rangeIndex: number
  readonly value: bigint
}

export const isBefore = (a: Position, b: Position): boolean =>
  a.rangeIndex === b.rangeIndex ? a.value < b.value : a.rangeIndex < b.rangeIndex

/** A port of the request that another holder of the address uses already. */
export const portInUse = (holding: Holding, want: Want): string | undefined =>
  want.ports.find((port) => (holding.holders.userOf(port) ?? want.key) !== want.key)

/** The addresses of one pool and family that are shared under one key, in the order of choice. */
export class ShareGroup {
  readonly #holdings: Holding[] = []
  /** By ports: all holdings before this place were found to use one of them. */
  readonly #searchedTo = new Map<string, number>()

  get isEmpty(): boolean {
    return this.#holdings.length === 0
  }

  add(holding: Holding): void {
    const index = this.#placeOf(holding)
    if (index < this.#holdings.length) this.#searchedTo.clear()
    this.#holdings.splice(index, 0, holding)
  }

  remove(holding: Holding): void {
    this.#holdings.splice(this.#placeOf(holding), 1)
    this.#searchedTo.clear()
  }

  /** To be called when a holding has lost a user: what did not fit before may fit now. */
  forgetSearches(): void {
    this.#searchedTo.clear()
  }

  /** The first holding whose ports leave room for the request, and that `hasRoom` for another holder. */
  firstFor(want: Want, hasRoom: (holding: Holding) => boolean = () => true): Holding | undefined {
    let index = this.#searchedTo.get(want.portsKey) ?? 0
    let holding = this.#holdings[index]
    while (holding !== undefined && portInUse(holding, want) !== undefined) {
      index += 1
      holding = this.#holdings[index]
    }
    this.#searchedTo.set(want.portsKey, index)
    // What has no room is passed without a note: it may have some as soon as anybody leaves the block.
    while (holding !== undefined && (!hasRoom(holding) || portInUse(holding, want) !== undefined)) {
      index += 1
      holding = this.#holdings[index]
    }
    return holding
  }

  #placeOf(position: Position): number {
    let low = 0
    let high = this.#holdings.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const holding = this.#holdings[middle]
      if (holding !== undefined && isBefore(holding, position)) low = middle + 1
      else high = middle
    }
    return low
  }
}
