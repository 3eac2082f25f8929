/** RFC 4271 section 10: timers are shortened by up to a quarter, so that speakers do not act in step. */
const leastJitter = 0.75

/** A draw from a peer's own sequence: a factor from 0.75 up to 1, and the state that the next draw starts from. */
export interface Draw {
  readonly factor: number
  readonly state: number
}

/** The 32-bit generator known as mulberry32: a Weyl sequence, mixed. Not for secrets. */
export function drawJitter(before: number): Draw {
  const state = (before + 0x6d2b79f5) >>> 0
  let mixed = Math.imul(state ^ (state >>> 15), state | 1)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
  const uniform = ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  return { factor: leastJitter + (1 - leastJitter) * uniform, state }
}
