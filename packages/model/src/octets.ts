/** What TCP MD5 and TCP-AO of Linux take as a key (TCP_MD5SIG_MAXKEYLEN, TCP_AO_MAXKEYLEN). */
export const mostKeyOctets = 80

/** How many octets a text has in UTF-8. */
export function octetsOf(text: string): number {
  let octets = 0
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0
    octets += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4
  }
  return octets
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** The text that base64 (RFC 4648 section 4) holds as UTF-8; undefined where it is not base64, or holds other octets. */
export function textOfBase64(base64: string): { readonly text: string } | { readonly obstacle: string } {
  const compact = base64.replace(/[\r\n]/g, '')
  if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) return { obstacle: 'is not base64' }
  let [escaped, bits, kept] = ['', 0, 0]
  for (const digit of compact.replace(/=+$/, '')) {
    bits = ((bits << 6) | alphabet.indexOf(digit)) & 0xffff
    kept += 6
    if (kept < 8) continue
    kept -= 8
    escaped += `%${((bits >> kept) & 0xff).toString(16).padStart(2, '0')}`
  }
  try {
    return { text: decodeURIComponent(escaped) }
  } catch {
    return { obstacle: 'is not UTF-8 text' }
  }
}
