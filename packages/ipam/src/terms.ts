import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'

/** Sharing key, selector and ports are as long as their writer wants: what is kept of them is not. */
const longestKept = 64

/**
 * Terms as they are kept and compared: the text itself, which a person can read, where it is short, else its SHA-256. They only tell
 * who has changed; whether two Services may share is judged by what they say themselves. Terms that an older version kept whole
 * are the same after this.
 */
export const keptTerms = (text: string): string =>
  text.length <= longestKept ? text : `sha256:${bytesToHex(sha256(utf8ToBytes(text)))}`
