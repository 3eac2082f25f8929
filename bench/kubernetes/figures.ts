/** One figure of one run. Rows of the report have its title, which names the unit; their order is that in which titles first come. */
export interface Figure {
  readonly title: string
  readonly value: number
  readonly digits: number
}

/** What a scenario hands back. */
export type Figures = readonly Figure[]

export const figure = (title: string, value: number, digits = 0): Figure => ({ title, value, digits })

/** 50th and 99th percentile (nearest rank) of times in milliseconds. */
export function percentiles(title: string, times: readonly number[]): Figures {
  const sorted = [...times].sort((a, b) => a - b)
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
  return [figure(`${title}, p50, ms`, at(0.5), 1), figure(`${title}, p99, ms`, at(0.99), 1)]
}

/** IPv4 in text, from a number. */
export const addressText = (value: number): string =>
  [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255].join('.')
