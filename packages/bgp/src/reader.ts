/** A cursor over bytes that are not ours: what is not there is `undefined`, so that no reader can forget to ask. */
export class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #offset = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#bytes.length - this.#offset
  }

  uint8(): number | undefined {
    return this.remaining < 1 ? undefined : this.#view.getUint8(this.#advance(1))
  }

  uint16(): number | undefined {
    return this.remaining < 2 ? undefined : this.#view.getUint16(this.#advance(2))
  }

  uint32(): number | undefined {
    return this.remaining < 4 ? undefined : this.#view.getUint32(this.#advance(4))
  }

  /** The next bytes, as a view: copy what is kept longer than the message. */
  bytes(length: number): Uint8Array | undefined {
    if (this.remaining < length) return undefined
    const start = this.#advance(length)
    return this.#bytes.subarray(start, start + length)
  }

  /** All bytes that are left, as a view. */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.#advance(this.remaining))
  }

  #advance(length: number): number {
    const start = this.#offset
    this.#offset += length
    return start
  }
}
