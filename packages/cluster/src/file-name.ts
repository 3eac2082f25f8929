import { createHash } from 'node:crypto'

const maxBytes = 180

/**
 * A name as one component of a path: letters, digits, "-", "_" and "." stay, all else becomes %XX, so that no name leads out
 * of its directory or hides a file, and different names give different files. A very long one is cut and gets a hash.
 */
export function fileNameOf(name: string): string {
  const encoded = [...Buffer.from(name, 'utf8')].map((byte, index) => encodeByte(byte, index)).join('')
  if (encoded === '') return '%'
  if (encoded.length <= maxBytes) return encoded
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 16)
  return `${encoded.slice(0, maxBytes - 20)}%-${hash}`
}

function encodeByte(byte: number, index: number): string {
  const character = String.fromCharCode(byte)
  const isPlain = /[A-Za-z0-9_.-]/.test(character) && !(index === 0 && character === '.')
  return isPlain ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
}
