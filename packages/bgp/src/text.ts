/**
 * Text of a peer, which says UTF-8 and may be anything. Octets that are no UTF-8 become lone surrogates (U+DC80 to
 * U+DCFF for 0x80 to 0xff), which text cannot contain otherwise: so nothing is lost, and the same octets come out again.
 */

const firstEscape = 0xdc80
const lastEscape = 0xdcff
const replacement = '\ufffd'

/** How a sequence begins: the bits that tell, its length, and the least code point that needs that length. */
const leads = [
  { mask: 0xe0, bits: 0xc0, length: 2, least: 0x80 },
  { mask: 0xf0, bits: 0xe0, length: 3, least: 0x800 },
  { mask: 0xf8, bits: 0xf0, length: 4, least: 0x10000 },
] as const

/** Reads text from octets. */
export function textFromBytes(bytes: Uint8Array): string {
  let text = ''
  let offset = 0
  while (offset < bytes.length) {
    const [codePoint, length] = codePointAt(bytes, offset)
    text += String.fromCodePoint(codePoint)
    offset += length
  }
  return text
}

/** The code point at an offset and how many octets it has; one octet and its escape where it is no UTF-8. */
function codePointAt(bytes: Uint8Array, offset: number): readonly [codePoint: number, length: number] {
  const first = bytes[offset] ?? 0
  if (first < 0x80) return [first, 1]
  const lead = leads.find(({ mask, bits }) => (first & mask) === bits)
  const codePoint = lead === undefined ? undefined : sequenceAt(bytes, offset, lead.length)
  if (lead === undefined || codePoint === undefined || codePoint < lead.least || !isScalar(codePoint)) {
    return [0xdc00 + first, 1]
  }
  return [codePoint, lead.length]
}

/** The bits of a sequence of so many octets; undefined where one of them does not continue it. */
function sequenceAt(bytes: Uint8Array, offset: number, length: number): number | undefined {
  let codePoint = (bytes[offset] ?? 0) & (0x7f >> length)
  for (let index = 1; index < length; index += 1) {
    const octet = bytes[offset + index] ?? 0
    if ((octet & 0xc0) !== 0x80) return undefined
    codePoint = codePoint * 64 + (octet & 0x3f)
  }
  return codePoint
}

const isSurrogate = (codePoint: number): boolean => codePoint >= 0xd800 && codePoint <= 0xdfff

const isScalar = (codePoint: number): boolean => codePoint <= 0x10ffff && !isSurrogate(codePoint)

/** Whether a code point stands for an octet that was no UTF-8. */
export const isEscapedOctet = (codePoint: number): boolean => codePoint >= firstEscape && codePoint <= lastEscape

/** Writes text as octets, at most so many of them: it ends in front of the first character that does not fit whole. */
export function bytesFromText(text: string, most: number): Uint8Array {
  const octets: number[] = []
  for (const character of text) {
    const encoded = octetsOf(character)
    if (octets.length + encoded.length > most) break
    octets.push(...encoded)
  }
  return Uint8Array.from(octets)
}

function octetsOf(character: string): readonly number[] {
  const codePoint = character.codePointAt(0) ?? 0
  if (codePoint < 0x80) return [codePoint]
  if (isEscapedOctet(codePoint)) return [codePoint - 0xdc00]
  if (isSurrogate(codePoint)) return octetsOf(replacement)
  if (codePoint < 0x800) return [0xc0 | (codePoint >> 6), tail(codePoint)]
  if (codePoint < 0x10000) return [0xe0 | (codePoint >> 12), tail(codePoint >> 6), tail(codePoint)]
  return [0xf0 | (codePoint >> 18), tail(codePoint >> 12), tail(codePoint >> 6), tail(codePoint)]
}

const tail = (bits: number): number => 0x80 | (bits & 0x3f)
