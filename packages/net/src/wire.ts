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
import type { Connection } from './transport.ts'

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

/** What comes out of received bytes: messages, and at most one fault, which is final. */
export type Incoming =
  { readonly kind: 'received'; readonly message: Message } | { readonly kind: 'faulted'; readonly fault: SessionReset }

/** BGP over one connection: messages on this side, bytes on that. */
export class Wire {
  readonly connection: Connection
  /** How the bytes that follow are read and written. */
  context: CodecContext = initialContext
  readonly #framer = createFramer()
  readonly #traffic: { readonly received: Traffic; readonly sent: Traffic }
  #outbox: Uint8Array[] = []

  constructor(connection: Connection, traffic: { readonly received: Traffic; readonly sent: Traffic }) {
    this.connection = connection
    this.#traffic = traffic
  }

  /** One by one, since a message can change the context in which the next one is read. */
  *read(bytes: Uint8Array): Generator<Incoming, void, undefined> {
    this.#traffic.received.countBytes(bytes.length)
    this.#framer.push(bytes)
    for (let frame = this.#framer.next(); frame.kind !== 'needMore'; frame = this.#framer.next()) {
      const incoming = this.#incoming(frame)
      yield incoming
      if (incoming.kind === 'faulted') return
    }
  }

  #incoming(frame: Exclude<Frame, { kind: 'needMore' }>): Incoming {
    if (frame.kind === 'fault') return { kind: 'faulted', fault: frame.fault }
    const decoded = decodeMessage(frame.bytes, this.context)
    if (!decoded.ok) return { kind: 'faulted', fault: decoded.fault }
    this.#traffic.received.countMessage(decoded.message.kind)
    return { kind: 'received', message: decoded.message }
  }

  /** Goes out with the next `flush`. */
  write(message: Message): void {
    this.#outbox.push(encodeMessage(message, this.context))
    this.#traffic.sent.countMessage(message.kind)
  }

  /** Hands over what was written, in one piece: a full table is 124 messages, which need not be 124 system calls. */
  flush(): void {
    if (this.#outbox.length === 0) return
    const bytes = concat(this.#outbox)
    this.#outbox = []
    this.#traffic.sent.countBytes(bytes.length)
    this.connection.send(bytes)
  }
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
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
  encodeMessage({ kind: 'notification', code: 6, subcode, data: new Uint8Array(0) }, initialContext)

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
