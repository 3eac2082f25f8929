/**
 * More than so many times the agreed rate, and more than `leastPerSecond`, is no BFD any more: a flood of packets that prove
 * themselves, which would take the room of the other sessions in the socket.
 */
const timesAgreed = 16
const leastPerSecond = 320

/** What a late thread finds waiting, of the fastest session and for some seconds, is no flood. */
const burst = 400

/** How many packets of one session are taken at one port. */
export class PacketBudget {
  #tokens = burst
  #filledMs: number
  #refusedCount = 0

  constructor(nowMs: number) {
    this.#filledMs = nowMs
  }

  /** Packets that were not taken. */
  get refusedCount(): number {
    return this.#refusedCount
  }

  /** Whether to take one more, where `intervalMs` is the shortest interval that we agreed to. */
  take(nowMs: number, intervalMs: number): boolean {
    const perMs = Math.max(leastPerSecond / 1000, timesAgreed / intervalMs)
    this.#tokens = Math.min(burst, this.#tokens + (nowMs - this.#filledMs) * perMs)
    this.#filledMs = nowMs
    if (this.#tokens < 1) {
      this.refuse()
      return false
    }
    this.#tokens -= 1
    return true
  }

  /** Counts one that is not even asked for. */
  refuse(): void {
    this.#refusedCount += 1
  }
}
