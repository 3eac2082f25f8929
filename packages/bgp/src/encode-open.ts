import { encodeCapability } from './encode-capability.ts'
import { optionalParameter } from './iana.ts'
import type { OpenMessage } from './messages.ts'
import type { Writer } from './writer.ts'

/** What one octet of length can count. */
const maxShortLength = 255
/** Type and length in front of the capabilities. */
const shortParameterHeader = 2
const extendedParameterHeader = 3

/**
 * Writes the body of an OPEN (RFC 4271 section 4.2): all capabilities in one parameter (RFC 5492 section 4), in the
 * longer form of RFC 9072 only where the shorter cannot hold them.
 */
export function encodeOpen(writer: Writer, open: OpenMessage): void {
  writer.uint8(open.version)
  writer.uint16(open.asn)
  writer.uint16(open.holdTimeSeconds)
  writer.uint32(open.routerId)
  const values = open.capabilities.map(encodeCapability)
  const length = values.reduce((sum, { value }) => sum + 2 + value.length, 0)
  writeParameterHeader(writer, length)
  for (const { code, value } of values) {
    writer.uint8(code)
    writer.uint8(value.length)
    writer.bytes(value)
  }
}

function writeParameterHeader(writer: Writer, length: number): void {
  if (length === 0) {
    writer.uint8(0)
  } else if (length + shortParameterHeader <= maxShortLength) {
    writer.uint8(length + shortParameterHeader)
    writer.uint8(optionalParameter.capabilities)
    writer.uint8(length)
  } else {
    writer.uint8(maxShortLength)
    writer.uint8(optionalParameter.extendedLength)
    writer.uint16(length + extendedParameterHeader)
    writer.uint8(optionalParameter.capabilities)
    writer.uint16(length)
  }
}
