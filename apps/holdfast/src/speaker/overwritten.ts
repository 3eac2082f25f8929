import { isDeepStrictEqual } from 'node:util'
import type { Fields } from '../kubernetes/fields-at.ts'
import { isFields } from '../kubernetes/fields-at.ts'

/**
 * The merge patch (RFC 7396) that takes out of `seen` what is not `wanted`; undefined: there is nothing. A server-side apply takes back
 * what others wrote over our fields, and leaves what they added. What is wanted and not there is none of it: a server whose schema is
 * older than we are would drop it again.
 */
export function correctionOf(seen: Fields, wanted: Fields): Fields | undefined {
  const patch: Record<string, unknown> = {}
  for (const [field, value] of Object.entries(seen)) {
    const ours = wanted[field]
    if (ours === undefined) patch[field] = null
    else if (isFields(value) && isFields(ours)) {
      const inner = correctionOf(value, ours)
      if (inner !== undefined) patch[field] = inner
    } else if (!isSame(value, ours)) patch[field] = ours
  }
  return Object.keys(patch).length === 0 ? undefined : patch
}

/** Of a list with keys the server may keep another order. */
function isSame(seen: unknown, ours: unknown): boolean {
  if (!Array.isArray(seen) || !Array.isArray(ours)) return isDeepStrictEqual(seen, ours)
  const items: readonly unknown[] = seen
  return (
    items.length === ours.length &&
    ours.every((one, at) => isDeepStrictEqual(one, items[at]) || items.some((other) => isDeepStrictEqual(one, other)))
  )
}
