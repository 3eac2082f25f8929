import { decodeOpen } from './decode-open.ts'
import { decodeUpdate } from './decode-update.ts'
import type { SessionReset } from './fault.ts'
import { sessionReset } from './fault.ts'
import { headerFault } from './framer.ts'
import { errorCode, headerLength, headerSubcode, messageType, routeRefreshSubcode } from './iana.ts'
import type { CodecContext, Message } from './messages.ts'
import { Reader } from './reader.ts'

/** A message, or the fault that ends the session. Lesser faults of an UPDATE are inside it. */
export type Decoded<M = Message> =
  { readonly ok: true; readonly message: M } | { readonly ok: false; readonly fault: SessionReset }

/**
 * Reads one whole message, header included, as a framer cut it. Never throws, whatever the bytes are, and keeps no view
 * of them: what it returns stays true when their memory is used again.
 *
 * Sources: RFC 4271 section 4 and 6, RFC 4724, 4760, 5492, 6793, 7606, 7607, 7911, 8654, 8950, 9072, 9234, 9494, 9774.
 */
export function decodeMessage(bytes: Uint8Array, context: CodecContext): Decoded {
  const fault = headerFault(bytes, context.maxReceivedLength) ?? frameFault(bytes)
  if (fault !== undefined) return { ok: false, fault }
  const body = bytes.subarray(headerLength)
  switch (bytes[18]) {
    case messageType.open:
      return decodeOpen(body)
    case messageType.update:
      return decodeUpdate(body, context)
    case messageType.notification:
      return decodeNotification(body)
    case messageType.routeRefresh:
      return decodeRouteRefresh(body, bytes)
    default:
      return { ok: true, message: { kind: 'keepalive' } }
  }
}

/** Bytes that are not one whole message: no framer makes such, but nobody has to trust that. */
function frameFault(bytes: Uint8Array): SessionReset | undefined {
  const length = (bytes[16] ?? 0) * 256 + (bytes[17] ?? 0)
  if (bytes.length >= headerLength && bytes.length === length) return undefined
  const message = `the message has ${bytes.length} octets but says ${length}`
  const fault = sessionReset(errorCode.messageHeader, headerSubcode.badMessageLength, message, bytes.slice(16, 18))
  return { ...fault, isSilent: bytes[18] === messageType.notification }
}

function decodeNotification(body: Uint8Array): Decoded {
  const reader = new Reader(body)
  const [code = 0, subcode = 0] = [reader.uint8(), reader.uint8()]
  return { ok: true, message: { kind: 'notification', code, subcode, data: reader.rest().slice() } }
}

/** RFC 7313 section 3.2: subtypes 1 and 2 mark the begin and the end of a refresh and have no more than four octets. */
const largestMarkerSubtype = 2

/** RFC 5291 section 4: the smallest ORF part is When-to-refresh, type and length. */
const minimumOrfLength = 4

/**
 * RFC 2918 section 3. What follows the four octets of a plain request is taken for outbound route filters (RFC 5291)
 * and passed over, since we never offer them; what cannot be such is a wrong length (RFC 7313 section 5).
 */
function decodeRouteRefresh(body: Uint8Array, whole: Uint8Array): Decoded {
  const reader = new Reader(body)
  const [afi = 0, subtype = 0, safi = 0] = [reader.uint16(), reader.uint8(), reader.uint8()]
  const extra = reader.remaining
  const isMarker = subtype > 0 && subtype <= largestMarkerSubtype
  if (extra > 0 && (isMarker || extra < minimumOrfLength)) {
    const message = `a ROUTE-REFRESH of subtype ${subtype} cannot have ${extra} further octets`
    // The data is the complete message; what of it is too much for a NOTIFICATION is cut off when that is written.
    const data = whole.slice()
    const fault = sessionReset(errorCode.routeRefresh, routeRefreshSubcode.invalidMessageLength, message, data)
    return { ok: false, fault }
  }
  return { ok: true, message: { kind: 'routeRefresh', afi, subtype, safi } }
}
