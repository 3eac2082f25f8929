/** Of detection times in milliseconds. */
export interface Distribution {
  readonly count: number
  readonly min: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** By the nearest rank: a value that was measured. */
export function distributionOf(values: readonly number[]): Distribution {
  const sorted = [...values].sort((one, other) => one - other)
  const rank = (percent: number): number =>
    sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN
  return { count: sorted.length, min: rank(0), p50: rank(50), p99: rank(99), max: rank(100) }
}
