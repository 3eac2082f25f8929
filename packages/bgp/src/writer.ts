import { maxMessageLength } from './iana.ts'

/** Room behind the end, so that a short prefix can be written as a whole address of which only the front counts. */
const slack = 16

/** Fills one message. Writing more than fits throws: whoever builds messages asks `updateCapacity` first. */
export class Writer {
  readonly #bytes = new Uint8Array(maxMessageLength + slack)
  readonly #view = new DataView(this.#bytes.buffer)
  #length = 0

  get length(): number {
    return this.#length
  }

  uint8(value: number): void {
    this.#view.setUint8(this.#advance(1), value)
  }

  uint16(value: number): void {
    this.#view.setUint16(this.#advance(2), value)
  }

  uint32(value: number): void {
    this.#view.setUint32(this.#advance(4), value)
  }

  bytes(value: Uint8Array): void {
    this.#bytes.set(value, this.#advance(value.length))
  }

  /** The first `octets` (0 to 4) of an unsigned 32-bit value. */
  ipv4(value: number, octets: number): void {
    this.#view.setUint32(this.#advance(octets), value)
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

  #advance(octets: number): number {
    const start = this.#length
    this.#length += octets
    if (this.#length > maxMessageLength) throw new RangeError(`A BGP message ends at ${maxMessageLength} octets`)
    return start
  }
}
