import { encodeOpen } from './encode-open.ts'
import { encodeUpdate } from './encode-update.ts'
import { headerLength, maxMessageLength, messageType } from './iana.ts'
import type { CodecContext, Message } from './messages.ts'
import { Writer } from './writer.ts'

/**
 * Writes one message, header included. Throws only where we built something that BGP cannot say: a message of more
 * octets than the peer takes, or an UPDATE with more than one list of routes (`encodeUpdate` says which). The data of a
 * NOTIFICATION, which can be an attribute of the peer's own, is cut to what fits.
 *
 * Sources: RFC 4271 section 4, RFC 2918 section 3, RFC 8654 section 4.
 */
export function encodeMessage(message: Message, context: CodecContext): Uint8Array {
  const writer = new Writer(isAlwaysShort(message) ? maxMessageLength : context.maxSentLength)
  writeHeader(writer, messageType[message.kind])
  writeBody(writer, message, context)
  writer.patchUint16(lengthOffset, writer.length)
  return writer.finish()
}

/** RFC 8654 section 4: whatever is agreed. */
const isAlwaysShort = ({ kind }: Message): boolean => kind === 'open' || kind === 'keepalive'

const markerLength = 16
const lengthOffset = markerLength
const marker = new Uint8Array(markerLength).fill(0xff)

function writeHeader(writer: Writer, type: number): void {
  writer.bytes(marker)
  writer.uint16(headerLength)
  writer.uint8(type)
}

function writeBody(writer: Writer, message: Message, context: CodecContext): void {
  switch (message.kind) {
    case 'open':
      encodeOpen(writer, message)
      break
    case 'update':
      encodeUpdate(writer, message, context)
      break
    case 'notification':
      writer.uint8(message.code)
      writer.uint8(message.subcode)
      writer.bytes(message.data.subarray(0, writer.remaining))
      break
    case 'routeRefresh':
      writer.uint16(message.afi)
      writer.uint8(message.subtype)
      writer.uint8(message.safi)
      break
    case 'keepalive':
      break
  }
}
