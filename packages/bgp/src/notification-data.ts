import { ceaseSubcode, errorCode } from './iana.ts'
import type { NotificationMessage } from './messages.ts'
import { bytesFromText, textFromBytes } from './text.ts'

/** What the one octet of length can count (RFC 9003 section 2). */
const maxCommunicationLength = 255

/** The data of a Cease that says why: a length and so much UTF-8 (RFC 9003 section 2), cut at a character. */
export function communicationData(text: string): Uint8Array {
  const bytes = bytesFromText(text, maxCommunicationLength)
  return Uint8Array.of(bytes.length, ...bytes)
}

/** RFC 9003 section 2: the two subcodes of Cease that can have a text. */
const subcodesWithText: readonly number[] = [ceaseSubcode.administrativeShutdown, ceaseSubcode.administrativeReset]

/**
 * The words of the peer's operator, also from within a Hard Reset; undefined where there are none, or fewer octets than
 * their length says. Any text: see `describeText` before showing it.
 */
export function readCommunication(notification: NotificationMessage): string | undefined {
  const { code, subcode, data } = unwrapHardReset(notification) ?? notification
  if (code !== errorCode.cease || !subcodesWithText.includes(subcode)) return undefined
  const [length = 0] = data
  return length === 0 || length > data.length - 1 ? undefined : textFromBytes(data.subarray(1, 1 + length))
}

/** A Hard Reset around another NOTIFICATION (RFC 8538 section 3.1): the peer is not to keep our routes. */
export const hardReset = ({ code, subcode, data }: NotificationMessage): NotificationMessage => ({
  kind: 'notification',
  code: errorCode.cease,
  subcode: ceaseSubcode.hardReset,
  data: Uint8Array.of(code, subcode, ...data),
})

/** What is inside of a Hard Reset; undefined where the NOTIFICATION is none, or has nothing inside. */
export function unwrapHardReset({ code, subcode, data }: NotificationMessage): NotificationMessage | undefined {
  const [innerCode, innerSubcode] = data
  if (code !== errorCode.cease || subcode !== ceaseSubcode.hardReset) return undefined
  if (innerCode === undefined || innerSubcode === undefined) return undefined
  return { kind: 'notification', code: innerCode, subcode: innerSubcode, data: data.subarray(2) }
}
