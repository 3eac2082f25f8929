import type { Alarm, Clock } from '@holdfast/runtime'
import type { Random } from './random.ts'

/** What one end of a simulated connection gets from the other, in order. */
export type Item =
  { readonly kind: 'bytes'; readonly bytes: Uint8Array } | { readonly kind: 'end' } | { readonly kind: 'reset' }

/**
 * How a stream is cut into chunks: of `length` bytes that begin at `offset` of the stream, how many arrive first. The
 * answer is kept between 1 and `length`.
 */
export type Split = (offset: number, length: number, random: Random) => number

/** What a pipe needs of its network. */
export interface PipeMedium {
  readonly clock: Clock
  readonly random: Random
  readonly split: Split
  readonly latencyMs: () => number
  /** Whether anything gets through just now. */
  readonly isOpen: () => boolean
}

export interface PipeEnd {
  readonly arrived: (item: Item) => void
  /** Whether the receiver takes bytes and ends just now; a reset it cannot refuse. */
  readonly isTaking: () => boolean
  /** The sender's buffer was full and is empty again. */
  readonly drained: () => void
}

/** Bytes under way up to here are the system's: beyond, the sender has them pending, as with a socket's send buffer. */
const SYSTEM_BUFFER_BYTES = 65_536

/** One direction of a simulated connection: delays and cuts, never loses or reorders. */
export class SimulatedPipe {
  readonly #medium: PipeMedium
  readonly #end: PipeEnd
  #queue: { readonly item: Item; readonly dueMs: number }[] = []
  #alarm: Alarm | undefined
  #offset = 0
  #bytesUnderWay = 0

  constructor(medium: PipeMedium, end: PipeEnd) {
    this.#medium = medium
    this.#end = end
  }

  pendingBytes(): number {
    return Math.max(0, this.#bytesUnderWay - SYSTEM_BUFFER_BYTES)
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const wanted = Math.trunc(this.#medium.split(this.#offset, bytes.length - at, this.#medium.random))
      const length = Math.min(Math.max(wanted, 1), bytes.length - at)
      this.#push({ kind: 'bytes', bytes: bytes.slice(at, at + length) })
      this.#offset += length
      this.#bytesUnderWay += length
      at += length
    }
  }

  end(): void {
    this.#push({ kind: 'end' })
  }

  /** Drops what is under way. */
  reset(): void {
    this.#alarm?.cancel()
    this.#alarm = undefined
    this.#queue = []
    this.#bytesUnderWay = 0
    this.#push({ kind: 'reset' })
  }

  /** To be called when the medium lets things through or the receiver takes them again: what waited goes on. */
  resume(): void {
    if (this.#queue.length > 0 && this.#alarm === undefined)
      this.#await(this.#medium.clock.now() + this.#medium.latencyMs())
  }

  #push(item: Item): void {
    const dueMs = Math.max(this.#queue.at(-1)?.dueMs ?? 0, this.#medium.clock.now() + this.#medium.latencyMs())
    this.#queue.push({ item, dueMs })
    if (this.#queue.length === 1) this.#await(dueMs)
  }

  #await(dueMs: number): void {
    this.#alarm = this.#medium.clock.after(Math.max(0, dueMs - this.#medium.clock.now()), () => this.#deliver())
  }

  #deliver(): void {
    this.#alarm = undefined
    const head = this.#queue[0]
    if (head === undefined || !this.#medium.isOpen()) return
    if (head.item.kind !== 'reset' && !this.#end.isTaking()) return
    this.#queue.shift()
    const next = this.#queue[0]
    if (next !== undefined) this.#await(next.dueMs)
    const wasPending = this.pendingBytes() > 0
    if (head.item.kind === 'bytes') this.#bytesUnderWay -= head.item.bytes.length
    if (wasPending && this.pendingBytes() === 0) this.#end.drained()
    this.#end.arrived(head.item)
  }
}
