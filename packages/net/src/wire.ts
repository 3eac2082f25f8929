import {
  createFramer,
  decodeMessage,
  encodeMessage,
  initialContext,
  type CodecContext,
  type Frame,
  type Message,
  type SessionReset,
} from '@holdfast/bgp'
import type { MessageCounts, TrafficCounters } from './driver-types.ts'
import type { Connection, ConnectionFault } from './transport.ts'

type MutableCounts = { -readonly [Kind in keyof MessageCounts]: number }

/** Counts the messages and bytes of one direction. */
export class Traffic {
  readonly #messages: MutableCounts = { open: 0, update: 0, notification: 0, keepalive: 0, routeRefresh: 0 }
  #bytes = 0

  countMessage(kind: keyof MessageCounts): void {
    this.#messages[kind] += 1
  }

  countBytes(count: number): void {
    this.#bytes += count
  }

  counters(): TrafficCounters {
    return { messages: { ...this.#messages }, bytes: this.#bytes }
  }
}

/** What comes out of received bytes: messages as they were framed, and at most one fault, which is final. */
export type Incoming =
  | { readonly kind: 'received'; readonly message: Message; readonly bytes: Uint8Array }
  /** `bytes` are those of a message that cannot be read; undefined: there is not even a message. */
  | { readonly kind: 'faulted'; readonly fault: SessionReset; readonly bytes: Uint8Array | undefined }

/**
 * With so much received and not yet read, no more is taken from the system, until half of it is read. Tiny chunks cost far
 * more memory than their bytes.
 */
const MOST_UNREAD = { bytes: 262_144, chunks: 512 } as const

/** What is handed over in one go, so that a full table is no system call for each message. */
const PIECE_BYTES = 65_536

/**
 * With so much handed over and not taken by the system, the rest waits here. Not less than what makes a connection tell
 * when it has drained.
 */
const MOST_PENDING_BYTES = 65_536

interface Outgoing {
  readonly message: Message
  readonly context: CodecContext
  /** Encoded already. */
  readonly bytes: Uint8Array | undefined
}

/** BGP over one connection: messages on this side, bytes on that. */
export class Wire {
  readonly connection: Connection
  /** How the bytes that follow are read and written. */
  context: CodecContext = initialContext
  readonly #framer = createFramer()
  readonly #traffic: { readonly received: Traffic; readonly sent: Traffic }

  #inbox: Uint8Array[] = []
  #inboxBytes = 0
  /** All that was received, and what of it the framer has nothing more to say about. */
  #receivedBytes = 0
  #readBytes = 0
  #isPaused = false
  #isBroken = false
  #fault: ConnectionFault | undefined

  #outbox: Outgoing[] = []
  /** Those before it are handed over. */
  #nextOut = 0
  #handedOverBytes = 0

  constructor(connection: Connection, traffic: { readonly received: Traffic; readonly sent: Traffic }) {
    this.connection = connection
    this.#traffic = traffic
  }

  /** Why TCP has ended; what came before may still be unread. */
  get fault(): ConnectionFault | undefined {
    return this.#fault
  }

  /** TCP has ended. The first reason counts. */
  end(fault: ConnectionFault): void {
    this.#fault ??= fault
  }

  /** Takes bytes over, to be read later. */
  receive(bytes: Uint8Array): void {
    this.#traffic.received.countBytes(bytes.length)
    if (this.#isBroken) return
    this.#inbox.push(bytes)
    this.#inboxBytes += bytes.length
    this.#receivedBytes += bytes.length
    if (this.#inboxBytes > MOST_UNREAD.bytes || this.#inbox.length > MOST_UNREAD.chunks) this.#pause(true)
  }

  /** Bytes that may hold whole messages; an unfinished message is not among them once all of it was looked at. */
  get hasUnread(): boolean {
    return this.#readBytes < this.#receivedBytes
  }

  /** Of what was received until now: whether some of it is not read yet. */
  unreadOfNow(): () => boolean {
    const receivedBytes = this.#receivedBytes
    return () => this.#readBytes < receivedBytes
  }

  /** One by one, since a message can change the context in which the next one is read. May be left and begun anew. */
  *read(): Generator<Incoming, void, undefined> {
    while (!this.#isBroken) {
      this.#framer.maxLength = this.context.maxReceivedLength
      const frame = this.#framer.next()
      if (frame.kind !== 'needMore') yield this.#incoming(frame)
      else if (!this.#feed()) return
    }
  }

  /** Gives the framer, which has nothing more to say, the next chunk; false: there is none. */
  #feed(): boolean {
    this.#readBytes = this.#receivedBytes - this.#inboxBytes
    const chunk = this.#inbox.shift()
    if (chunk === undefined) return false
    this.#inboxBytes -= chunk.length
    this.#framer.push(chunk)
    if (this.#inboxBytes <= MOST_UNREAD.bytes / 2 && this.#inbox.length <= MOST_UNREAD.chunks / 2) this.#pause(false)
    return true
  }

  #incoming(frame: Exclude<Frame, { kind: 'needMore' }>): Incoming {
    if (frame.kind === 'fault') return this.#broken(frame.fault, undefined)
    const { bytes } = frame
    const decoded = decodeMessage(bytes, this.context)
    if (!decoded.ok) return this.#broken(decoded.fault, bytes)
    this.#traffic.received.countMessage(decoded.message.kind)
    return { kind: 'received', message: decoded.message, bytes }
  }

  #broken(fault: SessionReset, bytes: Uint8Array | undefined): Incoming {
    this.#isBroken = true
    this.#inbox = []
    this.#inboxBytes = 0
    this.#readBytes = this.#receivedBytes
    this.#pause(false)
    return { kind: 'faulted', fault, bytes }
  }

  #pause(isPaused: boolean): void {
    if (this.#isPaused === isPaused) return
    this.#isPaused = isPaused
    this.connection.pause(isPaused)
  }

  /** Goes out with one of the next `flush`es. `bytes`: the message, where it is encoded already. */
  write(message: Message, bytes?: Uint8Array): void {
    this.#outbox.push({ message, context: this.context, bytes })
    this.#traffic.sent.countMessage(message.kind)
  }

  /** Messages wait to be handed over. */
  hasUnsent(): boolean {
    return this.#nextOut < this.#outbox.length
  }

  /** They wait for the system. */
  get isStuck(): boolean {
    return this.connection.pendingBytes() >= MOST_PENDING_BYTES
  }

  /** Bytes that the system has taken. */
  takenBytes(): number {
    return this.#handedOverBytes - this.connection.pendingBytes()
  }

  /** Hands over what was written, in large pieces, until the system is full or `isOver` (asked after each message). */
  flush(isOver: () => boolean): void {
    let isTimeOver = false
    while (this.hasUnsent() && !isTimeOver && !this.isStuck) {
      const pieces: Uint8Array[] = []
      let length = 0
      do {
        const bytes = this.#encodeNext()
        pieces.push(bytes)
        length += bytes.length
        isTimeOver = isOver()
      } while (this.hasUnsent() && length < PIECE_BYTES && !isTimeOver)
      this.#handOver(concat(pieces))
    }
    if (!this.hasUnsent()) this.discard()
  }

  #encodeNext(): Uint8Array {
    const next = this.#outbox[this.#nextOut]
    this.#nextOut += 1
    return next === undefined ? NOTHING : (next.bytes ?? encodeMessage(next.message, next.context))
  }

  #handOver(bytes: Uint8Array): void {
    this.#traffic.sent.countBytes(bytes.length)
    this.#handedOverBytes += bytes.length
    this.connection.send(bytes)
  }

  /** What was written and is not handed over never goes out. */
  discard(): void {
    this.#outbox = []
    this.#nextOut = 0
  }

  /** Closes the connection: what was handed over goes out. The peer's end is not seen where nothing is read. */
  close(lingerMs: number): void {
    this.#pause(false)
    this.connection.close(lingerMs)
  }
}

const NOTHING = new Uint8Array(0)

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const [first = NOTHING, ...more] = pieces
  if (more.length === 0) return first
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

/** Cease (RFC 4486 section 4) without data, ready to be sent in any state. */
export const ceaseBytes = (subcode: number): Uint8Array =>
  encodeMessage({ kind: 'notification', code: 6, subcode, data: NOTHING }, initialContext)

/** RFC 4486 section 4: Cease/Connection Rejected. */
const CONNECTION_REJECTED = ceaseBytes(5)

/** How long a refused connection may take to deliver the NOTIFICATION. */
const LINGER_MS = 1000

/** Refuses a connection that nobody wants: Cease/Connection Rejected, then closes it. `closed` is called when that is done. */
export function rejectConnection(connection: Connection, closed: () => void = () => undefined): void {
  connection.attach({ received: () => undefined, drained: () => undefined, closed })
  connection.send(CONNECTION_REJECTED)
  connection.close(LINGER_MS)
}
