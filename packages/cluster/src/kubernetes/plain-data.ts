/** JSON as it came: objects, lists, texts, numbers, booleans, null. */
export type Fields = Readonly<Record<string, unknown>>

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Whether two values of JSON are equal in depth; a field that is undefined is not there. */
export function equalData(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (Array.isArray(a)) return Array.isArray(b) && equalLists(a, b)
  return isFields(a) && isFields(b) && equalFields(a, b)
}

const equalLists = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((item, index) => equalData(item, b[index]))

function equalFields(a: Fields, b: Fields): boolean {
  for (const field in a) if (!equalData(a[field], b[field])) return false
  for (const field in b) if (b[field] !== undefined && a[field] === undefined) return false
  return true
}

/** A copy that shares nothing with `value`, without the fields that are undefined: as if it had been sent as JSON. */
function copyData(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => copyData(item) ?? null)
  return isFields(value) ? copyFields(value) : value
}

export function copyFields(value: Fields): Fields {
  const copy: Record<string, unknown> = {}
  for (const field in value) {
    const content = value[field]
    if (content !== undefined) copy[field] = copyData(content)
  }
  return copy
}

/** JSON merge patch (RFC 7396, section 2). */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch
  const merged: Record<string, unknown> = isFields(target) ? { ...target } : {}
  for (const field in patch) {
    const content = patch[field]
    if (content === null) Reflect.deleteProperty(merged, field)
    else if (content !== undefined) merged[field] = mergePatch(merged[field], content)
  }
  return merged
}

/** The fields but these. */
export const withoutFields = (fields: Fields, ...names: readonly string[]): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)))
