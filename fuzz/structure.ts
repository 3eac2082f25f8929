/**
 * Where a message has its lengths and its attributes, found by a reading of its own that knows nothing of the codec, and
 * believes what it reads: it is only used on messages that are well-formed.
 */

/** A length or a count in a message. */
export interface LengthField {
  readonly offset: number
  readonly octets: 1 | 2
}

/** An attribute, capability or parameter as it stands in the message. */
export interface Span {
  readonly start: number
  readonly end: number
}

const headerEnd = 19
const type = { open: 1, update: 2, notification: 3, refresh: 5 } as const

const octet = (bytes: Uint8Array, offset: number): number => bytes[offset] ?? 0
export const octetPair = (bytes: Uint8Array, offset: number): number =>
  octet(bytes, offset) * 256 + octet(bytes, offset + 1)

/** All lengths of a message, the header's among them. */
export function lengthFields(bytes: Uint8Array): readonly LengthField[] {
  return [{ offset: 16, octets: 2 }, ...bodyLengths(bytes)]
}

function bodyLengths(bytes: Uint8Array): readonly LengthField[] {
  switch (octet(bytes, 18)) {
    case type.open:
      return openLengths(bytes)
    case type.update:
      return updateLengths(bytes)
    case type.notification:
      return [{ offset: headerEnd + 2, octets: 1 }]
    case type.refresh:
      return [{ offset: headerEnd + 6, octets: 2 }]
    default:
      return []
  }
}

const parametersStart = headerEnd + 10

function openLengths(bytes: Uint8Array): readonly LengthField[] {
  const fields: LengthField[] = [{ offset: parametersStart - 1, octets: 1 }]
  const isExtended = octet(bytes, parametersStart) === 0xff
  const octets = isExtended ? 2 : 1
  if (isExtended) fields.push({ offset: parametersStart + 1, octets: 2 })
  for (const { start } of parameterSpans(bytes)) fields.push({ offset: start + 1, octets })
  for (const { start } of capabilitySpans(bytes)) {
    // The octet behind the capability's own length is the length of a text, or of nothing that matters.
    fields.push({ offset: start + 1, octets: 1 }, { offset: start + 2, octets: 1 })
  }
  return fields.filter(({ offset }) => offset < bytes.length)
}

function parameterSpans(bytes: Uint8Array): readonly Span[] {
  const isExtended = octet(bytes, parametersStart) === 0xff
  const spans: Span[] = []
  let start = parametersStart + (isExtended ? 3 : 0)
  while (start < bytes.length) {
    const end = start + (isExtended ? 3 + octetPair(bytes, start + 1) : 2 + octet(bytes, start + 1))
    spans.push({ start, end })
    start = end
  }
  return spans
}

/** The capabilities of an OPEN. */
export function capabilitySpans(bytes: Uint8Array): readonly Span[] {
  const headerLength = octet(bytes, parametersStart) === 0xff ? 3 : 2
  return parameterSpans(bytes).flatMap(({ start, end }) => {
    const spans: Span[] = []
    for (let at = start + headerLength; at < end; at += 2 + octet(bytes, at + 1)) {
      spans.push({ start: at, end: at + 2 + octet(bytes, at + 1) })
    }
    return spans
  })
}

/** Where the three fields of an UPDATE are. */
export interface UpdateFields {
  readonly withdrawn: Span
  readonly attributes: Span
  readonly nlri: Span
}

export function updateFields(bytes: Uint8Array): UpdateFields {
  const withdrawn = { start: headerEnd + 2, end: headerEnd + 2 + octetPair(bytes, headerEnd) }
  const start = withdrawn.end + 2
  const attributes = { start, end: start + octetPair(bytes, withdrawn.end) }
  return { withdrawn, attributes, nlri: { start: attributes.end, end: bytes.length } }
}

export const isUpdate = (bytes: Uint8Array): boolean => octet(bytes, 18) === type.update
export const isOpen = (bytes: Uint8Array): boolean => octet(bytes, 18) === type.open

/** The attributes of an UPDATE. */
export function attributeSpans(bytes: Uint8Array): readonly Span[] {
  const { attributes } = updateFields(bytes)
  const spans: Span[] = []
  let { start } = attributes
  while (start < attributes.end) {
    const end = valueStart(bytes, start) + valueLength(bytes, start)
    spans.push({ start, end })
    start = end
  }
  return spans
}

const isExtendedLength = (bytes: Uint8Array, start: number): boolean => (octet(bytes, start) & 0x10) !== 0
const valueStart = (bytes: Uint8Array, start: number): number => start + (isExtendedLength(bytes, start) ? 4 : 3)
const valueLength = (bytes: Uint8Array, start: number): number =>
  isExtendedLength(bytes, start) ? octetPair(bytes, start + 2) : octet(bytes, start + 2)

function updateLengths(bytes: Uint8Array): readonly LengthField[] {
  const { withdrawn, nlri } = updateFields(bytes)
  const fields: LengthField[] = [
    { offset: headerEnd, octets: 2 },
    { offset: withdrawn.end, octets: 2 },
  ]
  // The first octet of a list of prefixes is a length, or one of a path identifier.
  for (const { start, end } of [withdrawn, nlri]) if (start < end) fields.push({ offset: start, octets: 1 })
  for (const { start, end } of attributeSpans(bytes)) {
    fields.push({ offset: start + 2, octets: isExtendedLength(bytes, start) ? 2 : 1 })
    // A segment's count, the length of a next hop, the first length of a prefix: all in the first few octets of a value.
    const value = valueStart(bytes, start)
    for (let offset = value; offset < Math.min(end, value + 6); offset += 1) fields.push({ offset, octets: 1 })
  }
  return fields
}
