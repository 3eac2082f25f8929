import { maxMessageLength } from './iana.ts'

/** Room behind the end, so that a short prefix can be written as a whole address of which only the front counts. */
const slack = 16

/** Fills one message. Writing more than the limit throws: whoever builds messages asks `updateCapacity` first. */
export class Writer {
  readonly #limit: number
  #room: number
  #bytes: Uint8Array
  #view: DataView
  #length = 0

  /** @param limit longest message in octets: 4,096, or more with RFC 8654 */
  constructor(limit: number = maxMessageLength) {
    this.#limit = limit
    this.#room = Math.min(limit, maxMessageLength)
    this.#bytes = new Uint8Array(this.#room + slack)
    this.#view = new DataView(this.#bytes.buffer)
  }

  get length(): number {
    return this.#length
  }

  /** What may still be written. */
  get remaining(): number {
    return this.#limit - this.#length
  }

  uint8(value: number): void {
    const start = this.#advance(1)
    this.#view.setUint8(start, value)
  }

  uint16(value: number): void {
    const start = this.#advance(2)
    this.#view.setUint16(start, value)
  }

  uint32(value: number): void {
    const start = this.#advance(4)
    this.#view.setUint32(start, value)
  }

  bytes(value: Uint8Array): void {
    const start = this.#advance(value.length)
    this.#bytes.set(value, start)
  }

  /** The first `octets` (0 to 4) of an unsigned 32-bit value. */
  ipv4(value: number, octets: number): void {
    const start = this.#advance(octets)
    this.#view.setUint32(start, value)
  }

  /** The first `octets` (0 to 16) of an unsigned 128-bit value. */
  ipv6(value: bigint, octets: number): void {
    const start = this.#advance(octets)
    this.#view.setBigUint64(start, value >> 64n)
    // Stored modulo 2^64, as the upper half is above.
    this.#view.setBigUint64(start + 8, value)
  }

  /** Sets a two-octet length that was written as 0 when it was not known yet. */
  patchUint16(offset: number, value: number): void {
    this.#view.setUint16(offset, value)
  }

  /** What was written, in memory of its own size. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  /** Comes in front of everything that touches the memory, which may be another one afterwards. */
  #advance(octets: number): number {
    const start = this.#length
    const end = start + octets
    if (end > this.#room) this.#grow(end)
    this.#length = end
    return start
  }

  /** Most messages are short, also where long ones are allowed. */
  #grow(end: number): void {
    if (end > this.#limit) throw new RangeError(`A BGP message ends at ${this.#limit} octets`)
    const bytes = new Uint8Array(this.#limit + slack)
    bytes.set(this.#bytes)
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer)
    this.#room = this.#limit
  }
}
