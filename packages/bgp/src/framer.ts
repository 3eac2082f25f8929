import type { SessionReset } from './fault.ts'
import { sessionReset } from './fault.ts'
import { errorCode, headerLength, headerSubcode, maxMessageLength, messageType } from './iana.ts'

/** What `next` answers: more bytes are needed, here is one whole message, or the stream is beyond repair. */
export type Frame =
  | { readonly kind: 'needMore' }
  /** Header included. May be a view of the chunk: valid until the next `push`. */
  | { readonly kind: 'message'; readonly bytes: Uint8Array }
  | { readonly kind: 'fault'; readonly fault: SessionReset }

/** Cuts a TCP stream into messages (RFC 4271 section 4.1). */
export interface Framer {
  /**
   * Hands the next bytes over. Before that, `next` must have answered `needMore`. After a fault they are thrown away.
   */
  push(chunk: Uint8Array): void
  /** Call until it answers `needMore` or `fault`; a fault is final. */
  next(): Frame
  /**
   * The longest message in octets: 4,096 unless RFC 8654 lets the peer send more. Holds from the next message on; the
   * one whose header has been judged already stays as it is.
   */
  maxLength: number
}

const needMore: Frame = { kind: 'needMore' }
const nothing: Uint8Array = new Uint8Array(0)

/** The shortest whole message of each type (RFC 4271 sections 4.2 to 4.5, RFC 2918 section 3). */
const minimumLength: Readonly<Record<number, number>> = {
  [messageType.open]: 29,
  [messageType.update]: 23,
  [messageType.notification]: 21,
  [messageType.keepalive]: headerLength,
  [messageType.routeRefresh]: 23,
}

/** The longest of those types that RFC 8654 section 4 leaves out: an OPEN comes before anything is agreed. */
const maximumLength: Readonly<Record<number, number>> = {
  [messageType.open]: maxMessageLength,
  [messageType.keepalive]: headerLength,
}

/**
 * Makes a framer for one connection. It holds at most one unfinished message, whose length it has checked by then, and
 * copies each byte at most once, however small the chunks are.
 *
 * @param maxLength longest message in octets, see `Framer.maxLength`
 */
export function createFramer(maxLength: number = maxMessageLength): Framer {
  return new StreamFramer(maxLength)
}

class StreamFramer implements Framer {
  maxLength: number
  readonly #header = new Uint8Array(headerLength)
  /** The unfinished message: the header's memory until the header is complete and says how much more is needed. */
  #partial: Uint8Array = this.#header
  #filled = 0
  #chunk = nothing
  #fault: Frame | undefined

  constructor(maxLength: number) {
    this.maxLength = maxLength
  }

  push(chunk: Uint8Array): void {
    if (this.#fault !== undefined) return
    if (this.#chunk.length > 0) throw new Error('push() before next() answered needMore')
    this.#chunk = chunk
  }

  next(): Frame {
    if (this.#fault !== undefined) return this.#fault
    if (this.#partial !== this.#header) return this.#collect(this.#partial, this.#filled)
    return this.#filled === 0 && this.#chunk.length >= headerLength ? this.#fromChunk() : this.#fromHeader()
  }

  /** The usual case: a header begins the chunk, and if the whole message is there, nothing is copied. */
  #fromChunk(): Frame {
    const fault = headerFault(this.#chunk, this.maxLength)
    if (fault !== undefined) return this.#fail(fault)
    const length = lengthField(this.#chunk)
    if (this.#chunk.length < length) return this.#collect(new Uint8Array(length), 0)
    const bytes = this.#chunk.subarray(0, length)
    this.#chunk = this.#chunk.subarray(length)
    return { kind: 'message', bytes }
  }

  #fromHeader(): Frame {
    this.#fill()
    const fault = headerFault(this.#header.subarray(0, this.#filled), this.maxLength)
    if (fault !== undefined) return this.#fail(fault)
    if (this.#filled < headerLength) return needMore
    const message = new Uint8Array(lengthField(this.#header))
    message.set(this.#header)
    return this.#collect(message, headerLength)
  }

  #collect(message: Uint8Array, filled: number): Frame {
    this.#partial = message
    this.#filled = filled
    this.#fill()
    if (this.#filled < message.length) return needMore
    this.#partial = this.#header
    this.#filled = 0
    return { kind: 'message', bytes: message }
  }

  #fill(): void {
    const taken = this.#chunk.subarray(0, this.#partial.length - this.#filled)
    this.#partial.set(taken, this.#filled)
    this.#filled += taken.length
    this.#chunk = taken.length === this.#chunk.length ? nothing : this.#chunk.subarray(taken.length)
  }

  #fail(fault: SessionReset): Frame {
    this.#fault = { kind: 'fault', fault }
    this.#chunk = nothing
    this.#partial = this.#header
    return this.#fault
  }
}

const lengthField = (header: Uint8Array): number => (header[16] ?? 0) * 256 + (header[17] ?? 0)

/**
 * What is wrong with a message's header (RFC 4271 section 6.1), as far as its octets are there. Each is judged as soon
 * as it has come, so that nobody waits for the 65,535 octets that a broken length promises, or for the 19th of a
 * message of 18.
 */
export function headerFault(bytes: Uint8Array, maxLength: number): SessionReset | undefined {
  for (let index = 0; index < 16 && index < bytes.length; index += 1) {
    if (bytes[index] !== 0xff) return badMarker()
  }
  if (bytes.length < 18) return undefined
  const length = lengthField(bytes)
  if (length < headerLength || length > maxLength) return badLength(bytes)
  const type = bytes[18]
  return type === undefined ? undefined : typeFault(bytes, type, length)
}

const badMarker = (): SessionReset =>
  sessionReset(errorCode.messageHeader, headerSubcode.connectionNotSynchronized, 'the marker is not all ones')

function typeFault(bytes: Uint8Array, type: number, length: number): SessionReset | undefined {
  const minimum = minimumLength[type]
  if (minimum === undefined) {
    const message = `message type ${type} is unknown`
    return sessionReset(errorCode.messageHeader, headerSubcode.badMessageType, message, Uint8Array.of(type))
  }
  const maximum = maximumLength[type] ?? length
  return length < minimum || length > maximum ? badLength(bytes) : undefined
}

/** The data is the erroneous Length field; only an error in a NOTIFICATION goes unanswered (RFC 4271 section 6.4). */
function badLength(bytes: Uint8Array): SessionReset {
  const message = `a message cannot have a length of ${lengthField(bytes)} octets`
  const fault = sessionReset(errorCode.messageHeader, headerSubcode.badMessageLength, message, bytes.slice(16, 18))
  return { ...fault, isSilent: bytes[18] === messageType.notification }
}
