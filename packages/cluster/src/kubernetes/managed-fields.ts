const field = ',"managedFields":'
const [quote, backslash] = [0x22, 0x5c]
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d]

/**
 * The text of an object of JSON that stands between two places of `bytes`, without its field managedFields; undefined: it has none, or does not
 * end there. Between the texts of JSON no such name can begin, and within one its first quotation mark would have a backslash before it.
 */
export function withoutManagedFields(bytes: Buffer, start: number, end: number): string | undefined {
  const within = bytes.subarray(start, end).indexOf(field)
  if (within < 0) return undefined
  const at = start + within
  const after = endOfValue(bytes, at + field.length, end)
  return after === undefined ? undefined : bytes.toString('utf8', start, at) + bytes.toString('utf8', after, end)
}

/** Where the list or object ends that begins there; undefined: not before `end`. */
function endOfValue(bytes: Buffer, start: number, end: number): number | undefined {
  let depth = 0
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at]
    if (byte === quote) at = endOfText(bytes, at, end)
    else if (byte === openBrace || byte === openBracket) depth += 1
    else if (byte === closeBrace || byte === closeBracket) depth -= 1
    if (depth === 0) return at + 1
  }
  return undefined
}

/** The closing quotation mark of the text that begins there. */
function endOfText(bytes: Buffer, start: number, end: number): number {
  let at = start + 1
  for (; at < end && bytes[at] !== quote; at += 1) if (bytes[at] === backslash) at += 1
  return at
}
