import { addressKey } from '@holdfast/ip'
import type { Queue } from './backlog.ts'
import { Backlog } from './backlog.ts'
import type { Ledger } from './ledger.ts'
import { placedAt } from './ledger.ts'
import { waitingNeed, wishNeed } from './needs.ts'
import type { Spot } from './pool-table.ts'
import { sameRefusal } from './refusal.ts'
import { additionalRefusal, refusalOf } from './selection.ts'
import type { Placed, Refusal } from './types.ts'
import type { Want } from './want.ts'
import { asksForAddresses } from './want.ts'

/** Who waits for what to become free. An address that is left wakes those who wait for it. */
export class Queues {
  readonly #ledger: Ledger
  /** Holders who could do better. */
  readonly #wishes = new Backlog()
  /** Services that hold nothing. */
  readonly #waiting = new Backlog()

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  /** A Service that holds nothing waits. */
  wait(want: Want): void {
    this.#waiting.add(want, waitingNeed(this.#ledger.pools, want))
  }

  /** Notes what a holder would rather have, if anything, and is not noted yet. */
  wish(want: Want): void {
    const held = this.#ledger.spotsOf(want.key)
    if (held === undefined || this.#wishes.queueOf(want.key) !== undefined) return
    const need = wishNeed(this.#ledger.pools, want, held)
    if (need !== undefined) this.#wishes.add(want, need)
  }

  /** A want that is not there any more waits for nothing. */
  remove(want: Want): void {
    this.#wishes.remove(want)
    this.#waiting.remove(want)
  }

  /** Tries the holders for whom something may have changed, as `Backlog.run`. */
  runWishes(attempt: (want: Want) => boolean): void {
    this.#wishes.run(attempt)
  }

  /** Tries those without addresses for whom something may have changed, as `Backlog.run`. */
  runWaiting(attempt: (want: Want) => boolean): void {
    this.#waiting.run(attempt)
  }

  /** A Service has come to hold addresses: whoever waits for just these hears another reason. */
  wakeAtAddresses(spots: readonly Spot[]): void {
    for (const spot of spots) {
      const key = addressKey(placedAt(spot).address)
      this.#wishes.wakeForAddress(key)
      this.#waiting.wakeForAddress(key)
    }
  }

  /** Somebody left an address, or holds it on other terms: whoever waits for it, or for its block or pool, is tried again. */
  wakeFor(spot: Spot): void {
    this.#wakeAt(spot)
    for (const beside of this.#ledger.pools.takeReopened()) this.#wakeAt(beside)
  }

  /** A Service left an address: it is remembered, and whoever waits for it is tried again. */
  leave(spot: Spot, service: string): void {
    this.#ledger.remember(spot, service)
    this.wakeFor(spot)
  }

  /** As `leave`, of addresses that may be in no pool any more. */
  leaveAll(service: string, addresses: readonly Placed[]): void {
    for (const { address } of addresses) {
      const spot = this.#ledger.rememberAddress(address, service)
      if (spot !== undefined) this.wakeFor(spot)
    }
  }

  /**
   * Words the refusals of those who wait, when all is done, so that they name who holds what in the end. Returns the keys of Services
   * that are told something else than before.
   */
  explain(): readonly string[] {
    const wishes = explainTouched(this.#wishes, (want) => this.#wishRefusal(want))
    return [...wishes, ...explainTouched(this.#waiting, (want) => refusalOf(this.#ledger, want))]
  }

  /** Why a holder has not what it would rather have, as last explained; undefined where it has all that it can have. */
  wishRefusalOf(service: string): Refusal | undefined {
    return this.#wishes.queueOf(service)?.refusal
  }

  /** Why a Service holds nothing, as last explained. */
  waitingRefusalOf(service: string): Refusal | undefined {
    return this.#waiting.queueOf(service)?.refusal
  }

  #wakeAt(spot: Spot): void {
    const key = addressKey(placedAt(spot).address)
    for (const backlog of [this.#wishes, this.#waiting]) {
      backlog.wakeForAddress(key)
      backlog.wakeForPool(spot.shelf.pool.name)
    }
  }

  #wishRefusal(want: Want): Refusal {
    const [only] = this.#ledger.spotsOf(want.key) ?? []
    if (asksForAddresses(want.request) || only === undefined) return refusalOf(this.#ledger, want)
    return additionalRefusal(only)
  }
}

const explainTouched = (backlog: Backlog, refusalFor: (want: Want) => Refusal): readonly string[] =>
  backlog.takeTouched().flatMap((queue) => {
    const [want] = queue.members
    return want === undefined ? [] : explainQueue(queue, refusalFor(want))
  })

function explainQueue(queue: Queue, refusal: Refusal): readonly string[] {
  if (sameRefusal(queue.refusal, refusal)) return []
  queue.refusal = refusal
  return queue.members.map(({ key }) => key)
}
