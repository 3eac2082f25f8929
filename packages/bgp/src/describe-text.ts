import { isEscapedOctet } from './text.ts'

/**
 * What must not reach a terminal or a log as it is: control characters (Cc, among them NUL, ESC and line ends), format
 * characters (Cf, among them those that turn the direction of writing, or take no room), line and paragraph separators
 * (Zl, Zp), surrogates (Cs), and code points that nobody has assigned or that mean something privately (Cn, Co); and the
 * backslash, so that what is escaped cannot be mistaken for what was sent.
 */
const unsafe = /[\p{C}\p{Zl}\p{Zp}\\]/u

/** As many octets as a shutdown communication can have (RFC 9003 section 2), so that a plain one is never cut. */
const usualLimit = 255

/**
 * Text of a peer (a host name, a software version, a shutdown communication) made safe to be shown in a terminal, a log or
 * a status: what is not plainly visible is written as `\x1b` or `\u{202e}`, an octet that was no UTF-8 as `\xff`, a
 * backslash as `\\`. Longer text is cut in front of the first character that does not fit, and ends in `…`.
 */
export function describeText(text: string, limit: number = usualLimit): string {
  let shown = ''
  for (const character of text) {
    const next = unsafe.test(character) ? escaped(character) : character
    if (shown.length + next.length > limit) return `${shown}…`
    shown += next
  }
  return shown
}

function escaped(character: string): string {
  if (character === '\\') return '\\\\'
  const codePoint = character.codePointAt(0) ?? 0
  const value = isEscapedOctet(codePoint) ? codePoint - 0xdc00 : codePoint
  return value < 0x100 ? `\\x${value.toString(16).padStart(2, '0')}` : `\\u{${value.toString(16)}}`
}
