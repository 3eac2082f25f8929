import type { FieldPath } from './types.ts'

/** A path as a person writes it: `spec.addresses[0]`, `metadata.labels["a.b/c"]`; empty for the whole object. */
export function formatPath(path: FieldPath): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(step)) text += text === '' ? step : `.${step}`
    else text += `["${step}"]`
  }
  return text
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What lies at a path, undefined where it leads nowhere. */
export function valueAt(value: unknown, path: FieldPath): unknown {
  let current = value
  for (const step of path) {
    if (typeof step === 'number') current = Array.isArray(current) ? (current as readonly unknown[])[step] : undefined
    else current = isRecord(current) ? current[step] : undefined
  }
  return current
}

/** The type of a JSON value in words, with its article. */
export function typeInWords(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (isRecord(value)) return 'a mapping'
  return `a ${typeof value}`
}

const longest = 200

/** A value as JSON, cut to 200 characters; undefined for a missing one. */
export function renderValue(value: unknown): string | undefined {
  if (value === undefined) return undefined
  const text = JSON.stringify(value)
  // The API server would change half of a character, and then say something else than what was written.
  return text.length <= longest ? text : `${text.slice(0, longest - 1).toWellFormed()}…`
}

/**
 * A copy without the object fields that are null: the API server drops them too, so that `autoAssign:` with nothing
 * behind it means the same as no such line. Elements of lists are kept, where null is a mistake.
 */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return (value as readonly unknown[]).map(withoutNulls)
  if (!isRecord(value)) return value
  const entries = Object.entries(value).filter(([, field]) => field !== null)
  return Object.fromEntries(entries.map(([key, field]) => [key, withoutNulls(field)]))
}
