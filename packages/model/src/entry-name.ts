import type { Range } from '@holdfast/ip'
import { formatPrefix, formatRange, rangeToPrefixes } from '@holdfast/ip'

/** An entry of a pool as a person would write it: a CIDR where it is one. */
export function entryName(range: Range): string {
  const [only, ...more] = rangeToPrefixes(range)
  return only !== undefined && more.length === 0 ? formatPrefix(only) : formatRange(range)
}
