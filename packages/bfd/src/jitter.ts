/** A draw from a session's own sequence: a factor for the transmit interval, and the state that the next draw starts from. */
export interface Draw {
  readonly factor: number
  readonly state: number
}

const leastJitter = 0.75

/**
 * RFC 5880 section 6.8.7: each interval is shortened by up to a quarter; with a Detect Mult of 1 by at least a tenth, since
 * then a single late packet is a failure. Mulberry32: a Weyl sequence, mixed. Not for secrets.
 */
export function drawJitter(before: number, detectMultiplier: number): Draw {
  const state = (before + 0x6d2b79f5) >>> 0
  let mixed = Math.imul(state ^ (state >>> 15), state | 1)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
  const uniform = ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  const most = detectMultiplier === 1 ? 0.9 : 1
  return { factor: leastJitter + (most - leastJitter) * uniform, state }
}
