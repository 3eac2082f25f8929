/** Splits a stream of octets into lines. */
export interface LineSplitter {
  /** Calls `line` for each line that is whole now. False: a line is longer than allowed, and nothing more is taken. */
  readonly push: (chunk: Buffer) => boolean
  /** True where octets wait for the end of their line. */
  readonly isWithinLine: () => boolean
}

const lineFeed = 0x0a

/**
 * Lines are split as octets and decoded whole, so that a character may be cut by a chunk's border. Empty lines are skipped.
 * @param isWanted asked before each line: false, and the rest is dropped
 */
export function createLineSplitter(
  maxLineBytes: number,
  line: (text: string) => void,
  isWanted: () => boolean = () => true,
): LineSplitter {
  let pending: Buffer[] = []
  let pendingBytes = 0

  const emit = (end: Buffer): boolean => {
    if (pendingBytes + end.length > maxLineBytes) return false
    const whole = pendingBytes === 0 ? end : Buffer.concat([...pending, end], pendingBytes + end.length)
    pending = []
    pendingBytes = 0
    const text = whole.toString('utf8')
    if (text.trim() !== '') line(text)
    return true
  }
  const hold = (rest: Buffer): boolean => {
    if (rest.length === 0) return true
    pending.push(rest)
    pendingBytes += rest.length
    return pendingBytes <= maxLineBytes
  }
  const push = (chunk: Buffer): boolean => {
    let from = 0
    for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, from)) {
      if (!isWanted()) return true
      if (!emit(chunk.subarray(from, at))) return false
      from = at + 1
    }
    return hold(chunk.subarray(from))
  }
  return { push, isWithinLine: () => pendingBytes > 0 }
}
