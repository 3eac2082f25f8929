import type { Alarm, Clock } from '@holdfast/runtime'

/** What is looked at: both only ever grow, apart from the pending part. */
export interface Outflow {
  /** Bytes that the system has taken so far. */
  readonly takenBytes: () => number
  /** Whether there is something that it has not taken yet. */
  readonly isPending: () => boolean
}

export interface SendHoldOptions {
  readonly clock: Clock
  readonly outflow: Outflow
  /** Called at every look, at most a second apart while something is pending. */
  readonly look: () => void
  readonly expired: () => void
}

/** How often progress is looked for, at least. */
const LOOK_MS = 1000

/**
 * The SendHoldTimer of RFC 9687 section 4.3. The RFC restarts it with every message that is sent; handing bytes over is no
 * proof that any left, so that here it is progress that counts: that the local system takes bytes, which it does only as
 * the peer's window lets others go. What the system has taken is beyond our sight: its buffer has to fill up first, and a
 * peer that makes room there, however slowly, is not stuck.
 */
export class SendHold {
  readonly #options: SendHoldOptions
  #sendHoldMs = 0
  /** Something has been pending since `#progressMs` at the latest. */
  #isWatching = false
  #takenBytes = 0
  #progressMs = 0
  #alarm: Alarm | undefined

  constructor(options: SendHoldOptions) {
    this.#options = options
  }

  /** When it expires unless something moves before; undefined: nothing is pending, or it is off. */
  get dueMs(): number | undefined {
    return this.#isWatching && this.#sendHoldMs > 0 ? this.#progressMs + this.#sendHoldMs : undefined
  }

  /** From here on with this time; 0 is off. */
  start(sendHoldMs: number): void {
    this.stop()
    this.#sendHoldMs = sendHoldMs
    this.check()
  }

  /** To be called whenever something was handed over. */
  check(): void {
    const { clock, outflow } = this.#options
    if (!outflow.isPending()) return this.#rest()
    if (this.#isWatching) return
    this.#isWatching = true
    this.#takenBytes = outflow.takenBytes()
    this.#progressMs = clock.now()
    this.#await()
  }

  stop(): void {
    this.#rest()
    this.#sendHoldMs = 0
  }

  #rest(): void {
    this.#alarm?.cancel()
    this.#isWatching = false
  }

  #await(): void {
    const { clock } = this.#options
    const dueMs = this.#sendHoldMs === 0 ? Number.POSITIVE_INFINITY : this.#progressMs + this.#sendHoldMs - clock.now()
    this.#alarm = clock.after(Math.min(LOOK_MS, Math.max(0, dueMs)), () => this.#look())
  }

  #look(): void {
    const { clock, outflow, look, expired } = this.#options
    look()
    if (!this.#isWatching) return
    if (outflow.takenBytes() > this.#takenBytes) this.#progressMs = clock.now()
    this.#takenBytes = outflow.takenBytes()
    const isExpired = this.#sendHoldMs > 0 && clock.now() - this.#progressMs >= this.#sendHoldMs
    this.#isWatching = outflow.isPending() && !isExpired
    if (this.#isWatching) this.#await()
    else if (isExpired) expired()
  }
}
